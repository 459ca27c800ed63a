"""Where clients keep their state: with a sandbox, in a place of the sandbox's own."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import projectcor
import pytest
from common import ID, SOURCE
from projectcor.testing import Sandbox


def elsewhere(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Lets the user's own state be in this folder."""
    monkeypatch.delenv("COR_STATE", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    monkeypatch.setenv("LOCALAPPDATA", str(folder))


def test_default_state_path_is_the_program_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere(monkeypatch, tmp_path)
    # Nothing answers there; the state is opened all the same.
    with projectcor.Client(base_url="http://127.0.0.1:1", token="t", max_attempts=1, deadline=0.1) as client:
        result = client.projects.sync([{"id": ID, "name": "N"}], source=SOURCE)
        assert str(result.state) == str(tmp_path / "cor" / "sync.db")
        monkeypatch.setenv("COR_STATE", str(tmp_path / "mine.db"))
        result = client.projects.sync([{"id": ID, "name": "N"}], source=SOURCE)
        assert str(result.state) == str(tmp_path / "mine.db")


def test_clients_of_a_sandbox_touch_no_file_of_the_user_s(
    cor: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere(monkeypatch, tmp_path)
    rows = [{"id": ID, "name": "N"}]
    by_hand = projectcor.Client(base_url=cor.base_url + "/", token=cor.token)
    for client, applied in ((cor.client(), 1), (by_hand, 0)):
        with client:
            result = client.projects.sync(rows, source=SOURCE)
            assert (result.applied, str(result.state)) == (applied, str(cor.state))

    async def main() -> projectcor.SyncResult:
        async with cor.async_client() as client:
            return await client.projects.sync(rows, source=SOURCE)

    assert asyncio.run(main()).unchanged == 1
    for name, value in cor.environment.items():
        monkeypatch.setenv(name, value)
    program = [sys.executable, "-m", "projectcor", "projects", "sync", "-", "--format", "csv", "--source", SOURCE]
    ran = subprocess.run(
        [*program, "--json"], input=f"id,name\n{ID},N\n", capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(ran.stdout.splitlines()[-1])["unchanged"] == 1
    assert list(tmp_path.iterdir()) == []

    folder = Path(cor.state).parent
    assert folder.exists()
    cor.close()
    assert not folder.exists()


def test_sandboxes_in_threads_do_not_share_a_state() -> None:
    results: list[tuple[int, str]] = []

    def work(n: int) -> None:
        with Sandbox(example=True) as cor, cor.client() as client:
            for _ in range(2):
                result = client.projects.sync([{"id": ID, "name": f"N{n}"}], source=SOURCE)
                assert result.state is not None
                results.append((result.applied, str(result.state)))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(applied for applied, _ in results) == [0] * 8 + [1] * 8
    assert len({state for _, state in results}) == 8


def test_the_fixture_gives_each_test_a_state_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        """
import pytest, projectcor

@pytest.mark.parametrize("n", range(6))
def test_it(cor_sandbox, n):
    cor_sandbox.seed([{"id": "P", "source": "SAP", "name": "old"}])
    with projectcor.Client() as client:
        result = client.projects.sync([{"id": "P", "name": "new"}], source="SAP")
    assert result.applied == 1 and result.state == cor_sandbox.state
""",
        encoding="utf-8",
    )
    home = tmp_path / "home"
    environment = {**os.environ, "XDG_STATE_HOME": str(home), "LOCALAPPDATA": str(home)}
    command = [sys.executable, "-m", "pytest", "-q", "-n", "3", "-p", "no:cacheprovider", "test_it.py"]
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert not home.exists()


def test_restarted_sandbox_gets_every_field_again(tmp_path: Path) -> None:
    rows = [{"id": ID, "name": "N"}]
    state = tmp_path / "sync.db"
    applied = []
    port = 0
    for _ in range(2):
        with Sandbox(example=True, port=port) as cor, cor.client() as client:
            port = int(cor.base_url.rpartition(":")[2])
            applied.append(client.projects.sync(rows, source=SOURCE, state=state).applied)
            applied.append(client.projects.sync(rows, source=SOURCE, state=state).applied)
            stored = cor.project(SOURCE, ID)
            assert stored is not None
            assert stored.fields["name"] == "N"
    assert applied == [1, 0, 1, 0]
