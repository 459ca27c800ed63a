#!/usr/bin/env python3
"""Measures `cor projects plan` and `sync` on a large CSV file beside what their work costs at least.

    bench/table.py [--rows 2000000] [--rounds 3] [--write]

Builds `cor` and the bench's programs optimised, below target/bench. Prints CPU per row and peak memory, and the ratios
beside their aims; with --write, also into bench/TABLE.md with the machine and the date. Clients run on one core and the
server on another. Needs 1 GB of disk for 2,000,000 rows.
"""

from __future__ import annotations

import argparse
import datetime
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import run

COR = run.TARGET / "cor" / "release" / "cor"
READ = "read and hash with the csv crate"
UPDATE_MANY = "update_many, Rust, direct"
PLAN_NEW, PLAN_KNOWN = "plan, every row new", "plan, every row known"
SYNC_NEW, SYNC_KNOWN = "sync, every row new", "sync, every row known"
# One over another is to be at most this.
AIMS = ((PLAN_NEW, READ, 2.0), (PLAN_KNOWN, READ, 2.0), (SYNC_NEW, UPDATE_MANY, 1.5))


@dataclass
class Cost:
    # Microseconds of CPU per row, user and system; the whole process.
    cpu: float
    # Peak memory in MB.
    memory: float


def measure(command: list[str], rows: int, expected: tuple[int, ...] = (0,), **environment: str) -> Cost:
    with tempfile.TemporaryFile() as said:
        environment = {**run.ENVIRONMENT, **environment}
        process = subprocess.Popen([*run.pinned(0), *command], stdout=said, stderr=said, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if code not in expected:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)}: exit status {code}\n{said.read().decode(errors='replace')}")
    return Cost((usage.ru_utime + usage.ru_stime) / rows * 1e6, usage.ru_maxrss * 1024 / 1e6)


def round_of(rows: int, table: Path, folder: Path) -> dict[str, Cost]:
    state = folder / "state.db"
    state.unlink(missing_ok=True)
    options = [str(table), "--source", "SALESFORCE", "--state", str(state)]
    with run.server("plain", 0) as address:
        url = address[1]
        access = {"COR_BASE_URL": url, "COR_ACCESS_TOKEN": "bench", "COR_TRANSPORT": "direct"}

        def cor(command: str, *expected: int) -> Cost:
            return measure([str(COR), "projects", command, *options, "--json"], rows, expected or (0,), **access)

        many = [str(run.RUST / "projectcor"), "--mode", "direct", "--url", url, "--n", str(rows), "--c", "32"]
        return {
            READ: measure([str(run.RUST / "table"), "--read", str(table)], rows),
            PLAN_NEW: cor("plan", 0, 1, 2),
            SYNC_NEW: cor("sync"),
            PLAN_KNOWN: cor("plan", 0),
            SYNC_KNOWN: cor("sync"),
            UPDATE_MANY: measure(many, rows),
        }


def text_of(seen: list[dict[str, Cost]]) -> str:
    lines = ["| what | CPU per row, µs (least to most) | peak memory, MB |", "|---|--:|--:|"]
    medians = {}
    for name in seen[0]:
        costs = [costs[name].cpu for costs in seen]
        medians[name] = statistics.median(costs)
        memory = max(costs[name].memory for costs in seen)
        lines.append(f"| {name} | {medians[name]:.2f} ({min(costs):.2f} to {max(costs):.2f}) | {memory:.0f} |")
    lines += ["", "| ratio | measured | aim | |", "|---|--:|--:|---|"]
    for own, other, most in AIMS:
        ratio = medians[own] / medians[other]
        lines.append(f"| {own}, over {other} | {ratio:.2f} | ≤ {most:.1f} | {'' if ratio <= most else 'missed'} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="write bench/TABLE.md")
    arguments = parser.parse_args()
    run.build({"c", "python"})
    print("building: cor", file=sys.stderr, flush=True)
    cargo = ["cargo", "build", "--quiet", "--locked", "--release", "--package", "cor-cli"]
    subprocess.run([*cargo, "--target-dir", str(COR.parent.parent)], cwd=run.ROOT, check=True)
    with tempfile.TemporaryDirectory(dir=run.TARGET) as name:
        folder = Path(name)
        table = folder / "rows.csv"
        with table.open("wb") as out:
            subprocess.run([str(run.RUST / "table"), "--write", str(arguments.rows)], stdout=out, check=True)
        seen = [round_of(arguments.rows, table, folder) for _ in range(arguments.rounds)]
        size = table.stat().st_size / 1e6
    text = text_of(seen)
    print(text)
    if arguments.write:
        run_of = f"{datetime.date.today().isoformat()}, {run.machine()}; {arguments.rounds} rounds"
        head = f"""# Results of a large table

`bench/table.py --write` writes this page. {run_of} of {arguments.rows:,} rows of CSV ({size:.0f} MB).

CPU of the whole process, user and system. The server answers at once.

"""
        (run.HERE / "TABLE.md").write_text(head + text + "\n")


if __name__ == "__main__":
    main()
