"""One update, and a few, from a script.

Try it against a COR on this machine. In one terminal: `cor sandbox --example`. In another:

    COR_BASE_URL=http://127.0.0.1:4010 COR_ACCESS_TOKEN=sandbox-token python examples/python/update.py
"""

from datetime import date
from decimal import Decimal

import projectcor

with projectcor.Client() as client:
    try:
        project = client.projects.update(
            "SF-OPP-12345",
            source="SALESFORCE",
            end=date(2025, 4, 30),
            estimated=Decimal("18000.10"),
            brief=projectcor.CLEAR,
        )
        print(f"COR's internal id is {project.id}, the end is {project.end}, {project.estimated} is estimated")
    except projectcor.ProjectNotFoundError as error:
        print(f"not there ({error.outcome}): {error}")

    rows = [
        {"id": "SF-OPP-12345", "estimated_time": 250, "status": "in_progress"},
        {"id": "SF-OPP-99999", "estimated_time": 10},
        {"id": "SF-OPP-12345", "estimated": "18,000"},
    ]
    results = client.projects.update_many(rows, source="SALESFORCE", on_progress=lambda p: p.failed < 100)
    for item in results:
        if item.error:
            print(f"{item.id}: {item.error}")
    print(results.summary)
