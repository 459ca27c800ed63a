"""The client of a process: the same one for all tasks with the same options."""

# pyright: basic, reportMissingImports=false
# The types of PySpark and pyarrow, which are not installed to check this, are unknown.

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

import projectcor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from projectcor.spark._options import Options

__all__ = ["client_of"]


def client_of(options: Options) -> projectcor.Client:
    """The client for these options, made in this process or kept from an earlier task.

    A kept client has its connections, its token and the rate that it learned. Tasks run one at a time in a process of
    Python, so they do not share it at the same time.

    Raises:
        ConfigError: The options cannot work together, or there are no credentials.
    """
    return _client(options.client, options.environment)


@lru_cache(maxsize=8)
def _client(arguments: tuple[tuple[str, object], ...], environment: tuple[tuple[str, str], ...]) -> projectcor.Client:
    # Their names and types were checked when the options were parsed.
    make: Any = projectcor.Client
    with _environment(dict(environment)):
        return cast("projectcor.Client", make(**dict(arguments)))


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Replaces the variables that start with COR_ by those of the driver: the client then applies its own rules about
    what wins. What an executor's machine has set by chance is not used."""
    own = {name: value for name, value in os.environ.items() if name.startswith("COR_")}
    for name in own:
        del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in variables:
            del os.environ[name]
        os.environ.update(own)
