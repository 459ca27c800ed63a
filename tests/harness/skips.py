"""Counts what is skipped, so that nothing passes silently because a file or a tool is missing.

Every suite appends to the file that the environment variable PROJECTCOR_SKIPPED names: one line per skip, with the
number of tests, the suite and the reason, separated by tabs. `make test` empties the file first and prints it last:

    python3 tests/harness/skips.py FILE

Where CI is set, a skip is an error unless its reason is in MAY_BE_ABSENT: CI installs every tool.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections import Counter
from pathlib import Path

MAY_BE_ABSENT = (
    "needs ../shared",
    "needs LibreOffice",
    "needs Unix",
    "needs a network",
    "needs to mount",
    "needs Python 3.",
    "needs the machine on which counts were recorded",
)
"""How the reasons begin that hold in CI too: what no package installs. An old Python is tested as well."""


def in_ci() -> bool:
    return os.environ.get("CI", "") not in ("", "0", "false")


def is_error(reason: str) -> bool:
    """Whether skipping for this reason must fail. PROJECTCOR_MAY_SKIP adds one beginning to those that are allowed."""
    allowed = (*MAY_BE_ABSENT, *filter(None, [os.environ.get("PROJECTCOR_MAY_SKIP")]))
    return in_ci() and not reason.startswith(allowed)


def record(suite: str, reason: str, tests: int = 1) -> None:
    """Appends to the file of skips, where there is one. One write, so that lines of two processes do not mix."""
    path = os.environ.get("PROJECTCOR_SKIPPED")
    if path:
        line = f"{tests}\t{suite}\t{' '.join(reason.split())}\n"
        with open(path, "ab", buffering=0) as file:
            file.write(line.encode())


def missing_tool(*names: str) -> str | None:
    """The reason for which a test that needs these programs must be skipped, or None where all are there."""
    missing = [name for name in names if shutil.which(name) is None]
    return f"needs the program {' and '.join(missing)}" if missing else None


def summary(path: Path) -> list[str]:
    """A line per suite and reason, the largest number first."""
    counts: Counter[tuple[str, str]] = Counter()
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        tests, suite, reason = line.split("\t", 2)
        counts[suite, reason] += int(tests)
    if not counts:
        return ["skipped: none"]
    return [
        f"skipped: {tests} test{'s' if tests > 1 else ''} of {suite}, because: {reason}"
        for (suite, reason), tests in counts.most_common()
    ]


if __name__ == "__main__":
    print("\n".join(summary(Path(sys.argv[1]))))
