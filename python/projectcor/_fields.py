"""The fields of an update as types, for checkers and editors. Imported only where a program asks for it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Optional, TypedDict, Union

from projectcor._update import Clear, IncomeType

# What the fields of each type take.
Text = Union[str, Clear, None]
Day = Union[date, str, Clear, None]
Number = Union[int, float, Decimal, Clear, None]
Flag = Union[bool, Clear, None]
Income = Union[str, IncomeType, Clear, None]


class ProjectFields(TypedDict, total=False):
    """What an update may set. Left out or ``None`` keeps the field, ``CLEAR`` clears it, a value sets it."""

    # fields:update, generated from crates/cor-core/src/field_table.rs; do not edit, run make fields
    name: Text
    """The project's name."""
    client_id: Text
    """External id of the client."""
    brief: Text
    """Description."""
    start: Day
    """First day. A ``date``, a ``datetime`` at midnight without a zone, or ``"YYYY-MM-DD"``."""
    end: Day
    """Last day; not before ``start``. A ``date``, a ``datetime`` at midnight without a zone, or ``"YYYY-MM-DD"``."""
    pm_id: Text
    """External user id of the project manager."""
    estimated_time: Number
    """Hours. A ``Decimal`` leaves with every digit it came with."""
    billable: Flag
    """Whether the work is billed."""
    status: Text
    """Free text; COR's own pages use ``active``, ``in_progress``, ``in_process``, ``finished``, ``suspended``."""
    currency_id: Text
    """External currency id."""
    evaluation_date: Day
    """Day of the evaluation. A ``date``, a ``datetime`` at midnight without a zone, or ``"YYYY-MM-DD"``."""
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
    income_type: Income
    """How the project earns: ``fee``, ``one_time``, ``hourly_rate`` or ``contract``. Another one as
    ``IncomeType("…")``.
    """
    archived: Flag
    """Whether the project is archived."""
    # fields:end


class CreateFields(ProjectFields, total=False):
    """What a create may set: the fields of an update, and those that an update does not have."""

    # fields:create, generated from crates/cor-core/src/field_table.rs; do not edit, run make fields
    brand_id: Optional[str]
    """External id of the brand."""
    product_id: Optional[str]
    """External id of the product."""
    # fields:end


__all__ = ["CreateFields", "ProjectFields"]
