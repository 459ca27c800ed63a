"""Prints what cargo-mutants found: mutants_report.py PART OUTCOMES.json… scripts/mutants calls it.

Where several files have the same change, the last file counts.

Exit status 1: fewer than LEAST % of the viable changes are caught.
"""

from __future__ import annotations

import json
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

LEAST = 90
COLUMNS = ["caught", "timeout", "missed", "accepted", "unviable"]
RESULTS = {"CaughtMutant": "caught", "Timeout": "timeout", "Unviable": "unviable", "MissedMutant": "missed"}


def accepted_reasons(crate: str) -> dict[str, str]:
    """The changes that may stay unnoticed, and why."""
    entries = tomllib.loads(Path(".cargo/mutants-accepted.toml").read_text(encoding="utf-8")).get("accepted", [])
    return {entry["mutant"]: entry["reason"] for entry in entries if entry["package"] == crate}


def rate(counts: Counter[str]) -> float:
    # Tests that never end have noticed.
    caught = counts["caught"] + counts["timeout"]
    return 100 * caught / max(1, caught + counts["missed"])


def mutants(paths: list[Path]) -> list[tuple[dict[str, Any], str]]:
    """Each change with its outcome, the last one where it was tried again."""
    found = {}
    for path in paths:
        for outcome in json.loads(path.read_text(encoding="utf-8"))["outcomes"]:
            if outcome["scenario"] != "Baseline":
                mutant = outcome["scenario"]["Mutant"]
                found[mutant["name"]] = (mutant, str(outcome["summary"]))
    return list(found.values())


def report(crate: str, paths: list[Path]) -> bool:
    """Prints the tables; whether enough is caught."""
    reasons = accepted_reasons(crate)
    files: dict[str, Counter[str]] = {}
    missed, accepted = [], set()
    for mutant, summary in mutants(paths):
        if summary not in RESULTS:
            sys.exit(f"{mutant['name']}: unexpected outcome {summary}")
        result = RESULTS[summary]
        # The name begins with file:line:column; what follows stays the same when lines move.
        change = mutant["name"].split(": ", 1)[1]
        if result == "missed" and change in reasons:
            result = "accepted"
            accepted.add(change)
        elif result == "missed":
            missed.append(mutant["name"])
        files.setdefault(mutant["file"], Counter())[result] += 1

    for name in sorted(missed):
        print("missed:", name)
    for change in sorted(set(reasons) - accepted):
        print("accepted, but not unnoticed in this run:", change)
    width = max(map(len, files), default=0)
    print(f"{'':{width}}" + "".join(f"{column:>10}" for column in COLUMNS) + "    rate")
    total = sum(files.values(), Counter[str]())
    for file, counts in [*sorted(files.items()), (crate, total)]:
        print(f"{file:{width}}" + "".join(f"{counts[column]:10}" for column in COLUMNS) + f"{rate(counts):7.1f}%")
    return rate(total) >= LEAST


if __name__ == "__main__":
    if not report(sys.argv[1], [Path(name) for name in sys.argv[2:]]):
        sys.exit(f"{sys.argv[1]}: fewer than {LEAST} % of the viable changes are caught")
