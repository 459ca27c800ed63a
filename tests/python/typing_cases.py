"""Lines that must type-check, and lines that must not: a checker finds an ignore that is not needed.

Checked by mypy and pyright, and never run.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Optional, Union

import projectcor
from projectcor import CLEAR, Client, CorError, IncomeType, ItemResult, Progress, Project, ProjectFields, ProjectUpdate
from projectcor.testing import Answer, Hold, Sandbox, StoredProject
from typing_extensions import assert_type


@dataclass
class Deal:
    id: str
    name: str


def options() -> None:
    Client()
    Client(token="t", deadline=30, connect_timeout=timedelta(seconds=1), concurrency=4, rate=2.5)
    Client(token="t", timeout=timedelta(seconds=30), max_retries=2)
    Client(max_retries="2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Client("t")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Client(deadline="30")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Client(transport="direct", client_cert="c.pem", client_key=Path("k.pem"))
    Client(transport="curl")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Client(profile="acme", token_provider=lambda: "t")
    Client(token_provider=lambda: ("t", timedelta(hours=1)))
    Client(token_provider=lambda: 7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    assert_type(Client().auth_status(), projectcor.AuthStatus)
    Client(dead_line=30)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def one(client: Client, maybe: Optional[str]) -> None:
    update = client.projects.update
    assert_type(update("x", source="SAP", name="N"), Project)
    update("x", source="SAP", name=CLEAR, start=CLEAR, estimated=CLEAR, billable=CLEAR, income_type=CLEAR)
    update("x", source="SAP", name=maybe, start=None, estimated=None, archived=None)
    update("x", source="SAP", start=date(2025, 1, 1), end=datetime(2025, 1, 1), evaluation_date="2025-01-01")
    update("x", source="SAP", estimated=1, estimated_time=Decimal("0.1"))
    update("x", source="SAP", income_type="fee")
    update("x", source="SAP", income_type=IncomeType("gift"))
    update("x", source="SAP", extra={"brand_id": "B-1", "share": Decimal("0.10")})
    update("x", ProjectUpdate(source="SAP", name="N"))
    update("x", ProjectUpdate(name="N"), source="SAP", brief="b")
    fields: ProjectFields = {"name": "N", "end": date(2025, 1, 1)}
    update("x", source="SAP", **fields)

    update("x", source="SAP", name="N", deadline=5, max_attempts=2)
    update("x", source="SAP", name="N", timeout=5, max_retries=0)
    client.projects.delete("x", source="SAP", timeout=5, max_retries=0)
    client.projects.create("x", source="SAP", name="N", deadline=timedelta(seconds=5))
    client.projects.delete("x", source="SAP", deadline=0.5, max_attempts=1)

    update("x", source="SAP", name="N", deadline="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    update("x", source="SAP", nmae="N")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    update("x", source="SAP", estimated="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    update("x", source="SAP", billable="false")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    update("x", source="SAP", client_id=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    update("x", source="SAP", end=20250101)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    update("x", source="SAP", start=b"2025-01-01")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    update(7, source="SAP", name="N")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    update("x", source=7, name="N")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    update("x", {"name": "N"})  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    update(source="SAP", name="N")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def answer(project: Project) -> None:
    assert_type(project.id, Optional[int])
    assert_type(project.name, Optional[str])
    assert_type(project.start, Optional[date])
    assert_type(project.estimated, Optional[Decimal])
    assert_type(project.updated_at, Optional[datetime])
    assert_type(project.evaluation_date, Optional[date])
    assert_type(project.fee_id, Union[int, str, None])
    assert_type(project.to_dict(), dict[str, Any])
    project.name = "N"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    project.nmae  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]  # noqa: B018


def many(client: Client, deals: Iterator[Deal], table: Any) -> None:
    update_many = client.projects.update_many
    for item in update_many([{"id": "x", "name": "N"}], source="SAP"):
        assert_type(item, ItemResult)
        assert_type(item.error, Optional[CorError])
        assert_type(item.project, Optional[Project])
        if item.error:
            assert_type(item.error.kind, str)
            assert_type(item.error.retry_after, Optional[float])
            assert_type(item.error.issues, tuple[projectcor.Issue, ...])
    results = update_many(deals, source="SAP", concurrency=8, outage_timeout=timedelta(minutes=1), progress=True)
    assert_type(results.summary, projectcor.Summary)
    assert_type(results.halted, Optional[CorError])
    results.to_dataframe(kind="polars")
    results.to_dataframe("spark")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    update_many([ProjectUpdate(id="x", source="SAP", name="N"), ("y", ProjectUpdate(name="N"))])
    update_many(table, id_column="opportunity", on_progress=lambda p: p.failed < 100)

    def told(progress: Progress) -> None:
        assert_type(progress.total, Optional[int])

    update_many(deals, on_progress=told)

    async def rows() -> AsyncIterator[Deal]:
        yield Deal("x", "N")

    update_many(5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    update_many(rows())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    update_many(deals, "SAP")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    update_many(deals, on_progress=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def awaited(rows: AsyncIterator[Deal]) -> None:
    async with projectcor.AsyncClient(token="t") as client:
        assert_type(await client.projects.update("x", source="SAP", name="N"), Project)
        results = client.projects.update_many(rows, source="SAP")
        async for item in results:
            assert_type(item, ItemResult)
        assert_type(results.summary, projectcor.Summary)
        for _ in client.projects.update_many([]):  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
            pass
        client.projects.update("x", source="SAP", nmae="N")  # type: ignore[call-arg,unused-coroutine]  # pyright: ignore[reportCallIssue]


def reading(client: Client, ids: Iterator[int]) -> None:
    projects = client.projects
    assert_type(client.main_url, Optional[str])
    assert_type(projects.get(7, deadline=5), Project)
    assert_type(projects.find_by_name("N"), list[Project])
    listed = projects.list(date_start=date(2025, 1, 1), date_end="2025-12-31", archived=False, per_page=10)
    assert_type(listed.total, Optional[int])
    for project in listed:
        assert_type(project, Project)
        assert_type(project.health, Optional[int])
        assert_type(project.total_estimated, Optional[Decimal])
    for page in listed.pages():
        assert_type(page, list[Project])
    for result in projects.get_many(ids, outage_timeout=timedelta(minutes=1)):
        assert_type(result, projectcor.ReadResult)
        assert_type(result.error, Optional[CorError])
    for field in projectcor.compare(ProjectUpdate("SAP", name="N"), projects.get(7)):
        assert_type(field, projectcor.FieldComparison)
    assert_type(projects.update("x", source="SAP", name="N", settle_unknown=True, cor_id=7), Project)
    projects.create("x", source="SAP", name="N", settle_unknown=True)
    projects.get("x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    projects.list(clientId=1)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    projects.get_many(["x"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]


async def reading_awaited(client: projectcor.AsyncClient, ids: AsyncIterator[int]) -> None:
    assert_type(await client.projects.get(7), Project)
    assert_type(await client.projects.find_by_name("N"), list[Project])
    async with client.projects.list(archived=True) as listed:
        async for project in listed:
            assert_type(project, Project)
        async for page in listed.pages():
            assert_type(page, list[Project])
    async for result in client.projects.get_many(ids):
        assert_type(result, projectcor.ReadResult)


def updates() -> None:
    update = ProjectUpdate(source="SAP", start=CLEAR)
    assert_type(update.to_json(), str)
    assert_type(update.replace(name="N"), ProjectUpdate)
    update.source = "VBS"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    ProjectUpdate(source="SAP", nmae="N")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    ProjectUpdate("SAP", name="N")
    ProjectUpdate("SAP", "x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def testing() -> None:
    with Sandbox(seed=[{"id": "x", "source": "SAP", "name": "N"}], latency=0.1) as cor:
        cor.queue(Answer(503, headers={"retry-after": "1"}, times=2))
        cor.queue(Answer(held_by=Hold(), for_id="x"))
        cor.queue(Answer(403, for_main_api=True))
        assert_type(cor.client(), Client)
        assert_type(cor.edit_project(155693, end=date(2025, 6, 30), brief=None), StoredProject)
        assert_type(cor.main_url, str)
        cor.edit_project("x", name="N")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        Sandbox(sed=[])  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
        cor.queue(503)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
