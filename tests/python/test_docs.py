"""What is shown works: docstrings, the pages of the documentation, examples."""

from __future__ import annotations

import doctest
import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import projectcor
import projectcor.testing
import pytest
from harness import ROOT
from harness.docs import blocks, pages_with
from projectcor.testing import Sandbox

MODULES = [
    "",
    "._async_client",
    "._async_reading",
    "._client",
    "._errors",
    "._fields",
    "._native",
    "._reading",
    "._results",
    "._sync",
    "._update",
    ".testing",
]


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_print_what_they_show(name: str) -> None:
    module = importlib.import_module(f"projectcor{name}")
    names = {**vars(projectcor), **vars(projectcor.testing), **vars(module)}
    finder, runner = doctest.DocTestFinder(exclude_empty=True), doctest.DocTestRunner()
    for test in finder.find(module, extraglobs=names):
        runner.run(test)
    if module is projectcor._native:
        # Classes of a compiled module are not found by themselves.
        shown = (projectcor.Project, projectcor.compare, projectcor.testing.Sandbox, projectcor.testing.Answer)
        for thing in shown:
            name = thing.__name__
            (test,) = [t for t in finder.find(thing, name, module, extraglobs=names) if t.name == name]
            runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


def public(cls: type) -> list[Any]:
    return [getattr(cls, name) for name in dir(cls) if not name.startswith("_")]


def test_everything_public_is_documented() -> None:
    from projectcor._errors import CorError

    for namespace in (projectcor, projectcor.testing):
        assert namespace.__doc__
        for name in namespace.__all__:
            thing = getattr(namespace, name)
            if not isinstance(thing, type) or issubclass(thing, (CorError, dict)):
                continue
            assert thing.__doc__, name
            own = [member for member in vars(thing) if not member.startswith("_")]
            for member in own:
                if callable(getattr(thing, member)) and not issubclass(thing, (str, int)):
                    assert getattr(thing, member).__doc__, f"{name}.{member}"


def run(command: list[str], cor: Sandbox, **more: Any) -> str:
    ended: subprocess.CompletedProcess[str] = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, **cor.environment, "PYTHONIOENCODING": "utf-8"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=60,
        check=False,
        **more,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


PRINTED = {
    "README.md": ["155693 2025-04-30"],
    "docs/quickstart/python.md": [
        "155693 2025-04-30",
        "SF-OPP-12345 updated",
        "SF-OPP-99999 project_not_found",
        "False 1 [('SF-OPP-99999', 'project_not_found')]",
        "SF-OPP-12345 index 1: estimated:",
        "+ SF-OPP-12345  (index 0, not in the state)\n    estimated_time  250\n",
        "\n1 [('SF-OPP-99999', 'project_not_found')]",
        "Website Redesign",
        "name equal None\nclient_id not_comparable external_id\n155693 Phase 2 ",
        "0 updated",
        "1 project_not_found",
    ],
    "docs/guides/credentials-and-network.md": ["Phase 2", "accepted"],
    "docs/guides/errors-and-retries.md": ["no such project: not_applied 404"],
    "docs/guides/sandbox.md": ["After [503, 200]"],
}
"""What the Python blocks of each page print, among other things."""

CONNECTORS = {"docs/guides/spark.md"}
"""Pages whose Python needs the environment of a connector: tests/connectors runs it."""


def test_every_page_with_python_is_run() -> None:
    assert set(PRINTED) | CONNECTORS == set(pages_with("python"))


@pytest.mark.parametrize("page", PRINTED)
def test_python_of_a_page_prints_what_it_says(
    cor: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    out = run(["-c", "\n".join(blocks(page, "python"))], cor, cwd=tmp_path)
    for text in PRINTED[page]:
        assert text in out


def test_update_script_prints_projects_and_errors(cor: Sandbox) -> None:
    out = run([str(ROOT / "examples/python/update.py")], cor)
    assert "COR's internal id is 155693, the end is 2025-04-30, 18000.10 is estimated" in out
    assert "SF-OPP-99999: could not update project" in out
    assert 'SF-OPP-12345: index 2: estimated: the text "18,000" has the wrong type' in out
    assert "Summary(read=3, applied=1, rejected=1, failed=1, not_started=0)" in out


def test_async_script_prints_every_row(cor: Sandbox) -> None:
    out = run([str(ROOT / "examples/python/update_async.py")], cor)
    assert [line for line in out.splitlines() if line.startswith("row")] == [
        "row 0: 10 hours",
        "row 1: 20 hours",
        "row 2: 30 hours",
    ]


def test_dataframe_script_updates_and_reports(cor: Sandbox) -> None:
    pytest.importorskip("pandas")
    out = run([str(ROOT / "examples/python/dataframe.py")], cor)
    assert "Summary(read=2, applied=1, rejected=0, failed=1, not_started=0)" in out
    assert "SF-OPP-99999" in out
    stored = cor.project("SALESFORCE", "SF-OPP-12345")
    assert stored is not None
    assert str(stored.fields["estimated"]) == "18000.1"


def test_notebook_plans_and_sends_as_a_script(cor: Sandbox) -> None:
    pytest.importorskip("pandas")
    out = run([str(ROOT / "examples/python/notebook.py")], cor)
    assert out.endswith("{'SF-0': '60.0', 'SF-1': '40.0', 'SF-2': '75.5', 'SF-3': '40'}\n")
