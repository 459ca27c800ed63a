"""The commands that docs/guides/singer.md shows for Meltano."""

from __future__ import annotations

from connectors.meltano.project import Project
from harness.docs import blocks

PAGE = "docs/guides/singer.md"


def test_commands_of_the_page_add_set_up_and_run_the_loader(project: Project) -> None:
    (commands,) = blocks(PAGE, "bash")
    (loaders,) = blocks(PAGE, "yaml")
    assert "tap-salesforce target-cor" in commands
    deal = {"deal_id": "1", "Name": "From the page", "CloseDate": "2025-04-30T22:30:00Z", "Amount": 18000}
    project.deals(deal, {"deal_id": "99"})
    project.forget_loader()
    log = project.shell(commands.replace("tap-salesforce", "tap-deals").replace("Opportunity", "deals"))
    assert "Added loader 'target-cor'" in log
    assert "unchanged               1" in log
    (request,) = project.cor.requests
    assert request.path.endswith("/1")
    sent = request.json()
    assert (sent["name"], sent["end"], sent["estimated"]) == ("From the page", "2025-05-01", 18000)
    assert project.state() == {"deals": 2}

    # A second loader inherits everything but its own settings.
    settings = loaders.split("- name: target-cor--contracts")[1]
    project.append("  - name: target-cor--contracts" + settings)
    shown = project.meltano("config", "print", "target-cor--contracts")
    assert '"stream": "Contract"' in shown
    assert '"on_reject": "ignore"' in shown
