"""The scripts that the workflows call and `make test` does not.

Stubs take the place of cargo, rustup and apt-get and record their calls: a test must neither install nor compile.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class World:
    """A folder for a repository, and stubs of programs, which append their arguments to the file `calls`."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.repository = folder / "repository"
        self.calls = folder / "calls"
        self.calls.touch()
        self.bin.mkdir()
        (self.repository / "scripts").mkdir(parents=True)

    def stub(self, *names: str, then: str = "") -> None:
        for name in names:
            program = self.bin / name
            program.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.calls}"\n{then}\n', encoding="utf-8")
            program.chmod(0o755)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        ours = ("GIT_", "CARGO", "SUDO", "AFTER", "SUITES_AT_ONCE", "MAKE")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        environment |= {
            "PATH": path,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@example.com",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@example.com",
        }
        return subprocess.run(
            command, cwd=self.repository, env=environment, capture_output=True, text=True, timeout=120
        )

    def copy(self, name: str) -> None:
        shutil.copy(ROOT / "scripts" / name, self.repository / "scripts" / name)

    def script(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a script of this repository in the folder of the world."""
        self.copy(name)
        return self.run(f"scripts/{name}", *arguments)

    def git(self, *arguments: str) -> None:
        ended = self.run("git", *arguments)
        assert ended.returncode == 0, ended.stderr

    def called(self) -> list[str]:
        return self.calls.read_text(encoding="utf-8").splitlines()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def history(world: World) -> World:
    """A world whose repository has a commit."""
    world.stub("cargo")
    world.git("init", "-q")
    world.git("commit", "-q", "--allow-empty", "-m", "first")
    return world


def test_semver_is_skipped_before_the_first_release(history: World) -> None:
    history.git("tag", "very-good")
    ended = history.script("check-semver")
    assert ended.returncode == 0, ended.stderr
    assert "semver: skipped" in ended.stdout
    assert history.called() == []


def test_semver_compares_with_the_last_release(history: World) -> None:
    history.git("tag", "v0.1.0")
    history.git("commit", "-q", "--allow-empty", "-m", "second")
    history.git("tag", "v0.2.0")
    history.git("commit", "-q", "--allow-empty", "-m", "third")
    ended = history.script("check-semver")
    assert ended.returncode == 0, ended.stderr
    assert history.called() == ["cargo semver-checks --baseline-rev v0.2.0 -p cor-core -p cor-http"]


def test_semver_fails_where_the_interface_breaks(history: World) -> None:
    history.git("tag", "v0.1.0")
    history.stub("cargo", then="exit 100")
    assert history.script("check-semver").returncode == 100


def test_semver_refuses_a_clone_without_history(history: World, tmp_path: Path) -> None:
    history.git("commit", "-q", "--allow-empty", "-m", "second")
    history.git("clone", "-q", "--depth", "1", f"file://{history.repository}", str(tmp_path / "shallow"))
    history.repository = tmp_path / "shallow"
    (history.repository / "scripts").mkdir()
    ended = history.script("check-semver")
    assert ended.returncode == 2
    assert "git fetch --unshallow --tags" in ended.stderr


def test_setup_installs_each_toolchain_with_lints(world: World) -> None:
    world.stub("rustup")
    assert world.script("ci-setup", "rust", "1.85.0", "1.95.0").returncode == 0
    options = "--profile minimal --component clippy --component rustfmt --no-self-update"
    assert world.called() == [f"rustup toolchain install {version} {options}" for version in ("1.85.0", "1.95.0")]


def test_setup_fails_where_a_toolchain_is_missing(world: World) -> None:
    world.stub("rustup", then="exit 1")
    assert world.script("ci-setup", "rust", "9.99.0", "1.95.0").returncode == 1
    assert len(world.called()) == 1


def test_setup_installs_the_libraries_of_the_targets_that_are_checked(world: World) -> None:
    world.stub("rustup")
    listed = world.script("check-targets", "--list").stdout.split()
    assert "x86_64-pc-windows-msvc" in listed
    assert world.script("ci-setup", "targets").returncode == 0
    assert world.called() == [f"rustup target add {' '.join(listed)}"]


def test_targets_name_every_library_that_is_missing(world: World, tmp_path: Path) -> None:
    world.stub("rustc", then=f"echo {tmp_path}")
    (tmp_path / "lib" / "rustlib" / "here" / "lib").mkdir(parents=True)
    ended = world.script("check-targets", "absent", "here", "missing")
    assert ended.returncode == 2
    assert "rustup target add absent missing" in ended.stderr


def crates_that_promise(world: World, *versions: str) -> None:
    packages = [{"name": f"crate-{version}", "rust_version": version} for version in versions]
    metadata = json.dumps({"packages": packages})
    world.stub("cargo", then=f"case $1 in metadata) echo '{metadata}' ;; esac")


def test_oldest_rust_checks_each_crate_with_the_version_that_it_promises(world: World) -> None:
    crates_that_promise(world, "1.89", "1.85")
    world.stub("rustup")
    ended = world.script("check-oldest-rust")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == ["Rust 1.85 builds crate-1.85", "Rust 1.89 builds crate-1.89"]
    checks = [call for call in world.called() if " cargo check " in call]
    assert [(call.split()[2], call.split()[-1]) for call in checks] == [
        ("1.85.0", "crate-1.85"),
        ("1.89.0", "crate-1.89"),
    ]


def test_oldest_rust_fails_where_a_toolchain_is_missing(world: World) -> None:
    crates_that_promise(world, "1.85")
    world.stub("rustup", then="exit 1")
    ended = world.script("check-oldest-rust")
    assert ended.returncode == 2
    assert "rustup toolchain install 1.85.0" in ended.stderr


def test_oldest_rust_refuses_a_version_that_no_crate_promises(world: World) -> None:
    crates_that_promise(world, "1.85")
    world.stub("rustup")
    assert world.script("check-oldest-rust", "1.70").returncode == 2


def test_a_check_whose_program_is_missing_is_skipped_and_recorded(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skipped = tmp_path / "skipped.txt"
    monkeypatch.setenv("PROJECTCOR_SKIPPED", str(skipped))
    ended = world.script("where-installed", "cargo-absent", "false")
    assert ended.returncode == 0
    assert "cargo-absent is not installed, so its check is skipped" in ended.stdout
    assert skipped.read_text(encoding="utf-8") == "1\tlint\tneeds the program cargo-absent\n"


def test_a_check_whose_program_is_there_decides(world: World) -> None:
    world.stub("cargo-present")
    assert world.script("where-installed", "cargo-present", "false").returncode == 1


SUITES = """wait_for() {
  for i in $(seq 3000); do
    [ ! -e "$1" ] || return 0
    sleep 0.01
  done
  exit 4
}
case $2 in
  bad) exit 3 ;;
  bad-later) wait_for endless; echo "this is wrong"; exit 3 ;;
  endless) echo $$ >endless; exec sleep 3600 ;;
  stops-all) kill -TERM $PPID; exec sleep 3600 ;;
  stops-all-later) wait_for endless; kill -TERM $PPID; exec sleep 3600 ;;
  meets-*) touch "$2"; wait_for meets-one; wait_for meets-other ;;
esac
echo "this is $2"
"""


def suites(world: World, after: str, *targets: str) -> tuple[int, dict[str, str], str]:
    """Runs scripts/suites with stubs of suites; returns its status, the result of each suite, and what it printed."""
    world.stub("make", then=SUITES)
    harness = world.repository / "tests" / "harness"
    harness.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "tests" / "harness" / "skips.py", harness)
    world.copy("suites")
    settings = ["-u", "PROJECTCOR_SKIPPED", f"AFTER={after}", "SUITES_AT_ONCE=2"]
    ended = world.run("env", *settings, "scripts/suites", *targets)
    lines = ended.stdout.partition("of CPUs\n")[2].splitlines()
    results = {line[:21].strip(): line[22:31].strip() for line in lines if not line.startswith("skipped")}
    return ended.returncode, results, ended.stdout + ended.stderr


def test_suites_run_at_the_same_time_after_the_others(world: World) -> None:
    names = ["one", "two", "meets-one", "meets-other", "last"]
    status, results, said = suites(world, "meets-one meets-other last", "one", "two")
    assert status == 0, said
    assert results == dict.fromkeys([*names, "all"], "passed"), said
    assert "this is last\n" in said
    called = [call.split()[-1] for call in world.called()]
    assert called[:2] == names[:2]
    assert sorted(called) == sorted(names)


def test_failed_suite_ends_the_run(world: World) -> None:
    status, results, said = suites(world, "late", "one", "bad", "two")
    expected = {"one": "passed", "bad": "failed", "two": "not begun", "late": "not begun"}
    assert (status, results) == (3, expected), said
    assert [call.split()[-1] for call in world.called()] == ["one", "bad"]


def test_failed_suite_stops_what_runs_beside_it(world: World) -> None:
    status, results, said = suites(world, "endless bad-later late", "one")
    expected = {"one": "passed", "endless": "stopped", "bad-later": "failed", "late": "not begun"}
    assert (status, results) == (3, expected), said
    assert "this is wrong\n" in said
    assert is_gone(world.repository / "endless")


def is_gone(file: Path) -> bool:
    """Whether the process whose number stands in this file has ended."""
    process_id = int(file.read_text(encoding="utf-8"))
    return not Path(f"/proc/{process_id}").exists()


@pytest.mark.parametrize(
    ("after", "targets", "expected"),
    [
        ("", ["stops-all", "late"], {"stops-all": "stopped", "late": "not begun"}),
        ("endless stops-all-later", ["one"], {"one": "passed", "endless": "stopped", "stops-all-later": "stopped"}),
    ],
)
def test_stopped_run_stops_its_suites(world: World, after: str, targets: list[str], expected: dict[str, str]) -> None:
    status, results, said = suites(world, after, *targets)
    assert (status, results) == (128 + signal.SIGTERM, expected), said
    if "endless" in after:
        assert is_gone(world.repository / "endless")


@pytest.mark.parametrize("at_once", ["0", "x"])
def test_number_of_suites_at_once_is_checked(world: World, at_once: str) -> None:
    world.copy("suites")
    ended = world.run("env", f"SUITES_AT_ONCE={at_once}", "scripts/suites", "one")
    assert (ended.returncode, world.called()) == (1, [])
    assert f"SUITES_AT_ONCE is '{at_once}'; set it to a number from 1 on" in ended.stderr


@pytest.mark.parametrize(("user", "sudo"), [("0", False), ("1000", True)])
def test_setup_installs_packages_as_root(world: World, user: str, sudo: bool) -> None:
    world.copy("apt-install")
    world.stub("id", then=f"echo {user}")
    world.stub("sudo", then='exec "$@"')
    world.stub("apt-get")
    assert world.script("ci-setup", "packages").returncode == 0
    called = world.called()
    assert any(call.startswith("apt-get") and "valgrind" in call and "openjdk-17" in call for call in called)
    assert any(call.startswith("sudo ") for call in called) == sudo


def test_failed_installation_prints_what_apt_said(world: World) -> None:
    world.stub("id", then="echo 0")
    world.stub("apt-get", then='echo "E: no such package"; exit 100')
    ended = world.script("apt-install", "gcc")
    assert ended.returncode == 1
    assert ended.stderr == "installing gcc did not work:\nE: no such package\n"


def test_user_without_rights_installs_nothing(world: World) -> None:
    world.stub("id", then="echo 1000")
    world.stub("apt-get")
    ended = world.script("apt-install", "gcc")
    assert (ended.returncode, ended.stdout, world.called()) == (0, "", ["id -u"])


@pytest.mark.parametrize("arguments", [[], ["rust"], ["packages", "gcc"], ["roots", "gcc"], ["everything"]])
def test_setup_explains_itself_to_wrong_arguments(world: World, arguments: list[str]) -> None:
    ended = world.script("ci-setup", *arguments)
    assert ended.returncode == 2
    assert "scripts/ci-setup rust VERSION" in ended.stderr


def test_platform_stops_at_the_first_failure(world: World) -> None:
    world.stub("cargo")
    assert world.script("check-platform").returncode == 0
    assert [call.split()[1] for call in world.called()] == ["check", "check", "test"]
    world.stub("cargo", then="exit 101")
    assert world.script("check-platform").returncode == 101
    assert len(world.called()) == 4


STATES_THE_VERSION = [
    "Cargo.toml",
    "Cargo.lock",
    "fuzz/Cargo.lock",
    "include/projectcor.h",
    "crates/cor-ffi/src/version.rs",
    "crates/cor-ffi/Cargo.toml",
    "crates/cor-core/Cargo.toml",
    "pyproject.toml",
    "CHANGELOG.md",
    "docs/quickstart/c.md",
    "tests/c/toolchain.py",
]


@pytest.fixture
def versions(history: World) -> World:
    """A world with the files of this repository that state its version."""
    for name in STATES_THE_VERSION:
        path = history.repository / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, path)
    return history


def test_versions_agree(versions: World) -> None:
    ended = versions.script("check-versions", "--print")
    assert ended.returncode == 0, ended.stderr
    assert f'version = "{ended.stdout.strip()}"' in (ROOT / "Cargo.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("Cargo.toml", 'crates/cor-core", version = "', 'crates/cor-core", version = "9'),
        ("fuzz/Cargo.lock", 'name = "cor-core"\nversion = "', 'name = "cor-core"\nversion = "9'),
        ("include/projectcor.h", "#define PROJECTCOR_VERSION_MINOR ", "#define PROJECTCOR_VERSION_MINOR 9"),
        ("crates/cor-ffi/src/version.rs", "PROJECTCOR_VERSION_PATCH: u32 = ", "PROJECTCOR_VERSION_PATCH: u32 = 9"),
        ("pyproject.toml", 'dynamic = ["version"]', 'version = "9"'),
        ("docs/quickstart/c.md", "libprojectcor.so.", "libprojectcor.so.9."),
        ("tests/c/toolchain.py", "libprojectcor.so.", "libprojectcor.so.9."),
    ],
)
def test_a_version_that_differs_is_reported(versions: World, name: str, before: str, after: str) -> None:
    path = versions.repository / name
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    ended = versions.script("check-versions")
    assert ended.returncode == 1
    assert f"but {name}" in ended.stderr


def test_a_tag_has_to_state_the_version_and_the_changelog_too(versions: World) -> None:
    versions.git("tag", "v9.9.9")
    (versions.repository / "CHANGELOG.md").write_text("# Changelog\n\n## Unreleased\n", encoding="utf-8")
    ended = versions.script("check-versions")
    assert ended.returncode == 1
    assert "but the tag v9.9.9 states 9.9.9" in ended.stderr
    assert "but CHANGELOG.md, the first heading states Unreleased" in ended.stderr


def test_a_release_with_changes_that_are_not_committed_is_refused(history: World) -> None:
    (history.repository / "stray.txt").touch()
    ended = history.script("dist", "checksums")
    assert ended.returncode == 1
    assert "stray.txt" in ended.stderr
    assert "Commit or stash them" in ended.stderr
    assert not (history.repository / "target").exists()


def test_two_releases_are_compared_byte_by_byte(world: World, tmp_path: Path) -> None:
    for folder, text in (("one", "a"), ("two", "b")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "same").write_text("same", encoding="utf-8")
        (tmp_path / folder / "differs").write_text(text, encoding="utf-8")
    (tmp_path / "two" / "extra").touch()
    ended = world.script("dist-compare", str(tmp_path / "one"), str(tmp_path / "two"))
    assert ended.returncode == 1
    assert [line.split() for line in ended.stdout.splitlines()] == [
        ["differs", "differs"],
        ["differs", "extra"],
        ["same", "same"],
    ]
