"""The sandbox against its own OpenAPI description, by schemathesis: made-up requests, every check that it has.

SEED      of the made-up requests (1)
EXAMPLES  made-up requests for each operation (40)
"""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import program

SEED = os.environ.get("SEED", "1")
EXAMPLES = os.environ.get("EXAMPLES", "40")


@pytest.fixture
def sandbox() -> Iterator[program.RunningSandbox]:
    with program.sandbox(program.find_program(), "--example") as running:
        yield running


def test_sandbox_keeps_its_openapi_description(sandbox: program.RunningSandbox, tmp_path: Path) -> None:
    # In a folder of its own: schemathesis leaves files where it runs.
    schemathesis = Path(sys.executable).with_name("schemathesis")
    command = [str(schemathesis), "run", f"{sandbox.base_url}/openapi.json"]
    command += ["-H", f"Authorization: Bearer {sandbox.token}", "--checks", "all"]
    # A project is found by its source and id together. This check takes the id alone, and so it looks
    # for a project of one source under another.
    command += ["--exclude-checks", "ensure_resource_availability"]
    command += ["--max-examples", EXAMPLES, "--seed", SEED]
    done = subprocess.run(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, f"the sandbox breaks its description; again with SEED={SEED}\n{done.stdout}"
    figures = [line for line in done.stdout.splitlines() if "generated" in line or "Tested" in line]
    assert figures, f"the report has no count of its requests\n{done.stdout}"
    print("\n".join(figures))
    # Its page still shows what is stored now.
    with urllib.request.urlopen(sandbox.base_url + "/", timeout=10) as page:
        assert page.status == 200
