"""The README's shell commands, run as a reader runs them, with the program that was just built.

Commands that build or install are left to the other suites. `cor sandbox` runs beside the others, on a free port in
place of the usual one.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness import ROOT

LEFT_OUT = ("make ", "tap-", "cargo install", "pip ", "cmake ", "cc ", "c++ ", "python")


def shell_blocks() -> list[str]:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return [block for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S) if not block.startswith(LEFT_OUT)]


@dataclass
class Session:
    """What the commands printed, and the folder in which they ran."""

    output: str
    folder: Path

    def file(self, name: str) -> bytes:
        path = self.folder / name
        assert path.exists(), f"the commands wrote no {name}:\n{self.output}"
        return path.read_bytes()


@pytest.fixture(scope="module")
def session(cor: Path, tmp_path_factory: pytest.TempPathFactory) -> Session:
    folder = tmp_path_factory.mktemp("readme")
    found = shell_blocks()
    servers = [block for block in found if block.startswith("cor sandbox")]
    commands = [block for block in found if not block.startswith("cor sandbox")]
    assert servers, "the README no longer starts a sandbox"
    assert len(commands) >= 2, "the README's shell section no longer holds its commands"
    (folder / "cor").symlink_to(cor)
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "XDG_STATE_HOME": f"{folder}/state"}
    server = subprocess.Popen(
        [*servers[0].split(), "--port", "0"], stdout=subprocess.PIPE, text=True, env=environment, cwd=folder
    )
    try:
        assert server.stdout
        address = re.search(r"http://\S+", server.stdout.readline())
        assert address
        # -e is not set: the README says of one command that its exit status is 1.
        script = "".join(f"{block}\necho status=$?\n" for block in commands)
        done = subprocess.run(
            ["bash", "-c", script.replace("http://127.0.0.1:4010", address[0])],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            cwd=folder,
            timeout=60,
            check=False,
        )
    finally:
        server.terminate()
        server.communicate()
    return Session(done.stdout, folder)


@pytest.mark.parametrize(
    "text",
    [
        "2025-04-30",
        "status=1",
        "not used: owner",
        "day as %d-%m-%y",
        "Every row is fine",
        "+ SF-OPP-99999 (line 3, new)",
        "created                 1",
        "unchanged               1",
    ],
)
def test_commands_print_what_the_readme_shows(session: Session, text: str) -> None:
    assert text in session.output


def test_sync_writes_the_rejected_row_with_its_reason(session: Session) -> None:
    assert "SF-OPP-99999,Unknown,,,Lee,3,not_applied," in session.file("rejects.csv").decode()


def test_sync_writes_a_report(session: Session) -> None:
    assert session.file("report.html")


def test_schema_command_writes_the_committed_schema(session: Session) -> None:
    assert session.file("update.schema.json") == (ROOT / "schema" / "update.json").read_bytes()
