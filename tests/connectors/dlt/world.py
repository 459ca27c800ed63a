"""Pipelines of dlt into a sandbox, in this process and in processes that a test can kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from projectcor.dlt import cor
from projectcor.testing import Sandbox

# By its name: the folder of this file is called dlt too, which confuses checkers.
dlt: Any = import_module("dlt")

SOURCE = "SALESFORCE"
REJECTS = "rejects.jsonl"


def sandbox_with(count: int, **options: Any) -> Sandbox:
    """A sandbox with the projects 0 to ``count - 1``."""
    seed = [{"id": str(number), "source": SOURCE, "name": "Before"} for number in range(count)]
    return Sandbox(seed=seed, record=1_000_000, **options)


def resource(rows: Iterable[Any], name: str = "deals", key: Any = "deal", how: str = "append", **hints: Any) -> Any:
    """A resource of these rows."""
    return dlt.resource(list(rows), name=name, primary_key=key, write_disposition=how, **hints)


def destination(sandbox: Sandbox, **options: Any) -> Any:
    """The destination, with the sandbox's address and token."""
    return cor(
        **{
            "cor_source": SOURCE,
            "rejects": REJECTS,
            "cor_base_url": sandbox.base_url,
            "cor_access_token": sandbox.token,
            **options,
        }
    )


def pipeline(sandbox: Sandbox, **options: Any) -> Any:
    """A pipeline into the sandbox. Pipelines of one test are the same one, as in runs one after the other."""
    return dlt.pipeline(
        "deals", destination=destination(sandbox, **options), pipelines_dir=str(Path("pipelines").resolve())
    )


def ids(sandbox: Sandbox) -> list[str]:
    """The external ids of the requests, in their order."""
    return [request.path.rsplit("/", 1)[-1] for request in sandbox.requests]


def sent_twice(sandbox: Sandbox) -> int:
    """How many requests repeated one that the sandbox had received before."""
    return sum(count - 1 for count in Counter(ids(sandbox)).values())


def rejects(path: str = REJECTS) -> list[dict[str, Any]]:
    """The rows of the file of rejected rows, with numbers as they were written."""
    lines = Path(path).read_text(encoding="utf-8").splitlines()
    return [json.loads(line, parse_float=str) for line in lines]


def texts(error: BaseException | None) -> str:
    """The messages of an exception and of its causes."""
    found = []
    while error is not None:
        found.append(str(error))
        error = error.__cause__ or error.__context__
    return "\n".join(found)


def start(script: str, **environment: str) -> subprocess.Popen[str]:
    """Runs a script of Python in a process of its own, in the current folder."""
    return subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def program(*arguments: str, sandbox: Sandbox) -> subprocess.CompletedProcess[str]:
    """Runs the program ``cor`` of the wheel against the sandbox."""
    return subprocess.run(
        [sys.executable, "-m", "projectcor", *arguments],
        env={**os.environ, **sandbox.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
