"""The program `cor`, a sandbox that it runs, and what either needs of the machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import ROOT
from harness.export import SOURCE


def target() -> Path:
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()


def find_program(name: str = "cor", variable: str = "COR") -> Path:
    """The program to test: the environment variable's, else the one that was built last."""
    named = os.environ.get(variable)
    built = [path for profile in ("debug", "release") if (path := target() / profile / name).is_file()]
    candidates = [Path(named)] if named else sorted(built, key=lambda path: path.stat().st_mtime, reverse=True)
    if not candidates or not candidates[0].is_file():
        raise FileNotFoundError(f"no {name} to test: build it, or set {variable} to its path")
    return candidates[0].resolve()


@dataclass
class RunningSandbox:
    """A sandbox in a process of its own."""

    process: subprocess.Popen[str]
    base_url: str
    token: str

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which `cor` talks to this sandbox."""
        addresses = {"COR_BASE_URL": self.base_url, "COR_MAIN_URL": f"{self.base_url}/v1"}
        return {**os.environ, **addresses, "COR_ACCESS_TOKEN": self.token}

    def get(self, path: str) -> Any:
        """The JSON of a page, with numbers as they were written."""
        with urllib.request.urlopen(self.base_url + path) as answer:
            return json.load(answer, parse_float=str, parse_int=str)

    def requests(self) -> list[dict[str, Any]]:
        recorded: list[dict[str, Any]] = self.get("/sandbox/requests")
        return recorded

    def clear_requests(self) -> None:
        request = urllib.request.Request(self.base_url + "/sandbox/requests", method="DELETE")
        with urllib.request.urlopen(request) as answer:
            answer.read()

    def stored(self) -> dict[str, dict[str, Any]]:
        """Every project by its external id."""
        projects: dict[str, dict[str, Any]] = {}
        after = 0
        while page := self.get(f"/sandbox/projects?limit=10000&after={after}"):
            for project in page:
                assert project["id"] not in projects
                projects[project["id"]] = project
            after = page[-1]["cor_id"]
        return projects


def start_sandbox(cor: Path, *options: str | Path) -> RunningSandbox:
    command = [cor, "sandbox", "--port", "0", "--json", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"the sandbox did not start; exit status {process.wait()}")
    ready = json.loads(line)
    return RunningSandbox(process, ready["base_url"], ready["token"])


@contextmanager
def sandbox(cor: Path, *options: str | Path) -> Iterator[RunningSandbox]:
    """A sandbox that is interrupted at the end, and then has to end well."""
    running = start_sandbox(cor, *options)
    try:
        yield running
    finally:
        running.process.send_signal(signal.SIGINT)
        running.process.communicate(timeout=30)
        assert running.process.returncode == 0, "the sandbox did not end well"


def write_seed(path: Path, ids: Iterable[str], before: dict[str, Any]) -> Path:
    """A file of projects for `cor sandbox --seed`. `estimated` keeps its digits: a float loses its last zero."""
    estimated = json.dumps(before["estimated"])
    with path.open("w", encoding="utf-8") as seed:
        for id in dict.fromkeys(ids):
            text = json.dumps({"source": SOURCE, "id": id, **before})
            seed.write(text.replace(estimated, before["estimated"]) + "\n")
    return path


def peak_memory(process: subprocess.Popen[str], every: float = 0.002) -> int:
    """Waits for the end of a process and returns the most memory it had resident, in KiB.

    What wait4 reports would include the memory of this process, of which the child is a fork.
    """
    peak = 0
    while process.poll() is None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            break
        peak = max([peak, *(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))])
        time.sleep(every)
    return peak
