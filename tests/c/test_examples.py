"""The programs of examples/c and examples/cpp."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from c.toolchain import Toolchain


def build(toolchain: Toolchain, language: str, name: str) -> Path:
    std, compiler = ("c11", "gcc") if language == "c" else ("c++17", "g++")
    source = toolchain.compile(f"examples/{language}/{name}.{language}", std)
    return toolchain.link(compiler, [source], toolchain.libraries("shared"))


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_update_example_changes_a_project_and_reports_an_unknown_one(
    toolchain: Toolchain, user_environment: dict[str, str], language: str
) -> None:
    program = build(toolchain, language, "update")

    def update(id: str, name: str) -> subprocess.CompletedProcess[str]:
        command = [str(program), id, "SALESFORCE", name]
        return subprocess.run(command, env=user_environment, capture_output=True, text=True, check=False, timeout=120)

    changed = update("SF-OPP-12345", "Website, phase 2")
    assert changed.returncode == 0, changed.stderr
    assert '"name":"Website, phase 2"' in changed.stdout
    refused = update("nobody", "N")
    assert refused.returncode != 0
    assert "check the external id" in refused.stderr


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_update_many_example_reports_each_row(
    toolchain: Toolchain, user_environment: dict[str, str], language: str
) -> None:
    done = subprocess.run(
        [str(build(toolchain, language, "update_many")), "SAP"],
        input="P-1,10\nP-2,x\nnobody,5\nP-3,2.50\n",
        env=user_environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode != 0
    assert done.stdout.rstrip("\n") == "4 read, 2 applied, 1 rejected, 1 failed, 0 not started"
