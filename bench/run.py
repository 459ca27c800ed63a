#!/usr/bin/env python3
"""Measures this client beside other clients that do the same job, against the same server, in the same run.

    bench/run.py [--rounds 5] [--n 50000] [--only TEXT] [--without python,c] [--write]

Builds what it needs below target/bench: optimised, so the first run takes ten minutes. Prints a table of CPU per update
and one of ratios beside their aims; with --write it also writes both to bench/RESULTS.md with the machine and the date,
and draws bench/benchmark.svg. --only keeps the clients with this text in their names.

Clients take turns, every other round in reverse order, each on one core and the server on another. Compare figures of
one run alone.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import report

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").resolve() / "bench"
RUST = TARGET / "release"
PREFIX = TARGET / "prefix"
PYTHON = TARGET / "venv" / "bin" / "python"
# What the environment says about proxies, certificates and this client changes what the clients do.
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": str(TARGET), "LANG": "C.UTF-8"}


@dataclass
class Client:
    name: str
    command: list[str]
    # The ways of the server that it can go: plain, h1 and h2 (over TLS).
    ways: tuple[str, ...]
    # What it takes to choose a way.
    choose: dict[str, list[str]] = field(default_factory=dict)
    # Wants at least this many milliseconds of latency, or one call at a time.
    delay_ms: int = 0
    concurrency: int = 32
    one_by_one: bool = False

    @property
    def updates(self) -> float:
        """Its share of the updates that a run sends."""
        return 0.2 if self.one_by_one else 0.4 if self.delay_ms else 1.0


def rust(name: str, *arguments: str) -> list[str]:
    return [str(RUST / name), *arguments]


def clients(without: set[str]) -> list[Client]:
    own_ways = {"direct": ("plain", "h1", "h2"), "reqwest": ("plain", "h1", "h2")}
    versions = {"h1": ["--mode", "h1"], "h2": ["--mode", "h2"]}
    found = [
        Client("epoll by hand", rust("floor"), ("plain",)),
        Client("hyper-util pool", rust("hyper", "--mode", "pool"), ("plain", "h1")),
        Client("hyper connection", rust("hyper"), ("plain", "h1", "h2"), {"plain": ["--mode", "h1"], **versions}),
        Client("reqwest, prepared", rust("reqwest"), ("plain", "h1", "h2"), {"h1": ["--mode", "h1"]}),
    ]
    found += [Client(f"Rust, {mode}", rust("projectcor", "--mode", mode), ways) for mode, ways in own_ways.items()]
    if "c" not in without:
        found.append(Client("libcurl", [str(TARGET / "libcurl")], ("plain", "h1", "h2"), versions))
        found += [
            Client(f"C, {mode}", [str(TARGET / "projectcor"), "--mode", mode], ways) for mode, ways in own_ways.items()
        ]
    own_python = [str(PYTHON), str(HERE / "python" / "projectcor_client.py")]
    if "python" not in without:
        script = [str(PYTHON), str(HERE / "python" / "pycurl_client.py")]
        found.append(Client("pycurl, msgspec", script, ("plain", "h1", "h2"), {"h2": ["--h2"]}))
        for mode, ways in own_ways.items():
            command = [*own_python, "--transport", mode]
            found.append(Client(f"Python dicts, {mode}", command, ways))
            found.append(Client(f"Python dicts, async, {mode}", [*command, "--async"], ways))
        direct = [*own_python, "--transport", "direct"]
        for kind in ("dicts", "pandas", "polars", "arrow"):
            found.append(Client(f"Python ready {kind}, direct", [*direct, "--rows", kind], ("h1", "h2")))
        for name, extra in (("Python, 20 ms, direct", []), ("Python async, 20 ms, direct", ["--async"])):
            found.append(Client(name, [*direct, *extra], ("h1", "h2"), delay_ms=20, concurrency=64))
    calls: list[tuple[str, list[str], dict[str, list[str]]]] = [
        ("hyper connection", rust("hyper"), versions),
        ("Rust, direct", rust("projectcor", "--mode", "direct"), {"h1": [], "h2": []}),
        ("Rust, reqwest", rust("projectcor", "--mode", "reqwest"), {"h1": [], "h2": []}),
    ]
    if "c" not in without:
        calls.append(("C, direct", [str(TARGET / "projectcor"), "--mode", "direct"], {"h1": [], "h2": []}))
    if "python" not in without:
        calls.append(("Python, direct", [*own_python, "--transport", "direct"], {"h1": [], "h2": []}))
    for name, command, choose in calls:
        call = [*command, "--lat"]
        found.append(Client(f"one call: {name}", call, tuple(choose), choose, concurrency=1, one_by_one=True))
    return found


def build(without: set[str]) -> None:
    def step(text: str, *command: str, **environment: str) -> None:
        print(f"building: {text}", file=sys.stderr, flush=True)
        subprocess.run(command, cwd=ROOT, check=True, env={**os.environ, **environment})

    TARGET.mkdir(parents=True, exist_ok=True)
    manifest = ["--manifest-path", str(HERE / "Cargo.toml"), "--target-dir", str(TARGET)]
    step("clients in Rust, and the server", "cargo", "build", "--quiet", "--locked", "--release", *manifest)
    if "c" not in without:
        step("the C library", "scripts/install", f"PREFIX={PREFIX}", CARGO_TARGET_DIR=str(TARGET / "c"))
        flags = ["-O2", "-Wall", f"-I{PREFIX / 'include'}", f"-L{PREFIX / 'lib'}", f"-Wl,-rpath,{PREFIX / 'lib'}"]
        for name, library in (("libcurl", "-lcurl"), ("projectcor", "-lprojectcor")):
            step(f"{name} in C", "cc", *flags, "-o", str(TARGET / name), str(HERE / "c" / f"{name}.c"), library)
    if "python" not in without:
        if not PYTHON.exists():
            step("an environment of Python", sys.executable, "-m", "venv", str(PYTHON.parent.parent))
        install = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        peers = ["pycurl==7.*", "msgspec", "pandas", "pyarrow", "polars"]
        step("other clients of Python", *install, *peers)
        step("the Python package", *install, "--force-reinstall", "--no-deps", ".", CARGO_TARGET_DIR=str(TARGET / "py"))


def has_libcurl() -> bool:
    header = subprocess.run(["cc", "-E", "-"], input="#include <curl/curl.h>\n", text=True, capture_output=True)
    return header.returncode == 0


@contextlib.contextmanager
def server(way: str, delay_ms: int) -> Iterator[list[str]]:
    """A server that answers this way, and the options by which a client finds it."""
    options = [] if way == "plain" else ["--tls", way]
    if delay_ms:
        options += ["--delay-ms", str(delay_ms)]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**ENVIRONMENT, "TMPDIR": folder}
        command = [*pinned(1), str(RUST / "server"), *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as serving:
            assert serving.stdout is not None
            _, port, *certificate = serving.stdout.readline().split()
            scheme = "https" if certificate else "http"
            yield ["--url", f"{scheme}://127.0.0.1:{port}", *(["--ca", certificate[0]] if certificate else [])]
            serving.terminate()


def pinned(core: int) -> list[str]:
    return ["taskset", "-c", str(core)] if shutil.which("taskset") and (os.cpu_count() or 1) > 1 else []


def once(client: Client, way: str, n: int) -> float:
    """Microseconds of CPU per update; for one call at a time, its median latency."""
    n = int(n * client.updates)
    with server(way, client.delay_ms) as address:
        options = [*client.choose.get(way, []), *address, "--n", str(n), "--c", str(client.concurrency)]
        run = subprocess.run(
            [*pinned(0), *client.command, *options], capture_output=True, text=True, env=ENVIRONMENT, check=False
        )
    if run.returncode != 0:
        raise SystemExit(f"{client.name}, {way}: exit status {run.returncode}\n{run.stderr}")
    seen = json.loads(run.stdout.splitlines()[-1])
    if seen["errors"]:
        raise SystemExit(f"{client.name}, {way}: {seen['errors']} of {n} updates went wrong\n{run.stderr}")
    return float(seen["p50_us"]) if client.one_by_one else float(seen["cpu_s"]) / n * 1e6


def machine() -> str:
    cpu = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    models = [line.split(": ")[1] for line in cpu.splitlines() if line.startswith("model name")]
    model = models[0] if models else platform.machine()
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release().split('-')[0]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--n", type=int, default=50_000, help="updates in a run")
    parser.add_argument("--only", default="", help="the clients with this text in their names")
    parser.add_argument("--without", default="", help="python, c, or both: what not to build and measure")
    parser.add_argument("--write", action="store_true", help="write bench/RESULTS.md and bench/benchmark.svg")
    arguments = parser.parse_args()
    without = set(filter(None, arguments.without.split(",")))
    if "c" not in without and not has_libcurl():
        raise SystemExit("libcurl's headers are missing; install libcurl4-openssl-dev, or pass --without c")
    build(without)
    chosen = [client for client in clients(without) if arguments.only in client.name]
    runs = [(client, way) for client in chosen for way in client.ways]
    seen: report.Seen = {(client.name, way): [] for client, way in runs}
    for turn in range(arguments.rounds):
        for at, (client, way) in enumerate(runs[:: 1 if turn % 2 == 0 else -1]):
            if sys.stderr.isatty():
                step = f"round {turn + 1}, {at + 1} of {len(runs)}: {client.name}, {way}"
                print(f"\r\x1b[K{step}", end="", file=sys.stderr)
            seen[client.name, way].append(once(client, way, arguments.n))
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr)
    text = report.tables(seen)
    print(text)
    if arguments.write:
        today = datetime.date.today().isoformat()
        report.write(ROOT, text, seen, f"{today}, {machine()}; {arguments.rounds} rounds of {arguments.n:,} updates")


if __name__ == "__main__":
    main()
