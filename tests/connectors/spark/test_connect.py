"""The data source on Spark Connect."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet
import pytest
from connectors.spark.support import SOURCE, right, sandbox
from harness import ROOT


@pytest.mark.old_spark
def test_data_source_writes_and_refuses_on_connect(tmp_path: Path) -> None:
    with sandbox(10) as cor:
        # The server's environment has other credentials: options win.
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests"), "COR_ACCESS_TOKEN": "wrong"}
        config = tmp_path / "config.toml"
        config.write_text(f'[profile.work]\nbase_url = "{cor.base_url}"\ntoken = "{cor.token}"\n')
        config.chmod(0o600)
        environment["COR_CONFIG"] = str(config)
        program = Path(__file__).with_name("connect_program.py")
        ended = subprocess.run(
            [sys.executable, str(program), str(tmp_path), cor.base_url, cor.token],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr[-4000:]
        assert ended.stdout.startswith("pyspark.sql.connect")
        assert "10 of 11 rows applied, 1 failed" in ended.stdout
        assert "there is no option partition; did you mean partitions?" in ended.stdout
        assert cor.token not in ended.stdout + ended.stderr
        (file,) = tmp_path.glob("*.parquet")
        assert pyarrow.parquet.read_table(file)["id"].to_pylist() == ["D-10"]
        assert right(cor, 10) == 10
        project = cor.project(SOURCE, "D-3")
        assert project is not None
        assert project.fields["name"] == "By profile"
