"""One object, used by several threads at the same time: on a Python without the GIL they really run at once."""

from __future__ import annotations

import asyncio
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from common import ID, SOURCE
from projectcor import Project
from projectcor.testing import Sandbox

THREADS = 8
EACH = 25
IDS = [f"T-{number}" for number in range(THREADS * EACH)]


@pytest.fixture
def many(cor: Sandbox) -> Sandbox:
    """A sandbox with a project for each of `IDS`."""
    cor.seed([{"id": one, "source": SOURCE, "name": "before"} for one in IDS])
    return cor


def at_once(work: Callable[[int], Any]) -> list[Any]:
    """What `work` returns on each of `THREADS` threads, which begin together."""
    barrier = threading.Barrier(THREADS)

    def begin(number: int) -> Any:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


def share(number: int) -> list[str]:
    """The projects that this thread changes."""
    return IDS[number * EACH : (number + 1) * EACH]


def taken(results: Iterator[Any]) -> list[Any]:
    """What this thread gets of results that other threads read too. A thread that is refused meanwhile comes again."""
    mine: list[Any] = []
    while True:
        try:
            mine.append(next(results))
        except StopIteration:
            return mine
        except RuntimeError as refused:
            if "another thread" not in str(refused):
                raise


@pytest.mark.skipif(not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="needs Python 3.14t")
def test_importing_the_package_leaves_the_gil_off() -> None:
    assert not vars(sys)["_is_gil_enabled"]()


def test_one_client(many: Sandbox) -> None:
    with many.client() as client:

        def work(number: int) -> list[str | None]:
            return [client.projects.update(one, source=SOURCE, name=f"after {one}").name for one in share(number)]

        names = [name for found in at_once(work) for name in found]
    assert names == [f"after {one}" for one in IDS]


def test_one_async_client_on_an_event_loop_for_each_thread(many: Sandbox) -> None:
    client = many.async_client()

    async def update(number: int) -> list[str | None]:
        calls = [client.projects.update(one, source=SOURCE, name=f"after {one}") for one in share(number)]
        return [project.name for project in await asyncio.gather(*calls)]

    names = [name for found in at_once(lambda number: asyncio.run(update(number))) for name in found]
    asyncio.run(client.close())
    assert names == [f"after {one}" for one in IDS]


def test_a_run_for_each_thread(many: Sandbox) -> None:
    with many.client() as client:

        def work(number: int) -> int:
            rows = [{"id": one, "name": f"after {one}"} for one in share(number)]
            return client.projects.update_all(rows, source=SOURCE).applied

        assert at_once(work) == [EACH] * THREADS


def test_the_results_of_one_run_go_to_one_thread_each(many: Sandbox) -> None:
    rows = [{"id": one, "name": f"after {one}"} for one in IDS]
    with many.client() as client, client.projects.update_many(rows, source=SOURCE) as results:
        found = [item for mine in at_once(lambda _: taken(results)) for item in mine]
        assert results.is_complete
    assert sorted(item.index for item in found) == list(range(len(IDS)))
    assert all(item.ok for item in found)


def test_the_projects_of_one_list_go_to_one_thread_each(many: Sandbox) -> None:
    with many.client() as client, client.projects.list(per_page=7) as listed:
        found = [project.id for mine in at_once(lambda _: list(listed)) for project in mine]
    assert sorted(found) == sorted(stored.cor_id for stored in many.projects())


def test_the_projects_of_one_list_by_pages_and_singly(many: Sandbox) -> None:
    def mine(number: int) -> list[Project]:
        return list(listed) if number % 2 else [project for page in listed.pages() for project in page]

    with many.client() as client, client.projects.list(per_page=7) as listed:
        found = [project.id for projects in at_once(mine) for project in projects]
    assert sorted(found) == sorted(stored.cor_id for stored in many.projects())


class TakenBetween:
    """A list's pages. While the first is on its way to its reader, another reader takes a project."""

    def __init__(self, listed: Any, other: list[Project]) -> None:
        self.run, self.listed, self.other = listed._run, listed, other
        self.is_first = True

    def next(self) -> list[Project] | None:
        page: list[Project] | None = self.run.next()
        if self.is_first:
            self.is_first = False
            self.other.append(next(self.listed))
        return page


@pytest.mark.parametrize("by_pages", [False, True])
def test_a_page_is_kept_when_another_arrives_before_it(many: Sandbox, by_pages: bool) -> None:
    other: list[Project] = []
    with many.client() as client:
        listed: Any = client.projects.list(per_page=7)
        listed._run = TakenBetween(listed, other)
        mine = [project for page in listed.pages() for project in page] if by_pages else list(listed)
    found = {project.id for project in other + mine}
    assert found == {stored.cor_id for stored in many.projects()}
    assert len(other + mine) == len(found)


def test_the_error_of_one_result_is_one_exception(cor: Sandbox) -> None:
    with cor.client() as client:
        (item,) = client.projects.update_many([{"id": "unknown", "name": "N"}], source=SOURCE)
    errors = at_once(lambda _: item.error)
    assert errors[0].kind == "project_not_found"
    assert all(error is errors[0] for error in errors)


def test_a_row_that_changes_while_it_is_read(cor: Sandbox) -> None:
    class Key(str):
        def __str__(self) -> str:
            row[f"key {len(row)}"] = None
            return "name"

    row: dict[str, Any] = {"id": ID, Key("name"): "N"}
    with cor.client() as client:
        (item,) = client.projects.update_many([row], source=SOURCE)
    assert item.ok, item.error
    assert item.project is not None
    assert item.project.name == "N"
    assert len(row) > 2, "the row did change"
