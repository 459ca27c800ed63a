"""Credentials that COR refuses, outages, signals and kills: what dlt says, and what the next run sends."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from connectors.dlt.world import (
    ids,
    pipeline,
    rejects,
    resource,
    sandbox_with,
    sent_twice,
    start,
    texts,
)
from dlt.common.destination.exceptions import DestinationTerminalException, DestinationTransientException
from dlt.pipeline.exceptions import PipelineStepFailed
from projectcor.testing import Answer, Hold, Sandbox


def failure(sandbox: Sandbox, tables: Any, **options: Any) -> PipelineStepFailed:
    with pytest.raises(PipelineStepFailed) as caught:
        pipeline(sandbox, **options).run(tables)
    return caught.value


def rows(count: int) -> list[dict[str, str]]:
    return [{"deal": str(number), "name": "After"} for number in range(count)]


def outage(sandbox: Sandbox, numbers: range) -> None:
    """COR answers every request about these projects with 503, until the queue is cleared."""
    for number in numbers:
        sandbox.queue(Answer(503, times=10_000, for_id=str(number)))


def is_after(sandbox: Sandbox, count: int) -> bool:
    return all(project.fields["name"] == "After" for project in sandbox.projects()[:count])


def test_refused_credentials_end_the_run_and_the_next_run_loads_all_rows(sandbox: Sandbox) -> None:
    error = failure(sandbox, resource(rows(10)), cor_access_token="expired")
    assert isinstance(error.__cause__, DestinationTerminalException)
    assert "COR did not accept the credentials" in texts(error) or "401" in texts(error)
    assert not any(request.status == 200 for request in sandbox.requests)
    pipeline(sandbox).run()
    assert is_after(sandbox, 10)
    assert rejects() == []


def test_credentials_refused_in_the_middle_repeat_one_batch(sandbox: Sandbox) -> None:
    sandbox.queue(Answer(401, for_id="7", times=1))
    error = failure(sandbox, resource(rows(10)), batch_size=5, cor_concurrency=1)
    assert isinstance(error.__cause__, DestinationTerminalException)
    assert ids(sandbox) == [str(number) for number in range(8)]
    sandbox.clear_requests()
    pipeline(sandbox, batch_size=5, cor_concurrency=1).run()
    assert ids(sandbox) == [str(number) for number in range(5, 10)]
    assert is_after(sandbox, 10)


def test_outage_is_transient_and_the_next_run_loads_the_rest(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOAD__RAISE_ON_MAX_RETRIES", "1")
    outage(sandbox, range(5, 10))
    options = {"batch_size": 5, "cor_concurrency": 1, "cor_outage_timeout": 0.2}
    error = failure(sandbox, resource(rows(10)), **options)
    assert isinstance(error.__cause__, DestinationTransientException)
    assert "Run the pipeline again" in texts(error)
    assert rejects() == []
    assert is_after(sandbox, 5)
    sandbox.clear_queue()
    sandbox.clear_requests()
    pipeline(sandbox, **options).run()
    assert ids(sandbox) == [str(number) for number in range(5, 10)]
    assert is_after(sandbox, 10)
    assert rejects() == []


SCRIPT = """
import dlt
from projectcor.dlt import cor
deals = dlt.resource([{{"deal": str(n), "name": "After"}} for n in range({count})], name="deals", primary_key="deal")
target = cor(cor_source="SALESFORCE", rejects="rejects.jsonl"{options})
pipeline = dlt.pipeline("deals", destination=target, pipelines_dir="pipelines")
pipeline.run(deals if pipeline.first_run else None)
"""


@pytest.mark.parametrize("sent", ["unfinished", "all"])
def test_killed_run_sends_less_than_a_batch_twice(sent: str) -> None:
    count, batch, in_flight = 3000, 500, 16
    with sandbox_with(count) as sandbox:
        # COR answers no more from here on. In the second case the whole batch was sent, and dlt has not recorded it.
        first_held = 1250 if sent == "unfinished" else 1500 - in_flight
        hold = Hold()
        for number in range(first_held, first_held + in_flight):
            sandbox.queue(Answer(held_by=hold, for_id=str(number)))
        script = SCRIPT.format(count=count, options="")
        killed = start(script, **sandbox.environment)
        requests = first_held + in_flight
        sandbox.wait_for_requests(requests, timeout=60)
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        hold.release()
        assert len(sandbox.requests) == requests
        again = start(script, **sandbox.environment)
        output, _ = again.communicate()
        assert again.returncode == 0, output
        print(f"killed after {requests:,} of {count:,} requests: {sent_twice(sandbox)} rows were sent twice")
        assert sent_twice(sandbox) == requests - 1000
        assert sent_twice(sandbox) <= batch
        assert is_after(sandbox, count)


def test_signal_ends_the_wait_for_an_unreachable_cor_and_the_next_run_loads_the_rest(sandbox: Sandbox) -> None:
    # COR answers once, so that the run would wait for the whole outage timeout.
    outage(sandbox, range(1, 10))
    script = SCRIPT.format(count=10, options=", cor_outage_timeout=900")
    stopped = start(script, **sandbox.environment)
    sandbox.wait_for_requests(4, timeout=60)
    stopped.send_signal(signal.SIGTERM)
    output, _ = stopped.communicate(timeout=120)
    assert stopped.returncode == 1
    assert "Received `signal_code=15`" in output
    assert "the run was stopped" in output
    sandbox.clear_queue()
    again = start(script, **sandbox.environment)
    output, _ = again.communicate(timeout=120)
    assert again.returncode == 0, output
    assert is_after(sandbox, 10)


def test_counts_of_a_restarted_package_hold_the_rows_of_both_runs(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOAD__RAISE_ON_MAX_RETRIES", "1")
    outage(sandbox, range(4, 10))
    options = {"batch_size": 5, "cor_outage_timeout": 0.2}
    failure(sandbox, resource([{"deal": "98", "name": "Unknown"}, *rows(10)]), **options)
    sandbox.clear_queue()
    pipeline(sandbox, **options).run()
    assert "COR applied 10 of 11 rows; 1 not applied" in caplog.text
    assert [row["deal"] for row in rejects()] == ["98"]
