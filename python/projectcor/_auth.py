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
    """Asks a token provider that may be asynchronous: an awaitable is awaited in the running loop that called last."""

    def __init__(self, provider: AsyncTokenProvider) -> None:
        from threading import Lock

        self._provider = provider
        self._loops: tuple[AbstractEventLoop, ...] = ()
        """The event loops that called, the latest first."""
        self._lock = Lock()

    def called_in(self, loop: AbstractEventLoop) -> None:
        """Remembers the event loop of a call."""
        if self._loops and self._loops[0] is loop:
            return
        with self._lock:
            others = (other for other in self._loops if other is not loop and not other.is_closed())
            self._loops = (loop, *others)

    def __call__(self) -> ProvidedToken:
        from concurrent.futures import CancelledError

        tried: list[AbstractEventLoop] = []
        while True:
            returned: Any = self._provider()
            if not hasattr(returned, "__await__"):
                token: ProvidedToken = returned
                return token
            loop = self._running(tried)
            if loop is None:
                _discard(returned)
                raise RuntimeError("the token provider has to be awaited, and no event loop of a call is running")
            tried.append(loop)
            try:
                return _result(returned, loop)
            except CancelledError:
                # The event loop ended, and calls in another one may wait for the token.
                if self._running(tried) is None:
                    raise

    def _running(self, tried: list[AbstractEventLoop]) -> AbstractEventLoop | None:
        return next((loop for loop in self._loops if loop.is_running() and loop not in tried), None)


_LOOK = 0.25
"""Seconds between two looks at an event loop in which a token is awaited."""


def _result(returned: Awaitable[ProvidedToken], loop: AbstractEventLoop) -> ProvidedToken:
    """What the awaitable returns in the event loop, which may end before."""
    from asyncio import run_coroutine_threadsafe
    from concurrent.futures import CancelledError, wait
    from inspect import CORO_CREATED, getcoroutinestate

    awaited = _awaited(returned)
    try:
        try:
            future = run_coroutine_threadsafe(awaited, loop)
        except RuntimeError as error:
            # It was closed in between.
            raise CancelledError from error
        while not wait([future], _LOOK).done:
            if not loop.is_running():
                future.cancel()
                raise CancelledError
        return future.result()
    finally:
        if getcoroutinestate(awaited) == CORO_CREATED:
            awaited.close()
            _discard(returned)


def _discard(returned: object) -> None:
    """Closes a coroutine that is not awaited."""
    close = getattr(returned, "close", None)
    if close is not None:
        close()


async def _awaited(returned: Awaitable[ProvidedToken]) -> ProvidedToken:
    return await returned
