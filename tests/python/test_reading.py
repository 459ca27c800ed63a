"""Reading projects from the main API, by both clients."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import weakref
from collections.abc import AsyncIterator, Iterator
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import projectcor
import pytest
from common import ID, SOURCE, Awaited, call
from projectcor import CLEAR, Project, ProjectUpdate, ReadResult
from projectcor.testing import Answer, Hold, Sandbox
from test_manners import in_a_child, interrupted, posix

COR_ID = 155693


def collected(door: Any, verb: str, *arguments: Any, **options: Any) -> tuple[list[Any], Any]:
    """Everything that a list or `get_many` yields, and the object that yielded it."""
    if not isinstance(door, Awaited):
        found = getattr(door.client.projects, verb)(*arguments, **options)
        return list(found), found

    async def main() -> tuple[list[Any], Any]:
        found = getattr(door.client.projects, verb)(*arguments, **options)
        return [item async for item in found], found

    return asyncio.run(main())


def seeded(cor: Sandbox, count: int) -> list[int]:
    """Seeds projects; their ids in COR."""
    cor.seed([{"id": f"P-{n}", "source": "SAP", "name": f"N{n % 3}", "archived": n % 2 == 0} for n in range(count)])
    return [project.cor_id for project in cor.projects() if project.source == "SAP"]


# One project


def test_get_reads_every_value(cor: Sandbox, door: Any) -> None:
    project = call(door, "get", COR_ID)
    assert (project.id, project.start, project.archived) == (COR_ID, date(2025, 1, 15), False)
    (request,) = cor.requests
    assert (request.method, request.path) == ("GET", f"/v1/projects/{COR_ID}")


def test_main_api_members_are_exact() -> None:
    project = Project.from_json('{"id":7,"health":"2","elapsed_time":12.50,"total_estimated":"9007199254740993.10"}')
    assert project.health == 2
    assert (str(project.elapsed_time), str(project.total_estimated)) == ("12.50", "9007199254740993.10")
    assert Project.from_json('{"id":7}').total_estimated is None


def test_get_of_unknown_project_is_not_found(door: Any) -> None:
    with pytest.raises(projectcor.ProjectNotFoundError, match="could not read project 7 ") as error:
        call(door, "get", 7)
    assert (error.value.outcome, error.value.read_back) == ("not_applied", False)


@pytest.mark.parametrize("wrong", ["155693", 1.0, True, None, ID])
def test_get_refuses_what_is_no_id(cor: Sandbox, door: Any, wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"^cor_id must be COR's internal id, a whole number such as 155693, not "):
        call(door, "get", wrong)
    with pytest.raises(ValueError, match="too large"):
        call(door, "get", 2**63)
    assert cor.requests == []


def test_get_takes_limits_of_one_call(cor: Sandbox, door: Any) -> None:
    cor.queue(Answer(503, for_main_api=True, times=3))
    with pytest.raises(projectcor.ServerError) as error:
        call(door, "get", COR_ID, max_attempts=2)
    assert error.value.attempts == 2
    assert call(door, "get", COR_ID, max_retries=1, timeout=5).id == COR_ID
    with pytest.raises(projectcor.ConfigError):
        call(door, "get", COR_ID, deadline=0)


def test_find_by_name_returns_all_of_a_name(cor: Sandbox, door: Any) -> None:
    ids = seeded(cor, 6)
    found = call(door, "find_by_name", "N0")
    assert sorted(project.id for project in found) == [ids[0], ids[3]]
    assert call(door, "find_by_name", "no such name / ?") == []
    with pytest.raises(projectcor.InvalidUpdateError):
        call(door, "find_by_name", "")


# Where the main API is


def test_main_url_is_an_option(cor: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    assert projectcor.Client(token="t").main_url == "https://api.projectcor.com/v1"
    elsewhere = projectcor.AsyncClient(token="t", base_url="https://cor.example", main_url="https://cor.example/v1/")
    assert elsewhere.main_url == "https://cor.example/v1"
    with projectcor.Client(token=cor.token, base_url=cor.base_url) as client:
        assert client.main_url is None
        with pytest.raises(projectcor.ConfigError, match=r"main_url`? is not set"):
            client.projects.get(COR_ID)
        with pytest.raises(projectcor.ConfigError):
            next(client.projects.list())
    assert client.main_url is None
    assert cor.requests == []
    monkeypatch.setenv("COR_MAIN_URL", cor.main_url)
    with projectcor.Client(token=cor.token, base_url=cor.base_url) as client:
        assert client.main_url == cor.main_url
        assert client.projects.get(COR_ID).id == COR_ID


# Lists


def test_list_yields_every_project_once(cor: Sandbox, door: Any) -> None:
    ids = seeded(cor, 25)
    projects, found = collected(door, "list", per_page=4, concurrency=3)
    assert sorted(project.id for project in projects) == sorted([COR_ID, *ids])
    assert found.total == 26
    assert repr(found).endswith("ProjectList: total=26>")


def test_list_is_read_page_by_page(cor: Sandbox, client: projectcor.Client) -> None:
    seeded(cor, 25)
    projects = client.projects.list(per_page=5, concurrency=1)
    assert (projects.total, cor.requests) == (None, [])
    first = next(projects)
    assert projects.total == 26
    assert len(cor.requests) == 1
    pages = projects.pages()
    assert [len(next(pages)), len(next(pages))] == [4, 5]
    assert len(cor.requests) == 2
    rest = [project.id for page in pages for project in page]
    assert len(rest) == 26 - 10
    assert first.id not in rest


def test_async_pages_are_lists(cor: Sandbox) -> None:
    seeded(cor, 9)

    async def main() -> tuple[list[int], int]:
        async with cor.async_client() as client, client.projects.list(per_page=4, concurrency=1) as projects:
            first = await projects.__anext__()
            return [len(page) async for page in projects.pages()], first.id is not None

    assert asyncio.run(main()) == ([3, 4, 2], True)


def test_list_sends_filters(cor: Sandbox, door: Any) -> None:
    ids = seeded(cor, 6)
    projects, _ = collected(door, "list", archived=True)
    assert sorted(project.id for project in projects) == ids[::2]
    cor.clear_requests()
    collected(
        door, "list", date_start=date(2025, 1, 1), date_end="2025-12-31", client_id=1, team_id=2, user_id=3, brand_id=4,
        product_id=5, status="finished", health=4, archived=False, per_page=7,
    )  # fmt: skip
    path = cor.requests[0].path
    assert "perPage=7" in path
    filters = (
        '{"dateStart":"2025-01-01","dateEnd":"2025-12-31","client_id":1,"team_id":2,"user_id":3,"brand_id":4,'
        '"product_id":5,"status":"finished","health":4,"archived":2}'
    )
    assert parse_qs(urlsplit(path).query)["filters"] == [filters]


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ({"date_start": "soon"}, ValueError, "date_start: "),
        ({"date_end": 5}, TypeError, "date_end must be a date"),
        ({"client_id": "SF-1"}, TypeError, "client_id must be COR's internal id"),
        ({"archived": 1}, TypeError, "archived must be True or False"),
        ({"status": 1}, TypeError, "status must be text"),
        ({"health": 300}, ValueError, "health is 300"),
        ({"per_page": 0}, projectcor.ConfigError, "per_page is 0; it must be from 1 to 10000"),
        ({"concurrency": 101}, projectcor.ConfigError, "concurrency is 101; it must be from 1 to 100"),
        ({"outage_timeout": -1}, projectcor.ConfigError, "outage_timeout"),
        ({"clientId": 1}, TypeError, "unexpected keyword argument"),
    ],
)
def test_list_refuses_wrong_arguments_at_once(
    cor: Sandbox, door: Any, given: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        collected(door, "list", **given)
    assert cor.requests == []


def test_error_ends_a_list(cor: Sandbox, door: Any) -> None:
    cor.queue(Answer(403, for_main_api=True))
    with pytest.raises(projectcor.ForbiddenError, match="may read projects"):
        collected(door, "list")
    if not isinstance(door, Awaited):
        cor.queue(Answer(403, for_main_api=True))
        projects = door.client.projects.list()
        with pytest.raises(projectcor.ForbiddenError):
            next(projects)
        assert list(projects) == []


def test_closed_list_reads_no_more(cor: Sandbox, client: projectcor.Client) -> None:
    seeded(cor, 25)
    with client.projects.list(per_page=5) as projects:
        next(projects)
    sent = len(cor.requests)
    assert list(projects) == []
    assert list(projects.pages()) == []
    assert len(cor.requests) == sent


# Many


def test_get_many_yields_one_result_for_each_id(cor: Sandbox, door: Any) -> None:
    ids = seeded(cor, 30)
    results, found = collected(door, "get_many", iter([*ids, 7]), concurrency=5)
    by_id = {result.cor_id: result for result in results}
    assert sorted(by_id) == sorted([*ids, 7])
    assert len(results) == 31
    assert all(by_id[cor_id].ok and by_id[cor_id].project.id == cor_id for cor_id in ids)
    assert (by_id[7].ok, by_id[7].project, by_id[7].error.kind) == (False, None, "project_not_found")
    assert found.halted is None


def test_get_many_takes_few_ids_ahead(client: projectcor.Client) -> None:
    taken: list[int] = []

    def ids() -> Iterator[int]:
        for n in range(1, 100_000):
            taken.append(n)
            yield n

    with client.projects.get_many(ids(), concurrency=4) as results:
        for _ in range(10):
            next(results)
    # Four in flight, four that wait for their turn, and at most 64 results that wait to be taken.
    assert len(taken) <= 10 + 4 + 4 + 64
    assert list(results) == []


def test_get_many_raises_what_its_ids_raise_after_results(door: Any) -> None:
    def ids() -> Iterator[Any]:
        yield COR_ID
        raise OSError("the ids ended")

    for given, error in ((ids(), OSError), ([COR_ID, None], TypeError)):
        seen: list[int] = []
        with pytest.raises(error, match=r"the ids ended|not None of type NoneType"):  # noqa: PT012
            if isinstance(door, Awaited):

                async def main(given: Any = given, seen: list[Any] = seen) -> None:
                    async for result in door.client.projects.get_many(given):
                        seen.append(result.cor_id)

                asyncio.run(main())
            else:
                for result in door.client.projects.get_many(given):
                    seen.append(result.cor_id)
        assert seen == [COR_ID]
    with pytest.raises(TypeError, match="not iterable"):
        collected(door, "get_many", 5)


def test_get_many_halts_at_an_error_of_every_id(cor: Sandbox, door: Any) -> None:
    cor.queue(Answer(403, for_main_api=True, times=100))
    results, found = collected(door, "get_many", iter(range(1, 1000)), concurrency=2)
    assert {result.error.kind for result in results} == {"forbidden"}
    assert isinstance(found.halted, projectcor.ForbiddenError)
    assert len(cor.requests) < 10


def test_async_get_many_takes_an_async_iterable(cor: Sandbox) -> None:
    ids = seeded(cor, 40)
    closed = []

    async def source() -> AsyncIterator[int]:
        try:
            for cor_id in [*ids, *range(1, 1000)]:
                await asyncio.sleep(0)
                yield cor_id
        finally:
            closed.append(True)

    async def main() -> list[int]:
        async with cor.async_client() as client, client.projects.get_many(source(), concurrency=3) as results:
            return [(await results.__anext__()).cor_id for _ in ids]

    assert set(asyncio.run(main())) <= {*ids, *range(1, 100)}
    assert closed == [True]


def test_cancelled_task_loses_no_result(cor: Sandbox) -> None:
    ids = seeded(cor, 12)
    hold = Hold()

    async def main() -> tuple[list[int], list[int | None]]:
        async with cor.async_client() as client:
            cor.queue(Answer(held_by=hold, for_main_api=True))
            results = client.projects.get_many(ids, concurrency=1)
            waiting = asyncio.ensure_future(results.__anext__())
            await asyncio.to_thread(cor.wait_for_requests, 1)
            waiting.cancel()
            await asyncio.wait({waiting})
            assert waiting.cancelled()
            hold.release()
            many = [result.cor_id async for result in results]
            projects = client.projects.list(per_page=3)
            waiting_page = asyncio.ensure_future(projects.__anext__())
            await asyncio.sleep(0)
            waiting_page.cancel()
            await asyncio.wait({waiting_page})
            return many, [project.id async for project in projects]

    many, listed = asyncio.run(main())
    assert sorted(many) == sorted(ids)
    assert sorted(filter(None, listed)) == sorted([COR_ID, *ids])


def test_dropped_results_close_their_iterable(client: projectcor.Client) -> None:
    class Ids:
        def __iter__(self) -> Iterator[int]:
            return self

        def __next__(self) -> int:
            return COR_ID

    ids: Any = Ids()
    ids.results = client.projects.get_many(ids)
    assert next(ids.results).ok
    gone = weakref.ref(ids)
    del ids
    gc.collect()
    assert gone() is None


# In a program that has signals and threads of its own


@posix
@pytest.mark.parametrize("verb", ["list", "get_many"])
def test_ctrl_c_interrupts_reading_and_loses_nothing(cor: Sandbox, client: projectcor.Client, verb: str) -> None:
    hold = Hold()
    cor.queue(Answer(held_by=hold, for_main_api=True))
    found: Any = client.projects.list() if verb == "list" else client.projects.get_many([COR_ID])
    assert interrupted(lambda: next(found), lambda: cor.wait_for_requests(1)) < 1
    hold.release()
    assert len(list(found)) == 1
    assert len(cor.requests) == 1


@posix
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_reading_stays_with_its_process(cor: Sandbox, client: projectcor.Client) -> None:
    ids = seeded(cor, 20)
    results = client.projects.get_many(ids, concurrency=2)
    next(results)

    def child() -> None:
        with pytest.raises(RuntimeError, match="parent process"):
            list(results)
        results.close()
        assert client.projects.get(COR_ID).id == COR_ID
        os._exit(0)

    in_a_child(child)
    assert sum(result.ok for result in results) == 19


# Comparing, and settling unknown outcomes


def test_compare_names_what_differs() -> None:
    project = Project.from_json('{"id":7,"name":"A","end":"2025-05-31 00:00:00","estimated_time":250.0,"brief":"b"}')
    update = ProjectUpdate(
        SOURCE, name="A", end="2025-04-30", estimated_time=250, client_id="C", brief=CLEAR, estimated=Decimal("1.50")
    )
    compared = {field.field: field for field in projectcor.compare(update, project)}
    assert {name: (field.result, field.reason) for name, field in compared.items()} == {
        "name": ("equal", None),
        "end": ("different", None),
        "estimated_time": ("equal", None),
        "client_id": ("not_comparable", "external_id"),
        "brief": ("not_comparable", "cleared"),
        "estimated": ("not_comparable", "not_shown"),
    }
    assert (compared["end"].ours, compared["end"].theirs) == ("2025-04-30", "2025-05-31 00:00:00")
    assert (compared["brief"].ours, compared["brief"].theirs) == (None, "b")
    assert str(compared["estimated"].ours) == "1.50"
    assert repr(compared["end"]) == (
        "FieldComparison(field='end', ours='2025-04-30', theirs='2025-05-31 00:00:00', result='different')"
    )
    with pytest.raises(projectcor.InvalidUpdateError):
        projectcor.compare(ProjectUpdate(SOURCE, end="soon"), project)


def test_results_are_plain_data(client: projectcor.Client) -> None:
    found, missing = sorted(client.projects.get_many([COR_ID, 7]), key=lambda result: result.ok, reverse=True)
    (field,) = projectcor.compare(ProjectUpdate(SOURCE, client_id="C"), client.projects.get(COR_ID))
    for thing in (found, missing, field):
        copied = pickle.loads(pickle.dumps(thing))
        assert copied == thing
        assert hash(copied) == hash(thing)
        assert repr(copied) == repr(thing)
    assert found != missing
    assert repr(ReadResult(7)) == "ReadResult(cor_id=7, project=None)"
    assert repr(found).startswith("ReadResult(cor_id=155693, project=Project(id=155693, ")
    assert repr(missing).startswith("ReadResult(cor_id=7, error=ProjectNotFoundError(")


def test_settle_unknown_learns_that_update_was_applied(cor: Sandbox, door: Any) -> None:
    cor.queue(Answer(drop=True, apply=True, times=4))
    project = call(door, "update", ID, source=SOURCE, name="Settled", settle_unknown=True, cor_id=COR_ID)
    assert project.name == "Settled"
    assert cor.requests[-1].method == "GET"


def test_settle_unknown_learns_that_update_was_not_applied(cor: Sandbox, door: Any) -> None:
    cor.queue(Answer(drop=True, times=4))
    with pytest.raises(projectcor.TransportError) as error:
        call(door, "update", ID, source=SOURCE, name="Lost", settle_unknown=True, cor_id=COR_ID)
    assert (error.value.outcome, error.value.read_back) == ("not_applied", True)
    copied = pickle.loads(pickle.dumps(error.value))
    assert (copied, copied.read_back) == (error.value, True)
    cor.queue(Answer(drop=True, times=4))
    with pytest.raises(projectcor.TransportError) as error:
        call(door, "update", ID, source=SOURCE, name="Lost")
    assert (error.value.outcome, error.value.read_back) == ("unknown", False)


def test_settle_unknown_of_update_needs_cor_id(cor: Sandbox, door: Any) -> None:
    with pytest.raises(projectcor.ConfigError, match="cor_id"):
        call(door, "update", ID, source=SOURCE, name="N", settle_unknown=True)
    with pytest.raises(TypeError, match="cor_id must be"):
        call(door, "update", ID, source=SOURCE, name="N", settle_unknown=True, cor_id="7")
    assert cor.requests == []


def test_settle_unknown_finds_created_project(cor: Sandbox, door: Any) -> None:
    cor.queue(Answer(drop=True, apply=True))
    project = call(door, "create", "NEW-1", source=SOURCE, name="A new one", settle_unknown=True)
    stored = cor.project(SOURCE, "NEW-1")
    assert stored is not None
    assert project.id == stored.cor_id
