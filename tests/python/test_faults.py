"""The table of faults through both doors: tests/faults/cases.json against the peer that misbehaves.

Needs the program `fault-peer` (`cargo build -p cor-fault-peer`), by its path in FAULT_PEER or in target/debug.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import projectcor
import pytest
from common import ROOT, Lag

PROGRAM = Path(os.environ.get("FAULT_PEER", ROOT / "target" / "debug" / "fault-peer"))
TOKEN = base64.urlsafe_b64encode(random.Random(1).randbytes(48)).decode()
GRACE = 0.5
"""Beyond the deadline: a quarter of a second, and as much again for an interpreter that others keep waiting."""

LAG = Lag()

pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="needs the program fault-peer")


def cases() -> list[dict[str, Any]]:
    """The first and the last variation of every row."""
    if not PROGRAM.exists():
        return []
    table = ROOT / "tests" / "faults" / "cases.json"
    out = subprocess.run([PROGRAM, "cases", table], check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout
    rows: dict[int, list[dict[str, Any]]] = {}
    for line in out.splitlines():
        case = json.loads(line)
        rows.setdefault(case["row"], []).append(case)
    return [case for row in rows.values() for case in ([row[0], row[-1]] if len(row) > 1 else row)]


class Peer:
    """A peer at work. Closed, it tells what it heard."""

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
        # It tells as it hears, and would wait for a reader.
        self.reader = threading.Thread(target=self.lines.extend, args=(self.process.stdout,))
        self.reader.start()

    def requests(self) -> list[bytes]:
        """Ends the peer. Every whole request that it heard."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.stdin = None
        self.reader.join()
        events = [json.loads(line) for line in self.lines]
        return [base64.b64decode(event["base64"]) for event in events if event["event"] == "request"]


@contextmanager
def playing(script: dict[str, Any]) -> Iterator[Peer]:
    peer = Peer(script)
    try:
        yield peer
    finally:
        peer.process.kill()
        peer.reader.join()
        peer.process.communicate()


def expected(case: dict[str, Any], transport: str) -> dict[str, Any]:
    """What is to come of a case through this transport, without TLS around it: the most special expectation."""
    instead = case.get("instead", {})
    names = (f"{transport} straight", "straight", transport)
    found: dict[str, Any] = next((instead[name] for name in names if name in instead), case["expect"])
    return found


def options(case: dict[str, Any], peer: Peer, transport: str) -> dict[str, Any]:
    given = case["client"]
    seconds = {name: given[f"{name}_ms"] / 1000 for name in ("connect_timeout", "attempt_timeout", "deadline")}
    return {
        "token": TOKEN,
        "base_url": peer.url.replace("http://", "https://") if given["https"] else peer.url,
        "ca_file": peer.ca_file if given["trust"] else None,
        "transport": transport,
        "max_attempts": given["max_attempts"],
        "backoff_base": 0.001,
        "backoff_cap": 0.001,
        **seconds,
    }


Result = tuple["projectcor.Project | projectcor.CorError", float]


def blocking(case: dict[str, Any], given: dict[str, Any], fields: dict[str, Any]) -> Result:
    with projectcor.Client(**given) as client:
        for _ in range(case["update"]["after"]):
            client.projects.update("F-1", source="SALESFORCE", **fields)
        time.sleep(case["update"]["pause_ms"] / 1000)
        begun = time.monotonic()
        try:
            result: projectcor.Project | projectcor.CorError = client.projects.update(
                "F-1", source="SALESFORCE", **fields
            )
        except projectcor.CorError as error:
            result = error
        return result, time.monotonic() - begun


def awaited(case: dict[str, Any], given: dict[str, Any], fields: dict[str, Any]) -> Result:
    async def main() -> Result:
        async with projectcor.AsyncClient(**given) as client:
            for _ in range(case["update"]["after"]):
                await client.projects.update("F-1", source="SALESFORCE", **fields)
            await asyncio.sleep(case["update"]["pause_ms"] / 1000)
            begun = time.monotonic()
            try:
                result: projectcor.Project | projectcor.CorError = await client.projects.update(
                    "F-1", source="SALESFORCE", **fields
                )
            except projectcor.CorError as error:
                result = error
            return result, time.monotonic() - begun

    return asyncio.run(main())


def texts(result: object) -> str:
    """Everything that a result shows, causes included."""
    shown = [repr(result), str(result)]
    if isinstance(result, projectcor.CorError):
        shown += [repr(vars(result)), repr(result.args), repr(result.__cause__)]
    return " ".join(shown)


@pytest.mark.parametrize("transport", ["reqwest", "direct"])
@pytest.mark.parametrize("call", [blocking, awaited])
@pytest.mark.parametrize("case", cases(), ids=lambda case: ascii(case["name"]))
def test_every_fault_ends_as_it_should(case: dict[str, Any], call: Callable[..., Result], transport: str) -> None:
    expect = expected(case, transport)
    fields = {"name": "N"}
    if size := case["update"]["brief_bytes"]:
        fields["brief"] = "b" * size
    with playing(case["peer"]) as peer:
        result, took = call(case, options(case, peer, transport), fields)
        requests = peer.requests()
    late = max(GRACE, (expect.get("late_ms") or 0) / 1000)
    assert took < case["client"]["deadline_ms"] / 1000 + late + LAG.allowance()
    assert len(set(requests)) <= 1, "two attempts are not the same bytes"
    pieces = {TOKEN[n : n + 8] for n in range(len(TOKEN) - 7)}
    shown = texts(result)
    assert not any(piece in shown for piece in pieces)
    if expect["requests"] is not None:
        assert len(requests) == expect["requests"]
    if not isinstance(result, projectcor.CorError):
        assert expect["ok"]
        assert expect["id"] is None or result.id == expect["id"]
        return
    assert not expect["ok"], result
    assert len(requests) <= result.attempts + case["update"]["after"]
    for name in ("kind", "outcome", "status", "code", "attempts"):
        if expect[name] is not None:
            assert str(getattr(result, name)) == str(expect[name]), name
    if expect["retry_after"] is not None:
        wait = result.retry_after
        seconds = getattr(wait, "total_seconds", lambda: wait)()
        assert seconds == expect["retry_after"]
    for text in expect["says"]:
        assert text in shown
