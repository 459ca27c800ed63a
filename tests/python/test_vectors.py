"""The shared tables through this face: the same bytes on the wire, the same kinds of error."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import projectcor
import pytest
from common import Awaited, Blocking, call, vectors
from projectcor.testing import Answer, Sandbox

READ: dict[str, Callable[[Any], object]] = {
    "text": str,
    "date": date.fromisoformat,
    "integer": int,
    "decimal": Decimal,
    "float": float,
    "boolean": bool,
    "income_type": projectcor.IncomeType,
    "clear": lambda _: projectcor.CLEAR,
}


def arguments(vector: dict[str, Any]) -> dict[str, Any]:
    fields = {}
    for name, tagged in vector["fields"].items():
        ((tag, value),) = tagged.items()
        fields[name] = READ[tag](value)
    extra = {name: projectcor.Json(text) for name, text in vector.get("extra", {}).items()}
    return {"source": vector["source"], "extra": extra, **fields}


def typed_updates() -> list[dict[str, Any]]:
    """The updates without cells of text, which only tables have."""
    found = [v for v in vectors("updates.json") if not any("cell" in tagged for tagged in v["fields"].values())]
    assert found
    return found


@pytest.fixture(params=["update", "ProjectUpdate", "update_many"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def send(door: Any, way: str, id: str, given: dict[str, Any]) -> object:
    if way == "update":
        return door.update(id, **given)
    if way == "ProjectUpdate":
        return door.update(id, projectcor.ProjectUpdate(**given))
    (item,), _ = door.update_many([{"id": id, **given}])
    if item.error:
        raise item.error
    return item.project


@pytest.mark.filterwarnings("ignore:update_many. id. .*blanks:UserWarning")
@pytest.mark.parametrize("vector", typed_updates(), ids=lambda v: v["name"])
def test_updates_are_the_same_bytes_on_the_wire(cor: Sandbox, door: Any, way: str, vector: dict[str, Any]) -> None:
    given, expect = arguments(vector), vector["expect"]
    cor.queue(Answer(200, body='{"id":7}'))
    if "kind" not in expect:
        send(door, way, vector["id"], given)
        (request,) = cor.requests
        assert (request.method, request.path) == ("PUT", expect["path"])
        assert request.body.decode() == expect["body"]
        return
    if way == "update_many" and expect["issues"] == [["update", "nothing_to_change"]]:
        # In bulk a row that sets no field is no failure.
        (item,), summary = door.update_many([{"id": vector["id"], **given}])
        assert (item.unchanged, item.error, summary.unchanged, cor.requests) == (True, None, 1, [])
        return
    with pytest.raises(projectcor.CorError) as refused:
        send(door, way, vector["id"], given)
    error = refused.value
    assert error.kind == expect["kind"]
    assert sorted([i.field, i.code] for i in error.issues) == sorted(expect["issues"])
    assert (error.outcome, error.attempts) == ("not_applied", 0)
    assert cor.requests == [], "something was sent"


def text_of(project: projectcor.Project, name: str) -> str | None:
    """A getter's value as the tables write it."""
    value = getattr(project, name)
    if name in ("created_at", "updated_at"):
        # The tables hold COR's own text.
        return project.get(name)
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)


@pytest.mark.parametrize("door_class", [Blocking, Awaited])
@pytest.mark.parametrize("vector", vectors("answers.json"), ids=lambda v: v["name"])
def test_answers_are_the_same_projects_and_errors(cor: Sandbox, door_class: Any, vector: dict[str, Any]) -> None:
    door = door_class(cor, max_attempts=2, backoff_base=0.001, backoff_cap=0.001)
    expect = vector["expect"]
    cor.queue(Answer(vector["status"], body=vector["body"], headers=vector.get("headers"), times=2))
    if "project" in expect:
        project = door.update("A-1", source="SALESFORCE", name="N")
        assert {name: text_of(project, name) for name in expect["project"]} == expect["project"]
    else:
        with pytest.raises(projectcor.CorError) as failed:
            door.update("A-1", source="SALESFORCE", name="N")
        check_error(failed.value, expect, cor)
    door.close()


def check_error(error: projectcor.CorError, expect: dict[str, Any], cor: Sandbox) -> None:
    found = {name: getattr(error, "is_retryable" if name == "retryable" else name) for name in expect}
    assert found == expect
    assert len(cor.requests) == error.attempts


@pytest.mark.parametrize("door_class", [Blocking, Awaited])
@pytest.mark.parametrize("vector", vectors("main_answers.json"), ids=lambda v: v["name"])
def test_answers_of_the_main_api_are_the_same_projects_and_errors(
    cor: Sandbox, door_class: Any, vector: dict[str, Any]
) -> None:
    door = door_class(cor, max_attempts=2, backoff_base=0.001, backoff_cap=0.001)
    expect = vector["expect"]
    answer = Answer(vector["status"], body=vector["body"], headers=vector.get("headers"), for_main_api=True, times=2)
    cor.queue(answer)

    def ask() -> Any:
        return call(door, "get", vector["id"]) if vector["call"] == "get" else listed(door)

    if "kind" in expect:
        with pytest.raises(projectcor.CorError) as failed:
            ask()
        check_error(failed.value, expect, cor)
    elif vector["call"] == "get":
        project = ask()
        assert {name: text_of(project, name) for name in expect["project"]} == expect["project"]
    else:
        assert ask() == expect
    door.close()


def listed(door: Any) -> dict[str, Any]:
    """The ids of a whole list, and its total."""
    if not isinstance(door, Awaited):
        projects = door.client.projects.list()
        return {"ids": [project.id for project in projects], "total": projects.total}

    async def main() -> dict[str, Any]:
        projects = door.client.projects.list()
        return {"ids": [project.id async for project in projects], "total": projects.total}

    return asyncio.run(main())
