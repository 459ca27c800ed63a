"""``ProjectUpdate`` and the value types ``IncomeType`` and ``Json``."""

from __future__ import annotations

from projectcor._native import CLEAR, FIELDS, SOURCES, Clear, update_json, validate_update

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from typing_extensions import Unpack

    from projectcor._fields import ProjectFields

__all__ = ["CLEAR", "FIELDS", "SOURCES", "Clear", "IncomeType", "Json", "ProjectUpdate"]


class IncomeType(str):
    """An income type that is sent unchecked.

    Plain text is checked against the four that COR documents: ``fee``, ``one_time``, ``hourly_rate``, ``contract``.

        >>> ProjectUpdate(source="SAP", income_type=IncomeType("retainer")).to_json()
        '{"metadata":{"source":"SAP"},"income_type":"retainer"}'
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"IncomeType({str(self)!r})"


class Json(str):
    """JSON text that is sent exactly as written, as the value of an extra field.

    >>> ProjectUpdate(source="SAP", extra={"share": Json("0.10")}).to_json()
    '{"metadata":{"source":"SAP"},"share":0.10}'
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"Json({str(self)!r})"


class ProjectUpdate:
    """A partial update of one project: only fields that are set or cleared are sent.

    The update is checked when it is sent or when ``validate`` is called; then every problem is reported at once.

    Args:
        source: The system that owns the project, such as ``SALESFORCE``: the one it was created under.
        id: The project's external id, for rows of ``update_many``. ``update`` has an argument of its own for it, and
            refuses an update that names another id.
        extra: Fields that this library does not know, by name. Values are written as JSON.
        **fields: See ``ProjectFields``. Left out or ``None`` keeps a field, ``CLEAR`` clears it.

    Example:
        >>> from datetime import date
        >>> update = ProjectUpdate("SALESFORCE", end=date(2025, 4, 30), brief=CLEAR)
        >>> update.to_json()
        '{"metadata":{"source":"SALESFORCE"},"brief":null,"end":"2025-04-30"}'
    """

    __slots__ = ("_extra", "_fields", "_id", "_source")
    _id: str | None
    _source: str | None
    _fields: dict[str, object]
    _extra: dict[str, object]

    def __init__(
        self,
        source: str | None = None,
        *,
        id: str | None = None,
        extra: Mapping[str, Any] | None = None,
        **fields: Unpack[ProjectFields],
    ) -> None:
        put = object.__setattr__
        put(self, "_id", id)
        put(self, "_source", source)
        put(self, "_fields", dict(fields))
        put(self, "_extra", dict(extra or {}))

    @property
    def id(self) -> str | None:
        """The project's external id, where the update carries one."""
        return self._id

    @property
    def source(self) -> str | None:
        """The system that owns the project; ``None`` leaves it to the call."""
        return self._source

    @property
    def fields(self) -> dict[str, object]:
        """The values that were set, by the names of the fields."""
        return dict(self._fields)

    @property
    def extra(self) -> dict[str, object]:
        """The extra fields, which this library does not know, by name."""
        return dict(self._extra)

    def replace(
        self,
        *,
        id: str | None = None,
        source: str | None = None,
        extra: Mapping[str, Any] | None = None,
        **fields: Unpack[ProjectFields],
    ) -> ProjectUpdate:
        """A copy of the update in which the arguments replace values; ``None`` leaves a value as it is."""
        merged: dict[str, Any] = {**self._fields}
        merged.update((name, value) for name, value in fields.items() if value is not None)
        return ProjectUpdate(
            id=self._id if id is None else id,
            source=self._source if source is None else source,
            extra={**self._extra, **(extra or {})},
            **merged,
        )

    def validate(self) -> None:
        """Validates the update without sending it.

        Raises:
            InvalidUpdateError: With every problem at once, in ``issues``. It is a ``LocalDateRangeError`` where
                ``start`` is after ``end`` and nothing else is wrong.
        """
        validate_update(self)

    def to_json(self) -> str:
        """The body that would be sent.

        Raises:
            InvalidUpdateError: As ``validate`` does.
        """
        return update_json(self)

    def _key(self) -> tuple[object, ...]:
        # 1, 1.0 and True are equal in Python and three different things on the wire.
        def items(values: dict[str, object]) -> frozenset[tuple[str, type, str]]:
            return frozenset((k, type(v), repr(v)) for k, v in values.items())

        # None keeps a field, and is sent as null in an extra field.
        fields = {name: value for name, value in self._fields.items() if value is not None}
        return self._id, self._source, items(fields), items(self._extra)

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, ProjectUpdate) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a ProjectUpdate is immutable; create a changed copy with .replace({name}=...)")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a ProjectUpdate is immutable; create a changed copy with .replace(...)")

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self._id, self._source, self._extra, self._fields)

    def __repr__(self) -> str:
        given = [("id", self._id), ("source", self._source), *self._fields.items(), ("extra", self._extra or None)]
        return f"ProjectUpdate({', '.join(f'{name}={value!r}' for name, value in given if value is not None)})"


def _rebuilt(id: str | None, source: str | None, extra: dict[str, Any], fields: dict[str, Any]) -> ProjectUpdate:
    return ProjectUpdate(id=id, source=source, extra=extra, **fields)


def json_text(value: Any) -> str:
    """``value`` as JSON. A ``Decimal`` keeps its digits, a date is a day; what has no JSON is refused."""
    if isinstance(value, Json):
        return str(value)
    if value is CLEAR or value is None:
        return "null"
    kind = f"{type(value).__module__}.{type(value).__name__}"
    if kind == "decimal.Decimal":
        if not value.is_finite():
            raise ValueError(f"{value!r} is not finite")
        return str(value)
    if kind == "datetime.date":
        return f'"{value}"'
    if kind in ("builtins.list", "builtins.tuple"):
        return f"[{', '.join(map(json_text, value))}]"
    import json

    if kind == "builtins.dict":
        members = (f"{json.dumps(str(name), ensure_ascii=False)}: {json_text(value[name])}" for name in value)
        return f"{{{', '.join(members)}}}"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
