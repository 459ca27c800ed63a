"""The destination ``cor``."""

# dlt is not installed where types are checked, so its types are unknown there.
# pyright: basic, reportMissingImports=false, reportMissingModuleSource=false
from __future__ import annotations

from typing import Any

from dlt.destinations import destination
from dlt.destinations.impl.destination.destination import DestinationClient

from projectcor.dlt._checks import check
from projectcor.dlt._load import load, log_counts
from projectcor.dlt._settings import BATCH_SIZE, CorConfiguration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["cor"]

_SECRETS = ("cor_access_token", "cor_api_key", "cor_client_secret")


def _texts(value: str | Sequence[str] | None) -> list[str] | None:
    """One text or several, as dlt's configuration has them: a list."""
    return [value] if isinstance(value, str) else None if value is None else list(value)


class CorClient(DestinationClient):
    """What dlt asks about a load package: before its first row, and after its last."""

    def verify_schema(self, only_tables: Iterable[str] | None = None, new_jobs: Any = None) -> list[Any]:
        """Refuses a load package before anything is sent."""
        tables: list[Any] = super().verify_schema(only_tables, new_jobs)
        own = set(self.schema.dlt_table_names())
        check([table for table in tables if table["name"] not in own], self.config)
        return tables

    def complete_load(self, load_id: str) -> None:
        """Logs the counts."""
        super().complete_load(load_id)
        log_counts(load_id, self.config)


class cor(destination):
    """COR as a destination of dlt: each row is a partial update of the project whose external id is its primary key.

    dlt resolves every option from its configuration too, such as ``[destination.cor]`` in ``.dlt/secrets.toml`` and
    ``DESTINATION__COR__COR_SOURCE``. What is set nowhere, the client reads as it always does: ``COR_ACCESS_TOKEN``, or
    ``COR_API_KEY`` with ``COR_CLIENT_SECRET``, ``COR_BASE_URL``, ``COR_PROFILE``.

    Args:
        cor_source: The system that the projects were created from, such as ``SALESFORCE``.
        rejects: The file for rows that COR did not apply, as JSON lines with ``_outcome`` and ``_reason``;
            ``cor projects sync`` reads it. Required. Rows are appended.
        cor_access_token: A bearer token. Excludes the other credentials.
        cor_api_key: The API key of COR's client credentials; needs ``cor_client_secret``.
        cor_client_secret: The secret of COR's client credentials; needs ``cor_api_key``.
        cor_profile: The profile of the configuration file to use.
        cor_base_url: The base URL of the Integrations API. Default: COR's production.
        cor_token_url: The URL of the token endpoint. Default: COR's production.
        cor_concurrency: The most requests in flight. Default: 16.
        cor_rate: The most requests per second. By default the client estimates the limit from COR's responses.
        cor_outage_timeout: How long a batch waits while COR cannot be reached, in seconds. Default: 900. dlt tries a
            batch five times in one run (``load.raise_on_max_retries``).
        cor_clear_nulls: A column or several in which a missing value clears the field. By default it keeps the field.
            dlt leaves out a column without any value so far, and the table is refused; name the type of the column in
            the resource, such as ``columns={"brief": {"data_type": "text"}}``.
        cor_day_in: The time zone in which a timestamp is a day, such as ``Europe/Madrid``. By default a timestamp with
            a time zone is rejected.
        cor_ignore: A column or several that are not sent.
        batch_size: Rows that are sent before dlt records its progress. Default: 500.
        **options: Further options of dlt's ``destination``, such as ``destination_name``.

    Raises:
        DestinationTerminalException: From ``pipeline.run``, before anything is sent: a table without exactly one
            primary key, ``replace``, a column that is no field, invalid settings. During the run: COR did not accept
            the credentials.
        DestinationTransientException: From ``pipeline.run``: COR could not be reached. The next run goes on.

    Example:
        ``dlt.pipeline("deals", destination=cor(cor_source="SALESFORCE", rejects="rejects.jsonl"))``
    """

    def __init__(
        self,
        *,
        cor_source: str | None = None,
        rejects: str | None = None,
        cor_access_token: str | None = None,
        cor_api_key: str | None = None,
        cor_client_secret: str | None = None,
        cor_profile: str | None = None,
        cor_base_url: str | None = None,
        cor_token_url: str | None = None,
        cor_concurrency: int | None = None,
        cor_rate: float | None = None,
        cor_outage_timeout: float | None = None,
        cor_clear_nulls: str | Sequence[str] | None = None,
        cor_day_in: str | None = None,
        cor_ignore: str | Sequence[str] | None = None,
        batch_size: int = BATCH_SIZE,
        loader_file_format: Any = "typed-jsonl",
        **options: Any,
    ) -> None:
        given = {
            "cor_source": cor_source,
            "rejects": rejects,
            "cor_access_token": cor_access_token,
            "cor_api_key": cor_api_key,
            "cor_client_secret": cor_client_secret,
            "cor_profile": cor_profile,
            "cor_base_url": cor_base_url,
            "cor_token_url": cor_token_url,
            "cor_concurrency": cor_concurrency,
            "cor_rate": cor_rate,
            "cor_outage_timeout": cor_outage_timeout,
            "cor_clear_nulls": _texts(cor_clear_nulls),
            "cor_day_in": cor_day_in,
            "cor_ignore": _texts(cor_ignore),
        }
        super().__init__(
            destination_callable=load,
            destination_name=options.pop("destination_name", None) or "cor",
            spec=CorConfiguration,
            batch_size=batch_size,
            loader_file_format=loader_file_format,
            **{name: value for name, value in given.items() if value is not None},
            **options,
        )

    def _raw_capabilities(self) -> Any:
        capabilities = super()._raw_capabilities()
        # One file at a time: they share one rate limit, so more at a time gain nothing.
        capabilities.loader_parallelism_strategy = "sequential"
        capabilities.max_parallel_load_jobs = 1
        return capabilities

    @property
    def client_class(self) -> type[CorClient]:
        """The class that checks and completes load packages."""
        return CorClient

    def __repr__(self) -> str:
        # dlt would print the values of all options.
        shown = {name: value for name, value in self.config_params.items() if name.startswith(("cor_", "rejects"))}
        texts = (f"{name}={'…' if name in _SECRETS else repr(value)}" for name, value in shown.items())
        return f"<projectcor.dlt.cor({', '.join(texts)})>"


# The name under which dlt finds it again: destination="projectcor.dlt.cor".
cor.__module__ = "projectcor.dlt"
cor.register()
