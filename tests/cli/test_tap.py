"""The pipeline of the Singer guide, run as a scheduler runs it: around rows that were not applied, nothing is lost."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from harness import program
from harness.docs import blocks

PAGE = "docs/guides/singer.md"


class Scheduler:
    """Runs the guide's pipeline with the guide's tap in one folder, as `cron` with `pipefail` does."""

    def __init__(self, cor: Path, folder: Path, sandbox: program.RunningSandbox, left_out: str = "") -> None:
        (folder / "cor").symlink_to(cor)
        (files,) = [block for block in blocks(PAGE, "sh") if "cat > tap-deals" in block]
        tap = re.search(r"^cat > tap-deals.*?^chmod [^\n]*\n", files, re.M | re.S)
        assert tap
        subprocess.run(["bash", "-c", tap[0]], cwd=folder, check=True)
        self.folder, self.cor = folder, cor
        self.environment = sandbox.environment | {
            "PATH": f"{folder}:{sandbox.environment['PATH']}",
            "XDG_STATE_HOME": str(folder / "state"),
        }
        (found,) = [block for block in blocks(PAGE, "sh") if block.startswith("./tap-deals")]
        self.pipeline = found.partition("tail ")[0].replace(left_out, "")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text, encoding="utf-8")

    def deals(self, *deals: dict[str, str]) -> None:
        self.write("deals.jsonl", "".join(json.dumps(deal) + "\n" for deal in deals))

    def run(self, status: int) -> str:
        """Runs it, and keeps the last state as the guide does; returns standard error."""
        script = f"set -o pipefail\n{self.pipeline}ended=$?\ntail -1 states.jsonl > state.json\nexit $ended"
        done = subprocess.run(
            ["bash", "-c", script], env=self.environment, cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stderr
        return done.stderr

    def create(self, id: str) -> None:
        """Creates a project, by a run that is no part of the pipeline."""
        self.write("new.csv", f"id,name\n{id},New\n")
        options = ["--source", "SALESFORCE", "--no-state", "--create-missing"]
        command = [str(self.cor), "projects", "sync", "new.csv", *options]
        subprocess.run(command, env=self.environment, cwd=self.folder, check=True, capture_output=True)

    def state(self) -> Any:
        text = (self.folder / "state.json").read_text(encoding="utf-8")
        return json.loads(text)["deals"] if text else None

    def kept(self) -> list[str]:
        return (self.folder / "rejected.jsonl").read_text(encoding="utf-8").splitlines()[1:]


MAPPING = 'source = "SALESFORCE"\n'
DEALS = (
    {"id": "known", "name": "Won"},
    {"id": "moment", "end": "2025-04-30T23:30:00Z"},
    {"id": "later", "name": "Won"},
)


def write_seed(folder: Path) -> Path:
    before = {"source": "SALESFORCE", "name": "before", "end": "2000-01-01"}
    seed = folder / "seed.jsonl"
    seed.write_text("".join(json.dumps({"id": id, **before}) + "\n" for id in ("known", "moment")), encoding="utf-8")
    return seed


def stored(sandbox: program.RunningSandbox) -> dict[str, tuple[Any, Any]]:
    return {id: (project["name"], project.get("end")) for id, project in sandbox.stored().items()}


def test_three_runs_around_a_failure_with_a_file_of_rejected_rows(cor: Path, tmp_path: Path) -> None:
    with program.sandbox(cor, "--seed", write_seed(tmp_path)) as sandbox:
        scheduler = Scheduler(cor, tmp_path, sandbox)
        scheduler.write("mapping.toml", MAPPING)
        scheduler.deals(*DEALS)
        scheduler.run(1)
        assert (scheduler.state(), len(scheduler.kept())) == (3, 2)
        assert stored(sandbox) == {"known": ("Won", "2000-01-01"), "moment": ("before", "2000-01-01")}

        # The zone is said, and one more deal has changed; the project "later" is still not there.
        scheduler.write("mapping.toml", MAPPING + 'day_in = "Europe/Madrid"\n')
        scheduler.deals(*DEALS, {"id": "known", "name": "Won again"})
        scheduler.run(1)
        assert (scheduler.state(), len(scheduler.kept())) == (4, 1)
        assert stored(sandbox) == {"known": ("Won again", "2000-01-01"), "moment": ("before", "2025-05-01")}

        scheduler.create("later")
        scheduler.run(0)
        assert (scheduler.state(), scheduler.kept()) == (4, [])
        assert stored(sandbox)["later"][0] == "Won"


def test_without_such_a_file_the_tap_repeats_what_was_not_applied(cor: Path, tmp_path: Path) -> None:
    with program.sandbox(cor, "--seed", write_seed(tmp_path)) as sandbox:
        scheduler = Scheduler(cor, tmp_path, sandbox, left_out=" --rejects rejected.jsonl")
        scheduler.write("mapping.toml", MAPPING)
        scheduler.deals(*DEALS)
        for _ in range(2):
            assert "STATE messages after a row that was not applied" in scheduler.run(1)
            assert scheduler.state() is None
        scheduler.create("later")
        scheduler.write("mapping.toml", MAPPING + 'day_in = "UTC"\n')
        scheduler.run(0)
        assert scheduler.state() == 3
        assert stored(sandbox) == {
            "known": ("Won", "2000-01-01"),
            "moment": ("before", "2025-04-30"),
            "later": ("Won", None),
        }
