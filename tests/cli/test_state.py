"""`cor projects sync` with its state: only changes are sent, and a run that ends early is resumed without loss.

The table is a public CRM export where it is at hand, else as many generated rows. What is stored is compared with
Python's own reading of the table.

    SEED=7     makes the random choices of that seed
    ROWS=2000000  the size of the generated table for the memory test (50,000)
"""

from __future__ import annotations

import csv
import json
import os
import random
import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli.world import World, generated, ids_of, world
from harness import export, program
from harness.export import Row

CONCURRENCY = 16
KILLS_PER_WORLD = 5
# Rows enough that a kill comes in each stage of a run.
ROWS_TO_KILL = 4_000
# The state's page cache fills up, and buffers differ a little from run to run; a table of twice the rows adds nothing.
MOST_GROWTH_KIB = 16 << 10
STATE_FAILED = 5
SEED = int(os.environ.get("SEED", "1"))
ROWS = int(os.environ.get("ROWS", "50000"))
HEAD = '{"metadata":{"source":"SALESFORCE"},'


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    path = export.large_path()
    return export.read(path) if path else list(generated(export.LARGE_ROWS))


def counts(summary: dict[str, Any]) -> dict[str, int]:
    return {name: summary[name] for name in ("read", "applied", "unchanged", "rejected", "failed", "not_started")}


def all_of(rows: int, **more: int) -> dict[str, int]:
    return {"read": rows, "applied": 0, "unchanged": 0, "rejected": 0, "failed": 0, "not_started": 0, **more}


def test_second_run_sends_nothing_and_the_third_only_the_edits(cor: Path, tmp_path: Path, rows: list[Row]) -> None:
    table = export.write(tmp_path / "table.csv", rows)
    with world(cor, tmp_path / "world", ids_of(rows), "--record", "100000") as w:
        assert counts(w.summary("sync", table)) == all_of(len(rows), applied=len(rows))
        w.assert_stored(rows)
        w.sandbox.clear_requests()
        assert counts(w.summary("sync", table)) == all_of(len(rows), unchanged=len(rows))
        assert w.requests() == []

        edits = {7: {"account": "An édited name"}, 4000: {"close_value": "18000.10"}}
        edits[len(rows) - 1] = {"deal_stage": "Won?", "close_date": "2025-04-30"}
        edited = [{**row, **edits.get(n, {})} for n, row in enumerate(rows)]
        export.write(table, edited)
        (*changed, plan), _ = w.run("plan", table)
        assert [len(change["changes"]) for change in changed] == [1, 1, 2]
        assert (plan["to_change"], plan["new"], plan["unchanged"]) == (3, 0, len(rows) - 3)
        assert w.requests() == [], "a plan sends nothing"

        third = w.summary("sync", table, "--concurrency", "1")
        assert counts(third) == all_of(len(rows), applied=3, unchanged=len(rows) - 3)
        sent = [(request["path"].rsplit("/", 1)[1], request["body"]) for request in w.requests()]
        assert sent == [
            (edited[7]["opportunity_id"], HEAD + '"name":"An édited name"}'),
            (edited[4000]["opportunity_id"], HEAD + '"estimated":18000.10}'),
            (edited[-1]["opportunity_id"], HEAD + '"end":"2025-04-30","status":"Won?"}'),
        ]
        w.assert_stored(edited)


def await_arrivals(w: World) -> None:
    """Waits until what a killed run had in flight has arrived."""
    count = -1
    while (now := len(w.requests())) != count:
        count = now
        time.sleep(0.05)


@pytest.fixture(scope="module")
def rows_with_older(rows: list[Row]) -> list[Row]:
    """Older versions of some rows stand in front of the newer ones: they must never be sent."""
    rows = rows[:ROWS_TO_KILL]
    return [{**row, "account": f"older {row['account']}"} for row in rows[:700] if row["account"]] + rows


@pytest.fixture(scope="module")
def whole_run(cor: Path, rows_with_older: list[Row], tmp_path_factory: pytest.TempPathFactory) -> float:
    """How many seconds a run takes that is not killed."""
    folder = tmp_path_factory.mktemp("probe")
    table = export.write(folder / "table.csv", rows_with_older)
    with world(cor, folder / "world", ids_of(rows_with_older)) as w:
        started = time.monotonic()
        w.run("sync", table)
        return time.monotonic() - started


@pytest.mark.parametrize("number", range(4))
def test_killed_runs_resume_without_loss_and_repeat_at_most_what_was_in_flight(
    cor: Path, tmp_path: Path, rows_with_older: list[Row], whole_run: float, number: int
) -> None:
    choices = random.Random(f"{SEED}/{number}")
    table = export.write(tmp_path / "table.csv", rows_with_older)
    with world(cor, tmp_path / "world", ids_of(rows_with_older), "--record", "200000") as w:
        seen: set[str] = set()
        before = 0
        for is_last in [False] * KILLS_PER_WORLD + [True]:
            process = w.start("sync", table)
            if not is_last:
                # Not a wait for anything: the moment of the kill is what is drawn.
                time.sleep(choices.uniform(0, whole_run / 2.5))
                process.kill()
            out, err = process.communicate()
            assert not is_last or process.returncode == 0, err + out[-2000:]
            await_arrivals(w)
            requests = w.requests()
            paths = [request["path"] for request in requests[before:]]
            again = sum(path in seen for path in paths)
            assert again <= CONCURRENCY, f"{again} rows were sent twice after one kill"
            seen.update(paths)
            before = len(requests)
        assert not [request for request in w.requests() if '"older' in request["body"]], "an older value was sent"
        w.assert_stored(rows_with_older)
        assert w.summary("sync", table)["applied"] == 0


class SmallDisk:
    """A file system of its own for the state."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def remount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.place)], check=True)

    def fill(self) -> Path:
        filler = self.place / "filler"
        with filler.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                return filler


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "cor-test", str(place)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
        refusal = mounted.stderr.strip() if mounted.returncode else None
    except OSError as error:
        refusal = str(error)
    if refusal is not None:
        pytest.skip(f"needs to mount a file system: {refusal}")
    try:
        yield SmallDisk(place)
    finally:
        subprocess.run(["umount", str(place)], check=True)


def assert_readable(w: World, table: Path, rows: list[Row]) -> None:
    """Looking needs no room, and no permission to write."""
    known = w.known_projects()
    plan, _ = w.run("plan", table)
    assert 0 < known < len(rows)
    assert plan[-1]["unchanged"] == known


def test_full_disk_stops_the_run_and_loses_nothing(
    cor: Path, tmp_path: Path, rows: list[Row], small_disk: SmallDisk
) -> None:
    table = export.write(tmp_path / "table.csv", rows)
    with world(cor, tmp_path / "world", ids_of(rows), "--record", "200000", "--latency", "2") as w:
        w.state = small_disk.place / "sync.db"
        _, err = w.run("sync", table, status=STATE_FAILED)
        assert "its disk, or the disk for temporary files, is full" in err
        before = {request["path"] for request in w.requests()}
        assert len(before) < len(rows), "nothing is sent that the state cannot hold"

        small_disk.remount("size=64m")
        w.sandbox.clear_requests()
        process = w.start("sync", table)
        while len(w.requests()) < 1000:
            assert process.poll() is None, "the run ended before the disk was full"
            time.sleep(0.01)
        again = sum(request["path"] in before for request in w.requests())
        assert again <= CONCURRENCY, f"{again} rows were sent twice"
        filler = small_disk.fill()
        _, err = process.communicate()
        assert process.returncode == STATE_FAILED
        assert "is full" in err
        assert_readable(w, table, rows)
        small_disk.remount("ro")
        assert_readable(w, table, rows)
        small_disk.remount("rw")

        filler.unlink()
        before = {request["path"] for request in w.requests()}
        w.sandbox.clear_requests()
        w.run("sync", table)
        again = sum(request["path"] in before for request in w.requests())
        assert again <= CONCURRENCY, f"{again} rows were sent twice"
        w.assert_stored(rows)


def test_state_that_may_not_grow_stops_the_run_and_the_next_one_sends_the_rest(
    cor: Path, tmp_path: Path, rows: list[Row]
) -> None:
    table = export.write(tmp_path / "table.csv", rows)
    with world(cor, tmp_path / "world", ids_of(rows), "--record", "200000") as w:
        limited = ["bash", "-c", 'trap "" XFSZ; ulimit -f 256; exec "$@"', "bash", *w.command("sync", table)]
        done = subprocess.run(limited, env=w.sandbox.environment, capture_output=True, text=True, check=False)
        assert done.returncode == STATE_FAILED
        assert "state file" in done.stderr
        before = {request["path"] for request in w.requests()}
        assert len(before) < len(rows)
        w.sandbox.clear_requests()
        w.run("sync", table)
        again = sum(request["path"] in before for request in w.requests())
        assert again <= CONCURRENCY, f"{again} rows were sent twice"
        w.assert_stored(rows)


def measure(w: World, verb: str, table: Path) -> tuple[dict[str, Any], str, int]:
    """Runs a verb; returns its summary, a line of figures and the peak memory in KiB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    with (w.folder / "out").open("w+") as out:
        process = subprocess.Popen(
            w.command(verb, table), env=w.sandbox.environment, stdout=out, stderr=subprocess.STDOUT, text=True
        )
        peak = program.peak_memory(process, every=0.01)
        assert process.wait() == 0, (w.folder / "out").read_text()[-2000:]
        seconds = time.monotonic() - started
        out.seek(0, os.SEEK_END)
        out.seek(max(0, out.tell() - 4096))
        summary = json.loads(out.read().splitlines()[-1])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return summary, f"{cpu:7.2f} s CPU  {seconds:7.2f} s  peak {peak / 1024:5.1f} MiB", peak


def test_memory_does_not_grow_with_the_rows(cor: Path, tmp_path: Path) -> None:
    peaks: dict[str, list[int]] = {}
    for rows in (ROWS // 2, ROWS):
        table = tmp_path / f"{rows}.csv"
        with table.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(next(generated(1))))
            writer.writeheader()
            writer.writerows(generated(rows))
        ids = (f"{n:09}" for n in range(rows))
        with world(cor, tmp_path / f"world-{rows}", ids, "--record", "0") as w:
            for verb, expected in [("plan", "new"), ("sync", "applied"), ("plan", "unchanged"), ("sync", "unchanged")]:
                summary, figures, peak = measure(w, verb, table)
                assert summary[expected] == rows
                peaks.setdefault(verb, []).append(peak)
                print(f"{rows:,} rows  {verb:4} {expected:>9}  {figures}")
    for verb, seen in peaks.items():
        half = max(seen[: len(seen) // 2])
        growth = max(seen) - half
        assert growth <= MOST_GROWTH_KIB, f"{verb}: memory grew by {growth} KiB over twice the rows"
