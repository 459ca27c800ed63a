"""Workbooks as openpyxl, XlsxWriter and LibreOffice write them: every cell arrives as what it is.

LibreOffice is a program of its own (Debian: libreoffice-calc); its tests are skipped where it is absent.
"""

from __future__ import annotations

import csv
import datetime
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from harness import ROOT

HEADER = ["Deal", "Account", "Close", "Hours", "Amount", "Billable", "Owner"]
OPTIONS = ["--source", "SALESFORCE", "--id-column", "Deal", "--map", "Account=name", "--map", "Close=end"]
OPTIONS += ["--map", "Hours=estimated_time", "--map", "Amount=estimated"]
DAY = datetime.date(2025, 5, 31)
MOMENT = datetime.datetime(2025, 8, 31, 15, 23, 11)
ROWS: list[list[Any]] = [
    ["007", "Harbour Lights", DAY, 120, 18000.1, True, "Kim"],
    ["SF-2", "Pier – façade", None, None, 24500, False, "=HYPERLINK"],
    [900123456789012, "東京", "2025-07-31", 7.5, 0.3, None, None],
    ["SF-4", "Time of day", MOMENT],
    [],
    ["1E5", "250", datetime.date(1999, 12, 31), 0, 1e-7, None, None],
]
EXPECTED: dict[str, dict[str, Any]] = {
    "007": {"name": "Harbour Lights", "end": "2025-05-31", "estimated_time": 120, "estimated": Decimal("18000.1")},
    "SF-2": {"name": "Pier – façade", "estimated": 24500, "billable": False},
    "900123456789012": {"name": "東京", "end": "2025-07-31", "estimated_time": Decimal("7.5")},
    "SF-4": {"name": "Time of day", "end": "2025-08-31"},
    "1E5": {"name": "250", "end": "1999-12-31", "estimated_time": 0, "estimated": Decimal("1e-7")},
}
EXPECTED["007"]["billable"] = True
EXPECTED["900123456789012"]["estimated"] = Decimal("0.3")


def with_openpyxl(path: Path, header: list[str], rows: list[list[Any]], before: int = 0) -> None:
    """`before` is the number of rows above the header."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Deals"
    for at, row in enumerate([header, *rows], start=1 + before):
        for column, value in enumerate(row, start=1):
            cell = sheet.cell(at, column, value)
            if isinstance(value, str) and value.startswith("="):
                cell.data_type = "s"
    book.save(path)


def with_xlsxwriter(path: Path, header: list[str], rows: list[list[Any]], date_1904: bool = False) -> None:
    with xlsxwriter.Workbook(path, {"date_1904": date_1904}) as book:
        sheet = book.add_worksheet("Deals")
        day, moment = book.add_format({"num_format": "dd/mm/yy"}), book.add_format({"num_format": "d mmm yyyy hh:mm"})
        for at, row in enumerate([header, *rows]):
            for column, value in enumerate(row):
                if isinstance(value, datetime.datetime):
                    sheet.write_datetime(at, column, value, moment)
                elif isinstance(value, datetime.date):
                    sheet.write_datetime(at, column, datetime.datetime(value.year, value.month, value.day), day)
                elif isinstance(value, str):
                    sheet.write_string(at, column, value)
                elif value is not None:
                    sheet.write(at, column, value)


def convert(path: Path, ending: str) -> Path:
    """As LibreOffice writes the workbook again."""
    if shutil.which("soffice") is None:
        pytest.skip("needs LibreOffice")
    folder = path.parent / "converted"
    home = f"-env:UserInstallation=file://{path.parent}/office"
    command: list[str | Path] = ["soffice", home, "--headless", "--convert-to", ending, "--outdir", folder, path]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=180)
    return folder / f"{path.stem}.{ending}"


WRITERS: dict[str, Callable[[Path], Path]] = {}


def writer(name: str) -> Callable[[Callable[[Path], Path]], Callable[[Path], Path]]:
    def add(write: Callable[[Path], Path]) -> Callable[[Path], Path]:
        WRITERS[name] = write
        return write

    return add


@writer("openpyxl")
def _openpyxl(folder: Path) -> Path:
    with_openpyxl(folder / "deals.xlsx", HEADER, ROWS)
    return folder / "deals.xlsx"


@writer("XlsxWriter")
def _xlsxwriter(folder: Path) -> Path:
    with_xlsxwriter(folder / "deals.xlsx", HEADER, ROWS)
    return folder / "deals.xlsx"


@writer("XlsxWriter-1904")
def _xlsxwriter_1904(folder: Path) -> Path:
    with_xlsxwriter(folder / "deals.xlsx", HEADER, ROWS, date_1904=True)
    return folder / "deals.xlsx"


@writer("LibreOffice-xlsx")
def _office_xlsx(folder: Path) -> Path:
    return convert(_xlsxwriter(folder), "xlsx")


# It writes TRUE as the number 1 in this format.
@writer("LibreOffice-xls")
def _office_xls(folder: Path) -> Path:
    return convert(_xlsxwriter(folder), "xls")


@writer("LibreOffice-ods")
def _office_ods(folder: Path) -> Path:
    return convert(_openpyxl(folder), "ods")


@dataclass
class Seen:
    """What `cor projects plan` says of a table."""

    projects: dict[str, dict[str, Any]]
    problems: dict[int, str]
    error: str


def expected(name: str) -> dict[str, dict[str, Any]]:
    """What a plan shows. TRUE and FALSE are left out where the writer has none."""
    left_out = {"billable"} if name == "LibreOffice-xls" else set()
    return {id: {field: fields[field] for field in fields.keys() - left_out} for id, fields in EXPECTED.items()}


def options(name: str) -> list[str]:
    return OPTIONS + (["--ignore", "Billable"] if name == "LibreOffice-xls" else [])


def plan(cor: Path, table: Path | str, folder: Path, *options: str, stdin: Path | None = None) -> Seen:
    command = [cor, "projects", "plan", table, "--state", folder / "state.db", "--json", *options]
    with open(stdin or os.devnull, "rb") as source:
        done = subprocess.run(command, stdin=source, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1, 2), done.stderr
    projects: dict[str, dict[str, Any]] = {}
    problems: dict[int, str] = {}
    for line in done.stdout.splitlines():
        event = json.loads(line, parse_float=Decimal)
        if "changes" in event:
            projects[event["id"]] = {change["field"]: change["new"] for change in event["changes"]}
        elif "line" in event and "error" in event:
            problems[event["line"]] = event["error"]["message"]
    return Seen(projects, problems, done.stderr)


@pytest.mark.parametrize("name", WRITERS)
def test_every_cell_is_what_it_is(cor: Path, tmp_path: Path, name: str) -> None:
    table = WRITERS[name](tmp_path)
    seen = plan(cor, table, tmp_path, *options(name), "--day-in", "UTC")
    assert seen.projects == expected(name)
    assert seen.problems == {}
    assert "not used: Owner" in seen.error
    assert "1 blank row was skipped" in seen.error
    # The same from standard input.
    seen = plan(cor, "-", tmp_path, *options(name), "--day-in", "UTC", stdin=table)
    assert seen.projects == expected(name)
    # A time of day is refused unless a time zone says which day it is.
    seen = plan(cor, table, tmp_path, *options(name))
    assert list(seen.problems) == [5]
    assert "2025-08-31T15:23:11" in seen.problems[5]


def test_formulas_have_the_value_that_a_spreadsheet_calculated(cor: Path, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "Q1 deals"
    for row in [["id", "estimated"], ["P-1", "=1+1"], ["P-2", "=0*1"], ["P-3", "=NA()"], ["P-4", 0]]:
        sheet.append(row)
    book.save(tmp_path / "formulas.xlsx")
    seen = plan(cor, tmp_path / "formulas.xlsx", tmp_path, "--source", "S")
    assert seen.projects == {"P-4": {"estimated": 0}}
    assert [text.split(";")[0] for text in seen.problems.values()] == [
        f"estimated: 'Q1 deals'!B{row} is a formula without a calculated value" for row in (2, 3, 4)
    ]
    for ending in ("xlsx", "xls", "ods"):
        seen = plan(cor, convert(tmp_path / "formulas.xlsx", ending), tmp_path, "--source", "S")
        assert seen.projects == {"P-1": {"estimated": 2}, "P-2": {"estimated": 0}, "P-4": {"estimated": 0}}, ending
        assert seen.problems == {4: "estimated: 'Q1 deals'!B4 is the error #N/A; correct the cell"}, ending


def test_a_formula_of_a_library_is_refused_until_it_is_calculated(cor: Path, tmp_path: Path) -> None:
    """XlsxWriter writes 0 as the value of a formula that has none."""
    with xlsxwriter.Workbook(tmp_path / "sums.xlsx") as book:
        sheet = book.add_worksheet("Deals")
        sheet.write_row(0, 0, ["id", "estimated"])
        sheet.write_row(1, 0, ["P-1"])
        sheet.write_formula(1, 1, "=1+1")
        sheet.write_row(2, 0, ["P-2"])
        sheet.write_formula(2, 1, "=1+1", None, 2)
    seen = plan(cor, tmp_path / "sums.xlsx", tmp_path, "--source", "S")
    assert seen.projects == {"P-2": {"estimated": 2}}
    assert list(seen.problems) == [2]
    assert "Deals!B2 is a formula without a calculated value" in seen.problems[2]


def test_a_header_below_a_title_is_found_or_named(cor: Path, tmp_path: Path) -> None:
    with_openpyxl(tmp_path / "report.xlsx", ["id", "name"], [["R-1", "x"]], before=3)
    book = openpyxl.load_workbook(tmp_path / "report.xlsx")
    book["Deals"]["A1"] = "Pipeline report"
    book.save(tmp_path / "report.xlsx")
    seen = plan(cor, tmp_path / "report.xlsx", tmp_path, "--source", "S")
    assert seen.projects == {"R-1": {"name": "x"}}
    assert "the header is row 4 of the sheet" in seen.error
    seen = plan(cor, tmp_path / "report.xlsx", tmp_path, "--source", "S", "--id-column", "Deal")
    assert "row 4 looks like the header: id, name\n    hint: pass --header-row 4" in seen.error
    seen = plan(cor, tmp_path / "report.xlsx", tmp_path, "--source", "S", "--header-row", "4")
    assert seen.projects == {"R-1": {"name": "x"}}
    assert "the header is" not in seen.error


def test_a_sheet_is_chosen_by_name_or_number(cor: Path, tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "sheets.xlsx") as book:
        for name in ("Old", "Q1 deals", "Q2"):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["id", "name"])
            sheet.write_row(1, 0, [name, "x"])
            if name == "Old":
                sheet.hide()
            if name == "Q1 deals":
                sheet.activate()
    for options, expected in [
        ([], "Q1 deals"),
        (["--sheet", "2"], "Q2"),
        (["--sheet", "Q2"], "Q2"),
        (["--sheet", "Old"], "Old"),
    ]:
        seen = plan(cor, tmp_path / "sheets.xlsx", tmp_path, "--source", "S", *options)
        assert list(seen.projects) == [expected]
        note = 'the sheet "Q1 deals" is read; other sheets with data are Q2; choose one with --sheet'
        assert (note in seen.error) == (not options)
    seen = plan(cor, tmp_path / "sheets.xlsx", tmp_path, "--source", "S", "--sheet", "Q3 deals")
    assert 'error: --sheet "Q3 deals": the workbook has no such sheet\nhint: did you mean "Q1 deals"?\n' in seen.error


@pytest.mark.parametrize("name", ["openpyxl", "LibreOffice-xls", "LibreOffice-ods"])
def test_rejected_rows_are_a_csv_with_sheet_and_row_that_is_read_again(cor: Path, tmp_path: Path, name: str) -> None:
    table, rejects = WRITERS[name](tmp_path), tmp_path / "rejects.csv"
    environment = {**os.environ, "COR_ACCESS_TOKEN": "unused", "COR_BASE_URL": "http://127.0.0.1:9"}
    sync: list[str | Path] = [cor, "projects", "sync", table, *options(name), "--no-state", "--rejects", rejects]
    sync += ["--outage-timeout", "1"]
    done = subprocess.run(sync, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.stderr
    with rejects.open(encoding="utf-8-sig", newline="") as file:
        rows = {row["Deal"]: row for row in csv.DictReader(file)}
    assert list(rows["SF-4"]) == [*HEADER, "_sheet", "_line", "_outcome", "_reason"]
    assert rows["SF-4"]["Close"] == "2025-08-31T15:23:11"
    assert (rows["SF-4"]["_sheet"], rows["SF-4"]["_line"], rows["SF-4"]["_outcome"]) == ("Deals", "5", "rejected")
    seen = plan(cor, rejects, tmp_path, *options(name), "--day-in", "UTC")
    assert seen.projects == {id: expected(name)[id] for id in rows}
    assert "not used: Owner\n" in seen.error


def test_a_damaged_workbook_is_named(cor: Path, tmp_path: Path) -> None:
    with_openpyxl(tmp_path / "deals.xlsx", HEADER, ROWS)
    (tmp_path / "half.xlsx").write_bytes((tmp_path / "deals.xlsx").read_bytes()[:3000])
    seen = plan(cor, tmp_path / "half.xlsx", tmp_path, *OPTIONS)
    assert seen.error.startswith(f"error: cannot read {tmp_path / 'half.xlsx'}: it is damaged or incomplete")


def test_the_real_workbook_is_read(cor: Path, tmp_path: Path) -> None:
    table = ROOT.parent / "shared" / "inputs" / "workbook" / "deals.xlsx"
    if not table.is_file():
        pytest.skip("needs ../shared/inputs/workbook/deals.xlsx, a workbook with every kind of cell")
    options = ["--source", "SALESFORCE", "--id-column", "Opportunity ID", "--map", "Account=name"]
    options += ["--map", "Close date=end", "--map", "Hours=estimated_time", "--map", "Amount=estimated"]
    seen = plan(cor, table, tmp_path, *options)
    assert list(seen.projects) == ["007", "SF-1042", "900123456789012", "SF-1047"]
    assert seen.projects["007"]["estimated"] == Decimal("18000.1")
    assert {row: text.split(";")[0] for row, text in seen.problems.items()} == {
        5: 'Close date: "2025-08-31T15:23:11" has a time of day, and the field takes only a date',
        6: "Hours: Deals!E6 is a formula without a calculated value",
        7: "Amount: Deals!F7 is the error #N/A",
    }
    assert "1 blank row was skipped" in seen.error
    report = plan(cor, table, tmp_path, "--source", "SALESFORCE", "--sheet", "Report")
    assert list(report.projects) == ["R-1", "R-2"]
    assert "the header is row 4" in report.error
