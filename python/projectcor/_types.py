"""What the signatures name, for checkers and editors. Imported only where a program asks for it."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable, Mapping
from datetime import date, timedelta
from os import PathLike
from typing import Literal, Optional, Protocol, TypedDict, Union

from projectcor._fields import ProjectFields
from projectcor._native import Progress

__all__ = [
    "ArrowStream",
    "AsyncRows",
    "AsyncTokenProvider",
    "Bar",
    "ChangeRow",
    "Columns",
    "Day",
    "FileValues",
    "FrameKind",
    "OnProgress",
    "Path",
    "Place",
    "ProjectFields",
    "ProvidedToken",
    "Record",
    "Rows",
    "Seconds",
    "TableValues",
    "TokenProvider",
    "Transport",
]


class ArrowStream(Protocol):
    """Anything that hands out Arrow's record batches: tables of pyarrow, relations of DuckDB, and many others."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


class Bar(Protocol):
    """What ``progress=True`` shows."""

    def __call__(self, progress: Progress, /) -> None: ...

    def close(self) -> None: ...


class TableValues(TypedDict, total=False):
    """How the values of rows and tables are read: see ``Projects.plan``."""

    ignore: Union[str, Iterable[str], None]
    strict: bool
    clear_value: Optional[str]
    clear_nulls: Union[str, Iterable[str], None]
    null_values: Union[str, Iterable[str], None]
    trim: bool
    allow_mangled_ids: bool
    date_format: Union[str, Iterable[str], None]
    day_in: Optional[str]
    decimal: Optional[str]
    thousands: Optional[str]


class FileValues(TableValues, total=False):
    """As ``TableValues``, for tables that may be files."""

    sheet: Union[str, int, None]
    header_row: Optional[int]


Rows = Union[Iterable[object], ArrowStream]
AsyncRows = Union[Iterable[object], AsyncIterable[object], ArrowStream]
Day = Union[str, date]
Seconds = Union[float, timedelta]
Path = Union[str, PathLike[str]]
Place = Union[Path, Literal[False]]
Record = Union[Path, bool]
Columns = Union[Path, Mapping[str, Optional[str]]]
Transport = Union[Literal["reqwest"], Literal["direct"]]
FrameKind = Union[Literal["pandas"], Literal["polars"]]
ChangeRow = tuple[str, str, str, str, list[tuple[str, str, str]], str]
"""A change in a notebook: sign, project, where, what, fields with old and new values, and a remark."""
OnProgress = Callable[[Progress], object]
ProvidedToken = Union[str, tuple[str, Seconds]]
TokenProvider = Callable[[], ProvidedToken]
AsyncTokenProvider = Callable[[], Union[ProvidedToken, Awaitable[ProvidedToken]]]
