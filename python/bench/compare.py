"""CPU per update of `update_many` beside other clients at the same job, on the same server, in the same run.

    python python/bench/compare.py --server SERVER [--peers FOLDER] [--rounds 5] [--n 20000] [--c 32]

SERVER is a program, with its arguments, that prints `listening PORT` and answers updates; FOLDER holds the other
clients, `client_NAME.py`, which take `--url --n --c --codec` and print a line of JSON with `cpu_s`. Without FOLDER,
this client is compared with itself: a list of dicts with tables of the same rows, blocking and with `await`. Clients
take turns, every other round in reverse, each on one core and the server on another, where the system can do that.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

OWN = [sys.executable, str(Path(__file__).with_name("peer.py"))]


def pinned(core: int) -> list[str]:
    return ["taskset", "-c", str(core)] if shutil.which("taskset") else []


def once(server: str, client: list[str], n: int, c: int) -> float:
    """Microseconds of CPU per update, user and system."""
    with subprocess.Popen([*pinned(1), *shlex.split(server)], stdout=subprocess.PIPE, text=True) as serving:
        assert serving.stdout is not None
        port = serving.stdout.readline().split()[1]
        command = [*pinned(0), *client, "--url", f"http://127.0.0.1:{port}", "--n", str(n), "--c", str(c)]
        report = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[-1])
        serving.terminate()
        serving.communicate()
    assert report["errors"] == 0, f"{client}: {report}"
    return float(report["cpu_s"]) / n * 1e6


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--c", type=int, default=32)
    a = parser.parse_args()
    if a.peers is None:
        clients = {kind: [*OWN, "--rows", kind] for kind in ("dicts", "pandas", "polars", "arrow")}
        clients |= {f"{kind}, async": [*command, "--async"] for kind, command in clients.items()}
    else:
        clients = {"projectcor": OWN, "projectcor, async": [*OWN, "--async"]}
        for name in ("pycurl", "aiohttp"):
            clients[f"{name} + msgspec"] = [sys.executable, str(a.peers / f"client_{name}.py"), "--codec", "msgspec"]
    found: dict[str, list[float]] = {name: [] for name in clients}
    for turn in range(a.rounds):
        for name in list(clients)[:: 1 if turn % 2 == 0 else -1]:
            found[name].append(once(a.server, clients[name], a.n, a.c))
    first = next(iter(clients))
    own = statistics.median(found[first])
    for name, runs in found.items():
        median = statistics.median(runs)
        ratio = f"{first} / it = {own / median:.2f}" if a.peers else f"it / {first} = {median / own:.2f}"
        print(f"{name:<20}{median:7.1f} us ({min(runs):.1f} to {max(runs):.1f})   {ratio}")


if __name__ == "__main__":
    main()
