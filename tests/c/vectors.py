#!/usr/bin/env python3
"""Turns tests/vectors/*.json into a table for C and C++: vectors.py DIRECTORY > vectors.h"""

import json
import sys
from pathlib import Path

where = Path(sys.argv[1])


def c(text):
    """A C string literal; NULL for None. Bytes that C could read otherwise are written as octal escapes."""
    if text is None:
        return "NULL"
    plain = lambda b: 32 <= b < 127 and chr(b) not in '"\\?'
    return '"' + "".join(chr(b) if plain(b) else f"\\{b:03o}" for b in text.encode()) + '"'


def text_of(value):
    return value if isinstance(value, str) else json.dumps(value)


def rows(items, width=2):
    """An array's elements; where there are none, one of NULLs, since C has no empty arrays."""
    return "{" + ", ".join("{" + ", ".join(c(x) for x in item) + "}" for item in items or [[None] * width]) + "}"


print("/* Made from tests/vectors by tests/c/vectors.py. */")
print("#include \"vectors_types.h\"")
print("static const struct update_vector update_vectors[] = {")
for v in json.loads((where / "updates.json").read_text()):
    fields = [(name, *next(iter((t, text_of(x)) for t, x in tagged.items()))) for name, tagged in v["fields"].items()]
    expect = v["expect"]
    parts = [c(v["name"]), c(v["id"]), str(len(v["id"].encode())), c(v["source"]), str(len(fields)), rows(fields, 3)]
    extra = list(v.get("extra", {}).items())
    issues = expect.get("issues", [])
    parts += [str(len(extra)), rows(extra), c(expect.get("path")), c(expect.get("body")), c(expect.get("kind"))]
    parts += [str(len(issues)), rows(issues)]
    print("  {" + ", ".join(parts) + "},")
print("};")
print("static const struct answer_vector answer_vectors[] = {")
for v in json.loads((where / "answers.json").read_text()):
    answer = {"status": v["status"], "headers": v.get("headers", {}), "body": v["body"], "times": 2}
    expect = v["expect"]
    project = list(expect["project"].items()) if "project" in expect else []
    number = lambda name: str(int(expect.get(name, -1)))
    parts = [c(v["name"]), c(json.dumps(answer)), str(len(project)), rows(project), c(expect.get("kind"))]
    parts += [c(expect.get("outcome")), c(expect.get("code")), number("status"), number("attempts")]
    parts += [number("retryable"), number("retry_after")]
    print("  {" + ", ".join(parts) + "},")
print("};")
