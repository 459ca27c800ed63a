"""The shell commands on the pages of the documentation, run as a reader runs them, with the program just built.

The blocks of a page run in their order, in one shell and one empty folder. Commands that build or install are left to
the other suites. `cor sandbox` runs beside the others, on a free port instead of the usual one.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from harness import ROOT
from harness.docs import blocks, pages_with

LEFT_OUT = ("git clone ", "make ", "cargo ", "python3 -m venv ", ". .venv/", "cc ", "c++ ")

PRINTED = {
    "README.md": ["2025-04-30", "not applied             1", "  drifted                          0"],
    "docs/quickstart/shell.md": [
        "2025-04-30",
        "status=1",
        "not used: owner",
        "! SF-OPP-99999 (line 3, refused by COR before)",
        "of them created           1",
        "unchanged                 1",
        "Created SF-OPP-77777",
        "Deleted SF-OPP-77777",
    ],
    "docs/quickstart/python.md": [],
    "docs/quickstart/c.md": [],
    "docs/quickstart/cpp.md": [],
    "docs/guides/tables-and-mappings.md": [
        "mapped 4 of 6 columns to COR fields",
        'days like "03/04/2025" (2 cells) can be read in 2 formats',
        "day as %d/%m/%Y",
        "day as %d-%m-%y",
        "Every row is valid",
        "applied                 1",
    ],
    "docs/guides/sync.md": ["unchanged               1", "2025-05-31", "2025-06-30"],
    "docs/guides/drift.md": [
        "No drift",
        "status=0",
        'end  "2025-05-31" → "2025-06-30"',
        "Drift: 1 project changed, 0 gone",
        "status=1",
        "in 1 project, fields that were changed in COR stay as they are (--keep-remote)",
        "applied                 1",
        "COR's internal id 155693",
        "Project 155693",
        "1 project\n",
    ],
    "docs/guides/errors-and-retries.md": [
        "Updated SF-OPP-12345 of SALESFORCE",
        "end             2025-05-03",
        "status=0",
    ],
    "docs/guides/credentials-and-network.md": ["status=0"],
    "docs/guides/schedulers.md": ["applied                 1", "status=0"],
    "docs/guides/singer.md": ["SF-OPP-99999"],
    "docs/guides/sandbox.md": ["in_progress"],
    "docs/reference/program.md": [],
}
"""What the commands of each page print, among other things."""


@dataclass
class Session:
    """What the commands of a page printed, and the folder in which they ran."""

    output: str
    folder: Path

    def file(self, name: str) -> bytes:
        path = self.folder / name
        assert path.exists(), f"the commands wrote no {name}:\n{self.output}"
        return path.read_bytes()


@contextmanager
def server(command: str, folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """Runs `cor sandbox` on a free port; gives its address."""
    words = shlex.split(command, comments=True)
    port = [] if "--port" in words else ["--port", "0"]
    running = subprocess.Popen([*words, *port], stdout=subprocess.PIPE, text=True, env=environment, cwd=folder)
    try:
        assert running.stdout
        line = running.stdout.readline()
        address = re.search(r"http://[\w.:]+", line)
        assert address, f"{command} printed: {line!r}"
        yield address[0]
    finally:
        running.terminate()
        running.communicate()


def run(page: str, cor: Path, folder: Path) -> Session:
    (folder / "cor").symlink_to(cor)
    environment = os.environ | {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "XDG_STATE_HOME": f"{folder}/state",
        "XDG_CONFIG_HOME": f"{folder}/config",
        # An editor that saves an empty file.
        "EDITOR": "touch",
    }
    found = [block for block in blocks(page, "sh") if not block.startswith(LEFT_OUT)]
    servers = [line for block in found if block.startswith("cor sandbox") for line in block.splitlines()]
    commands = [block for block in found if not block.startswith("cor sandbox")]
    # -e is not set: some pages say of a command that its exit status is 1.
    script = "".join(f"{block}\necho status=$?\n" for block in commands)

    def shell(address: str) -> str:
        done = subprocess.run(
            ["bash", "-c", script.replace("http://127.0.0.1:4010", address)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
            cwd=folder,
            timeout=600,
            check=False,
        )
        return done.stdout

    if not servers:
        return Session(shell("http://127.0.0.1:4010"), folder)
    with server(servers[0], folder, environment) as address:
        output = shell(address)
    for command in servers[1:]:
        with server(command, folder, environment):
            pass
    return Session(output, folder)


@pytest.fixture(scope="module")
def sessions(cor: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Session]:
    return {page: run(page, cor, tmp_path_factory.mktemp(Path(page).stem)) for page in PRINTED}


def test_every_page_with_commands_is_run() -> None:
    assert set(PRINTED) == set(pages_with("sh"))


@pytest.mark.parametrize(("page", "text"), [(page, text) for page, texts in PRINTED.items() for text in texts])
def test_commands_print_what_the_page_says(sessions: dict[str, Session], page: str, text: str) -> None:
    assert text in sessions[page].output


@pytest.mark.parametrize("page", PRINTED)
def test_commands_of_a_page_are_found(sessions: dict[str, Session], page: str) -> None:
    assert "command not found" not in sessions[page].output.replace("curl: command not found", "")


def test_readme_writes_the_rejected_row_with_its_reason(sessions: dict[str, Session]) -> None:
    assert "SF-OPP-99999,Unknown,,3,not_applied," in sessions["README.md"].file("rejects.csv").decode()


def test_shell_quick_start_writes_rejected_rows_and_a_report(sessions: dict[str, Session]) -> None:
    session = sessions["docs/quickstart/shell.md"]
    assert "SF-OPP-99999,Unknown,,,Lee,3,not_applied," in session.file("rejects.csv").decode()
    assert session.file("report.html")


def test_singer_guide_writes_the_state_of_the_tap_and_the_rejected_record(sessions: dict[str, Session]) -> None:
    session = sessions["docs/guides/singer.md"]
    assert json.loads(session.file("state.json")) == {"deals": 2}
    assert b"SF-OPP-99999" in session.file("rejected.jsonl")


def test_configuration_file_is_readable_by_its_owner_alone(sessions: dict[str, Session]) -> None:
    path = sessions["docs/guides/credentials-and-network.md"].folder / "config" / "cor" / "config.toml"
    assert path.stat().st_mode & 0o777 == 0o600


def test_schema_command_writes_the_committed_schema(sessions: dict[str, Session]) -> None:
    written = sessions["docs/reference/program.md"].file("update.schema.json")
    assert written == (ROOT / "schema" / "update.json").read_bytes()


def test_readme_shows_what_the_demo_prints(cor: Path) -> None:
    printed = subprocess.run([cor, "demo"], stdout=subprocess.PIPE, text=True, encoding="utf-8", check=True).stdout
    picture, _ = blocks("README.md", "text")
    assert set(picture.splitlines()) <= set(printed.splitlines())
