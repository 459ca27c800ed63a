"""What `update_many` does with keys that are no field, and with rows that it sends and that are probably a mistake."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import projectcor
import pytest
from common import ID, SOURCE
from projectcor.testing import Sandbox

# Keys that are no field


def test_unknown_keys_reject_their_row_unless_ignored(door: Any, cor: Sandbox) -> None:
    row = {"id": ID, "nme": "N", "brief": "B"}
    (item,), _ = door.update_many([row], source=SOURCE)
    assert "nme: no field is called" in str(item.error)
    assert "did you mean `name`?" in str(item.error)
    for options in ({"ignore": "nme"}, {"ignore": ["nme", "mood"]}):
        (item,), _ = door.update_many([row], source=SOURCE, **options)
        assert item.ok
    with pytest.warns(UserWarning, match=r"not used: nme \(did you mean name\?\)") as warned:
        items, _ = door.update_many([row, row], source=SOURCE, strict=False)
    assert [item.ok for item in items] == [True, True]
    assert len(warned) == 1
    cor.clear_requests()
    with pytest.warns(UserWarning, match="not used: nme"):
        (item,), _ = door.update_many([{"id": ID, "nme": "N"}], source=SOURCE, strict=False)
    assert "no field is called" in str(item.error)
    assert cor.requests == []


# Blank rows

BLANK: list[Any] = [{}, {"id": None, "name": None}]


@pytest.mark.filterwarnings("default:update_many:UserWarning")
def test_a_blank_row_is_rejected_as_blank_and_the_others_are_sent(door: Any, cor: Sandbox) -> None:
    rows: list[Any] = [
        {"id": None, "name": "", "brief": " \u00a0"},
        {"id": ID, "name": "N"},
        {},
        {"id": "", "name": "N"},
        {"id": ID, "name": None},
        {"id": None, "name": None},
    ]
    with pytest.warns(UserWarning, match="update_many: 2 blank rows were skipped"):
        items, summary = door.update_many(rows, source=SOURCE)
    items = sorted(items, key=lambda item: item.index)
    assert [item.ok for item in items] == [False, True, True, False, True, True]
    assert isinstance(items[0].error, projectcor.InvalidUpdateError)
    says = "row: is blank: every value is empty; remove the row, or fill in an id and a value"
    assert says in str(items[0].error)
    assert 'has no "id"' not in str(items[0].error)
    assert "id: is empty" in str(items[3].error)
    for nulls in (items[2], items[4], items[5]):
        assert (nulls.unchanged, nulls.started, nulls.project, nulls.error) == (True, True, None, None)
        assert repr(nulls) == f"ItemResult(index={nulls.index}, id={nulls.id!r}, unchanged=True)"
    assert [item.unchanged for item in (items[0], items[1], items[3])] == [False] * 3
    assert (summary.read, summary.applied, summary.rejected, summary.unchanged) == (6, 1, 2, 3)
    assert len(cor.requests) == 1


# Rows that are probably a mistake


@pytest.mark.filterwarnings("default:update_many:UserWarning")
def test_a_rewritten_id_warns_and_is_not_created_unless_that_is_asked_for(door: Any) -> None:
    rows = [{"id": "1001.0", "source": "SAP", "name": "N"}]
    with pytest.warns(UserWarning, match=r'update_many: id: "1001.0" \(index 0\) looks like an integer'):
        (item,), _ = door.update_many(rows, create_missing=True)
    assert isinstance(item.error, projectcor.ProjectNotFoundError)
    assert "no project was created, because the id looks like an integer" in str(item.error)
    with pytest.warns(UserWarning, match="looks like an integer"):
        (item,), _ = door.update_many(rows, create_missing=True, allow_mangled_ids=True)
    assert item.created


@pytest.mark.filterwarnings("error:update_many:UserWarning")
def test_a_warning_that_is_an_error_ends_the_results_in_it(door: Any, cor: Sandbox) -> None:
    with pytest.raises(UserWarning, match="2 blank rows were skipped"):
        door.update_many([{"id": ID, "name": "N"}, *BLANK], source=SOURCE)
    stored = cor.project(SOURCE, ID)
    assert stored is not None
    assert stored.fields["name"] == "N"


@pytest.mark.filterwarnings("error:update_many:UserWarning")
def test_a_warning_that_is_an_error_ends_the_results_of_an_async_iterable(cor: Sandbox) -> None:
    async def rows() -> AsyncIterator[Any]:
        yield {"id": ID, "name": "N"}
        for row in BLANK:
            yield row

    async def run() -> None:
        async with cor.async_client() as client:
            async for _ in client.projects.update_many(rows(), source=SOURCE):
                pass

    with pytest.raises(UserWarning, match="2 blank rows were skipped"):
        asyncio.run(asyncio.wait_for(run(), 60))
