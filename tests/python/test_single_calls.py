"""What ``update``, ``create`` and ``delete`` change is known to the next ``sync`` where ``state=`` says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import projectcor
import pytest
from common import ID, SOURCE, call
from projectcor.testing import Answer, Sandbox

ROWS = [{"id": ID, "name": "from the table", "estimated": 7}]


def sent(cor: Sandbox) -> list[dict[str, Any]]:
    """The fields of every update since the last time."""
    bodies = [request.json() for request in cor.requests if request.method == "PUT"]
    for body in bodies:
        del body["metadata"]
    cor.clear_requests()
    return bodies


@pytest.fixture(params=["path", "default"])
def record(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Any, Any]:
    """What ``state=`` is for ``sync`` and for a single call."""
    return (tmp_path / "s.db", tmp_path / "s.db") if request.param == "path" else (None, True)


def test_replaced_value_is_put_back_by_the_next_sync(cor: Sandbox, door: Any, record: tuple[Any, Any]) -> None:
    state, single = record
    assert call(door, "sync", ROWS, source=SOURCE, state=state).applied == 1
    call(door, "update", ID, source=SOURCE, name="by hand", state=single)
    cor.clear_requests()
    plan = call(door, "plan", ROWS, source=SOURCE, state=state)
    assert [(field.name, field.old, field.new) for field in plan.changes[0].fields] == [
        ("name", "by hand", "from the table")
    ]
    assert call(door, "sync", ROWS, source=SOURCE, state=state).applied == 1
    assert sent(cor) == [{"name": "from the table"}]
    assert call(door, "sync", ROWS, source=SOURCE, state=state).unchanged == 1


def test_deleted_and_created_again_is_sent_in_full(cor: Sandbox, door: Any, record: tuple[Any, Any]) -> None:
    state, single = record
    call(door, "sync", ROWS, source=SOURCE, state=state)
    call(door, "delete", ID, source=SOURCE, state=single)
    call(door, "create", ID, source=SOURCE, name="from the table", state=single)
    cor.clear_requests()
    assert call(door, "sync", ROWS, source=SOURCE, state=state).applied == 1
    assert sent(cor) == [{"name": "from the table", "estimated": 7}]


def test_unknown_outcome_sends_the_fields_again(cor: Sandbox, door: Any, tmp_path: Path) -> None:
    state = tmp_path / "s.db"
    call(door, "sync", ROWS, source=SOURCE, state=state)
    cor.queue(Answer(status=500))
    with pytest.raises(projectcor.CorError):
        call(door, "update", ID, source=SOURCE, name="by hand", state=state, max_attempts=1)
    cor.clear_requests()
    call(door, "sync", ROWS, source=SOURCE, state=state)
    assert sent(cor) == [{"name": "from the table"}]


@pytest.mark.parametrize("single", [None, False])
def test_single_call_is_not_recorded_without_state(door: Any, single: Any) -> None:
    call(door, "sync", ROWS, source=SOURCE)
    call(door, "update", ID, source=SOURCE, name="by hand", state=single)
    assert call(door, "sync", ROWS, source=SOURCE).unchanged == 1


def test_missing_state_is_not_created_and_unusable_state_stops_the_call(
    cor: Sandbox, door: Any, tmp_path: Path
) -> None:
    call(door, "update", ID, source=SOURCE, name="N", state=tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == []
    foreign = tmp_path / "notes.txt"
    foreign.write_text("mine", encoding="utf-8")
    cor.clear_requests()
    for name, fields in (("update", {"name": "N"}), ("create", {"name": "N"}), ("delete", {})):
        with pytest.raises(projectcor.StateError) as refused:
            call(door, name, ID, source=SOURCE, state=foreign, **fields)
        assert refused.value.code == "state_foreign"
    assert cor.requests == []
    with pytest.raises(TypeError):
        call(door, "update", ID, source=SOURCE, name="N", state=7)
