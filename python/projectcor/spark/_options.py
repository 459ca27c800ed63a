"""The options of ``format("cor")``: their names, checks, and what of them goes to the executors."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from projectcor import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

__all__ = ["Options", "refused"]

_CLIENT = {
    "token": "token",
    "apikey": "api_key",
    "clientsecret": "client_secret",
    "profile": "profile",
    "baseurl": "base_url",
    "tokenurl": "token_url",
}
"""Options of text that are arguments of ``projectcor.Client``. Spark passes all names in lower case."""

_NAMES = (
    *("source", "idColumn", "clearNulls", "token", "apiKey", "clientSecret", "profile", "baseUrl", "tokenUrl"),
    *("concurrency", "rate", "rejects", "onReject", "partitions"),
)

_OF_SPARK = {"checkpointlocation", "queryname"}
"""Options that Spark reads: they say nothing about COR."""

_ENVIRONMENT = (
    *("COR_ACCESS_TOKEN", "COR_API_KEY", "COR_CLIENT_SECRET", "COR_BASE_URL", "COR_TOKEN_URL"),
    *("COR_TRANSPORT", "COR_PROFILE", "COR_CONFIG"),
)
"""Variables of ``projectcor.Client`` that executors take from the driver."""


def refused(problem: str) -> ConfigError:
    """The error for a write that does not begin."""
    return ConfigError(f'cannot write to format("cor"): {problem}')


@dataclass(frozen=True)
class Options:
    """The checked options of one write. It is pickled to the executors; ``repr`` shows no secret."""

    source: str
    id_column: str
    clear_nulls: tuple[str, ...]
    client: tuple[tuple[str, Any], ...] = field(repr=False)
    """Arguments of ``projectcor.Client``."""
    environment: tuple[tuple[str, str], ...] = field(repr=False)
    """The driver's environment variables, as far as ``projectcor.Client`` reads them."""
    rejects: str | None = field(repr=False)
    """The folder of rejected rows; an address may have a secret in it."""
    fails: bool
    """Whether a row that was not applied fails the write."""
    partitions: int

    @property
    def table_values(self) -> dict[str, Any]:
        """Arguments of ``update_many`` about the values of columns."""
        return {"clear_nulls": list(self.clear_nulls)} if self.clear_nulls else {}

    @classmethod
    def parse(cls, given: Mapping[str, str], *, is_stream: bool) -> Options:
        """Checks the options of a write.

        Args:
            given: The options by their names, in any case.
            is_stream: Whether they are those of ``writeStream``.

        Raises:
            ConfigError: With all problems.
        """
        texts = {name.lower(): value for name, value in given.items()}
        problems = [_unknown(name) for name in texts if not _is_known(name)]
        source = texts.get("source", "")
        if not source.strip():
            problems.append(
                'option source is required: .option("source", "SALESFORCE") (the system the projects were created from)'
            )
        client: dict[str, Any] = {name: texts[key] for key, name in _CLIENT.items() if key in texts}
        client["concurrency"] = _whole(texts, "concurrency", None, problems)
        client["rate"] = _number(texts, "rate", problems)
        partitions = _whole(texts, "partitions", 1, problems) or 1
        rejects = texts.get("rejects")
        fails = _on_reject(texts, is_stream, rejects, problems)
        if problems:
            raise refused("; ".join(problems))
        return cls(
            source=source,
            id_column=texts.get("idcolumn", "id"),
            clear_nulls=tuple(name.strip() for name in texts.get("clearnulls", "").split(",") if name.strip()),
            client=tuple(sorted((name, value) for name, value in client.items() if value is not None)),
            environment=tuple((name, os.environ[name]) for name in _ENVIRONMENT if name in os.environ),
            rejects=rejects,
            fails=fails,
            partitions=partitions,
        )


def _is_known(name: str) -> bool:
    return name in _OF_SPARK or name in {known.lower() for known in _NAMES}


def _unknown(name: str) -> str:
    from difflib import get_close_matches

    if name == "path":
        return "a path names no place in COR; call save() or start() without a path"
    if name == "createmissing":
        return (
            "there is no option createMissing; create projects from the driver, by "
            "client.projects.update_many(df, source=..., create_missing=True)"
        )
    close = get_close_matches(name, [known.lower() for known in _NAMES], 1)
    names = [known for known in _NAMES if known.lower() in close] or _NAMES
    return (
        f"there is no option {name}; did you mean {' or '.join(names)}?"
        if close
        else (f"there is no option {name}; the options are {', '.join(names)}")
    )


def _on_reject(texts: Mapping[str, str], is_stream: bool, rejects: str | None, problems: list[str]) -> bool:
    """Whether a row that was not applied fails the write."""
    word = texts.get("onreject", "continue" if is_stream else "fail").lower()
    if word not in ("fail", "continue"):
        problems.append(f"option onReject is {word!r}; it must be fail or continue")
    elif rejects is not None and not rejects.strip():
        problems.append("option rejects is empty; set it to a folder")
    elif is_stream and word == "fail":
        problems.append(
            "option onReject is fail, and a stream would send the batch of a rejected row again without end; "
            "leave the option out, and read the folder rejects"
        )
    elif rejects is None and is_stream:
        problems.append(
            'a stream needs option rejects: .option("rejects", FOLDER), the folder for Parquet files of rows that '
            "were not applied"
        )
    elif rejects is None and word == "continue":
        problems.append(
            'onReject = continue needs option rejects: .option("rejects", FOLDER), because no other place shows the '
            "rows that were not applied"
        )
    return word == "fail"


def _whole(texts: Mapping[str, str], name: str, default: int | None, problems: list[str]) -> int | None:
    if name not in texts:
        return default
    try:
        number = int(texts[name])
    except ValueError:
        number = 0
    if number < 1:
        problems.append(f"option {name} is {texts[name]!r}; it must be a whole number from 1 on")
    return number


def _number(texts: Mapping[str, str], name: str, problems: list[str]) -> float | None:
    if name not in texts:
        return None
    try:
        return float(texts[name])
    except ValueError:
        problems.append(f"option {name} is {texts[name]!r}; it must be a number of requests per second, such as 20")
        return None
