"""The table of faults through both doors: tests/faults/cases.json against the peer that misbehaves.

Needs the program `fault-peer` (`cargo build -p cor-fault-peer`), by its path in FAULT_PEER or in target/debug.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import projectcor
import pytest
from harness import faults
from harness.faults import Case, Peer
from harness.lag import Lag

LAG = Lag()


def options(case: Case, peer: Peer, transport: str) -> dict[str, Any]:
    given = case["client"]
    seconds = {name: given[f"{name}_ms"] / 1000 for name in ("connect_timeout", "attempt_timeout", "deadline")}
    return {
        "token": faults.TOKEN,
        "base_url": peer.base_url(case),
        "ca_file": peer.ca_file if given["trust"] else None,
        "transport": transport,
        "max_attempts": given["max_attempts"],
        "backoff_base": 0.001,
        "backoff_cap": 0.001,
        **seconds,
    }


Result = tuple["projectcor.Project | projectcor.CorError", float]


def blocking(case: Case, given: dict[str, Any], fields: dict[str, Any]) -> Result:
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


def awaited(case: Case, given: dict[str, Any], fields: dict[str, Any]) -> Result:
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
@pytest.mark.parametrize("case", faults.cases())
def test_fault_ends_as_the_table_says(case: Case, call: Callable[..., Result], transport: str) -> None:
    LAG.fairly(lambda: play(case, call, transport))


def play(case: Case, call: Callable[..., Result], transport: str) -> None:
    expect = faults.expected(case, transport)
    fields = {"name": "N"}
    if size := case["update"]["brief_bytes"]:
        fields["brief"] = "b" * size
    with faults.playing(case["peer"]) as peer:
        result, took = call(case, options(case, peer, transport), fields)
        requests = peer.requests()
    assert took < faults.latest(case, expect) + LAG.allowance()
    assert len(set(requests)) <= 1, "two attempts are not the same bytes"
    shown = texts(result)
    assert not any(piece in shown for piece in faults.token_pieces()), "the token shows"
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
