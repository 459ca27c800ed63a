"""The console script `target-cor`, run with a configuration and the messages of a tap."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from projectcor.testing import Sandbox

SCRIPT = Path(sys.executable).with_name("target-cor")


@dataclass
class Ended:
    """A run that ended: its exit status, the states on standard output, and what standard error says."""

    status: int
    states: list[Any]
    log: str


@dataclass
class Target:
    """Runs `target-cor` in a folder, against a sandbox.

    The settings of each run are those of the sandbox, `settings`, and those of the call, in one file `target.json`.
    """

    cor: Sandbox
    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)

    def environment(self, variables: Mapping[str, str] | None = None) -> dict[str, str]:
        """No variable of the client or of a target, apart from `variables`."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("COR_", "TARGET_COR_"))}
        return own | {"XDG_STATE_HOME": str(self.folder / "states")} | dict(variables or {})

    def configuration(self, **settings: Any) -> Path:
        """Writes the file with the settings of one run."""
        path = self.folder / "target.json"
        base = {"base_url": self.cor.base_url, "access_token": self.cor.token, "source": "SALESFORCE"}
        path.write_text(json.dumps(base | self.settings | settings), encoding="utf-8")
        return path

    def start(self, *arguments: str | Path, variables: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Starts the program with these arguments; the caller writes the messages."""
        return subprocess.Popen(
            [SCRIPT, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            cwd=self.folder,
            env=self.environment(variables),
        )

    def call(self, *arguments: str | Path, messages: Sequence[str] = (), **more: Any) -> Ended:
        """Runs the program with these arguments to its end. No secret of the sandbox is in what it writes."""
        program = self.start(*arguments, **more)
        out, log = program.communicate("".join(f"{message}\n" for message in messages), timeout=120)
        for secret in (self.cor.token, self.cor.client_secret):
            assert secret not in out + log
        return Ended(program.returncode, [json.loads(line) for line in out.splitlines()], log)

    def run(self, messages: Sequence[str], **settings: Any) -> Ended:
        """Runs it to its end with these messages on standard input."""
        return self.call("--config", self.configuration(**settings), messages=messages)

    def bodies(self) -> dict[str, Any]:
        """The bodies of the requests since the last call, by id, without the source; no id has two."""
        found: dict[str, Any] = {}
        for request in self.cor.requests:
            sent = json.loads(request.body)
            assert sent.pop("metadata") == {"source": "SALESFORCE"}
            assert request.path.rsplit("/", 1)[1] not in found
            found[request.path.rsplit("/", 1)[1]] = sent
        self.cor.clear_requests()
        return found
