"""A project of Meltano, and its commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from harness import ROOT
from projectcor.testing import Sandbox

MELTANO = Path(sys.executable).with_name("meltano")
DEFINITION = ROOT / "connectors" / "meltano" / "target-cor.yml"

# Writes the records of deals.jsonl that are new since its state, and then its new state: 2 for the second record.
TAP = """\
#!{python}
import json, pathlib, sys

if "--discover" in sys.argv or "--version" in sys.argv:
    raise SystemExit("this tap has no such mode")
begin = 0
if "--state" in sys.argv:
    begin = json.loads(pathlib.Path(sys.argv[sys.argv.index("--state") + 1]).read_text())["deals"]
deals = pathlib.Path("deals.jsonl").read_text().splitlines()
names = {{name: {{"type": "string"}} for deal in deals for name in json.loads(deal)}}
described = {{"schema": {{"properties": names}}, "key_properties": ["deal_id"]}}
print(json.dumps({{"type": "SCHEMA", "stream": "deals", **described}}))
for deal in deals[begin:]:
    print(json.dumps({{"type": "RECORD", "stream": "deals", "record": json.loads(deal)}}))
print(json.dumps({{"type": "STATE", "value": {{"deals": len(deals)}}}}))
"""

MELTANO_YML = """\
default_environment: test
send_anonymous_usage_stats: false
environments:
- name: test
plugins:
  extractors:
  - name: tap-deals
    namespace: tap_deals
    executable: ./tap-deals
    capabilities: [state]
"""


class Project:
    """A folder with `meltano.yml`, a tap, and the loader `target-cor`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.variables: dict[str, str] = {}
        self.out = ""

    def environment(self) -> dict[str, str]:
        """Nothing of the user's Meltano, client or target; no telemetry."""
        own = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("COR_", "TARGET_COR_", "MELTANO_", "TAP_"))
        }
        return own | {
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            "NO_COLOR": "1",
            "PATH": f"{MELTANO.parent}:{os.environ['PATH']}",
            "XDG_STATE_HOME": str(self.folder / "states"),
            "HOME": str(self.folder),
            **self.variables,
        }

    def meltano(self, *arguments: str | Path, status: int = 0) -> str:
        """Runs a command to its end and returns what it wrote, standard output first."""
        return self.command(MELTANO, *arguments, status=status)

    def shell(self, commands: str) -> str:
        """Runs commands of a page one after the other; the first that fails ends them."""
        return self.command("bash", "-euxc", commands)

    def command(self, *words: str | Path, status: int = 0) -> str:
        """Runs a program to its end in the project and returns what it wrote; `out` has its standard output alone."""
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        self.out = done.stdout
        return done.stdout + done.stderr

    def create(self) -> None:
        """Makes the project and adds the loader from the repository's definition, with the wheel as its package."""
        self.folder.mkdir()
        (self.folder / "meltano.yml").write_text(MELTANO_YML, encoding="utf-8")
        tap = self.folder / "tap-deals"
        tap.write_text(TAP.format(python=sys.executable), encoding="utf-8")
        tap.chmod(0o755)
        definition = DEFINITION.read_text(encoding="utf-8")
        assert definition.count('\npip_url: "projectcor"\n') == 1
        wheel = Path(os.environ["PROJECTCOR_WHEEL"]).resolve()
        here = self.folder / "target-cor.yml"
        here.write_text(definition.replace('"projectcor"\nexecutable', f'"{wheel}"\nexecutable'), encoding="utf-8")
        self.added = self.meltano("add", "--plugin-type", "loader", "target-cor", "--from-ref", here)

    def begin(self, cor: Sandbox) -> None:
        """Sets the loader up for this sandbox."""
        self.cor = cor
        self.before = (self.folder / "meltano.yml").read_text(encoding="utf-8")
        self.variables = {"TARGET_COR_ACCESS_TOKEN": cor.token, "TARGET_COR_BASE_URL": cor.base_url}
        self.deals()

    def end(self) -> None:
        """Removes what one test left behind."""
        (self.folder / "meltano.yml").write_text(self.before, encoding="utf-8")
        (self.folder / ".meltano" / "meltano.db").unlink(missing_ok=True)
        for path in self.folder.glob("*.jsonl"):
            path.unlink()
        for path in (self.folder / "states").rglob("*.db*"):
            path.unlink()

    def forget_loader(self) -> None:
        """Takes the loader out of meltano.yml, as it was before `meltano add`."""
        (self.folder / "meltano.yml").write_text(MELTANO_YML, encoding="utf-8")

    def append(self, lines: str) -> None:
        """Adds lines to the list of loaders, which is the last list of plugins in meltano.yml."""
        path = self.folder / "meltano.yml"
        text = path.read_text(encoding="utf-8")
        before, rest = text.split("  loaders:\n")
        path.write_text(f"{before}  loaders:\n{lines}{rest}", encoding="utf-8")

    def set(self, **settings: Any) -> None:
        """Sets the loader up by environment variables, which Meltano reads and writes into the target's file."""
        for name, value in settings.items():
            text = value if isinstance(value, str) else json.dumps(value)
            self.variables[f"TARGET_COR_{name.upper()}"] = text

    def deals(self, *deals: dict[str, Any]) -> None:
        """Adds records for the tap."""
        with (self.folder / "deals.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(deal) + "\n" for deal in deals)

    def run(self, status: int = 0) -> str:
        """Runs the pipeline and returns the log. No secret of the sandbox is in it, nor in a file below the project."""
        log = self.meltano("run", "tap-deals", "target-cor", status=status)
        token = self.cor.token
        assert token not in log
        written = [path for path in self.folder.rglob("*") if path.is_file() and "venv" not in path.parts]
        holding = [str(path.relative_to(self.folder)) for path in written if token.encode() in path.read_bytes()]
        assert holding == [], holding
        return log

    def state(self) -> Any:
        """The state that Meltano keeps for the pipeline; `None` without one."""
        self.meltano("state", "get", "test:tap-deals-to-target-cor")
        states = [json.loads(line) for line in self.out.splitlines()]
        return states[0].get("singer_state") if states else None

    def names(self) -> dict[str, object]:
        """The names of the projects that the sandbox stores for SALESFORCE."""
        return {project.id: project.fields["name"] for project in self.cor.projects() if project.source == "SALESFORCE"}
