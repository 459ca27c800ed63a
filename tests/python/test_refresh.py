"""`sync(refresh=True)`: what others changed in COR since COR last accepted the table's values."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import projectcor
import pytest
from projectcor import SyncResult
from projectcor.testing import Answer, Sandbox

COR_ID = 155693
ROWS = [{"id": "SF-OPP-12345", "name": "Website", "end": "2025-04-30"}]


@pytest.fixture(params=["sync", "async"])
def sync(request: pytest.FixtureRequest, cor: Sandbox, tmp_path: Path) -> Any:
    """Syncs the rows with a state, by the client of the parameter."""
    state = tmp_path / "sync.db"

    def by_client(**options: Any) -> SyncResult:
        with cor.client() as client:
            return client.projects.sync(ROWS, source="SALESFORCE", state=state, **options)

    def by_async_client(**options: Any) -> SyncResult:
        async def main() -> SyncResult:
            async with cor.async_client() as client:
                return await client.projects.sync(ROWS, source="SALESFORCE", state=state, **options)

        return asyncio.run(main())

    return by_client if request.param == "sync" else by_async_client


def end(cor: Sandbox) -> str:
    project = cor.project("SALESFORCE", "SF-OPP-12345")
    assert project is not None
    return str(project.fields["end"])


def test_edited_value_is_sent_again_or_kept(cor: Sandbox, sync: Any) -> None:
    assert sync().refreshed is None
    cor.edit_project(COR_ID, end="2025-05-31")
    assert (sync().applied, end(cor)) == (0, "2025-05-31")
    kept = sync(refresh=True, keep_remote=["end"])
    assert (kept.applied, end(cor)) == (0, "2025-05-31")
    counts = {"read": 1, "changed": 1, "kept": 1, "gone": 0, "not_read": 0, "without_cor_id": 0}
    assert kept.refreshed == counts
    assert "in 1 project, fields that were changed in COR stay as they are (keep_remote)" in kept.notes
    again = sync(refresh=True)
    assert (again.applied, again.refreshed, end(cor)) == (1, {**counts, "kept": 0}, "2025-04-30")


def test_sync_goes_on_without_right_to_read(cor: Sandbox, sync: Any) -> None:
    sync()
    cor.queue(Answer(403, body='{"message": "no"}', for_main_api=True))
    result = sync(refresh=True)
    assert result.ok
    assert [note for note in result.notes if "COR denied permission" in note] == list(result.notes)


def test_refresh_refuses_what_cannot_work(cor: Sandbox, sync: Any) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"keep_remote": ["end"]}, "keep_remote needs refresh"),
        ({"refresh": True, "full": True}, "refresh has no effect with full"),
        ({"refresh": True, "keep_remote": ["ende"]}, "did you mean `end`"),
    ]
    for options, text in cases:
        with pytest.raises((projectcor.TableError, ValueError), match=text):
            sync(**options)
    assert cor.requests == []
