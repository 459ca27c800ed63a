"""The same in an asyncio program: calls are awaited, results come by `async for`.

Try it as `update.py` says.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import projectcor


async def deals() -> AsyncIterator[dict[str, Any]]:
    """Rows as they come from somewhere slow: a queue, a cursor, a web socket."""
    for hours in (10, 20, 30):
        await asyncio.sleep(0.01)
        yield {"id": "SF-OPP-12345", "estimated_time": hours}


async def main() -> None:
    async with projectcor.AsyncClient() as client:
        project = await client.projects.update("SF-OPP-12345", source="SALESFORCE", name="Phase 2")
        print(project)

        async for item in client.projects.update_many(deals(), source="SALESFORCE"):
            if item.project:
                print(f"row {item.index}: {item.project.estimated_time} hours")
            else:
                print(f"row {item.index}: {item.error}")


asyncio.run(main())
