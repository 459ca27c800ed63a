"""``Client``: the client whose calls wait. ``AsyncClient`` has the same names, parameters and defaults."""

from __future__ import annotations

from projectcor._aliases import limits
from projectcor._base import Base, ProgressCallbacks, apart, bar_of, merged, refuse_timeout, refuse_unknown
from projectcor._native import NativeClient, Results
from projectcor._reading import ProjectReads
from projectcor._update import ProjectUpdate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, NoReturn

    from typing_extensions import Self, Unpack

    from projectcor._auth import AuthStatus
    from projectcor._bulk import BulkResult
    from projectcor._fields import CreateFields, ProjectFields
    from projectcor._native import Deleted, Project
    from projectcor._sync import Plan, SyncResult
    from projectcor._types import Columns, FileValues, OnProgress, Path, Place, Record, Rows, Seconds, TableValues

__all__ = ["Client", "Projects"]


class Client(Base):
    """A client of COR's Integrations API whose calls wait.

    Calls wait with the interpreter released, let Ctrl-C through, and may come from any number of threads. The client
    starts no thread, except while it asks a token provider or a token command. After a fork the child opens new
    connections. Leaving its ``with`` block closes the connections.

    An argument wins over the environment, which wins over the profile; but the credentials of a profile passed as
    ``profile`` win over those of the environment, which never go to a server that only the profile names. Variables:
    ``COR_ACCESS_TOKEN``, or ``COR_API_KEY`` with ``COR_CLIENT_SECRET``; ``COR_BASE_URL``, ``COR_MAIN_URL``,
    ``COR_TOKEN_URL``, ``COR_TRANSPORT``, ``COR_PROFILE``, ``COR_CONFIG``; and the usual
    ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``.

    Args:
        profile: The profile of the configuration file to use (``cor config path`` prints where the file is). Default:
            ``COR_PROFILE``. Its credentials go to its own ``base_url`` only.
        token: A bearer token to use as it is. Excludes every other kind of credentials.
        api_key: The API key of COR's client credentials; needs ``client_secret``.
        client_secret: The secret of COR's client credentials; needs ``api_key``.
        token_provider: A function that returns a token, or a token and its lifetime in seconds or as a
            ``timedelta``. The client caches the
            token, and calls the function, on a thread of its own, once at a time: ahead of the end of a stated
            lifetime, and after COR rejects a token. If it raises, the call ends with ``AuthError`` and the text of the
            exception. For ``AsyncClient`` it may be a coroutine function. Excludes every other kind of credentials.
        base_url: The base URL of the Integrations API. Default: ``https://integrations.projectcor.com``.
        main_url: The base URL of COR's main API, which reads projects. Default: ``https://api.projectcor.com/v1`` where
            ``base_url`` is COR's production, beside which no other server is accepted; elsewhere there is none, and
            reading is a ``ConfigError`` until it is set where ``base_url`` is set.
        token_url: The URL of the token endpoint. Default: ``https://api.projectcor.com/v1/oauth/token``.
        connect_timeout: Time limit for connecting, in seconds or a ``timedelta``. Default: 5.
        attempt_timeout: Time limit for one request, in seconds or a ``timedelta``. Default: 20.
        deadline: Time limit for one call, including retries and waits, in seconds or a ``timedelta``. Default: 60.
        max_attempts: The most attempts of one call, including the first. Default: 4.
        timeout: Another name of ``deadline``, as other SDKs have it. It is the whole call, not one request.
        max_retries: ``max_attempts`` without the first attempt, as other SDKs have it.
        backoff_base: The first wait between attempts, doubled each time, in seconds or a ``timedelta``. Default: 0.25.
        backoff_cap: The longest wait between attempts, in seconds or a ``timedelta``. Default: 20.
        retry_budget: How many retries the single calls of the client may use up together; 0 for no limit. Every call
            adds a fifth of a retry. While the budget is empty, a failed attempt is not repeated, and the error says so.
            In bulk an empty budget makes the waits between attempts longer and fails no row. Default: 100.
        concurrency: The most requests in flight. Default: 16.
        rate: The most requests per second. By default the client estimates the limit from COR's responses.
        rate_hint: Requests per second to start with, and no bound: what ``rate_hint()`` of an earlier client returned.
        ca_file: A PEM file of certificate authorities to trust besides the operating system's.
        client_cert: A PEM file with the client certificate to present in TLS; needs ``client_key``.
        client_key: The PEM file of the private key of ``client_cert``, not encrypted.
        proxy: The proxy for requests to other machines: ``http://``, ``https://``, ``socks5://`` or ``socks5h://``.
        transport: The HTTP implementation: ``reqwest`` (HTTP/2, HTTP/1.1, proxies) or ``direct`` (the same
            without proxies, less CPU). Default: ``reqwest``.
        user_agent: The whole ``User-Agent``. Default: ``projectcor/`` and the version.

    Raises:
        ConfigError: The options cannot work together, or are out of range.

    Example:
        >>> import projectcor.testing
        >>> with projectcor.testing.Sandbox(example=True) as cor:
        ...     with Client(base_url=cor.base_url, token=cor.token, deadline=30) as client:
        ...         client.projects.update("SF-OPP-12345", source="SALESFORCE", name="Phase 2").name
        'Phase 2'
    """

    @property
    def projects(self) -> Projects:
        """COR's projects."""
        return Projects(self._native)

    def auth_status(self) -> AuthStatus:
        """Finds out which credentials are used and from where, and whether COR accepts them. Changes nothing at COR.

        Gets a token if the credentials are not one, and sends it with ``GET /v1/me`` of COR's main API, to a server
        that the credentials go to anyway. Credentials that COR refuses, and servers that cannot be reached, are
        results, not exceptions.

        Example:
            >>> import projectcor.testing
            >>> with projectcor.testing.Sandbox() as cor, cor.client() as client:
            ...     status = client.auth_status()
            >>> status.result, status.credentials
            ('accepted', 'token')
        """
        from projectcor._auth import auth_status

        return auth_status(self._native.auth_status())

    def close(self) -> None:
        """Closes the connections. Calls in flight in other threads finish; new ones are refused."""
        self._native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class Projects(ProjectReads):
    """The calls about projects."""

    __slots__ = ("_native",)

    def __init__(self, native: NativeClient) -> None:
        self._native = native

    def update(
        self,
        id: str,
        update: ProjectUpdate | None = None,
        *,
        source: str | None = None,
        extra: Mapping[str, Any] | None = None,
        deadline: Seconds | None = None,
        max_attempts: int | None = None,
        timeout: Seconds | None = None,
        max_retries: int | None = None,
        state: Record | None = None,
        settle_unknown: bool = False,
        cor_id: int | None = None,
        **fields: Unpack[ProjectFields],
    ) -> Project:
        """Sends one update and returns the project as COR now has it.

        Retries, waits and the renewal of tokens happen within the ``deadline``. Ctrl-C cancels the call;
        whether COR applied an update in flight is then unknown.

        Args:
            id: The project's external id, the one it was created with under this source. It is used byte for byte.
            update: A ``ProjectUpdate`` to send; keywords besides it override its fields.
            source: The system that owns the project, such as ``SALESFORCE``.
            extra: Fields that this library does not know, by name. Values are written as JSON.
            deadline: Time limit for this call, in seconds or a ``timedelta``. Default: the client's.
            max_attempts: The most attempts of this call, including the first. Default: the client's.
            timeout: Another name of ``deadline``, as other SDKs have it.
            max_retries: ``max_attempts`` without the first attempt, as other SDKs have it.
            state: Record the change in the state of ``sync``, so that its next run takes the change into account:
                ``True`` for the file that ``sync`` uses by default, or a path. Default: it is not recorded.
            settle_unknown: If the response is lost, read the project back from COR's main API to learn whether COR
                applied the update; needs ``cor_id``. If every field has the value that was sent, the call returns the
                project as read. If a field certainly has another value, the ``outcome`` of the error is
                ``not_applied``; ``error.read_back`` is true then. Stays within the deadline. Default: ``False``.
            cor_id: COR's internal id of the project, ``project.id`` of an earlier answer, for ``settle_unknown``.
            **fields: See ``ProjectFields``. Left out or ``None`` keeps a field, ``CLEAR`` clears it.

        Raises:
            InvalidUpdateError: Before anything is sent, with every problem of id and update in ``issues``.
            ConfigError: Before anything is sent, if ``deadline`` or ``max_attempts`` is out of range.
            StateError: Before anything is sent, if ``state`` cannot be used.
            ProjectNotFoundError: COR has no project of this id under this source.
            CorError: Everything else; ``error.outcome`` says what is known about the update.

        Example:
            >>> import projectcor.testing
            >>> from projectcor import CLEAR
            >>> with projectcor.testing.Sandbox(example=True) as cor, cor.client() as client:
            ...     project = client.projects.update(
            ...         "SF-OPP-12345", source="SALESFORCE", end="2025-05-31", brief=CLEAR
            ...     )
            ...     print(project.end, project.brief)
            2025-05-31 None
        """
        update, given = merged(update, source, extra, fields)
        options = limits("update", deadline, timeout, max_attempts, max_retries), state, settle_unknown, cor_id
        return self._native.update(id, update, *given, options)

    def update_many(
        self,
        rows: Rows,
        *,
        source: str | None = None,
        id_column: str = "id",
        text_cells: bool = False,
        concurrency: int | None = None,
        outage_timeout: Seconds | None = None,
        on_progress: OnProgress | None = None,
        progress: bool = False,
        create_missing: bool = False,
        **values: Unpack[TableValues],
    ) -> Results:
        """Sends many updates, several at a time, and yields one result per row as it finishes.

        Updates are sent only while you iterate over the results: iterate to the end, or use ``update_all``, which does.
        If you end earlier, the remaining rows are not sent, and a ``RuntimeWarning`` says how many they are, unless
        ``stop`` or ``close`` of the results, or an exception in their ``with`` block, ended the run.

        Rows are read as far as needed and never collected. A row that cannot be sent fails by itself; limits and
        outages pause the run instead of failing rows. Updates of one project are applied in the order of the rows.

        Args:
            rows: An iterable of dicts, ``ProjectUpdate``s, dataclasses, or pairs of an id and one of these, which must
                not name another id; or a table: a frame of pandas, polars or Spark (classic or Connect), or anything
                with ``__arrow_c_stream__``. In a table null, NaN, NaT and NA keep. A row of nulls only is
                ``unchanged``: nothing is sent for it.
            source: The source of rows without a source.
            id_column: The key or column that holds the external ids.
            text_cells: Read values that are text by the type of their field, as the cells of a table without types,
                such as a CSV file; an empty one keeps the field. By default ``""`` clears the field.
            concurrency: The most requests in flight. Default: the client's.
            outage_timeout: How long the run waits while COR cannot be reached, in seconds or a ``timedelta``. Default:
                900.
            on_progress: Called after each row, when the run pauses or goes on, and every second in between, on the
                caller's thread. ``False`` stops the run: what is in flight finishes, nothing new starts.
            progress: Show a bar: by ``tqdm`` if it is installed, else below the cell of a notebook, by ``rich``, or as
                one line on standard error. Where that is no terminal, only the last line is written.
            create_missing: Create projects that COR does not have, with the fields of their row; see ``item.created``.
            ignore: Keys or columns to ignore: a name or several.
            strict: Reject a row with another key that is not a field, and a table with such a column; the default here.
                ``False`` sends the row without it, unless nothing is left to send, and warns once for each such name.
            clear_value: As for ``plan``; so are ``clear_nulls``, ``null_values``, ``trim``, ``allow_mangled_ids``,
                ``date_format``, ``day_in``, ``decimal`` and ``thousands``. What ``plan`` has in ``notes`` is a
                ``UserWarning``.

        Raises:
            TableError: The columns of a table do not match the fields or options; the message lists every reason.
            TypeError: ``rows`` is not iterable, or ``on_progress`` is not callable.

        An exception that ``rows`` raises is raised after the results of the rows before it.

        Example: one row fails, the others are applied
            >>> import projectcor.testing
            >>> rows = [{"id": "SF-OPP-12345", "estimated": 18000}, {"id": "unknown", "estimated": 1}]
            >>> with projectcor.testing.Sandbox(example=True) as cor, cor.client() as client:
            ...     results = client.projects.update_many(rows, source="SALESFORCE")
            ...     for item in sorted(results, key=lambda item: item.index):
            ...         print(item.id, item.project.estimated if item.project else item.error.kind)
            ...     print(results.summary)
            SF-OPP-12345 18000
            unknown project_not_found
            Summary(read=2, applied=1, rejected=0, failed=1, not_started=0)

        Example: a CSV file, whose empty cells keep
            >>> import csv, io
            >>> file = io.StringIO("id,name,estimated,brief\\nSF-OPP-12345,Phase 2,18000.10,\\n")
            >>> with projectcor.testing.Sandbox(example=True) as cor, cor.client() as client:
            ...     for item in client.projects.update_many(csv.DictReader(file), source="SALESFORCE", text_cells=True):
            ...         print(item.project.name, item.project.estimated, item.project.brief is not None)
            Phase 2 18000.10 True
        """
        refuse_timeout("update_many", values)
        bar = bar_of(progress)
        return self._native.update_many(
            rows,
            source,
            (id_column, text_cells, {"strict": True, **values}),
            concurrency,
            outage_timeout,
            on_progress,
            bar,
            create_missing,
        )

    def update_all(
        self,
        rows: Rows,
        *,
        source: str | None = None,
        id_column: str = "id",
        text_cells: bool = False,
        concurrency: int | None = None,
        outage_timeout: Seconds | None = None,
        on_progress: OnProgress | None = None,
        progress: bool = False,
        create_missing: bool = False,
        max_details: int = 10_000,
        **values: Unpack[TableValues],
    ) -> BulkResult:
        """Sends many updates, as ``update_many`` does, waits for all of them and returns the counters and the failures.

        A row that fails raises nothing: check ``ok`` or ``failures`` of the result.

        Args:
            rows: As for ``update_many``; so is every argument but ``max_details``.
            max_details: How many failures the result holds, so that memory stays bounded. All are counted.

        Raises:
            TableError: The columns of a table do not match the fields or options; the message lists every reason.
            TypeError: ``rows`` is not iterable, or ``on_progress`` is not callable.

        An exception that ``rows`` raises is raised after the rows before it were sent.

        Example:
            >>> import projectcor.testing
            >>> rows = [{"id": "SF-OPP-12345", "estimated": 18000}, {"id": "unknown", "estimated": 1}]
            >>> with projectcor.testing.Sandbox(example=True) as cor, cor.client() as client:
            ...     result = client.projects.update_all(rows, source="SALESFORCE")
            ...     print(result.ok, result.applied, [(item.id, item.error.kind) for item in result.failures])
            False 1 [('unknown', 'project_not_found')]
        """
        from projectcor._bulk import Collector

        refuse_timeout("update_all", values)
        collector = Collector(max_details)
        with self.update_many(
            rows,
            source=source,
            id_column=id_column,
            text_cells=text_cells,
            concurrency=concurrency,
            outage_timeout=outage_timeout,
            on_progress=on_progress,
            progress=progress,
            create_missing=create_missing,
            **values,
        ) as results:
            for item in results:
                collector.add(item)
            return collector.result(results)

    def create(
        self,
        id: str,
        update: ProjectUpdate | None = None,
        *,
        source: str | None = None,
        extra: Mapping[str, Any] | None = None,
        deadline: Seconds | None = None,
        max_attempts: int | None = None,
        timeout: Seconds | None = None,
        max_retries: int | None = None,
        state: Record | None = None,
        settle_unknown: bool = False,
        **fields: Unpack[CreateFields],
    ) -> Project:
        """Creates a project and returns it as COR now has it.

        A create whose response was lost is not repeated: COR may have created the project. Send an update to find out,
        which is what ``update_many(..., create_missing=True)`` and ``sync`` do by themselves.

        Args:
            id: The external id of the new project under this source.
            update: A ``ProjectUpdate`` with its fields; keywords besides it override its fields. ``CLEAR`` leaves a
                field out.
            source: The system that owns the project, such as ``SALESFORCE``.
            extra: Fields that this library does not know, by name. Values are written as JSON.
            deadline: Time limit for this call, in seconds or a ``timedelta``. Default: the client's.
            max_attempts: The most attempts of this call, including the first. Default: the client's.
            timeout: Another name of ``deadline``, as other SDKs have it.
            max_retries: ``max_attempts`` without the first attempt, as other SDKs have it.
            state: Record the change in the state of ``sync``, so that its next run takes the change into account:
                ``True`` for the file that ``sync`` uses by default, or a path. Default: it is not recorded.
            settle_unknown: If the response is lost, look the project up by its name in COR's main API to learn
                whether COR created it. It counts as created if one project has that name, its fields are those of the
                create, and it is new. Default: ``False``.
            **fields: See ``CreateFields``: the fields of an update, and ``brand_id`` and ``product_id``, which only a
                create has. COR requires a ``name``.

        Raises:
            InvalidUpdateError: Before anything is sent, with every problem in ``issues``.
            CorError: ``error.is_duplicate`` where the project exists already; everything else as for ``update``.

        Example:
            >>> import projectcor.testing
            >>> with projectcor.testing.Sandbox() as cor, cor.client() as client:
            ...     project = client.projects.create("P-1", source="SAP", name="Website", brand_id="B-7")
            ...     print(project.name)
            ...     try:
            ...         client.projects.create("P-1", source="SAP", name="Website")
            ...     except projectcor.CorError as error:
            ...         print(error.is_duplicate)
            Website
            True
        """
        only, shared = apart(fields)
        update, given = merged(update, source, extra, shared)
        options = limits("create", deadline, timeout, max_attempts, max_retries), state, settle_unknown, None
        return self._native.create(id, update, *given, only, options)

    def delete(
        self,
        id: str,
        *,
        source: str,
        deadline: Seconds | None = None,
        max_attempts: int | None = None,
        timeout: Seconds | None = None,
        max_retries: int | None = None,
        state: Record | None = None,
        **unknown: NoReturn,
    ) -> Deleted:
        """Deletes a project, together with its external id.

        Retried like an update. If a response was lost and the repeated request finds no project, the delete counts as
        done.

        Args:
            id: The project's external id.
            source: The system that owns the project, such as ``SALESFORCE``.
            deadline: Time limit for this call, in seconds or a ``timedelta``. Default: the client's.
            max_attempts: The most attempts of this call, including the first. Default: the client's.
            timeout: Another name of ``deadline``, as other SDKs have it.
            max_retries: ``max_attempts`` without the first attempt, as other SDKs have it.
            state: Record the change in the state of ``sync``: see ``update``.

        Raises:
            InvalidUpdateError: Before anything is sent, if the id or the source is invalid.
            ProjectNotFoundError: COR had no project of this id under this source before the call.
            ValidationError: COR does not delete the project because other data depends on it: ``error.code`` is
                ``DeletionError``.
            CorError: Everything else.

        Example:
            >>> import projectcor.testing
            >>> with projectcor.testing.Sandbox(example=True) as cor, cor.client() as client:
            ...     client.projects.delete("SF-OPP-12345", source="SALESFORCE").cor_id
            155693
        """
        refuse_unknown("delete", unknown)
        options = limits("delete", deadline, timeout, max_attempts, max_retries), state, False, None
        return self._native.delete(id, source, options)

    def plan(
        self,
        rows: Rows | Path,
        *,
        source: str | None = None,
        state: Place | None = None,
        mapping: Columns | None = None,
        id_column: str | None = None,
        format: str | None = None,
        delimiter: str | None = None,
        encoding: str | None = None,
        full: bool = False,
        create_missing: bool = False,
        text_cells: bool = False,
        limit: int | None = None,
        rejects: Path | None = None,
        report: Path | None = None,
        max_details: int = 10_000,
        **values: Unpack[FileValues],
    ) -> Plan:
        """Shows what ``sync`` would send, and sends nothing. The state stays as it is.

        Args:
            rows: The path of a CSV, JSON lines or Parquet file, or of a workbook (``.xlsx``, ``.xlsb``, ``.xls`` or
                ``.ods``); or rows as ``update_many`` takes them. In a frame NaN, NaT and NA keep, ``CLEAR`` clears.
            source: The system that owns the projects, such as ``SALESFORCE``. Default: the mapping's.
            state: The file that stores what COR accepted, field by field. ``None``: the one that the environment
                names in ``COR_STATE``, else ``sync.db`` in the folder ``cor`` of this account's folder for programs'
                states, which ``cor projects sync`` uses too; for a ``projectcor.testing.Sandbox``, a file of its own.
                ``False``: no state is stored, so every row is sent.
            mapping: A TOML file as ``cor projects sync --mapping`` takes it, or a dict from columns to fields, where
                ``None`` ignores a column. Columns named after a field are mapped automatically.
            id_column: The column that holds the external ids. Default: the mapping's, else ``id``.
            format: ``csv``, ``jsonl``, ``parquet`` or ``workbook``. Default: by the file's extension or first bytes.
            delimiter: The character between the columns of a CSV. Default: detected in the header.
            encoding: The encoding of a file without a byte order mark, such as ``windows-1252``. Default: UTF-8.
            full: Show every field, including those that COR accepted before.
            create_missing: Also map the columns ``brand_id`` and ``product_id``, as ``sync(create_missing=True)`` does.
            text_cells: Read values of ``rows`` that are text by the type of their field, as the cells of a table
                without types, such as those of ``csv.DictReader``; an empty one keeps the field.
            limit: Read no more than this many rows. Default: all.
            rejects: Write rows that cannot be sent into this file, with their line and the reason, so that they can be
                corrected. A file's rows are copied as they are; other rows become JSON lines.
            report: Write a report of the plan into this HTML file. Needs a state.
            max_details: How many changes and how many problems the result holds, so that memory stays bounded. All are
                counted.
            ignore: Columns to ignore: a name or several.
            strict: Refuse a table with another column that sets no field. Default: ``unused`` lists such columns.
            clear_value: The text of a cell that clears its field.
            clear_nulls: Columns in which a null of ``rows``, or of a Parquet or JSON lines file, clears the field: a
                name or several. NaN, NaT and NA are nulls. Default: null keeps every field.
            null_values: Texts that count as empty, such as ``NULL`` or ``#N/A``: they keep their field.
            trim: Remove blanks at both ends of cells and external ids.
            allow_mangled_ids: Create projects even under an id that a spreadsheet or a data frame has rewritten, as
                ``9.91214E+15``, ``1001.0`` or an id with blanks around it, or that stands for no value, as ``#N/A``.
                Default: they are not created.
            date_format: How days are written, such as ``%d/%m/%Y`` in all columns, ``Column=%d/%m/%Y`` in one; one or
                several. Default: ``%Y-%m-%d``.
            day_in: The time zone in which a timestamp becomes a day, such as ``UTC`` or ``Europe/Madrid``;
                ``as_written`` takes the written day. Default: a timestamp that is not midnight is refused.
            decimal: The decimal sign of numbers in text. Default: a point.
            thousands: The separator of thousands in numbers in text. Default: none.
            sheet: The sheet of a workbook: its name, or 1 for the first visible one. Default: the first visible one.
            header_row: The row of the sheet that holds the names of the columns, counted from 1. Default: the first
                that names the id and a field.

        Raises:
            TableError: The table or the mapping has an error, or the table cannot be read to its end.
            StateError: The state cannot be used; ``error.code`` names the reason, such as ``state_damaged``.
            ValueError: ``rejects`` or ``report`` cannot be written, or would replace a file that the plan reads.

        Example:
            >>> import projectcor.testing
            >>> rows = [{"id": "SF-OPP-12345", "end": "2025-04-30", "name": "Phase 2"}]
            >>> with projectcor.testing.Sandbox(example=True) as cor, cor.client() as client:
            ...     client.projects.plan(rows, source="SALESFORCE", state=False)
            Plan for SALESFORCE: 0 to change, 1 not in the state, 0 rows unchanged
            + SF-OPP-12345  (index 0, not in the state)
                name  "Phase 2"
                end   "2025-04-30"
            1 project is not in the state: sync updates it if COR has it; else it fails, unless create_missing is set.
        """
        from projectcor._sync import request, run

        arguments = request(
            rows,
            source=source,
            state=state,
            mapping=mapping,
            id_column=id_column,
            format=format,
            delimiter=delimiter,
            encoding=encoding,
            full=full,
            create_missing=create_missing,
            text_cells=text_cells,
            limit=limit,
            outage_timeout=None,
            wait=None,
            rejects=rejects,
            report=report,
            max_details=max_details,
            values=values,
            planning=True,
            off_loop=False,
        )
        plan: Plan = run(self._native, arguments, None, None)
        return plan

    def sync(
        self,
        rows: Rows | Path,
        *,
        source: str | None = None,
        state: Place | None = None,
        mapping: Columns | None = None,
        id_column: str | None = None,
        format: str | None = None,
        delimiter: str | None = None,
        encoding: str | None = None,
        full: bool = False,
        refresh: bool = False,
        keep_remote: Iterable[str] = (),
        create_missing: bool = False,
        text_cells: bool = False,
        limit: int | None = None,
        max_failures: int | str | None = None,
        outage_timeout: Seconds | None = None,
        wait: Seconds | None = None,
        rejects: Path | None = None,
        report: Path | None = None,
        max_details: int = 10_000,
        on_progress: OnProgress | None = None,
        progress: bool = False,
        **values: Unpack[FileValues],
    ) -> SyncResult:
        """Keeps COR's projects in sync with a table: sends what changed since COR last accepted it, and nothing else.

        The table is read to its end before anything is sent; rows of one project become one update. What COR accepts is
        stored at once, so a run that ends at any moment, by Ctrl-C or by a loss of power, is continued by the next.
        Each base URL, source and mapping has a state of its own. Limits and outages pause the run instead of failing
        rows.

        Args:
            rows: As for ``plan``.
            source: As for ``plan``.
            state: As for ``plan``. One process uses it at a time.
            mapping: As for ``plan``.
            id_column: As for ``plan``.
            format: As for ``plan``.
            delimiter: As for ``plan``.
            encoding: As for ``plan``.
            full: Send every field, whatever COR accepted before.
            refresh: Before anything is sent, read the projects of the table back from COR's main API, and send the
                table's value again where a field was changed in COR to another value.
            keep_remote: With ``refresh``: names of fields that are left as they are in COR where they were changed
                in COR since COR last accepted them, such as ``["end"]``.
            create_missing: Create projects that COR does not have, with the fields of the table.
            text_cells: As for ``plan``.
            limit: As for ``plan``.
            max_failures: Stop when more rows than this fail: a number such as ``20``, or a share such as ``"5%"``,
                which is measured against the whole table before anything is sent, and while it is sent. Default: never
                stop.
            wait: How long to wait for another run of the same source and state file to end, in seconds or a
                ``timedelta``. Default: the run raises ``StateError`` with the code ``state_in_use``.
            outage_timeout: How long to wait while COR cannot be reached, in seconds or a
                ``timedelta``. Until COR has answered once, at most ``deadline``. Then the run stops. Default: 900.
            rejects: Write rows that were not applied into this file, with their line, outcome and reason, so that they
                can be corrected and synced. A file's rows are copied as they are; other rows become JSON lines.
            report: As for ``plan``.
            max_details: As for ``plan``.
            on_progress: Called about once a second while rows are sent. ``False`` stops the run: what is in flight
                finishes, nothing new starts.
            progress: Show a bar: by ``tqdm`` if it is installed, else below the cell of a notebook, by ``rich``, or as
                one line on standard error. Where that is no terminal, only the last line is written.
            ignore: As for ``plan``; so are ``strict``, ``clear_value``, ``null_values``, ``trim``,
                ``allow_mangled_ids``, ``date_format``, ``day_in``, ``decimal``, ``thousands``, ``sheet`` and
                ``header_row``.

        Raises:
            TableError: The table or the mapping has an error, or the table cannot be read to its end. Nothing was sent.
            StateError: The state cannot be used; ``error.code`` names the reason.
            ValueError: ``rejects`` or ``report`` cannot be written, or would replace a file that the run reads.

        Example: the second time there is nothing to send
            >>> import os, tempfile
            >>> import projectcor.testing
            >>> rows = [{"id": "SF-OPP-12345", "end": "2025-04-30"}]
            >>> folder = tempfile.TemporaryDirectory()
            >>> state = os.path.join(folder.name, "sync.db")
            >>> with projectcor.testing.Sandbox(example=True) as cor, cor.client() as client:
            ...     for _ in range(2):
            ...         print(client.projects.sync(rows, source="SALESFORCE", state=state))
            Sync of SALESFORCE: 1 applied, 0 rows unchanged
            ~ SF-OPP-12345  (index 0)
                end  "2025-04-30"
            Sync of SALESFORCE: 0 applied, 1 rows unchanged
            >>> folder.cleanup()
        """
        from projectcor._sync import request, run

        arguments = request(
            rows,
            source=source,
            state=state,
            mapping=mapping,
            id_column=id_column,
            format=format,
            delimiter=delimiter,
            encoding=encoding,
            full=full,
            refresh=refresh,
            keep_remote=keep_remote,
            create_missing=create_missing,
            text_cells=text_cells,
            limit=limit,
            max_failures=max_failures,
            outage_timeout=outage_timeout,
            wait=wait,
            rejects=rejects,
            report=report,
            max_details=max_details,
            values=values,
            planning=False,
            off_loop=False,
        )
        with ProgressCallbacks(on_progress, bar_of(progress)) as report_progress:
            result: SyncResult = run(self._native, arguments, None, report_progress)
        return result
