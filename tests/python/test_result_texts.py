"""What results print: projects that the state does not know, values that are sent again, failures in groups."""

from __future__ import annotations

from pathlib import Path

import projectcor
import pytest
from common import ID, SOURCE


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A place for a state."""
    return tmp_path / "sync.db"


def test_a_full_plan_marks_what_is_sent_again(client: projectcor.Client, state: Path) -> None:
    client.projects.sync([{"id": ID, "name": "Old", "estimated_time": 250}], source=SOURCE, state=state)
    same = [{"id": ID, "name": "Old", "estimated_time": 250}]
    plan = client.projects.plan(same, source=SOURCE, state=state, full=True)
    (change,) = plan.changes
    assert (plan.changed, plan.sent_again, change.is_sent_again) == (1, 1, True)
    assert repr(plan).splitlines() == [
        "Plan for SALESFORCE: 1 to change, 1 of them sent again, 0 rows unchanged",
        "= SF-OPP-12345  (index 0, sent again)",
        '    name            "Old" (sent again)',
        "    estimated_time  250 (sent again)",
    ]
    plan = client.projects.plan([{**same[0], "name": "New"}], source=SOURCE, state=state, full=True)
    (change,) = plan.changes
    assert (plan.changed, plan.sent_again, change.is_sent_again) == (1, 0, False)
    assert [field.is_sent_again for field in change.fields] == [False, True]
    assert repr(plan).splitlines()[1:] == [
        "~ SF-OPP-12345  (index 0)",
        '    name            "Old" → "New"',
        "    estimated_time  250 (sent again)",
    ]
    assert client.projects.plan(same, source=SOURCE, state=state).sent_again == 0


def test_repr_of_a_sync_shows_created_projects_and_groups_failures(client: projectcor.Client, state: Path) -> None:
    rows = [{"id": f"P-{n}", "estimated": n} for n in range(5)]
    result = client.projects.sync(rows, source=SOURCE, state=state)
    assert repr(result).splitlines()[:3] == [
        "Sync of SALESFORCE: 0 applied, 5 not applied, 0 rows unchanged",
        "! 5 rows: COR has no such project (ZC001, HTTP 404); not applied",
        "    index 0 (P-0), index 1 (P-1), index 2 (P-2) and 2 more",
    ]
    rows = [{"id": ID, "name": "N"}, {"id": "P-9", "name": "N"}]
    result = client.projects.sync(rows, source=SOURCE, state=state, create_missing=True)
    assert (result.applied, result.created) == (2, 1)
    assert repr(result).splitlines() == [
        "Sync of SALESFORCE: 2 applied, 1 of them created, 0 rows unchanged",
        "~ SF-OPP-12345  (index 0)",
        '    name  "N"',
        "+ P-9  (index 1, created)",
        '    name  "N"',
    ]


def test_a_long_result_shows_its_first_ten_and_last_five_projects(client: projectcor.Client) -> None:
    rows = [{"id": f"P-{n}", "name": "N"} for n in range(100)]
    plan = client.projects.plan(rows, source="SAP", state=False)
    lines = repr(plan).splitlines()
    shown = [line.split()[1] for line in lines if line.startswith("+")]
    assert shown == [f"P-{n}" for n in (*range(10), *range(95, 100))]
    assert "… 85 more; see .changes" in lines
    html = plan._repr_html_()
    assert html.count(">+ P-") == 15
    assert "… 85 more; see .changes" in html
