"""Type hints that resolve at run time. ``typing`` is imported only when a hint is read."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Annotations = dict[str, Any]
else:
    Annotations = dict

__all__ = ["resolvable"]


class _Annotations(Annotations):
    """A function's annotations, evaluated when they are read. Those that this Python cannot evaluate stay strings."""

    def __getitem__(self, name: str) -> Any:
        text = super().__getitem__(name)
        try:
            # The string is an annotation from this package's own source.
            return eval(text, _namespace()) if isinstance(text, str) else text
        except (NameError, TypeError):
            # `X | Y` of types needs Python 3.10.
            return text

    def __iter__(self) -> Iterator[str]:
        return super().__iter__()

    def keys(self) -> Any:
        return super().keys()

    def items(self) -> Any:
        return [(name, self[name]) for name in self]

    def values(self) -> Any:
        return [self[name] for name in self]

    def get(self, name: str, default: Any = None) -> Any:
        if name not in self:
            return default
        return self[name]


def _namespace() -> dict[str, Any]:
    """Every name that public signatures use."""
    import builtins
    import collections.abc
    import datetime
    import typing

    import projectcor
    from projectcor import _auth, _bulk, _errors, _fields, _native, _sync, _types

    namespace: dict[str, Any] = {"builtins": builtins}
    for module in (typing, collections.abc, datetime, _auth, _bulk, _errors, _fields, _native, _types, _sync):
        namespace.update(vars(module))
    try:
        import typing_extensions

        namespace.update(Self=typing_extensions.Self, Unpack=typing_extensions.Unpack)
    except ImportError:
        pass
    namespace.update({name: getattr(projectcor, name) for name in projectcor.__all__})
    return namespace


def resolvable(*classes: type) -> None:
    """Makes ``typing.get_type_hints`` resolve the annotations of these classes' methods."""
    for cls in classes:
        for function in vars(cls).values():
            annotations = getattr(function, "__annotations__", None)
            # A function may have two names, such as `close` and `aclose`. Copying its annotations would evaluate them.
            if annotations and not isinstance(annotations, _Annotations):
                function.__annotations__ = _Annotations(annotations)
