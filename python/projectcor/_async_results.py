"""``AsyncResults``: the results of a bulk call that is awaited, and what feeds it rows."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Task
    from collections.abc import AsyncIterable, AsyncIterator
    from typing import Any

    from typing_extensions import Self

    from projectcor._errors import CorError
    from projectcor._native import AsyncRun, ItemResult, Progress, Summary
    from projectcor._types import Bar, FrameKind, OnProgress

__all__ = ["AsyncResults"]


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
