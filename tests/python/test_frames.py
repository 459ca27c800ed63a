"""``to_dataframe``: results as data frames of pandas and polars."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from pathlib import Path
from typing import Any

import projectcor
import pytest
from common import ID, SOURCE, Awaited, call
from projectcor.testing import Answer, Sandbox

ROWS: list[dict[str, Any]] = [
    {"id": ID, "estimated": 18000},
    {"id": "P-new", "name": "N"},
    {"id": "nameless", "estimated": 1},
    {"id": ID, "end": "soon"},
]

EXPECTED: dict[str, list[Any]] = {
    "index": [0, 1, 2, 3],
    "id": [ID, "P-new", "nameless", ID],
    "outcome": ["applied", "applied", "rejected", "rejected"],
    "created": [False, True, False, False],
    "error_kind": [None, None, "invalid", "invalid"],
}


def columns(frame: Any) -> dict[str, list[Any]]:
    """The values of a frame of either library, by column, with ``None`` for what is missing."""
    if type(frame).__module__.startswith("polars"):
        by_column: dict[str, list[Any]] = frame.to_dict(as_series=False)
        return by_column
    missing = pytest.importorskip("pandas").NA
    return {name: [None if value is missing else value for value in frame[name]] for name in frame}


def frame_of(door: Any, kind: Any, rows: list[dict[str, Any]] = ROWS, **options: Any) -> Any:
    """The frame of ``update_many``, by each of the doors."""
    if isinstance(door, Awaited):

        async def main() -> Any:
            return await door.client.projects.update_many(rows, source=SOURCE, **options).to_dataframe(kind)

        return asyncio.run(main())
    return door.client.projects.update_many(rows, source=SOURCE, **options).to_dataframe(kind)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_frame_has_a_row_for_each_row_that_was_sent(door: Any, kind: str) -> None:
    pytest.importorskip(kind)
    frame = frame_of(door, kind, create_missing=True)
    assert type(frame).__module__.split(".")[0] == kind
    order = sorted(range(4), key=lambda at: columns(frame)["index"][at])
    found = {name: [values[at] for at in order] for name, values in columns(frame).items()}
    assert list(found) == [
        *("index", "id", "outcome", "created", "error_kind", "message", "attempts", "status", "code", "retry_after"),
        *("request_id", "project_id", "project"),
    ]
    assert {name: found[name] for name in EXPECTED} == EXPECTED
    assert found["project_id"][0] == 155693
    assert json.loads(found["project"][0])["estimated"] == 18000
    assert found["project"][2:] == [None, None]
    assert found["message"][:2] == [None, None]
    assert '"soon" is not a date' in found["message"][3]
    assert found["message"][3].endswith("if the dates have another format, set date_format=")
    assert found["attempts"] == [None, None, 0, 0]
    assert (found["status"][3], found["retry_after"]) == (None, [None] * 4)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_frame_tells_the_outcomes_apart(client: projectcor.Client, cor: Sandbox, kind: str) -> None:
    pytest.importorskip(kind)
    cor.queue(Answer(400, name="ValidationError", message="no"))
    frame = client.projects.update_many([{"id": "P-1", "name": "N"}], source=SOURCE).to_dataframe(kind=kind)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    found = columns(frame)
    assert (found["outcome"], found["error_kind"], found["status"]) == (["not_applied"], ["validation"], [400])
    assert found["code"] == ["ValidationError"]
    results = client.projects.update_many([{"id": ID, "name": "N"}], source=SOURCE)
    results.stop()
    assert len(results.to_dataframe(kind=kind)) == 0  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_a_frame_of_a_sync_has_changes_and_problems_in_order(door: Any, tmp_path: Path, kind: str) -> None:
    pytest.importorskip(kind)
    rows = [{"id": "x", "end": "soon", "start": "now"}, {"id": ID, "estimated": 0.1}, {"id": "P-404", "name": "N"}]
    state = tmp_path / "sync.db"
    plan = columns(call(door, "plan", rows, source=SOURCE, state=state).to_dataframe(kind))
    assert plan["outcome"] == ["rejected", None, None]
    assert plan["is_new"] == [None, True, True]
    assert plan["fields"] == [None, '{"estimated": 0.1}', '{"name": "N"}']
    found = columns(call(door, "sync", rows, source=SOURCE, state=state).to_dataframe(kind))
    assert found["line"] == found["last_line"] == [0, 1, 2]
    assert found["id"] == ["x", ID, "P-404"]
    assert found["outcome"] == ["rejected", "applied", "not_applied"]
    assert found["error_kind"] == ["invalid", None, "project_not_found"]
    assert found["status"] == [None, None, 404]
    assert found["message"][0].count("is not a date") == 2


def test_a_frame_is_one_of_the_library_that_is_there(
    client: projectcor.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pandas")
    pytest.importorskip("polars")
    plan = client.projects.plan([], source=SOURCE, state=False)
    assert type(plan.to_dataframe()).__module__.startswith("pandas")
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert type(plan.to_dataframe()).__module__.startswith("polars")


def test_without_a_library_of_frames_nothing_is_sent(door: Any, cor: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pandas", "polars"):
        monkeypatch.setitem(sys.modules, name, None)
    for kind, says in (
        (None, "needs pandas or polars, and neither is installed; run pip install pandas, or pip install polars$"),
        ("polars", r'\(kind="polars"\) needs polars, which is not installed; run pip install polars$'),
    ):
        with pytest.raises(ImportError, match=says):
            frame_of(door, kind)
    with pytest.raises(ValueError, match='kind is \'spark\'; pass kind="pandas" or kind="polars"'):
        frame_of(door, "spark")
    assert cor.requests == []
    # What was not sent is the exception's to say: no warning, which would be an error here.
    gc.collect()


def test_update_all_groups_failures_and_counts_created_projects(door: Any) -> None:
    rows = [{"id": f"P-{n}", "estimated": n} for n in range(5)] + [{"id": ID, "name": "<b>"}]
    result = call(door, "update_all", rows, source=SOURCE, concurrency=1)
    assert (result.applied, result.created) == (1, 0)
    shown = [
        "Updates: 1 of 6 rows applied, 5 failed",
        "! 5 rows: COR has no such project (ZC001, HTTP 404); not applied",
        "    index 0 (P-0), index 1 (P-1), index 2 (P-2) and 2 more",
    ]
    assert repr(result).splitlines() == shown
    html = result._repr_html_()
    assert "index 0 (P-0), index 1 (P-1), index 2 (P-2) and 2 more" in html
    assert '<span style="color:#d6453d">! 5 rows: COR has no such project' in html
    created = call(door, "update_all", [{"id": "new", "name": "N"}], source=SOURCE, create_missing=True)
    assert repr(created) == "Updates: 1 of 1 rows applied, 1 of them created"
