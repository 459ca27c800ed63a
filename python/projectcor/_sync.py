"""``plan`` and ``sync``: their arguments, and their results in a terminal and in a notebook."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from decimal import Decimal

from projectcor._base import refuse_timeout
from projectcor._native import Halt, run_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from projectcor._errors import CorError
    from projectcor._native import NativeClient
    from projectcor._types import ChangeRow, Columns, FrameKind, OnProgress, Path, Place, Seconds

__all__ = ["Change", "FieldChange", "Plan", "RowProblem", "SyncResult", "request", "run"]

_FIRST, _LAST = 10, 5
"""Changes that are shown; the rest is counted."""
_WIDEST = 60
"""Characters of a value that are shown."""


def request(
    rows: Any,
    *,
    source: str | None,
    state: Place | None,
    mapping: Columns | None,
    id_column: str | None,
    format: str | None,
    delimiter: str | None,
    encoding: str | None,
    full: bool,
    refresh: bool = False,
    keep_remote: Iterable[str] = (),
    create_missing: bool,
    text_cells: bool,
    limit: int | None,
    max_failures: int | str | None = None,
    outage_timeout: Seconds | None,
    wait: Seconds | None,
    rejects: Path | None,
    report: Path | None,
    max_details: int,
    values: Mapping[str, Any],
    planning: bool,
    off_loop: bool,
) -> dict[str, Any]:
    """Checks the arguments and returns them as ``run_table`` of the compiled module expects them."""
    refuse_timeout("plan" if planning else "sync", values)
    is_path = isinstance(rows, (str, os.PathLike))
    if hasattr(rows, "__aiter__"):
        raise TypeError("rows is an asynchronous iterable, which sync cannot read; pass a list of its rows")
    if not is_path and (format is not None or delimiter is not None or encoding is not None):
        raise TypeError("format, delimiter and encoding apply only to a file, and rows is not a file")
    if not is_path and (values.get("sheet") is not None or values.get("header_row") is not None):
        raise TypeError("sheet and header_row apply only to a workbook, and rows is not a file")
    if is_path and text_cells:
        raise TypeError("text_cells applies only to rows of values; the cells of a file are always text")
    if state is False and report is not None:
        raise TypeError("report requires a state, because it shows what changed since the last run; remove state=False")
    renames = list(mapping.items()) if isinstance(mapping, Mapping) else []
    return {
        "path": rows if is_path else None,
        "rows": None if is_path else rows,
        "source": source,
        "id_column": id_column,
        "mapping": None if isinstance(mapping, Mapping) else mapping,
        "renames": [(column, field or "") for column, field in renames],
        "state": None if state is False else state,
        "keep": state is not False,
        "full": full,
        "refresh": refresh,
        "keep_remote": [keep_remote] if isinstance(keep_remote, str) else list(keep_remote),
        "create_missing": create_missing,
        "format": format,
        "delimiter": delimiter,
        "encoding": encoding,
        "text_cells": text_cells,
        "limit": limit,
        "max_failures": None if max_failures is None else str(max_failures),
        "outage_timeout": outage_timeout,
        "wait": wait,
        "rejects": rejects,
        "report": report,
        "max_details": max_details,
        "values": values,
        "planning": planning,
        "off_loop": off_loop,
    }


def run(native: NativeClient, request: dict[str, Any], halt: Halt | None, on_progress: OnProgress | None) -> Any:
    """Runs it on the calling thread."""
    report = run_table(native, request, halt or Halt(), on_progress)
    return Plan(report) if request["planning"] else SyncResult(report)


class FieldChange:
    """A field to be sent to COR.

    Attributes:
        name: The field's name.
        old: What COR last accepted; ``None`` also where it was cleared, see ``is_known``.
        new: What is to be sent; ``None`` clears the field. Numbers that are no integers are ``Decimal``.
        is_known: Whether the value that COR last accepted is known.
        is_sent_again: Whether COR accepted this value before, so that only ``full=True`` sends it.
    """

    __slots__ = ("is_known", "is_sent_again", "name", "new", "old")

    name: str
    old: Any
    new: Any
    is_known: bool
    is_sent_again: bool

    def __init__(self, name: str, old: str | None, new: str, is_sent_again: bool) -> None:
        self.name = name
        self.is_sent_again = is_sent_again
        self.is_known = old is not None
        self.old = None if old is None else json.loads(old, parse_float=Decimal)
        self.new = json.loads(new, parse_float=Decimal)

    def __repr__(self) -> str:
        return f"FieldChange({self.name}: {_values(self, True)})"


class Change:
    """A project with values that COR has not accepted yet.

    Attributes:
        id: The external id.
        lines: Where its first and its last row are, in the unit ``unit``.
        unit: ``line`` of a text file or ``row`` of a workbook or Parquet file, counted from 1; ``index`` of rows that
            the program passes (dicts, data frames), counted from 0 as in ``rows[0]`` and in ``update_many``.
        rows: How many rows there are. They become one update.
        is_new: Whether the state does not know it: COR accepted nothing of it, and did not refuse it. Whether COR has
            it is not known before the sync.
        refused_at: When COR refused the last update of the project because of the row itself (no such project, a value
            that it does not accept), in UTC; ``None`` if it did not. ``sync`` sends the update again.
        refused_because: The reason of that refusal.
        fields: What is to change, a tuple of ``FieldChange``.
        outcome: After ``sync``: ``applied``, ``created``, ``rejected``, ``not_applied``, ``unknown`` or
            ``not_started``; in a plan ``rejected`` where the rows contradict each other, else ``None``.
        error: Why it was not applied, a ``CorError``; ``None`` if it was.
        reason: The text of ``error`` without its advice, which is in ``advice`` of the result. ``None`` as ``error``.
    """

    __slots__ = (
        "error",
        "fields",
        "id",
        "is_new",
        "lines",
        "outcome",
        "reason",
        "refused_at",
        "refused_because",
        "rows",
        "unit",
    )

    id: str
    lines: tuple[int, int]
    unit: str
    rows: int
    is_new: bool
    refused_at: datetime | None
    refused_because: str | None
    fields: tuple[FieldChange, ...]
    outcome: str | None
    error: CorError | None
    reason: str | None

    def __init__(self, values: tuple[Any, ...], unit: str) -> None:
        self.unit = unit
        self.id, first, last, self.rows, self.is_new, refused, fields, self.outcome, self.error, self.reason = values
        seconds, self.refused_because = refused or (None, None)
        self.refused_at = None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)
        self.lines = (first, last)
        self.fields = tuple(FieldChange(*field) for field in fields)

    @property
    def is_sent_again(self) -> bool:
        """Whether COR accepted every value of it before, so that only ``full=True`` sends it."""
        return bool(self.fields) and all(field.is_sent_again for field in self.fields)

    def to_dict(self) -> dict[str, Any]:
        """The new values by field."""
        return {field.name: field.new for field in self.fields}

    def __repr__(self) -> str:
        return f"Change({self.id!r}, {_place(self)}: {', '.join(field.name for field in self.fields)})"


class RowProblem:
    """One problem of a row, which was not sent.

    Attributes:
        line: Where the row begins, as ``Change.lines`` counts.
        unit: The unit of ``line``, as in ``Change.unit``.
        id: Its external id, where it could be read; else empty.
        column: The column as the table calls it; ``None`` for the row as a whole.
        field: The field that the value was for, if any.
        code: What is wrong, as a stable name.
        message: One sentence for people, without the column's name in front.
    """

    __slots__ = ("code", "column", "field", "id", "line", "message", "unit")

    line: int
    unit: str
    id: str
    column: str | None
    field: str | None
    code: str
    message: str

    def __init__(self, values: tuple[Any, ...], unit: str) -> None:
        self.unit = unit
        self.line, self.id, self.column, self.field, self.code, self.message = values

    def __repr__(self) -> str:
        text = self.message if self.column is None else f"{self.column}: {self.message}"
        return f"RowProblem({self.unit} {self.line}, {self.id!r}: {_plain(text)})"


class _Report:
    """The properties that ``Plan`` and ``SyncResult`` share."""

    def __init__(self, report: dict[str, Any]) -> None:
        self._counts: dict[str, int] = report["counts"]
        unit: str = report["unit"]
        self._changes = tuple(Change(change, unit) for change in report["changes"])
        self._more_changes: int = report["more_changes"]
        self._problems = tuple(RowProblem(problem, unit) for problem in report["problems"])
        self._more_problems: int = report["more_problems"]
        self._failures: tuple[list[tuple[str, list[str]]], int] = report["failures"]
        self._unknown_projects: str | None = report["unknown_projects"]
        self._mapping: tuple[tuple[str | None, str, str, bool], ...] = tuple(report["mapping"])
        self._unused: tuple[str, ...] = tuple(name for name, _ in report["unused"])
        self._notes_of_table: tuple[str, ...] = tuple(report["notes"])
        self._unused_hints: tuple[str, ...] = tuple(text for _, text in report["unused"])
        self._base_url: str = report["base_url"]
        self._source: str = report["source"]
        self._state: os.PathLike[str] | None = report["state"]
        self._halted: CorError | None = report["halted"]
        self._refreshed: dict[str, int] | None = report["refreshed"]
        self._stopped: str | None = report["stopped"]
        self._advice: list[str] = report["advice"]
        self._to_correct: int = report["to_correct"]
        self._rejects: tuple[os.PathLike[str], int, int] | None = report["rejects"]

    @property
    def changes(self) -> tuple[Change, ...]:
        """Projects with changes, in the order of the table; ``max_details`` of them at most."""
        return self._changes

    @property
    def problems(self) -> tuple[RowProblem, ...]:
        """Problems of rows that cannot be sent; ``max_details`` of them at most."""
        return self._problems

    @property
    def new(self) -> int:
        """Projects that are not in the state: COR accepted nothing of them. Whether COR has them is not known."""
        return self._counts["new"]

    @property
    def changed(self) -> int:
        """Projects whose accepted values differ."""
        return self._counts["changed"]

    @property
    def sent_again(self) -> int:
        """Of the changed projects, those of which COR accepted every value before: ``full=True`` sends them again."""
        return self._counts["sent_again"]

    @property
    def read(self) -> int:
        """Rows that were read."""
        return self._counts["read"]

    @property
    def unchanged(self) -> int:
        """Rows that need no request: COR accepted their values before, or they set no field."""
        return self._counts["unchanged"]

    @property
    def rejected(self) -> int:
        """Rows that cannot be sent."""
        return self._counts["rejected"]

    @property
    def unused(self) -> tuple[str, ...]:
        """Columns that set no field."""
        return self._unused

    @property
    def notes(self) -> tuple[str, ...]:
        """Remarks on the table, a sentence each: values that are probably a mistake, rows that were skipped."""
        return self._notes_of_table

    @property
    def mapping(self) -> tuple[tuple[str | None, str, str, bool], ...]:
        """Which column sets which field and how: tuples of column, field, what is done, and whether it is there."""
        return self._mapping

    @property
    def source(self) -> str:
        """The system that owns the projects."""
        return self._source

    @property
    def state(self) -> os.PathLike[str] | None:
        """The file of the state; ``None`` if there is no state."""
        return self._state

    def _head(self) -> str:
        raise NotImplementedError

    def _notes(self) -> list[str]:
        notes: list[str] = [] if self._unknown_projects is None else [self._unknown_projects]
        notes += [_plain(note) for note in self._notes_of_table]
        if self._unused:
            notes.append(f"not used: {', '.join(self._unused_hints)}")
        if self._stopped is not None:
            notes.append(_plain(self._stopped))
        notes += [f"to do: {_plain(advice)}" for advice in self._advice]
        if self._rejects is not None and self._rejects[1]:
            path, copied, _ = self._rejects
            todo = "correct them and sync that file"
            if not self._to_correct:
                todo = "sync that file once the cause is removed"
            notes.append(f"{copied:,} rows were written to {path} with the reason; {todo}")
        return notes

    def to_dataframe(self, kind: FrameKind | None = None) -> Any:
        """A data frame with a row for each of ``changes`` and for each row of ``problems``, in the order of the table.

        Args:
            kind: ``"pandas"`` or ``"polars"``. Default: pandas where it is installed, else polars.

        Its columns: ``line``, ``last_line``, ``rows``, ``id``, ``outcome`` (as ``Change.outcome``, with ``applied`` for
        created projects), ``created``, ``is_new``, ``fields`` (the new values as JSON), and of the error
        ``error_kind``, ``message``, ``attempts``, ``status``, ``code``, ``retry_after`` and ``request_id``. It
        holds no more than ``max_details`` of each.

        Raises:
            ImportError: Neither library is installed.
        """
        from projectcor._frames import of_report

        return of_report(self._changes, self._problems, kind)

    def _shown_changes(self) -> tuple[list[Change], int, list[Change]]:
        """The changes to show: the first ones, how many are left out, and the last ones. Failures are shown apart."""
        shown = [change for change in self._changes if change.error is None]
        if len(shown) <= _FIRST + _LAST and not self._more_changes:
            return shown, 0, []
        last = shown[_FIRST:][-_LAST:] if not self._more_changes else []
        return shown[:_FIRST], len(shown) + self._more_changes - len(shown[:_FIRST]) - len(last), last

    def _more_failures_note(self) -> str | None:
        more = self._failures[1]
        return f"… and {more:,} more rows for other reasons; see .problems and .changes" if more else None

    def __repr__(self) -> str:
        lines = [self._head()]
        first, more, last = self._shown_changes()
        for change in first:
            lines += _lines(change)
        if more > 0:
            lines.append(f"… {more:,} more; see .changes")
        for change in last:
            lines += _lines(change)
        for line, examples in self._failures[0]:
            lines.append(f"! {line}")
            lines += [f"    {example}" for example in examples]
        note = self._more_failures_note()
        return "\n".join([*lines, *([] if note is None else [note]), *self._notes()])

    def _repr_html_(self) -> str:
        """The same as a table, for notebooks."""
        from projectcor._notebook import page

        first, more, last = self._shown_changes()
        changes: list[ChangeRow | str] = [_row(change) for change in first]
        if more > 0:
            changes.append(f"… {more:,} more; see .changes")
        changes += [_row(change) for change in last]
        return page(self._head(), changes, self._failures[0], self._more_failures_note(), self._notes())


class Plan(_Report):
    """The changes that ``sync`` would send. Prints as a diff in a terminal and as a table in a notebook.

    True where there is anything to send.
    """

    @property
    def waiting(self) -> int:
        """Rows whose project has changes."""
        return self._counts["not_started"]

    def __bool__(self) -> bool:
        return self.new + self.changed > 0

    def _head(self) -> str:
        counts = _counted(
            (self.changed, "to change"),
            (self.sent_again, "of them sent again"),
            (self.new, "not in the state"),
            (self.rejected, "rejected"),
        )
        return f"Plan for {_plain(self.source)}: {counts}, {self.unchanged:,} rows unchanged"


class SyncResult(_Report):
    """The result of ``sync``. Prints the counters, the changes and the errors."""

    @property
    def applied(self) -> int:
        """Rows that COR applied, those of created projects included."""
        return self._counts["applied"]

    @property
    def created(self) -> int:
        """Of the applied rows, those whose project was created."""
        return self._counts["created"]

    @property
    def failed(self) -> int:
        """Rows that COR did not apply; the next sync tries again."""
        return self._counts["failed"]

    @property
    def unknown(self) -> int:
        """Rows whose outcome is unknown; the next sync sends them again."""
        return self._counts["unknown"]

    @property
    def not_started(self) -> int:
        """Rows that were not begun, because the run was stopped; the next sync sends them."""
        return self._counts["not_started"]

    @property
    def refreshed(self) -> dict[str, int] | None:
        """What reading back showed with ``refresh=True``, as numbers of projects.

        ``read``, ``changed`` in COR since COR last accepted the values, ``kept`` by ``keep_remote``, ``gone``,
        ``not_read``, and ``without_cor_id``, whose internal id the state does not know. ``None`` for a sync that did
        not read back. The same stands in ``notes`` in sentences.
        """
        return None if self._refreshed is None else dict(self._refreshed)

    @property
    def halted(self) -> CorError | None:
        """Why the run ended early: COR could not be reached, or did not accept the credentials."""
        return self._halted

    @property
    def stopped(self) -> str | None:
        """The reason why the run ended before its input, as one sentence; ``None`` if it did not."""
        return self._stopped

    @property
    def advice(self) -> list[str]:
        """What to do about the rows that COR did not apply, each advice once.

        Where COR accepted a missing project under another spelling of the source before, that too.
        """
        return list(self._advice)

    @property
    def rejects(self) -> os.PathLike[str] | None:
        """The file of rows that were not applied; ``None`` without the argument ``rejects``."""
        return None if self._rejects is None else self._rejects[0]

    @property
    def ok(self) -> bool:
        """Whether COR now has the values of all rows that were read."""
        return self._halted is None and not (self.rejected or self.failed or self.unknown or self.not_started)

    def _head(self) -> str:
        counts = _counted(
            (self.applied, "applied"),
            (self.created, "of them created"),
            (self.rejected, "rejected"),
            (self.failed, "not applied"),
            (self.unknown, "unknown"),
            (self.not_started, "not started"),
        )
        return f"Sync of {_plain(self.source)}: {counts}, {self.unchanged:,} rows unchanged"


def _counted(*counts: tuple[int, str]) -> str:
    """The first count, and the others that are not zero."""
    return ", ".join(f"{count:,} {what}" for at, (count, what) in enumerate(counts) if count or at == 0)


def _refused(change: Change) -> str:
    """What a plan says of a project that COR refused in an earlier run; after a sync its result counts."""
    if change.refused_at is None or change.outcome is not None:
        return ""
    at = change.refused_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"COR refused an update of it at {at}: {_plain(change.refused_because or '')}; sync sends this one"


def _has_no_old(change: Change) -> bool:
    return change.is_new or change.refused_at is not None


def _sign(change: Change) -> str:
    if change.error is not None or _refused(change):
        return "!"
    if change.is_sent_again:
        return "="
    # After a sync it is known whether COR had the project.
    return "+" if (change.is_new if change.outcome is None else change.outcome == "created") else "~"


def _what(change: Change) -> str:
    """What the change is, where that is not plain; after a sync, its outcome."""
    if change.outcome is not None:
        return "" if change.outcome == "applied" else change.outcome.replace("_", " ")
    if change.is_new:
        return "not in the state"
    if _refused(change):
        return "refused by COR before"
    return "sent again" if change.is_sent_again else ""


def _place(change: Change) -> str:
    first, last = change.lines
    if first == last:
        return f"{change.unit} {first}"
    units = "indices" if change.unit == "index" else f"{change.unit}s"
    return f"{change.rows} rows, {units} {first} to {last}"


def _lines(change: Change) -> list[str]:
    """A change as text: the project, and its fields below."""
    what = _what(change)
    lines = [f"{_sign(change)} {_plain(change.id)}  ({_place(change)}{', ' + what if what else ''})"]
    if _refused(change):
        lines.append(f"    {_refused(change)}")
    width = max((len(field.name) for field in change.fields), default=0)
    return lines + [f"    {field.name:{width}}  {_values(field, _has_no_old(change))}" for field in change.fields]


def _row(change: Change) -> ChangeRow:
    """A change for a table: sign, project, where, what, fields with old and new values, and a remark."""
    fields: list[tuple[str, str, str]] = []
    for field in change.fields:
        again = " (sent again)" if field.is_sent_again else ""
        fields.append((field.name, _old(field, _has_no_old(change)), _shown(field.new) + again))
    return _sign(change), _plain(change.id), _place(change), _what(change) or "change", fields, _refused(change)


def _values(field: FieldChange, is_new: bool) -> str:
    if field.is_sent_again:
        return f"{_shown(field.new)} (sent again)"
    old = _old(field, is_new)
    return f"{old} → {_shown(field.new)}" if old else _shown(field.new)


def _old(field: FieldChange, is_new: bool) -> str:
    if field.is_known:
        return _shown(field.old)
    return "" if is_new else "(not known)"


def _shown(value: Any) -> str:
    """A value as JSON writes it, cut where it is long."""
    text = str(value) if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)
    text = _plain(text)
    return text if len(text) <= _WIDEST else text[:_WIDEST] + "…"


def _plain(text: str) -> str:
    """Foreign text on one line: control characters replaced."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
