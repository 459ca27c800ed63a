"""What a task reports to the driver, and the text that the driver makes of all reports."""

# pyright: basic, reportMissingImports=false
# The types of PySpark and pyarrow, which are not installed to check this, are unknown.

from __future__ import annotations

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
    groups = [group for report in reports for group in report.groups]
    for line, examples in groups[:_SHOWN]:
        lines += [f"! {line}", *(f"    {example}" for example in examples)]
    if len(groups) > _SHOWN or any(report.more for report in reports):
        lines.append("… and further reasons")
    return "\n".join(lines)
