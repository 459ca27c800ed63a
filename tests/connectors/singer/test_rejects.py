"""Records that were not applied: the exit status, the file of rejected records, and the tap's states."""

from __future__ import annotations

import json
from typing import Any

import pytest
from connectors.singer.messages import record, schema, state
from connectors.singer.program import Target
from projectcor.testing import Answer

MESSAGES = [
    schema(),
    record(id="1", name="a", end="soon"),
    record(id="99", name="unknown to COR"),
    record(id="2", name="b"),
    state(deals=3),
]


def kept(target: Target) -> list[Any]:
    lines = (target.folder / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    return [message for message in map(json.loads, lines) if message["type"] == "RECORD"]


@pytest.mark.parametrize(("on_reject", "status"), [(None, 1), ("fail", 1), ("ignore", 0)])
def test_on_reject_decides_the_exit_status(target: Target, on_reject: str | None, status: int) -> None:
    ended = target.run(MESSAGES, rejects="rejects.jsonl", on_reject=on_reject)
    assert (ended.status, ended.states) == (status, [{"deals": 3}]), ended.log
    assert 'line 2, end: "soon" is not a date' in ended.log
    assert 'line 3: project "99": COR has no such project' in ended.log
    says = "2 records were refused; the exit status is 0, because on_reject is ignore"
    assert (says in ended.log) == (status == 0)
    assert [message["record"]["id"] for message in kept(target)] == ["1", "99"]
    assert [message["_outcome"] for message in kept(target)] == ["rejected", "not_applied"]
    assert target.bodies().keys() == {"99", "2"}


def test_next_run_sends_rejected_records_first(target: Target) -> None:
    ended = target.run(MESSAGES, rejects="rejects.jsonl", on_reject="ignore")
    assert "the next run with this file sends them again" in ended.log
    target.cor.clear_requests()
    target.cor.seed([{"source": "SALESFORCE", "id": "99", "name": "Now it is there"}])
    ended = target.run([schema(), state(deals=3)], rejects="rejects.jsonl", on_reject="ignore")
    assert (ended.status, ended.states) == (0, [{"deals": 3}])
    assert "1 record was refused; the exit status is 0" in ended.log
    assert target.bodies() == {"99": {"name": "unknown to COR"}}
    assert [message["record"]["id"] for message in kept(target)] == ["1"]
    # A newer record of the project replaces the refused one.
    ended = target.run([schema(), record(id="1", name="a", end="2025-04-30"), state(deals=4)], rejects="rejects.jsonl")
    assert (ended.status, ended.states) == (1, [{"deals": 4}]), "the old record is sent first, and refused"
    assert kept(target) == []
    assert target.run([schema(), state(deals=4)], rejects="rejects.jsonl").status == 0


def test_state_stays_before_a_refused_record_without_a_file(target: Target) -> None:
    messages = [schema(), record(id="1", name="a"), state(deals=1), record(id="99", name="x"), state(deals=2)]
    ended = target.run(messages)
    assert (ended.status, ended.states) == (1, [{"deals": 1}])
    assert "STATE messages after a row that was not applied were not written" in ended.log
    assert "With the setting rejects, refused rows are written to that file" in ended.log
    target.cor.seed([{"source": "SALESFORCE", "id": "99", "name": "Now it is there"}])
    ended = target.run(messages)
    assert (ended.status, ended.states) == (0, [{"deals": 1}, {"deals": 2}])


def test_ignore_without_a_file_is_refused(target: Target) -> None:
    ended = target.run(MESSAGES, on_reject="ignore")
    assert (ended.status, ended.states) == (2, [])
    assert "on_reject is ignore, but rejects is not set" in ended.log
    assert "hint: set rejects to a file on a disk that lasts" in ended.log
    assert target.bodies() == {}


def test_ignore_does_not_hide_records_that_failed_for_another_reason(target: Target) -> None:
    target.cor.queue(Answer(500, for_id="2"))
    ended = target.run(MESSAGES, rejects="rejects.jsonl", on_reject="ignore", max_attempts=1)
    assert (ended.status, ended.states) == (1, []), "the tap repeats the record of project 2"
    assert "on_reject is ignore" not in ended.log
    assert [message["record"]["id"] for message in kept(target)] == ["1", "99"]


def test_ignore_does_not_hide_that_the_run_stopped_early(target: Target) -> None:
    refused = [record(id=str(n), name="a", end="soon") for n in range(100, 110)]
    rest = [record(id="2", name="late")]
    ended = target.run([schema(), *refused, *rest], rejects="rejects.jsonl", on_reject="ignore", max_failures=3)
    assert ended.status == 1, ended.log
    assert "stopped because more than 3 rows failed (max_failures)" in ended.log
    assert "on_reject is ignore" not in ended.log
