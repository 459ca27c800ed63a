"""DataFrames of the real Spark as the tables of update_many, sync and plan, classic and Connect."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).with_name("dataframes.py")


@pytest.mark.old_spark
@pytest.mark.parametrize("kind", [pytest.param("classic", marks=pytest.mark.short), "connect"])
def test_dataframes_are_tables(kind: str, tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, str(PROGRAM), kind], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    seen: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    assert ("connect" in seen["class"]) == (kind == "connect")
    assert seen["update_all"] == [2000, 2000, 0]
    assert seen["different"] == []
    assert seen["sync"] == [2000, 2000, 0, 2000]
    assert seen["plan"] == [["7", {"name": "Won"}]]
    assert seen["nulls"] == [["1", True], ["2", False]]
    assert seen["cleared"] == [2, ['"brief":"B"}', '"brief":null}']]
    assert seen["odd"][0] == 1
    kind_of, text = seen["wrong"]
    assert kind_of == "TableError", text
    assert text.split("; the ") == [
        (
            'the column "id" is a floating-point number and holds the external ids; cast the column to text, as the '
            "ids are spelt in their source"
        ),
        (
            'column "end" is a timestamp with a time zone and sets end, which is a day; set day_in= to the time zone '
            "whose day counts, such as UTC, or cast the column to a date"
        ),
        (
            'column "estimated" is text and sets estimated, which is a number; cast the column to a decimal, or set '
            "decimal= to the decimal sign of its texts"
        ),
        (
            'column "name" is struct<a:int> and sets name, which is text; cast the column to text, or ignore the '
            'column "name"'
        ),
    ]
    assert seen["streaming"][0] == "TypeError"
    assert "foreachBatch" in seen["streaming"][1]
    kind_of, text = seen["read"]
    assert "a row was read" in text
    if kind_of == "ValueError":
        # As a stream; otherwise it is Spark's own exception.
        assert len(text) < 2000, "without the stack of the JVM"
    assert seen["sent"] == 0
    assert seen["zoned"] == "2025-03-02"
    assert seen["formats"] == ["2025-01-02", "2025-03-02"]
    assert seen["row"] == "Row"
    assert seen["column"] == "rows is a Column of Spark; pass a DataFrame"
