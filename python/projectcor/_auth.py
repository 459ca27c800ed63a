"""The credentials of a client: what ``auth_status`` returns, and token providers of an asynchronous client."""

from __future__ import annotations

from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Awaitable
    from typing import Any, Literal

    from projectcor._types import AsyncTokenProvider, ProvidedToken

__all__ = ["AuthStatus", "LoopTokens", "auth_status"]


@dataclass(frozen=True)
class AuthStatus:
    """Which credentials a client uses, and whether COR accepts them.

    It holds no secret. ``str`` returns a few aligned lines.

    Attributes:
        result: ``accepted``: COR accepted the token. ``token_issued``: the token endpoint issued a token, and there was
            no other server to ask. ``not_checked``: there was no server to ask. ``refused``: COR refused the
            credentials, or no token could be got with them. ``unreachable``: no server gave a usable response.
        asked: What was asked, such as ``GET https://api.projectcor.com/v1/me``; ``None`` if at most the token endpoint
            was asked.
        credentials: The kind of credentials.
        credentials_from: Where they come from, as text.
        profile: The name of the profile that they come from.
        config_file: The configuration file of that profile.
        base_url: The base URL of the Integrations API.
        token_url: The URL of the token endpoint; ``None`` where the credentials do not use it.
        proxy: The proxy for requests to ``base_url``, without user and password.
        ca_file: The file of certificate authorities that are trusted besides the operating system's.
        error: Why the credentials are not accepted, or why that is not known.
        text: The status for people.
    """

    result: Literal["accepted", "token_issued", "not_checked", "refused", "unreachable"]
    asked: str | None
    credentials: Literal["token", "client_credentials", "token_provider", "token_command"]
    credentials_from: str
    profile: str | None
    config_file: str | None
    base_url: str
    token_url: str | None
    proxy: str | None
    ca_file: str | None
    error: str | None
    text: str

    def __str__(self) -> str:
        return self.text


def auth_status(texts: tuple[str, str]) -> AuthStatus:
    """The status that the compiled half describes as JSON and as text."""
    from json import loads

    status: dict[str, Any] = loads(texts[0])
    error = status.pop("error")
    return AuthStatus(**status, error=error and error["message"], text=texts[1])


class LoopTokens:
    """Asks a token provider that may be asynchronous: an awaitable is awaited in the event loop of the latest call."""

    def __init__(self, provider: AsyncTokenProvider) -> None:
        self._provider = provider
        self.loop: AbstractEventLoop | None = None

    def __call__(self) -> ProvidedToken:
        returned: Any = self._provider()
        if not hasattr(returned, "__await__"):
            token: ProvidedToken = returned
            return token
        from asyncio import run_coroutine_threadsafe

        assert self.loop is not None, "a token is needed in a call, which sets the event loop"
        return run_coroutine_threadsafe(_awaited(returned), self.loop).result()


async def _awaited(returned: Awaitable[ProvidedToken]) -> ProvidedToken:
    return await returned
