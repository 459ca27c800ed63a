"""A sandbox with the projects of a table, and the state that `cor projects sync` keeps for it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness import export, program
from harness.export import Row

BEFORE = {"name": "before", "start": "1000-01-01", "end": "9999-12-31", "estimated": "1.70", "status": "before"}
BEFORE |= {"brief": "kept"}


class World:
    """Runs the program's verbs on a table, against one sandbox and with one state file."""

    def __init__(self, cor: Path, folder: Path, sandbox: program.RunningSandbox) -> None:
        self.cor, self.folder, self.sandbox = cor, folder, sandbox
        self.state = folder / "sync.db"

    def command(self, verb: str, table: Path, *options: str) -> list[str]:
        arguments = [*export.flags(), "--state", str(self.state), "--json", *options]
        return [str(self.cor), "projects", verb, str(table), *arguments]

    def start(self, verb: str, table: Path, *options: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(verb, table, *options),
            env=self.sandbox.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, verb: str, table: Path, *options: str, status: int = 0) -> tuple[list[dict[str, Any]], str]:
        """Runs to the end, which has this exit status; returns the lines of JSON but progress, and standard error."""
        process = self.start(verb, table, *options)
        out, err = process.communicate()
        assert process.returncode == status, f"exit status {process.returncode}: {err}{out[-2000:]}"
        lines = [json.loads(line) for line in out.splitlines()]
        return [line for line in lines if line.get("event") != "progress"], err

    def summary(self, verb: str, table: Path, *options: str) -> dict[str, Any]:
        """Of a run whose only line is the summary."""
        (line,), _ = self.run(verb, table, *options)
        return line

    def requests(self) -> list[dict[str, Any]]:
        return self.sandbox.requests()

    def known_projects(self) -> int:
        """How many projects the state holds."""
        command: list[str | Path] = [self.cor, "state", "show", "--json", "--state", self.state]
        show = subprocess.run(command, capture_output=True, text=True, check=False)
        assert show.returncode == 0, show.stderr
        return int(json.loads(show.stdout)["projects"])

    def assert_stored(self, rows: list[Row]) -> None:
        export.assert_stored(self.sandbox.stored(), rows, BEFORE)


@contextmanager
def world(cor: Path, folder: Path, ids: Iterable[str], *options: str) -> Iterator[World]:
    """A world in a new folder; its sandbox is killed at the end."""
    folder.mkdir(exist_ok=True)
    seed = program.write_seed(folder / "seed.jsonl", ids, BEFORE)
    sandbox = program.start_sandbox(cor, "--seed", seed, *options)
    try:
        yield World(cor, folder, sandbox)
    finally:
        sandbox.process.kill()
        sandbox.process.communicate()


def ids_of(rows: list[Row]) -> list[str]:
    return [row[export.ID_COLUMN] for row in rows]


def generated(count: int) -> Iterator[Row]:
    """Rows in an order that is not that of their ids."""
    for n in range(count):
        yield {
            "opportunity_id": f"{(n * 7919) % count:09}",
            "account": f"Account {n}, with a name of some length",
            "created_on": "2024-01-01",
            "close_date": f"2025-{n % 12 + 1:02}-{n % 28 + 1:02}",
            "close_value": f"{n}.50",
            "deal_stage": ("Won", "Lost")[n % 2],
        }
