"""The exceptions of this library. Each has a kind and says whether the update took effect."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, ClassVar

    from projectcor._native import Issue


class CorError(Exception):
    """The base of all errors of this library.

    ``str(error)`` is one line: what was attempted, what happened, what to do. It never holds a token or secret.
    """

    kind: ClassVar[str] = "protocol"
    """What went wrong, as a stable name: ``project_not_found``, ``rate_limited``, ..."""

    def __init__(
        self,
        message: str = "",
        *,
        outcome: str = "not_applied",
        status: int | None = None,
        code: str | None = None,
        attempts: int = 0,
        retry_after: float | None = None,
        request_id: str | None = None,
        body: str | None = None,
        is_retryable: bool = False,
        is_duplicate: bool = False,
        read_back: bool = False,
        issues: tuple[Issue, ...] = (),
    ) -> None:
        super().__init__(message)
        self._message = message
        self._outcome = outcome
        self._status = status
        self._code = code
        self._attempts = attempts
        self._retry_after = retry_after
        self._request_id = request_id
        self._body = body
        self._is_retryable = is_retryable
        self._is_duplicate = is_duplicate
        self._read_back = read_back
        self._issues = tuple(issues)

    @property
    def message(self) -> str:
        """One line: what was attempted, what happened, what to do."""
        return self._message

    @property
    def outcome(self) -> str:
        """Whether the update took effect: ``applied``, ``not_applied`` or ``unknown``. Sending it again is safe."""
        return self._outcome

    @property
    def status(self) -> int | None:
        """The HTTP status of the last response, where there was one."""
        return self._status

    @property
    def code(self) -> str | None:
        """COR's code or name of the error: ``ZC001``, ``ProjectNotFoundError``, ..."""
        return self._code

    @property
    def attempts(self) -> int:
        """How many requests this call started to send."""
        return self._attempts

    @property
    def retry_after(self) -> float | None:
        """Seconds that COR asked to wait before the next request."""
        return self._retry_after

    @property
    def request_id(self) -> str | None:
        """The request id from the response's headers, set by the server or a gateway in front of it."""
        return self._request_id

    @property
    def body(self) -> str | None:
        """The start of the response's body: at most 4 KiB, control characters replaced."""
        return self._body

    @property
    def is_retryable(self) -> bool:
        """Whether the same call could succeed later without a change."""
        return self._is_retryable

    @property
    def is_duplicate(self) -> bool:
        """Whether COR refused a create because it has a project of this external id already."""
        return self._is_duplicate

    @property
    def read_back(self) -> bool:
        """Whether the project was read back to learn the ``outcome``.

        For rows of a ``sync`` with a state, and for ``update`` and ``create`` with ``settle_unknown``.
        """
        return self._read_back

    @property
    def issues(self) -> tuple[Issue, ...]:
        """Every problem that was found before anything was sent; empty for errors of other kinds."""
        return self._issues

    def _state(self) -> dict[str, Any]:
        return {
            "outcome": self._outcome,
            "status": self._status,
            "code": self._code,
            "attempts": self._attempts,
            "retry_after": self._retry_after,
            "request_id": self._request_id,
            "body": self._body,
            "is_retryable": self._is_retryable,
            "is_duplicate": self._is_duplicate,
            "read_back": self._read_back,
            "issues": self._issues,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self), self._message, self._state())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CorError):
            return NotImplemented
        return type(self) is type(other) and self._message == other._message and self._state() == other._state()

    def __hash__(self) -> int:
        return hash((type(self), self._message))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._message!r}, outcome={self._outcome!r})"


def _rebuilt(kind: type[CorError], message: str, state: dict[str, Any]) -> CorError:
    return kind(message, **state)


class InvalidUpdateError(CorError, ValueError):
    """The update was refused before anything was sent: correct what ``issues`` names.

    Every local refusal of an update has this class, ``start`` after ``end`` included.
    """

    kind = "invalid"


class ConfigError(CorError, ValueError):
    """The options or the environment of the client are invalid."""

    kind = "config"


class TableError(InvalidUpdateError):
    """A table or its mapping has an error: the message lists every reason. Nothing was sent."""


class StateError(ConfigError):
    """The state of a sync cannot be used: ``code`` is ``state_in_use``, ``state_damaged``, ``state_foreign``,
    ``state_version``, ``state_full``, ``state_missing``, ``state_gone`` or ``state_unusable``. Nothing that COR
    accepted is lost.
    """


class ApiError(CorError):
    """COR refused the request, or failed. Its subclasses distinguish the reasons."""


class AuthError(ApiError):
    """COR did not accept the credentials (HTTP 401): check the token, or the API key and client secret."""

    kind = "auth"


class ForbiddenError(ApiError):
    """COR denied permission (HTTP 403): in COR, assign the user of the token a role that may do this."""

    kind = "forbidden"


class ProjectNotFoundError(ApiError):
    """COR has no project of this external id under this source, or in a read, none of this internal id.

    Check both, and the base URL. Raised only for a response with COR's error name or code; another 404 is a
    ``ProtocolError``.
    """

    kind = "project_not_found"


class ValidationError(ApiError):
    """COR refused a value: see ``code`` and the text, correct the values and try again."""

    kind = "validation"


class InvalidDateRangeError(CorError):
    """The project would end before it starts. Its two subclasses distinguish a local refusal from one by COR."""

    kind = "invalid_date_range"


class LocalDateRangeError(InvalidDateRangeError, InvalidUpdateError):
    """``start`` is after ``end``: refused before anything was sent."""


class CorDateRangeError(InvalidDateRangeError, ValidationError):
    """COR refused ``start`` or ``end``, because it contradicts the other date, which COR has."""


class RateLimitError(ApiError):
    """Too many requests (HTTP 429): try again after ``retry_after`` seconds."""

    kind = "rate_limited"


class ServerError(ApiError):
    """COR failed (HTTP 5xx). ``outcome`` says whether the update may have been applied."""

    kind = "server"


class TransportError(CorError):
    """Connecting failed, or the connection broke: check the network and the base URL, then try again."""

    kind = "transport"


class RequestTimeoutError(TransportError, TimeoutError):
    """The deadline passed: try again later, or with a longer ``deadline``."""

    kind = "timeout"


class TlsError(TransportError):
    """The TLS handshake failed: check the base URL; for a private certificate authority, set ``ca_file``."""

    kind = "tls"


class ProtocolError(CorError):
    """The response is not from COR's API: check the base URL, and whether a gateway answers in COR's place.

    A page, a bare text, number or boolean, or a 404 or 405 without a name or code of COR's.
    """

    kind = "protocol"


class RedirectError(ProtocolError):
    """The server answered with a redirect, which the client does not follow: the message names the target."""

    kind = "redirect"


class TooLargeError(ProtocolError):
    """The response was larger than this client reads: check that the base URL is COR's."""

    kind = "too_large"


class CancelledError(CorError):
    """The run was stopped before this row was sent. A cancelled task raises ``asyncio.CancelledError`` instead."""

    kind = "cancelled"


def _with_a_kind(base: type[CorError]) -> Iterator[type[CorError]]:
    for child in base.__subclasses__():
        if "kind" in vars(child):
            yield child
        yield from _with_a_kind(child)


BY_KIND = {cls.kind: cls for cls in _with_a_kind(CorError)}
"""The class of every kind."""


def class_of(kind: str, is_local: bool) -> type[CorError]:
    """The class of an error of this kind; ``is_local`` where the update was refused before anything was sent."""
    if kind == InvalidDateRangeError.kind:
        return LocalDateRangeError if is_local else CorDateRangeError
    return BY_KIND[kind]
