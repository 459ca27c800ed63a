"""Sends one partition, in a task on an executor."""

# pyright: basic, reportMissingImports=false
# The types of PySpark and pyarrow, which are not installed to check this, are unknown.

from __future__ import annotations

from collections.abc import Iterator

from pyspark import TaskContext

from projectcor import Summary
from projectcor._bulk import Collector
from projectcor.spark._batches import Batches
from projectcor.spark._client import client_of
from projectcor.spark._options import Options, refused
from projectcor.spark._rejects import RejectedRows
from projectcor.spark._report import PartitionReport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["send_partition"]

_MOST_DETAILS = 10_000
"""Failures whose reasons are grouped for the message. All are counted, and all are in the folder of rejected rows."""


def send_partition(options: Options, batches: Iterator[Any]) -> PartitionReport:
    """Sends an update for every row and waits for all of them.

    Args:
        options: The options of the write.
        batches: The record batches of the partition.

    Raises:
        ConfigError: Before anything is sent: speculation is on, or there are more partitions than allowed.
        CorError: COR could not be reached or did not accept the credentials, so that rows have no result. The task
            fails, and Spark runs it again.
    """
    context: Any = TaskContext.get()
    _check_task(context, options)
    query = context.getLocalProperty("sql.streaming.queryId")
    first = next(batches, None)
    if first is None:
        return PartitionReport(Summary(), query=query)
    rejected = RejectedRows(first.schema, is_wanted=options.rejects is not None)
    table = Batches(first, batches, rejected)
    collector = Collector(_MOST_DETAILS)
    with client_of(options).projects.update_many(
        table.stream, source=options.source, id_column=options.id_column, **options.table_values
    ) as results:
        try:
            for item in results:
                table.settle(item)
                collector.add(item)
        except Exception:
            if table.error is not None:
                raise table.error from None
            raise
        if results.halted is not None:
            raise results.halted
        if not results.is_complete:
            raise RuntimeError("the run ended before the end of the partition, and the remaining rows were not sent")
        groups, more = collector.result(results)._groups()
        return PartitionReport(
            summary=results.summary,
            groups=tuple((line, tuple(examples)) for line, examples in groups),
            more=more,
            rejected=rejected.close(),
            query=query,
        )


def _check_task(context: Any, options: Options) -> None:
    """Refuses what only a task can see. Every task checks it before it sends."""
    if (context.getLocalProperty("spark.speculation") or "false").lower() == "true":
        raise refused(
            "spark.speculation is true, and Spark would send a partition twice at the same time, so that an older "
            "value could win; set it to false, or send from the driver by client.projects.sync(df, ...)"
        )
    if context.partitionId() >= options.partitions:
        raise refused(
            f"the data has more partitions than the {options.partitions} that option partitions allows; write "
            f"df.repartition({options.partitions}) or projectcor.spark.in_order(df, by=...), or raise the option"
        )
