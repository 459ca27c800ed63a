"""The awaitable door: cancellation, several event loops, both doors alike."""

from __future__ import annotations

import asyncio
import inspect
import threading
from typing import Any

import projectcor
import pytest
from common import ID, SOURCE
from projectcor.testing import Answer, Hold, Sandbox

PAIRS = [
    (projectcor.Client, projectcor.AsyncClient),
    (projectcor.Projects, projectcor.AsyncProjects),
]


@pytest.mark.parametrize(("blocking", "awaited"), PAIRS)
def test_both_clients_have_the_same_signatures(blocking: type, awaited: type) -> None:
    def public(cls: type) -> set[str]:
        return {name for name in dir(cls) if not name.startswith("_")}

    assert public(blocking) == public(awaited)
    for name in ("__init__", *public(blocking)):
        first, second = getattr(blocking, name), getattr(awaited, name)
        if not callable(first):
            continue
        if name == "__init__" and "native" in inspect.signature(first).parameters:
            continue  # made by the client, not by people

        def parameters(function: Any) -> list[Any]:
            # The rows of the awaited door may come asynchronously too; all else is the same.
            return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]

        assert parameters(first) == parameters(second), name


def test_calls_of_one_client_run_concurrently(cor: Sandbox) -> None:
    hold = Hold()
    cor.seed([{"id": f"P-{n}", "source": "SAP", "name": "N"} for n in range(5)])
    cor.queue(Answer(held_by=hold, times=5))

    async def main() -> list[projectcor.Project]:
        async with cor.async_client() as client:
            calls = [client.projects.update(f"P-{n}", source="SAP", name=f"n{n}") for n in range(5)]
            together = asyncio.gather(*calls)
            while len(cor.requests) < 5:
                await asyncio.sleep(0)
            hold.release()
            return await together

    assert [project.name for project in asyncio.run(main())] == [f"n{n}" for n in range(5)]


def test_cancelling_a_call_aborts_its_request(cor: Sandbox) -> None:
    hold = Hold()
    cor.queue(Answer(held_by=hold))

    async def main() -> projectcor.Project:
        async with cor.async_client() as client:
            call = asyncio.ensure_future(client.projects.update(ID, source=SOURCE, name="held"))
            while not cor.requests:
                await asyncio.sleep(0)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            # The project's turn is free again: it would not be, were the call still under way.
            return await asyncio.wait_for(client.projects.update(ID, source=SOURCE, name="next"), 10)

    assert asyncio.run(main()).name == "next"
    first, second = cor.requests
    assert first.connection != second.connection, "the connection of what was given up is closed"
    hold.release()


def test_asyncio_timeout_aborts_the_request(cor: Sandbox) -> None:
    cor.queue(Answer(held_by=(hold := Hold())))

    async def main() -> None:
        async with cor.async_client() as client:
            call = asyncio.ensure_future(client.projects.update(ID, source=SOURCE, name="N"))
            # If it were cancelled before its request arrived, the next call would get the held response.
            while not cor.requests:
                await asyncio.sleep(0)
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(call, 0.01)
            # The project's turn is free again: it would not be, were the call still under way.
            await asyncio.wait_for(client.projects.update(ID, source=SOURCE, name="next"), 10)

    asyncio.run(main())
    hold.release()


def test_cancelling_a_run_aborts_its_requests(cor: Sandbox) -> None:
    cor.queue(Answer(held_by=(hold := Hold())))

    async def main() -> None:
        async with cor.async_client() as client:
            # Somebody still refers to it: that it goes out of scope is not what gives it up.
            results = client.projects.update_many([{"id": ID, "name": "N"}], source=SOURCE)

            async def consume() -> None:
                async for _ in results:
                    raise AssertionError("the answer is held")

            task = asyncio.ensure_future(consume())
            while not cor.requests:
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(client.projects.update(ID, source=SOURCE, name="next"), 10)
            assert [item async for item in results] == []

    asyncio.run(main())
    hold.release()


def test_one_client_works_in_event_loops_one_after_another(cor: Sandbox) -> None:
    client = cor.async_client()

    async def once(n: int) -> str | None:
        return (await client.projects.update(ID, source=SOURCE, name=f"n{n}")).name

    assert [asyncio.run(once(n)) for n in range(3)] == ["n0", "n1", "n2"]
    assert {request.connection for request in cor.requests} == {cor.requests[0].connection}, "the connection is kept"
    asyncio.run(client.close())
    with pytest.raises(RuntimeError, match="closed"):
        asyncio.run(once(3))


def test_one_client_works_in_event_loops_of_several_threads(cor: Sandbox) -> None:
    client = cor.async_client()
    names: list[str | None] = []

    def work(n: int) -> None:
        async def main() -> None:
            for k in range(20):
                project = await client.projects.update(ID, source=SOURCE, name=f"{n}-{k}")
                names.append(project.name)

        asyncio.run(main())

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(str(name) for name in names) == sorted(f"{n}-{k}" for n in range(3) for k in range(20))


def test_closed_event_loop_does_not_break_the_client(cor: Sandbox) -> None:
    cor.queue(Answer(held_by=(hold := Hold())))
    client = cor.async_client()

    async def leave() -> None:
        asyncio.ensure_future(client.projects.update(ID, source=SOURCE, name="N"))  # noqa: RUF006
        while not cor.requests:
            await asyncio.sleep(0)

    asyncio.run(leave())
    hold.release()

    async def again() -> None:
        await client.projects.update(ID, source=SOURCE, name="M")

    asyncio.run(again())


def test_invalid_call_is_refused_when_awaited_and_nothing_is_sent(cor: Sandbox) -> None:
    async def main() -> None:
        async with cor.async_client() as client:
            with pytest.raises(projectcor.InvalidUpdateError):
                await client.projects.update("", source=SOURCE, name="N")

    asyncio.run(main())
    assert cor.requests == []
