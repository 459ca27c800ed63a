"""The wheel of a release in a clean place: an update, a sync whose state the second run reads, the programs."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import projectcor
from projectcor.testing import Sandbox

SEED = [{"id": "P-1", "source": "SAP", "name": "Before", "brief": "kept"}]


def fields_of(sandbox: Sandbox) -> Mapping[str, object]:
    project = sandbox.project("SAP", "P-1")
    assert project
    return project.fields


def programs() -> None:
    cor = Path(sys.executable).with_name("cor")
    version = subprocess.run([cor, "--version"], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert version == f"cor {projectcor.__version__}\n", version
    demo = subprocess.run([cor, "demo"], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert "Website relaunch, phase 2" in demo, demo


def main() -> None:
    with Sandbox(seed=SEED) as sandbox, sandbox.client() as client:
        client.projects.update("P-1", source="SAP", name="After")
        fields = fields_of(sandbox)
        assert (fields["name"], fields["brief"]) == ("After", "kept"), fields

        with open("table.csv", "w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([["id", "end"], ["P-1", "2025-04-30"]])
        first = client.projects.sync("table.csv", source="SAP")
        second = client.projects.sync("table.csv", source="SAP")
        assert (first.applied, second.applied, second.unchanged) == (1, 0, 1), (first, second)
        assert fields_of(sandbox)["end"] == "2025-04-30"
    programs()
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    print(f"projectcor {projectcor.__version__}, Python {sys.version.split()[0]}, GIL {'on' if gil else 'off'}")


if __name__ == "__main__":
    main()
