"""What `cor` asks and shows on a terminal."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest
from cli.world import world

QUESTION = "Type yes to delete it:"


def on_a_terminal(command: list[str], environment: dict[str, str], question: str, answer: str) -> tuple[int, str]:
    """Runs a command on a terminal of its own, answers one question, and returns exit status and what it showed."""
    ours, its = pty.openpty()
    process = subprocess.Popen(command, env=environment, stdin=its, stdout=its, stderr=its)
    os.close(its)
    shown = ""
    try:
        while True:
            try:
                piece = os.read(ours, 4096)
            except OSError:  # Linux says so when the last user of the terminal has closed it.
                break
            if not piece:
                break
            before, shown = shown, shown + piece.decode()
            if question in shown and question not in before:
                os.write(ours, answer.encode())
    finally:
        os.close(ours)
    return process.wait(), shown


@pytest.mark.parametrize(
    ("answer", "status", "says", "is_left"),
    [
        ("yes\n", 0, "Deleted P-1 of CRM", False),
        ("YES\n", 0, "Deleted P-1 of CRM", False),
        ("y\n", 1, "nothing was deleted, because you did not answer yes", True),
        ("\n", 1, "nothing was deleted, because you did not answer yes", True),
        ("\x04", 1, "nothing was deleted, because you did not answer yes", True),
    ],
    ids=["yes", "upper case", "abbreviated", "empty", "end of input"],
)
def test_delete_asks_and_only_yes_deletes(
    cor: Path, tmp_path: Path, answer: str, status: int, says: str, is_left: bool
) -> None:
    with world(cor, tmp_path / "world", ["P-1"]) as w:
        source = w.sandbox.stored()["P-1"]["source"]
        says = says.replace("CRM", source)
        command = [str(cor), "projects", "delete", "P-1", "--source", source, "--no-state"]
        code, shown = on_a_terminal(command, w.sandbox.environment, QUESTION, answer)
        assert code == status, shown
        assert says in shown
        assert f"Delete project P-1 of {source} at http://127.0.0.1:" in shown
        assert ("P-1" in w.sandbox.stored()) == is_left
