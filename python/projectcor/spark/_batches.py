"""The record batches of a partition between the moment they are read and the moment each of their rows has a result."""

# pyright: basic, reportMissingImports=false
# The types of PySpark and pyarrow, which are not installed to check this, are unknown.

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

import pyarrow

from projectcor.spark._rejects import RejectedRows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from projectcor import ItemResult

__all__ = ["Batches", "as_batches"]


class _Batch:
    """A batch that was read, and how many of its rows have no result."""

    def __init__(self, batch: Any, start: int) -> None:
        self.batch = batch
        self.start = start
        self.left: int = batch.num_rows
        self.failures: list[ItemResult] = []


class Batches:
    """Hands out the batches of a partition as an Arrow stream, and keeps each one until its last row has a result.

    A run reads few rows ahead, so one or two batches are kept at a time, however many the partition has.

    Args:
        first: The first batch of the partition.
        batches: The batches after it.
        rejected: Where rows that were not applied are copied to.
    """

    def __init__(self, first: Any, batches: Iterator[Any], rejected: RejectedRows) -> None:
        self._rejected = rejected
        self._kept: list[_Batch] = []
        self.stream: Any = pyarrow.RecordBatchReader.from_batches(first.schema, self._read(chain([first], batches)))
        """What ``update_many`` reads."""
        self.error: BaseException | None = None
        """What reading the partition raised: an Arrow stream passes on the text of an exception only."""

    def _read(self, batches: Iterator[Any]) -> Iterator[Any]:
        start = 0
        try:
            for batch in batches:
                if batch.num_rows:
                    self._kept.append(_Batch(batch, start))
                    start += batch.num_rows
                yield batch
        except BaseException as error:
            self.error = error
            raise

    def settle(self, item: ItemResult) -> None:
        """Takes the result of a row: copies the row if it was not applied, and frees its batch after the last one."""
        kept = next(kept for kept in reversed(self._kept) if kept.start <= item.index)
        kept.left -= 1
        if not item.ok:
            kept.failures.append(item)
        if kept.left == 0:
            self._rejected.add(kept.batch, kept.start, kept.failures)
            self._kept.remove(kept)


def as_batches(rows: Iterator[Any], schema: Any, size: int = 1000) -> Iterator[Any]:
    """Rows of Spark as record batches: PySpark 4.0 passes rows to a stream writer, later versions pass batches.

    Args:
        rows: Rows, each with a value per column.
        schema: The Arrow schema.
        size: Rows of a batch. Default: 1000.
    """
    while some := list(islice(rows, size)):
        columns = [pyarrow.array(values, field.type) for values, field in zip(zip(*some), schema)]
        yield pyarrow.RecordBatch.from_arrays(columns, schema=schema)
