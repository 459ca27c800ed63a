"""What the signatures name, for checkers and editors. Not imported unless somebody asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterable, Callable, Iterable
from datetime import timedelta
from typing import Protocol, Union

from projectcor._fields import ProjectFields
from projectcor._native import Progress

__all__ = ["ArrowStream", "AsyncRows", "Bar", "OnProgress", "ProjectFields", "Rows", "Seconds"]


class ArrowStream(Protocol):
    """Anything that hands out Arrow's record batches: tables of pyarrow, relations of DuckDB, and many others."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


class Bar(Protocol):
    """What ``progress=True`` shows."""

    def __call__(self, progress: Progress, /) -> None: ...

    def close(self) -> None: ...


Rows = Union[Iterable[object], ArrowStream]
AsyncRows = Union[Iterable[object], AsyncIterable[object], ArrowStream]
Seconds = Union[float, timedelta]
OnProgress = Callable[[Progress], object]
