"""Many updates from an event loop: asynchronous inputs, cancelling, fairness to other tasks."""

from __future__ import annotations

import asyncio
import gc
import itertools
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import projectcor
import pytest
from common import ID, SOURCE
from projectcor.testing import Answer, Hold, Sandbox
from test_many import rows


def run_async(cor: Sandbox, given: Any, **options: Any) -> list[projectcor.ItemResult]:
    async def main() -> list[projectcor.ItemResult]:
        async with cor.async_client() as client:
            return [item async for item in client.projects.update_many(given, source=SOURCE, **options)]

    return asyncio.run(main())


async def anext_of(results: projectcor.AsyncResults) -> projectcor.ItemResult:
    return await results.__anext__()


def test_asynchronous_iterable_of_rows_is_accepted(cor: Sandbox) -> None:
    async def given() -> AsyncIterator[dict[str, Any]]:
        for row in rows(300):
            await asyncio.sleep(0)
            yield row

    items = run_async(cor, given())
    assert sorted(item.index for item in items) == list(range(300))
    assert all(item.ok for item in items)


def test_failing_asynchronous_input_ends_the_run(cor: Sandbox) -> None:
    async def given() -> AsyncIterator[dict[str, Any]]:
        yield {"id": ID, "name": "N"}
        raise ZeroDivisionError("the table ends here")

    with pytest.raises(ZeroDivisionError, match="the table ends here"):
        run_async(cor, given())


def test_rows_of_an_asynchronous_input_are_sent_before_it_fails(cor: Sandbox) -> None:
    async def given() -> AsyncIterator[dict[str, Any]]:
        for row in rows(20):
            yield row
        raise ZeroDivisionError

    async def main() -> projectcor.Summary:
        async with cor.async_client() as client:
            results = client.projects.update_many(given(), source=SOURCE)
            with pytest.raises(ZeroDivisionError):
                async for _ in results:
                    pass
            return results.summary

    assert asyncio.run(main()) == projectcor.Summary(read=20, applied=20)


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
@pytest.mark.parametrize("is_async", [True, False])
def test_asynchronous_results_of_an_input_that_raised_are_not_complete(
    cor: Sandbox, is_async: bool, error: type[BaseException]
) -> None:
    def broken() -> Iterator[dict[str, Any]]:
        yield {"id": ID, "name": "N"}
        raise asyncio.CancelledError if is_async and error is KeyboardInterrupt else error

    async def given() -> AsyncIterator[dict[str, Any]]:
        for row in broken():
            yield row

    async def main() -> None:
        async with cor.async_client() as client:
            results = client.projects.update_many(given() if is_async else broken(), source=SOURCE)
            with pytest.raises((error, asyncio.CancelledError)):
                async for _ in results:
                    pass
            if not is_async:
                async for _ in results:
                    pass
            assert not results.is_complete
            whole = client.projects.update_many([{"id": ID, "name": "N"}], source=SOURCE)
            assert all([item.ok async for item in whole])
            assert whole.is_complete

    asyncio.run(main())


def test_an_asynchronous_input_that_is_cancelled_from_within_ends_the_run(cor: Sandbox) -> None:
    async def given() -> AsyncIterator[dict[str, Any]]:
        yield {"id": ID, "name": "N"}
        raise asyncio.CancelledError

    class Refuses:
        def __aiter__(self) -> AsyncIterator[dict[str, Any]]:
            raise ZeroDivisionError

    with pytest.raises(asyncio.CancelledError):
        run_async(cor, given())
    with pytest.raises(ZeroDivisionError):
        run_async(cor, Refuses())


@pytest.mark.filterwarnings("ignore:the results of update_many")
@pytest.mark.parametrize("end", ["stop", "callback", "halt", "close", "leave", "cancel"])
def test_an_asynchronous_input_is_closed_when_the_run_ends_before_it(cor: Sandbox, end: str) -> None:
    closed: list[str] = []

    async def given() -> AsyncIterator[dict[str, Any]]:
        try:
            for row in rows(1_000_000):
                yield row
                await asyncio.sleep(0)
        finally:
            await asyncio.sleep(0)
            closed.append(end)

    hold = Hold()
    if end == "halt":
        cor.queue(Answer(401, times=1000))
    elif end == "cancel":
        cor.queue(Answer(held_by=hold, times=1000))

    async def consume(client: projectcor.AsyncClient) -> None:
        on_progress = (lambda _: False) if end == "callback" else None
        results = client.projects.update_many(given(), source=SOURCE, on_progress=on_progress)
        async for _ in results:
            if end == "stop":
                results.stop()
            elif end == "close":
                await results.close()
            elif end == "leave":
                break
        if end == "leave":
            del results
            gc.collect()
        elif end == "halt":
            assert isinstance(results.halted, projectcor.AuthError)

    async def main() -> None:
        async with cor.async_client() as client:
            task = asyncio.ensure_future(consume(client))
            if end == "cancel":
                while not cor.requests:
                    await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            else:
                await task
            # Those that cannot wait for the input leave its closing to the event loop.
            latest = time.monotonic() + 10
            while end in ("leave", "cancel") and asyncio.all_tasks() != {asyncio.current_task()}:
                assert time.monotonic() < latest, "the input was not closed"
                await asyncio.sleep(0)
            assert closed == [end]
            assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    hold.release()


@pytest.mark.filterwarnings("ignore:the results of update_many")
@pytest.mark.parametrize("began", [True, False])
@pytest.mark.parametrize("is_async", [True, False])
@pytest.mark.parametrize("first_loop", ["ended", "stopped", "closed"])
def test_asynchronous_results_are_refused_in_another_event_loop(
    cor: Sandbox, began: bool, is_async: bool, first_loop: str
) -> None:
    client = cor.async_client()

    async def given() -> AsyncIterator[dict[str, Any]]:
        for row in rows(200):
            yield row

    async def first() -> projectcor.AsyncResults:
        results = client.projects.update_many(given() if is_async else iter(rows(200)), source=SOURCE)
        if began:
            assert (await anext_of(results)).ok
        return results

    async def second(results: projectcor.AsyncResults) -> None:
        says = "these results belong to another event loop; iterate over them where update_many was called"
        for _ in range(2):
            with pytest.raises(RuntimeError, match=says):
                await asyncio.wait_for(anext_of(results), 30)
        await results.close()
        assert [item async for item in results] == []
        assert [item.ok async for item in client.projects.update_many(rows(3), source=SOURCE)] == [True] * 3

    if first_loop == "ended":
        asyncio.run(second(asyncio.run(first())))
        return
    # Its tasks are not cancelled.
    loop = asyncio.new_event_loop()
    results = loop.run_until_complete(first())
    if first_loop == "stopped":
        asyncio.run(second(results))
        if left := asyncio.all_tasks(loop):
            loop.run_until_complete(asyncio.wait(left))
        loop.close()
    else:
        loop.close()
        asyncio.run(second(results))


def test_asynchronous_results_are_for_one_task_at_a_time(cor: Sandbox) -> None:
    hold = Hold()
    cor.queue(Answer(held_by=hold))

    async def main() -> None:
        async with cor.async_client() as client:
            results = client.projects.update_many(rows(1), source=SOURCE)
            first = asyncio.ensure_future(results.__anext__())
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="another task is already reading"):
                await results.__anext__()
            hold.release()
            assert (await first).ok

    asyncio.run(main())


def test_an_asynchronous_run_s_callback_that_raises_loses_no_result(cor: Sandbox) -> None:
    done: list[int] = []

    def on_progress(progress: projectcor.Progress) -> None:
        done.append(progress.done)
        if len(done) == 2:
            raise ZeroDivisionError

    async def main() -> None:
        async with cor.async_client() as client:
            results = client.projects.update_many(rows(3), source=SOURCE, on_progress=on_progress)
            assert (await results.__anext__()).index == 0
            with pytest.raises(ZeroDivisionError):
                await results.__anext__()
            assert [item.index async for item in results] == [1, 2]

    asyncio.run(main())
    assert done == [1, 2, 2, 3]


@pytest.mark.filterwarnings("ignore:the results of update_many")
def test_leaving_an_async_with_block_cancels_requests_in_flight(cor: Sandbox) -> None:
    hold = Hold()
    cor.queue(Answer(held_by=hold, for_id=ID))

    async def main() -> None:
        async with cor.async_client() as client:
            given = [{"id": ID, "name": "held"}, {"id": "unknown", "name": "N"}]
            async with client.projects.update_many(given, source=SOURCE) as results:
                assert (await results.__anext__()).id == "unknown"
            await asyncio.wait_for(client.projects.update(ID, source=SOURCE, name="next"), 10)
            assert [item async for item in results] == []

    asyncio.run(main())
    hold.release()


def test_an_asynchronous_input_does_not_run_ahead(cor: Sandbox) -> None:
    taken = itertools.count()

    async def given() -> AsyncIterator[dict[str, Any]]:
        while True:
            yield {"id": ID, "estimated_time": next(taken)}

    async def main() -> None:
        async with cor.async_client(concurrency=2) as client:
            results = client.projects.update_many(given(), source=SOURCE)
            seen = 0
            async for _ in results:
                seen += 1
                if seen == 10:
                    break
            await results.close()

    asyncio.run(main())
    assert next(taken) < 3000


def test_results_come_while_the_input_waits_for_them(cor: Sandbox) -> None:
    """The next row depends on the last result: only possible where neither waits for the other to be complete."""

    async def main() -> list[int]:
        results_so_far: asyncio.Queue[int] = asyncio.Queue()

        async def given() -> AsyncIterator[dict[str, Any]]:
            yield {"id": ID, "estimated_time": 0}
            for _ in range(4):
                yield {"id": ID, "estimated_time": await results_so_far.get() + 1}

        async with cor.async_client() as client:
            seen = []
            async for item in client.projects.update_many(given(), source=SOURCE):
                assert item.project is not None
                seen.append(int(item.project.estimated_time or 0))
                results_so_far.put_nowait(seen[-1])
            return seen

    assert asyncio.run(asyncio.wait_for(main(), 20)) == [0, 1, 2, 3, 4]


def test_event_loop_is_not_blocked_by_a_run(cor: Sandbox) -> None:
    hold = Hold()
    cor.queue(Answer(held_by=hold))

    async def main() -> bool:
        async with cor.async_client() as client:

            async def consume() -> list[projectcor.ItemResult]:
                return [item async for item in client.projects.update_many(rows(1), source=SOURCE)]

            task = asyncio.ensure_future(consume())
            while not cor.requests:
                await asyncio.sleep(0)
            # The loop runs while the request waits for its answer.
            assert not task.done()
            hold.release()
            return (await task)[0].ok

    assert asyncio.run(main())
