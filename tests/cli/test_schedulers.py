"""The script `run-sync` of docs/guides/schedulers.md, and the command of each recipe there, without its scheduler."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import program
from harness.docs import blocks
from harness.program import RunningSandbox

PAGE = "docs/guides/schedulers.md"
ID, SOURCE = "SF-OPP-12345", "SALESFORCE"


@pytest.fixture
def sandbox(cor: Path) -> Iterator[RunningSandbox]:
    with program.sandbox(cor, "--example") as running:
        yield running


@pytest.fixture
def folder(cor: Path, tmp_path: Path) -> Path:
    """A folder with the program, the script and a table. It stands for the folders that the page names."""
    (script,) = [block for block in blocks(PAGE, "sh") if "cat > run-sync" in block]
    text = re.search(r"^cat > run-sync <<'END'\n(.*?)^END$", script, re.M | re.S)
    assert text
    (tmp_path / "run-sync").write_text(text[1])
    (tmp_path / "run-sync").chmod(0o755)
    (tmp_path / "cor").symlink_to(cor)
    (tmp_path / "deals.csv").write_text(f"id,name\n{ID},After\n")
    return tmp_path


def environment(folder: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COR")}
    return {**kept, "PATH": f"{folder}:{os.environ['PATH']}", "RUN_SYNC_DELAY": "0", **more}


def ran_in(folder: Path, command: list[str], **more: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in the folder, with these variables. Standard error goes to standard output."""
    return subprocess.run(
        command,
        env=environment(folder, **more),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )


def run_sync(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = ["./run-sync", "deals.csv", "--source", SOURCE, "--state", "sync.db", *arguments]
    return ran_in(folder, command, **more)


def of(sandbox: RunningSandbox) -> dict[str, str]:
    return {"COR_BASE_URL": sandbox.base_url, "COR_ACCESS_TOKEN": sandbox.token}


def test_script_ends_with_0_after_success_and_sends_nothing_the_second_time(
    folder: Path, sandbox: RunningSandbox
) -> None:
    for _ in range(2):
        assert run_sync(folder, **of(sandbox)).returncode == 0
    assert len(sandbox.requests()) == 1


def test_script_does_not_retry_refused_rows(folder: Path, sandbox: RunningSandbox) -> None:
    (folder / "deals.csv").write_text("id,name\nSF-OPP-99999,Unknown\n")
    ran = run_sync(folder, "--rejects", "rejects.csv", **of(sandbox))
    assert ran.returncode == 1, ran.stdout
    assert len(sandbox.requests()) == 1
    assert "SF-OPP-99999" in (folder / "rejects.csv").read_text()


def test_script_does_not_retry_wrong_usage_and_refused_credentials(folder: Path, sandbox: RunningSandbox) -> None:
    usage = run_sync(folder, "--no-such-option", **of(sandbox))
    refused = run_sync(folder, **{**of(sandbox), "COR_ACCESS_TOKEN": "expired"})
    assert (usage.returncode, refused.returncode) == (2, 3), usage.stdout + refused.stdout
    assert "next try" not in usage.stdout + refused.stdout


def test_script_tries_again_while_cor_cannot_be_reached(folder: Path) -> None:
    # Nothing listens there.
    unreachable = {"COR_BASE_URL": "http://127.0.0.1:9", "COR_ACCESS_TOKEN": "t", "RUN_SYNC_TRIES": "3"}
    ran = run_sync(folder, "--outage-timeout", "0.1", **unreachable)
    assert ran.returncode == 4, ran.stdout
    assert ran.stdout.count("next try in 0 s") == 2


def test_script_ends_with_5_at_once_where_the_state_is_damaged(folder: Path, sandbox: RunningSandbox) -> None:
    (folder / "sync.db").write_text("no database" * 1000)
    ran = run_sync(folder, **of(sandbox))
    assert ran.returncode == 5, ran.stdout
    assert "next try" not in ran.stdout
    assert sandbox.requests() == []


def test_second_run_waits_for_the_first(folder: Path, cor: Path) -> None:
    with program.sandbox(cor, "--example", "--latency", "1") as slow:
        commands = [["./run-sync", "deals.csv", "--source", SOURCE, "--state", "sync.db"] for _ in range(2)]
        runs = [
            subprocess.Popen(command, cwd=folder, env=environment(folder, **of(slow)), stderr=subprocess.PIPE)
            for command in commands
        ]
        for run in runs:
            run.communicate(timeout=120)
        assert [run.returncode for run in runs] == [0, 0]
        # The run that waited found that COR has everything.
        assert len(slow.requests()) == 1


def command_lines() -> dict[str, str]:
    """The command of each recipe."""
    (cron,) = [block for block in blocks(PAGE, "text") if "/etc/cron.d" in block]
    found = {"cron": cron.splitlines()[-1].split("cor  ", 1)[1]}
    (service,) = [block for block in blocks(PAGE, "ini") if "ExecStart=" in block]
    found["systemd"] = service.partition("ExecStart=")[2].strip()
    for block in blocks(PAGE, "text"):
        name = next((name for name in ("airflow", "dagster", "prefect") if f" {name}" in block), None)
        if name:
            (command,) = re.findall(r'"(run-sync [^"]*)"', block)
            found[name] = command
    (workflow,) = blocks(PAGE, "yaml")
    (found["github"],) = re.findall(r"- run: (.*run-sync.*)", workflow)
    return found


def test_every_recipe_has_a_command() -> None:
    assert set(command_lines()) == {"cron", "systemd", "airflow", "dagster", "prefect", "github"}


@pytest.mark.parametrize("recipe", ["cron", "systemd", "airflow", "dagster", "prefect", "github"])
def test_command_of_a_recipe_applies_the_table(recipe: str, folder: Path, sandbox: RunningSandbox) -> None:
    command = command_lines()[recipe]
    for place in ("/usr/local/bin", "/srv/deals", "/var/lib/cor"):
        command = command.replace(place, str(folder))
    more = of(sandbox)
    if recipe == "cron":
        # The user's profile has the source and the token command.
        (folder / "config.toml").write_text(
            f'[profile.acme]\nsource = "{SOURCE}"\nbase_url = "{sandbox.base_url}"\ntoken_command = ["cat", "token"]\n'
        )
        (folder / "config.toml").chmod(0o600)
        more = {"COR_CONFIG": str(folder / "config.toml")}
    if recipe == "systemd":
        more = {"COR_BASE_URL": sandbox.base_url, "CREDENTIALS_DIRECTORY": str(folder)}
    (folder / "token").write_text(sandbox.token)
    ran = ran_in(folder, ["/bin/sh", "-c", command], **more)
    assert ran.returncode == 0, ran.stdout
    (request,) = sandbox.requests()
    assert request["status"] == "200", ran.stdout
    if recipe == "cron":
        # No mail after success.
        assert ran.stdout == ""


def test_cron_prints_the_log_of_a_failed_run(folder: Path, sandbox: RunningSandbox) -> None:
    command = command_lines()["cron"].replace("--profile acme", f"--source {SOURCE}")
    for place in ("/srv/deals", "/var/lib/cor"):
        command = command.replace(place, str(folder))
    (folder / "deals.csv").write_text("id,name\nSF-OPP-99999,Unknown\n")
    ran = subprocess.run(
        ["/bin/sh", "-c", command],
        env=environment(folder, **of(sandbox)),
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert "SF-OPP-99999" in ran.stdout
