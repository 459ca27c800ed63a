"""What is refused before anything is sent: tables that COR cannot take, and settings that cannot work."""

# dlt is not installed where types are checked, so its types are unknown there.
# pyright: basic, reportMissingImports=false, reportMissingModuleSource=false
from __future__ import annotations

from typing import Any

from dlt.common.destination.exceptions import DestinationTerminalException

from projectcor._errors import ConfigError, TableError
from projectcor.dlt import _rejects
from projectcor.dlt._rows import TypedRows, is_same_name
from projectcor.dlt._settings import client_of
from projectcor.dlt._texts import in_terms_of_dlt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from projectcor._client import Client

__all__ = ["check", "cleared_columns", "id_column", "options_of"]


def check(tables: Iterable[Any], settings: Any) -> None:
    """Checks the tables of a load package and the settings.

    Raises:
        DestinationTerminalException: With every problem, and what to do. Nothing was sent.
    """
    client = client_of(settings)
    problems = [problem for table in tables for problem in _problems(table, settings, client)]
    if settings.batch_size < 1:
        problems.append("batch_size is 0, with which dlt passes files instead of rows; set 1 or more")
    if not settings.rejects:
        problems.append(
            "rejects is not set, and dlt does not read a row again that COR refused; pass "
            'cor(rejects="rejects.jsonl"), a file for such rows'
        )
    else:
        try:
            _rejects.check(settings.rejects)
        except OSError as error:
            problems.append(f"the file of rejected rows cannot be written: {error}; set rejects to another path")
    if problems:
        lines = "".join(f"\n  {problem}" for problem in problems)
        raise DestinationTerminalException(
            f"projectcor.dlt: could not send the load package to COR; nothing was sent:{lines}\n"
            "dlt keeps the package and loads it first in the next run. After you change the data or the resource, run "
            "`pipeline.abort_packages()` first."
        )


def _problems(table: Any, settings: Any, client: Client) -> Iterator[str]:
    name, columns = table["name"], table["columns"]
    if parent := table.get("parent"):
        yield f"table {name} is nested in table {parent}, and a project has no nested rows; leave out max_table_nesting"
        return
    if table["write_disposition"] == "replace":
        yield (
            f'table {name} has the write_disposition "replace", and no project is deleted because a row is missing; '
            'use "append" or "merge"'
        )
    try:
        key = id_column(table)
    except DestinationTerminalException as error:
        yield str(error)
        return
    if not settings.cor_source and not settings.cor_profile and "source" not in columns:
        yield (
            'cor_source is not set; pass cor(cor_source="SALESFORCE"), the system that the projects were created from'
        )
    try:
        missing = [option for option in settings.cor_clear_nulls or () if not _columns_called(option, columns)]
        # No row, and so no request: only the columns are compared with the fields and the settings.
        rows: Any = TypedRows([*columns, *missing], [], key)
        with client.projects.update_many(rows, **options_of(settings, key)) as results:
            list(results)
    except (TableError, ConfigError) as error:
        yield f"table {name}: {in_terms_of_dlt(str(error))}"
        return
    # dlt's schema does not tell a column that had only nulls from one that the rows never have. Nothing is cleared by
    # chance in a table that cor_clear_nulls was not meant for, and nothing that should be cleared is kept silently.
    for column in missing:
        yield (
            f'table {name} has no column "{column}", whose nulls cor_clear_nulls clears, because no row had a value in '
            f'it so far; name its type in the resource, columns={{"{column}": {{"data_type": "text"}}}}, and each row '
            "without a value clears the field"
        )


def _columns_called(name: str, columns: Iterable[str]) -> list[str]:
    return [column for column in columns if is_same_name(column, name)]


def cleared_columns(settings: Any, columns: Iterable[str]) -> list[str]:
    """The columns whose nulls clear the field."""
    return [column for column in columns if _columns_called(column, settings.cor_clear_nulls or ())]


def id_column(table: Any) -> str:
    """The column with the external ids: the primary key of the table.

    Raises:
        DestinationTerminalException: The table has none, or one of several columns.
    """
    keys: list[str] = [name for name, column in table["columns"].items() if column.get("primary_key")]
    if len(keys) == 1:
        return keys[0]
    has = f"a primary key of {len(keys)} columns ({', '.join(keys)})" if keys else "no primary key"
    raise DestinationTerminalException(
        f"table {table['name']} has {has}, and the external id of a project is one column; name it in the resource: "
        'primary_key="id"'
    )


def options_of(settings: Any, id_column: str) -> dict[str, Any]:
    """The keywords of ``update_many``."""
    options = {
        "source": settings.cor_source,
        "outage_timeout": settings.cor_outage_timeout,
        "day_in": settings.cor_day_in,
        "ignore": settings.cor_ignore,
        "clear_nulls": settings.cor_clear_nulls,
    }
    return {"id_column": id_column, **{name: value for name, value in options.items() if value is not None}}
