"""Projects made and deleted, by each of the doors."""

from __future__ import annotations

import pickle
from typing import Any

import projectcor
import pytest
from common import ID, SOURCE, call, sent
from projectcor import CLEAR
from projectcor.testing import Answer, Sandbox


def test_create_sends_the_fields_that_are_passed(cor: Sandbox, door: Any) -> None:
    project = call(
        door, "create", "007", source="SAP", name="N", brief=CLEAR, brand_id="B/1", product_id="P", extra={"mood": 1}
    )
    assert project.name == "N"
    request = cor.requests[-1]
    assert (request.method, request.path) == ("POST", "/v2/integrations/projects")
    assert sent(cor) == {"id": "007", "name": "N", "brand_id": "B/1", "product_id": "P", "mood": 1}
    stored = cor.project("SAP", "007")
    assert stored is not None
    assert stored.fields["name"] == "N"


def test_creating_a_duplicate_raises_its_own_error(door: Any) -> None:
    with pytest.raises(projectcor.CorError) as refused:
        call(door, "create", ID, source=SOURCE, name="again")
    assert refused.value.is_duplicate
    assert pickle.loads(pickle.dumps(refused.value)) == refused.value
    with pytest.raises(projectcor.ProjectNotFoundError) as missing:
        call(door, "update", "nobody", source=SOURCE, name="N")
    assert not missing.value.is_duplicate


def test_incomplete_create_is_refused_before_sending(cor: Sandbox, door: Any) -> None:
    with pytest.raises(projectcor.InvalidUpdateError) as nameless:
        call(door, "create", "P-1", source="SAP")
    assert [(issue.field, issue.code) for issue in nameless.value.issues] == [("name", "required")]
    with pytest.raises(projectcor.InvalidUpdateError, match="estimated"):
        call(door, "create", "P-1", source="SAP", name="N", estimated="five")
    with pytest.raises(projectcor.InvalidUpdateError) as bad:
        call(door, "delete", "", source="SAP")
    assert [issue.field for issue in bad.value.issues] == ["id"]
    assert cor.requests == []


def test_a_project_is_deleted_with_its_id(cor: Sandbox, door: Any) -> None:
    deleted = call(door, "delete", ID, source=SOURCE)
    assert deleted.cor_id == 155693
    assert repr(deleted).startswith("Deleted(cor_id=155693, message=")
    assert pickle.loads(pickle.dumps(deleted)) == deleted
    assert cor.project(SOURCE, ID) is None
    with pytest.raises(projectcor.ProjectNotFoundError):
        call(door, "delete", ID, source=SOURCE)


def test_create_missing_creates_unknown_projects(cor: Sandbox, door: Any) -> None:
    rows = [{"id": ID, "name": "here"}, {"id": "P-1", "name": "new"}, {"id": "P-2", "estimated": 1}]
    items, summary = door.update_many(rows, source=SOURCE, create_missing=True)
    created = {item.id: (item.ok, item.created) for item in items}
    assert created == {ID: (True, False), "P-1": (True, True), "P-2": (False, False)}
    assert summary.applied == 2
    stored = cor.project(SOURCE, "P-1")
    assert stored is not None
    assert stored.fields["name"] == "new"
    new = next(item for item in items if item.created)
    assert "created=True" in repr(new)
    assert pickle.loads(pickle.dumps(new)) == new
    items, _ = door.update_many([{"id": "P-3", "name": "N"}], source=SOURCE)
    assert [type(item.error) for item in items] == [projectcor.ProjectNotFoundError]


def test_a_lost_answer_of_a_create_is_not_repeated(cor: Sandbox, door: Any) -> None:
    cor.queue(Answer(apply=True, drop=True))
    with pytest.raises(projectcor.CorError) as lost:
        call(door, "create", "P-1", source="SAP", name="N")
    assert lost.value.outcome == "unknown"
    assert len(cor.requests) == 1
