"""Telling tables from other iterables, without importing what made them."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["Table", "open_rows"]


class Table:
    """A table, whose columns may be read in two ways."""

    __slots__ = ("arrow", "cells", "columns", "typed")

    def __init__(
        self,
        columns: list[tuple[str, bool]] | None,
        arrow: Any,
        cells: Any,
        typed: tuple[list[tuple[str, str]], Callable[[list[int]], Any]] | None = None,
    ) -> None:
        self.columns = columns
        """The names of the columns, and whether ``arrow`` has them; ``None`` where it has all, and names them."""
        self.arrow = arrow
        """What has ``__arrow_c_stream__``, if any column is read as Arrow."""
        self.cells = cells
        """An iterable of tuples of the other columns, if there are others."""
        self.typed = typed
        """For a table whose types are known before it is read: the names of its columns and their types in Spark, and
        what makes an object with ``__arrow_c_stream__`` of the columns at these places."""


def open_rows(rows: Any) -> tuple[Table | None, Any, int | None]:
    """The table that the rows are, or else what to iterate over, and how many rows there are.

    Frames of pandas and polars are read by their own iterators, whose values are the ones a Python programmer sees,
    except for columns in which Arrow's values are the same; everything else that speaks Arrow is read as that.
    """
    name = type(rows).__name__
    if isinstance(rows, (str, bytes, dict)):
        raise TypeError(f"rows is one {name}; pass a list (or another iterable) of rows, or a table")
    library = type(rows).__module__.partition(".")[0]
    # Before any attribute: a DataFrame of Spark Connect seems to have every one, as a column.
    if is_spark(rows):
        return _spark(rows), None, None
    if type(rows).__module__.startswith("pyspark.pandas"):
        raise TypeError("rows is a frame of pandas on Spark; pass rows.to_spark()")
    if library == "pyspark" and name == "Column":
        raise TypeError("rows is a Column of Spark; pass a DataFrame")
    if hasattr(rows, "itertuples") and hasattr(rows, "columns"):
        return _pandas(rows, library == "pandas"), None, len(rows)
    if hasattr(rows, "to_frame"):
        raise TypeError(f"rows is a {name}, which is one column; pass a table, or a list of rows")
    if library == "polars" and hasattr(rows, "iter_rows"):
        return _polars(rows), None, len(rows)
    if hasattr(rows, "__arrow_c_stream__"):
        return Table(None, rows, None), None, _length(rows)
    if hasattr(rows, "collect_schema") or hasattr(rows, "collect_async"):
        raise TypeError("rows is a lazy frame; pass rows.collect()")
    if hasattr(rows, "__aiter__"):
        raise TypeError("rows is an asynchronous iterable; send it with AsyncClient")
    if not hasattr(rows, "__iter__") and not hasattr(rows, "__getitem__"):
        raise TypeError(f"rows is a {name}; pass an iterable of rows, or a table")
    return None, rows, _length(rows)


def is_spark(rows: Any) -> bool:
    """Whether it is a DataFrame of Spark, classic or Connect."""
    return any(
        kind.__name__ == "DataFrame" and kind.__module__.startswith("pyspark.sql") for kind in type(rows).__mro__
    )


_IN_UTC = (
    "concat(replace(cast(timestamp_ntz '1970-01-01 00:00:00' + make_dt_interval(0, 0, 0, "
    "cast(cast(unix_micros({0}) as decimal(20, 0)) / 1000000 as decimal(18, 6))) as string), ' ', 'T'), 'Z') as {0}"
)
"""A point in time as text in UTC. PySpark 4.3 cannot stream the type itself; and what depends on the time zone of the
session would lose the hour that a change of clocks repeats."""


def _spark(frame: Any) -> Table:
    if frame.isStreaming:
        raise TypeError(
            "rows is a streaming DataFrame, which has no end; pass a function to stream.writeStream.foreachBatch(...) "
            "that calls sync for the batch, and raises an error if the result's halted, not_started or unknown is set, "
            "because Spark never passes the rows of a finished batch again"
        )
    fields = frame.schema.fields
    columns = [(field.name, field.dataType.simpleString()) for field in fields]

    def select(places: list[int]) -> Any:
        # By place, because the names may repeat, and may hold what Spark takes for a path.
        by_place = frame.toDF(*[f"c{place}" for place in range(len(columns))])
        used = by_place.selectExpr(
            *[_IN_UTC.format(f"c{place}") if columns[place][1] == "timestamp" else f"c{place}" for place in places]
        )
        # PySpark before 4.3 has no stream: the driver collects the table as Arrow. The type is asked, because a
        # DataFrame of Spark Connect has every attribute.
        streams = any("__arrow_c_stream__" in vars(kind) for kind in type(frame).__mro__)
        return used if streams else used.toArrow()

    return Table(None, None, None, (columns, select))


_WHOLE_NUMBERS = [f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)]

_PANDAS_TYPES = {
    *("float64", "bool", "Float64", "boolean"),
    *_WHOLE_NUMBERS,
    *(name.replace("i", "I").replace("u", "U") for name in _WHOLE_NUMBERS),
    *(f"datetime64[{unit}]" for unit in ("s", "ms", "us", "ns")),
    *(f"{name}[pyarrow]" for name in ("string", "large_string", "double", "bool", "date32[day]", *_WHOLE_NUMBERS)),
}
"""Types of columns whose values are the same in Arrow. Not among them: floats of 32 bits, of which Arrow has other
digits, and decimals and moments with a time zone, which Python writes in its own way."""

_POLARS_TYPES = {
    *("String", "Categorical", "Enum", "Boolean", "Float64", "Date"),
    *(f"{kind}{bits}" for kind in ("Int", "UInt") for bits in (8, 16, 32, 64)),
}
"""The same of polars."""


def _pandas(frame: Any, is_plain: bool) -> Table:
    names = [str(name) for name in frame.columns]
    # pandas makes Arrow's columns with pyarrow, which takes longer to import than many frames take to send.
    if not is_plain or "pyarrow" not in sys.modules or not hasattr(frame, "__arrow_c_stream__"):
        return Table([(name, False) for name in names], None, frame.itertuples(index=False, name=None))

    def is_same(dtype: Any) -> bool:
        is_text = str(dtype) in ("str", "string") and getattr(dtype, "storage", None) == "pyarrow"
        return is_text or str(dtype) in _PANDAS_TYPES

    def arrow(places: list[int]) -> Any:
        # Without the names, which pyarrow wants to be different, and without the index.
        return frame.iloc[:, places].set_axis([str(place) for place in places], axis=1).reset_index(drop=True)

    def cells(places: list[int]) -> Any:
        return frame.iloc[:, places].itertuples(index=False, name=None)

    return _table(names, [is_same(dtype) for dtype in frame.dtypes], arrow, cells)


def _polars(frame: Any) -> Table:
    def is_same(dtype: Any) -> bool:
        # The name may be followed by what the type is made with.
        name = str(dtype).partition("(")[0]
        if name == "Datetime":
            # Of nanoseconds polars' own iterator drops digits.
            return dtype.time_zone is None and dtype.time_unit in ("ms", "us")
        return name in _POLARS_TYPES

    has_arrow = hasattr(frame, "__arrow_c_stream__")
    are_same = [has_arrow and is_same(dtype) for dtype in frame.dtypes]
    return _table(
        list(frame.columns), are_same, lambda places: frame[:, places], lambda places: frame[:, places].iter_rows()
    )


def _table(
    names: list[str], are_same: list[bool], arrow: Callable[[list[int]], Any], cells: Callable[[list[int]], Any]
) -> Table:
    """Makes a table whose columns with the same values are read as Arrow. ``arrow`` and ``cells`` make what is read of
    the columns at these places."""
    # What is called ``extra`` may be a mapping, for which Arrow's values are no help.
    columns = [(name, same and name != "extra") for name, same in zip(names, are_same)]
    of_arrow = [place for place, (_, is_arrow) in enumerate(columns) if is_arrow]
    others = [place for place, (_, is_arrow) in enumerate(columns) if not is_arrow]
    return Table(columns, arrow(of_arrow) if of_arrow else None, cells(others) if others else None)


def _length(rows: Any) -> int | None:
    """How many rows there are, where the input knows."""
    try:
        return len(rows)
    except TypeError:
        return getattr(rows, "num_rows", None)
