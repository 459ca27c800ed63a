"""The docstrings of the compiled half of the Python package, which stand in crates/cor-py as comments of Rust."""

from __future__ import annotations

import re
from pathlib import Path

_COMMENT = r"(?P<comment>(?:^ *///.*\n)+)(?:^ *#\[(?:.*\n)*?.*\]\n)*?^ *"
_CLASS = re.compile(_COMMENT + r"pub(?:\(crate\))? struct (?P<name>\w+)", re.M)
_METHODS = re.compile(r"^#\[pymethods\]\nimpl (?P<name>\w+) \{\n(?P<body>.*?)^\}", re.M | re.S)
_METHOD = re.compile(_COMMENT + r"(?:pub(?:\(crate\))? )?fn (?P<name>\w+)", re.M)
_FUNCTION = re.compile(_COMMENT + r"pub(?:\(crate\))? fn (?P<name>\w+)", re.M)


def _text(comment: str) -> str:
    return "\n".join(re.sub(r"^ */// ?", "", line) for line in comment.splitlines())


def native_docs(sources: Path) -> dict[str, str]:
    """The docstrings by name: "Results", "Results.stop", "compare"."""
    found: dict[str, str] = {}
    for path in sorted(sources.glob("*.rs")):
        source = path.read_text(encoding="utf-8")
        for match in _FUNCTION.finditer(source):
            if "#[pyfunction" in match[0]:
                found[match["name"]] = _text(match["comment"])
        for match in _CLASS.finditer(source):
            if "#[pyclass" in match[0]:
                found[match["name"]] = _text(match["comment"])
        for block in _METHODS.finditer(source):
            for match in _METHOD.finditer(block["body"]):
                found[f"{block['name']}.{match['name'].removeprefix('get_')}"] = _text(match["comment"])
    return found
