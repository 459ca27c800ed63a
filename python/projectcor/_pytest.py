"""The fixture for users of pytest. Registered by the package, so there is nothing to import."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from projectcor.testing import Sandbox


@pytest.fixture
def cor_sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A COR of this test's own. ``projectcor.Client()`` without arguments reaches it, and never COR itself."""
    from projectcor.testing import Sandbox

    with Sandbox() as sandbox:
        for name in ("COR_API_KEY", "COR_CLIENT_SECRET"):
            monkeypatch.delenv(name, raising=False)
        for name, value in sandbox.environment.items():
            monkeypatch.setenv(name, value)
        yield sandbox
