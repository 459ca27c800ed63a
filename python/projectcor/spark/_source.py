"""The data source ``cor`` as Spark calls it."""

# pyright: basic, reportMissingImports=false
# The types of PySpark and pyarrow, which are not installed to check this, are unknown.

from __future__ import annotations

import logging
import time
import uuid
from inspect import signature
from typing import Any

from pyspark.sql import datasource
from pyspark.sql.pandas.types import to_arrow_schema

from projectcor import TableError
from projectcor.spark._batches import as_batches
from projectcor.spark._client import client_of
from projectcor.spark._options import Options, refused
from projectcor.spark._partition import send_partition
from projectcor.spark._rejects import Folder, shown
from projectcor.spark._report import PartitionReport, RowsNotAppliedError, describe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["CorDataSource"]

_log = logging.getLogger("projectcor.spark")

HAS_STREAM_ARROW_WRITER = hasattr(datasource, "DataSourceStreamArrowWriter")
"""PySpark 4.0 has no stream writer of record batches, and passes rows."""

_StreamWriter: Any = getattr(datasource, "DataSourceStreamArrowWriter", datasource.DataSourceStreamWriter)


class CorDataSource(datasource.DataSource):
    """Writes only. Spark makes one for each write, on the driver."""

    @classmethod
    def name(cls) -> str:
        """The name for ``format``."""
        return "cor"

    def writer(self, schema: Any, overwrite: bool) -> BatchWriter:
        """Checks a write, before any task starts.

        Raises:
            ConfigError: The options, or the mode.
            TableError: The columns.
        """
        options = Options.parse(self.options, is_stream=False)
        if overwrite:
            raise refused('mode("overwrite") would have to delete projects; use mode("append")')
        _check(options, schema)
        return BatchWriter(options)

    def streamWriter(self, schema: Any, overwrite: bool) -> StreamWriter:
        """Checks a streaming write. Spark calls it again for the commit of each micro-batch."""
        options = Options.parse(self.options, is_stream=True)
        if overwrite:
            raise refused('outputMode("complete") sends every row in every batch; use outputMode("append")')
        _check(options, schema)
        return StreamWriter(options, schema)


def _check(options: Options, schema: Any) -> None:
    """Refuses credentials and options that cannot work together, columns that are no fields, and a folder that cannot
    be written to."""
    client = client_of(options)
    empty = _arrow_schema(schema).empty_table()
    try:
        with client.projects.update_many(
            empty, source=options.source, id_column=options.id_column, **options.table_values
        ) as results:
            for _ in results:
                pass
    except TableError as error:
        # The remedies of update_many include arguments that the data source does not have.
        raise TableError(
            f'{error}\nformat("cor") has no option for this: rename, cast or drop columns of the DataFrame'
        ) from None
    if options.rejects is not None:
        Folder(options.rejects).check()


def _arrow_schema(schema: Any) -> Any:
    # Later versions of PySpark need a time zone for points in time, and name it in the type.
    has_timezone = "timezone" in signature(to_arrow_schema).parameters
    return to_arrow_schema(schema, timezone="UTC") if has_timezone else to_arrow_schema(schema)


class BatchWriter(datasource.DataSourceArrowWriter):
    """The writer of ``df.write``."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def write(self, iterator: Iterator[Any]) -> PartitionReport:
        """Sends a partition, on an executor."""
        return send_partition(self._options, iterator)

    def commit(self, messages: Sequence[PartitionReport | None]) -> None:
        """Writes the rejected rows, on the driver, after all tasks ended well.

        Raises:
            RowsNotAppliedError: A row was not applied, and ``onReject`` is ``fail``.
        """
        name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{uuid.uuid4().hex}"
        _finish(self._options, messages, name)


class StreamWriter(_StreamWriter):
    """The writer of ``df.writeStream``."""

    def __init__(self, options: Options, schema: Any) -> None:
        self._options = options
        self._schema = schema

    def write(self, iterator: Iterator[Any]) -> PartitionReport:
        """Sends a partition of a micro-batch, on an executor."""
        if not HAS_STREAM_ARROW_WRITER:
            iterator = as_batches(iterator, _arrow_schema(self._schema))
        return send_partition(self._options, iterator)

    def commit(self, messages: Sequence[PartitionReport | None], batchId: int) -> None:
        """Writes the rejected rows of a micro-batch, on the driver.

        Spark runs a micro-batch again if it was stopped before this commit was recorded. The file has the name of the
        query and the batch, so that the repeated batch replaces it.
        """
        query = next((report.query for report in messages if report is not None and report.query), uuid.uuid4().hex)
        _finish(self._options, messages, f"stream-{query}-batch-{batchId:09}")


def _finish(options: Options, messages: Sequence[PartitionReport | None], name: str) -> None:
    reports = [message for message in messages if message is not None]
    where, is_stored = "The rows are not stored; option rejects names a folder for them", True
    if options.rejects is not None:
        streams = [report.rejected for report in reports if report.rejected is not None]
        try:
            file = Folder(options.rejects).write(streams, name)
            where = f"The rows were written to {file}; correct them and write them again"
        except OSError as caught:
            if not streams:
                raise
            where, is_stored = f"The rows could not be written to {shown(options.rejects)}: {caught}", False
    if not any(report.not_applied for report in reports):
        return
    text = f"{describe(reports)}\n{where}"
    if options.fails or not is_stored:
        raise RowsNotAppliedError(text)
    _log.warning("%s", text)
