"""Messages of the client with the remedies that exist in dlt."""

from __future__ import annotations

import re

__all__ = ["in_terms_of_dlt"]

_REMEDIES = (
    ('pass mapping={"Column": "field"}', "rename a column in the resource, with add_map"),
    (
        "; where all values are text, as in a CSV file, pass text_cells=True",
        '; or name the type of the column in the resource, such as columns={"estimated": {"data_type": "decimal"}}',
    ),
)
"""Arguments of ``update_many`` that the destination does not have, and what helps instead. dlt converts a text to the
type that the resource names."""

_OPTION = re.compile(r"(?<![\w\"])(?:(?:clear_nulls|day_in|outage_timeout)\b|(?:ignore|source)(?==\"))")
"""Arguments that the destination has with the prefix ``cor_``. The short ones are words too, except before ``="``."""


def in_terms_of_dlt(message: str) -> str:
    """The message, with the options of the destination instead of the arguments of ``update_many``."""
    for argument, remedy in _REMEDIES:
        message = message.replace(argument, remedy)
    return _OPTION.sub(r"cor_\g<0>", message)
