"""Turns tests/vectors/*.json into a table for C and C++.

PYTHONPATH=tests python3 -m c.vectors tests/vectors > vectors.h
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any


def literal(text: str | None) -> str:
    """A C string literal; NULL for None. Bytes that C could read otherwise are written as octal escapes."""
    if text is None:
        return "NULL"

    def spelled(byte: int) -> str:
        plain = 32 <= byte < 127 and chr(byte) not in '"\\?'
        return chr(byte) if plain else f"\\{byte:03o}"

    return '"' + "".join(map(spelled, text.encode())) + '"'


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def rows(items: Iterable[Sequence[str | None]], width: int = 2) -> str:
    """An array's elements; where there are none, one of NULLs, since C has no empty arrays."""
    elements = list(items) or [[None] * width]
    return "{" + ", ".join("{" + ", ".join(map(literal, element)) + "}" for element in elements) + "}"


def update_parts(vector: dict[str, Any]) -> list[str]:
    fields = [(name, tag, text_of(value)) for name, tagged in vector["fields"].items() for tag, value in tagged.items()]
    expect = vector["expect"]
    extra = list(vector.get("extra", {}).items())
    issues = expect.get("issues", [])
    parts = [literal(vector["name"]), literal(vector["id"]), str(len(vector["id"].encode())), literal(vector["source"])]
    parts += [str(len(fields)), rows(fields, 3), str(len(extra)), rows(extra)]
    parts += [literal(expect.get(name)) for name in ("path", "body", "kind")]
    return [*parts, str(len(issues)), rows(issues)]


def answer_parts(vector: dict[str, Any]) -> list[str]:
    answer = {"status": vector["status"], "headers": vector.get("headers", {}), "body": vector["body"], "times": 2}
    expect = vector["expect"]
    project = list(expect["project"].items()) if "project" in expect else []
    parts = [literal(vector["name"]), literal(json.dumps(answer)), str(len(project)), rows(project)]
    parts += [literal(expect.get(name)) for name in ("kind", "outcome", "code")]
    return parts + [str(int(expect.get(name, -1))) for name in ("status", "attempts", "retryable", "retry_after")]


def main_parts(vector: dict[str, Any]) -> list[str]:
    answer = {"status": vector["status"], "headers": vector.get("headers", {}), "body": vector["body"]}
    # On every attempt and for every page.
    queued = {"endpoint": "main_projects", **answer, "times": 100}
    expect = vector["expect"]
    project = list(expect["project"].items()) if "project" in expect else []
    ids = "".join(f"{id} " for id in expect["ids"]) if "ids" in expect else None
    total = -1 if expect.get("total") is None else expect["total"]
    parts = [literal(vector["name"]), literal(vector["call"]), str(vector.get("id", 0)), literal(json.dumps(queued))]
    parts += [str(len(project)), rows(project), literal(ids), str(total)]
    parts += [literal(expect.get(name)) for name in ("kind", "outcome", "code")]
    return parts + [str(int(expect.get(name, -1))) for name in ("status", "attempts", "retryable")]


def lines(folder: Path) -> Iterator[str]:
    yield "/* Made from tests/vectors by tests/c/vectors.py. */"
    yield '#include "vectors_types.h"'
    for name, parts in (("update", update_parts), ("answer", answer_parts), ("main_answer", main_parts)):
        yield f"static const struct {name}_vector {name}_vectors[] = {{"
        for vector in json.loads((folder / f"{name}s.json").read_text(encoding="utf-8")):
            yield "  {" + ", ".join(parts(vector)) + "},"
        yield "};"


def header(folder: Path) -> str:
    """The text of vectors.h for the tables in this folder."""
    return "\n".join(lines(folder)) + "\n"


if __name__ == "__main__":
    print(header(Path(sys.argv[1])), end="")
