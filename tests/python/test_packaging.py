"""The installed package: one wheel, one program, one fixture."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import Any

import projectcor
import pytest
from common import ID, SOURCE
from harness import ROOT
from projectcor.testing import Answer, Hold, Sandbox

try:
    DISTRIBUTION = metadata.distribution("projectcor")
except metadata.PackageNotFoundError:
    pytest.skip("needs the installed package", allow_module_level=True)

SCRIPT = Path(sys.executable).with_name("cor")
PROGRAMS = {"the script": [str(SCRIPT)], "the module": [sys.executable, "-m", "projectcor"]}


@pytest.fixture(params=list(PROGRAMS.values()), ids=list(PROGRAMS))
def program(request: pytest.FixtureRequest, cor: Sandbox) -> Any:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*request.param, *arguments],
            env={**os.environ, **cor.environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_the_program_is_the_rust_program(program: Any) -> None:
    updated = program("projects", "update", ID, "--source", SOURCE, "--name", "from the shell", "--json")
    assert updated.returncode == 0, updated.stderr
    assert '"name":"from the shell"' in updated.stdout
    assert program("projects", "update", "unknown", "--source", SOURCE, "--name", "N").returncode == 1
    assert program("projects", "nonsense").returncode == 2
    assert "projectcor" in program("--help").stdout or "COR" in program("--help").stdout
    assert projectcor.__version__ in program("--version").stdout


@pytest.mark.skipif(os.name != "posix", reason="needs Unix: signals")
@pytest.mark.parametrize("command", list(PROGRAMS.values()), ids=list(PROGRAMS))
def test_ctrl_c_ends_the_program(command: list[str], cor: Sandbox) -> None:
    hold = Hold()
    cor.queue(Answer(held_by=hold))
    program = subprocess.Popen(
        [*command, "projects", "update", ID, "--source", SOURCE, "--name", "N"],
        env={**os.environ, **cor.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert cor.wait_for_requests(1, timeout=30)
    program.send_signal(signal.SIGINT)
    out, _ = program.communicate(timeout=30)
    hold.release()
    assert program.returncode in (-signal.SIGINT, 130), out
    assert b"ended by SIGINT" in out
    assert b"Traceback" not in out


def test_build_without_rust_names_what_is_missing(tmp_path: Path) -> None:
    pytest.importorskip("maturin")
    ended = subprocess.run(
        [sys.executable, "-c", "import build_backend; build_backend.get_requires_for_build_wheel()"],
        cwd=ROOT / "python" / "backend",
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert "needs Rust 1.89 or later" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_program_leaves_a_foreign_signal_handler_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    from projectcor.__main__ import main, target

    def own(*_: object) -> None:
        """Somebody's handler of Ctrl-C."""

    monkeypatch.setattr(sys, "argv", ["cor", "--version"])
    before = signal.signal(signal.SIGINT, own)
    try:
        assert main() == target() == 0
        assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, before)


def test_metadata_names_version_and_licence() -> None:
    about = DISTRIBUTION.metadata
    assert about["Name"] == "projectcor"
    assert about["Version"] == projectcor.__version__ == DISTRIBUTION.version
    assert about["Requires-Python"] == ">=3.9"
    assert "Typing :: Typed" in (about.get_all("Classifier") or [])
    assert about["License-Expression"] == "MIT"
    assert "client.projects.update(" in (DISTRIBUTION.read_text("METADATA") or "")


def test_package_has_no_dependencies() -> None:
    required = [line for line in DISTRIBUTION.requires or [] if "extra ==" not in line]
    assert required == []


def test_there_is_one_compiled_file_and_it_is_typed() -> None:
    files = [str(file) for file in DISTRIBUTION.files or []]
    compiled = [file for file in files if file.endswith((".so", ".pyd", ".dylib"))]
    assert len(compiled) == 1, "one file, so one copy of everything in it"
    is_free_threaded = sysconfig.get_config_var("Py_GIL_DISABLED")
    assert ("t-" if is_free_threaded else ".abi3.") in compiled[0] or compiled[0].endswith(".pyd")
    assert {"projectcor/py.typed", "projectcor/_native.pyi"} <= set(files)
    assert not any("test_" in file or "bench" in file for file in files)


def test_package_installs_the_program() -> None:
    for script in (SCRIPT, SCRIPT.with_name("target-cor")):
        assert script.exists() or script.with_suffix(".exe").exists()


def test_the_fixture_lets_users_test_their_own_code(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    # Those of somebody who works with COR: a test must not reach it.
    for name in ("COR_API_KEY", "COR_CLIENT_SECRET", "COR_ACCESS_TOKEN"):
        monkeypatch.setenv(name, "of COR itself")
    for name in ("COR_BASE_URL", "COR_TOKEN_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    pytester.makepyfile(
        """
        import projectcor

        def rename(id, name):
            with projectcor.Client() as client:
                return client.projects.update(id, source="SAP", name=name)

        def test_rename(cor_sandbox):
            cor_sandbox.seed([{"id": "P-1", "source": "SAP", "name": "Before"}])
            rename("P-1", "After")
            assert cor_sandbox.project("SAP", "P-1").fields["name"] == "After"
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=1)
