"""``python -m projectcor`` and the console script ``cor``: the same program as the Rust binary of that name.

The console script ``target-cor`` is a Singer target.
"""

from __future__ import annotations

import sys


def main() -> int:
    """Runs ``cor`` with the process's arguments and returns its exit status."""
    from projectcor._native import run_program

    _let_programs_handle_ctrl_c()
    return run_program(["cor", *sys.argv[1:]])


def target() -> int:
    """Runs ``target-cor`` with the process's arguments and returns its exit status."""
    from projectcor._native import run_target

    _let_programs_handle_ctrl_c()
    return run_target(["target-cor", *sys.argv[1:]])


def _let_programs_handle_ctrl_c() -> None:
    import signal

    # Python's handler would only note Ctrl-C for later; the program takes it over where it has something to finish.
    # Another handler is somebody's who calls this from a program of theirs.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(main())
