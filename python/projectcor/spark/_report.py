"""What a task reports to the driver, and the text that the driver makes of all reports."""

# pyright: basic, reportMissingImports=false
# The types of PySpark and pyarrow, which are not installed to check this, are unknown.

from __future__ import annotations

import re
from dataclasses import dataclass

from pyspark.sql.datasource import WriterCommitMessage

from projectcor import Summary
from projectcor._bulk import BulkResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PartitionReport", "RowsNotAppliedError", "describe"]

_SHOWN = 10
"""Reasons that are shown; the folder of rejected rows has all."""

_COUNTED = re.compile(r"([\d,]+) rows: ")
"""At the start of the line of a group of several rows."""

_MORE = re.compile(r"and ([\d,]+) more$")
"""At the end of the examples of a group that has more rows than examples."""


class RowsNotAppliedError(Exception):
    """Every row was sent, and some were not applied: the message has the counters and the first ten reasons."""


@dataclass(frozen=True)
class PartitionReport(WriterCommitMessage):
    """The result of one partition: counters, reasons, and the rows that were not applied."""

    summary: Summary
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Rows with one reason together: a line, and lines of examples."""
    more: int = 0
    """Rows that are in none of the groups."""
    rejected: bytes | None = None
    """The rows that were not applied, as a compressed Arrow stream."""
    query: str | None = None
    """The id of the streaming query, which stays the same after a restart."""

    @property
    def not_applied(self) -> int:
        """Rows that were not applied."""
        return self.summary.rejected + self.summary.failed


def describe(reports: Sequence[PartitionReport]) -> str:
    """The counters of all partitions, and the first ten reasons why rows were not applied."""
    counters = ("read", "applied", "rejected", "failed", "not_started", "unchanged")
    total = Summary(**{name: sum(getattr(report.summary, name) for report in reports) for name in counters})
    lines = [BulkResult(total, (), 0, None, True)._head()]
    groups = _merged([group for report in reports for group in report.groups])
    for line, examples in groups[:_SHOWN]:
        lines += [f"! {line}", *(f"    {example}" for example in examples)]
    more = sum(report.more for report in reports) + sum(_rows(line) for line, _ in groups[_SHOWN:])
    if more:
        lines.append(f"… and {more:,} more {'row' if more == 1 else 'rows'}")
    return "\n".join(lines)


def _merged(groups: Sequence[tuple[str, tuple[str, ...]]]) -> list[tuple[str, tuple[str, ...]]]:
    """The groups of all partitions, those of several rows with one reason together."""
    merged: dict[str, tuple[str, tuple[str, ...]]] = {}
    for line, examples in groups:
        counted = _COUNTED.match(line)
        reason = line[counted.end() :] if counted else line
        if counted is None or reason not in merged or not examples:
            merged.setdefault(reason, (line, examples))
            continue
        first, shown = merged[reason]
        count = f"{_rows(first) + _rows(line):,} rows: {reason}"
        merged[reason] = count, (*shown[:-1], _with_more(shown[-1], _rows(line)))
    return list(merged.values())


def _rows(line: str) -> int:
    """The rows of a group."""
    counted = _COUNTED.match(line)
    return int(counted[1].replace(",", "")) if counted else 1


def _with_more(example: str, count: int) -> str:
    """The last line of examples, for a group that has this many rows more."""
    more = _MORE.search(example)
    if more is None:
        return f"{example} and {count:,} more"
    return f"{example[: more.start()]}and {int(more[1].replace(',', '')) + count:,} more"
