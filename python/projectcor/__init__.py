"""Keeps COR (projectcor.com) projects in sync with the system that owns them: partial updates, one or a million.

    >>> import projectcor
    >>> import projectcor.testing
    >>> with projectcor.testing.Sandbox(example=True) as cor, cor.client() as client:
    ...     project = client.projects.update("SF-OPP-12345", source="SALESFORCE", estimated_time=250)
    ...     print(project.id, project.estimated_time)
    155693 250

Against COR itself: ``projectcor.Client()``, set up by its arguments or by the environment (``COR_ACCESS_TOKEN``, or
``COR_API_KEY`` with ``COR_CLIENT_SECRET``). Many updates: ``client.projects.update_many(rows, source=...)``, where rows
are dicts, dataclasses, ``ProjectUpdate``s, or a table of pandas, polars or anything else that speaks Arrow. Every
failure is a ``CorError`` that knows its ``kind``, its ``outcome`` and what to do. ``AsyncClient`` is the same, awaited.
"""

from projectcor._async_client import AsyncClient, AsyncProjects
from projectcor._async_reading import AsyncProjectList, AsyncProjectReads, AsyncReadResults
from projectcor._async_results import AsyncResults
from projectcor._client import Client, Projects
from projectcor._errors import (
    ApiError,
    AuthError,
    CancelledError,
    ConfigError,
    CorDateRangeError,
    CorError,
    ForbiddenError,
    InvalidDateRangeError,
    InvalidUpdateError,
    LocalDateRangeError,
    ProjectNotFoundError,
    ProtocolError,
    RateLimitError,
    RedirectError,
    RequestTimeoutError,
    ServerError,
    StateError,
    TableError,
    TlsError,
    TooLargeError,
    TransportError,
    ValidationError,
)
from projectcor._hints import resolvable as _resolvable
from projectcor._reading import ProjectList, ProjectReads, ReadResults
from projectcor._results import (
    Deleted,
    FieldComparison,
    Issue,
    ItemResult,
    Progress,
    Project,
    ReadResult,
    Results,
    Summary,
    compare,
)
from projectcor._update import CLEAR, FIELDS, SOURCES, Clear, IncomeType, Json, ProjectUpdate
from projectcor._version import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from projectcor import testing as testing
    from projectcor._auth import AuthStatus
    from projectcor._bulk import BulkResult
    from projectcor._fields import CreateFields, ProjectFields
    from projectcor._sync import Change, FieldChange, Plan, RowProblem, SyncResult

__all__ = [
    "CLEAR",
    "FIELDS",
    "SOURCES",
    "ApiError",
    "AsyncClient",
    "AsyncProjectList",
    "AsyncProjects",
    "AsyncReadResults",
    "AsyncResults",
    "AuthError",
    "AuthStatus",
    "BulkResult",
    "CancelledError",
    "Change",
    "Clear",
    "Client",
    "ConfigError",
    "CorDateRangeError",
    "CorError",
    "CreateFields",
    "Deleted",
    "FieldChange",
    "FieldComparison",
    "ForbiddenError",
    "IncomeType",
    "InvalidDateRangeError",
    "InvalidUpdateError",
    "Issue",
    "ItemResult",
    "Json",
    "LocalDateRangeError",
    "Plan",
    "Progress",
    "Project",
    "ProjectFields",
    "ProjectList",
    "ProjectNotFoundError",
    "ProjectUpdate",
    "Projects",
    "ProtocolError",
    "RateLimitError",
    "ReadResult",
    "ReadResults",
    "RedirectError",
    "RequestTimeoutError",
    "Results",
    "RowProblem",
    "ServerError",
    "StateError",
    "Summary",
    "SyncResult",
    "TableError",
    "TlsError",
    "TooLargeError",
    "TransportError",
    "ValidationError",
    "__version__",
    "compare",
]


_resolvable(Client, Projects, ProjectReads, ProjectList, ReadResults, ProjectUpdate)
_resolvable(AsyncClient, AsyncProjects, AsyncProjectReads, AsyncResults, AsyncProjectList, AsyncReadResults)


def __getattr__(name: str) -> object:
    # What most programs do not need is imported where it is: `typing` alone takes as long as everything else here.
    if name in ("CreateFields", "ProjectFields"):
        import projectcor._fields

        return getattr(projectcor._fields, name)
    if name == "AuthStatus":
        import projectcor._auth

        return projectcor._auth.AuthStatus
    if name == "BulkResult":
        import projectcor._bulk

        return projectcor._bulk.BulkResult
    if name == "testing":
        from importlib import import_module

        return import_module("projectcor.testing")
    if name in ("Change", "FieldChange", "Plan", "RowProblem", "SyncResult"):
        import projectcor._sync

        return getattr(projectcor._sync, name)
    raise AttributeError(f"module 'projectcor' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
