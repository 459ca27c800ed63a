"""``python -m projectcor`` and the console script ``cor``: the same program as the Rust binary of that name."""

from __future__ import annotations

import sys


def main() -> int:
    """Runs the program with the process's arguments and returns its exit status."""
    import signal

    from projectcor._native import run_program

    # Python's handler would only note Ctrl-C for later; the program takes it over where it has something to finish.
    # Another handler is somebody's who calls this from a program of theirs.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    return run_program(["cor", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
