"""Workbooks in `plan` and `sync`: the sheet, the header, and formats that their cells show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import projectcor
import pytest
from common import call
from projectcor.testing import Sandbox
from test_sync import puts


def workbook(path: Path) -> Path:
    """A hidden sheet, one with a title above its header, and another."""
    xlsxwriter = pytest.importorskip("xlsxwriter")
    sheets: dict[str, list[list[Any]]] = {
        "Old": [["id", "name"], ["P-0", "old"]],
        "Deals": [["Pipeline report"], [], ["id", "name", "end", "estimated"], ["P-0", "N", 45777, 18000.1]],
        "Q2": [["id", "Close"], ["P-0", "30/04/2025"], ["P-1", "04/05/2025"]],
    }
    with xlsxwriter.Workbook(path) as book:
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for at, row in enumerate(rows):
                sheet.write_row(at, 0, row)
            if name == "Old":
                sheet.hide()
            if name == "Deals":
                sheet.activate()
                sheet.write_number(3, 2, 45777, day)
    return path


def test_a_workbook_is_read_by_sheet_and_header(cor: Sandbox, door: Any, tmp_path: Path) -> None:
    cor.seed([{"id": "P-0", "source": "SAP", "name": "before"}])
    path = workbook(tmp_path / "deals.xlsx")
    plan = call(door, "plan", path, source="SAP", state=False)
    assert [change.id for change in plan.changes] == ["P-0"]
    assert plan.notes[:2] == (
        'the sheet "Deals" is read; other sheets with data are Q2; choose one with sheet=',
        "the header is row 3 of the sheet; rows above it are not read",
    )
    result = call(door, "sync", path, source="SAP", state=False, sheet="Deals", header_row=3)
    assert (result.applied, result.notes) == (1, ())
    assert puts(cor) == {"P-0": {"name": "N", "end": "2025-04-30", "estimated": 18000.1}}
    for sheet in (1, "Deals"):
        assert call(door, "plan", path, source="SAP", state=False, sheet=sheet, header_row=None).new == 1
    (change,) = call(door, "plan", str(path), source="SAP", state=False, sheet="Old").changes
    assert change.fields[0].new == "old"
    with pytest.raises(projectcor.TableError, match='has no such sheet; did you mean "Deals"'):
        call(door, "plan", path, source="SAP", state=False, sheet="Deal")
    with pytest.raises(projectcor.TableError, match='header_row 2: this row of the sheet "Deals" is empty'):
        call(door, "plan", path, source="SAP", state=False, header_row=2)
    with pytest.raises(TypeError, match="header_row must be the number of a row, not str"):
        call(door, "plan", path, source="SAP", state=False, header_row="2")
    with pytest.raises(TypeError, match="sheet must be text, not float"):
        call(door, "plan", path, source="SAP", state=False, sheet=1.5)
    for verb in ("plan", "sync"):
        with pytest.raises(TypeError, match="sheet and header_row apply only to a workbook"):
            call(door, verb, [], source="SAP", state=False, sheet="Deals")


def test_the_format_of_one_column_is_given_and_suggested(door: Any, tmp_path: Path) -> None:
    path = workbook(tmp_path / "deals.xlsx")
    options = {"source": "SAP", "state": False, "sheet": "Q2", "mapping": {"Close": "end"}}
    plan = call(door, "plan", path, **options)
    assert plan.problems[0].message.endswith('; to read this value, set date_format="%d/%m/%Y"')
    (note,) = plan.notes
    assert note.startswith("Close: 2 values are not written as YYYY-MM-DD; one format reads all of them: ")
    assert note.endswith('set date_format="Close=%d/%m/%Y"')
    for date_format in ("Close=%d/%m/%Y", ["Close=%d/%m/%Y"], "%d/%m/%Y"):
        plan = call(door, "plan", path, **options, date_format=date_format)
        assert [change.fields[0].new for change in plan.changes] == ["2025-04-30", "2025-05-04"]
