"""What the tests of Spark share: sessions, deals, and what the sandbox received."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from projectcor.testing import Answer, Hold, Request, Sandbox

SOURCE = "SALESFORCE"
LIMIT = 60.0
"""Seconds to wait for a condition on a busy machine."""

CONF = {
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}


def start(master: str, conf: Mapping[str, str] | None = None) -> Any:
    """A classic session in this process, with the data source registered."""
    import projectcor.spark
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(master).appName("projectcor")
    for name, value in {**CONF, **(conf or {})}.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    projectcor.spark.register(spark)
    return spark


def sandbox(rows: int, **options: Any) -> Sandbox:
    """A sandbox with projects D-0, D-1, ..., which records every request."""
    cor = Sandbox(record=10 * rows + 1000, **options)
    cor.seed({"id": f"D-{n}", "source": SOURCE, "name": "Before"} for n in range(rows))
    return cor


def write(df: Any, cor: Sandbox, **options: Any) -> None:
    """Writes a DataFrame with the data source, and waits for it."""
    everything = {"source": SOURCE, "token": cor.token, "baseUrl": cor.base_url, **options}
    df.write.format("cor").mode("append").options(**everything).save()


def deals(spark: Any, rows: int, partitions: int = 1, estimated: str = "id") -> Any:
    """A DataFrame with an update for each of the projects D-0, D-1, ..."""
    numbers = spark.range(0, rows, 1, partitions)
    return numbers.selectExpr("concat('D-', id) as id", f"cast({estimated} as decimal(18,2)) as estimated")


def id_of(request: Request) -> str:
    return unquote(urlsplit(request.path).path.rpartition("/")[2])


def sent(cor: Sandbox) -> Counter[str]:
    """How many requests the sandbox received for each project."""
    return Counter(id_of(request) for request in cor.requests)


def twice(cor: Sandbox) -> int:
    """The projects for which the sandbox received more than one request."""
    return sum(1 for count in sent(cor).values() if count > 1)


def right(cor: Sandbox, rows: int) -> int:
    """The projects that have the value of ``deals``."""
    return sum(1 for n in range(rows) if (project := cor.project(SOURCE, f"D-{n}")) and _is_right(project.fields, n))


IN_FLIGHT = 16
"""Requests that a run has in flight, unless it is set."""


@contextmanager
def held(cor: Sandbox, row: int) -> Iterator[Callable[[], bool]]:
    """Holds the responses for this row of ``deals`` and the 15 after it, until the block ends.

    The rows before are sent, the rows after are not, because each of the requests in flight waits. Yields a function
    that says whether this is so.
    """
    hold = Hold()
    for n in range(row, row + IN_FLIGHT):
        cor.queue(Answer(held_by=hold, for_id=f"D-{n}"))
    try:
        yield lambda: cor.queued == 0
    finally:
        hold.release()


def _is_right(fields: Mapping[str, object], n: int) -> bool:
    return fields.get("estimated") == n


def wait_until(condition: Callable[[], bool], what: str, limit: float = LIMIT) -> None:
    """Waits for a condition in other processes, which send no signal."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen within {limit} s"
        time.sleep(0.01)


class background:
    """Runs a function in a thread while the block runs, and raises what it raised."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function = function
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self._function()
        except BaseException as error:
            self._error = error

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._thread.join()
        if self._error is not None:
            raise self._error


def connected(cor: Sandbox) -> list[int]:
    """The processes other than this one that have a connection to the sandbox."""
    port = urlsplit(cor.base_url).port
    inodes = {
        f"socket:[{fields[9]}]"
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if (fields := line.split())[2].endswith(f":{port:04X}") and fields[3] == "01"
    }
    return [pid for pid in _processes() if pid != os.getpid() and inodes & _open_files(pid)]


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _open_files(pid: int) -> set[str]:
    names = set()
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            try:
                names.add(os.readlink(entry))
            except OSError:
                continue
    except OSError:
        pass  # The process ended, or belongs to another user.
    return names


def report(event: str, **figures: object) -> None:
    """Prints the figures of an event, for the table of docs/guides/spark.md; pytest shows them with -s."""
    print(f"\nevent: {event}: " + ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items()))
