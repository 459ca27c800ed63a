"""Rows that COR does not apply end no run: they are in the file of rejected rows, which `cor projects sync` reads."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path

import pyarrow
import pytest
from connectors.dlt.world import REJECTS, SOURCE, ids, pipeline, program, rejects, resource
from dlt.pipeline.exceptions import PipelineStepFailed
from harness.docs import blocks
from projectcor.dlt import _rejects
from projectcor.testing import Answer, Sandbox

PAGE = "docs/guides/dlt.md"

BAD_ROWS = [
    {"deal": "1", "name": "After", "estimated": Decimal("1.50")},
    {"deal": "98", "name": "Unknown", "estimated": Decimal("18000.10")},
    {"deal": "2", "name": "After", "start": "2025-05-01", "end": "2025-04-01"},
    {"deal": "3", "name": "Failing"},
    {"deal": "4", "name": "After"},
]


def test_rejected_rows_are_written_with_outcome_and_reason_and_the_others_are_applied(sandbox: Sandbox) -> None:
    sandbox.queue(Answer(500, for_id="3", times=100))
    pipeline(sandbox).run(resource(BAD_ROWS))
    stored = {project.id: project.fields["name"] for project in sandbox.projects()}
    assert (stored["1"], stored["4"]) == ("After", "After")
    found = {row["deal"]: row for row in rejects()}
    assert {deal: row["_outcome"] for deal, row in found.items()} == {
        "98": "not_applied",
        "2": "rejected",
        "3": "unknown",
    }
    assert "COR has no such project" in found["98"]["_reason"]
    assert found["98"]["estimated"] == "18000.10"
    assert "start" in found["2"]["_reason"]


def test_counts_are_logged_as_a_warning_where_rows_were_rejected(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline(sandbox, batch_size=2).run(resource(BAD_ROWS))
    (record,) = [record for record in caplog.records if "COR applied" in record.getMessage()]
    assert record.levelname == "WARNING"
    assert "COR applied 3 of 5 rows; 1 not applied, 1 rejected. These rows are in rejects.jsonl" in record.getMessage()


def test_counts_are_logged_as_information_where_all_rows_were_applied(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", logger="dlt"):
        pipeline(sandbox).run(resource([{"deal": "1", "name": "After"}]))
    (record,) = [record for record in caplog.records if "COR applied" in record.getMessage()]
    assert record.levelname == "INFO"
    assert "COR applied 1 of 1 rows" in record.getMessage()


def test_file_of_rejected_rows_can_be_synced_after_the_cause_is_removed(sandbox: Sandbox) -> None:
    rows = [{"deal": 97, "name": "Señal", "end": "2025-04-30", "estimated": Decimal("18000.10")}]
    pipeline(sandbox).run(resource(rows))
    sandbox.seed([{"id": "97", "source": SOURCE, "name": "Before"}])
    ran = program("projects", "sync", REJECTS, "--source", SOURCE, "--id-column", "deal", "--no-state", sandbox=sandbox)
    assert ran.returncode == 0, ran.stdout
    stored = sandbox.project(SOURCE, "97")
    assert stored is not None
    assert stored.fields["name"] == "Señal"
    assert stored.fields["estimated"] == Decimal("18000.10")
    assert stored.fields["end"] == "2025-04-30"


def test_command_of_the_page_clears_fields_and_reads_timestamps_as_the_pipeline_does(sandbox: Sandbox) -> None:
    midnight = datetime(2025, 4, 29, 22, tzinfo=timezone.utc)
    rows = [
        {"deal": "97", "name": "After", "brief": None, "end": midnight},
        {"deal": "98", "name": "After"},
        {"deal": "1", "brief": "b"},
    ]

    def briefs() -> list[object]:
        stored = {project.id: project.fields.get("brief") for project in sandbox.projects()}
        return [stored["97"], stored["98"]]

    # Case does not count in names of columns.
    pipeline(sandbox, cor_clear_nulls="Brief", cor_day_in="Europe/Madrid").run(resource(rows))
    assert sorted((row["deal"], row["brief"]) for row in rejects()) == [("97", None), ("98", None)]
    sandbox.seed([{"id": deal, "source": SOURCE, "name": "Before", "brief": "Before"} for deal in ("97", "98")])
    assert briefs() == ["Before", "Before"]
    move, sync = next(block for block in blocks(PAGE, "text") if "cor projects sync today" in block).splitlines()
    _, before, after = move.split()
    Path(before).rename(after)
    ran = program(*sync.split()[1:], "--no-state", sandbox=sandbox)
    assert ran.returncode == 0, ran.stdout
    assert briefs() == [None, None]
    stored = sandbox.project(SOURCE, "97")
    assert stored is not None
    assert (stored.fields["name"], stored.fields["end"]) == ("After", "2025-04-30")


def test_nulls_that_clear_are_in_the_file_where_dlt_loads_parquet(sandbox: Sandbox) -> None:
    table = pyarrow.table({"deal": ["NOPE", "1"], "name": [None, "After"], "brief": [None, "b"]})
    pipeline(sandbox, cor_clear_nulls="brief").run(resource([table]), loader_file_format="parquet")
    (row,) = rejects()
    assert (row["deal"], row["brief"]) == ("NOPE", None)
    assert "name" not in row


def test_reasons_name_remedies_that_dlt_has(sandbox: Sandbox) -> None:
    rows = [{"deal": "1", "estimated": "12.50", "end": datetime(2025, 4, 29, 22, tzinfo=timezone.utc)}]
    pipeline(sandbox).run(resource(rows))
    (row,) = rejects()
    assert "text_cells" not in row["_reason"]
    assert 'columns={"estimated": {"data_type": "decimal"}}' in row["_reason"]
    assert "set cor_day_in= to the time zone" in row["_reason"]
    sandbox.clear_requests()
    types = {"estimated": {"data_type": "decimal"}}
    pipeline(sandbox, cor_day_in="Europe/Madrid").run(resource(rows, columns=types))
    assert [request.status for request in sandbox.requests] == [200]


def test_rows_of_two_tables_and_runs_are_appended_to_one_file(sandbox: Sandbox) -> None:
    tables = [resource([{"deal": f"{name}-{n}", "name": "x"} for n in range(5)], name) for name in ("a", "b")]
    pipeline(sandbox, batch_size=2).run(tables)
    pipeline(sandbox, batch_size=2).run(tables)
    assert sorted(row["deal"] for row in rejects()) == sorted([f"{name}-{n}" for name in "ab" for n in range(5)] * 2)


def test_lines_of_several_threads_and_processes_stay_whole(folder: Path) -> None:
    path = str(folder / REJECTS)
    script = (
        "import sys\nfrom projectcor.dlt import _rejects\n"
        'for _ in range(50):\n    _rejects.append(sys.argv[1], [\'{"deal": "p"}\\n\'] * 40)'
    )
    processes = [subprocess.Popen([sys.executable, "-c", script, path]) for _ in range(2)]

    def write(name: int) -> None:
        for _ in range(50):
            _rejects.append(path, [f'{{"deal": "{name}"}}\n'] * 40)

    threads = [threading.Thread(target=write, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.wait() for process in processes] == [0, 0]
    found = [row["deal"] for row in rejects(path)]
    assert {name: found.count(name) for name in set(found)} == {"p": 4000, **{str(n): 2000 for n in range(4)}}


def test_line_that_a_full_disk_cut_spoils_no_later_line(folder: Path) -> None:
    path = folder / REJECTS
    path.write_text('{"deal": "1", "na')
    _rejects.append(str(path), ['{"deal": "2"}\n'])
    assert path.read_text().splitlines() == ['{"deal": "1", "na', '{"deal": "2"}']


def test_row_of_a_batch_that_is_sent_again_is_rejected_once(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOAD__RAISE_ON_MAX_RETRIES", "1")
    sandbox.queue(Answer(503, times=10_000))
    sandbox.queue(Answer(for_id="98"))
    rows = [{"deal": "98", "name": "Unknown"}, *({"deal": str(number), "name": "After"} for number in range(5))]
    with pytest.raises(PipelineStepFailed):
        pipeline(sandbox, cor_outage_timeout=0.2).run(resource(rows))
    sandbox.clear_queue()
    pipeline(sandbox).run()
    assert ids(sandbox).count("98") == 2
    assert [row["deal"] for row in rejects()] == ["98"]
