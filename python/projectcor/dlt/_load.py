"""Sends a batch of rows, and decides what dlt does next: go on, try again later, or stop."""

# dlt is not installed where types are checked, so its types are unknown there.
# pyright: basic, reportMissingImports=false, reportMissingModuleSource=false
from __future__ import annotations

import threading
from typing import Any, cast

from dlt.common import logger
from dlt.common.destination.exceptions import DestinationTerminalException, DestinationTransientException
from dlt.common.runtime import signals
from dlt.common.storages.load_package import destination_state

from projectcor._errors import AuthError, ConfigError, ForbiddenError, InvalidUpdateError, TableError
from projectcor.dlt import _rejects
from projectcor.dlt._checks import cleared_columns, id_column, options_of
from projectcor.dlt._rows import TypedRows, json_line, row_at
from projectcor.dlt._settings import CorConfiguration, client_of
from projectcor.dlt._texts import in_terms_of_dlt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from projectcor._native import ItemResult, Progress, Results, Summary

__all__ = ["load", "log_counts"]

_COUNTS = "projectcor"
"""The member of dlt's state of a load package with the counts: dlt saves it together with its progress."""

_lock = threading.Lock()


# The default has the same type, since dlt passes its configuration to the parameter of exactly this type.
_PASSED_BY_DLT = cast(CorConfiguration, None)


def load(items: Any, table: Any, settings: CorConfiguration = _PASSED_BY_DLT) -> None:
    """Sends one batch. A row that COR does not apply is written to the file of rejected rows and raises nothing.

    Args:
        items: A list of dicts; a record batch of Arrow where dlt loads Parquet files.
        table: dlt's schema of the table.
        settings: The options, which dlt passes.

    Raises:
        DestinationTerminalException: COR did not accept the credentials, or the settings cannot work. dlt stops.
        DestinationTransientException: COR could not be reached, or a signal ended the wait for it. dlt sends the batch
            again.
    """
    key = id_column(table)
    rows: Any = items if hasattr(items, "to_pylist") else TypedRows(list(table["columns"]), items, key)
    options = options_of(settings, key)
    rejected: list[ItemResult] = []
    try:
        with client_of(settings).projects.update_many(rows, on_progress=_go_on, **options) as results:
            rejected.extend(item for item in results if not item.ok)
            _raise_unless_complete(results, table["name"])
    except (TableError, ConfigError) as error:
        text = in_terms_of_dlt(str(error))
        raise DestinationTerminalException(f"projectcor.dlt: table {table['name']}: {text}") from error
    # Only now: a batch that dlt sends again reports its rows again.
    cleared = cleared_columns(settings, table["columns"])
    lines = [json_line(row_at(items, item.index), key, _notes(item), cleared) for item in rejected]
    _rejects.append(str(settings.rejects), lines)
    _count(results.summary, rejected)


def _go_on(progress: Progress) -> bool:
    """Whether the run goes on. Ctrl-C, with which dlt lets batches in progress finish, ends the wait for COR."""
    return not (progress.paused and signals.was_signal_received())


def _raise_unless_complete(results: Results, table: str) -> None:
    halted = results.halted
    if isinstance(halted, (AuthError, ForbiddenError, ConfigError)):
        raise DestinationTerminalException(f"projectcor.dlt: table {table}: {halted}") from halted
    if halted is not None or not results.is_complete:
        reason = halted or "the run was stopped by a signal"
        raise DestinationTransientException(
            f"projectcor.dlt: table {table}: the batch was not sent to its end: {reason}. Run the pipeline again: dlt "
            "sends this batch and the rows after it"
        ) from halted


def _outcome(item: ItemResult) -> str:
    if isinstance(item.error, InvalidUpdateError):
        return "rejected"
    return "not_applied" if item.error is None else item.error.outcome


def _notes(item: ItemResult) -> dict[str, str]:
    return {"_outcome": _outcome(item), "_reason": in_terms_of_dlt(str(item.error))}


def _count(summary: Summary, rejected: list[ItemResult]) -> None:
    """Adds to the counts of the load package. dlt saves them after the batch."""
    with _lock:
        counts = destination_state().setdefault(_COUNTS, {})
        for name, count in (("applied", summary.applied), ("unchanged", summary.unchanged)):
            counts[name] = counts.get(name, 0) + count
        for outcome in map(_outcome, rejected):
            counts[outcome] = counts.get(outcome, 0) + 1


def log_counts(load_id: str, settings: Any) -> None:
    """Logs the counts of a load package: if rows were rejected as a warning, which dlt shows by default."""
    counts = dict(destination_state().get(_COUNTS, {}))
    read, applied, unchanged = sum(counts.values()), counts.pop("applied", 0), counts.pop("unchanged", 0)
    text = f"projectcor.dlt: load package {load_id}: COR applied {applied:,} of {read:,} rows"
    if unchanged:
        text += f"; {unchanged:,} set no field, so nothing was sent for them"
    if not counts:
        logger.info(text)
        return
    others = ", ".join(f"{count:,} {outcome.replace('_', ' ')}" for outcome, count in sorted(counts.items()))
    logger.warning(
        f"{text}; {others}. These rows are in {settings.rejects} with the reason; correct them and run "
        "`cor projects sync` on that file"
    )
