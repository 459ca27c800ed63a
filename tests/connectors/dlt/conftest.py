"""Each test has a folder, and an environment without variables of COR. dlt writes nothing outside of the folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from connectors.dlt.world import sandbox_with
from projectcor.testing import Sandbox


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("COR_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COR_CONFIG", str(tmp_path / "no-such-file.toml"))
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """A sandbox with the projects 0 to 9 of SALESFORCE."""
    with sandbox_with(10) as sandbox:
        yield sandbox
