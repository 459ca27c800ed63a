"""What is refused before anything is sent, with all reasons at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from connectors.dlt.world import ids, pipeline, resource, texts
from dlt.common.destination.exceptions import DestinationTerminalException
from dlt.pipeline.exceptions import PipelineStepFailed
from projectcor.testing import Sandbox

ROWS = [{"deal": "1", "name": "After"}]


def refusal(sandbox: Sandbox, tables: Any, **options: Any) -> str:
    """The text with which dlt ends the run, which must be terminal."""
    with pytest.raises(PipelineStepFailed) as caught:
        pipeline(sandbox, **options).run(tables)
    assert isinstance(caught.value.__cause__, DestinationTerminalException)
    assert "nothing was sent" in str(caught.value.__cause__)
    assert ids(sandbox) == []
    return str(caught.value.__cause__)


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ({"cor_day_in": "Nowhere/City"}, "cor_day_in"),
        ({"cor_outage_timeout": -1.0}, "cor_outage_timeout"),
        ({"cor_clear_nulls": "deal"}, 'cor_clear_nulls "deal" is the column of the external ids'),
        ({"cor_clear_nulls": "breif"}, 'cor_clear_nulls "breif" sets no field; did you mean "brief"?'),
    ],
)
def test_option_of_a_table_that_cannot_work_is_refused(sandbox: Sandbox, option: dict[str, Any], text: str) -> None:
    assert text in refusal(sandbox, resource(ROWS), **option)


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ({"how": "replace"}, 'table deals has the write_disposition "replace"'),
        ({"key": None}, "table deals has no primary key"),
        ({"key": ["deal", "name"]}, "table deals has a primary key of 2 columns (deal, name)"),
    ],
)
def test_table_that_cannot_be_sent_is_refused(sandbox: Sandbox, table: dict[str, Any], text: str) -> None:
    assert text in refusal(sandbox, resource(ROWS, **table))


def test_column_that_is_no_field_is_refused(sandbox: Sandbox) -> None:
    text = refusal(sandbox, resource([{"deal": "1", "estimatd": 5, "owner": "Kim"}]))
    assert "table deals: " in text
    assert "estimatd" in text
    assert "owner" in text


def test_remedies_name_what_the_resource_and_the_destination_have(sandbox: Sandbox) -> None:
    text = refusal(sandbox, [resource([{"deal": "1"}], "ids"), resource([{"deal": "1", "owner": "Kim"}], "owners")])
    assert 'ignore the column with cor_ignore="owner"' in text
    assert "no column sets a field" in text
    assert "rename a column in the resource, with add_map" in text
    assert "mapping=" not in text


@pytest.mark.parametrize("rows", [[{"deal": "1", "name": "After", "brief": None}], [{"deal": "1", "brief": None}]])
@pytest.mark.parametrize("of_arrow", [False, True])
def test_column_that_clears_and_never_had_a_value_is_refused(
    sandbox: Sandbox, rows: list[dict[str, Any]], of_arrow: bool
) -> None:
    text = refusal(sandbox, resource([pyarrow.Table.from_pylist(rows)] if of_arrow else rows), cor_clear_nulls="brief")
    assert 'table deals has no column "brief", whose nulls cor_clear_nulls clears' in text
    assert 'columns={"brief": {"data_type": "text"}}' in text


def test_type_that_no_field_takes_is_refused_for_parquet_files(sandbox: Sandbox) -> None:
    table = pyarrow.table({"deal": ["1"], "billable": ["yes"]})
    with pytest.raises(PipelineStepFailed) as caught:
        pipeline(sandbox).run(resource([table]), loader_file_format="parquet")
    assert isinstance(caught.value.__cause__, DestinationTerminalException)
    assert "billable" in str(caught.value.__cause__)
    assert ids(sandbox) == []


def test_nested_tables_are_refused(sandbox: Sandbox) -> None:
    rows = [{"deal": "1", "name": "After", "tasks": [{"text": "a"}]}]
    text = refusal(sandbox, resource(rows), max_table_nesting=2)
    assert "tasks is nested in table deals" in text


def test_missing_source_is_refused(sandbox: Sandbox) -> None:
    assert "cor_source is not set" in refusal(sandbox, resource(ROWS), cor_source=None)


def test_invalid_option_of_the_client_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(PipelineStepFailed) as caught:
        pipeline(sandbox, cor_rate=-1).run(resource(ROWS))
    assert isinstance(caught.value.__cause__, DestinationTerminalException)
    assert "rate" in str(caught.value.__cause__)
    assert ids(sandbox) == []


def test_missing_credentials_are_refused(sandbox: Sandbox) -> None:
    with pytest.raises(PipelineStepFailed) as caught:
        pipeline(sandbox, cor_access_token=None).run(resource(ROWS))
    assert isinstance(caught.value.__cause__, DestinationTerminalException)
    assert "COR_ACCESS_TOKEN" in str(caught.value.__cause__)
    assert ids(sandbox) == []


def test_file_of_rejected_rows_that_cannot_be_written_is_refused(sandbox: Sandbox) -> None:
    text = refusal(sandbox, resource(ROWS), rejects="missing/rejects.jsonl")
    assert "the file of rejected rows cannot be written" in text


def test_missing_file_of_rejected_rows_is_refused(sandbox: Sandbox) -> None:
    assert "rejects is not set" in refusal(sandbox, resource(ROWS), rejects=None)


def test_every_problem_of_a_package_is_reported_and_its_good_table_is_not_sent(sandbox: Sandbox) -> None:
    tables = [
        resource(ROWS, "good"),
        resource(ROWS, "replaced", how="replace"),
        resource(ROWS, "keyless", key=None),
    ]
    text = refusal(sandbox, tables)
    assert "table replaced" in text
    assert "table keyless" in text
    assert "table good" not in text


def test_run_after_abort_packages_loads(sandbox: Sandbox) -> None:
    refusal(sandbox, resource(ROWS, how="replace"))
    run = pipeline(sandbox)
    run.abort_packages()
    run.run(resource(ROWS))
    assert ids(sandbox) == ["1"]


def test_run_after_the_command_abort_packages_loads(sandbox: Sandbox) -> None:
    refusal(sandbox, resource(ROWS, how="replace"))
    # The command that dlt's own error names. It knows no argument of the script.
    command = [str(Path(sys.executable).parent / "dlt"), "-y", "pipeline", "--pipelines-dir", "pipelines", "deals"]
    ran = subprocess.run(
        [*command, "abort-packages"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout
    pipeline(sandbox).run(resource(ROWS))
    assert ids(sandbox) == ["1"]


def test_token_of_the_environment_goes_to_no_server_of_a_profile(
    sandbox: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # dlt reads COR_ACCESS_TOKEN as cor_access_token. As an argument it would be sent to the profile's server.
    (folder / "config.toml").write_text(f'[profile.other]\nbase_url = "{sandbox.base_url}"\n')
    monkeypatch.setenv("COR_CONFIG", str(folder / "config.toml"))
    monkeypatch.setenv("COR_ACCESS_TOKEN", sandbox.token)
    with pytest.raises(PipelineStepFailed) as caught:
        pipeline(sandbox, cor_access_token=None, cor_base_url=None, cor_profile="other").run(resource(ROWS))
    assert isinstance(caught.value.__cause__, DestinationTerminalException)
    assert ids(sandbox) == []


def test_token_is_in_no_file_text_or_trace(
    sandbox: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = "a-secret-that-cor-does-not-know"
    monkeypatch.setenv("RUNTIME__LOG_LEVEL", "DEBUG")
    monkeypatch.setenv("LOAD__RAISE_ON_MAX_RETRIES", "1")
    run = pipeline(sandbox, cor_access_token=secret)
    with pytest.raises(PipelineStepFailed) as caught:
        run.run(resource(ROWS))
    assert len(sandbox.requests) >= 1
    written = capfd.readouterr()
    trace = run.last_trace
    for text in (
        repr(run.destination),
        repr(run),
        texts(caught.value),
        written.out,
        written.err,
        trace.asstr(verbosity=2),
    ):
        assert secret not in text
    found = subprocess.run(["grep", "-r", "-l", "-a", secret, folder], stdout=subprocess.PIPE, text=True, check=False)
    assert found.stdout == ""
