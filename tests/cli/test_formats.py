"""A CRM export in every form that `cor projects sync` reads: each has to end in the same stored projects.

As a Singer tap writes it, as JSON lines, as a program with other settings writes it (UTF-16, semicolons, 31-12-17,
1.234,5, read by a mapping file), and as a Parquet file. `cor projects check` then reads one and ten times the rows, to
see that memory does not grow with them.
"""

from __future__ import annotations

import csv
import datetime
import decimal
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from harness import export, program
from harness.export import Row

FOREIGN = """
source = "SALESFORCE"
id = "Vorgang"
ignore = ["Vertrieb"]

[fields]
name = "Kunde"
start = { column = "Angelegt", date = "%d-%m-%y" }
end = { column = "Abschluss", date = "%d-%m-%y" }
estimated = { column = "Wert", decimal = ",", thousands = "." }
status = { column = "Stand", values = { Gewonnen = "Won", Verloren = "Lost" }, default = "In_Progress" }
"""
WORDS = {"Won": "Gewonnen", "Lost": "Verloren", "In_Progress": "In Arbeit"}
BEFORE = {"name": "before", "start": "1000-01-01", "end": "9999-12-31", "estimated": "123456.70", "status": "before"}
BEFORE |= {"brief": "kept", "work_order": "007"}
TIMES = 10
MOST_GROWTH_KIB = 2048


def typed(row: Row) -> dict[str, str]:
    """The row as JSON, with numbers as numbers, digit for digit, and empty cells as null."""
    values = {name: json.dumps(value) if value else "null" for name, value in row.items()}
    values["close_value"] = row["close_value"] or "null"
    return values


def as_object(values: dict[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in values.items()) + "}"


def write_jsonl(rows: list[Row], path: Path) -> None:
    path.write_text("".join(as_object(typed(row)) + "\n" for row in rows), encoding="utf-8")


def write_singer(rows: list[Row], path: Path) -> None:
    """As a tap does: days are moments at midnight in UTC, and a state stands behind every hundred records."""
    properties: dict[str, Any] = {"properties": {name: {} for name in rows[0]}}
    schema = {"type": "SCHEMA", "stream": "deals", "schema": properties, "key_properties": []}
    with path.open("w", encoding="utf-8") as tap:
        tap.write(json.dumps(schema) + "\n")
        for number, row in enumerate(rows, 1):
            values = typed(row)
            for name in ("created_on", "close_date"):
                values[name] = json.dumps(f"{row[name]}T00:00:00.000000Z") if row[name] else "null"
            tap.write('{"type":"RECORD","stream":"deals","record":' + as_object(values) + "}\n")
            if number % 100 == 0 or number == len(rows):
                tap.write(json.dumps({"type": "STATE", "value": {"deals": number}}) + "\n")


def write_foreign(rows: list[Row], path: Path) -> None:
    def day(text: str) -> str:
        return "-".join([text[8:], text[5:7], text[2:4]]) if text else ""

    def money(text: str) -> str:
        whole, _, fraction = text.partition(".")
        return f"{int(whole):,}".replace(",", ".") + "," + fraction if text else ""

    with path.open("w", encoding="utf-16", newline="") as table:
        writer = csv.writer(table, delimiter=";", lineterminator="\r\n")
        writer.writerow(["Vorgang", "Kunde", "Angelegt", "Abschluss", "Wert", "Stand", "Vertrieb"])
        for row in rows:
            days = [day(row["created_on"]), day(row["close_date"])]
            rest = [money(row["close_value"]), WORDS[row["deal_stage"]], row["sales_agent"]]
            writer.writerow([row["opportunity_id"], row["account"], *days, *rest])


def write_parquet(rows: list[Row], path: Path) -> None:
    # The make target installs it; only a run of pytest by hand can be without.
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")

    def column(name: str, kind: Any, convert: Callable[[str], object]) -> Any:
        return pyarrow.array([convert(row[name]) if row[name] else None for row in rows], kind)

    texts = ("opportunity_id", "account", "deal_stage", "sales_agent", "product")
    columns = {name: column(name, pyarrow.string(), str) for name in texts}
    columns["created_on"] = column("created_on", pyarrow.date32(), datetime.date.fromisoformat)
    columns["close_date"] = column("close_date", pyarrow.timestamp("us"), datetime.datetime.fromisoformat)
    columns["close_value"] = column("close_value", pyarrow.decimal128(12, 1), decimal.Decimal)
    parquet.write_table(pyarrow.table(columns), path, row_group_size=1000)


@dataclass
class Form:
    file: str
    write: Callable[[list[Row], Path], None]
    flags: list[str]


FORMS = {
    "singer": Form("deals.singer", write_singer, export.flags()),
    "jsonl": Form("deals.jsonl", write_jsonl, export.flags()),
    "foreign": Form("deals.txt", write_foreign, ["--mapping", "foreign.toml"]),
    "parquet": Form("deals.parquet", write_parquet, export.flags()),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "foreign.toml").write_text(FOREIGN)
    return tmp_path


def sync(cor: Path, sandbox: program.RunningSandbox, arguments: list[str], stdin: Any = None) -> tuple[str, str]:
    command = [str(cor), "projects", "sync", *arguments, "--json", "--no-state"]
    done = subprocess.run(
        command, env=sandbox.environment, stdin=stdin, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, f"exit status {done.returncode}: {done.stderr}{done.stdout[-2000:]}"
    return done.stdout, done.stderr


@pytest.mark.parametrize("size", ["sample", "large"])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_stores_the_same_projects(cor: Path, folder: Path, form: Form, size: str) -> None:
    rows = export.read(export.path_of(size))
    table = folder / form.file
    form.write(rows, table)
    seed = program.write_seed(folder / "seed.jsonl", [row["opportunity_id"] for row in rows], BEFORE)
    with program.sandbox(cor, "--db", folder / "cor.db", "--seed", seed, "--record", "0") as sandbox:
        if form.write is write_singer:
            with table.open("rb") as tap:
                out, summary = sync(cor, sandbox, ["-", *form.flags], stdin=tap)
            states = [json.loads(line)["deals"] for line in out.splitlines()]
            assert states[-1] == len(rows)
            assert states == list(dict.fromkeys([*range(100, len(rows), 100), len(rows)]))
        else:
            summary, _ = sync(cor, sandbox, [form.file, *form.flags])
        counts = json.loads(summary.splitlines()[-1])
        wanted = {"read": len(rows), "applied": len(rows)}
        wanted |= dict.fromkeys(("rejected", "failed", "unchanged", "not_started"), 0)
        assert {name: counts[name] for name in wanted} == wanted
        export.assert_stored(sandbox.stored(), rows, BEFORE)


def check(cor: Path, arguments: list[str]) -> tuple[int, int]:
    """Checks a table; returns how many rows are fine and the peak memory in KiB."""
    process = subprocess.Popen([cor, "projects", "check", *arguments, "--json"], stdout=subprocess.PIPE, text=True)
    peak = program.peak_memory(process)
    out, _ = process.communicate()
    assert process.returncode == 0, out[-2000:]
    return int(json.loads(out.splitlines()[-1])["fine"]), peak


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_check_needs_no_more_memory_for_ten_times_the_rows(cor: Path, folder: Path, form: Form) -> None:
    rows = export.bulk()
    peaks = []
    for times in (1, TIMES):
        form.write(rows * times, folder / form.file)
        fine, peak = check(cor, [form.file, *form.flags])
        assert fine == len(rows) * times
        peaks.append(peak)
    assert peaks[1] <= peaks[0] + MOST_GROWTH_KIB, f"memory grew from {peaks[0]} to {peaks[1]} KiB"
