"""The programs under valgrind: no read or write out of bounds, nothing lost."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from c.toolchain import SONAME, TIMEOUT, Toolchain, call, need
from harness import program

LEAKS = "definite,indirect,possible"


@pytest.fixture(scope="module")
def named_library(work: Path) -> Path:
    """A folder with the library before it was stripped, so that reports have names."""
    folder = work / "named"
    folder.mkdir()
    profile = "release" if os.environ.get("PROJECTCOR_PROFILE") == "release" else "debug"
    shutil.copy(program.target() / profile / "libprojectcor.so", folder / SONAME)
    return folder


@pytest.mark.parametrize("name", ["misuse", "update", "create", "read", "sync", "many"])
def test_valgrind_finds_no_fault(
    toolchain: Toolchain, program_environment: dict[str, str], named_library: Path, name: str
) -> None:
    need("valgrind")
    command = [
        "valgrind",
        "--quiet",
        "--error-exitcode=99",
        "--leak-check=full",
        "--suppressions=tests/c/valgrind.supp",
    ]
    command += [f"--show-leak-kinds={LEAKS}", f"--errors-for-leak-kinds={LEAKS}"]
    environment = {**program_environment, "LD_LIBRARY_PATH": str(named_library)}
    print(call([*command, str(toolchain.build(f"tests/c/{name}.c"))], environment, TIMEOUT))
