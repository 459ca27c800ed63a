"""Telling tables from other iterables, without importing what made them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["open_rows"]


def open_rows(rows: Any) -> tuple[str, Any, list[str] | None, int | None]:
    """What kind of input this is, what to iterate over, the names of its columns if it is a table, and its length.

    Frames of pandas and polars are read by their own iterators, whose values are the ones a Python programmer sees;
    everything else that speaks Arrow is read as that.
    """
    name = type(rows).__name__
    if isinstance(rows, (str, bytes, dict)):
        raise TypeError(f"rows is one {name}; pass a list (or another iterable) of rows, or a table")
    if hasattr(rows, "itertuples") and hasattr(rows, "columns"):
        return "cells", rows.itertuples(index=False, name=None), [str(name) for name in rows.columns], len(rows)
    if hasattr(rows, "to_frame"):
        raise TypeError(f"rows is a {name}, which is one column; pass a table, or a list of rows")
    if type(rows).__module__.partition(".")[0] == "polars" and hasattr(rows, "iter_rows"):
        return "cells", rows.iter_rows(), list(rows.columns), len(rows)
    if hasattr(rows, "__arrow_c_stream__"):
        return "arrow", rows, None, _length(rows)
    if hasattr(rows, "collect_schema") or hasattr(rows, "collect_async"):
        raise TypeError("rows is a lazy frame; pass rows.collect()")
    if hasattr(rows, "__aiter__"):
        raise TypeError("rows is an asynchronous iterable; send it with AsyncClient")
    if not hasattr(rows, "__iter__") and not hasattr(rows, "__getitem__"):
        raise TypeError(f"rows is a {name}; pass an iterable of rows, or a table")
    return "objects", rows, None, _length(rows)


def _length(rows: Any) -> int | None:
    """How many rows there are, where the input knows."""
    try:
        return len(rows)
    except TypeError:
        return getattr(rows, "num_rows", None)
