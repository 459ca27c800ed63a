"""A Meltano project of its own for each test, with `target-cor` added from the definition in the repository."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from connectors.meltano.project import Project
from projectcor.testing import Sandbox


@pytest.fixture
def cor() -> Iterator[Sandbox]:
    """A sandbox whose token is in no file of the package, so that it is found wherever it was written."""
    with Sandbox(token="token-of-the-tests-of-meltano") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which `meltano add` installed the wheel; each test starts from a copy of its file."""
    project = Project(tmp_path_factory.mktemp("meltano") / "project")
    project.create()
    return project


@pytest.fixture
def project(added: Project, cor: Sandbox) -> Iterator[Project]:
    """The project with a new sandbox behind it, without files and states of another test."""
    cor.seed([{"source": "SALESFORCE", "id": id, "name": f"Project {id}"} for id in ("1", "2", "3")])
    added.begin(cor)
    yield added
    added.end()
