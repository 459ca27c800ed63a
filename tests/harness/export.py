"""The CRM export: a sample that is part of the repository, and a public one of 14,277 rows where it is at hand."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import pytest

from harness import ROOT

Row = dict[str, str]

SOURCE = "SALESFORCE"
ID_COLUMN = "opportunity_id"
MAPPING = {
    "account": "name",
    "created_on": "start",
    "close_date": "end",
    "close_value": "estimated",
    "deal_stage": "status",
}
UNMAPPED = ["sales_agent", "product"]
SAMPLE = ROOT / "tests" / "data" / "crm" / "opportunities.csv"
LARGE_ROWS = 14_277
BULK_ROWS = 5_000
# Columns of the sandbox that no update sets.
OWN_FIELDS = {"source", "id", "cor_id", "company_id", "created_at", "updated_at"}


def large_path() -> Path | None:
    """The public export. PROJECTCOR_EXPORT says where it is; without that it lies beside the repository, or nowhere."""
    named = os.environ.get("PROJECTCOR_EXPORT")
    path = Path(named) if named else ROOT.parent / "shared" / "data" / "opportunities.csv"
    if named and not path.is_file():
        raise FileNotFoundError(f"PROJECTCOR_EXPORT: {named} is not a file")
    return path if path.is_file() else None


def path_of(size: str) -> Path:
    """The path of the export of this size, "sample" or "large". Skips the test where the large one is absent."""
    if size == "sample":
        return SAMPLE
    path = large_path()
    if path is None:
        pytest.skip(f"needs ../shared/data/opportunities.csv, a public CRM export of {LARGE_ROWS:,} rows")
    return path


def read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


def bulk() -> list[Row]:
    """Rows enough to fill every buffer of the program: the sample's, many times."""
    sample = read(SAMPLE)
    return sample * (BULK_ROWS // len(sample))


def write(path: Path, rows: list[Row]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as table:
        writer = csv.DictWriter(table, list(rows[0]), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


def flags() -> list[str]:
    """The arguments with which `cor projects` reads the export without a mapping file."""
    renames = [part for column, field in MAPPING.items() for part in ("--map", f"{column}={field}")]
    return ["--source", SOURCE, "--id-column", ID_COLUMN, *renames]


def expected(rows: list[Row], before: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The projects after a sync: the last cell of each column that is not empty, else what was there before."""
    projects: dict[str, dict[str, Any]] = {}
    for row in rows:
        project = projects.setdefault(row[ID_COLUMN], dict(before))
        project.update((field, row[column]) for column, field in MAPPING.items() if row[column] != "")
    return projects


def assert_stored(stored: dict[str, dict[str, Any]], rows: list[Row], before: dict[str, Any]) -> None:
    """What a sandbox holds is what Python reads in the rows, and nothing else."""
    projects = expected(rows, before)
    assert stored.keys() == projects.keys()
    for id, project in projects.items():
        found = {field: value for field, value in stored[id].items() if field not in OWN_FIELDS}
        assert found == project, id
