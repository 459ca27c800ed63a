"""The Python of docs/guides/dlt.md. Its blocks are of the language `py`, because tests/python has no dlt."""

from __future__ import annotations

from connectors.dlt.world import SOURCE, rejects, start
from harness.docs import blocks
from projectcor.testing import Sandbox

PAGE = "docs/guides/dlt.md"


def test_python_of_the_page_updates_the_project_and_prints_the_warning_shown() -> None:
    with Sandbox(example=True) as sandbox:
        ran = start("\n".join(blocks(PAGE, "py")), **sandbox.environment)
        output, _ = ran.communicate(timeout=120)
        assert ran.returncode == 0, output
        project = sandbox.project(SOURCE, "SF-OPP-12345")
        assert project is not None
        assert project.fields["end"] == "2025-04-30"
    assert [row["deal"] for row in rejects()] == ["SF-OPP-99999"]
    shown = " ".join(next(block for block in blocks(PAGE, "text") if "load package" in block).split())
    before, _, after = shown.partition("1733029201.5")
    assert before.strip() in output
    assert after.removeprefix(": ") in output
