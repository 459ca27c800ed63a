"""Import time and memory of this library and of others, each in a fresh interpreter, in turn.

    python bench/python/imports.py [--rounds 20] [MODULE…]

Prints, per module, the median of: milliseconds from start to exit and peak memory in MiB, both over the bare
interpreter's.
Modules that are not installed are left out. The first import of each, which may write bytecode, is not counted.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

PEAK = "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"


def once(module: str) -> tuple[float, float] | None:
    """Milliseconds and MiB of an interpreter that imports `module` and ends."""
    code = f"import {module}\n{PEAK}" if module else PEAK
    begun = time.perf_counter()
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    milliseconds = (time.perf_counter() - begun) * 1e3
    return (milliseconds, int(ended.stdout) / 1024) if ended.returncode == 0 else None


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=20)
    peers = ["requests", "httpx", "aiohttp", "pycurl", "msgspec"]
    parser.add_argument("modules", nargs="*", default=["projectcor", *peers])
    arguments = parser.parse_args()
    modules = ["", *arguments.modules]
    runs: dict[str, list[tuple[float, float]]] = {module: [] for module in modules if once(module)}
    for _ in range(arguments.rounds):
        for module, seen in runs.items():
            run = once(module)
            if run:
                seen.append(run)

    def medians(module: str) -> tuple[float, float]:
        times, memories = zip(*runs[module])
        return statistics.median(times), statistics.median(memories)

    bare_time, bare_memory = medians("")
    print(f"{'bare interpreter':<18}{bare_time:8.1f} ms {bare_memory:8.1f} MiB")
    for module in runs:
        if module:
            its_time, its_memory = medians(module)
            print(f"{module:<18}{its_time - bare_time:+8.1f} ms {its_memory - bare_memory:+8.1f} MiB")


if __name__ == "__main__":
    main()
