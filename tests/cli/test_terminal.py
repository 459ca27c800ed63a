"""What `cor` asks and shows on a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import subprocess
import termios
from pathlib import Path

import pytest
from cli.world import world

QUESTION = "Type yes to delete it:"
LARGE = "This sync would change 12 of the 12 projects that the state knows;"


def on_a_terminal(command: list[str], environment: dict[str, str], question: str, answer: str) -> tuple[int, str]:
    """Runs a command on a terminal of its own, answers one question, and returns exit status and what it showed."""
    ours, its = pty.openpty()

    def take_terminal() -> None:
        # Only then does Ctrl-C reach the command as a signal.
        fcntl.ioctl(its, termios.TIOCSCTTY, 0)

    process = subprocess.Popen(
        command,
        env=environment,
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
        preexec_fn=take_terminal,
    )
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


@pytest.mark.parametrize(
    ("answer", "status", "says", "sent"),
    [
        ("yes\n", 0, "applied", 12),
        ("no\n", 1, "nothing was sent, because you did not answer yes to changing 12 of 12 projects", 0),
        ("\x04", 1, "nothing was sent, because you did not answer yes", 0),
        ("\x03", 130, "stopped by SIGINT", 0),
    ],
    ids=["yes", "no", "end of input", "Ctrl-C"],
)
def test_sync_asks_before_it_changes_most_of_the_known_projects(
    cor: Path, tmp_path: Path, answer: str, status: int, says: str, sent: int
) -> None:
    ids = [f"P-{n}" for n in range(12)]
    with world(cor, tmp_path / "world", ids) as w:
        source = w.sandbox.stored()["P-0"]["source"]
        table = tmp_path / "table.csv"
        command = [str(cor), "projects", "sync", str(table), "--source", source, "--state", str(tmp_path / "sync.db")]

        def rename(name: str) -> None:
            table.write_text("id,name\n" + "".join(f"{id},{name}\n" for id in ids), encoding="utf-8")

        # A script is not asked, nor is a person who passes --yes.
        for name, more in (("first", []), ("second", []), ("third", ["--yes"])):
            rename(name)
            run = subprocess.run(
                [*command, *more], env=w.sandbox.environment, capture_output=True, text=True, check=False
            )
            assert run.returncode == 0, run.stderr
        before = len(w.requests())
        rename("fourth")
        code, shown = on_a_terminal(command, w.sandbox.environment, LARGE, answer)
        assert code == status, shown
        assert says in shown
        assert len(w.requests()) - before == sent
