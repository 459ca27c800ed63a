"""This library as one more peer of a comparison of HTTP clients: N partial updates, C at a time.

    python python/bench/peer.py --url http://127.0.0.1:PORT --n 50000 --c 32 [--ca FILE] [--lat] [--async]
                                [--rows dicts|pandas|polars|arrow] [--transport direct|reqwest]

Does the whole job of the other peers: makes each row, sends it, looks at the answer. With --rows, all rows exist before
the clock starts, as a list of dicts or as a table, so that only their reading differs. Prints one line of JSON:
updates, wall and CPU seconds from the first to the last update, peak memory in KiB, errors, and with --lat the
latencies of one call at a time in microseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import resource
import time
from typing import Any

import projectcor

TOKEN = "bench-token-0123456789abcdef"
STATUS = ("in_progress", "finished", "suspended")
INCOME = ("fee", "one_time", "contract")


def row(i: int) -> dict[str, Any]:
    """One row as it would come out of a CSV file or a database."""
    r: dict[str, Any] = {
        "id": f"006Dn{i:010d}",
        "name": f"Überarbeitung Website – Phase {i}" if i % 16 == 0 else f"Website Redesign Project - Phase {i}",
        "end": f"2025-{4 + i % 9:02d}-{1 + i % 28:02d}",
        "estimated_time": 100.0 + (i % 400) * 0.5,
        "status": STATUS[i % 3],
        "estimated": 10000.0 + (i % 10000) * 0.25,
    }
    k = i % 4
    if k == 0:
        r["start"] = "2025-01-15"
    elif k == 1:
        r["income_type"] = INCOME[i // 4 % 3]
    return r


COLUMNS = ("id", "name", "start", "end", "estimated_time", "status", "estimated", "income_type")


def table(kind: str, n: int) -> Any:
    """The rows as a list of dicts or as a table."""
    rows = [row(i) for i in range(n)]
    if kind == "dicts":
        return rows
    columns = {column: [r.get(column) for r in rows] for column in COLUMNS}
    if kind == "arrow":
        return importlib.import_module("pyarrow").table(columns)
    return importlib.import_module(kind).DataFrame(columns)


class Rows:
    """The rows, and the names that the answers are to hold until they are checked."""

    def __init__(self, n: int, kind: str | None) -> None:
        self.n = n
        self.names: dict[int, str] = {} if kind is None else {i: row(i)["name"] for i in range(n)}
        self.rows = self if kind is None else table(kind, n)

    def __iter__(self) -> Any:
        names = self.names
        for i in range(self.n):
            r = row(i)
            names[i] = r["name"]
            yield r

    def is_right(self, item: projectcor.ItemResult) -> bool:
        """The careful user's look at the answer."""
        name = self.names.pop(item.index)
        project = item.project
        return project is not None and project.id is not None and project.id > 0 and project.name == name


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_kb() -> int:
    # VmHWM rather than ru_maxrss: the latter is inherited across exec.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


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
            r = row(i)
            project = update(**r, source="SALESFORCE")
            errors += project.name != r["name"]
            latencies.append(time.perf_counter_ns() - begun)
    return errors


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--c", type=int, default=1)
    parser.add_argument("--ca")
    parser.add_argument("--lat", action="store_true")
    parser.add_argument("--async", dest="awaited", action="store_true")
    parser.add_argument("--rows", choices=["dicts", "pandas", "polars", "arrow"])
    parser.add_argument("--transport", choices=["direct", "reqwest"])
    a = parser.parse_args()
    options = {"base_url": a.url, "token": TOKEN, "concurrency": a.c, "ca_file": a.ca, "transport": a.transport}
    latencies: list[int] = []
    rows = Rows(a.n, a.rows)
    begun, cpu_begun = time.perf_counter(), cpu()
    if a.lat:
        errors = one_by_one(options, a.n, latencies)
    elif a.awaited:
        errors = asyncio.run(awaited(options, rows))
    else:
        errors = blocking(options, rows)
    wall, cpu_ended = time.perf_counter() - begun, cpu()
    latencies.sort()

    def quantile(q: float) -> float | None:
        return round(latencies[min(int(len(latencies) * q), len(latencies) - 1)] / 1e3, 1) if latencies else None

    report = {
        "updates": a.n,
        "wall_s": round(wall, 6),
        "cpu_s": round(cpu_ended - cpu_begun, 6),
        "cpu_total_s": round(cpu_ended, 6),
        "max_rss_kb": peak_kb(),
        "errors": errors,
        "p50_us": quantile(0.5),
        "p99_us": quantile(0.99),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
