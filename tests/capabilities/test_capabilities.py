"""Every name in docs/reference/capabilities.md exists, and what a face offers is named there.

Runs with the installed package, which contains `cor`: `make test-python`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

import projectcor
import pytest
from capabilities import faces
from harness import ROOT

CHECKS: dict[str, Callable[[str], bool]] = {
    "Rust": faces.is_in_rust,
    "Python (`Client`)": faces.is_in_python,
    "Python (`AsyncClient`)": faces.is_in_python,
    "C": faces.is_in_c,
    "C++": faces.is_in_cpp,
    "`cor`": faces.is_in_program,
}
"""The columns, and what finds a name of each."""


class Cell(NamedTuple):
    capability: str
    face: str
    text: str

    @property
    def names(self) -> list[str]:
        return re.findall(r"`([^`]+)`", self.text)

    @property
    def note(self) -> int | None:
        match = re.search(r" \((\d+)\)$", self.text)
        return int(match[1]) if match else None


TEXT = (ROOT / "docs/reference/capabilities.md").read_text(encoding="utf-8")
LINES = [[cell.strip() for cell in line[1:-1].split("|")] for line in TEXT.splitlines() if line.startswith("|")]
CELLS = [Cell(line[0], face, text) for line in LINES[2:] for face, text in zip(LINES[0][1:], line[1:], strict=True)]
NAMES = [(cell, name) for cell in CELLS for name in cell.names]
NOTES = {int(note[1]): note[2] for note in re.finditer(r"^(\d+)\. (.*(?:\n +.*)*)", TEXT, re.M)}


def in_columns(*titles: str) -> set[str]:
    return {name for cell, name in NAMES if cell.face in titles}


def exists(cell: Cell, name: str) -> bool:
    is_async = name.startswith("Async")
    return CHECKS[cell.face](name) and is_async == (cell.face == "Python (`AsyncClient`)")


def test_has_one_column_for_each_interface() -> None:
    assert LINES[0] == ["capability", *CHECKS]


def test_has_one_row_for_each_capability() -> None:
    capabilities = [line[0] for line in LINES[2:]]
    assert len(set(capabilities)) == len(capabilities) > 0


@pytest.mark.parametrize("cell", CELLS, ids=[f"{cell.capability}, {cell.face}" for cell in CELLS])
def test_cell_names_something_or_refers_to_a_note(cell: Cell) -> None:
    assert re.fullmatch(r"– \(\d+\)|`[^`]+`(?:, `[^`]+`)*(?: \(\d+\))?", cell.text), cell.text
    assert cell.note is None or cell.note in NOTES


@pytest.mark.parametrize(("cell", "name"), NAMES, ids=[f"{cell.face}, {name}" for cell, name in NAMES])
def test_finds_the_name_and_not_a_misspelt_one(cell: Cell, name: str) -> None:
    assert exists(cell, name), f"docs/reference/capabilities.md names {name}, which {cell.face} does not have"
    misspelt = re.sub(r"\w(?=\W*$)", r"\g<0>q", name)
    assert not exists(cell, misspelt), f"the test cannot tell {misspelt} from {name}"


def test_notes_are_numbered_in_order_and_each_is_referred_to() -> None:
    assert list(NOTES) == list(range(1, len(NOTES) + 1))
    assert {cell.note for cell in CELLS} - {None} == set(NOTES)


@pytest.mark.parametrize("number", NOTES)
def test_names_in_notes_exist(number: int) -> None:
    programs = {"cor", "cor-sync", "parquet", "workbook"}
    unknown = [
        name
        for name in re.findall(r"`([^`]+)`", NOTES[number])
        if name not in programs and not any(is_there(name) for is_there in CHECKS.values())
    ]
    assert unknown == []


@pytest.mark.parametrize("kind", ["Projects", "AsyncProjects"])
def test_every_call_of_a_python_client_is_named(kind: str) -> None:
    calls = {f"{kind}.{name}" for name in dir(getattr(projectcor, kind)) if not name.startswith("_")}
    assert calls
    assert calls - in_columns("Python (`Client`)", "Python (`AsyncClient`)") == set()


def test_every_call_of_the_rust_client_is_named() -> None:
    calls = {f"cor_http::Projects::{name}" for name in faces.rust_members("cor_http", "", "Projects") - {""}}
    assert calls
    assert calls - in_columns("Rust") == set()


def test_every_call_of_the_c_client_is_named() -> None:
    named = in_columns("C")
    # Functions that take sized text or the options of one call are the same call.
    calls = {re.sub(r"(_with)?(_n)?$", "", name) for name in faces.c_functions() if name.startswith("cor_client_")}
    assert calls
    assert calls - named - {"cor_client_new", "cor_client_free", "cor_client_from_env"} == set()


def test_every_call_of_the_cpp_client_is_named() -> None:
    calls = {f"cor::Projects::{name}" for name in faces.cpp_members("Projects") - {"", "Projects"}}
    assert calls
    assert calls - in_columns("C++") == set()


@pytest.mark.parametrize("command", ["projects", "state"])
def test_every_command_about_projects_and_the_state_is_named(command: str) -> None:
    commands = {f"cor {command} {name}" for name in faces.subcommands(command)}
    assert commands
    # A command may be named with one of its options only.
    named = {" ".join(name.split()[:3]) for name in in_columns("`cor`")}
    assert commands - named == set()
