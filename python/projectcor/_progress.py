"""A bar for ``progress=True``: by tqdm if it is installed, else in a notebook, by rich, or one line on a terminal."""

from __future__ import annotations

import sys
from importlib import import_module
from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from projectcor._native import Progress
    from projectcor._types import Bar

_INTERVAL = 0.1
"""Seconds between two updates of what is shown."""


def bar() -> Bar:
    """The best bar there is."""
    for kind in (_Tqdm, _Notebook, _Rich):
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


def _text(progress: Progress) -> str:
    of = "" if progress.total is None else f" of {progress.total}"
    note = _note(progress)
    return f"COR: {progress.done}{of} projects{', ' + note if note else ''}"


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


class _Shown:
    """The progress so far, redrawn at most ten times a second and once at the end. It needs no thread."""

    def __init__(self) -> None:
        self._next = 0.0
        self._last: Progress | None = None

    def __call__(self, progress: Progress) -> None:
        self._last = progress
        now = monotonic()
        if now >= self._next:
            self._next = now + _INTERVAL
            self._show(progress)

    def close(self) -> None:
        last, self._last = self._last, None
        if last is not None:
            self._end(last)

    def _show(self, progress: Progress) -> None:
        raise NotImplementedError

    def _end(self, progress: Progress) -> None:
        raise NotImplementedError


class _Notebook(_Shown):
    """A bar below the cell of a notebook, which IPython redraws in its place."""

    def __init__(self) -> None:
        super().__init__()
        # A notebook's kernel has imported it. A terminal's IPython shows text alone.
        shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
        if shell is None or not hasattr(shell, "kernel"):
            raise ImportError("this is no notebook")
        self._display: Any = import_module("IPython.display").display
        self._handle: Any = None

    def _show(self, progress: Progress) -> None:
        if self._handle is None:
            self._handle = self._display(_Cell(progress), display_id=True)
        else:
            self._handle.update(_Cell(progress))

    def _end(self, progress: Progress) -> None:
        self._show(progress)
        self._handle = None


class _Cell:
    """What a notebook shows of the progress: HTML, or text where it shows none."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def __repr__(self) -> str:
        return _text(self._progress)

    def _repr_html_(self) -> str:
        from html import escape

        done, total = self._progress.done, self._progress.total
        bar = "" if total is None else f'<progress value="{done}" max="{max(total, 1)}"></progress> '
        return f"<div>{bar}{escape(_text(self._progress))}</div>"


class _Line(_Shown):
    """One line on standard error that is rewritten; where that is no terminal, only the last one."""

    def __init__(self) -> None:
        super().__init__()
        self._width = 0
        self._terminal = sys.stderr is not None and sys.stderr.isatty()

    def _show(self, progress: Progress) -> None:
        if self._terminal:
            text = _text(progress)
            print("\r" + text.ljust(self._width), end="", file=sys.stderr, flush=True)
            self._width = len(text)

    def _end(self, progress: Progress) -> None:
        self._show(progress)
        if sys.stderr is not None:
            print("" if self._terminal else _text(progress), file=sys.stderr, flush=True)
        self._width = 0
