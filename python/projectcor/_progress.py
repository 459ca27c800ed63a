"""A bar for ``progress=True``: by tqdm or rich where one is installed, else one line on a terminal."""

from __future__ import annotations

import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from projectcor._native import Progress
    from projectcor._types import Bar


def bar() -> Bar:
    """The best bar there is."""
    for kind in (_Tqdm, _Rich):
        try:
            return kind()
        except ImportError:
            pass
    return _Line()


def _note(progress: Progress) -> str:
    notes: list[str] = []
    if progress.failed:
        notes.append(f"{progress.failed} failed")
    if progress.paused:
        notes.append(progress.paused.replace("_", " "))
    return ", ".join(notes)


class _Tqdm:
    """In a terminal and in a notebook."""

    def __init__(self) -> None:
        self._make: Any = import_module("tqdm.auto").tqdm
        self._bar: Any = None

    def __call__(self, progress: Progress) -> None:
        if self._bar is None:
            self._bar = self._make(total=progress.total, unit=" projects", desc="COR")
        self._bar.set_postfix_str(_note(progress), refresh=False)
        self._bar.update(progress.done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _Rich:
    def __init__(self) -> None:
        self._progress: Any = import_module("rich.progress").Progress(
            console=import_module("rich.console").Console(stderr=True)
        )
        self._task: Any = None

    def __call__(self, progress: Progress) -> None:
        if self._task is None:
            self._progress.start()
            for shown in self._progress.task_ids:
                # It was closed in between, and starts anew.
                self._progress.remove_task(shown)
            self._task = self._progress.add_task("COR", total=progress.total)
        self._progress.update(self._task, completed=progress.done, description=f"COR {_note(progress)}".rstrip())

    def close(self) -> None:
        if self._task is not None:
            self._progress.stop()
            self._task = None


class _Line:
    """One line on standard error, redrawn a few times a second; nothing where that is no terminal."""

    def __init__(self) -> None:
        from time import monotonic

        self._clock = monotonic
        self._next = 0.0
        self._shown = ""
        self._last = ""
        self._terminal = sys.stderr is not None and sys.stderr.isatty()

    def __call__(self, progress: Progress) -> None:
        if not self._terminal:
            return
        of = "" if progress.total is None else f" of {progress.total}"
        note = _note(progress)
        self._last = f"COR: {progress.done}{of} projects{', ' + note if note else ''}"
        if self._clock() >= self._next:
            self._next = self._clock() + 0.2
            self._show()

    def _show(self) -> None:
        print("\r" + self._last.ljust(len(self._shown)), end="", file=sys.stderr, flush=True)
        self._shown = self._last

    def close(self) -> None:
        if self._terminal and self._last:
            self._show()
            print(file=sys.stderr)
            self._last = ""
