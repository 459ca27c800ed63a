"""One write of a DataFrame: what COR receives, and where rejected rows go."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from connectors.spark.support import (
    SOURCE,
    background,
    connected,
    deals,
    id_of,
    report,
    right,
    sandbox,
    sent,
    wait_until,
    write,
)
from projectcor.testing import Answer, Hold, Sandbox

ROWS = [
    ("SF-OPP-12345", "Phase 2", Decimal("18000.10"), datetime.date(2025, 4, 30), True),
    ("SF-OPP-99999", "Unknown", Decimal("1.00"), None, None),
]
SCHEMA = "deal string, name string, estimated decimal(18,2), end date, billable boolean"


def rejected(folder: Path) -> list[dict[str, Any]]:
    (file,) = folder.glob("*.parquet")
    rows: list[dict[str, Any]] = pyarrow.parquet.read_table(file).to_pylist()
    return rows


@pytest.mark.short
@pytest.mark.old_spark
def test_write_updates_projects_and_stores_rejected_rows_as_parquet(spark: Any, cor: Sandbox, tmp_path: Path) -> None:
    df = spark.createDataFrame(ROWS, SCHEMA).repartition(1)
    with pytest.raises(Exception, match="1 of 2 rows applied, 1 failed") as caught:
        write(df, cor, idColumn="deal", rejects=str(tmp_path / "rejects"))

    text = str(caught.value)
    assert '\n! index 1: project "SF-OPP-99999": COR has no such project (ZC001, HTTP 404); not applied\n' in text
    assert f"The rows were written to {tmp_path}/rejects/" in text
    project = cor.project(SOURCE, "SF-OPP-12345")
    assert project is not None
    assert {name: project.fields[name] for name in ("name", "estimated", "end", "billable")} == {
        "name": "Phase 2",
        "estimated": Decimal("18000.10"),
        "end": "2025-04-30",
        "billable": True,
    }
    (row,) = rejected(tmp_path / "rejects")
    assert (row.pop("cor_outcome"), row.pop("cor_kind")) == ("not_applied", "project_not_found")
    assert row.pop("cor_reason").startswith('could not update project "SF-OPP-99999" (SALESFORCE): ')
    assert row == dict(zip(("deal", "name", "estimated", "end", "billable"), ROWS[1]))
    # Spark itself reads the file, without the notes a valid input again.
    again = spark.read.parquet(str(tmp_path / "rejects")).drop("cor_outcome", "cor_kind", "cor_reason")
    assert [tuple(row) for row in again.collect()] == [ROWS[1]]


@pytest.mark.old_spark
def test_rejected_rows_do_not_fail_a_write_that_continues(spark: Any, cor: Sandbox, tmp_path: Path) -> None:
    df = spark.createDataFrame(ROWS, SCHEMA).repartition(1)
    write(df, cor, iDCoLuMn="deal", OnReject="Continue", REJECTS=str(tmp_path))
    assert [row["deal"] for row in rejected(tmp_path)] == ["SF-OPP-99999"]


@pytest.mark.old_spark
def test_no_file_is_written_without_rejected_rows(spark: Any, cor: Sandbox, tmp_path: Path) -> None:
    write(spark.createDataFrame(ROWS[:1], SCHEMA).repartition(1), cor, idColumn="deal", rejects=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_message_groups_reasons_and_shows_ten_of_them(spark: Any) -> None:
    with sandbox(0) as cor:
        with pytest.raises(Exception, match="0 of 5,000 rows applied, 5,000 failed") as caught:
            write(deals(spark, 5000), cor)
        text = str(caught.value)
        assert "! 5,000 rows: COR has no such project (ZC001, HTTP 404); not applied" in text
        assert "The rows are not stored; option rejects names a folder for them" in text
        assert len(text) < 20_000


def test_message_has_one_group_for_a_reason_of_two_partitions_and_counts_all_rows(spark: Any) -> None:
    with sandbox(0) as cor:
        with pytest.raises(Exception, match="0 of 22,000 rows applied, 22,000 failed") as caught:
            write(deals(spark, 22_000, 2), cor, partitions=2)
        lines = str(caught.value).splitlines()
        (group,) = (at for at, line in enumerate(lines) if line.startswith("! "))
        assert lines[group] == "! 20,000 rows: COR has no such project (ZC001, HTTP 404); not applied"
        assert lines[group + 1].endswith(" and 19,997 more")
        assert lines[group + 2 : group + 4] == [
            "… and 2,000 more rows",
            "The rows are not stored; option rejects names a folder for them",
        ]


def test_rejected_rows_of_two_partitions_are_in_one_file(spark: Any, tmp_path: Path) -> None:
    with sandbox(0) as cor:
        # A column without a type is one that Parquet has no type for.
        df = deals(spark, 3000, 2).selectExpr("*", "null as brief")
        write(df, cor, partitions=2, onReject="continue", rejects=str(tmp_path))
    assert {(row["id"], row["brief"]) for row in rejected(tmp_path)} == {(f"D-{n}", None) for n in range(3000)}
    assert spark.read.parquet(str(tmp_path)).where("brief is null").count() == 3000


@pytest.mark.old_spark
def test_run_that_halts_fails_the_task_and_no_row(session: Callable[..., Any], tmp_path: Path) -> None:
    spark = session("local[2,2]")
    with sandbox(100) as cor:
        # COR refuses the credentials during the first attempt of the task: that says nothing about the rows.
        cor.queue(Answer(401, for_id="D-0"))
        write(deals(spark, 100), cor, rejects=str(tmp_path))
        assert sent(cor)["D-0"] == 2
        assert right(cor, 100) == 100
        assert list(tmp_path.iterdir()) == []


@pytest.mark.old_spark
def test_empty_data_frame_sends_nothing(spark: Any, cor: Sandbox) -> None:
    write(deals(spark, 10).where("id = 'none'"), cor)
    assert cor.requests == []


@pytest.mark.old_spark
def test_null_clears_the_chosen_columns_and_rows_of_nulls_are_unchanged(spark: Any, tmp_path: Path) -> None:
    with sandbox(3) as cor:
        df = spark.sql(
            "select 'D-0' id, null brief, null name union all select 'D-1', 'B', null union all select 'D-2', null, 'N'"
        )
        write(df.repartition(1), cor, rejects=str(tmp_path))
        assert {id_of(request): request.json() for request in cor.requests} == {
            "D-1": {"brief": "B", "metadata": {"source": SOURCE}},
            "D-2": {"name": "N", "metadata": {"source": SOURCE}},
        }
        cor.clear_requests()
        write(df.repartition(1), cor, clearNulls=" brief ,", rejects=str(tmp_path))
        assert {id_of(request): request.json().get("brief") for request in cor.requests} == {
            "D-0": None,
            "D-1": "B",
            "D-2": None,
        }
        assert list(tmp_path.iterdir()) == []


@pytest.mark.old_spark
def test_client_credentials_get_one_token_for_all_tasks_of_a_process(spark: Any) -> None:
    with sandbox(100, api_key="key-1", client_secret="secret-1") as cor:
        writer = deals(spark, 100).write.format("cor").mode("append").options(source=SOURCE, baseUrl=cor.base_url)
        writer = writer.options(apiKey="key-1", clientSecret="secret-1", tokenUrl=cor.token_url)
        writer.save()
        writer.save()
        # The process of the check in the driver sends no update, so it gets no token.
        assert len([request for request in cor.requests if "oauth" in request.path]) == 1
        assert len([request for request in cor.requests if request.method == "PUT"]) == 200
        assert right(cor, 100) == 100


def test_memory_of_a_worker_does_not_grow_with_the_rows(session: Callable[..., Any]) -> None:
    # Batches of 1 MB, so that the size of a batch does not count.
    spark = session("local[2]", **{"spark.sql.execution.arrow.maxRecordsPerBatch": "1000"})
    rows, early = 60_000, 20_000
    with sandbox(rows) as cor:
        holds, peaks = [Hold(), Hold()], list[int]()
        for hold, row in zip(holds, (early, rows - 1)):
            cor.queue(Answer(held_by=hold, for_id=f"D-{row}"))

        def watch() -> None:
            # The worker waits for the held response, and so it cannot end before it is measured.
            try:
                for hold, left in zip(holds, (1, 0)):
                    wait_until(lambda left=left: cor.queued == left, "the request for a held row")  # type: ignore[misc]
                    peaks.append(max(peak(pid) for pid in connected(cor)))
                    hold.release()
            finally:
                for hold in holds:
                    hold.release()

        with background(watch):
            write(spark.range(0, rows, 1, 1).selectExpr("concat('D-', id) as id", "repeat('b', 1000) as brief"), cor)
        report("memory of the worker; data source", MiB_at_20_000_rows=peaks[0], MiB_at_60_000_rows=peaks[1])
        # The rows between take 40 MB.
        assert peaks[1] < peaks[0] + 20


def peak(pid: int) -> int:
    """The most memory that a process has used, in MiB."""
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024
