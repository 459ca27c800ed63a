"""The Python of docs/guides/spark.md runs, from its first block to its last."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from connectors.spark.support import SOURCE
from harness import ROOT
from projectcor.testing import Sandbox


def test_blocks_of_the_page_do_what_it_says(cor: Sandbox, tmp_path: Path) -> None:
    # The data source takes the credentials from the environment in which the JVM starts.
    environment = {**os.environ, **cor.environment, "PYTHONPATH": str(ROOT / "tests")}
    ended = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("docs_program.py"))],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    # The batch write has a row whose project COR does not have, and nothing else fails.
    assert ended.stdout.count("raised: ") == 1, ended.stdout
    assert "1 of 2 rows applied, 1 failed" in ended.stdout
    assert "table: ['SF-OPP-99999']" in ended.stdout
    # A token that COR does not accept fails the query, and the micro-batch is applied after a restart.
    assert re.search(r"^refused: .*COR did not accept the token", ended.stdout, re.M | re.S), ended.stdout
    assert "after the refusal: []\n" in ended.stdout
    assert "after the restart: ['0'] " in ended.stdout
    assert re.search(r'"id":"SF-OPP-99999".*"_reason":"COR has no such project', ended.stdout), ended.stdout
    assert any(request.status == 401 for request in cor.requests)
    applied = [request.json() for request in cor.requests if request.status == 200]
    # sync from the driver, the stream after its restart, the batch write, the stream writer.
    assert [body["end"] for body in applied if "end" in body] == ["2025-05-31", "2025-06-30"] * 2
    # The stream goes on after the rejected row, and the driver's log has a warning.
    assert "1 of 2 rows applied, 1 failed" in ended.stderr
    # One file of the batch write, one of the stream.
    assert "folder: ['SF-OPP-99999', 'SF-OPP-99999']" in ended.stdout
    project = cor.project(SOURCE, "SF-OPP-12345")
    assert project is not None
    assert (project.fields["end"], project.fields["name"]) == ("2025-06-30", "Third")
