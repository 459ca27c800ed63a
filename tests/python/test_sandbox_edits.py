"""Reading from a sandbox through the main API, and changing its projects as a user of COR does."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from common import ID, SOURCE
from projectcor import CLEAR
from projectcor.testing import Answer, Sandbox

COR_ID = 155693


def read(cor: Sandbox, path: str) -> Any:
    request = urllib.request.Request(cor.main_url + path, headers={"Authorization": f"Bearer {cor.token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer, parse_float=Decimal)


def test_main_url_reads_projects(cor: Sandbox) -> None:
    assert cor.main_url == f"{cor.base_url}/v1"
    assert cor.environment["COR_MAIN_URL"] == cor.main_url
    project = read(cor, f"/projects/{COR_ID}")
    assert (project["id"], project["start"]) == (COR_ID, "2025-01-15 00:00:00")
    assert read(cor, "/projects?page=false") == [project]


def test_edit_project_changes_only_its_fields(cor: Sandbox) -> None:
    before = cor.project(SOURCE, ID)
    assert before
    after = cor.edit_project(
        COR_ID, end=date(2025, 6, 30), estimated=Decimal("1.50"), archived=True, brief=None, client_id=CLEAR
    )
    assert after == cor.project(SOURCE, ID)
    expected = {**before.fields, "end": "2025-06-30", "estimated": Decimal("1.50"), "archived": True}
    del expected["brief"], expected["client_id"]
    assert after.fields == expected
    assert str(after.fields["estimated"]) == "1.50"
    assert after.updated_at > before.updated_at
    assert read(cor, f"/projects/{COR_ID}")["end"] == "2025-06-30 00:00:00"
    assert [request.method for request in cor.requests] == ["GET"]


def test_refused_edit_changes_nothing(cor: Sandbox) -> None:
    before = cor.project(SOURCE, ID)
    complaints = "'nmae' is not a field of an update; end must be a real day"
    with pytest.raises(ValueError, match=f"^cannot edit the project {COR_ID}: {complaints}"):
        cor.edit_project(COR_ID, nmae="N", end="soon")
    with pytest.raises(ValueError, match=r"^cannot edit the project 1: Project not found$"):
        cor.edit_project(1, name="N")
    assert cor.project(SOURCE, ID) == before
    # An edit without fields moves the time alone.
    edited = cor.edit_project(COR_ID)
    assert before
    assert edited.fields == before.fields


def test_answers_for_main_api_leave_updates_alone(cor: Sandbox) -> None:
    cor.queue(Answer(403, for_main_api=True, for_id=str(COR_ID)))
    with cor.client() as client:
        assert client.projects.update(ID, source=SOURCE, name="N").name == "N"
    assert read(cor, "/projects?perPage=1")["total"] == "1"
    with pytest.raises(urllib.error.HTTPError) as refused:
        read(cor, f"/projects/{COR_ID}")
    with refused.value:
        assert refused.value.code == 403
    assert cor.queued == 0
    with pytest.raises(ValueError, match="for_main_api or for_tokens"):
        Answer(403, for_main_api=True, for_tokens=True)
