"""projectcor at the job.

`--rows dicts|pandas|polars|arrow`: all rows exist before the clock starts, as a list of dicts or as a table, so that
only their reading differs. Without it each row is a dict that is made when it is taken. `--async`: with `await`.
"""

from __future__ import annotations

import asyncio
import importlib
import time
from typing import Any

import job
import projectcor


def table(kind: str, n: int) -> Any:
    """The rows as a list of dicts or as a table."""
    rows = [job.row(i) for i in range(n)]
    if kind == "dicts":
        return rows
    columns = {column: [r.get(column) for r in rows] for column in job.COLUMNS}
    if kind == "arrow":
        return importlib.import_module("pyarrow").table(columns)
    return importlib.import_module(kind).DataFrame(columns)


class Rows:
    """The rows, and the names that the answers are to hold until they are checked."""

    def __init__(self, n: int, kind: str | None) -> None:
        self.n = n
        self.names: dict[int, str] = {} if kind is None else {i: job.row(i)["name"] for i in range(n)}
        self.rows = self if kind is None else table(kind, n)

    def __iter__(self) -> Any:
        names = self.names
        for i in range(self.n):
            r = job.row(i)
            names[i] = r["name"]
            yield r

    def is_right(self, item: projectcor.ItemResult) -> bool:
        """The careful user's look at the answer."""
        name = self.names.pop(item.index)
        project = item.project
        return project is not None and project.id is not None and project.id > 0 and project.name == name


def blocking(options: dict[str, Any], rows: Rows) -> int:
    with projectcor.Client(**options) as client:
        results = client.projects.update_many(rows.rows, source="SALESFORCE")
        return sum(not rows.is_right(item) for item in results)


async def awaited(options: dict[str, Any], rows: Rows) -> int:
    async with projectcor.AsyncClient(**options) as client:
        results = client.projects.update_many(rows.rows, source="SALESFORCE")
        return sum([not rows.is_right(item) async for item in results])


def one_by_one(options: dict[str, Any], n: int, latencies: list[int]) -> int:
    errors = 0
    with projectcor.Client(**options) as client:
        update = client.projects.update
        for i in range(n):
            begun = time.perf_counter_ns()
            r = job.row(i)
            project = update(**r, source="SALESFORCE")
            errors += project.name != r["name"]
            latencies.append(time.perf_counter_ns() - begun)
    return errors


def main() -> None:
    parser = job.parser()
    parser.add_argument("--async", dest="awaited", action="store_true")
    parser.add_argument("--rows", choices=["dicts", "pandas", "polars", "arrow"])
    parser.add_argument("--transport", choices=["direct", "reqwest"])
    a = parser.parse_args()
    options = {"base_url": a.url, "token": job.TOKEN, "concurrency": a.c, "ca_file": a.ca, "transport": a.transport}
    latencies: list[int] = []
    rows = Rows(a.n, a.rows)
    clock = job.Clock()
    if a.lat:
        errors = one_by_one(options, a.n, latencies)
    elif a.awaited:
        errors = asyncio.run(awaited(options, rows))
    else:
        errors = blocking(options, rows)
    clock.report(a.n, errors, latencies)


if __name__ == "__main__":
    main()
