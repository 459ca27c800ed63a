"""``AsyncClient``: the client whose calls are awaited, with the names, parameters and defaults of ``Client``."""

from __future__ import annotations

from projectcor._aliases import limits
from projectcor._async_reading import AsyncProjectReads
from projectcor._async_results import AsyncResults
from projectcor._base import Base, ProgressCallbacks, apart, bar_of, merged, refuse_timeout, refuse_unknown
from projectcor._native import LoopBridge, NativeClient
from projectcor._update import ProjectUpdate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any, NoReturn

    from typing_extensions import Self, Unpack

    from projectcor._auth import AuthStatus, LoopTokens
    from projectcor._bulk import BulkResult
    from projectcor._fields import CreateFields, ProjectFields
    from projectcor._native import Deleted, Progress, Project
    from projectcor._sync import Plan, SyncResult
    from projectcor._types import (
        AsyncRows,
        AsyncTokenProvider,
        Columns,
        FileValues,
        OnProgress,
        Path,
        Place,
        Record,
        Rows,
        Seconds,
        TableValues,
        TokenProvider,
    )

__all__ = ["AsyncClient", "AsyncProjects"]


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
