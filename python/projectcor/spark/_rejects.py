"""Rows that were not applied: from the executor to a Parquet file."""

# pyright: basic, reportMissingImports=false
# The types of PySpark and pyarrow, which are not installed to check this, are unknown.

from __future__ import annotations

import os
import re
import uuid
from urllib.parse import unquote

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

__all__ = ["Folder", "RejectedRows", "shown"]

_NOTES = ("cor_outcome", "cor_kind", "cor_reason")
"""Columns before the row's own: whether the update took effect, the kind of the error, and its text."""


_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]+:")
"""At the start of an address. One letter is a drive of Windows."""


def shown(path: str) -> str:
    """A path or address for messages: without user information and query, which may hold a secret.

    Example:
        >>> shown("s3://key:secret@deals/rejects")
        's3://…@deals/rejects'
    """
    if not _SCHEME.match(path):
        return path
    scheme, colon, rest = path.partition(":")
    slashes = "//" if rest.startswith("//") else ""
    place, query, _ = rest[len(slashes) :].partition("?")
    # A secret that was not percent-encoded may contain any character.
    if "@" in rest:
        place = f"…@{place.rpartition('@')[2]}" if "@" in place else "…"
    return f"{scheme}{colon}{slashes}{place}{'?…' if query else ''}"


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
        self.name = shown(path)
        self._address = path
        is_address = _SCHEME.match(path) is not None
        try:
            self._files: Any
            if is_address:
                self._files, self._path = pyarrow.fs.FileSystem.from_uri(path)
            else:
                self._files, self._path = pyarrow.fs.LocalFileSystem(), os.path.abspath(path)
        except (OSError, ValueError, NotImplementedError) as error:
            problem = f"option rejects is {self.name!r}: {self._without_secrets(error)}; use a path on the driver"
            raise refused(problem) from None
        self._shown = self.name.rstrip("/") if is_address else self._path

    def _without_secrets(self, error: Exception) -> str:
        """The text of an error of pyarrow, which may quote the address."""
        text = str(error).replace(self._address, self.name)
        if self.name == self._address or not _SCHEME.match(self._address):
            return text
        user, at, _ = self._address.partition(":")[2].lstrip("/").rpartition("@")
        query = self._address.partition("?")[2]
        secrets = [*user.split(":")] if at else []
        secrets += [part.partition("=")[2] for part in query.split("&")]
        for secret in sorted({*secrets, *map(unquote, secrets)}, key=len, reverse=True):
            # A shorter text is no secret, and is in other words.
            if len(secret) > 3:
                text = text.replace(secret, "…")
        return text

    def check(self) -> None:
        """Creates the folder, and a file in it which is deleted again: before anything is sent."""
        probe = f"{self._path}/.probe-{uuid.uuid4().hex}"
        try:
            self._files.create_dir(self._path, recursive=True)
            with self._files.open_output_stream(probe):
                pass
            self._files.delete_file(probe)
        except OSError as error:
            problem = f"the folder {self.name} of option rejects cannot be written to: {self._without_secrets(error)}"
            raise refused(problem) from None

    def write(self, streams: Sequence[bytes], name: str) -> str | None:
        """Writes the rows of these streams into one file, which appears when it is whole.

        Args:
            streams: The streams of ``RejectedRows``.
            name: The name of the file, without its ending. A file with this name is replaced; without rows, it is
                deleted.

        Returns:
            The path of the file; ``None`` without rows.

        Raises:
            OSError: The file cannot be written or deleted. The text shows no secret of the address.
        """
        try:
            return self._write(streams, name)
        except OSError as error:
            raise OSError(self._without_secrets(error)) from None

    def _write(self, streams: Sequence[bytes], name: str) -> str | None:
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
        return f"{self._shown}/{name}.parquet"
