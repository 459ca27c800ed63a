"""The program that the tests of tests/cli run: $COR, else the one that was built last."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import program


@pytest.fixture(scope="session")
def cor() -> Path:
    return program.find_program()
