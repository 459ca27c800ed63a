"""The fields of an update as types, for checkers and editors. Not imported unless somebody asks for it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TypedDict, Union

from projectcor._update import Clear, IncomeType

# Known to be accepted; others are passed on as `IncomeType("…")`.
Text = Union[str, Clear, None]
Day = Union[date, str, Clear, None]
Number = Union[int, float, Decimal, Clear, None]
Flag = Union[bool, Clear, None]


class ProjectFields(TypedDict, total=False):
    """What an update may set. Left out or ``None`` keeps the field, ``CLEAR`` empties it, a value sets it."""

    name: Text
    """The project's name."""
    client_id: Text
    """External id of the client."""
    brief: Text
    """Description."""
    start: Day
    """First day: a ``date``, a ``datetime`` at midnight without a zone, or ``"YYYY-MM-DD"``."""
    end: Day
    """Last day; not before ``start``."""
    pm_id: Text
    """External user id of the project manager."""
    estimated_time: Number
    """Hours."""
    billable: Flag
    """Whether the work is billed."""
    status: Text
    """Free text; COR's pages use ``active``, ``in_progress``, ``in_process``, ``finished`` and ``suspended``."""
    currency_id: Text
    """External currency id."""
    evaluation_date: Day
    """Day of the evaluation."""
    estimated: Number
    """Money, in the project's currency. A ``Decimal`` leaves with every digit it came with."""
    fee_id: Text
    """External fee id."""
    contract_id: Text
    """External contract id."""
    deliverables: Text
    """What is delivered."""
    work_order: Text
    """Number or code of the work order."""
    income_type: Union[str, IncomeType, Clear, None]
    """``fee``, ``one_time``, ``hourly_rate`` or ``contract``; another one as ``IncomeType("…")``."""
    archived: Flag
    """Whether the project is archived."""


__all__ = ["ProjectFields"]
