"""Reading projects from COR's main API: the calls of ``Projects`` that read, and what they return."""

from __future__ import annotations

from projectcor._aliases import limits
from projectcor._native import find_projects, list_projects, read_project, read_projects

TYPE_CHECKING = False
if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterable, Iterator

    from typing_extensions import Self

    from projectcor._errors import CorError
    from projectcor._native import NativeClient, Project, ReadResult, ReadRun
    from projectcor._types import Day, Seconds

__all__ = ["ProjectList", "ProjectReads", "ReadResults"]


class ProjectReads:
    """The calls that read projects. They go to COR's main API, ``main_url`` of the client, and change nothing."""

    __slots__ = ()
    _native: NativeClient

    def get(
        self,
        cor_id: int,
        *,
        deadline: Seconds | None = None,
        max_attempts: int | None = None,
        timeout: Seconds | None = None,
        max_retries: int | None = None,
    ) -> Project:
        """Reads a project by COR's internal id.

        Retried, paced and bounded by the deadline like an update. The main API knows no external ids: COR's internal id
        is ``project.id`` of the answer to an update or a create.

        Args:
            cor_id: COR's internal id of the project.
            deadline: Time limit for this call, in seconds or a ``timedelta``. Default: the client's.
            max_attempts: The most attempts of this call, including the first. Default: the client's.
            timeout: Another name of ``deadline``, as other SDKs have it.
            max_retries: ``max_attempts`` without the first attempt, as other SDKs have it.

        Raises:
            ProjectNotFoundError: COR has no such project.
            ForbiddenError: The token's user may not read it.
            ConfigError: Before anything is sent, if the client has no ``main_url``, or an argument is out of range.
            CorError: Everything else.

        Example: what was changed in COR since
            >>> import projectcor.testing
            >>> update = projectcor.ProjectUpdate("SALESFORCE", name="Phase 2")
            >>> with projectcor.testing.Sandbox(example=True) as cor, cor.client() as client:
            ...     cor_id = client.projects.update("SF-OPP-12345", update).id
            ...     edited = cor.edit_project(cor_id, name="Phase II")  # as a user of COR does
            ...     project = client.projects.get(cor_id)
            >>> for field in projectcor.compare(update, project):
            ...     print(field)
            name: "Phase 2", but "Phase II" in COR
        """
        return read_project(self._native, cor_id, limits("get", deadline, timeout, max_attempts, max_retries))

    def find_by_name(
        self,
        name: str,
        *,
        deadline: Seconds | None = None,
        max_attempts: int | None = None,
        timeout: Seconds | None = None,
        max_retries: int | None = None,
    ) -> builtins.list[Project]:
        """Returns the projects that COR finds by this name.

        COR does not document whether it also finds names that contain it, or are written in another case.

        Args:
            name: The name.
            deadline: Time limit for this call, in seconds or a ``timedelta``. Default: the client's.
            max_attempts: The most attempts of this call, including the first. Default: the client's.
            timeout: Another name of ``deadline``, as other SDKs have it.
            max_retries: ``max_attempts`` without the first attempt, as other SDKs have it.

        Raises:
            InvalidUpdateError: Before anything is sent, if the name cannot be part of a URL, such as an empty one.
            CorError: Everything else, as for ``get``.

        Example:
            >>> import projectcor.testing
            >>> with projectcor.testing.Sandbox(example=True) as cor, cor.client() as client:
            ...     client.projects.update("SF-OPP-12345", source="SALESFORCE", name="Phase 2").id
            ...     [project.id for project in client.projects.find_by_name("Phase 2")]
            155693
            [155693]
        """
        return find_projects(self._native, name, limits("find_by_name", deadline, timeout, max_attempts, max_retries))

    def get_many(
        self,
        cor_ids: Iterable[int],
        *,
        concurrency: int | None = None,
        outage_timeout: Seconds | None = None,
    ) -> ReadResults:
        """Reads many projects by COR's internal id, several at a time, and yields one result per id as it arrives.

        Projects are read only while you iterate over the results. Limits and outages pause the run instead of failing
        projects.

        Args:
            cor_ids: COR's internal ids. The iterable is read as far as needed and never collected.
            concurrency: The most requests in flight. Default: the client's.
            outage_timeout: How long the run waits while COR cannot be reached, in seconds or a ``timedelta``. Default:
                900.

        Raises:
            ConfigError: An argument is out of range.
            TypeError: ``cor_ids`` is not iterable.

        An exception that ``cor_ids`` raises, or the ``TypeError`` for what is no id, is raised after the results of the
        ids before it.

        Example: COR has one of two projects
            >>> import projectcor.testing
            >>> with projectcor.testing.Sandbox(example=True) as cor, cor.client() as client:
            ...     for result in sorted(client.projects.get_many([155693, 7]), key=lambda result: result.cor_id):
            ...         print(result.cor_id, result.project.name if result.ok else result.error.kind)
            7 project_not_found
            155693 Website Redesign Project
        """
        return ReadResults(read_projects(self._native, cor_ids, False, concurrency, outage_timeout))

    def list(
        self,
        *,
        date_start: Day | None = None,
        date_end: Day | None = None,
        client_id: int | None = None,
        team_id: int | None = None,
        user_id: int | None = None,
        brand_id: int | None = None,
        product_id: int | None = None,
        status: str | None = None,
        health: int | None = None,
        archived: bool | None = None,
        per_page: int = 50,
        concurrency: int = 4,
        outage_timeout: Seconds | None = None,
    ) -> ProjectList:
        """Lists projects; iterate over the result for each, or over its ``pages()``.

        Pages are requested only while you iterate. Each project comes once, even if projects move from one page to
        another because the list changes while it is read: then it is read again, at most three times in all. Limits and
        outages pause the reading.

        A filter that is left out or ``None`` lets every project pass. Ids are COR's internal ones.

        Args:
            date_start: Projects from this day on. COR does not document which of a project's dates counts.
            date_end: Projects up to this day.
            client_id: COR's internal id of the client.
            team_id: COR's internal id of the team.
            user_id: COR's internal id of a user.
            brand_id: COR's internal id of the brand.
            product_id: COR's internal id of the product.
            status: The status: COR documents ``finished``, ``in_process`` and ``suspended``.
            health: 1 on track, 2 at risk, 3 delayed, 4 critical.
            archived: ``True`` for archived projects only, ``False`` for active ones only.
            per_page: How many projects to ask for on a page. Default: 50, which COR documents as the most.
            concurrency: The most pages in flight, once their number is known. Default: 4.
            outage_timeout: How long to wait while COR cannot be reached, in seconds or a ``timedelta``. Default: 900.

        Raises:
            ConfigError: An option is out of range.
            TypeError: A filter has a value of another type.
            ValueError: A date is not a day, or another filter has a value that it cannot have.

        Example:
            >>> import projectcor.testing
            >>> with projectcor.testing.Sandbox(example=True) as cor, cor.client() as client:
            ...     projects = client.projects.list(archived=False)
            ...     for project in projects:
            ...         print(project.id, project.name)
            ...     print(projects.total)
            155693 Website Redesign Project
            1
        """
        filters = {
            "date_start": date_start,
            "date_end": date_end,
            "client_id": client_id,
            "team_id": team_id,
            "user_id": user_id,
            "brand_id": brand_id,
            "product_id": product_id,
            "status": status,
            "health": health,
            "archived": archived,
        }
        return ProjectList(list_projects(self._native, filters, (per_page, concurrency, outage_timeout)))


class ProjectList:
    """The projects that ``Projects.list`` reads, one by one.

    Iterate over it once. After an error no further project comes. Requests in flight are abandoned when it is closed or
    no longer referenced; as a context manager it is closed at the end of its block.
    """

    __slots__ = ("_rest", "_run")

    def __init__(self, run: ReadRun) -> None:
        self._run = run
        self._rest: list[Project] = []
        """The projects of the latest page that were not yielded, the last first."""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Project:
        while True:
            if self._rest:
                try:
                    return self._rest.pop()
                except IndexError:  # another thread was faster
                    continue
            page = self._run.next()
            if page is None:
                raise StopIteration
            # Another thread may have put a page there.
            self._rest[:0] = reversed(page)

    def pages(self) -> Iterator[list[Project]]:
        """The projects page by page, as lists. Projects of a page that were yielded singly are left out."""
        while True:
            page: list[Project] = []
            while self._rest:
                # One by one, because another thread may put a page there or take from it.
                try:
                    page.append(self._rest.pop())
                except IndexError:
                    break
            found = page or self._run.next()
            if found is None:
                return
            yield found

    @property
    def total(self) -> int | None:
        """How many projects the list has, as COR stated it last; ``None`` before the first page, or if COR did not."""
        return self._run.total

    def close(self) -> None:
        """Ends the reading, and abandons the requests in flight."""
        self._rest.clear()
        self._run.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ProjectList: total={self.total}>"


class ReadResults:
    """The results of ``Projects.get_many``, in the order in which they arrive.

    Iterate over it once. Requests in flight are abandoned when it is closed or no longer referenced; as a context
    manager it is closed at the end of its block.
    """

    __slots__ = ("_run",)

    def __init__(self, run: ReadRun) -> None:
        self._run = run

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> ReadResult:
        result: ReadResult | None = self._run.next()
        if result is None:
            raise StopIteration
        return result

    @property
    def halted(self) -> CorError | None:
        """Why the run ended before its ids did, an error that every id would meet; else ``None``.

        COR could not be reached, did not accept the credentials, or denied permission to read.
        """
        return self._run.halted

    def close(self) -> None:
        """Ends the reading, and abandons the requests in flight."""
        self._run.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<ReadResults: halted={self.halted!r}>"
