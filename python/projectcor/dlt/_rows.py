"""The rows of a batch as a table, and as they are written into the file of rejected rows."""

from __future__ import annotations

import json
from typing import Any

from projectcor._update import json_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["TypedRows", "is_same_name", "json_line", "row_at"]


class TypedRows:
    """Rows of dlt in the shape of a data frame: named columns, and the rows as tuples.

    dlt leaves out the nulls of a row, so a column that a row does not have is null in it.
    """

    def __init__(self, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], id_column: str) -> None:
        self.columns = list(columns)
        self._rows = rows
        self._id = id_column

    def __len__(self) -> int:
        return len(self._rows)

    def itertuples(self, index: bool = False, name: str | None = None) -> Iterator[tuple[Any, ...]]:
        """The rows, as pandas gives them without an index and names."""
        del index, name
        for row in self._rows:
            yield tuple(_id(row.get(column)) if column == self._id else row.get(column) for column in self.columns)


def row_at(items: Any, place: int) -> dict[str, Any]:
    """The row at this place of a batch: of a list, or of Arrow's columns where dlt loads Parquet files."""
    row: dict[str, Any] = items.slice(place, 1).to_pylist()[0] if hasattr(items, "to_pylist") else items[place]
    return row


def is_same_name(a: str, b: str) -> bool:
    """Whether two names are of one column. The client ignores case in names of columns, and blanks around them."""
    return a.strip().lower() == b.strip().lower()


def json_line(row: Mapping[str, Any], id_column: str, notes: Mapping[str, str], clear_nulls: Sequence[str] = ()) -> str:
    """A row as a line of JSON that ``cor projects sync`` reads again: digits and days as they were, the id as text.

    Args:
        row: The row; a column that it does not have is null.
        id_column: The column with the external ids.
        notes: Further members, at the end.
        clear_nulls: The columns whose null clears the field. Only their nulls are written: sync clears the fields of
            those, with the option of the same name, and keeps the field of a column that a row does not have.
    """
    values = {name: _id(value) if name == id_column else value for name, value in row.items() if value is not None}
    values.update({name: None for name in clear_nulls if name not in values})
    members = [f"{json.dumps(name, ensure_ascii=False)}: {_json(value)}" for name, value in values.items()]
    members += [f"{json.dumps(name)}: {json.dumps(text, ensure_ascii=False)}" for name, text in notes.items()]
    return f"{{{', '.join(members)}}}\n"


def _id(value: Any) -> Any:
    """An integer is an id, as in a Parquet file: the column has a type, so no digit can have been lost."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _json(value: Any) -> str:
    try:
        return json_text(value)
    except (TypeError, ValueError):
        # A timestamp, NaN, bytes: COR refused the row or would, and the text shows what to correct.
        return json.dumps(value.isoformat() if hasattr(value, "isoformat") else str(value), ensure_ascii=False)
