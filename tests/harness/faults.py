"""The table of faults in tests/faults, and the peer that plays them."""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from harness import ROOT

TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
PROGRAM = Path(os.environ.get("FAULT_PEER", TARGET / "debug" / "fault-peer"))
TOKEN = base64.urlsafe_b64encode(random.Random(1).randbytes(48)).decode()
GRACE = 0.5
"""Seconds beyond the deadline: a quarter, and as much again for a machine that has other work."""

Case = dict[str, Any]


def cases() -> list[Any]:
    """The first and the last variation of every row of the table, as parameters of a test."""
    if not PROGRAM.exists():
        reason = "needs the program fault-peer: cargo build -p cor-fault-peer"
        return [pytest.param({"name": "none"}, marks=pytest.mark.skip(reason=reason))]
    table = ROOT / "tests" / "faults" / "cases.json"
    out = subprocess.run([PROGRAM, "cases", table], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    rows: dict[int, list[Case]] = {}
    for case in map(json.loads, out.splitlines()):
        rows.setdefault(case["row"], []).append(case)
    chosen = [case for row in rows.values() for case in ([row[0], row[-1]] if len(row) > 1 else row)]
    return [pytest.param(case, id=ascii(case["name"])) for case in chosen]


def expected(case: Case, transport: str) -> dict[str, Any]:
    """What is to come of a case through this transport, without TLS around it: the most special expectation."""
    instead = case.get("instead", {})
    names = (f"{transport} straight", "straight", transport)
    found: dict[str, Any] = next((instead[name] for name in names if name in instead), case["expect"])
    return found


def latest(case: Case, expect: dict[str, Any]) -> float:
    """The seconds in which the call must end on a machine that is never late."""
    late: float = max(GRACE, (expect.get("late_ms") or 0) / 1000)
    return float(case["client"]["deadline_ms"]) / 1000 + late


def token_pieces() -> set[str]:
    """Parts of the token, none of which may show anywhere."""
    return {TOKEN[n : n + 8] for n in range(len(TOKEN) - 7)}


class Peer:
    """A peer at work, in a process of its own."""

    def __init__(self, script: dict[str, Any]) -> None:
        self.process = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(script) + "\n")
        self.process.stdin.flush()
        ready = json.loads(self.process.stdout.readline())
        self.url: str = ready["url"]
        self.ca_file: str | None = ready["ca_file"]
        self.lines: list[str] = []
        # It prints events as they come, and would wait for a reader.
        self.reader = threading.Thread(target=self.lines.extend, args=(self.process.stdout,))
        self.reader.start()

    def base_url(self, case: Case) -> str:
        return self.url.replace("http://", "https://") if case["client"]["https"] else self.url

    def requests(self) -> list[bytes]:
        """Ends the peer. Returns every whole request that it received."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.stdin = None
        self.reader.join()
        events = [json.loads(line) for line in self.lines]
        return [base64.b64decode(event["base64"]) for event in events if event["event"] == "request"]


@contextmanager
def playing(script: dict[str, Any]) -> Iterator[Peer]:
    """A peer that plays this script, ended at the end."""
    peer = Peer(script)
    try:
        yield peer
    finally:
        peer.process.kill()
        peer.reader.join()
        peer.process.communicate()
