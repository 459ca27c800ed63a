"""``AsyncClient``: the client whose calls are awaited, with the names, parameters and defaults of ``Client``."""

from __future__ import annotations

from projectcor._aliases import limits
from projectcor._async_reading import AsyncProjectReads
from projectcor._base import Base, ProgressCallbacks, apart, bar_of, merged, refuse_timeout, refuse_unknown
from projectcor._native import LoopBridge, NativeClient
from projectcor._update import ProjectUpdate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Mapping
    from typing import Any, NoReturn

    from typing_extensions import Self, Unpack

    from projectcor._auth import AuthStatus, LoopTokens
    from projectcor._bulk import BulkResult
    from projectcor._errors import CorError
    from projectcor._fields import CreateFields, ProjectFields
    from projectcor._native import AsyncRun, Deleted, ItemResult, Progress, Project, Summary
    from projectcor._sync import Plan, SyncResult
    from projectcor._types import (
        AsyncRows,
        AsyncTokenProvider,
        Bar,
        Columns,
        FileValues,
        FrameKind,
        OnProgress,
        Path,
        Place,
        Record,
        Rows,
        Seconds,
        TableValues,
        TokenProvider,
    )

__all__ = ["AsyncClient", "AsyncProjects", "AsyncResults"]


class AsyncClient(Base):
    """The client for ``asyncio``: the same as ``Client``, with calls to be awaited.

    Options, environment and errors are those of ``Client``. It may be used in several event loops, one after another or
    at once. Cancelling an awaited call abandons its request. One thread, started with the first call, drives all
    asynchronous clients of the process.

    Example:
        >>> import asyncio
        >>> import projectcor.testing
        >>> async def main(cor):
        ...     async with AsyncClient(base_url=cor.base_url, token=cor.token) as client:
        ...         return await client.projects.update("SF-OPP-12345", source="SALESFORCE", name="Phase 2")
        >>> with projectcor.testing.Sandbox(example=True) as cor:
        ...     asyncio.run(main(cor)).name
        'Phase 2'
    """

    _blocking = False
    _bridge: LoopBridge | None = None
    _loop_tokens: LoopTokens | None = None

    @property
    def projects(self) -> AsyncProjects:
        """COR's projects."""
        return AsyncProjects(self._native, self._bridge_of)

    async def close(self) -> None:
        """Closes the connections once the calls in flight have ended; new ones are refused."""
        self._native.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def auth_status(self) -> AuthStatus:
        """Finds out which credentials are used, and whether COR accepts them: see ``Client.auth_status``."""
        from asyncio import get_running_loop

        from projectcor._auth import auth_status

        loop = get_running_loop()
        future = loop.create_future()
        call = self._native.start_auth_status(self._bridge_of(loop), future)
        try:
            return auth_status(await future)
        finally:
            call.abort()

    def _tokens(self, provider: TokenProvider | AsyncTokenProvider | None) -> object:
        if provider is None or not callable(provider):
            return provider
        from projectcor._auth import LoopTokens

        self._loop_tokens = LoopTokens(provider)
        return self._loop_tokens

    def _bridge_of(self, loop: AbstractEventLoop) -> LoopBridge:
        if self._loop_tokens is not None:
            self._loop_tokens.called_in(loop)
        bridge = self._bridge
        if bridge is None or bridge.event_loop is not loop:
            self._bridge = bridge = LoopBridge(loop)
        return bridge


class AsyncProjects(AsyncProjectReads):
    """The calls about projects."""

    __slots__ = ("_bridge_of", "_native")

    def __init__(self, native: NativeClient, bridge_of: Callable[[AbstractEventLoop], LoopBridge]) -> None:
        self._native = native
        self._bridge_of = bridge_of

    async def update(
        self,
        id: str,
        update: ProjectUpdate | None = None,
        *,
        source: str | None = None,
        extra: Mapping[str, Any] | None = None,
        deadline: Seconds | None = None,
        max_attempts: int | None = None,
        timeout: Seconds | None = None,
        max_retries: int | None = None,
        state: Record | None = None,
        settle_unknown: bool = False,
        cor_id: int | None = None,
        **fields: Unpack[ProjectFields],
    ) -> Project:
        """Sends one update and returns the project as COR now has it: see ``Projects.update``."""
        from asyncio import get_running_loop

        loop = get_running_loop()
        future = loop.create_future()
        update, given = merged(update, source, extra, fields)
        options = limits("update", deadline, timeout, max_attempts, max_retries), state, settle_unknown, cor_id
        call = self._native.start_update(self._bridge_of(loop), future, id, update, *given, options)
        try:
            project: Project = await future
            return project
        finally:
            call.abort()

    def update_many(
        self,
        rows: AsyncRows,
        *,
        source: str | None = None,
        id_column: str = "id",
        text_cells: bool = False,
        concurrency: int | None = None,
        outage_timeout: Seconds | None = None,
        on_progress: OnProgress | None = None,
        progress: bool = False,
        create_missing: bool = False,
        **values: Unpack[TableValues],
    ) -> AsyncResults:
        """Sends many updates and yields one result per row as it finishes: see ``Projects.update_many``.

        ``rows`` may be an asynchronous iterable too. ``on_progress`` is called on the event loop.
        """
        from asyncio import get_running_loop

        refuse_timeout("update_many", values)
        bridge = self._bridge_of(get_running_loop())
        fed: Any = rows if hasattr(rows, "__aiter__") else None
        run = self._native.start_many(
            bridge,
            rows,
            fed is not None,
            source,
            (id_column, text_cells, {"strict": True, **values}),
            concurrency,
            outage_timeout,
            on_progress,
            create_missing,
        )
        return AsyncResults(run, fed, on_progress, bar_of(progress))

    async def update_all(
        self,
        rows: AsyncRows,
        *,
        source: str | None = None,
        id_column: str = "id",
        text_cells: bool = False,
        concurrency: int | None = None,
        outage_timeout: Seconds | None = None,
        on_progress: OnProgress | None = None,
        progress: bool = False,
        create_missing: bool = False,
        max_details: int = 10_000,
        **values: Unpack[TableValues],
    ) -> BulkResult:
        """Sends many updates, waits for all of them and returns counters and failures: see ``Projects.update_all``.

        ``rows`` may be an asynchronous iterable too. ``on_progress`` is called on the event loop.
        """
        from projectcor._bulk import Collector

        refuse_timeout("update_all", values)
        collector = Collector(max_details)
        async with self.update_many(
            rows,
            source=source,
            id_column=id_column,
            text_cells=text_cells,
            concurrency=concurrency,
            outage_timeout=outage_timeout,
            on_progress=on_progress,
            progress=progress,
            create_missing=create_missing,
            **values,
        ) as results:
            async for item in results:
                collector.add(item)
            return collector.result(results)

    async def create(
        self,
        id: str,
        update: ProjectUpdate | None = None,
        *,
        source: str | None = None,
        extra: Mapping[str, Any] | None = None,
        deadline: Seconds | None = None,
        max_attempts: int | None = None,
        timeout: Seconds | None = None,
        max_retries: int | None = None,
        state: Record | None = None,
        settle_unknown: bool = False,
        **fields: Unpack[CreateFields],
    ) -> Project:
        """Creates a project and returns it as COR now has it: see ``Projects.create``."""
        from asyncio import get_running_loop

        loop = get_running_loop()
        future = loop.create_future()
        only, shared = apart(fields)
        update, given = merged(update, source, extra, shared)
        options = limits("create", deadline, timeout, max_attempts, max_retries), state, settle_unknown, None
        call = self._native.start_create(self._bridge_of(loop), future, id, update, *given, only, options)
        try:
            project: Project = await future
            return project
        finally:
            call.abort()

    async def delete(
        self,
        id: str,
        *,
        source: str,
        deadline: Seconds | None = None,
        max_attempts: int | None = None,
        timeout: Seconds | None = None,
        max_retries: int | None = None,
        state: Record | None = None,
        **unknown: NoReturn,
    ) -> Deleted:
        """Deletes a project, together with its external id: see ``Projects.delete``."""
        from asyncio import get_running_loop

        refuse_unknown("delete", unknown)
        loop = get_running_loop()
        future = loop.create_future()
        options = limits("delete", deadline, timeout, max_attempts, max_retries), state, False, None
        call = self._native.start_delete(self._bridge_of(loop), future, id, source, options)
        try:
            deleted: Deleted = await future
            return deleted
        finally:
            call.abort()

    async def plan(
        self,
        rows: Rows | Path,
        *,
        source: str | None = None,
        state: Place | None = None,
        mapping: Columns | None = None,
        id_column: str | None = None,
        format: str | None = None,
        delimiter: str | None = None,
        encoding: str | None = None,
        full: bool = False,
        create_missing: bool = False,
        text_cells: bool = False,
        limit: int | None = None,
        rejects: Path | None = None,
        report: Path | None = None,
        max_details: int = 10_000,
        **values: Unpack[FileValues],
    ) -> Plan:
        """Shows what ``sync`` would send, and sends nothing: see ``Projects.plan``.

        The table is read in a thread of the event loop's default executor, iterables included.
        """
        from projectcor._sync import request

        arguments = request(
            rows,
            source=source,
            state=state,
            mapping=mapping,
            id_column=id_column,
            format=format,
            delimiter=delimiter,
            encoding=encoding,
            full=full,
            create_missing=create_missing,
            text_cells=text_cells,
            limit=limit,
            outage_timeout=None,
            wait=None,
            rejects=rejects,
            report=report,
            max_details=max_details,
            values=values,
            planning=True,
            off_loop=True,
        )
        plan: Plan = await _off_loop(self._native, arguments, None)
        return plan

    async def sync(
        self,
        rows: Rows | Path,
        *,
        source: str | None = None,
        state: Place | None = None,
        mapping: Columns | None = None,
        id_column: str | None = None,
        format: str | None = None,
        delimiter: str | None = None,
        encoding: str | None = None,
        full: bool = False,
        refresh: bool = False,
        keep_remote: Iterable[str] = (),
        create_missing: bool = False,
        text_cells: bool = False,
        limit: int | None = None,
        max_failures: int | str | None = None,
        outage_timeout: Seconds | None = None,
        wait: Seconds | None = None,
        rejects: Path | None = None,
        report: Path | None = None,
        max_details: int = 10_000,
        on_progress: OnProgress | None = None,
        progress: bool = False,
        **values: Unpack[FileValues],
    ) -> SyncResult:
        """Keeps COR's projects in sync with a table: see ``Projects.sync``.

        The table is read, and its results are stored, in a thread of the event loop's default executor, iterables
        included. ``on_progress`` is called on the event loop. Cancelling abandons the requests in flight.
        """
        from projectcor._sync import request

        arguments = request(
            rows,
            source=source,
            state=state,
            mapping=mapping,
            id_column=id_column,
            format=format,
            delimiter=delimiter,
            encoding=encoding,
            full=full,
            refresh=refresh,
            keep_remote=keep_remote,
            create_missing=create_missing,
            text_cells=text_cells,
            limit=limit,
            max_failures=max_failures,
            outage_timeout=outage_timeout,
            wait=wait,
            rejects=rejects,
            report=report,
            max_details=max_details,
            values=values,
            planning=False,
            off_loop=True,
        )
        with ProgressCallbacks(on_progress, bar_of(progress)) as report_progress:
            result: SyncResult = await _off_loop(self._native, arguments, report_progress)
        return result


class AsyncResults:
    """The results of ``AsyncProjects.update_many``, in the order in which they finish.

    Iterate over it once, in one task of the event loop that ``update_many`` was called in, to the end: rows that were
    not begun are not sent. Requests in flight are abandoned when the task that iterates is cancelled, when the results
    are closed, or when nothing refers to them; ``async with`` closes them at the end of its block. A ``RuntimeWarning``
    says how many rows were not sent, unless ``stop`` or ``close`` ended the run on purpose.
    """

    def __init__(
        self,
        run: AsyncRun,
        rows: AsyncIterable[object] | None,
        on_progress: OnProgress | None,
        bar: Bar | None,
    ) -> None:
        self._run = run
        self._rows = rows
        self._feeder: Task[None] | None = None
        self._dismissed = False
        self._on_progress = on_progress
        self._bar = bar
        self._closed = False
        self._asked = False
        self._is_direct = False
        """Whether a result that is there can be returned at once: rows come in, and nothing else is done with it."""
        self._taken_back: tuple[ItemResult, Progress] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> ItemResult:
        if self._asked:
            raise RuntimeError("another task is already reading these results")
        if not self._closed:
            self._run.check_loop()
        self._asked = True
        try:
            item = self._run.take() if self._is_direct else None
            if item is None:
                item = await self._next()
        except BaseException as error:
            from asyncio import CancelledError

            if isinstance(error, CancelledError):
                self._run.dismiss()
                self._give_up()
            else:
                self._close_bar()
            raise
        finally:
            self._asked = False
        if item is None:
            raise StopAsyncIteration
        return item

    async def _next(self) -> ItemResult | None:
        if self._taken_back is not None:
            item, progress = self._taken_back
        else:
            found = await self._take()
            if found is None:
                await self._end()
                return None
            item = found
            if not self._is_heard():
                return item
            progress = self._run.progress()
        # It is the next one again where the callback raises.
        self._taken_back = item, progress
        self._report(progress)
        self._taken_back = None
        return item

    async def _take(self) -> ItemResult | None:
        from asyncio import get_running_loop

        if self._closed:
            return None
        if self._rows is not None:
            from asyncio import ensure_future

            self._feeder = ensure_future(_feed(self._run, self._rows))
            self._rows = None
        self._is_direct = not self._is_heard()
        while (item := self._run.take()) is None:
            if self._run.has_ended():
                return None
            future = get_running_loop().create_future()
            if not self._run.wait(future):
                from asyncio import sleep

                # Rows are slow to come; others have their turn in between.
                await sleep(0)
            elif not self._is_heard():
                await future
            else:
                from asyncio import wait

                await wait({future}, timeout=_LOOK)
                if not future.done() and (progress := self._run.tick()) is not None:
                    self._report(progress)
        return item

    def _is_heard(self) -> bool:
        return self._bar is not None or self._on_progress is not None

    def _report(self, progress: Progress) -> None:
        if self._bar is not None:
            self._bar(progress)
        if self._on_progress is not None and self._on_progress(progress) is False:
            self.stop()

    @property
    def summary(self) -> Summary:
        """The counters of the rows so far."""
        return self._run.summary

    @property
    def halted(self) -> CorError | None:
        """Why the run ended before its input did: COR could not be reached, or did not accept the credentials."""
        return self._run.halted

    @property
    def is_complete(self) -> bool:
        """Whether every row of the input has its result: see ``Results.is_complete``."""
        return self._run.is_complete

    async def to_dataframe(self, kind: FrameKind | None = None) -> Any:
        """Sends the remaining rows and returns a data frame with a row for each: see ``Results.to_dataframe``."""
        from projectcor._frames import ItemRows

        try:
            rows = ItemRows(kind)
        except Exception:
            # The exception says why the rows are not sent.
            self._run.dismiss()
            raise
        async for item in self:
            rows.add(item)
        return rows.frame()

    def stop(self) -> None:
        """Stops the run: requests in flight finish, and the remaining rows that were read are reported as not started.

        Rows that come from an asynchronous iterable are no longer waited for; a generator is closed.
        """
        self._run.stop()
        self._dismiss_feeder()

    async def close(self) -> None:
        """Abandons the requests in flight: whether COR applied them is then unknown."""
        self._run.dismiss()
        self._give_up()
        await self._end()

    aclose = close

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        # An exception that leaves the block says itself why the rest is not sent.
        try:
            if error[0] is None:
                self._run.leave()
        finally:
            await self.close()

    def _give_up(self) -> None:
        self._closed = True
        self._is_direct = False
        self._taken_back = None
        self._rows = None
        self._run.abort()
        self._dismiss_feeder()
        self._close_bar()

    def _dismiss_feeder(self) -> None:
        # Once: a second time would fall into the closing of the rows.
        if self._feeder is not None and not self._dismissed:
            self._dismissed = True
            try:
                self._run.end()
            finally:
                loop = self._feeder.get_loop()
                if loop is _running_loop():
                    self._feeder.cancel()
                elif not loop.is_closed():
                    loop.call_soon_threadsafe(self._feeder.cancel)

    async def _end(self) -> None:
        """Closes what is left open, the generator of the rows included."""
        from asyncio import current_task, wait

        self._close_bar()
        feeder = self._feeder
        self._dismiss_feeder()
        # In another event loop than its own nothing can wait for it.
        if feeder is not None and feeder is not current_task() and feeder.get_loop() is _running_loop():
            await wait({feeder})

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def __del__(self) -> None:
        try:
            if hasattr(self, "_run"):
                self._run.leave()
        finally:
            if getattr(self, "_feeder", None) is not None:
                self._dismiss_feeder()
            if getattr(self, "_bar", None) is not None:
                self._close_bar()

    def __repr__(self) -> str:
        return f"<AsyncResults: {self.summary!r}>"


_LOOK = 0.25
"""Seconds between two looks at a run that finishes no row."""


def _running_loop() -> AbstractEventLoop | None:
    from asyncio import get_running_loop

    try:
        return get_running_loop()
    except RuntimeError:
        return None


async def _feed(run: AsyncRun, rows: AsyncIterable[object]) -> None:
    """Hands the rows of an asynchronous iterable to a run, as far as it has room, and closes the iterable."""
    from asyncio import get_running_loop

    loop = get_running_loop()
    iterator: AsyncIterator[object] | None = None
    try:
        iterator = rows.__aiter__()
        async for row in iterator:
            run.add(row)
            room = loop.create_future()
            if run.wait_for_room(room):
                await room
    except Exception as error:
        run.end(error)
    except BaseException as error:
        # Cancelled from within, if not by those who no longer want rows: the run would wait for ever.
        run.end(error)
        raise
    else:
        run.end()
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()


async def _off_loop(native: NativeClient, arguments: dict[str, Any], on_report: OnProgress | None) -> Any:
    """Runs a table in a thread. It has ended when this ends, and with it its hold on the state."""
    from asyncio import CancelledError, get_running_loop, shield, wait

    from projectcor._native import Halt
    from projectcor._sync import run

    loop, halt = get_running_loop(), Halt()

    def on_loop(progress: Progress) -> None:
        if on_report is not None and on_report(progress) is False:
            halt.stop()

    def on_progress(progress: Progress) -> None:
        loop.call_soon_threadsafe(on_loop, progress)

    running = loop.run_in_executor(None, run, native, arguments, halt, None if on_report is None else on_progress)
    try:
        return await shield(running)
    except CancelledError:
        halt.abandon()
        await wait([running])
        # What it raises is that it was given up.
        running.exception()
        raise
