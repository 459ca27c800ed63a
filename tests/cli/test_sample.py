"""The sample of a CRM export: it is what its generator writes, and both of its tables mean the same projects."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType

import pytest
from harness import export, program

FOLDER = export.SAMPLE.parent
BEFORE = {"name": "before", "start": "1000-01-01", "end": "9999-12-31", "estimated": "1.70", "status": "before"}


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_sample", FOLDER / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_committed_tables_are_what_the_generator_writes(generator: ModuleType, tmp_path: Path) -> None:
    written: list[Path] = generator.write_all(tmp_path)
    assert {path.name for path in written} == {path.name for path in FOLDER.glob("*.csv")}
    for path in written:
        assert (FOLDER / path.name).read_bytes() == path.read_bytes(), path.name


def test_sample_has_the_features_of_real_exports() -> None:
    rows = export.read(export.SAMPLE)
    text = export.SAMPLE.read_text(encoding="utf-8")
    cells = [cell for row in rows for cell in row.values()]
    ids = [row["opportunity_id"] for row in rows]
    assert len(rows) == 200
    assert len(set(ids)) == 190
    assert '""' in text
    for wanted in ("\n", '"', ",", ";", "é"):
        assert any(wanted in cell for cell in cells), f"no cell with {wanted!r}"
    for column in ("account", "close_date", "close_value"):
        assert any(row[column] == "" for row in rows), f"no empty {column}"


def test_sync_reads_the_regional_table_as_the_sample(cor: Path, tmp_path: Path) -> None:
    rows = export.read(export.SAMPLE)
    seed = program.write_seed(tmp_path / "seed.jsonl", [row["opportunity_id"] for row in rows], BEFORE)
    table, mapping = FOLDER / "opportunities_regional.csv", FOLDER / "regional.toml"
    with program.sandbox(cor, "--seed", seed, "--record", "0") as sandbox:
        command: list[str | Path] = [cor, "projects", "sync", table, "--mapping", mapping, "--json", "--no-state"]
        done = subprocess.run(command, env=sandbox.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout
        summary = json.loads(done.stdout.splitlines()[-1])
        assert (summary["read"], summary["applied"]) == (len(rows), len(rows))
        export.assert_stored(sandbox.stored(), rows, BEFORE)
