"""Rows whose results were not asked for are not sent, and that does not go unnoticed."""

from __future__ import annotations

import asyncio
import gc
import re
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Any

import projectcor
import pytest
from common import SOURCE, call
from projectcor.testing import Answer, Hold, Sandbox

NEVER = "the results of update_many(...) were never read: "
PARTLY = "the results of update_many(...) were not read to their end: "


def rows(count: int) -> list[dict[str, Any]]:
    return [{"id": f"P-{n}", "name": f"n{n}"} for n in range(count)]


async def trickle(count: int) -> AsyncIterator[dict[str, Any]]:
    for row in rows(count):
        yield row


@pytest.fixture
def many(cor: Sandbox) -> Sandbox:
    cor.seed([{"id": f"P-{n}", "source": SOURCE, "name": "N"} for n in range(100)])
    return cor


def caught(use: Any) -> list[warnings.WarningMessage]:
    """The warnings of a use of results."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        use()
        gc.collect()
    return found


def use_blocking(cor: Sandbox, given: Any, take: int) -> None:
    with cor.client(concurrency=1) as client:
        results = client.projects.update_many(given, source=SOURCE)
        for _ in zip(range(take), results):
            pass
        del results


def use_awaited(cor: Sandbox, given: Any, take: int) -> None:
    async def main() -> None:
        async with cor.async_client(concurrency=1) as client:
            results = client.projects.update_many(given, source=SOURCE)
            for _ in range(take):
                await results.__anext__()
            del results

    asyncio.run(main())


USES = pytest.mark.parametrize("use", [use_blocking, use_awaited], ids=["blocking", "awaited"])


@USES
def test_results_never_asked_for_warn_and_name_the_line_of_the_call(use: Any, many: Sandbox) -> None:
    (warning,) = caught(lambda: use(many, rows(7), 0))
    assert warning.category is RuntimeWarning
    assert str(warning.message).startswith(NEVER + "7 of 7 rows were not sent; ")
    assert str(warning.message).endswith(
        "; iterate over them to the end, use update_all(...), or call .stop() or .close() to leave the rest unsent"
    )
    assert warning.filename == __file__
    with open(__file__, encoding="utf-8") as file:
        assert "update_many(given" in file.read().splitlines()[warning.lineno - 1]
    assert many.requests == []


def test_break_warns_with_the_number_of_rows_that_were_not_sent(many: Sandbox) -> None:
    def use() -> None:
        with many.client(concurrency=1) as client:
            for item in client.projects.update_many(rows(100), source=SOURCE, on_progress=lambda _: None):
                assert item.ok
                break

    (warning,) = caught(use)
    # With one request at a time there may be another under way by the time of the first result.
    sent = len(many.requests)
    assert str(warning.message).startswith(f"{PARTLY}{100 - sent} of 100 rows were not sent")


@USES
def test_input_without_length_reports_a_lower_bound(use: Any, many: Sandbox) -> None:
    (warning,) = caught(lambda: use(many, iter(rows(3)), 0))
    assert str(warning.message).startswith(NEVER + "an unknown number of rows were not sent; ")
    # What was read is known to the row where the input ended.
    many.queue(Answer(held_by=(hold := Hold()), for_id="P-1"))
    (warning,) = caught(lambda: use(many, iter(rows(3)), 1))
    hold.release()
    text = "1 of 3 rows was not sent, and 1 was in flight, so COR may have applied it; "
    assert str(warning.message).startswith(PARTLY + text)


def test_asynchronous_rows_warn_too(many: Sandbox) -> None:
    (warning,) = caught(lambda: use_awaited(many, trickle(5), 0))
    assert str(warning.message).startswith(NEVER + "an unknown number of rows were not sent; ")
    found = caught(lambda: use_awaited(many, trickle(50), 1))
    assert any(str(warning.message).startswith(PARTLY) for warning in found), found


@USES
def test_no_warning_when_every_row_has_its_result(use: Any, many: Sandbox) -> None:
    assert caught(lambda: use(many, rows(3), 3)) == []
    assert caught(lambda: use(many, [], 0)) == []


def by_stop(results: Any) -> None:
    results.stop()


def by_close(results: Any) -> None:
    results.close()


@pytest.mark.parametrize("end", [by_stop, by_close])
def test_no_warning_when_the_caller_ended_the_run(end: Any, many: Sandbox) -> None:
    def use() -> None:
        with many.client() as client:
            results = client.projects.update_many(rows(50), source=SOURCE)
            end(results)
            with client.projects.update_many(rows(50), source=SOURCE) as results:
                next(results)
                end(results)

    assert caught(use) == []


def test_no_warning_when_the_awaiting_caller_ended_the_run(many: Sandbox) -> None:
    async def main() -> None:
        async with many.async_client() as client:
            await client.projects.update_many(rows(50), source=SOURCE).close()
            client.projects.update_many(rows(50), source=SOURCE).stop()
            async with client.projects.update_many(rows(50), source=SOURCE) as results:
                async for _ in results:
                    await results.aclose()

    assert caught(lambda: asyncio.run(main())) == []


def test_a_with_block_warns_where_it_is_left_early_unless_an_exception_says_why(many: Sandbox) -> None:
    def left() -> None:
        with many.client() as client, client.projects.update_many(rows(50), source=SOURCE) as results:
            assert not results.is_complete

    def raised() -> None:
        with many.client() as client, client.projects.update_many(rows(50), source=SOURCE):
            raise KeyError

    async def awaited(error: bool) -> None:
        async with many.async_client() as client, client.projects.update_many(rows(50), source=SOURCE):
            if error:
                raise KeyError

    def swallowed(use: Any) -> None:
        with pytest.raises(KeyError):
            use()

    for use in (left, lambda: asyncio.run(awaited(False))):
        (warning,) = caught(use)
        assert str(warning.message).startswith(NEVER + "50 of 50 rows were not sent; ")
    assert caught(lambda: swallowed(raised)) == []
    assert caught(lambda: swallowed(lambda: asyncio.run(awaited(True)))) == []


def test_results_in_a_cycle_warn_when_they_are_collected(many: Sandbox) -> None:
    def use() -> None:
        with many.client() as client:
            kept: list[Any] = []

            def on_progress(_: projectcor.Progress) -> object:
                return kept

            kept.append(client.projects.update_many(rows(5), source=SOURCE, on_progress=on_progress))

    (warning,) = caught(use)
    assert "5 of 5 rows were not sent" in str(warning.message)


def test_an_exception_on_its_way_is_not_lost(many: Sandbox) -> None:
    def use() -> None:
        with many.client() as client:
            for _ in client.projects.update_many(rows(50), source=SOURCE):
                raise KeyError("mine")

    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        with pytest.raises(KeyError, match="mine"):
            use()
        gc.collect()
    assert len(found) == 1


SCRIPT = """
import asyncio, sys, projectcor

rows = [{"id": "SF-OPP-12345", "name": "N"}] * 9
if sys.argv[1] == "blocking":
    client = projectcor.Client(base_url=sys.argv[2], token="sandbox-token")
    results = client.projects.update_many(rows, source="SALESFORCE")
else:
    async def main():
        global client, results
        client = projectcor.AsyncClient(base_url=sys.argv[2], token="sandbox-token")
        results = client.projects.update_many(rows, source="SALESFORCE")
    asyncio.run(main())
print("done")
"""


@pytest.mark.parametrize("door", ["blocking", "awaited"])
def test_a_script_that_ends_without_asking_warns_by_default(door: str, cor: Sandbox) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT, door, cor.base_url], capture_output=True, text=True, timeout=60, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, "done\n")
    assert f"RuntimeWarning: {NEVER}9 of 9 rows were not sent; " in ended.stderr, ended.stderr


def test_update_all_sends_every_row_and_returns_the_failures(door: Any, many: Sandbox) -> None:
    given = [*rows(30), {"id": "unknown", "name": "N"}, {"id": "P-1", "nme": "N"}]

    def check(result: projectcor.BulkResult) -> None:
        assert isinstance(result, projectcor.BulkResult)
        assert (result.read, result.applied, result.rejected, result.failed) == (32, 30, 1, 1)
        assert (result.ok, result.is_complete, result.halted, result.not_started) == (False, True, None, 0)
        by_id = {item.id: item.error.kind for item in result.failures if item.error}
        assert by_id == {"unknown": "project_not_found", "P-1": "invalid"}
        lines = repr(result).splitlines()
        assert lines[0] == "Updates: 30 of 32 rows applied, 1 rejected, 1 failed"
        assert sorted(re.split("[:,]", line)[0] for line in lines[1:]) == ["! index 30", "! index 31"]

    assert caught(lambda: check(call(door, "update_all", given, source=SOURCE))) == []
    assert {request.status for request in many.requests} == {200, 404}
    assert call(door, "update_all", rows(2), source=SOURCE).ok
    assert call(door, "update_all", [], source=SOURCE).ok


def test_update_all_keeps_few_failures_and_counts_all(door: Any) -> None:
    result = call(door, "update_all", iter(rows(30)), source=SOURCE, max_details=3)
    assert (len(result.failures), result.more_failures, result.failed, result.ok) == (3, 27, 30, False)
    result = call(door, "update_all", rows(1), source=SOURCE, max_details=0)
    assert (result.failures, result.more_failures, result.ok) == ((), 1, False)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize("known", [True, False])
def test_a_run_that_was_stopped_is_not_ok_even_if_all_it_read_was_applied(door: Any, known: bool) -> None:
    given: list[dict[str, Any]] = rows(90)

    def unsized() -> Iterator[dict[str, Any]]:
        yield from given

    result = call(
        door, "update_all", given if known else unsized(), source=SOURCE, concurrency=1, on_progress=lambda _: False
    )
    assert result.applied >= 1
    assert result.failed == 0
    assert (result.ok, result.is_complete) == (False, False)
    assert "The run ended before the end of its input, and the remaining rows were not sent" in repr(result)


def test_halted_run_is_not_ok_and_reports_the_reason(door: Any, many: Sandbox) -> None:
    many.queue(Answer(401, times=100))
    result = call(door, "update_all", rows(90), source=SOURCE, concurrency=1)
    assert result.halted is not None
    assert result.halted.kind == "auth"
    assert (result.ok, result.is_complete) == (False, False)
    assert f"not sent: {result.halted}" in repr(result)


def test_exception_of_the_rows_is_raised_by_update_all(door: Any, many: Sandbox) -> None:
    def broken() -> Iterator[dict[str, Any]]:
        yield from rows(3)
        raise KeyError("rows")

    with pytest.raises(KeyError, match="rows"):
        call(door, "update_all", broken(), source=SOURCE)
    assert len(many.requests) == 3
    with pytest.raises(ValueError, match="max_details is -1"):
        call(door, "update_all", rows(3), source=SOURCE, max_details=-1)
