"""What both clients share: their options, and what is done with arguments before they are sent."""

from __future__ import annotations

from projectcor._native import NativeClient, check_callback
from projectcor._update import ProjectUpdate

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from typing import Any, NoReturn

    from projectcor._native import Progress
    from projectcor._types import Bar, OnProgress, Seconds, Transport

__all__ = ["Base", "Telling", "bar_of", "merged"]


class Base:
    """What both clients share: their options. Nothing is connected until the first call."""

    _blocking = True

    def __init__(
        self,
        *,
        token: str | None = None,
        api_key: str | None = None,
        client_secret: str | None = None,
        base_url: str | None = None,
        token_url: str | None = None,
        connect_timeout: Seconds | None = None,
        attempt_timeout: Seconds | None = None,
        deadline: Seconds | None = None,
        max_attempts: int | None = None,
        backoff_base: Seconds | None = None,
        backoff_cap: Seconds | None = None,
        concurrency: int | None = None,
        rate: float | None = None,
        ca_file: str | os.PathLike[str] | None = None,
        client_cert: str | os.PathLike[str] | None = None,
        client_key: str | os.PathLike[str] | None = None,
        proxy: str | None = None,
        transport: Transport | None = None,
        user_agent: str | None = None,
    ) -> None:
        self._native = NativeClient(
            self._blocking,
            {
                "token": token,
                "api_key": api_key,
                "client_secret": client_secret,
                "base_url": base_url,
                "token_url": token_url,
                "connect_timeout": connect_timeout,
                "attempt_timeout": attempt_timeout,
                "deadline": deadline,
                "max_attempts": max_attempts,
                "backoff_base": backoff_base,
                "backoff_cap": backoff_cap,
                "concurrency": concurrency,
                "rate": rate,
                "ca_file": ca_file,
                "client_cert": client_cert,
                "client_key": client_key,
                "proxy": proxy,
                "transport": transport,
                "user_agent": user_agent,
            },
        )

    def __reduce__(self) -> NoReturn:
        name = type(self).__name__
        raise TypeError(
            f"a {name} holds connections and cannot be pickled; pass its options (or the environment) on "
            f"and make a {name} where it is used"
        )

    def __repr__(self) -> str:
        return f"<projectcor.{type(self).__name__}: {self._native.describe()}>"


class Telling:
    """Who is to be told of progress: a bar, which is closed at the end, and a callback."""

    def __init__(self, on_progress: OnProgress | None, bar: Bar | None) -> None:
        if on_progress is not None:
            check_callback(on_progress)
        self._on_progress = on_progress
        self._bar = bar

    def __enter__(self) -> OnProgress | None:
        return self._on_progress if self._bar is None else self._tell

    def _tell(self, progress: Progress) -> object:
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
        raise TypeError(f"update is a ProjectUpdate, not {type(update).__name__}; give the fields as keywords")
    if update is not None and (source is not None or fields or extra):
        update = update.replace(source=source, extra=extra, **fields)
    return update, (source, fields, extra)


def bar_of(progress: bool) -> Bar | None:
    if not progress:
        return None
    from projectcor._progress import bar

    return bar()
