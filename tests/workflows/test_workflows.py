"""The workflows in .github/workflows: every step calls what a contributor can call, and no job has secrets.

scripts/lint-workflows runs these tests after zizmor and actionlint, which check that the workflows are valid.
"""

from __future__ import annotations

import itertools
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z][a-z-]*)(?: [a-z -]*)?:(?!=)", MAKEFILE, re.M))
EXPRESSION = re.compile(r"\$\{\{\s*matrix\.([a-z-]+)\s*\}\}")
PIN = re.compile(r"[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")

Job = dict[str, Any]


def load(path: Path) -> dict[Any, Any]:
    read: dict[Any, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return read


def jobs() -> list[tuple[str, Job]]:
    return [(f"{path.name}/{name}", job) for path in FILES for name, job in load(path)["jobs"].items()]


def matrices(job: Job) -> Iterator[dict[str, str]]:
    """The values of the matrix of each run of a job."""
    lists = job.get("strategy", {}).get("matrix", {})
    for values in itertools.product(*lists.values()):
        yield dict(zip(lists, map(str, values)))


def commands() -> list[tuple[str, str]]:
    """Each command that a job runs, with the values of its matrix and its environment in place."""
    found = []
    for name, job in jobs():
        for step, matrix in itertools.product(job["steps"], matrices(job)):
            if "run" not in step:
                continue
            command = step["run"]
            for key, value in {**job.get("env", {}), **step.get("env", {})}.items():
                command = command.replace(f"${key}", str(value))
            found.append((name, EXPRESSION.sub(lambda match: matrix[match[1]], command).strip()))  # noqa: B023
    return found


def problem(command: str) -> str | None:
    """What is wrong with the command of a step, or None where it is a make target or a script with its arguments."""
    if re.search(r"[\n;&|<>`$]", command):
        return "more than one command, or one that the shell has to work out"
    program, *arguments = shlex.split(command)
    if program in ("make", "scripts/suites"):
        missing = [argument for argument in arguments if argument not in TARGETS]
        return f"the Makefile has no target {', '.join(missing)}" if missing or not arguments else None
    path = ROOT / program
    if "/" not in program or not path.is_file() or not path.resolve().is_relative_to(ROOT):
        return f"{program} is no script of this repository"
    return None if os.access(path, os.X_OK) else f"{program} is not executable"


@pytest.mark.parametrize(("job", "command"), commands())
def test_a_step_calls_a_target_or_a_script(job: str, command: str) -> None:
    assert problem(command) is None, f"{job}: {command}"


@pytest.mark.parametrize(
    "command",
    [
        "cargo test",
        "make",
        "make no-such-target",
        "scripts/suites no-such-target",
        "scripts/no-such-script",
        "/bin/true",
        "tests/workflows/test_workflows.py",
        "make lint && make test",
        "make lint\nmake test",
        "scripts/suites $UNKNOWN",
    ],
)
def test_reports_a_step_that_calls_something_else(command: str) -> None:
    assert problem(command)


def test_jobs_run_every_suite_of_make_test() -> None:
    assigned = re.findall(r"^(?:SUITES|AFTER) := (.*)", MAKEFILE, re.M)
    assert len(assigned) == 2
    suites = {name for names in assigned for name in names.split()}
    called = {word for job, command in commands() if job.startswith("ci.yml/") for word in shlex.split(command)[1:]}
    assert suites - called == set()


def test_a_job_installs_the_toolchain_that_it_uses() -> None:
    manifests = [ROOT / "Cargo.toml", *ROOT.glob("crates/*/Cargo.toml")]
    texts = "".join(path.read_text(encoding="utf-8") for path in manifests)
    promised = sorted(set(re.findall(r'^rust-version = "(.*)"', texts, re.M)))
    assert len(promised) == 2
    oldest = "".join(f" {version}.0" for version in promised)
    selected = {path.name: load(path)["env"]["RUSTUP_TOOLCHAIN"] for path in FILES}
    for name, job in jobs():
        called = [step["run"] for step in job["steps"] if "run" in step]
        used = selected[name.split("/")[0]]
        also = oldest if "make oldest-rust" in called else ""
        assert f"scripts/ci-setup rust {used}{also}" in called, name


def test_actions_are_pinned_by_commit_and_version() -> None:
    used = [line for path in FILES for line in re.findall(r"uses: *(.*)", path.read_text(encoding="utf-8"))]
    assert used
    assert [line for line in used if not PIN.fullmatch(line)] == []
    assert len({line.split("@")[0] for line in used}) == len(set(used)), "one action has two versions"


def test_windows_checks_scripts_out_without_carriage_returns(tmp_path: Path) -> None:
    shutil.copy(ROOT / ".gitattributes", tmp_path)
    script = tmp_path / "script"
    script.write_bytes(b"#!/bin/sh\nexit\n")
    # What Git for Windows sets, as it is on the runners.
    git = ["git", "-C", str(tmp_path), "-c", "core.autocrlf=true"]
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run([*git, *command], check=True)
    script.unlink()
    subprocess.run([*git, "checkout", "-q", "script"], check=True)
    assert script.read_bytes() == b"#!/bin/sh\nexit\n"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_workflow_may_only_read_the_repository(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {"contents": "read"}
    assert "secrets." not in path.read_text(encoding="utf-8")
    assert all("permissions" not in job for job in workflow["jobs"].values())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_workflow_ends_and_does_not_pile_up(path: Path) -> None:
    workflow = load(path)
    assert "github.ref" in workflow["concurrency"]["group"]
    # A release compiles everything optimised, for three targets.
    most = 240 if path.name == "release.yml" else 60
    assert all(0 < job["timeout-minutes"] <= most for job in workflow["jobs"].values())
