"""A table kept in step: what is sent, what is remembered, what is shown."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import re
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import projectcor
import pytest
from common import ID, SOURCE, call
from projectcor import CLEAR, ProjectUpdate
from projectcor.testing import Answer, Hold, Sandbox
from test_manners import interrupted, posix


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A place for a state."""
    return tmp_path / "state" / "sync.db"


@pytest.fixture
def many(cor: Sandbox, state: Path) -> list[dict[str, Any]]:
    """Rows of forty projects that COR knows."""
    state.parent.mkdir()
    cor.seed([{"id": f"P-{n}", "source": "SAP", "name": "N"} for n in range(40)])
    return [{"id": f"P-{n}", "name": f"Project {n}", "estimated": Decimal("100.10")} for n in range(40)]


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    """The rows as a CSV."""
    lines = [",".join(rows[0]), *(",".join(str(value) for value in row.values()) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def puts(cor: Sandbox) -> dict[str, Any]:
    """The fields of every update since the last time, by id."""
    bodies = {request.path.rsplit("/", 1)[1]: request.json() for request in cor.requests if request.method == "PUT"}
    for body in bodies.values():
        assert body.pop("metadata") == {"source": "SAP"}
    cor.clear_requests()
    return bodies


@pytest.mark.parametrize("kind", ["dicts", "csv", "jsonl", "pandas", "polars", "arrow", "parquet"])
def test_only_what_changed_is_sent(
    cor: Sandbox, door: Any, state: Path, many: list[dict[str, Any]], tmp_path: Path, kind: str
) -> None:
    def table() -> Any:
        if kind == "dicts":
            return iter(many)
        if kind == "csv":
            return written(tmp_path / "table.csv", many)
        if kind == "jsonl":
            lines = (json.dumps({**row, "estimated": 0}).replace(": 0", f": {row['estimated']}") for row in many)
            (tmp_path / "table.jsonl").write_text("\n".join(lines), encoding="utf-8")
            return str(tmp_path / "table.jsonl")
        if kind in ("pandas", "polars"):
            return pytest.importorskip(kind).DataFrame(many)
        arrow = pytest.importorskip("pyarrow")
        made = arrow.Table.from_pylist(many)
        if kind == "arrow":
            return made
        pytest.importorskip("pyarrow.parquet").write_table(made, tmp_path / "table.parquet")
        return tmp_path / "table.parquet"

    def sync() -> Any:
        return call(door, "sync", table(), source="SAP", state=state)

    plan = call(door, "plan", table(), source="SAP", state=state)
    assert (plan.new, plan.changed, plan.read, plan.waiting, bool(plan)) == (40, 0, 40, 40, True)
    assert puts(cor) == {}
    assert not state.exists(), "a plan makes no state"
    first = sync()
    assert (first.applied, first.ok, first.state) == (40, True, state)
    sent = puts(cor)
    assert set(sent) == {row["id"] for row in many}
    assert sent["P-7"]["name"] == "Project 7"
    second = sync()
    assert (second.applied, second.unchanged, second.ok, cor.requests) == (0, 40, True, [])
    many[3]["name"] = "renamed"
    many[20]["estimated"] = Decimal("200.20")
    many[39].update(name="both", estimated=Decimal("300.30"))
    plan = call(door, "plan", table(), source="SAP", state=state)
    assert [(change.id, change.is_new) for change in plan.changes] == [("P-3", False), ("P-20", False), ("P-39", False)]
    assert [(f.old, f.new) for f in plan.changes[0].fields] == [("Project 3", "renamed")]
    assert (plan.changed, plan.unchanged) == (3, 37)
    assert sync().applied == 3
    sent = puts(cor)
    assert sent == {
        "P-3": {"name": "renamed"},
        "P-20": {"estimated": 200.2},
        "P-39": {"name": "both", "estimated": 300.3},
    }
    stored = cor.project("SAP", "P-39")
    assert stored is not None
    assert (stored.fields["name"], stored.fields["estimated"]) == ("both", Decimal("300.3"))
    assert sync().applied == 0
    assert call(door, "sync", table(), source="SAP", state=state, full=True).applied == 40


def test_a_mapping_is_a_file_or_a_dict(cor: Sandbox, door: Any, state: Path, tmp_path: Path) -> None:
    state.parent.mkdir()
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(
        "source = 'SALESFORCE'\nid = 'Key'\nclear = '-'\nignore = ['Owner']\n"
        "[fields]\nend = { column = 'Close', date = '%d/%m/%Y' }\nstatus = { column = 'Stage', "
        "values = { 'Closed Won' = 'finished' } }\n",
        encoding="utf-8",
    )
    row = {"Key": ID, "Close": "30/04/2025", "Stage": "Closed Won", "Owner": "x", "brief": "-", "mood": "good"}
    for table in ([row], written(tmp_path / "t.csv", [row])):
        result = call(door, "sync", table, mapping=mapping, state=False)
        assert (result.applied, result.source, result.unused, result.state) == (1, SOURCE, ("mood",), None)
        body = cor.requests[-1].json()
        assert body == {"metadata": {"source": SOURCE}, "brief": None, "end": "2025-04-30", "status": "finished"}
    assert ("Close", "end", "day as %d/%m/%Y", True) in result.mapping
    renames = {"Title": "name", "Close": None}
    rows = [{"id": ID, "Title": "T", "Close": "x"}]
    assert call(door, "sync", rows, source=SOURCE, mapping=renames, state=str(state)).unused == ()
    assert cor.requests[-1].json() == {"metadata": {"source": SOURCE}, "name": "T"}
    # Another mapping is another state.
    rows = [{"id": ID, "name": "T"}]
    assert call(door, "plan", rows, source=SOURCE, state=state).new == 1
    with pytest.raises(projectcor.TableError, match=re.escape('did you mean "Title=name"?')):
        call(door, "plan", rows, source=SOURCE, mapping={"Title": "nmae"}, state=False)


def test_rows_are_whatever_update_many_takes(cor: Sandbox, client: projectcor.Client) -> None:
    @dataclasses.dataclass
    class Row:
        id: str
        billable: bool | None

    rows: list[Any] = [
        {"id": ID, "name": "first", "brief": CLEAR},
        Row(ID, True),
        (ID, {"estimated": 7}),
        ProjectUpdate(id=ID, source=SOURCE, status="active"),
        {"id": ID, "name": "last", "source": SOURCE},
    ]
    result = client.projects.sync(rows, source=SOURCE, state=False)
    assert (result.applied, len(cor.requests)) == (5, 1), "rows of one project become one update"
    expected = {"name": "last", "brief": None, "billable": True, "status": "active", "estimated": 7}
    assert cor.requests[0].json() == {"metadata": {"source": SOURCE}, **expected}
    assert result.changes[0].to_dict() == expected


def test_rows_that_cannot_be_sent_are_told(door: Any, tmp_path: Path) -> None:
    rows = [
        {"id": ID, "estimated": "five", "name": "N"},
        {"id": 7, "name": "N"},
        {"id": ID, "name": "N", "source": "JIRA"},
        {"id": ID, "name": "fine"},
    ]
    result = call(door, "sync", rows, source=SOURCE, state=False)
    assert (result.read, result.rejected, result.applied, result.ok) == (4, 3, 1, False)
    told = [(problem.line, problem.column, problem.code) for problem in result.problems]
    assert told == [(0, "estimated", "wrong_type"), (1, "id", "wrong_type"), (2, "source", "not_allowed")]
    shown = repr(result)
    assert "3 rejected" in shown
    assert "id: 7 is a number; give the id as text" in shown
    path = tmp_path / "t.csv"
    path.write_text(f"id,estimated\n{ID},five\n", encoding="utf-8")
    (problem,) = call(door, "plan", path, source=SOURCE, state=False).problems
    assert (problem.line, problem.unit, problem.id, problem.column) == (2, "line", ID, "estimated")


def test_what_cor_refuses_is_told_and_tried_again(cor: Sandbox, door: Any, state: Path) -> None:
    state.parent.mkdir()
    rows = [{"id": ID, "name": "N"}, {"id": "nobody", "name": "N", "brand_id": "B"}]
    result = call(door, "sync", rows, source=SOURCE, state=state)
    assert (result.applied, result.failed, result.unused) == (1, 1, ("brand_id",))
    (failed,) = [change for change in result.changes if change.error]
    assert (failed.id, failed.outcome) == ("nobody", "not_applied")
    assert isinstance(failed.error, projectcor.ProjectNotFoundError)
    result = call(door, "sync", rows, source=SOURCE, state=state, create_missing=True)
    assert (result.applied, result.created, result.ok) == (1, 1, True)
    posts = [request.json() for request in cor.requests if request.method == "POST"]
    assert posts == [{"metadata": {"source": SOURCE}, "id": "nobody", "name": "N", "brand_id": "B"}]
    assert call(door, "sync", rows, source=SOURCE, state=state, create_missing=True).unchanged == 2


def test_a_table_that_cannot_be_used_says_why(cor: Sandbox, door: Any, tmp_path: Path) -> None:
    def refused(rows: Any, **options: Any) -> str:
        with pytest.raises(projectcor.TableError) as error:
            call(door, "sync", rows, **{"source": "SAP", "state": False, **options})
        assert isinstance(error.value, ValueError)
        return str(error.value)

    path = tmp_path / "t.csv"
    path.write_text("key;name\n1;N\n", encoding="utf-8")
    assert 'give delimiter=";"' in refused(path)
    assert "name the one that holds the external ids as id_column" in refused(path, delimiter=";")
    assert "give source=" in refused([{"id": "1", "name": "N"}], source=None)
    assert "cannot read" in refused(tmp_path / "nothing.csv")
    pandas = pytest.importorskip("pandas")
    assert 'give mapping={"Column": "field"}' in refused(pandas.DataFrame({"id": ["1"], "x": ["y"]}))
    path.write_bytes(b"id,name\n1,Caf\xe9\n")
    assert "not UTF-8" in repr(call(door, "plan", path, source="SAP", state=False))
    assert call(door, "plan", path, source="SAP", state=False, encoding="windows-1252").changes[0].to_dict() == {
        "name": "Café"
    }
    with pytest.raises(TypeError, match="rows is none"):
        call(door, "sync", [], source="SAP", delimiter=";", state=False)
    with pytest.raises(TypeError, match="on_progress"):
        call(door, "sync", [], source="SAP", state=False, on_progress=7)
    with pytest.raises(ValueError, match="formats are csv"):
        call(door, "sync", path, source="SAP", format="xls", state=False)
    assert cor.requests == []


def test_what_the_rows_raise_ends_it_before_anything_is_sent(cor: Sandbox, door: Any) -> None:
    def rows() -> Any:
        yield {"id": ID, "name": "N"}
        raise RuntimeError("the source is gone")

    with pytest.raises(RuntimeError, match="the source is gone"):
        call(door, "sync", rows(), source=SOURCE, state=False)
    assert cor.requests == []


def test_one_state_one_process(cor: Sandbox, door: Any, state: Path) -> None:
    state.parent.mkdir()
    hold = Hold()
    cor.queue(Answer(held_by=hold))
    rows = [{"id": ID, "name": "N"}]
    with cor.client() as other:
        thread = threading.Thread(target=lambda: other.projects.sync(rows, source=SOURCE, state=state))
        thread.start()
        cor.wait_for_requests(1)
        with pytest.raises(projectcor.StateError, match="is in use") as busy:
            call(door, "sync", rows, source=SOURCE, state=state)
        assert (busy.value.code, busy.value.kind) == ("state_in_use", "config")
        assert call(door, "plan", rows, source=SOURCE, state=state).new == 1  # who only looks is in nobody's way
        hold.release()
        thread.join()
    assert call(door, "sync", rows, source=SOURCE, state=state).unchanged == 1


def test_a_file_that_is_no_state_is_left_alone(door: Any, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine" * 1000, encoding="utf-8")
    with pytest.raises(projectcor.StateError) as foreign:
        call(door, "sync", [{"id": ID, "name": "N"}], source=SOURCE, state=path)
    assert foreign.value.code == "state_foreign"
    assert path.read_text(encoding="utf-8") == "mine" * 1000


@posix
def test_ctrl_c_and_the_next_sync_goes_on(cor: Sandbox, client: projectcor.Client, state: Path) -> None:
    state.parent.mkdir()
    hold = Hold()
    cor.queue(Answer(held_by=hold))
    rows = [{"id": ID, "name": "N"}]
    waited = interrupted(
        lambda: client.projects.sync(rows, source=SOURCE, state=state), lambda: cor.wait_for_requests(1)
    )
    # The promise is a tenth of a second; a busy machine is given more. The client's deadline is a minute.
    assert waited < 1
    hold.release()
    result = client.projects.sync(rows, source=SOURCE, state=state)
    assert (result.applied, result.ok) == (1, True), "nobody knew whether it was applied"
    assert client.projects.sync(rows, source=SOURCE, state=state).unchanged == 1


@posix
def test_ctrl_c_while_a_pipe_says_nothing(client: projectcor.Client, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    ends: list[Any] = []

    def ready() -> None:
        ends.append(os.open(pipe, os.O_WRONLY))

    assert interrupted(lambda: client.projects.plan(pipe, source=SOURCE, state=False), ready) < 1
    os.close(ends[0])


def test_cancelling_lets_go_of_the_state(cor: Sandbox, state: Path) -> None:
    state.parent.mkdir()
    hold = Hold()
    cor.queue(Answer(held_by=hold))
    rows = [{"id": ID, "name": "N"}]

    async def main() -> None:
        async with cor.async_client() as client:
            task = asyncio.create_task(client.projects.sync(rows, source=SOURCE, state=state))
            await asyncio.to_thread(cor.wait_for_requests, 1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            hold.release()
            assert (await client.projects.sync(rows, source=SOURCE, state=state)).applied == 1

    asyncio.run(main())


def test_progress_can_stop_it(cor: Sandbox, door: Any, state: Path, many: list[dict[str, Any]]) -> None:
    hold = Hold()
    cor.queue(Answer(held_by=hold, times=16))
    told: list[projectcor.Progress] = []

    def stop(progress: projectcor.Progress) -> bool:
        # On an event loop the run goes on meanwhile: the first call stops it, the second lets it end.
        if told:
            hold.release()
        told.append(progress)
        return False

    result = call(door, "sync", many, source="SAP", state=state, on_progress=stop)
    assert told[0].total == 40
    assert result.applied + result.not_started == 40
    assert result.not_started > 0
    assert not result.ok
    assert call(door, "sync", many, source="SAP", state=state).applied == result.not_started


def test_it_looks_well_in_a_terminal(client: projectcor.Client, state: Path) -> None:
    state.parent.mkdir()
    client.projects.sync([{"id": ID, "name": "Old", "brief": "b"}], source=SOURCE, state=state)
    rows = [
        {"id": ID, "name": "New", "brief": CLEAR, "estimated_time": 2.5, "mood": 1},
        {"id": "P-2\x1b[31m", "name": "x" * 99},
        {"id": "東京", "start": "tomorrow"},
        {"id": "Q", "start": "tomorrow"},
    ]
    shown = repr(client.projects.plan(rows, source=SOURCE, state=state))
    assert shown.splitlines()[:6] == [
        "Plan for SALESFORCE: 1 to change, 1 new, 2 rejected, 0 rows unchanged",
        "~ SF-OPP-12345  (row 0)",
        '    name            "Old" → "New"',
        '    brief           "b" → null',
        "    estimated_time  (not known) → 2.5",
        "+ P-2\ufffd[31m  (row 1, new)",
    ]
    assert "…" in shown
    assert "\x1b" not in shown
    assert "! row 2  東京  start:" in shown
    assert "! row 3  Q     start:" in shown
    assert shown.endswith("not used: mood")


def test_it_looks_well_in_a_notebook(cor: Sandbox, client: projectcor.Client) -> None:
    rows = [
        {"id": "<b>&", "name": "<script>alert(1)</script>", "<i>": 1},
        {"id": "<u>", "start": "<img>"},
    ]
    plan = client.projects.plan(rows, source="<s>", state=False)
    result = client.projects.sync(rows, source="<s>", state=False)
    for html in (plan._repr_html_(), result._repr_html_()):
        assert set(re.findall(r"<[^>]*>", html)) <= {
            *("<p>", "</p>", "<b>", "</b>", "<table>", "</table>", "<thead>", "</thead>", "<tbody>", "</tbody>"),
            *("<tr>", "</tr>", "<th>", "</th>", "<td>", "</td>", '<td colspan="5">', "<code>", "</code>"),
        }
        assert "&lt;script&gt;" in html
        assert "&lt;b&gt;&amp;" in html
        assert html.count("<table>") == html.count("</table>") == 2
    assert "not_applied" in result._repr_html_()
    assert cor.requests != []


def test_memory_stays_flat_where_nobody_looks(client: projectcor.Client) -> None:
    rows = ({"id": f"P-{n}", "name": "N" if n % 2 else 1} for n in range(200))
    plan = client.projects.plan(rows, source="SAP", state=False, most=5)
    assert (len(plan.changes), len(plan.problems), plan.new, plan.rejected) == (5, 5, 100, 100)
    assert "… and 80 more; see .changes" in repr(plan)


def test_the_default_place_is_the_program_s(
    client: projectcor.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path))
    result = client.projects.sync([{"id": ID, "name": "N"}], source=SOURCE)
    assert result.applied == 1
    assert str(result.state) == str(tmp_path / "cor" / "sync.db")
