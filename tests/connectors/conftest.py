"""What the tests of every connector share. Each folder runs in an environment of its own, see run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from projectcor.testing import Sandbox


@pytest.fixture
def cor() -> Iterator[Sandbox]:
    """A sandbox with the project of COR's documentation."""
    with Sandbox(example=True) as sandbox:
        yield sandbox
