"""Streams: killed in a micro-batch and started again, both ways; rejected rows of a stream."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from connectors.spark.support import (
    IN_FLIGHT,
    SOURCE,
    connected,
    held,
    report,
    right,
    sandbox,
    sent,
    twice,
    wait_until,
)
from harness import ROOT
from projectcor.testing import Sandbox

BATCH = 3000
ROWS = 4 * BATCH


def files(folder: Path) -> None:
    """Four files with 3,000 deals each, in the order of their times."""
    deals = folder / "deals"
    deals.mkdir()
    for number in range(4):
        ids = range(number * BATCH, (number + 1) * BATCH)
        numbers = pyarrow.array([Decimal(n) for n in ids], pyarrow.decimal128(18, 2))
        table = pyarrow.table({"id": [f"D-{n}" for n in ids], "estimated": numbers})
        pyarrow.parquet.write_table(table, deals / f"{number}.parquet")
        os.utime(deals / f"{number}.parquet", (number + 1, number + 1))


@contextmanager
def program(way: str, folder: Path, cor: Sandbox) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(Path(__file__).with_name("stream_program.py")), way, str(folder), cor.base_url]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
    with open(folder / "log", "a+") as log:
        # A session of its own, so that its JVM can be killed with it.
        started = subprocess.Popen(
            [*command, cor.token], env=environment, stdout=log, stderr=log, text=True, start_new_session=True
        )
        try:
            yield started
        finally:
            if started.poll() is None:
                os.killpg(started.pid, signal.SIGKILL)
            started.wait()


def run_twice(way: str, folder: Path, cor: Sandbox) -> None:
    """Kills the program in its second micro-batch, and runs it again to its end."""
    files(folder)
    with held(cor, BATCH + BATCH // 2) as is_held, program(way, folder, cor) as first:
        wait_until(is_held, "the requests for the held rows", limit=180)
        os.killpg(first.pid, signal.SIGKILL)
        wait_until(lambda: not connected(cor), "the end of all connections to COR")
    assert len(sent(cor)) < ROWS
    with program(way, folder, cor) as second:
        status = second.wait(timeout=240)
    assert status == 0, (folder / "log").read_text()[-4000:]


def test_killed_stream_of_sync_sends_only_requests_in_flight_again(tmp_path: Path) -> None:
    with sandbox(ROWS) as cor:
        run_twice("sync", tmp_path, cor)
        report(
            "stream killed (-9), restarted; foreachBatch + sync",
            sent_twice=twice(cor),
            right=f"{right(cor, ROWS)} of {ROWS}",
        )
        # The requests in flight, whose responses were not stored.
        assert twice(cor) <= IN_FLIGHT + 1
        assert right(cor, ROWS) == ROWS


@pytest.mark.old_spark
def test_killed_stream_of_the_data_source_sends_its_batch_again(tmp_path: Path) -> None:
    with sandbox(ROWS) as cor:
        run_twice("writer", tmp_path, cor)
        report(
            "stream killed (-9), restarted; data source",
            sent_twice=twice(cor),
            right=f"{right(cor, ROWS)} of {ROWS}",
        )
        # The rows of the second batch before the held ones, and the held ones.
        assert twice(cor) == BATCH // 2 + IN_FLIGHT
        assert right(cor, ROWS) == ROWS


@pytest.mark.old_spark
def test_stream_continues_after_rejected_rows_and_repeated_batch_replaces_its_file(
    session: Callable[..., Any], tmp_path: Path
) -> None:
    spark = session()
    files(tmp_path)
    # The sandbox has none of the projects of the last file.
    with sandbox(3 * BATCH) as cor:

        def run() -> list[Path]:
            rows = spark.readStream.schema("id string, estimated decimal(18,2)").option("maxFilesPerTrigger", 1)
            stream = rows.parquet(str(tmp_path / "deals")).writeStream.format("cor")
            stream = stream.options(source=SOURCE, token=cor.token, baseUrl=cor.base_url)
            stream = stream.option("rejects", str(tmp_path / "rejects"))
            stream = stream.option("checkpointLocation", str(tmp_path / "checkpoint")).trigger(availableNow=True)
            stream.start().awaitTermination()
            return sorted((tmp_path / "rejects").iterdir())

        (file,) = run()
        assert file.name.endswith("-batch-000000003.parquet")
        assert pyarrow.parquet.read_metadata(file).num_rows == BATCH
        assert right(cor, 3 * BATCH) == 3 * BATCH

        # Spark runs a batch again whose commit it has not recorded.
        for name in ("3", ".3.crc"):
            (tmp_path / "checkpoint" / "commits" / name).unlink()
        cor.clear_requests()
        assert run() == [file]
        assert len(cor.requests) == BATCH
        assert pyarrow.parquet.read_metadata(file).num_rows == BATCH
