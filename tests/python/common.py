"""What the tests share: both doors to one engine behind one face, and the tables of all faces."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import projectcor
from harness import ROOT
from projectcor.testing import Sandbox

ID, SOURCE = "SF-OPP-12345", "SALESFORCE"
"""The project of COR's own documentation, with which the sandboxes here begin."""


def vectors(name: str) -> list[dict[str, Any]]:
    """The shared table of this name."""
    table: list[dict[str, Any]] = json.loads((ROOT / "tests" / "vectors" / name).read_text(encoding="utf-8"))
    return table


class Blocking:
    """The blocking door."""

    def __init__(self, sandbox: Sandbox, **options: Any) -> None:
        self.client = sandbox.client(**options)

    def update(self, *arguments: Any, **fields: Any) -> projectcor.Project:
        return self.client.projects.update(*arguments, **fields)

    def update_many(self, rows: Any, **options: Any) -> tuple[list[projectcor.ItemResult], projectcor.Summary]:
        results = self.client.projects.update_many(rows, **options)
        return list(results), results.summary

    def close(self) -> None:
        self.client.close()


class Awaited:
    """The awaitable door, in an event loop per call."""

    def __init__(self, sandbox: Sandbox, **options: Any) -> None:
        self.client = sandbox.async_client(**options)

    def update(self, *arguments: Any, **fields: Any) -> projectcor.Project:
        async def main() -> projectcor.Project:
            return await self.client.projects.update(*arguments, **fields)

        return asyncio.run(main())

    def update_many(self, rows: Any, **options: Any) -> tuple[list[projectcor.ItemResult], projectcor.Summary]:
        async def main() -> tuple[list[projectcor.ItemResult], projectcor.Summary]:
            results = self.client.projects.update_many(rows, **options)
            return [item async for item in results], results.summary

        return asyncio.run(main())

    def close(self) -> None:
        asyncio.run(self.client.close())


def call(door: Any, verb: str, *arguments: Any, **fields: Any) -> Any:
    """A call by the door's own client."""
    if not isinstance(door, Awaited):
        return getattr(door.client.projects, verb)(*arguments, **fields)

    async def main() -> Any:
        return await getattr(door.client.projects, verb)(*arguments, **fields)

    return asyncio.run(main())


def body(cor: Sandbox) -> str:
    """The body of the latest request, as it arrived."""
    return cor.requests[-1].body.decode()


def sent(cor: Sandbox) -> dict[str, Any]:
    """The fields of the latest request."""
    fields: dict[str, Any] = cor.requests[-1].json()
    fields.pop("metadata")
    return fields
