"""Fixtures: a sandbox, and a client of it by each of the doors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import projectcor
import pytest
from common import Awaited, Blocking
from projectcor.testing import Sandbox


@pytest.fixture
def cor() -> Iterator[Sandbox]:
    """A sandbox with the project of COR's documentation."""
    with Sandbox(example=True) as sandbox:
        yield sandbox


@pytest.fixture(params=[Blocking, Awaited], ids=["blocking", "awaited"])
def door(request: pytest.FixtureRequest, cor: Sandbox) -> Iterator[Any]:
    """A client of the sandbox, by each of the doors."""
    door = request.param(cor, backoff_base=0.001, backoff_cap=0.001)
    yield door
    door.close()


@pytest.fixture
def client(cor: Sandbox) -> Iterator[projectcor.Client]:
    """A blocking client of the sandbox."""
    with cor.client(backoff_base=0.001, backoff_cap=0.001) as client:
        yield client
