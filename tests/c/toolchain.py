"""Compiles, links and runs the C and C++ tests against the installed library."""

from __future__ import annotations

import functools
import hashlib
import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from harness import ROOT, skips

SANITIZED = [
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=undefined",
    "-fno-omit-frame-pointer",
    "-DSANITIZED",
]
# What programs ask the dynamic linker for: one name for each minor version, before 1.0.
SONAME = "libprojectcor.so.0.1"
# Every program gets two minutes; those that wait for each other would do so for one.
TIMEOUT = 120


def need(*programs: str) -> None:
    """Skips the test where one of these programs is not installed; in CI the skip is an error."""
    if reason := skips.missing_tool(*programs):
        pytest.skip(reason)


def default_signals() -> None:
    """Lets a child start as from a terminal: what runs in the background would inherit ignored signals."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


def call(command: Sequence[str | Path], env: Mapping[str, str] | None = None, timeout: float = 600) -> str:
    """Runs a command that must succeed, with this environment or with ours, and returns what it printed."""
    done = subprocess.run(
        [str(part) for part in command],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        timeout=timeout,
        cwd=ROOT,
        preexec_fn=default_signals,
    )
    assert done.returncode == 0, f"exit status {done.returncode}: {shlex.join(map(str, command))}\n{done.stdout}"
    return done.stdout


@functools.lru_cache
def linker() -> list[str]:
    """The linker that comes with Rust, where gcc can use it: with the static library it takes a seventh of the time.

    The programs of the documentation and of CMake are linked with the system's.
    """
    folder = Path(call(["rustc", "--print", "target-libdir"]).strip()).parent / "bin" / "gcc-ld"
    return [f"-B{folder}", "-fuse-ld=lld"] if (folder / "ld.lld").exists() else []


@dataclass
class Toolchain:
    """gcc and g++, set up for the library below `prefix`.

    `shared` is a folder of all processes that run tests, with vectors.h and objects: an object is compiled once,
    whatever it is linked with. `work` is a folder of this process.
    """

    shared: Path
    work: Path
    prefix: Path
    programs: list[Path] = field(default_factory=list)
    answers: dict[tuple[str, ...], list[str]] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Where pkg-config finds the library."""
        return {**os.environ, "PKG_CONFIG_PATH": str(self.prefix / "lib" / "pkgconfig")}

    def pkg_config(self, *arguments: str) -> list[str]:
        if arguments not in self.answers:
            self.answers[arguments] = shlex.split(call(["pkg-config", *arguments, "projectcor"], self.environment))
        return self.answers[arguments]

    def flags(self) -> list[str]:
        warnings = ["-g", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-pthread"]
        return [*self.pkg_config("--cflags"), "-Itests/c", f"-I{self.shared}", *warnings]

    def libraries(self, linkage: str) -> list[str]:
        if linkage == "shared":
            return [*self.pkg_config("--libs"), "-lm", f"-Wl,-rpath,{self.prefix}/lib"]
        others = [part for part in self.pkg_config("--static", "--libs-only-l") if part != "-lprojectcor"]
        return [str(self.prefix / "lib" / "libprojectcor.a"), *others, "-lm"]

    def compile(self, source: str | Path, std: str, more: Sequence[str] = ()) -> Path:
        compiler = "g++" if str(source).endswith(".cpp") else "gcc"
        command = [compiler, f"-std={std}", *self.flags(), *more, "-c", str(source)]
        name = f"{Path(source).stem}.{hashlib.sha256(shlex.join(command).encode()).hexdigest()[:16]}.o"
        if not (self.shared / name).exists():
            call([*command, "-o", self.work / name])
            # At once, since another process may be about to link it.
            (self.work / name).replace(self.shared / name)
        return self.shared / name

    def link(self, compiler: str, objects: Sequence[Path], libraries: Sequence[str], more: Sequence[str] = ()) -> Path:
        out = self.work / f"{objects[0].stem}.{len(self.programs)}.program"
        call([compiler, "-pthread", *more, *objects, "-o", out, *libraries])
        self.programs.append(out)
        return out

    def build(self, source: str, linkage: str = "shared", std: str = "", more: Sequence[str] = ()) -> Path:
        """A program of this source and of support.c; `std` is gnu11 for C and c++17 for C++ unless it is given."""
        is_cpp = source.endswith(".cpp")
        std = std or ("c++17" if is_cpp else "gnu11")
        # Options of the C++ language are none of C's.
        for_c = [flag for flag in more if flag not in ("-fno-exceptions", "-fno-rtti")]
        objects = [self.compile(source, std, more), self.compile("tests/c/support.c", "gnu11", for_c)]
        return self.link("g++" if is_cpp else "gcc", objects, self.libraries(linkage), [*linker(), *more])
