"""What is sent twice when tasks die or jobs are cancelled, and the final state. Each test prints its figures."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from connectors.spark.support import (
    IN_FLIGHT,
    SOURCE,
    background,
    connected,
    deals,
    held,
    report,
    right,
    sandbox,
    twice,
    wait_until,
    write,
)

ROWS = 10_000
HALF = ROWS // 2


def dying(df: Any, marker: Path, at: int = HALF, partition: int = 0) -> Any:
    """The same rows, from a task that raises at a row. It raises once, and makes a file when it does."""

    def rows(batches: Iterator[Any]) -> Iterator[Any]:
        from pyspark import TaskContext

        context: Any = TaskContext.get()
        count = 0
        for batch in batches:
            if context.partitionId() == partition and count <= at < count + batch.num_rows and not marker.exists():
                yield batch.slice(0, at - count)
                marker.touch()
                raise RuntimeError("the task dies")
            count += batch.num_rows
            yield batch

    return df.mapInArrow(rows, df.schema)


SMALL_BATCHES = {"spark.sql.execution.arrow.maxRecordsPerBatch": "500"}
"""Batches of 500 rows, so that rows before the one that raises are sent first."""


@pytest.mark.old_spark
def test_rows_of_a_task_that_raises_are_sent_again_and_end_right(session: Callable[..., Any], tmp_path: Path) -> None:
    spark = session("local[2,4]", **SMALL_BATCHES)
    with sandbox(ROWS) as cor:
        write(dying(deals(spark, ROWS), tmp_path / "died"), cor)
        report("task raises, retried; data source", sent_twice=twice(cor), right=f"{right(cor, ROWS)} of {ROWS}")
        assert (tmp_path / "died").exists()
        assert 0 < twice(cor) <= HALF + 500
        assert right(cor, ROWS) == ROWS


def test_rows_of_a_task_that_raises_are_sent_once_from_the_driver(session: Callable[..., Any], tmp_path: Path) -> None:
    spark = session("local[2,4]", **SMALL_BATCHES)
    with sandbox(ROWS) as cor, cor.client() as client:
        df = dying(deals(spark, ROWS), tmp_path / "died")
        result = client.projects.sync(df, source=SOURCE, state=tmp_path / "cor.db")
        report("task raises, retried; driver", sent_twice=twice(cor), right=f"{right(cor, ROWS)} of {ROWS}")
        assert result.ok
        assert (tmp_path / "died").exists()
        assert twice(cor) == 0
        assert right(cor, ROWS) == ROWS


@pytest.mark.old_spark
def test_rows_of_a_killed_worker_are_sent_again_and_end_right(session: Callable[..., Any]) -> None:
    spark = session("local[2,4]")
    with sandbox(ROWS) as cor, held(cor, HALF) as is_held:
        killed: list[int] = []

        def kill() -> None:
            wait_until(is_held, "the requests for the held rows")
            for pid in connected(cor):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

        with background(kill):
            write(deals(spark, ROWS), cor)
        report("worker killed (-9), retried; data source", sent_twice=twice(cor), right=f"{right(cor, ROWS)} of {ROWS}")
        assert killed
        # The rows before the held ones, and the held ones.
        assert twice(cor) == HALF + IN_FLIGHT
        assert right(cor, ROWS) == ROWS


class Afterwards:
    """Counts what is sent after an event, until no process sends."""

    def __init__(self, cor: Any) -> None:
        self._cor = cor
        self._begin = 0.0
        self._requests = 0

    def begin(self) -> None:
        """The event happens now."""
        self._requests, self._begin = len(self._cor.requests), time.monotonic()

    def end(self) -> tuple[int, float]:
        """Waits until no process sends. Returns the requests since the event, and the seconds."""
        wait_until(lambda: not connected(self._cor), "the end of all connections to COR")
        return len(self._cor.requests) - self._requests, round(time.monotonic() - self._begin, 1)


def test_failed_job_without_retries_ends_other_tasks_soon(session: Callable[..., Any], tmp_path: Path) -> None:
    # Without reuse, a connection ends with its task.
    spark = session("local[2]", **SMALL_BATCHES, **{"spark.python.worker.reuse": "false"})
    with sandbox(4 * ROWS, latency=0.01) as cor:
        afterwards = Afterwards(cor)

        def watch() -> None:
            wait_until((tmp_path / "died").exists, "the end of the task")
            afterwards.begin()

        with background(watch), pytest.raises(Exception, match="the task dies"):
            write(dying(deals(spark, 4 * ROWS, 2), tmp_path / "died", at=1000), cor, partitions=2)
        requests, seconds = afterwards.end()
        report("task raises, no retry; data source", sent_after_it_died=requests, seconds=seconds)
        assert twice(cor) == 0
        assert len(cor.requests) < 4 * ROWS


def test_cancelled_job_sends_a_little_longer(session: Callable[..., Any]) -> None:
    spark = session("local[2]", **{"spark.python.worker.reuse": "false"})
    with sandbox(4 * ROWS, latency=0.01) as cor:
        afterwards = Afterwards(cor)

        def cancel() -> None:
            cor.wait_for_requests(1000, timeout=60)
            spark.sparkContext.cancelAllJobs()
            afterwards.begin()

        with background(cancel), pytest.raises(Exception, match="cancel"):
            write(deals(spark, 4 * ROWS), cor)
        requests, seconds = afterwards.end()
        report("job cancelled; data source", sent_after_it=requests, seconds=seconds)
        assert twice(cor) == 0
        assert len(cor.requests) < 4 * ROWS


def test_cancelled_job_ends_the_run_of_the_driver(session: Callable[..., Any]) -> None:
    spark = session("local[2]", **{"spark.python.worker.reuse": "false"})
    rows = 4000

    def blocking(batches: Iterator[Any]) -> Iterator[Any]:
        """The second half is never computed: its tasks run until the job is cancelled."""
        from pyspark import TaskContext

        context: Any = TaskContext.get()
        while context.partitionId() >= 2:
            time.sleep(0.05)
        yield from batches

    df = deals(spark, rows, partitions=4)
    ended = threading.Event()
    items: list[Any] = []
    with sandbox(rows) as cor, cor.client() as client:

        def cancel() -> None:
            cor.wait_for_requests(500, timeout=60)
            # Again, until it meets the job of the blocked partition.
            while not ended.wait(0.1):
                spark.sparkContext.cancelAllJobs()

        with background(cancel):
            try:
                results = client.projects.update_many(df.mapInArrow(blocking, df.schema), source=SOURCE)
                with pytest.raises(ValueError, match="cancel"):
                    items.extend(results)
            finally:
                ended.set()
        read = len(items)
        report("job cancelled; driver", sent_twice=twice(cor), right=f"{right(cor, read)} of {read} that were read")
        # Partitions that the driver got before are sent to their end, and nothing of others is.
        assert 0 < read < rows
        assert all(item.ok for item in items)
        assert (twice(cor), right(cor, read), len(cor.requests)) == (0, read, read)
