"""Prints what layout.c records of a header, as macro calls: layout_values.py projectcor.h > layout_values.h"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path


def calls(text: str) -> Iterator[str]:
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    values = re.findall(r"^ *(COR_[A-Z_0-9]+) = ", text, re.M)
    for name in values + re.findall(r"^#define (PROJECTCOR_VERSION_\w+) ", text, re.M):
        yield f"VALUE({name});"
    for name, body in re.findall(r"typedef struct (cor_\w+) \{(.*?)\}", text, re.S):
        yield f"SIZE({name});"
        for member in re.findall(r"(\w+);", body):
            yield f"MEMBER({name}, {member});"


if __name__ == "__main__":
    print("\n".join(calls(Path(sys.argv[1]).read_text(encoding="utf-8"))))
