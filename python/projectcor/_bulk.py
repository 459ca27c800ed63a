"""What ``update_all`` returns, and how it collects it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from projectcor._async_client import AsyncResults
    from projectcor._errors import CorError
    from projectcor._native import ItemResult, Results, Summary

__all__ = ["BulkResult", "Collector"]

_SHOWN = 20
"""Failures that are shown; the rest is counted."""


class BulkResult:
    """The result of ``update_all``. Prints the counters and the failures."""

    __slots__ = ("_failures", "_halted", "_is_complete", "_more_failures", "_summary")

    def __init__(
        self,
        summary: Summary,
        failures: tuple[ItemResult, ...],
        more_failures: int,
        halted: CorError | None,
        is_complete: bool,
    ) -> None:
        self._summary = summary
        self._failures = failures
        self._more_failures = more_failures
        self._halted = halted
        self._is_complete = is_complete

    @property
    def read(self) -> int:
        """Rows taken from the input."""
        return self._summary.read

    @property
    def applied(self) -> int:
        """Rows that COR applied, those of created projects included."""
        return self._summary.applied

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
        """Whether COR applied every row of the input."""
        return self._is_complete and not self._failures and not self._more_failures

    def __repr__(self) -> str:
        counts = [f"{self.applied:,} of {self.read:,} rows applied"]
        for count, what in ((self.rejected, "rejected"), (self.failed, "failed"), (self.not_started, "not started")):
            if count:
                counts.append(f"{count:,} {what}")
        lines = [f"Updates: {', '.join(counts)}"]
        for item in self._failures[:_SHOWN]:
            # The error of a row that was not sent begins with its place.
            place, text = f"index {item.index}: ", _plain(str(item.error))
            lines.append(f"! {text if text.startswith(place) else place + text}")
        more = len(self._failures) + self._more_failures - _SHOWN
        if more > 0:
            lines.append(f"… and {more:,} more; see .failures")
        if not self._is_complete:
            reason = "" if self._halted is None else f": {_plain(str(self._halted))}"
            lines.append(f"The run ended before the end of its input, and the remaining rows were not sent{reason}")
        return "\n".join(lines)


class Collector:
    """Keeps the failures of a run, as many as there is room for."""

    def __init__(self, max_details: int) -> None:
        if max_details < 0:
            raise ValueError(f"max_details is {max_details}; it must be 0 or more")
        self._room = max_details
        self._failures: list[ItemResult] = []
        self._more = 0

    def add(self, item: ItemResult) -> None:
        if item.ok:
            return
        if len(self._failures) < self._room:
            self._failures.append(item)
        else:
            self._more += 1

    def result(self, results: Results | AsyncResults) -> BulkResult:
        return BulkResult(results.summary, tuple(self._failures), self._more, results.halted, results.is_complete)


def _plain(text: str) -> str:
    """Foreign text on one line: control characters replaced."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text)
