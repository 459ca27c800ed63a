"""Reading projects with ``AsyncClient``: the awaited counterparts of what ``projectcor._reading`` has."""

from __future__ import annotations

from projectcor._aliases import limits
from projectcor._native import list_projects, read_projects, start_find_projects, start_read_project

TYPE_CHECKING = False
if TYPE_CHECKING:
    import builtins
    from asyncio import AbstractEventLoop, Task
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
    from typing import Any

    from typing_extensions import Self

    from projectcor._errors import CorError
    from projectcor._native import LoopBridge, NativeClient, Project, ReadResult, ReadRun
    from projectcor._types import Day, Seconds

__all__ = ["AsyncProjectList", "AsyncProjectReads", "AsyncReadResults"]


class AsyncProjectReads:
    """The calls that read projects. They go to COR's main API, ``main_url`` of the client, and change nothing."""

    __slots__ = ()
    _native: NativeClient
    _bridge_of: Callable[[AbstractEventLoop], LoopBridge]

    async def get(
        self,
        cor_id: int,
        *,
        deadline: Seconds | None = None,
        max_attempts: int | None = None,
        timeout: Seconds | None = None,
        max_retries: int | None = None,
    ) -> Project:
        """Reads a project by COR's internal id: see ``Projects.get``."""
        from asyncio import get_running_loop

        loop = get_running_loop()
        future = loop.create_future()
        options = limits("get", deadline, timeout, max_attempts, max_retries)
        call = start_read_project(self._native, self._bridge_of(loop), future, cor_id, options)
        try:
            project: Project = await future
            return project
        finally:
            call.abort()

    async def find_by_name(
        self,
        name: str,
        *,
        deadline: Seconds | None = None,
        max_attempts: int | None = None,
        timeout: Seconds | None = None,
        max_retries: int | None = None,
    ) -> builtins.list[Project]:
        """Returns the projects that COR finds by this name: see ``Projects.find_by_name``."""
        from asyncio import get_running_loop

        loop = get_running_loop()
        future = loop.create_future()
        options = limits("find_by_name", deadline, timeout, max_attempts, max_retries)
        call = start_find_projects(self._native, self._bridge_of(loop), future, name, options)
        try:
            projects: builtins.list[Project] = await future
            return projects
        finally:
            call.abort()

    def get_many(
        self,
        cor_ids: Iterable[int] | AsyncIterable[int],
        *,
        concurrency: int | None = None,
        outage_timeout: Seconds | None = None,
    ) -> AsyncReadResults:
        """Reads many projects and yields one result per id as it arrives: see ``Projects.get_many``.

        ``cor_ids`` may be an asynchronous iterable too.
        """
        added: Any = cor_ids if hasattr(cor_ids, "__aiter__") else None
        run = read_projects(self._native, cor_ids, added is not None, concurrency, outage_timeout)
        return AsyncReadResults(run, self._bridge_of, added)

    def list(
        self,
        *,
        date_start: Day | None = None,
        date_end: Day | None = None,
        client_id: int | None = None,
        team_id: int | None = None,
        user_id: int | None = None,
        brand_id: int | None = None,
        product_id: int | None = None,
        status: str | None = None,
        health: int | None = None,
        archived: bool | None = None,
        per_page: int = 50,
        concurrency: int = 4,
        outage_timeout: Seconds | None = None,
    ) -> AsyncProjectList:
        """Lists projects, each once, or page by page: see ``Projects.list``.

        Example:
            >>> import asyncio
            >>> import projectcor.testing
            >>> async def main(cor):
            ...     async with cor.async_client() as client:
            ...         return [project.id async for project in client.projects.list(archived=False)]
            >>> with projectcor.testing.Sandbox(example=True) as cor:
            ...     asyncio.run(main(cor))
            [155693]
        """
        filters = {
            "date_start": date_start,
            "date_end": date_end,
            "client_id": client_id,
            "team_id": team_id,
            "user_id": user_id,
            "brand_id": brand_id,
            "product_id": product_id,
            "status": status,
            "health": health,
            "archived": archived,
        }
        run = list_projects(self._native, filters, (per_page, concurrency, outage_timeout))
        return AsyncProjectList(run, self._bridge_of)


async def _next(run: ReadRun, bridge_of: Callable[[AbstractEventLoop], LoopBridge]) -> Any:
    """The next page or result; ``None`` at the end. A task that is cancelled here has lost nothing."""
    from asyncio import get_running_loop, sleep

    while (item := run.take()) is None:
        if run.has_ended():
            return None
        loop = get_running_loop()
        future = loop.create_future()
        call = run.wait(bridge_of(loop), future)
        if call is None:
            # Ids are slow to come; others have their turn in between.
            await sleep(0)
            continue
        try:
            await future
        finally:
            call.abort()
    return item


class AsyncProjectList:
    """The projects that ``AsyncProjects.list`` reads, one by one.

    Iterate over it once. After an error no further project comes. Requests in flight are abandoned when it is closed or
    no longer referenced; ``async with`` closes it at the end of its block. A task that is cancelled while it iterates
    has lost no project: another one can go on.
    """

    __slots__ = ("_bridge_of", "_rest", "_run")

    def __init__(self, run: ReadRun, bridge_of: Callable[[AbstractEventLoop], LoopBridge]) -> None:
        self._run = run
        self._bridge_of = bridge_of
        self._rest: list[Project] = []
        """The projects of the latest page that were not yielded, the last first."""

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Project:
        while not self._rest:
            page: list[Project] | None = await _next(self._run, self._bridge_of)
            if page is None:
                raise StopAsyncIteration
            # Another task may have put a page there meanwhile.
            self._rest = page[::-1] + self._rest
        return self._rest.pop()

    async def pages(self) -> AsyncIterator[list[Project]]:
        """The projects page by page, as lists. Projects of a page that were yielded singly are left out."""
        while True:
            page, self._rest = self._rest[::-1], []
            found: list[Project] | None = page or await _next(self._run, self._bridge_of)
            if found is None:
                return
            yield found

    @property
    def total(self) -> int | None:
        """How many projects the list has, as COR stated it last; ``None`` before the first page, or if COR did not."""
        return self._run.total

    async def close(self) -> None:
        """Ends the reading, and abandons the requests in flight."""
        self._rest = []
        self._run.close()

    aclose = close

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<AsyncProjectList: total={self.total}>"


class AsyncReadResults:
    """The results of ``AsyncProjects.get_many``, in the order in which they arrive.

    Iterate over it once. Requests in flight are abandoned when it is closed or no longer referenced; ``async with``
    closes it at the end of its block. A task that is cancelled while it iterates has lost no result: another one can go
    on.
    """

    def __init__(
        self,
        run: ReadRun,
        bridge_of: Callable[[AbstractEventLoop], LoopBridge],
        cor_ids: AsyncIterable[int] | None,
    ) -> None:
        self._run = run
        self._bridge_of = bridge_of
        self._cor_ids = cor_ids
        self._feeder: Task[None] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ReadResult:
        if self._cor_ids is not None:
            from asyncio import ensure_future

            self._feeder = ensure_future(_feed(self._run, self._bridge_of, self._cor_ids))
            self._cor_ids = None
        result: ReadResult | None = await _next(self._run, self._bridge_of)
        if result is None:
            raise StopAsyncIteration
        return result

    @property
    def halted(self) -> CorError | None:
        """Why the run ended before its ids did, an error that every id would meet; else ``None``."""
        return self._run.halted

    async def close(self) -> None:
        """Ends the reading, and abandons the requests in flight. An asynchronous generator of ids is closed."""
        self._cor_ids = None
        self._run.close()
        if self._feeder is not None:
            from asyncio import current_task, wait

            self._feeder.cancel()
            if self._feeder is not current_task():
                await wait({self._feeder})

    aclose = close

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    def __del__(self) -> None:
        feeder = getattr(self, "_feeder", None)
        if feeder is not None and not feeder.get_loop().is_closed():
            feeder.cancel()

    def __repr__(self) -> str:
        return f"<AsyncReadResults: halted={self.halted!r}>"


async def _feed(
    run: ReadRun, bridge_of: Callable[[AbstractEventLoop], LoopBridge], cor_ids: AsyncIterable[int]
) -> None:
    """Adds the ids of an asynchronous iterable to a run, as far as it has room, and closes the iterable."""
    from asyncio import get_running_loop

    loop = get_running_loop()
    iterator: AsyncIterator[int] | None = None
    try:
        iterator = cor_ids.__aiter__()
        async for cor_id in iterator:
            room = loop.create_future()
            call = run.wait_for_room(bridge_of(loop), room)
            if call is not None:
                try:
                    await room
                finally:
                    call.abort()
            if not run.add(cor_id):
                break
    except Exception as error:
        run.finish(error)
    except BaseException as error:
        # If the iterable cancels the task itself, the run would otherwise wait for ever.
        run.finish(error)
        raise
    else:
        run.finish()
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()
