"""`cor projects sync --no-state` on a CRM export: what is stored is what an independent reading of the file says."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from harness import export, program

# What every project has before: a field that was not sent still has it afterwards. The first and the last day there
# are, so that no day that is sent alone is out of order with the other.
BEFORE = {
    "name": "before: name",
    "start": "1000-01-01",
    "end": "9999-12-31",
    "estimated": "123456.70",
    "status": "before: status",
    "brief": "before: brief",
    "deliverables": "before: deliverables",
    "work_order": "007",
    "archived": True,
    "billable": False,
}
TIMES = 10
# Buffers, allocator and the sandbox's answers differ a little from run to run.
MOST_GROWTH_KIB = 2048


def sync(cor: Path, sandbox: program.RunningSandbox, table: Path) -> tuple[dict[str, Any], int]:
    """Syncs a table; returns the summary and the peak memory in KiB."""
    command: list[str | Path] = [cor, "projects", "sync", table, *export.flags(), "--json", "--no-state"]
    process = subprocess.Popen(
        command, env=sandbox.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    peak = program.peak_memory(process)
    out, err = process.communicate()
    assert process.returncode == 0, f"exit status {process.returncode}: {err}{out[-2000:]}"
    lines = [json.loads(line) for line in out.splitlines()]
    summaries = [line for line in lines if line.get("event") != "progress"]
    assert len(summaries) == 1, f"standard output holds more than the summary: {summaries[:3]}"
    assert err == "not used: sales_agent, product\n"
    return summaries[0], peak


def assert_all_applied(summary: dict[str, Any], rows: int) -> None:
    wanted = {"read": rows, "applied": rows, "rejected": 0, "failed": 0, "unchanged": 0, "not_started": 0}
    assert {name: summary[name] for name in wanted} == wanted


def seed(folder: Path, rows: list[export.Row]) -> Path:
    return program.write_seed(folder / "seed.jsonl", [row[export.ID_COLUMN] for row in rows], BEFORE)


@pytest.mark.parametrize("size", ["sample", "large"])
def test_sync_stores_every_cell(cor: Path, tmp_path: Path, size: str) -> None:
    table = export.path_of(size)
    rows = export.read(table)
    if size == "large":
        assert len(rows) == export.LARGE_ROWS
    options: list[str | Path] = ["--db", tmp_path / "cor.db", "--seed", seed(tmp_path, rows), "--record", "0"]
    with program.sandbox(cor, *options) as sandbox:
        summary, _ = sync(cor, sandbox, table)
        assert_all_applied(summary, len(rows))
        export.assert_stored(sandbox.stored(), rows, BEFORE)


def test_sync_needs_no_more_memory_for_ten_times_the_rows(cor: Path, tmp_path: Path) -> None:
    rows = export.bulk()
    once, many = tmp_path / "once.csv", tmp_path / "many.csv"
    export.write(once, rows)
    export.write(many, rows * TIMES)
    options: list[str | Path] = ["--db", tmp_path / "cor.db", "--seed", seed(tmp_path, rows), "--record", "0"]
    with program.sandbox(cor, *options) as sandbox:
        summary, peak = sync(cor, sandbox, once)
        assert_all_applied(summary, len(rows))
        summary, many_peak = sync(cor, sandbox, many)
        assert_all_applied(summary, len(rows) * TIMES)
        export.assert_stored(sandbox.stored(), rows, BEFORE)
    assert many_peak <= peak + MOST_GROWTH_KIB, f"memory grew by {many_peak - peak} KiB over {TIMES} times the rows"
