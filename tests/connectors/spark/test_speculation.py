"""Speculation on a standalone master with workers on two addresses: Spark starts no copy of a task on the same host."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from connectors.spark.support import SOURCE, deals, report, right, sandbox, twice, wait_until, write

SPECULATION = {
    "spark.speculation": "true",
    "spark.speculation.interval": "100ms",
    # A task of a stage of its own is copied after this time, without others to compare it with.
    "spark.speculation.task.duration.threshold": "500ms",
    "spark.executor.cores": "1",
    "spark.executor.memory": "512m",
}


@pytest.fixture
def standalone(tmp_path: Path) -> Iterator[str]:
    """The address of a master with two workers, on 127.0.0.2 and 127.0.0.3."""
    import pyspark

    home = Path(str(pyspark.__file__)).parent
    started: list[subprocess.Popen[bytes]] = []

    def begin(name: str, *arguments: str) -> Path:
        log = tmp_path / f"{name}.log"
        environment = {**os.environ, "SPARK_HOME": str(home), "SPARK_NO_DAEMONIZE": "1"}
        environment.pop("SPARK_LOCAL_IP", None)
        with open(log, "w") as file:
            command = [str(home / "bin" / "spark-class"), *arguments]
            started.append(subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=file, stderr=file))
        return log

    def shown(log: Path, pattern: str) -> str:
        wait_until(lambda: re.search(pattern, log.read_text()) is not None, f"{pattern} in {log.name}")
        found = re.search(pattern, log.read_text())
        assert found is not None
        return found[0]

    try:
        package = "org.apache.spark.deploy"
        log = begin("master", f"{package}.master.Master", "--host", "127.0.0.1", "--port", "0", "--webui-port", "0")
        master = shown(log, r"spark://127\.0\.0\.1:\d+")
        for host in ("127.0.0.2", "127.0.0.3"):
            options = ("--host", host, "--webui-port", "0", "--cores", "1", "--memory", "600m")
            log = begin(host, f"{package}.worker.Worker", *options, "--work-dir", str(tmp_path / host), master)
            shown(log, "Successfully registered with master")
        yield master
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait()


def slow_once(df: Any, folder: Path) -> Any:
    """The same rows. The first attempt of a task waits in the middle of them until a second attempt has begun."""

    def rows(batches: Iterator[Any]) -> Iterator[Any]:
        import time

        from pyspark import TaskContext

        context: Any = TaskContext.get()
        copied = folder / f"copied-{context.partitionId()}"
        for batch in batches:
            half = batch.num_rows // 2
            yield batch.slice(0, half)
            if context.attemptNumber() > 0:
                copied.touch()
            end = time.monotonic() + 60
            while not copied.exists() and time.monotonic() < end:
                time.sleep(0.01)
            yield batch.slice(half)

    return df.mapInArrow(rows, df.schema)


def test_speculation_is_refused_in_executors_and_sends_nothing_twice_from_the_driver(
    standalone: str, session: Callable[..., Any], tmp_path: Path
) -> None:
    rows = 6000
    spark = session(standalone, **SPECULATION)
    with sandbox(rows) as cor, cor.client() as client:
        with pytest.raises(Exception, match=r"spark\.speculation is true"):
            write(deals(spark, rows), cor)
        report("speculation; data source", refused="yes", requests=len(cor.requests))
        assert cor.requests == []

        df = slow_once(deals(spark, rows, 2), tmp_path)
        result = client.projects.sync(df, source=SOURCE, state=tmp_path / "cor.db")
        copies = len(list(tmp_path.glob("copied-*")))
        report(
            "speculation; driver",
            copies_of_tasks=copies,
            sent_twice=twice(cor),
            right=f"{right(cor, rows)} of {rows}",
        )
        assert result.ok
        assert copies > 0
        assert twice(cor) == 0
        assert right(cor, rows) == rows
