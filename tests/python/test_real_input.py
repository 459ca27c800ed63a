"""Real input: a CRM export, read by pandas and by polars, stores what `cor projects sync` stores."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from harness import export
from harness.export import ID_COLUMN, MAPPING, SOURCE
from projectcor.testing import Sandbox

# The first and the last day there are, so that no day that is sent alone is out of order with the other.
BEFORE = {"name": "before", "start": "1000-01-01", "end": "9999-12-31", "brief": "kept", "archived": True}

Stored = list[tuple[str, dict[str, str]]]


def load(path: Path) -> Sandbox:
    ids = dict.fromkeys(row[ID_COLUMN] for row in export.read(path))
    return Sandbox(seed=[{"id": id, "source": SOURCE, **BEFORE} for id in ids], record=0)


def stored(cor: Sandbox) -> Stored:
    """Everything the sandbox holds, digit for digit."""
    return [(project.id, {name: str(value) for name, value in project.fields.items()}) for project in cor.projects()]


@cache
def synced(path: Path) -> Stored:
    """What the program stores."""
    with load(path) as cor:
        command = [sys.executable, "-m", "projectcor", "projects", "sync", str(path), *export.flags()]
        command += ["--no-state", "--json"]
        environment = {**os.environ, **cor.environment}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
        # Before it, how far it was: one line a second.
        summary = json.loads(ended.stdout.splitlines()[-1])
        assert summary["applied"] == summary["read"] == len(export.read(path))
        return stored(cor)


def by_csv(path: Path) -> Any:
    """The way of the standard library: every cell is text, so numbers are made and empty cells left out by hand."""
    from decimal import Decimal

    for row in export.read(path):
        fields: dict[str, Any] = {MAPPING[column]: cell for column, cell in row.items() if column in MAPPING and cell}
        if "estimated" in fields:
            fields["estimated"] = Decimal(fields["estimated"])
        yield row[ID_COLUMN], fields


def by_pandas(path: Path) -> Any:
    pandas = pytest.importorskip("pandas")
    return pandas.read_csv(path, usecols=[ID_COLUMN, *MAPPING]).rename(columns=MAPPING)


def by_pandas_with_dates(path: Path) -> Any:
    pandas = pytest.importorskip("pandas")
    days = ["created_on", "close_date"]
    return pandas.read_csv(path, usecols=[ID_COLUMN, *MAPPING], parse_dates=days).rename(columns=MAPPING)


def by_polars(path: Path) -> Any:
    polars = pytest.importorskip("polars")
    frame = polars.read_csv(path, try_parse_dates=True, infer_schema_length=None)
    return frame.select([ID_COLUMN, *MAPPING]).rename(MAPPING)


def by_pyarrow(path: Path) -> Any:
    pytest.importorskip("pyarrow")
    from pyarrow import csv as arrow_csv

    table = arrow_csv.read_csv(
        path,
        parse_options=arrow_csv.ParseOptions(newlines_in_values=True),
        convert_options=arrow_csv.ConvertOptions(strings_can_be_null=True),
    )
    return table.select([ID_COLUMN, *MAPPING]).rename_columns([ID_COLUMN, *MAPPING.values()])


@pytest.mark.parametrize("size", ["sample", "large"])
@pytest.mark.parametrize("read", [by_csv, by_pandas, by_pandas_with_dates, by_polars, by_pyarrow])
def test_each_reader_stores_what_the_program_stores(read: Callable[[Path], Any], size: str) -> None:
    path = export.path_of(size)
    table = read(path)
    rows = len(export.read(path))
    if size == "large":
        assert rows == export.LARGE_ROWS
    with load(path) as cor, cor.client() as client:
        results = client.projects.update_many(table, source=SOURCE, id_column=ID_COLUMN)
        failed = [item for item in results if not item.ok]
        assert failed == []
        assert results.summary.applied == rows
        assert stored(cor) == synced(path)
