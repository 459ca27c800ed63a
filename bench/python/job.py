"""The job of the Python clients: the rows, the options, and the line of JSON that each prints at its end."""

from __future__ import annotations

import argparse
import json
import resource
import time
from typing import Any

TOKEN = "bench-token-0123456789abcdef"
PATH = "/v2/integrations/projects/"
STATUS = ("in_progress", "finished", "suspended")
INCOME = ("fee", "one_time", "contract")
COLUMNS = ("id", "name", "start", "end", "estimated_time", "status", "estimated", "income_type")


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


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser()
    options.add_argument("--url", required=True)
    options.add_argument("--n", type=int, default=1000)
    options.add_argument("--c", type=int, default=1)
    options.add_argument("--ca")
    options.add_argument("--lat", action="store_true")
    return options


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_kb() -> int:
    # VmHWM rather than ru_maxrss: the latter is inherited across exec.
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


class Clock:
    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), cpu()

    def report(self, updates: int, errors: int, latencies: list[int]) -> None:
        """Prints the report; `latencies` are in nanoseconds."""
        wall, ended = time.perf_counter() - self.wall, cpu()
        latencies.sort()

        def quantile(q: float) -> float | None:
            return latencies[int(len(latencies) * q)] / 1e3 if latencies else None

        report = {
            "updates": updates,
            "wall_s": wall,
            "cpu_s": ended - self.cpu,
            "cpu_total_s": ended,
            "max_rss_kb": peak_kb(),
            "errors": errors,
            "p50_us": quantile(0.5),
            "p99_us": quantile(0.99),
        }
        print(json.dumps(report))
