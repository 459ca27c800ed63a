"""The table of faults through the C library, by the program of faults.c, with each transport."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from c.toolchain import Toolchain
from harness import faults
from harness.faults import Case
from harness.lag import Lag

LAG = Lag()
TRANSPORTS = ["reqwest", "direct"]


class Ended(NamedTuple):
    """What the program printed, and the requests that arrived."""

    run: subprocess.CompletedProcess[bytes]
    requests: list[bytes]


def play(program: Path, case: Case, transport: str) -> Ended:
    with faults.playing(case["peer"]) as peer:
        given, update = case["client"], case["update"]
        ca_file = peer.ca_file if given["trust"] and peer.ca_file else "-"
        times = [given[f"{name}_ms"] for name in ("connect_timeout", "attempt_timeout", "deadline")]
        numbers = [given["max_attempts"], *times, update["after"], update["pause_ms"], update["brief_bytes"]]
        run = subprocess.run(
            [program, peer.base_url(case), ca_file, *map(str, numbers), transport],
            env={**os.environ, "COR_FAULT_TOKEN": faults.TOKEN},
            capture_output=True,
            timeout=120,
            check=False,
        )
        return Ended(run, peer.requests())


@pytest.fixture(scope="module")
def program(toolchain: Toolchain) -> Path:
    return toolchain.build("tests/c/faults.c")


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("case", faults.cases())
def test_fault_ends_as_the_table_says(program: Path, case: Case, transport: str) -> None:
    LAG.fairly(lambda: judge(play(program, case, transport), case, transport))


def judge(ended: Ended, case: Case, transport: str) -> None:
    run, requests = ended
    expect = faults.expected(case, transport)
    shown = run.stdout + run.stderr
    assert not any(piece.encode() in shown for piece in faults.token_pieces()), "the token shows"
    assert run.returncode == 0, run.stderr
    first, message, _ = run.stdout.decode().split("\n", 2)
    took, kind, outcome, status, code, attempts, wait, _ = first.split("\t")
    assert float(took) <= faults.latest(case, expect) + LAG.allowance()
    assert len(set(requests)) <= 1, "two attempts are not the same bytes"
    if expect["requests"] is not None:
        assert len(requests) == expect["requests"]
    assert (kind == "ok") == expect["ok"], message
    if kind == "ok":
        return
    assert len(requests) <= int(attempts) + case["update"]["after"]
    found: dict[str, Any] = {"kind": kind, "outcome": outcome, "status": status, "code": code, "attempts": attempts}
    wanted = {name: str(expect[name]) for name in found if expect[name] is not None}
    assert {name: found[name] for name in wanted} == wanted, message
    if expect["retry_after"] is not None:
        assert int(wait) == expect["retry_after"] * 1000
    for text in expect["says"]:
        assert text in message
