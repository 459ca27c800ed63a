"""Tidies the header that cbindgen wrote: tidy_header.py FILE changes it in place. scripts/header calls it."""

from __future__ import annotations

import re
import sys
from pathlib import Path


def tidy(text: str) -> str:
    # One-line comments stay on one line, which makes the file a third shorter.
    text = re.sub(r"^( *)/\*\*\n *\* ([^\n]*)\n *\*/$", r"\1/** \2 */", text, flags=re.M)
    text = re.sub(r" // (__cplusplus|PROJECTCOR_H|extern \"C\")", r" /* \1 */", text)
    # The typedefs are there before their first use. What follows a shorter first line moves along.
    text = re.sub(r"^struct (cor_\w+ \*\w+\([^;]*;)", lambda m: m[1].replace("\n" + " " * 7, "\n"), text, flags=re.M)
    text = re.sub(r"(?<!typedef )\bstruct (cor_\w+)(?= \*)", r"\1", text)
    text = re.sub(r" +$", "", text, flags=re.M)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(tidy(path.read_text(encoding="utf-8")), encoding="utf-8")
