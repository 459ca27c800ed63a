"""``timeout`` and ``max_retries``: what other SDKs call ``deadline`` and, less one, ``max_attempts``."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from projectcor._types import Seconds

__all__ = ["limits"]


def limits(
    call: str,
    deadline: Seconds | None,
    timeout: Seconds | None,
    max_attempts: int | None,
    max_retries: object,
) -> tuple[Seconds | None, int | None]:
    """``deadline`` and ``max_attempts``, by whichever name they were passed."""
    if timeout is not None:
        if deadline is not None:
            raise TypeError(f"{call}() got both deadline and timeout, which are one option; pass one of them")
        deadline = timeout
    if max_retries is not None:
        if max_attempts is not None:
            raise TypeError(
                f"{call}() got both max_attempts and max_retries; pass one of them (max_attempts is max_retries + 1)"
            )
        if isinstance(max_retries, bool) or not isinstance(max_retries, int):
            raise TypeError(f"max_retries must be a whole number, not {type(max_retries).__name__}")
        if max_retries < 0:
            from projectcor._errors import ConfigError

            raise ConfigError(f"max_retries is {max_retries}; it must be 0 or more")
        max_attempts = max_retries + 1
    return deadline, max_attempts
