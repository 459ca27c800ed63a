"""Fixtures of the tests of `target-cor`."""

from __future__ import annotations

from pathlib import Path

import pytest
from connectors.singer.program import Target
from projectcor.testing import Sandbox


@pytest.fixture
def target(cor: Sandbox, tmp_path: Path) -> Target:
    """The program, with the projects 1 and 2 of SALESFORCE in the sandbox."""
    cor.seed([{"source": "SALESFORCE", "id": id, "name": f"Project {id}"} for id in ("1", "2")])
    return Target(cor, tmp_path)
