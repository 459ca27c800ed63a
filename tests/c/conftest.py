"""The installed library, a sandbox to talk to, and what compiles the programs.

tests/c/run builds and installs everything first, and says where in PROJECTCOR_PREFIX.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from c import vectors
from c.relay import Relay
from c.toolchain import Toolchain, need
from harness import ROOT, program


@pytest.fixture(scope="session")
def prefix() -> Path:
    """Where scripts/install put the library."""
    where = Path(os.environ.get("PROJECTCOR_PREFIX", program.target() / "c-tests" / "prefix"))
    assert (where / "include" / "projectcor.h").is_file(), f"no library is installed in {where}: run tests/c/run"
    return where


@pytest.fixture(scope="session")
def work() -> Path:
    """An empty folder of this process for what is linked and written."""
    folder = program.target() / "c-tests" / os.environ.get("PYTEST_XDIST_WORKER", "work")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="session")
def toolchain(prefix: Path, work: Path) -> Toolchain:
    need("gcc", "g++", "pkg-config")
    # A folder per run, since sources change between runs: the first process of pytest-xdist hands its name on.
    shared = program.target() / "c-tests" / f"shared-{os.environ.get('PYTEST_XDIST_TESTRUNUID', os.getpid())}"
    shared.mkdir(parents=True, exist_ok=True)
    header = work / "vectors.h"
    header.write_text(vectors.header(ROOT / "tests" / "vectors"), encoding="utf-8")
    header.replace(shared / "vectors.h")
    return Toolchain(shared, work, prefix)


@pytest.fixture(scope="session")
def sandbox(work: Path) -> Iterator[program.RunningSandbox]:
    """A sandbox with the project of COR's documentation and 500 others, P-0 to P-499 of SAP."""
    seed = work / "seed.jsonl"
    example = (ROOT / "crates" / "cor-sandbox" / "seeds" / "example.jsonl").read_text(encoding="utf-8")
    others = [json.dumps({"id": f"P-{n}", "source": "SAP", "name": f"P-{n}"}) + "\n" for n in range(500)]
    seed.write_text(example + "".join(others), encoding="utf-8")
    with program.sandbox(program.find_program(), "--seed", seed) as running:
        yield running


@pytest.fixture(scope="session")
def program_environment(sandbox: program.RunningSandbox, work: Path) -> dict[str, str]:
    """The environment of the tests' programs: it names the sandbox and a folder, and sets no option of a client."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("COR_")}
    return {**others, "COR_SANDBOX_URL": sandbox.base_url, "COR_TEST_FOLDER": str(work)}


@pytest.fixture(scope="session")
def user_environment(sandbox: program.RunningSandbox) -> dict[str, str]:
    """The environment of the examples and snippets, which take their options from it."""
    return sandbox.environment


@pytest.fixture(scope="session")
def relay(sandbox: program.RunningSandbox, work: Path) -> Iterator[Relay]:
    """TLS in front of the sandbox."""
    need("openssl")
    folder = work / "tls"
    folder.mkdir()
    running = Relay(folder, int(sandbox.base_url.rsplit(":", 1)[1]))
    yield running
    running.close()
