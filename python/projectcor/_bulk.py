"""What ``update_all`` returns, and how it collects it."""

from __future__ import annotations

from projectcor._native import group_failures

TYPE_CHECKING = False
if TYPE_CHECKING:
    from projectcor._async_results import AsyncResults
    from projectcor._errors import CorError
    from projectcor._native import ItemResult, Results, Summary

__all__ = ["BulkResult", "Collector"]

_SHOWN = 10
"""Reasons of failures that are shown; the rest is counted."""


class BulkResult:
    """The result of ``update_all``. Prints the counters and the failures."""

    __slots__ = ("_created", "_failures", "_halted", "_is_complete", "_more_failures", "_summary")

    def __init__(
        self,
        summary: Summary,
        failures: tuple[ItemResult, ...],
        more_failures: int,
        halted: CorError | None,
        is_complete: bool,
        created: int = 0,
    ) -> None:
        self._summary = summary
        self._failures = failures
        self._more_failures = more_failures
        self._halted = halted
        self._is_complete = is_complete
        self._created = created

    @property
    def read(self) -> int:
        """Rows taken from the input."""
        return self._summary.read

    @property
    def applied(self) -> int:
        """Rows that COR applied, those of created projects included."""
        return self._summary.applied

    @property
    def created(self) -> int:
        """Of the applied rows, those whose project the run created."""
        return self._created

    @property
    def rejected(self) -> int:
        """Rows refused before anything was sent."""
        return self._summary.rejected

    @property
    def failed(self) -> int:
        """Rows that failed after something was sent, or for want of a connection or token."""
        return self._summary.failed

    @property
    def not_started(self) -> int:
        """Rows taken from the input and not begun, because the run was stopped."""
        return self._summary.not_started

    @property
    def unchanged(self) -> int:
        """Rows that set no field, because each of their values is null; nothing was sent for them."""
        return self._summary.unchanged

    @property
    def failures(self) -> tuple[ItemResult, ...]:
        """The rows that were not applied, in the order in which they ended; ``max_details`` of them at most."""
        return self._failures

    @property
    def more_failures(self) -> int:
        """The number of further failures, beyond those in ``failures``."""
        return self._more_failures

    @property
    def halted(self) -> CorError | None:
        """Why the run ended before its input: COR could not be reached, or did not accept the credentials."""
        return self._halted

    @property
    def is_complete(self) -> bool:
        """Whether every row of the input has its result; ``False`` if the run was stopped or halted before."""
        return self._is_complete

    @property
    def ok(self) -> bool:
        """Whether COR applied every row of the input that sets a field."""
        return self._is_complete and not self._failures and not self._more_failures

    def __repr__(self) -> str:
        lines = [self._head()]
        groups, more = self._groups()
        for line, examples in groups:
            lines.append(f"! {line}")
            lines += [f"    {example}" for example in examples]
        if more > 0:
            lines.append(f"… and {more:,} more; see .failures")
        return "\n".join(lines + self._notes())

    def _repr_html_(self) -> str:
        """The same for notebooks, with colours."""
        from projectcor._notebook import page

        groups, more = self._groups()
        return page(self._head(), [], groups, f"… and {more:,} more; see .failures" if more else None, self._notes())

    def _head(self) -> str:
        counts = [f"{self.applied:,} of {self.read:,} rows applied"]
        for count, what in (
            (self.created, "of them created"),
            (self.unchanged, "unchanged"),
            (self.rejected, "rejected"),
            (self.failed, "failed"),
            (self.not_started, "not started"),
        ):
            if count:
                counts.append(f"{count:,} {what}")
        return f"Updates: {', '.join(counts)}"

    def _groups(self) -> tuple[list[tuple[str, list[str]]], int]:
        """The failures by their reason, with three rows of each; and how many are not among them."""
        groups, more = group_failures(self._failures, _SHOWN)
        return groups, more + self._more_failures

    def _notes(self) -> list[str]:
        if self._is_complete:
            return []
        reason = "" if self._halted is None else f": {_plain(str(self._halted))}"
        return [f"The run ended before the end of its input, and the remaining rows were not sent{reason}"]


class Collector:
    """Keeps the failures of a run, as many as there is room for."""

    def __init__(self, max_details: int) -> None:
        if max_details < 0:
            raise ValueError(f"max_details is {max_details}; it must be 0 or more")
        self._room = max_details
        self._failures: list[ItemResult] = []
        self._more = 0
        self._created = 0

    def add(self, item: ItemResult) -> None:
        if item.ok:
            self._created += item.created
            return
        if len(self._failures) < self._room:
            self._failures.append(item)
        else:
            self._more += 1

    def result(self, results: Results | AsyncResults) -> BulkResult:
        return BulkResult(
            results.summary, tuple(self._failures), self._more, results.halted, results.is_complete, self._created
        )


def _plain(text: str) -> str:
    """Foreign text on one line: control characters replaced."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
