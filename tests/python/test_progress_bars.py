"""`progress=True`: a bar by tqdm or rich, and none without a terminal."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import projectcor
import pytest
from common import SOURCE
from projectcor import _progress
from test_many import rows


@pytest.mark.parametrize("total", [True, False])
def test_progress_true_shows_a_bar(
    door: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], total: bool
) -> None:

    for name in ("tqdm", "tqdm.auto", "rich", "rich.progress"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    items, _ = door.update_many(list(rows(5)) if total else rows(5), source=SOURCE, progress=True)
    assert len(items) == 5
    shown = capsys.readouterr().err
    assert shown.endswith("COR: 5 of 5 projects\n" if total else "COR: 5 projects\n")


def test_progress_true_writes_the_last_line_alone_without_a_terminal(
    door: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:

    for name in ("tqdm", "tqdm.auto", "rich", "rich.progress"):
        monkeypatch.setitem(sys.modules, name, None)
    items, _ = door.update_many(list(rows(5)), source=SOURCE, progress=True)
    assert len(items) == 5
    assert capsys.readouterr() == ("", "COR: 5 of 5 projects\n")


def test_a_line_is_rewritten_at_most_ten_times_a_second(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [100.0]
    monkeypatch.setattr(_progress, "monotonic", lambda: now[0])
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    line = _progress._Line()
    for done in range(1000):
        now[0] += 0.001
        line(projectcor.Progress(done, 0, 1000))
    shown = capsys.readouterr().err
    assert 9 <= shown.count("\r") <= 10
    line(projectcor.Progress(1000, 2, 1000, "rate_limited"))
    line.close()
    line.close()
    assert capsys.readouterr().err == "\rCOR: 1000 of 1000 projects, 2 failed, rate limited\n"


def test_a_notebook_shows_one_bar_that_is_updated_in_its_place(
    door: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shown: list[Any] = []

    class Handle:
        def update(self, cell: Any) -> None:
            shown.append(cell)

    def display(cell: Any, *, display_id: bool) -> Handle:
        assert display_id
        assert shown == [], "one place for all of it"
        shown.append(cell)
        return Handle()

    class Shell:
        kernel = object()

    without_tqdm(monkeypatch)
    notebook, of_display = ModuleType("IPython"), ModuleType("IPython.display")
    notebook.get_ipython = Shell  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    of_display.display = display  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    monkeypatch.setitem(sys.modules, "IPython", notebook)
    monkeypatch.setitem(sys.modules, "IPython.display", of_display)
    door.update_many(list(rows(5)), source=SOURCE, progress=True)
    assert repr(shown[-1]) == "COR: 5 of 5 projects"
    assert shown[-1]._repr_html_() == '<div><progress value="5" max="5"></progress> COR: 5 of 5 projects</div>'
    assert capsys.readouterr() == ("", "")
    # IPython in a terminal shows no HTML.
    monkeypatch.delattr(Shell, "kernel")
    monkeypatch.setitem(sys.modules, "rich.progress", None)
    door.update_many(list(rows(2)), source=SOURCE, progress=True)
    assert capsys.readouterr() == ("", "COR: 2 of 2 projects\n")


def with_tqdm(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The bars that will be made."""
    auto = pytest.importorskip("tqdm.auto")
    made: list[Any] = []

    class Tracked(auto.tqdm):  # type: ignore[misc, name-defined]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            made.append(self)

    monkeypatch.setattr(auto, "tqdm", Tracked)
    return made


def test_progress_by_tqdm_counts_and_is_closed(
    door: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = with_tqdm(monkeypatch)
    door.update_many(list(rows(5)), source=SOURCE, progress=True)
    (bar,) = made
    assert (bar.n, bar.total, bar.disable) == (5, 5, True), "a closed bar is disabled"
    written = capsys.readouterr()
    assert written.out == ""
    assert "COR: 100%" in written.err


def by_close(results: Any) -> None:
    next(results)
    results.close()


def by_with(results: Any) -> None:
    with results:
        next(results)


def by_an_exception_of_the_rows(results: Any) -> None:
    with pytest.raises(ZeroDivisionError):
        list(results)


@pytest.mark.filterwarnings("ignore:the results of update_many")
@pytest.mark.parametrize("end", [next, by_close, by_with, by_an_exception_of_the_rows])
@pytest.mark.parametrize("library", ["tqdm", "rich"])
def test_a_bar_is_closed_however_the_run_ends(
    client: projectcor.Client,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    library: str,
    end: Callable[[Any], object],
) -> None:
    def given() -> Iterator[dict[str, Any]]:
        yield from rows(3)
        raise ZeroDivisionError

    closed: list[str] = []
    made: list[Any] = []
    pytest.importorskip(library)
    if library == "rich":
        without_tqdm(monkeypatch)
        progress = pytest.importorskip("rich.progress").Progress
        whole = progress.stop

        def stop(self: Any) -> None:
            closed.append("rich")
            whole(self)

        monkeypatch.setattr(progress, "stop", stop)
    else:
        made = with_tqdm(monkeypatch)
    results = client.projects.update_many(given(), source=SOURCE, progress=True)
    end(results)
    del results
    gc.collect()
    assert closed == ["rich"] if library == "rich" else [bar.disable for bar in made] == [True]
    assert capsys.readouterr().out == "", "progress is no output"


def without_tqdm(monkeypatch: pytest.MonkeyPatch) -> None:

    for name in ("tqdm", "tqdm.auto"):
        monkeypatch.setitem(sys.modules, name, None)


def test_progress_by_rich_is_shown_on_standard_error(
    door: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("rich")
    without_tqdm(monkeypatch)
    door.update_many(list(rows(5)), source=SOURCE, progress=True)
    written = capsys.readouterr()
    assert written.out == ""
    assert "COR" in written.err
    assert "100%" in written.err
