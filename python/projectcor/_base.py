"""What both clients share: their options, and what is done with arguments before they are sent."""

from __future__ import annotations

from projectcor._aliases import limits
from projectcor._native import CREATE_FIELDS, NativeClient, check_callback
from projectcor._update import ProjectUpdate

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from typing import Any, NoReturn

    from projectcor._native import Progress
    from projectcor._types import AsyncTokenProvider, Bar, OnProgress, Seconds, TokenProvider, Transport

__all__ = ["Base", "ProgressCallbacks", "apart", "bar_of", "merged", "refuse_timeout", "refuse_unknown"]


def refuse_timeout(call: str, keywords: Mapping[str, object]) -> None:
    """Raises a ``TypeError`` for ``timeout`` or ``max_retries`` of a call over many rows; it names what to use."""
    for name in ("timeout", "max_retries"):
        if name not in keywords:
            continue
        option = "deadline" if name == "timeout" else "max_attempts"
        options = f"{name} of the client (for each row, as {option})"
        if name == "timeout" and call != "plan":
            options += ", or outage_timeout (how long to wait while COR cannot be reached)"
        raise TypeError(f"{call}() got an unexpected keyword argument {name!r}; use {options}")


def refuse_unknown(call: str, keywords: Mapping[str, object]) -> None:
    """Raises a ``TypeError`` for the first keyword, as Python does."""
    for name in keywords:
        raise TypeError(f"{call}() got an unexpected keyword argument {name!r}")


class Base:
    """What both clients share: their options. Nothing is connected until the first call."""

    _blocking = True

    def __init__(
        self,
        *,
        profile: str | None = None,
        token: str | None = None,
        api_key: str | None = None,
        client_secret: str | None = None,
        token_provider: TokenProvider | AsyncTokenProvider | None = None,
        base_url: str | None = None,
        main_url: str | None = None,
        token_url: str | None = None,
        connect_timeout: Seconds | None = None,
        attempt_timeout: Seconds | None = None,
        deadline: Seconds | None = None,
        max_attempts: int | None = None,
        timeout: Seconds | None = None,
        max_retries: int | None = None,
        backoff_base: Seconds | None = None,
        backoff_cap: Seconds | None = None,
        retry_budget: int | None = None,
        concurrency: int | None = None,
        rate: float | None = None,
        rate_hint: float | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        client_cert: str | os.PathLike[str] | None = None,
        client_key: str | os.PathLike[str] | None = None,
        proxy: str | None = None,
        transport: Transport | None = None,
        user_agent: str | None = None,
    ) -> None:
        deadline, max_attempts = limits(type(self).__name__, deadline, timeout, max_attempts, max_retries)
        self._native = NativeClient(
            self._blocking,
            {
                "profile": profile,
                "token": token,
                "api_key": api_key,
                "client_secret": client_secret,
                "token_provider": self._tokens(token_provider),
                "base_url": base_url,
                "main_url": main_url,
                "token_url": token_url,
                "connect_timeout": connect_timeout,
                "attempt_timeout": attempt_timeout,
                "deadline": deadline,
                "max_attempts": max_attempts,
                "backoff_base": backoff_base,
                "backoff_cap": backoff_cap,
                "retry_budget": retry_budget,
                "concurrency": concurrency,
                "rate": rate,
                "rate_hint": rate_hint,
                "ca_file": ca_file,
                "client_cert": client_cert,
                "client_key": client_key,
                "proxy": proxy,
                "transport": transport,
                "user_agent": user_agent,
            },
        )

    def _tokens(self, provider: TokenProvider | AsyncTokenProvider | None) -> object:
        """The token provider as the compiled half calls it."""
        if callable(provider):
            from inspect import iscoroutinefunction

            if iscoroutinefunction(provider) or iscoroutinefunction(type(provider).__call__):
                raise TypeError(
                    "token_provider is a coroutine function, which Client does not await; pass an ordinary function, "
                    "or use AsyncClient"
                )
        return provider

    @property
    def main_url(self) -> str | None:
        """The base URL of COR's main API, which reads projects.

        ``None`` where none belongs with the base URL, so that reading is a ``ConfigError``, and after ``close``.
        """
        return self._native.main_url()

    def rate_hint(self) -> float | None:
        """The rate that COR accepts as far as this client learned it, in requests per second.

        For the option ``rate_hint`` of the next client, where a process cannot keep its client. ``None`` until COR has
        refused a request as rate limited, and after ``close``.
        """
        return self._native.rate_hint()

    def __reduce__(self) -> NoReturn:
        name = type(self).__name__
        raise TypeError(
            f"{name} cannot be pickled, because it holds connections; pass its options to the other process and "
            f"create a new {name} there"
        )

    def __repr__(self) -> str:
        return f"<projectcor.{type(self).__name__}: {self._native.describe()}>"


class ProgressCallbacks:
    """The receivers of progress: a bar, which is closed at the end, and the caller's function."""

    def __init__(self, on_progress: OnProgress | None, bar: Bar | None) -> None:
        if on_progress is not None:
            check_callback(on_progress)
        self._on_progress = on_progress
        self._bar = bar

    def __enter__(self) -> OnProgress | None:
        return self._on_progress if self._bar is None else self._report

    def _report(self, progress: Progress) -> object:
        if self._bar is not None:
            self._bar(progress)
        return None if self._on_progress is None else self._on_progress(progress)

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.close()


def merged(
    update: object,
    source: str | None,
    extra: Mapping[str, Any] | None,
    fields: Mapping[str, Any],
) -> tuple[ProjectUpdate | None, tuple[str | None, Mapping[str, Any], Mapping[str, Any] | None]]:
    """An update with what is given besides it on top, or what is given alone."""
    if update is not None and not isinstance(update, ProjectUpdate):
        raise TypeError(f"update must be a ProjectUpdate, not {type(update).__name__}; pass the fields as keywords")
    if update is not None and (source is not None or fields or extra):
        update = update.replace(source=source, extra=extra, **fields)
    return update, (source, fields, extra)


def apart(fields: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields that only a create has, and those that an update has too."""
    only = {name: value for name, value in fields.items() if name in CREATE_FIELDS and value is not None}
    return only, {name: value for name, value in fields.items() if name not in CREATE_FIELDS}


def bar_of(progress: bool) -> Bar | None:
    if not progress:
        return None
    from projectcor._progress import bar

    return bar()
