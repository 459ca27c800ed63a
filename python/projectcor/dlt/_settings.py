"""The options of the destination, as dlt resolves them, and the client that they describe."""

# dlt is not installed where types are checked, so its types are unknown there.
# pyright: basic, reportMissingImports=false, reportMissingModuleSource=false
from __future__ import annotations

import os
import threading
from typing import Any, List, Optional  # noqa: UP035 - dlt reads these annotations at run time

from dlt.common.configuration import configspec
from dlt.common.destination.exceptions import DestinationTerminalException
from dlt.common.typing import TSecretStrValue
from dlt.destinations.impl.destination.configuration import CustomDestinationClientConfiguration

from projectcor._client import Client
from projectcor._errors import ConfigError

__all__ = ["BATCH_SIZE", "CorConfiguration", "client_of"]

BATCH_SIZE = 500
"""Rows that dlt passes at a time. It records its progress after each batch, so this many rows at most are sent again
after a kill."""


@configspec
class CorConfiguration(CustomDestinationClientConfiguration):
    """The options of ``cor``. Their names begin with ``cor_``, because dlt also reads variables without any prefix: an
    option ``source`` would be set by a variable ``SOURCE`` of another program."""

    batch_size: int = BATCH_SIZE
    cor_access_token: Optional[TSecretStrValue] = None
    cor_api_key: Optional[TSecretStrValue] = None
    cor_client_secret: Optional[TSecretStrValue] = None
    cor_profile: Optional[str] = None
    cor_base_url: Optional[str] = None
    cor_token_url: Optional[str] = None
    cor_concurrency: Optional[int] = None
    cor_rate: Optional[float] = None
    cor_source: Optional[str] = None
    cor_outage_timeout: Optional[float] = None
    cor_clear_nulls: Optional[List[str]] = None  # noqa: UP006
    cor_day_in: Optional[str] = None
    cor_ignore: Optional[List[str]] = None  # noqa: UP006
    # Required, but not for dlt's own commands, which resolve the options too: `_checks` refuses a load without it.
    rejects: Optional[str] = None


_OPTIONS = {
    "token": "cor_access_token",
    "api_key": "cor_api_key",
    "client_secret": "cor_client_secret",
    "profile": "cor_profile",
    "base_url": "cor_base_url",
    "token_url": "cor_token_url",
    "concurrency": "cor_concurrency",
    "rate": "cor_rate",
}
"""The options of ``Client``, and the settings that set them."""

_clients: dict[object, Client] = {}
_lock = threading.Lock()


def client_of(settings: Any) -> Client:
    """The client with these settings. A process has one, so that all tables share connections, token and rate limiter.

    Raises:
        DestinationTerminalException: The settings or the environment are invalid.
    """
    options = {option: _argument(name, getattr(settings, name)) for option, name in _OPTIONS.items()}
    environment = sorted((name, value) for name, value in os.environ.items() if name.startswith("COR_"))
    key = (*options.items(), *environment)
    with _lock:
        if key not in _clients:
            try:
                _clients[key] = Client(**options)
            except ConfigError as error:
                raise DestinationTerminalException(f"projectcor.dlt: {error}") from error
        return _clients[key]


def _argument(name: str, value: Any) -> Any:
    """``None`` for a value that dlt read from the variable that the client reads by itself.

    dlt looks for ``cor_access_token`` in ``COR_ACCESS_TOKEN`` too. Passed on as an argument, a token of the environment
    would go to servers that the client keeps it from, such as one that only a profile names.
    """
    return None if value is not None and value == os.environ.get(name.upper()) else value
