"""``to_dataframe``: results as a data frame of pandas or polars, whichever is installed."""

from __future__ import annotations

import json
from decimal import Decimal
from importlib import import_module

from projectcor._errors import CorError, InvalidUpdateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from projectcor._native import ItemResult
    from projectcor._sync import Change, RowProblem
    from projectcor._types import FrameKind

__all__ = ["ItemRows", "of_items", "of_report"]

_KINDS = ("pandas", "polars")
_PANDAS = {"int": "Int64", "float": "Float64", "bool": "boolean", "text": "object"}

_OF_ERROR = {
    "error_kind": "text",
    "message": "text",
    "attempts": "int",
    "status": "int",
    "code": "text",
    "retry_after": "float",
    "request_id": "text",
}
_OF_ITEMS = {
    "index": "int",
    "id": "text",
    "outcome": "text",
    "created": "bool",
    **_OF_ERROR,
    "project_id": "int",
    "project": "text",
}
_OF_REPORT = {
    "line": "int",
    "last_line": "int",
    "rows": "int",
    "id": "text",
    "outcome": "text",
    "created": "bool",
    "is_new": "bool",
    "fields": "text",
    **_OF_ERROR,
}


class ItemRows:
    """The rows of a frame of ``ItemResult``, which come one by one."""

    def __init__(self, kind: FrameKind | None) -> None:
        # Before the first update is sent.
        self._kind, self._library = _library(kind)
        self._columns: dict[str, list[Any]] = {name: [] for name in _OF_ITEMS}

    def add(self, item: ItemResult) -> None:
        project, error = item.project, item.error
        outcome = "unchanged" if item.unchanged else "applied"
        if error is not None:
            outcome = "rejected" if isinstance(error, InvalidUpdateError) else error.outcome
            outcome = outcome if item.started or outcome == "rejected" else "not_started"
        values: dict[str, Any] = {
            "index": item.index,
            "id": item.id,
            "outcome": outcome,
            "created": item.created,
            "project_id": None if project is None else project.id,
            "project": None if project is None else project.json,
            **_error(error),
        }
        for name, column in self._columns.items():
            column.append(values[name])

    def frame(self) -> Any:
        return _frame(self._kind, self._library, self._columns, _OF_ITEMS)


def of_items(items: Iterable[ItemResult], kind: FrameKind | None) -> Any:
    """A frame with a row for each result."""
    rows = ItemRows(kind)
    for item in items:
        rows.add(item)
    return rows.frame()


def of_report(changes: Iterable[Change], problems: Iterable[RowProblem], kind: FrameKind | None) -> Any:
    """A frame with a row for each project with changes and each row that cannot be sent, in the table's order."""
    name, library = _library(kind)
    rows: list[dict[str, Any]] = []
    for change in changes:
        rows.append(
            {
                "line": change.lines[0],
                "last_line": change.lines[1],
                "rows": change.rows,
                "id": change.id,
                "outcome": "applied" if change.outcome == "created" else change.outcome,
                "created": change.outcome == "created",
                "is_new": change.is_new,
                "fields": _json(change.to_dict()),
                **_error(change.error),
            }
        )
    rejected: dict[int, dict[str, Any]] = {}
    for problem in problems:
        text = problem.message if problem.column is None else f"{problem.column}: {problem.message}"
        if problem.line in rejected:
            rejected[problem.line]["message"] += f"; {text}"
            continue
        rejected[problem.line] = {
            "line": problem.line,
            "last_line": problem.line,
            "rows": 1,
            "id": problem.id,
            "outcome": "rejected",
            "created": False,
            "is_new": None,
            "fields": None,
            **_error(None),
            "error_kind": "invalid",
            "message": text,
            "attempts": 0,
        }
    rows = sorted([*rows, *rejected.values()], key=lambda row: row["line"])
    columns = {column: [row[column] for row in rows] for column in _OF_REPORT}
    return _frame(name, library, columns, _OF_REPORT)


def _error(error: CorError | None) -> dict[str, Any]:
    if error is None:
        return dict.fromkeys(_OF_ERROR)
    return {
        "error_kind": error.kind,
        "message": error.message,
        "attempts": error.attempts,
        "status": error.status,
        "code": error.code,
        "retry_after": error.retry_after,
        "request_id": error.request_id,
    }


def _json(values: dict[str, Any]) -> str:
    def text(value: Any) -> str:
        return str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)

    return f"{{{', '.join(f'{json.dumps(name)}: {text(value)}' for name, value in values.items())}}}"


def _library(kind: str | None) -> tuple[str, Any]:
    """The library of frames, and its name."""
    if kind is not None and kind not in _KINDS:
        raise ValueError(f'kind is {kind!r}; pass kind="pandas" or kind="polars"')
    for name in _KINDS if kind is None else (kind,):
        try:
            return name, import_module(name)
        except ImportError as error:
            if error.name != name:
                # It is there, and something that it needs is not.
                raise
    if kind is None:
        raise ImportError(
            "to_dataframe() needs pandas or polars, and neither is installed; run pip install pandas, "
            "or pip install polars"
        )
    raise ImportError(f'to_dataframe(kind="{kind}") needs {kind}, which is not installed; run pip install {kind}')


def _frame(kind: str, library: Any, columns: dict[str, list[Any]], types: dict[str, str]) -> Any:
    if kind == "pandas":
        return library.DataFrame(
            {name: library.Series(column, dtype=_PANDAS[types[name]]) for name, column in columns.items()}
        )
    polars = {"int": library.Int64, "float": library.Float64, "bool": library.Boolean, "text": library.Utf8}
    return library.DataFrame(columns, schema={name: polars[of] for name, of in types.items()})
