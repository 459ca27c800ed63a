"""Rows that were not applied: from the executor to a Parquet file."""

# pyright: basic, reportMissingImports=false
# The types of PySpark and pyarrow, which are not installed to check this, are unknown.

from __future__ import annotations

import os
import re
import uuid

import pyarrow
import pyarrow.fs
import pyarrow.ipc
import pyarrow.parquet

from projectcor import InvalidUpdateError
from projectcor.spark._options import refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from projectcor import ItemResult

__all__ = ["Folder", "RejectedRows"]

_NOTES = ("cor_outcome", "cor_kind", "cor_reason")
"""Columns before the row's own: whether the update took effect, the kind of the error, and its text."""


_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]+:")
"""At the start of an address. One letter is a drive of Windows."""


class RejectedRows:
    """Rows of one partition that were not applied, as a compressed Arrow stream.

    Args:
        schema: The schema of the partition.
        is_wanted: Whether there is a folder for them. Otherwise nothing is copied.
    """

    def __init__(self, schema: Any, *, is_wanted: bool) -> None:
        self._writer: Any = None
        if is_wanted:
            self._sink = pyarrow.BufferOutputStream()
            notes = [pyarrow.field(name, pyarrow.string()) for name in _NOTES]
            # Parquet readers differ about columns without a type, which hold nothing but null.
            fields = [
                field.with_type(pyarrow.string()) if pyarrow.types.is_null(field.type) else field for field in schema
            ]
            options = pyarrow.ipc.IpcWriteOptions(compression="zstd")
            self._schema = pyarrow.schema([*notes, *fields])
            self._writer = pyarrow.ipc.new_stream(self._sink, self._schema, options=options)
        self._count = 0

    def add(self, batch: Any, start: int, failures: Sequence[ItemResult]) -> None:
        """Copies the rows of these failures.

        Args:
            batch: The batch that has the rows.
            start: The index of its first row in the partition.
            failures: The results of the rows that were not applied.
        """
        if self._writer is None or not failures:
            return
        failures = sorted(failures, key=lambda item: item.index)
        rows = batch.take(pyarrow.array([item.index - start for item in failures]))
        notes = zip(*(_notes(item) for item in failures))
        columns = [pyarrow.array(values, pyarrow.string()) for values in notes]
        own = [
            column.cast(pyarrow.string()) if pyarrow.types.is_null(column.type) else column for column in rows.columns
        ]
        self._writer.write_batch(pyarrow.RecordBatch.from_arrays([*columns, *own], schema=self._schema))
        self._count += len(failures)

    def close(self) -> bytes | None:
        """The stream; ``None`` if there are no rows."""
        if self._writer is None:
            return None
        self._writer.close()
        return self._sink.getvalue().to_pybytes() if self._count else None


def _notes(item: ItemResult) -> tuple[str, str, str]:
    error = item.error
    assert error is not None, f"row {item.index} has no error"
    # The words of ``Results.to_dataframe``.
    outcome = "rejected" if isinstance(error, InvalidUpdateError) else error.outcome
    return outcome, error.kind, str(error)


class Folder:
    """The folder of rejected rows.

    Args:
        path: A path on the driver, or an address with the scheme of a file system that pyarrow knows.

    Raises:
        ConfigError: There is no such file system, or the folder cannot be created or written to.
    """

    def __init__(self, path: str) -> None:
        self.name = path
        try:
            self._files: Any
            if _SCHEME.match(path):
                self._files, self._path = pyarrow.fs.FileSystem.from_uri(path)
            else:
                self._files, self._path = pyarrow.fs.LocalFileSystem(), os.path.abspath(path)
        except (OSError, ValueError, NotImplementedError) as error:
            raise refused(f"option rejects is {path!r}: {error}; use a path on the driver") from None

    def check(self) -> None:
        """Creates the folder, and a file in it which is deleted again: before anything is sent."""
        probe = f"{self._path}/.probe-{uuid.uuid4().hex}"
        try:
            self._files.create_dir(self._path, recursive=True)
            with self._files.open_output_stream(probe):
                pass
            self._files.delete_file(probe)
        except OSError as error:
            raise refused(f"the folder {self.name} of option rejects cannot be written to: {error}") from None

    def write(self, streams: Sequence[bytes], name: str) -> str | None:
        """Writes the rows of these streams into one file, which appears when it is whole.

        Args:
            streams: The streams of ``RejectedRows``.
            name: The name of the file, without its ending. A file with this name is replaced; without rows, it is
                deleted.

        Returns:
            The path of the file; ``None`` without rows.
        """
        target = f"{self._path}/{name}.parquet"
        if not streams:
            if self._files.get_file_info(target).type != pyarrow.fs.FileType.NotFound:
                self._files.delete_file(target)
            return None
        # Readers of Spark skip names that start with a dot.
        part = f"{self._path}/.{name}-{uuid.uuid4().hex}.part"
        readers = [pyarrow.ipc.open_stream(stream) for stream in streams]
        with (
            self._files.open_output_stream(part) as file,
            pyarrow.parquet.ParquetWriter(file, readers[0].schema) as out,
        ):
            for reader in readers:
                for batch in reader:
                    out.write_batch(batch)
        self._files.move(part, target)
        return target
