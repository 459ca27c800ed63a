"""Which requests the rows of a pipeline become."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from connectors.dlt.world import REJECTS, SOURCE, ids, pipeline, rejects, resource, sandbox_with
from projectcor.testing import Sandbox


def bodies(sandbox: Sandbox) -> list[str]:
    return [request.body.decode().removeprefix('{"metadata":{"source":"SALESFORCE"},') for request in sandbox.requests]


@pytest.mark.short
def test_rows_arrive_with_their_digits_and_days(sandbox: Sandbox) -> None:
    row = {"deal": "1", "name": "Señal", "end": date(2025, 4, 30), "estimated": Decimal("18000.10"), "brief": None}
    pipeline(sandbox).run(resource([row, {"deal": "2", "billable": True, "estimated_time": 250}]))
    assert ids(sandbox) == ["1", "2"]
    assert bodies(sandbox) == [
        '"name":"Señal","end":"2025-04-30","estimated":18000.10}',
        '"estimated_time":250,"billable":true}',
    ]
    assert rejects() == []


def test_merge_sends_every_row_of_a_project_in_their_order(sandbox: Sandbox) -> None:
    rows = [{"deal": str(number % 10), "estimated": number} for number in range(1000)]
    pipeline(sandbox, batch_size=100).run(resource(rows, how="merge"))
    assert len(sandbox.requests) == 1000
    stored = [sandbox.project(SOURCE, str(number)) for number in range(10)]
    assert [str(project and project.fields["estimated"]) for project in stored] == [str(990 + n) for n in range(10)]


def test_integer_primary_key_is_the_external_id(sandbox: Sandbox) -> None:
    pipeline(sandbox).run(resource([{"deal": 3, "name": "After"}, {"deal": 99, "name": "After"}]))
    assert ids(sandbox) == ["3", "99"]
    assert [row["deal"] for row in rejects()] == ["99"]


def test_all_tables_share_one_client_and_its_connections(sandbox: Sandbox) -> None:
    tables = [resource([{"deal": str(n), "name": f"{table}"} for n in range(10)], table) for table in ("a", "b", "c")]
    run = pipeline(sandbox, batch_size=2, cor_concurrency=1)
    run.run(tables)
    run.run(tables)
    assert len(sandbox.requests) == 60
    assert len({request.connection for request in sandbox.requests}) == 1


def test_nested_values_are_rejected_with_their_row_alone(sandbox: Sandbox) -> None:
    rows = [{"deal": "1", "brief": [{"text": "a"}]}, {"deal": "2", "name": "After"}]
    pipeline(sandbox).run(resource(rows))
    assert ids(sandbox) == ["2"]
    (row,) = rejects()
    assert (row["deal"], row["brief"], row["_outcome"]) == ("1", [{"text": "a"}], "rejected")
    assert row["_reason"].startswith("index 0: brief: ")


def test_timestamp_is_rejected_and_with_a_time_zone_is_a_day(sandbox: Sandbox) -> None:
    rows = [{"deal": "1", "end": datetime(2025, 4, 29, 22, tzinfo=timezone.utc)}]
    pipeline(sandbox).run(resource(rows))
    assert ids(sandbox) == []
    (row,) = rejects()
    assert row["end"] == "2025-04-29T22:00:00+00:00"
    pipeline(sandbox, cor_day_in="Europe/Madrid").run(resource(rows))
    assert bodies(sandbox) == ['"end":"2025-04-30"}']


def test_ignored_columns_are_not_sent(sandbox: Sandbox) -> None:
    rows = [{"deal": "1", "name": "After", "owner": "Kim", "team": "North"}]
    pipeline(sandbox, cor_ignore=["owner", "team"]).run(resource(rows))
    assert bodies(sandbox) == ['"name":"After"}']


def test_row_without_a_value_is_not_sent_and_is_no_rejected_row(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="dlt"):
        pipeline(sandbox).run(resource([{"deal": "1", "name": None}, {"deal": "2", "name": "After"}]))
    assert ids(sandbox) == ["2"]
    assert rejects() == []
    assert "COR applied 1 of 2 rows; 1 set no field, so nothing was sent for them" in caplog.text


def test_missing_value_of_a_column_in_clear_nulls_clears_its_field(sandbox: Sandbox) -> None:
    rows = [{"deal": "1", "brief": None, "name": "After"}, {"deal": "2", "brief": "b"}]
    pipeline(sandbox, cor_clear_nulls="brief").run(resource(rows))
    assert sorted(bodies(sandbox)) == ['"brief":"b"}', '"name":"After","brief":null}']


def test_column_named_by_a_hint_clears_in_rows_of_which_none_had_a_value(sandbox: Sandbox) -> None:
    rows = [{"deal": "1", "brief": None, "name": "After"}, {"deal": "2", "name": "After"}]
    types = {"brief": {"data_type": "text"}}
    pipeline(sandbox, cor_clear_nulls="Brief").run(resource(rows, columns=types))
    assert bodies(sandbox) == ['"name":"After","brief":null}'] * 2


def test_column_named_by_a_hint_clears_where_a_parquet_file_does_not_have_it(sandbox: Sandbox) -> None:
    table = pyarrow.table({"deal": ["1"], "name": ["After"]})
    types = {"brief": {"data_type": "text"}}
    pipeline(sandbox, cor_clear_nulls="brief").run(resource([table], columns=types), loader_file_format="parquet")
    assert bodies(sandbox) == ['"name":"After","brief":null}']


def test_arrow_tables_are_loaded_from_parquet(sandbox: Sandbox) -> None:
    table = pyarrow.table(
        {
            "deal": ["1", "2", "77"],
            "end": [date(2025, 4, 30), None, None],
            "estimated": pyarrow.array(
                [Decimal("18000.10"), Decimal("1.00"), Decimal("2.00")], pyarrow.decimal128(12, 2)
            ),
        }
    )
    run = pipeline(sandbox, batch_size=2)
    loaded = run.run(resource([table]), loader_file_format="parquet")
    jobs = loaded.load_packages[0].jobs["completed_jobs"]
    assert {job.job_file_info.file_format for job in jobs if job.job_file_info.table_name == "deals"} == {"parquet"}
    assert ids(sandbox) == ["1", "2", "77"]
    first = sandbox.project(SOURCE, "1")
    assert first is not None
    assert (first.fields["estimated"], first.fields["end"]) == (Decimal("18000.10"), "2025-04-30")
    assert [(row["deal"], row["estimated"]) for row in rejects()] == [("77", "2.00")]


def test_integer_ids_of_arrow_tables_are_ids(sandbox: Sandbox) -> None:
    table = pyarrow.table({"deal": [1, 99], "name": ["After", "After"]})
    pipeline(sandbox).run(resource([table]), loader_file_format="parquet")
    assert ids(sandbox) == ["1", "99"]
    assert [row["deal"] for row in rejects()] == ["99"]


def test_destination_is_found_by_its_dotted_name_and_configured_by_files(sandbox: Sandbox, folder: Path) -> None:
    (folder / ".dlt").mkdir()
    (folder / ".dlt/config.toml").write_text(
        f'[destination.cor]\ncor_source = "{SOURCE}"\nrejects = "{REJECTS}"\ncor_base_url = "{sandbox.base_url}"\n'
    )
    (folder / ".dlt/secrets.toml").write_text(f'[destination.cor]\ncor_access_token = "{sandbox.token}"\n')
    script = (
        "import dlt\n"
        "deals = dlt.resource([{'deal': '1', 'name': 'After'}], name='deals', primary_key='deal')\n"
        "dlt.pipeline('deals', destination='projectcor.dlt.cor', pipelines_dir='pipelines').run(deals)\n"
    )
    # A process of its own: dlt reads the files once.
    subprocess.run([sys.executable, "-c", script], check=True)
    assert ids(sandbox) == ["1"]


def test_client_reads_its_own_variables_where_no_option_is_set(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COR_ACCESS_TOKEN", sandbox.token)
    monkeypatch.setenv("COR_BASE_URL", sandbox.base_url)
    pipeline(sandbox, cor_access_token=None, cor_base_url=None).run(resource([{"deal": "1", "name": "After"}]))
    assert [request.status for request in sandbox.requests] == [200]


def test_unrelated_variables_set_no_option(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ACCESS_TOKEN", "API_KEY", "CLIENT_SECRET", "SOURCE", "BASE_URL", "PROFILE", "CONCURRENCY", "RATE"):
        monkeypatch.setenv(name, "of-another-program")
    pipeline(sandbox).run(resource([{"deal": "1", "name": "After"}]))
    (request,) = sandbox.requests
    assert json.loads(request.body) == {"metadata": {"source": SOURCE}, "name": "After"}
    assert request.status == 200
    assert "of-another-program" not in str(request.headers)


def test_ten_thousand_typed_rows_equal_an_independent_reading() -> None:
    count = 10_000
    rows: list[dict[str, Any]] = [
        {
            "deal": str(n),
            "name": f"Deal {n}" if n % 3 else None,
            "end": date(2024, 1, 1) + timedelta(days=n % 900) if n % 5 else None,
            "estimated": Decimal(n * 7919 % 10**9).scaleb(-(n % 7)) if n % 2 else None,
            "estimated_time": n % 400,
            "billable": n % 11 == 0,
        }
        for n in range(count)
    ]
    with sandbox_with(count) as sandbox:
        pipeline(sandbox).run(resource(rows))
        received = {
            request.path.rsplit("/", 1)[-1]: json.loads(request.body, parse_float=Decimal)
            for request in sandbox.requests
        }
        assert len(sandbox.requests) == count
    # Read without any code of this library: the values of Python as JSON writes them.
    for row in rows:
        sent = received[row["deal"]]
        assert sent.pop("metadata") == {"source": SOURCE}
        expected = {name: value for name, value in row.items() if value is not None and name != "deal"}
        if "end" in expected:
            expected["end"] = expected["end"].isoformat()
        assert sent == expected
        if "estimated" in expected:
            assert Decimal(sent["estimated"]) == expected["estimated"]
    assert os.path.getsize(REJECTS) == 0
