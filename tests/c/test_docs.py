"""The C and C++ programs on the pages of the documentation: each is compiled and run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from c.toolchain import Toolchain
from harness.docs import blocks, pages_with


class Program(NamedTuple):
    page: str
    number: int
    language: str
    code: str


PROGRAMS = [
    Program(page, number, language, code)
    for language in ("c", "cpp")
    for page in pages_with(language)
    for number, code in enumerate(blocks(page, language))
]


@pytest.mark.parametrize("language", ["c", "cpp"])
def test_readme_and_quick_start_show_the_language(language: str) -> None:
    assert {"README.md", f"docs/quickstart/{language}.md"} <= set(pages_with(language))


@pytest.mark.parametrize("shown", PROGRAMS, ids=[f"{p.page} {p.number} {p.language}" for p in PROGRAMS])
def test_program_compiles_and_changes_the_project(
    toolchain: Toolchain, user_environment: dict[str, str], tmp_path: Path, shown: Program
) -> None:
    source = tmp_path / f"{Path(shown.page).stem}_{shown.number}.{shown.language}"
    source.write_text(shown.code, encoding="utf-8")
    std, compiler = ("c99", "gcc") if shown.language == "c" else ("c++17", "g++")
    program = toolchain.link(compiler, [toolchain.compile(str(source), std)], toolchain.libraries("shared"))
    done = subprocess.run([program], env=user_environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    # Each prints the project that it changed; those that send two rows print the error of the other.
    assert '"end":"2025-04-30' in done.stdout, done.stderr
    if "SF-OPP-99999" in shown.code:
        assert re.search(r"^SF-OPP-99999: .*not applied", done.stderr, re.M), done.stderr
