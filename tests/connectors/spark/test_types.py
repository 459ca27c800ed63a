"""100,000 rows with types, compared with what another reader makes of the same Parquet file."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from connectors.spark.support import SOURCE, report, write
from projectcor.testing import Sandbox

ROWS = 100_000

COLUMNS = (
    "concat('T-', id) as id",
    "if(id % 7 = 0, null, concat('Deal ', id, ' · ñ \"', id % 13, '\"')) as name",
    "if(id % 5 = 0, null, date_add(date'2024-02-27', cast(id % 400 as int))) as start",
    "date_add(date'2026-01-01', cast(id % 900 as int)) as end",
    "cast((id * 1237 % 100000000) / 100 as decimal(18,2)) as estimated",
    "id % 9007 as estimated_time",
    "if(id % 3 = 0, null, id % 2 = 0) as billable",
    "cast(null as string) as brief",
)


def make(spark: Any, folder: Path) -> Any:
    """Writes the rows with Spark, and returns them as Spark reads them."""
    spark.range(0, ROWS, 1, 4).selectExpr(*COLUMNS).write.parquet(str(folder))
    return spark.read.parquet(str(folder))


def expected(folder: Path) -> dict[str, dict[str, Any]]:
    """The rows as pyarrow reads them, without code of this project: null keeps, days are text."""
    rows: dict[str, dict[str, Any]] = {}
    for row in pyarrow.parquet.read_table(folder).to_pylist():
        updated = {name: value for name, value in row.items() if name != "id" and value is not None}
        values = {"name": "Before", **updated}
        rows[row["id"]] = {
            name: value.isoformat() if isinstance(value, datetime.date) else value for name, value in values.items()
        }
    return rows


def stored(cor: Sandbox, names: set[str]) -> dict[str, dict[str, Any]]:
    """What COR has of each project."""
    return {
        project.id: {name: value for name, value in project.fields.items() if name in names}
        for project in cor.projects()
    }


@pytest.fixture
def cor() -> Any:
    with Sandbox(record=0) as sandbox:
        sandbox.seed({"id": f"T-{n}", "source": SOURCE, "name": "Before"} for n in range(ROWS))
        yield sandbox


def compare(cor: Sandbox, folder: Path, way: str) -> None:
    want = expected(folder)
    names = {name for values in want.values() for name in values}
    have = stored(cor, names)
    wrong = [id for id, values in want.items() if have.get(id) != values]
    report(f"types; {way}", rows=len(want), different=len(wrong))
    assert len(want) == ROWS
    assert not wrong, (wrong[:3], want[wrong[0]], have.get(wrong[0]))


@pytest.mark.old_spark
def test_data_source_stores_what_another_reader_reads(spark: Any, cor: Sandbox, tmp_path: Path) -> None:
    df = make(spark, tmp_path / "deals")
    write(df.repartition(2), cor, partitions=2, rejects=str(tmp_path / "rejects"))
    compare(cor, tmp_path / "deals", "data source")


def test_driver_stores_what_another_reader_reads(spark: Any, cor: Sandbox, tmp_path: Path) -> None:
    df = make(spark, tmp_path / "deals")
    with cor.client() as client:
        result = client.projects.sync(df, source=SOURCE, state=tmp_path / "cor.db")
        assert result.ok, str(result)
        compare(cor, tmp_path / "deals", "driver")
