"""What is installed: the recorded interface, headers that compile by themselves, a name for the dynamic linker."""

from __future__ import annotations

from pathlib import Path

import pytest
from c import fuzz_corpus
from c.toolchain import SONAME, call, need
from harness import ROOT

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror", "-fsyntax-only"]
C_STANDARDS = ["c99", "c11"]
CPP_STANDARDS = ["c++17", "c++20"]


def test_symbols_and_layout_are_as_recorded(prefix: Path) -> None:
    need("nm", "cc")
    print(call(["tests/abi/check", prefix]))


def test_shared_library_has_a_versioned_name(prefix: Path) -> None:
    need("readelf")
    dynamic = call(["readelf", "-d", prefix / "lib" / "libprojectcor.so"])
    assert f"Library soname: [{SONAME}]" in dynamic


@pytest.fixture(params=["gcc", "clang"])
def compiler(request: pytest.FixtureRequest) -> str:
    need(request.param)
    return str(request.param)


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, Path]:
    """A file for each header that includes it and nothing else."""
    found = {}
    for header, file in (("projectcor.h", "header.c"), ("projectcor.hpp", "header.cpp")):
        found[header] = tmp_path / file
        found[header].write_text(f"#include <{header}>\n")
    return found


@pytest.mark.parametrize("std", C_STANDARDS)
def test_c_header_compiles_without_warnings_as_c(
    compiler: str, prefix: Path, sources: dict[str, Path], std: str
) -> None:
    call([compiler, f"-std={std}", *WARNINGS, f"-I{prefix}/include", sources["projectcor.h"]])


@pytest.mark.parametrize(
    ("header", "more"),
    [
        ("projectcor.h", []),
        ("projectcor.hpp", ["-Wold-style-cast"]),
        ("projectcor.hpp", ["-fno-exceptions", "-fno-rtti"]),
    ],
    ids=["C header", "C++ header", "C++ header without exceptions"],
)
@pytest.mark.parametrize("std", CPP_STANDARDS)
def test_headers_compile_without_warnings_as_cpp(
    compiler: str, prefix: Path, sources: dict[str, Path], std: str, header: str, more: list[str]
) -> None:
    call([compiler, f"-std={std}", *WARNINGS, f"-I{prefix}/include", "-x", "c++", *more, sources[header]])


def test_kept_fuzz_inputs_are_those_that_fuzz_corpus_writes() -> None:
    kept = {path.name: path.read_bytes() for path in (ROOT / "fuzz" / "corpus" / "c").iterdir()}
    assert dict(fuzz_corpus.plays()).items() <= kept.items()
