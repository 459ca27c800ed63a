"""Messages of a Singer tap."""

from __future__ import annotations

import json
from typing import Any

PROPERTIES = {
    "id": {"type": ["string"]},
    "name": {"type": ["null", "string"]},
    "end": {"type": ["null", "string"], "format": "date"},
    "estimated": {"type": ["null", "string"], "format": "singer.decimal"},
}


def schema(stream: str = "deals", /, key: tuple[str, ...] = ("id",), **properties: Any) -> str:
    """A SCHEMA message, with `properties` in addition to those above."""
    described = {"type": "object", "properties": PROPERTIES | properties}
    return json.dumps({"type": "SCHEMA", "stream": stream, "schema": described, "key_properties": list(key)})


def record(stream: str = "deals", /, **properties: Any) -> str:
    """A RECORD message."""
    return json.dumps({"type": "RECORD", "stream": stream, "record": properties})


def state(**bookmarks: Any) -> str:
    """A STATE message."""
    return json.dumps({"type": "STATE", "value": bookmarks})
