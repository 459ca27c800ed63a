"""Many updates: order, progress, stopping, slow and failing inputs, memory. By both doors."""

from __future__ import annotations

import gc
import itertools
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import projectcor
import pytest
from common import ID, SOURCE
from projectcor.testing import Answer, Hold, Sandbox


def rows(count: int, id: str = ID) -> Iterator[dict[str, Any]]:
    return ({"id": id, "estimated_time": n} for n in range(count))


def projects(count: int) -> list[dict[str, Any]]:
    return [{"id": f"P-{n}", "source": "SAP", "name": str(n)} for n in range(count)]


def test_every_row_has_one_result(door: Any, cor: Sandbox) -> None:
    cor.seed(projects(50))
    given = [{"id": f"P-{n}" if n % 5 else "unknown", "name": f"n{n}" if n % 7 else 5} for n in range(200)]
    items, summary = door.update_many(iter(given), source="SAP", concurrency=8)
    assert sorted(item.index for item in items) == list(range(200))
    for item in items:
        row = given[item.index]
        assert item.id == row["id"]
        if row["name"] == 5:
            assert item.error.kind == "invalid"
        elif item.ok:
            assert item.project.name == row["name"]
        else:
            assert item.error.kind == "project_not_found"
    assert summary.read == 200
    assert summary.applied == sum(item.ok for item in items)
    assert summary.rejected == sum(row["name"] == 5 for row in given)
    assert summary.failed == 200 - summary.applied - summary.rejected


def test_updates_of_one_project_are_applied_in_order(door: Any, cor: Sandbox) -> None:
    door.update_many(rows(100), source=SOURCE, concurrency=16)
    assert [r.json()["estimated_time"] for r in cor.requests] == list(range(100))


@pytest.mark.parametrize("empty", [[], (), iter([]), {}.items()], ids=lambda value: type(value).__name__)
def test_empty_input_yields_no_results(door: Any, empty: Any) -> None:
    assert door.update_many(empty, source=SOURCE) == ([], projectcor.Summary())


WRONG = ["rows", b"rows", {"id": ID}, 5, None, object()]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda value: type(value).__name__)
def test_input_that_is_not_a_table_is_refused_at_once(door: Any, wrong: Any) -> None:
    with pytest.raises(TypeError, match="rows is"):
        door.update_many(wrong, source=SOURCE)


def test_progress_callback_is_called_and_false_stops_the_run(door: Any, cor: Sandbox) -> None:
    cor.seed(projects(40))
    told: list[projectcor.Progress] = []

    def on_progress(progress: projectcor.Progress) -> bool | None:
        told.append(progress)
        return False if progress.done == 10 else None

    given = [{"id": f"P-{n}", "name": "N"} for n in range(40)]
    items, summary = door.update_many(given, source="SAP", concurrency=1, on_progress=on_progress)
    assert [progress.done for progress in told[:10]] == list(range(1, 11))
    assert {progress.total for progress in told} == {40}
    assert told[0].failed == 0
    assert told[0].paused is None
    assert summary.read == len(items)
    assert summary.applied >= 10
    assert summary.applied + summary.not_started == summary.read
    unstarted = [item for item in items if not item.started]
    assert len(unstarted) == summary.not_started
    assert {item.error.kind for item in unstarted} <= {"cancelled"}


def test_a_callback_stops_at_once(door: Any, cor: Sandbox) -> None:
    cor.seed(projects(100))
    given = [{"id": f"P-{n}", "name": "N"} for n in range(100)]
    stop = iter([None, None, False])
    door.update_many(given, source="SAP", concurrency=1, on_progress=lambda _: next(stop, False))
    # What was in flight when the third result was told may have been sent.
    assert 3 <= len(cor.requests) <= 5


def test_a_callback_that_raises_loses_no_result(client: projectcor.Client) -> None:
    answers = iter([None, ZeroDivisionError()])
    done: list[int] = []

    def on_progress(progress: projectcor.Progress) -> None:
        done.append(progress.done)
        error = next(answers, None)
        if error:
            raise error

    results = client.projects.update_many(rows(3), source=SOURCE, concurrency=1, on_progress=on_progress)
    assert next(results).index == 0
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert [item.index for item in results] == [1, 2]
    assert done == [1, 2, 2, 3]


def test_stop_from_another_thread_ends_the_run(client: projectcor.Client, cor: Sandbox) -> None:
    results = client.projects.update_many(rows(1000), source=SOURCE)
    next(results)
    results.stop()
    rest = list(results)
    assert any(not item.started for item in rest)
    assert results.summary.not_started > 0
    assert results.summary.applied == len(cor.requests)


def test_the_input_is_read_as_far_as_needed(client: projectcor.Client) -> None:
    taken = itertools.count()
    endless = ({"id": ID, "estimated_time": next(taken)} for _ in itertools.count())
    results = client.projects.update_many(endless, source=SOURCE, concurrency=2)
    for _ in range(10):
        next(results)
    assert next(taken) < 2000
    results.close()
    assert list(results) == []


def test_a_slow_input_streams(client: projectcor.Client, cor: Sandbox) -> None:
    """Each row is sent while the input still works at the next ones."""
    most = 5000

    def slow() -> Iterator[dict[str, Any]]:
        for n in range(most):
            yield {"id": ID, "estimated_time": n}
            if len(cor.requests) >= 3:
                return

    with_pauses = (pause(row) for row in slow())
    items = [item.ok for item in client.projects.update_many(with_pauses, source=SOURCE)]
    assert all(items)
    assert 3 <= len(items) < most, "three rows were sent before the input ended"


def pause(row: dict[str, Any]) -> dict[str, Any]:
    """Takes as long as a row from a slow source: more than the run gives its input in one go."""
    threading.Event().wait(0.006)
    return row


def test_failing_input_ends_the_run_after_its_results(door: Any) -> None:
    def broken() -> Iterator[dict[str, Any]]:
        yield from rows(3)
        raise ZeroDivisionError("the table ends here")

    items = []

    def on_progress(progress: projectcor.Progress) -> None:
        items.append(progress.done)

    with pytest.raises(ZeroDivisionError, match="the table ends here"):
        door.update_many(broken(), source=SOURCE, on_progress=on_progress)


def test_started_rows_have_results_before_the_input_s_error(client: projectcor.Client) -> None:
    def broken() -> Iterator[dict[str, Any]]:
        yield from rows(3)
        raise ZeroDivisionError

    results = client.projects.update_many(broken(), source=SOURCE)
    seen: list[projectcor.ItemResult] = []
    with pytest.raises(ZeroDivisionError):
        seen.extend(results)
    assert results.summary == projectcor.Summary(read=3, applied=3), "rows that were given are sent"
    assert list(results) == []


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_results_of_an_input_that_raised_are_not_complete(
    client: projectcor.Client, cor: Sandbox, error: type[BaseException]
) -> None:
    def given() -> Iterator[dict[str, Any]]:
        yield from rows(3)
        raise error

    results = client.projects.update_many(given(), source=SOURCE)
    with pytest.raises(error):
        list(results)
    assert not results.is_complete
    items = list(results)
    assert (results.summary.applied, len(cor.requests)) == (3, 3), items
    assert not results.is_complete
    results.close()
    assert not results.is_complete
    whole = client.projects.update_many(rows(3), source=SOURCE)
    assert all(item.ok for item in whole)
    assert whole.is_complete


def test_run_that_cannot_continue_reports_the_reason(door: Any, cor: Sandbox) -> None:
    cor.queue(Answer(401, times=1000))
    cor.seed(projects(100))
    given = [{"id": f"P-{n}", "name": "N"} for n in range(100)]
    items, summary = door.update_many(given, source="SAP", concurrency=2)
    assert summary.failed >= 1
    assert summary.failed + summary.not_started == summary.read
    kinds = {item.error.kind for item in items}
    assert kinds == {"auth", "cancelled"}


def test_halted_holds_the_reason(client: projectcor.Client, cor: Sandbox) -> None:
    cor.queue(Answer(401, times=1000))
    results = client.projects.update_many(rows(5), source=SOURCE)
    assert results.halted is None
    list(results)
    assert isinstance(results.halted, projectcor.AuthError)


def test_limits_pause_and_do_not_fail(cor: Sandbox, door: Any) -> None:
    cor.queue(Answer(429, headers={"retry-after": "0"}, times=20))
    items, summary = door.update_many(rows(30), source=SOURCE)
    assert summary.applied == 30, [item.error for item in items if item.error]


def test_rate_hint_of_a_client_is_a_start_for_the_next(cor: Sandbox) -> None:
    cor.queue(Answer(429, headers={"retry-after": "0"}))
    with cor.client() as client:
        assert client.rate_hint() is None
        list(client.projects.update_many(rows(3), source=SOURCE))
        learned = client.rate_hint()
    assert learned is not None
    assert learned > 0
    assert client.rate_hint() is None, "closed"
    with cor.client(rate_hint=learned) as following:
        assert following.rate_hint() == learned
        assert [item.ok for item in following.projects.update_many(rows(3), source=SOURCE)] == [True] * 3


def test_closing_the_results_aborts_the_run(client: projectcor.Client, cor: Sandbox) -> None:
    hold = Hold()
    cor.queue(Answer(held_by=hold, for_id=ID))
    results = client.projects.update_many([{"id": ID, "name": "held"}, {"id": "unknown", "name": "N"}], source=SOURCE)
    assert next(results).id == "unknown"
    results.close()
    hold.release()
    assert client.projects.update(ID, source=SOURCE, name="after").name == "after"


def test_nothing_keeps_rows_or_results(client: projectcor.Client) -> None:
    class Row(dict[str, Any]):
        pass

    alive: list[weakref.ref[Row]] = []

    def given() -> Iterator[Row]:
        for row in rows(500):
            tracked = Row(row)
            alive.append(weakref.ref(tracked))
            yield tracked
            del tracked

    most = 0
    for _ in client.projects.update_many(given(), source=SOURCE):
        most = max(most, sum(ref() is not None for ref in alive))
    gc.collect()
    assert most <= 2
    assert not any(ref() for ref in alive)


def test_the_rows_may_use_the_client(client: projectcor.Client) -> None:
    def given() -> Iterator[dict[str, Any]]:
        for n in range(3):
            project = client.projects.update(ID, source=SOURCE, estimated_time=n)
            yield {"id": ID, "estimated": project.estimated_time}

    assert [item.ok for item in client.projects.update_many(given(), source=SOURCE)] == [True] * 3


@pytest.mark.parametrize("on_progress", [None, lambda _: None], ids=["together", "one by one"])
def test_the_loop_may_update_a_project_of_which_the_run_has_more_rows(cor: Sandbox, on_progress: Any) -> None:
    """The run has an update of the project under way, and goes on while the other waits for its turn."""
    cor.queue(Answer(delay=0.02, times=6))
    with cor.client(deadline=5) as client:
        for item in client.projects.update_many(rows(3), source=SOURCE, on_progress=on_progress):
            assert item.ok
            assert client.projects.update(ID, source=SOURCE, status="synced").status == "synced"
    assert len(cor.requests) == 6


def test_a_callback_may_update_a_project_of_its_run(cor: Sandbox) -> None:
    cor.queue(Answer(delay=0.02, times=3))
    with cor.client(deadline=5) as client:

        def on_progress(progress: projectcor.Progress) -> bool:
            client.projects.update(ID, source=SOURCE, status=str(progress.done))
            return False

        results = client.projects.update_many(rows(100), source=SOURCE, on_progress=on_progress)
        list(results)
    assert results.summary.applied <= 3
    assert results.summary.applied + results.summary.not_started == results.summary.read


def test_unread_results_keep_no_project(cor: Sandbox) -> None:
    cor.queue(Answer(delay=0.02, times=6))
    cor.seed(projects(40))
    with cor.client(deadline=5, concurrency=2) as client:
        given = [*rows(5), *({"id": f"P-{n}", "source": "SAP", "name": "N"} for n in range(40))]
        results = client.projects.update_many(given, source=SOURCE)
        first = next(results)
        assert client.projects.update(ID, source=SOURCE, name="between").name == "between"
        indices = sorted(item.index for item in [first, *results])
        assert indices == list(range(45)), "and the run goes on when asked again"


def test_another_thread_may_update_a_project_of_the_run(cor: Sandbox) -> None:
    cor.queue(Answer(delay=0.02, times=5))
    with cor.client(deadline=5) as client:
        results = client.projects.update_many(rows(5), source=SOURCE)
        next(results)
        names: list[str | None] = []
        thread = threading.Thread(
            target=lambda: names.append(client.projects.update(ID, source=SOURCE, name="other").name)
        )
        thread.start()
        thread.join()
        assert names == ["other"]
        assert len(list(results)) == 4


def test_no_row_starts_while_no_result_is_read(cor: Sandbox) -> None:
    cor.seed(projects(60))
    given = [{"id": f"P-{n}", "name": "N"} for n in range(60)]
    with cor.client(concurrency=1) as client:
        results = client.projects.update_many(given, source="SAP", on_progress=lambda _: None)
        next(results)
        for _ in range(20):
            client.projects.update(ID, source=SOURCE, name="other")
        # One may have been in flight.
        assert sum("/P-" in request.path for request in cor.requests) <= 3
        assert len(list(results)) == 59


def test_progress_callback_is_called_during_an_outage_and_may_stop_the_run(door: Any, cor: Sandbox) -> None:
    cor.queue(Answer(503, times=100_000))
    told: list[projectcor.Progress] = []

    def on_progress(progress: projectcor.Progress) -> bool:
        told.append(progress)
        return progress.paused is None

    _, summary = door.update_many(rows(50), source=SOURCE, on_progress=on_progress)
    first = next(progress for progress in told if progress.paused)
    assert first.paused == "unreachable"
    assert first.done == 0, "no row had finished"
    assert summary.applied == 0
    assert summary.failed + summary.not_started == summary.read


def test_progress_callback_is_called_while_no_row_finishes(door: Any, cor: Sandbox) -> None:
    cor.queue(Answer(held_by=(hold := Hold())))
    told: list[int] = []

    def on_progress(progress: projectcor.Progress) -> None:
        told.append(progress.done)
        hold.release()

    items, _ = door.update_many(rows(1), source=SOURCE, on_progress=on_progress)
    assert told == [0, 1]
    assert items[0].ok


@pytest.mark.parametrize("wrong", [5, "text"])
def test_a_callback_that_cannot_be_called_is_refused(door: Any, cor: Sandbox, wrong: Any) -> None:
    with pytest.raises(TypeError, match="on_progress must be callable"):
        door.update_many(rows(1), source=SOURCE, on_progress=wrong)
    assert cor.requests == []


def test_a_callback_that_would_have_to_be_awaited_is_refused(door: Any, cor: Sandbox) -> None:
    async def on_progress(_: projectcor.Progress) -> bool:
        return False

    class Callable:
        async def __call__(self, _: projectcor.Progress) -> bool:
            return False

    for wrong in (on_progress, Callable()):
        with pytest.raises(TypeError, match="coroutine function"):
            door.update_many(rows(1), source=SOURCE, on_progress=wrong)
    assert cor.requests == []


@pytest.mark.filterwarnings("ignore:the results of update_many")
def test_leaving_a_with_block_cancels_requests_in_flight(client: projectcor.Client, cor: Sandbox) -> None:
    hold = Hold()
    cor.queue(Answer(held_by=hold, for_id=ID))
    given = [{"id": ID, "name": "held"}, {"id": "unknown", "name": "N"}]
    with client.projects.update_many(given, source=SOURCE) as results:
        assert next(results).id == "unknown"
    assert client.projects.update(ID, source=SOURCE, name="after").name == "after"
    assert list(results) == []
    hold.release()


@pytest.mark.filterwarnings("ignore:the results of update_many")
def test_results_that_their_callback_or_rows_refer_to_are_freed(client: projectcor.Client) -> None:
    class Token:
        pass

    def by_callback() -> weakref.ref[Token]:
        token = Token()

        def on_progress(_: projectcor.Progress) -> None:
            assert token
            assert results.summary

        results = client.projects.update_many(rows(1), source=SOURCE, on_progress=on_progress)
        list(results)
        return weakref.ref(token)

    def by_rows() -> weakref.ref[Token]:
        token = Token()

        def given() -> Iterator[dict[str, Any]]:
            yield from rows(100)
            assert token
            assert results.summary

        results = client.projects.update_many(given(), source=SOURCE)
        next(results)
        return weakref.ref(token)

    kept = [by_callback(), by_rows()]
    gc.collect()
    assert [ref() for ref in kept] == [None, None]


def test_results_are_for_one_at_a_time(client: projectcor.Client) -> None:
    results: Any = None

    def given() -> Iterator[dict[str, Any]]:
        yield {"id": ID, "name": "N"}
        assert results.summary.read >= 0
        next(results)

    results = client.projects.update_many(given(), source=SOURCE)
    with pytest.raises(RuntimeError, match="already reading these results"):
        list(results)
