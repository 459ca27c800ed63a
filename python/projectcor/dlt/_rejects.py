"""The file of rejected rows: one for all tables of a pipeline, to which several threads and processes may append."""

from __future__ import annotations

import os
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["append", "check"]

_lock = threading.Lock()


def check(path: str) -> None:
    """Opens the file as ``append`` does, and creates it where it does not exist.

    Raises:
        OSError: It cannot be written.
    """
    append(path, ())


def append(path: str, lines: Sequence[str]) -> None:
    """Appends lines, and returns when they are on the disk: after that dlt does not send the rows again.

    One write for all lines, at the end of the file: lines of other writers stand before or after them, never between.

    Raises:
        OSError: The file cannot be written.
    """
    text = "".join(lines).encode()
    with _lock:
        # Windows would translate the ends of lines without O_BINARY.
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        descriptor = os.open(path, flags, 0o666)
        try:
            if not text:
                return
            if not _ends_with_a_line(descriptor):
                text = b"\n" + text
            while text:
                text = text[os.write(descriptor, text) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _ends_with_a_line(descriptor: int) -> bool:
    """Whether the file is empty or its last line is whole: a full disk may have cut it."""
    size = os.fstat(descriptor).st_size
    if size == 0:
        return True
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1) == b"\n"
