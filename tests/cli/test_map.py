"""`cor projects map` on real tables: check, plan and sync take the proposal as it is, and store what the table says."""

from __future__ import annotations

import datetime
import json
import subprocess
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from harness import ROOT, export, program

BEFORE = {"name": "before", "start": "1000-01-01", "end": "9999-12-31", "estimated": "1.70", "status": "before"}
WORKBOOK = ROOT.parent / "shared" / "inputs" / "workbook" / "deals.xlsx"


@dataclass
class Done:
    """The end of a command: its JSON and standard error."""

    events: list[dict[str, Any]]
    error: str

    @property
    def summary(self) -> dict[str, Any]:
        return self.events[-1]


@dataclass
class Shell:
    """Runs commands about one table and the mapping that is proposed for it."""

    cor: Path
    folder: Path
    table: Path
    environment: dict[str, str] | None = None

    def run(self, verb: str, *options: str | Path, status: int = 0) -> Done:
        command: list[str | Path] = [self.cor, "projects", verb, self.table, "--json", *options]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == status, f"exit status {done.returncode}: {done.stderr}{done.stdout[-2000:]}"
        return Done([json.loads(line, parse_float=Decimal) for line in done.stdout.splitlines()], done.stderr)

    def map(self, *options: str) -> dict[str, Any]:
        done = self.run("map", "--source", export.SOURCE, "--out", self.folder / "mapping.toml", *options)
        assert (self.folder / "mapping.toml").read_text(encoding="utf-8") == done.summary["toml"]
        return done.summary

    def mapped(self, verb: str, *options: str | Path, status: int = 0) -> Done:
        state: list[str | Path] = ["--state", self.folder / "sync.db"] if verb in ("plan", "sync") else []
        return self.run(verb, "--mapping", self.folder / "mapping.toml", *state, *options, status=status)


def columns(proposal: dict[str, Any]) -> dict[str, str]:
    return {field["column"]: field["field"] for field in proposal["fields"]}


@pytest.mark.parametrize("size", ["sample", "large"])
def test_proposal_for_an_export_syncs_every_cell(cor: Path, tmp_path: Path, size: str) -> None:
    table = export.path_of(size)
    rows = export.read(table)
    seed = program.write_seed(tmp_path / "seed.jsonl", [row[export.ID_COLUMN] for row in rows], BEFORE)
    with program.sandbox(cor, "--seed", seed, "--record", "100") as sandbox:
        shell = Shell(cor, tmp_path, table, sandbox.environment)
        proposal = shell.map()
        assert columns(proposal) == export.MAPPING
        assert proposal["id"]["column"] == export.ID_COLUMN
        assert [column["column"] for column in proposal["unused"]] == export.UNMAPPED
        # Every column was chosen by a usual name; the words of the status are the only decision.
        assert (proposal["guesses"], proposal["decisions"]) == (len(export.MAPPING) + 1, 1)
        check = shell.mapped("check").summary
        assert (check["read"], check["fine"], check["unused"], check["notes"]) == (len(rows), len(rows), [], [])
        plan = shell.mapped("plan").summary
        assert plan["rejected"] == 0
        assert sandbox.requests() == []
        summary = shell.mapped("sync").summary
        assert (summary["read"], summary["rejected"], summary["failed"]) == (len(rows), 0, 0)
        export.assert_stored(sandbox.stored(), rows, BEFORE)


def test_proposal_for_the_regional_table_reads_its_days_and_numbers(cor: Path, tmp_path: Path) -> None:
    rows = export.read(export.SAMPLE)
    table = export.SAMPLE.parent / "opportunities_regional.csv"
    seed = program.write_seed(tmp_path / "seed.jsonl", [row[export.ID_COLUMN] for row in rows], BEFORE)
    with program.sandbox(cor, "--seed", seed, "--record", "0") as sandbox:
        shell = Shell(cor, tmp_path, table, sandbox.environment)
        settings = {field["field"]: field["settings"] for field in shell.map()["fields"]}
        day = [{"name": "date", "value": "%d/%m/%Y"}]
        numbers = [{"name": "decimal", "value": ","}, {"name": "thousands", "value": "."}]
        assert settings == {"name": [], "start": day, "end": day, "status": [], "estimated": numbers}
        shell.mapped("sync")
        export.assert_stored(sandbox.stored(), rows, BEFORE)


def test_proposal_for_the_real_workbook_syncs_its_valid_rows(cor: Path, tmp_path: Path) -> None:
    if not WORKBOOK.is_file():
        pytest.skip("needs ../shared/inputs/workbook/deals.xlsx, a workbook with every kind of cell")
    shell = Shell(cor, tmp_path, WORKBOOK)
    proposal = shell.map()
    assert proposal["id"]["column"] == "Opportunity ID"
    assert columns(proposal) == {
        "Account": "name",
        "Start": "start",
        "Close date": "end",
        "Hours": "estimated_time",
        "Billable": "billable",
        "Stage": "status",
        "Amount": "estimated",
    }
    assert [column["column"] for column in proposal["unused"]] == ["Owner"]
    check = shell.mapped("check", status=1)
    # What is left are cells without a value, which no mapping can read.
    assert [problem["column"] for problem in check.summary["problems"]] == ["Amount", "Hours"]
    assert check.summary["unused"] == []
    plan = shell.mapped("plan", status=1)
    ids = [event["id"] for event in plan.events if "changes" in event]
    assert len(ids) == 5
    seed = program.write_seed(tmp_path / "seed.jsonl", ids, BEFORE)
    with program.sandbox(cor, "--seed", seed, "--record", "0") as sandbox:
        shell.environment = sandbox.environment
        summary = shell.mapped("sync", status=1).summary
        assert (summary["read"], summary["applied"], summary["rejected"]) == (7, 5, 2)
        stored = sandbox.stored()["007"]
        assert (stored["name"], stored["estimated"], stored["status"]) == ("Harbour Lights", "18000.1", "Won")
    report = shell.map("--force", "--sheet", "Report")
    assert (report["id"]["column"], columns(report)) == ("id", {"name": "name", "end": "end"})


def test_typed_days_and_numbers_need_no_format(cor: Path, tmp_path: Path) -> None:
    rows = [("D-1", "Pier", datetime.date(2025, 4, 3), 18000.1), ("D-2", "Quay", datetime.date(2025, 5, 4), 7.5)]
    header = ["Deal ID", "Deal name", "Close date", "Amount"]
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["Pipeline of April"])
    sheet.append([])
    for row in [header, *rows]:
        sheet.append(row)
    book.save(tmp_path / "deals.xlsx")
    pq.write_table(
        pa.table({name: [row[at] for row in rows] for at, name in enumerate(header)}), tmp_path / "deals.parquet"
    )
    expected = {
        "D-1": {"name": "Pier", "end": "2025-04-03", "estimated": Decimal("18000.1")},
        "D-2": {"name": "Quay", "end": "2025-05-04", "estimated": Decimal("7.5")},
    }
    for table in ("deals.xlsx", "deals.parquet"):
        shell = Shell(cor, tmp_path, tmp_path / table)
        proposal = shell.map("--force")
        assert [field["settings"] for field in proposal["fields"]] == [[], [], []], table
        assert proposal["decisions"] == 0, table
        plan = shell.mapped("plan")
        changes = {event["id"]: event["changes"] for event in plan.events if "changes" in event}
        assert {
            id: {change["field"]: change["new"] for change in fields} for id, fields in changes.items()
        } == expected, table
