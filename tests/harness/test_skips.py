"""The count of skips: each is recorded with its reason, and in CI a missing tool fails the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import ROOT, skips

MISSING = "needs the program surely-not-installed"
SUITE = """
import pytest
from harness import skips
def test_tool():
    if reason := skips.missing_tool("surely-not-installed"):
        pytest.skip(reason)
@pytest.mark.skip(reason="needs ../shared/table.csv")
def test_table(): pass
def test_passes(): pass
"""


def run(folder: Path, **environment: str) -> tuple[int, list[str]]:
    """Runs a suite that skips; returns pytest's exit status and the lines of the summary."""
    suite, skipped = folder / "test_suite.py", folder / "skipped.txt"
    suite.write_text(SUITE)
    inherited = {name: value for name, value in os.environ.items() if name != "CI" and "PYTEST" not in name}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "conftest", f"--rootdir={folder}", str(suite)]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT / "tests"), "PROJECTCOR_SKIPPED": str(skipped), **environment},
        check=False,
        timeout=300,
    )
    return done.returncode, skips.summary(skipped)


def test_missing_tool_and_file_are_skipped_and_named(tmp_path: Path) -> None:
    status, lines = run(tmp_path)
    assert status == 0
    assert [line.split("because: ")[1] for line in lines] == [MISSING, "needs ../shared/table.csv"]


def test_missing_tool_fails_in_ci(tmp_path: Path) -> None:
    status, lines = run(tmp_path, CI="true")
    assert status == 1
    assert [line.split("because: ")[1] for line in lines] == ["needs ../shared/table.csv"]


@pytest.mark.parametrize("value", ["", "0", "false"])
def test_ci_that_is_off_fails_nothing(tmp_path: Path, value: str) -> None:
    assert run(tmp_path, CI=value)[0] == 0


def test_summary_adds_up_what_is_skipped_for_one_reason(tmp_path: Path) -> None:
    file = tmp_path / "skipped.txt"
    assert skips.summary(file) == ["skipped: none"]
    file.write_text("1\tc\tneeds clang\n2\tc\tneeds clang\n1\tcli\tneeds clang\n")
    assert skips.summary(file) == [
        "skipped: 3 tests of c, because: needs clang",
        "skipped: 1 test of cli, because: needs clang",
    ]
