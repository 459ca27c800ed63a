"""Real input: a public CRM export, read by pandas and by polars, stores what `cor projects sync` stores."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from common import ROOT, SOURCE
from projectcor.testing import Sandbox

EXPORT = ROOT.parent / "shared" / "data" / "opportunities.csv"
MAPPING = {
    "account": "name",
    "created_on": "start",
    "close_date": "end",
    "close_value": "estimated",
    "deal_stage": "status",
}
# The first and the last day there are, so that no day that is sent alone is out of order with the other.
BEFORE = {"name": "before", "start": "1000-01-01", "end": "9999-12-31", "brief": "kept", "archived": True}

pytestmark = pytest.mark.skipif(not EXPORT.exists(), reason="the export is not at hand")


def load() -> Sandbox:
    with EXPORT.open(newline="", encoding="utf-8") as export:
        ids = [row["opportunity_id"] for row in csv.DictReader(export)]
    return Sandbox(seed=[{"id": id, "source": SOURCE, **BEFORE} for id in ids], record=0)


def stored(cor: Sandbox) -> list[tuple[str, dict[str, str]]]:
    """Everything the sandbox holds, digit for digit."""
    return [(project.id, {name: str(value) for name, value in project.fields.items()}) for project in cor.projects()]


@pytest.fixture(scope="module")
def synced() -> Iterator[list[tuple[str, dict[str, str]]]]:
    """What the program stores."""
    with load() as cor:
        command = [sys.executable, "-m", "projectcor", "projects", "sync", str(EXPORT), "--source", SOURCE]
        command += ["--id-column", "opportunity_id", "--no-state", "--json"]
        command += [part for column, field in MAPPING.items() for part in ("--map", f"{column}={field}")]
        environment = {**os.environ, **cor.environment}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
        # Before it, how far it was: one line a second.
        summary = json.loads(ended.stdout.splitlines()[-1])
        assert summary["applied"] == summary["read"] == 14_277
        yield stored(cor)


def by_csv() -> Any:
    """The way of the standard library: every cell is text, so numbers are made and empty cells left out by hand."""
    from decimal import Decimal

    with EXPORT.open(newline="", encoding="utf-8") as export:
        for row in csv.DictReader(export):
            fields: dict[str, Any] = {
                MAPPING[column]: cell for column, cell in row.items() if column in MAPPING and cell
            }
            if "estimated" in fields:
                fields["estimated"] = Decimal(fields["estimated"])
            yield row["opportunity_id"], fields


def by_pandas() -> Any:
    pandas = pytest.importorskip("pandas")
    return pandas.read_csv(EXPORT, usecols=["opportunity_id", *MAPPING]).rename(columns=MAPPING)


def by_pandas_with_dates() -> Any:
    pandas = pytest.importorskip("pandas")
    days = ["created_on", "close_date"]
    return pandas.read_csv(EXPORT, usecols=["opportunity_id", *MAPPING], parse_dates=days).rename(columns=MAPPING)


def by_polars() -> Any:
    polars = pytest.importorskip("polars")
    frame = polars.read_csv(EXPORT, try_parse_dates=True, infer_schema_length=None)
    return frame.select(["opportunity_id", *MAPPING]).rename(MAPPING)


def by_pyarrow() -> Any:
    pytest.importorskip("pyarrow")
    from pyarrow import csv as arrow_csv

    names = ["opportunity_id", *MAPPING]
    table = arrow_csv.read_csv(EXPORT, convert_options=arrow_csv.ConvertOptions(strings_can_be_null=True))
    return table.select(names).rename_columns(["opportunity_id", *MAPPING.values()])


@pytest.mark.parametrize("read", [by_csv, by_pandas, by_pandas_with_dates, by_polars, by_pyarrow])
def test_the_export_stores_what_the_program_stores(synced: list[tuple[str, dict[str, str]]], read: Any) -> None:
    with load() as cor, cor.client() as client:
        results = client.projects.update_many(read(), source=SOURCE, id_column="opportunity_id")
        failed = [item for item in results if not item.ok]
        assert failed == []
        assert results.summary.applied == 14_277
        assert stored(cor) == synced
