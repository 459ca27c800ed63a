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


def test_sync_takes_the_rows_that_update_many_takes(cor: Sandbox, client: projectcor.Client) -> None:
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


def test_rows_that_cannot_be_sent_are_reported(door: Any, tmp_path: Path) -> None:
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
    assert "id: 7 is a number; pass the id as text" in shown
    path = tmp_path / "t.csv"
    path.write_text(f"id,estimated\n{ID},five\n", encoding="utf-8")
    (problem,) = call(door, "plan", path, source=SOURCE, state=False).problems
    assert (problem.line, problem.unit, problem.id, problem.column) == (2, "line", ID, "estimated")


def test_refused_rows_are_reported_and_sent_again(cor: Sandbox, door: Any, state: Path) -> None:
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


def test_advice_is_given_once_and_names_another_spelling_of_the_source(
    cor: Sandbox, door: Any, state: Path, tmp_path: Path
) -> None:
    rows = [{"id": f"X-{n}", "name": "N"} for n in range(3)]
    cor.queue(Answer(200, body='{"id": 7}', times=3))
    assert call(door, "sync", rows, source="Salesforce", state=state).ok
    rejects = tmp_path / "rejects.jsonl"
    result = call(door, "sync", rows, source="SALESFORCE", state=state, rejects=rejects)
    check, *spellings = result.advice
    assert check == "check the external id, the source the project was created with, and the base URL"
    assert spellings
    assert all('with source "Salesforce", and this run' in spelling for spelling in spellings)
    assert repr(result).count(check) == 1
    assert "correct them and sync that file" in repr(result)
    cor.queue(Answer(500, times=20))
    result = call(door, "sync", rows, source="SAP", state=state, rejects=rejects)
    assert "correct" not in repr(result)
    assert "sync that file once the cause is removed" in repr(result)


def test_unusable_table_is_refused_with_the_reason(cor: Sandbox, door: Any, tmp_path: Path) -> None:
    def refused(rows: Any, **options: Any) -> str:
        with pytest.raises(projectcor.TableError) as error:
            call(door, "sync", rows, **{"source": "SAP", "state": False, **options})
        assert isinstance(error.value, ValueError)
        return str(error.value)

    path = tmp_path / "t.csv"
    path.write_text("id;name\n1;N\n", encoding="utf-8")
    assert 'pass delimiter=";"' in refused(path, delimiter=",")
    path.write_text("key;name\n1;N\n", encoding="utf-8")
    assert "columns are key, name; pass id_column" in refused(path)
    assert "pass id_column with the name of the column that holds the external ids" in refused(path, delimiter=";")
    assert "pass source=" in refused([{"id": "1", "name": "N"}], source=None)
    assert "cannot read" in refused(tmp_path / "nothing.csv")
    pandas = pytest.importorskip("pandas")
    assert 'pass mapping={"Column": "field"}' in refused(pandas.DataFrame({"id": ["1"], "x": ["y"]}))
    path.write_bytes(b"id,name\n1,Caf\xe9\n")
    said = repr(call(door, "plan", path, source="SAP", state=False))
    assert 'is not UTF-8; read the file with encoding="windows-1252", or save it' in said.replace('\\"', '"')
    assert call(door, "plan", path, source="SAP", state=False, encoding="windows-1252").changes[0].to_dict() == {
        "name": "Café"
    }
    for content, encoding, says in [
        ("id,name\n1,Café\n".encode("utf-16le"), None, 'read the file with encoding="utf-16le"'),
        ("id,name\n1,Café\n".encode("utf-16be"), "utf-16le", 'read the file with encoding="utf-16be"'),
        (b"id,name\n1,x\n", "utf-16le", 'read the file with encoding="utf-8"'),
        (b"id,caf\xe9\n1,x\n", None, 'read the file with encoding="windows-1252"'),
    ]:
        path.write_bytes(content)
        assert says in refused(path, encoding=encoding)
    with pytest.raises(TypeError, match="rows is not a file"):
        call(door, "sync", [], source="SAP", delimiter=";", state=False)
    with pytest.raises(TypeError, match="on_progress"):
        call(door, "sync", [], source="SAP", state=False, on_progress=7)
    with pytest.raises(ValueError, match="use one of csv"):
        call(door, "sync", path, source="SAP", format="xls", state=False)
    assert cor.requests == []


def test_exception_of_the_rows_ends_the_run_before_anything_is_sent(cor: Sandbox, door: Any) -> None:
    def rows() -> Any:
        yield {"id": ID, "name": "N"}
        raise RuntimeError("the source is gone")

    with pytest.raises(RuntimeError, match="the source is gone"):
        call(door, "sync", rows(), source=SOURCE, state=False)
    assert cor.requests == []


def test_second_run_of_a_source_is_refused_or_waits(cor: Sandbox, door: Any, state: Path) -> None:
    state.parent.mkdir()
    cor.seed([{"id": "E-1", "source": "SAP", "name": "old"}])
    hold = Hold()
    cor.queue(Answer(held_by=hold))
    rows = [{"id": ID, "name": "N"}]
    with cor.client() as other:
        thread = threading.Thread(target=lambda: other.projects.sync(rows, source=SOURCE, state=state))
        thread.start()
        cor.wait_for_requests(1)
        for seconds in (None, 0.6):
            with pytest.raises(projectcor.StateError, match=r"another run of SALESFORCE \(process \d+\)") as busy:
                call(door, "sync", rows, source=SOURCE, state=state, wait=seconds)
            assert (busy.value.code, busy.value.kind) == ("state_in_use", "config")
        assert call(door, "plan", rows, source=SOURCE, state=state).new == 1
        assert call(door, "sync", [{"id": "E-1", "name": "N"}], source="SAP", state=state).applied == 1
        results: list[projectcor.SyncResult] = []

        def wait() -> None:
            results.append(call(door, "sync", rows, source=SOURCE, state=state, wait=60))

        waiting = threading.Thread(target=wait)
        waiting.start()
        hold.release()
        thread.join()
        waiting.join()
    assert [(result.applied, result.unchanged) for result in results] == [(0, 1)]
    with pytest.raises(projectcor.ConfigError, match="wait is"):
        call(door, "sync", rows, source=SOURCE, state=state, wait=-1)


def test_a_file_that_is_not_a_state_is_left_unchanged(door: Any, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine" * 1000, encoding="utf-8")
    with pytest.raises(projectcor.StateError) as foreign:
        call(door, "sync", [{"id": ID, "name": "N"}], source=SOURCE, state=path)
    assert foreign.value.code == "state_foreign"
    assert path.read_text(encoding="utf-8") == "mine" * 1000


@posix
def test_next_sync_continues_after_ctrl_c(cor: Sandbox, client: projectcor.Client, state: Path) -> None:
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
def test_ctrl_c_while_a_pipe_is_silent_ends_the_run(client: projectcor.Client, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    ends: list[Any] = []

    def ready() -> None:
        ends.append(os.open(pipe, os.O_WRONLY))

    assert interrupted(lambda: client.projects.plan(pipe, source=SOURCE, state=False), ready) < 1
    os.close(ends[0])


def test_cancelling_releases_the_state(cor: Sandbox, state: Path) -> None:
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


def test_progress_callback_can_stop_a_sync(cor: Sandbox, door: Any, state: Path, many: list[dict[str, Any]]) -> None:
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


def test_repr_of_a_plan_lists_its_changes(client: projectcor.Client, state: Path) -> None:
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
        "Plan for SALESFORCE: 1 to change, 1 not in the state, 2 rejected, 0 rows unchanged",
        "~ SF-OPP-12345  (index 0)",
        '    name            "Old" → "New"',
        '    brief           "b" → null',
        "    estimated_time  (not known) → 2.5",
        "+ P-2\ufffd[31m  (index 1, not in the state)",
    ]
    assert "…" in shown
    assert "\x1b" not in shown
    assert '! 2 rows, start: "tomorrow" is not a date' in shown
    assert "\n    index 2 (東京), index 3 (Q)\n" in shown
    assert (
        "\n1 project is not in the state: sync updates it if COR has it; else it fails, unless create_missing is set.\n"
        in shown
    )
    assert shown.endswith("not used: mood")
    creating = repr(client.projects.plan(rows, source=SOURCE, state=state, create_missing=True))
    assert "\n1 project is not in the state: sync updates it if COR has it, and else creates it.\n" in creating


def test_plan_rejects_rows_that_contradict_each_other(client: projectcor.Client, state: Path) -> None:
    rows = [{"id": ID, "start": "2025-05-01"}, {"id": ID, "end": "2025-04-01"}]
    plan = client.projects.plan(rows, source=SOURCE, state=state)
    assert (bool(plan), plan.rejected, plan.new + plan.changed) == (False, 2, 0)
    (change,) = plan.changes
    assert (change.outcome, change.rows) == ("rejected", 2)
    assert "start 2025-05-01 is after end 2025-04-01" in str(change.error)


def test_plan_shows_when_and_why_cor_refused_a_project(client: projectcor.Client, state: Path) -> None:
    rows = [{"id": "P-404", "name": "x"}]
    assert client.projects.plan(rows, source=SOURCE, state=state).new == 1
    assert client.projects.sync(rows, source=SOURCE, state=state).failed == 1
    plan = client.projects.plan(rows, source=SOURCE, state=state)
    (change,) = plan.changes
    assert (change.is_new, plan.new, plan.changed) == (False, 0, 1)
    assert change.refused_at is not None
    assert change.refused_at.tzinfo is not None
    assert "no such project" in (change.refused_because or "")
    head, at, name = repr(plan).splitlines()[1:4]
    assert head == "! P-404  (index 0, refused by COR before)"
    assert re.fullmatch(r"    COR refused an update of it at [-0-9T:]+Z: .*no such project.*; sync sends this one", at)
    assert name == '    name  "x"'
    assert "sync sends this one" in plan._repr_html_()
    client.projects.sync(rows, source=SOURCE, state=state, create_missing=True)
    (change,) = client.projects.plan([{"id": "P-404", "name": "y"}], source=SOURCE, state=state).changes
    assert (change.refused_at, change.refused_because) == (None, None)


def test_html_of_plan_and_result_is_escaped(cor: Sandbox, client: projectcor.Client) -> None:
    rows = [
        {"id": "<b>&", "name": "<script>alert(1)</script>", "<i>": 1},
        {"id": "<u>", "start": "<img>"},
    ]
    plan = client.projects.plan(rows, source="<s>", state=False)
    result = client.projects.sync(rows, source="<s>", state=False)
    for html in (plan._repr_html_(), result._repr_html_()):
        assert set(re.findall(r"<[^>]*>", html)) <= {
            *("<p>", "</p>", "<b>", "</b>", "<table>", "</table>", "<thead>", "</thead>", "<tbody>", "</tbody>"),
            *("<tr>", "</tr>", "<th>", "</th>", "<td>", "</td>", '<td colspan="6">', "</span>", "<br>"),
            *re.findall(r'<span style="color:#[0-9a-f]{6}">', html),
        }
    assert "&lt;script&gt;" in plan._repr_html_()
    for html in (plan._repr_html_(), result._repr_html_()):
        assert "&lt;b&gt;&amp;" in html
    assert plan._repr_html_().count("<table>") == 1
    assert "COR has no such project" in result._repr_html_()
    assert cor.requests != []


def test_plan_keeps_at_most_the_wanted_number_of_details(client: projectcor.Client) -> None:
    rows = ({"id": f"P-{n}", "name": "N" if n % 2 else 1} for n in range(200))
    plan = client.projects.plan(rows, source="SAP", state=False, max_details=5)
    assert (len(plan.changes), len(plan.problems), plan.new, plan.rejected) == (5, 5, 100, 100)
    assert "… 95 more; see .changes" in repr(plan)


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 100, 127, 128, 300])
def test_every_number_of_rows_is_read_to_its_end(client: projectcor.Client, count: int) -> None:
    rows = [{"id": f"P-{n}", "name": "N"} for n in range(count)]
    plan = client.projects.plan(rows, source="SAP", state=False)
    assert (plan.read, plan.new, plan.problems) == (count, count, ())


def test_limit_takes_no_more_rows_than_it_says(cor: Sandbox, door: Any, many: list[dict[str, Any]]) -> None:
    taken: list[str] = []

    def rows() -> Any:
        for row in many:
            taken.append(row["id"])
            yield row

    result = call(door, "sync", rows(), source="SAP", state=False, limit=5)
    assert (result.read, result.applied, len(taken), len(puts(cor))) == (5, 5, 5, 5)
    assert result.stopped == "stopped after 5 rows, which is the limit"
    assert result.ok


def test_more_failures_than_allowed_stop_the_run(cor: Sandbox, door: Any, many: list[dict[str, Any]]) -> None:
    bad = [{**row, "end": "soon"} for row in many[:3]]
    for most, allowed in ((2, "2 rows"), ("5%", "5% of the rows")):
        result = call(door, "sync", [*many[3:20], *bad], source="SAP", state=False, max_failures=most)
        assert (result.applied, result.rejected, result.not_started, len(puts(cor))) == (0, 3, 17, 0)
        assert result.stopped == f"stopped because more than {allowed} failed (max_failures)"
        assert not result.ok
    assert call(door, "sync", [*many[3:20], *bad], source="SAP", state=False, max_failures=3).applied == 17
    with pytest.raises(projectcor.TableError, match=r'max_failures is "all"; set it to a number of rows, such as 20'):
        call(door, "sync", many, source="SAP", state=False, max_failures="all")


def test_rejected_rows_of_a_program_can_be_corrected_and_synced(
    cor: Sandbox, door: Any, many: list[dict[str, Any]], state: Path, tmp_path: Path
) -> None:
    rejects = tmp_path / "rejects.jsonl"
    rows = [*many[:2], {"id": "P-2", "name": "N", "estimated": "five"}]
    result = call(door, "sync", rows, source="SAP", state=state, rejects=rejects)
    assert (result.applied, result.rejected, result.rejects) == (2, 1, rejects)
    line = json.loads(rejects.read_text(encoding="utf-8"))
    assert (line["id"], line["name"], line["estimated"], line["_outcome"]) == ("P-2", "N", "five", "rejected")
    rejects.write_text(rejects.read_text(encoding="utf-8").replace('"five"', "5"), encoding="utf-8")
    puts(cor)
    assert call(door, "sync", rejects, source="SAP", state=state).applied == 1
    assert puts(cor) == {"P-2": {"name": "N", "estimated": 5}}


def test_report_is_a_page_about_the_run(door: Any, many: list[dict[str, Any]], state: Path, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    call(door, "sync", many[:3], source="SAP", state=state, report=page)
    assert "<html" in page.read_text(encoding="utf-8")
    with pytest.raises(TypeError, match="requires a state"):
        call(door, "sync", many[:3], source="SAP", state=False, report=page)
    with pytest.raises(ValueError, match=r"rejects=.*is the state, which this run would overwrite"):
        call(door, "sync", many[:3], source="SAP", state=state, rejects=state)


def test_text_cells_of_a_sync_are_read_by_the_type_of_their_field(cor: Sandbox, door: Any, many: list[Any]) -> None:
    rows = [{"id": "P-0", "name": "", "estimated": "250", "billable": "true"}]
    assert many
    assert call(door, "sync", rows, source="SAP", state=False, text_cells=True).applied == 1
    assert puts(cor) == {"P-0": {"estimated": 250, "billable": True}}


def test_progress_of_a_short_run_ends_at_its_last_row(door: Any, many: list[dict[str, Any]], state: Path) -> None:
    seen: list[Any] = []
    call(door, "sync", many[:3], source="SAP", state=state, on_progress=seen.append)
    assert seen
    assert (seen[-1].done, seen[-1].total) == (3, 3)


def test_plan_writes_rejected_rows_and_a_page_and_leaves_the_state_alone(
    door: Any, many: list[dict[str, Any]], state: Path, tmp_path: Path
) -> None:
    rejects, page = tmp_path / "rejects.jsonl", tmp_path / "plan.html"
    rows = [*many[:2], {"id": "P-2", "estimated": "five"}]
    plan = call(door, "plan", rows, source="SAP", state=state, rejects=rejects, report=page)
    assert (plan.new, plan.rejected, state.exists()) == (2, 1, False)
    assert json.loads(rejects.read_text(encoding="utf-8"))["_outcome"] == "rejected"
    assert "<html" in page.read_text(encoding="utf-8")


# How values are read


MOMENT = "2025-04-30T23:30:00Z"


@pytest.mark.parametrize(
    ("cell", "options", "sent"),
    [
        (MOMENT, {"day_in": "UTC"}, "2025-04-30"),
        (MOMENT, {"day_in": "Europe/Madrid"}, "2025-05-01"),
        (MOMENT, {"day_in": "as_written"}, "2025-04-30"),
        ("2025-05-31 00:00:00", {}, "2025-05-31"),
        ("30/04/2025", {"date_format": "%d/%m/%Y"}, "2025-04-30"),
        ("\u00a02025-04-30 ", {"trim": True}, "2025-04-30"),
        ("NULL", {"null_values": "NULL"}, "kept"),
        ("#N/A", {"null_values": ["NULL", "#N/A"]}, "kept"),
        ("(none)", {"clear_value": "(none)"}, None),
    ],
)
@pytest.mark.parametrize("kind", ["rows", "csv", "jsonl"])
def test_options_set_how_values_are_read(
    cor: Sandbox, door: Any, tmp_path: Path, kind: str, cell: str, options: dict[str, Any], sent: Any
) -> None:
    cor.seed([{"id": "P-0", "source": "SAP", "name": "N"}])
    row = {"id": "P-0", "end": cell, "name": "M"}
    rows: Any = [row]
    if kind == "csv":
        rows = written(tmp_path / "t.csv", rows)
    elif kind == "jsonl":
        rows = tmp_path / "t.jsonl"
        rows.write_text(json.dumps(row) + "\n", encoding="utf-8")
    result = call(door, "sync", rows, source="SAP", state=False, **options)
    assert result.applied == 1, result.problems
    assert puts(cor) == {"P-0": {"name": "M"} if sent == "kept" else {"end": sent, "name": "M"}}


@pytest.mark.parametrize("kind", ["rows", "csv"])
def test_probable_mistakes_are_in_the_notes(cor: Sandbox, door: Any, tmp_path: Path, kind: str) -> None:
    cells = [("1001.0", "NULL"), ("1001.0", "M"), ("", ""), ("P-0", "N")]
    rows: Any = [{"id": id, "name": name} for id, name in cells]
    if kind == "csv":
        rows = written(tmp_path / "t.csv", rows)
    options = {"source": "SAP", "state": False, "create_missing": True, "text_cells": kind == "rows" or None}
    options = {name: value for name, value in options.items() if value is not None}
    plan = call(door, "plan", rows, **options)
    assert plan.read == 3
    notes = "\n".join(plan.notes)
    assert "1 blank row was skipped" in notes
    assert 'name: "NULL" is sent as text in ' in notes
    assert "if it stands for an empty cell, pass it with null_values=" in notes
    assert '2 rows are merged into 1 project by the id "1001.0"' in notes
    assert "no project is created under such an id, unless allow_mangled_ids is set" in notes
    assert plan.notes[0] in repr(plan)
    result = call(door, "sync", rows, **options)
    assert (result.applied, result.failed) == (1, 2)
    assert {project.id for project in cor.projects() if project.source == "SAP"} == {"P-0"}
    result = call(door, "sync", rows, **options, allow_mangled_ids=True)
    assert {project.id for project in cor.projects() if project.source == "SAP"} == {"P-0", "1001.0"}
    assert "allow_mangled_ids" not in "\n".join(result.notes)


def test_timestamp_is_refused_with_the_option_that_reads_it(door: Any) -> None:
    plan = call(door, "plan", [{"id": "P-0", "end": MOMENT}], source="SAP", state=False)
    (problem,) = plan.problems
    assert "set day_in= to the time zone whose date counts" in problem.message
    with pytest.raises(projectcor.TableError, match='"Europe/Madird" is not a time zone; did you mean "Europe/Madrid"'):
        call(door, "plan", [{"id": "P-0"}], source="SAP", state=False, day_in="Europe/Madird")


def test_numbers_with_other_separators_are_read(cor: Sandbox, door: Any) -> None:
    cor.seed([{"id": "P-0", "source": "SAP", "name": "N"}])
    rows = [{"id": "P-0", "estimated": "1.234,50"}]
    result = call(door, "sync", rows, source="SAP", state=False, text_cells=True, decimal=",", thousands=".")
    assert result.applied == 1, result.problems
    assert puts(cor) == {"P-0": {"estimated": 1234.5}}


@pytest.mark.parametrize("kind", ["rows", "jsonl", "csv"])
def test_unknown_columns_are_reported_with_the_nearest_field(door: Any, tmp_path: Path, kind: str) -> None:
    def table(row: dict[str, Any]) -> Any:
        if kind == "csv":
            return written(tmp_path / "t.csv", [row])
        path = tmp_path / "t.jsonl"
        path.write_text(json.dumps(row) + "\n", encoding="utf-8")
        return [row] if kind == "rows" else path

    plan = call(door, "plan", table({"id": "P-0", "nme": "N", "brief": "B"}), source="SAP", state=False)
    assert (plan.unused, plan.new) == (("nme",), 1)
    assert "not used: nme (did you mean name?)" in str(plan)
    with pytest.raises(projectcor.TableError, match="no column sets a field"):
        call(door, "plan", table({"id": "P-0", "nme": "N"}), source="SAP", state=False)
    strict = {"source": "SAP", "state": False, "strict": True}
    row = table({"id": "P-0", "nme": "N", "brief": "B"})
    if kind == "csv":
        with pytest.raises(projectcor.TableError, match="no field is called"):
            call(door, "plan", row, **strict)
    else:
        (problem,) = call(door, "plan", row, **strict).problems
        assert (problem.code, problem.column) == ("unknown_field", "nme")
    ignored = call(door, "plan", row, ignore="nme", **strict)
    assert (ignored.new, ignored.unused, ignored.problems) == (1, (), ())


def test_unknown_option_is_a_type_error(door: Any) -> None:
    with pytest.raises(TypeError, match='unexpected keyword argument "day_inn"'):
        call(door, "plan", [], source="SAP", state=False, day_inn="UTC")
    with pytest.raises(TypeError, match="null_values must be text or several texts, not int"):
        call(door, "plan", [], source="SAP", state=False, null_values=5)
