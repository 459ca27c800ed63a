"""The C and C++ snippets of the READMEs, each made into a program that is compiled and run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
from c.toolchain import Toolchain
from harness import ROOT

READMES = ["README.md", "crates/cor-ffi/README.md"]


class Snippet(NamedTuple):
    readme: str
    number: int
    language: str
    code: str

    def program(self) -> str:
        lines = self.code.splitlines()
        includes = [line for line in lines if line.startswith("#include")]
        body = [line for line in lines if not line.startswith("#include")]
        return "\n".join([*includes, "int main(void) {", *body, "return 0;", "}", ""])


def snippets_of(readme: str) -> list[Snippet]:
    text = (ROOT / readme).read_text(encoding="utf-8")
    found = re.findall(r"^```(c|cpp)\n(.*?)^```$", text, re.M | re.S)
    return [Snippet(readme, number, *each) for number, each in enumerate(found)]


SNIPPETS = [snippet for readme in READMES for snippet in snippets_of(readme)]


@pytest.mark.parametrize("readme", READMES)
def test_readme_shows_both_languages(readme: str) -> None:
    assert {snippet.language for snippet in snippets_of(readme)} == {"c", "cpp"}


@pytest.mark.parametrize("snippet", SNIPPETS, ids=[f"{s.readme} {s.number} {s.language}" for s in SNIPPETS])
def test_snippet_compiles_and_changes_the_project(
    toolchain: Toolchain, user_environment: dict[str, str], tmp_path: Path, snippet: Snippet
) -> None:
    source = tmp_path / f"readme_{snippet.number}.{snippet.language}"
    source.write_text(snippet.program(), encoding="utf-8")
    std, compiler = ("c99", "gcc") if snippet.language == "c" else ("c++17", "g++")
    program = toolchain.link(compiler, [toolchain.compile(str(source), std)], toolchain.libraries("shared"))
    done = subprocess.run([program], env=user_environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    # Each changes the project that is there; those that send two rows print what became of the other.
    assert '"end":"2025-04-30' in done.stdout, done.stderr
    if "SF-OPP-99999" in snippet.code:
        assert re.search(r"^SF-OPP-99999: .*not applied", done.stderr, re.M), done.stderr
