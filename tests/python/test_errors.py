"""One tree of exceptions, and plain data that behaves as such."""

from __future__ import annotations

import copy
import json
import pickle
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import projectcor
import pytest
from common import ID, SOURCE, call
from harness import ROOT
from projectcor import CorError, Issue, ItemResult, Progress, Project, Summary, _errors, _native
from projectcor.testing import Answer, Hold, Sandbox

TABLE = {
    "invalid": ("InvalidUpdateError", (CorError, ValueError)),
    "config": ("ConfigError", (CorError, ValueError)),
    "auth": ("AuthError", (projectcor.ApiError,)),
    "forbidden": ("ForbiddenError", (projectcor.ApiError,)),
    "project_not_found": ("ProjectNotFoundError", (projectcor.ApiError,)),
    "validation": ("ValidationError", (projectcor.ApiError,)),
    "invalid_date_range": ("InvalidDateRangeError", (CorError,)),
    "rate_limited": ("RateLimitError", (projectcor.ApiError,)),
    "server": ("ServerError", (projectcor.ApiError,)),
    "timeout": ("RequestTimeoutError", (projectcor.TransportError, TimeoutError)),
    "transport": ("TransportError", (CorError,)),
    "tls": ("TlsError", (projectcor.TransportError,)),
    "protocol": ("ProtocolError", (CorError,)),
    "redirect": ("RedirectError", (projectcor.ProtocolError,)),
    "too_large": ("TooLargeError", (projectcor.ProtocolError,)),
    "cancelled": ("CancelledError", (CorError,)),
}


def test_every_error_kind_has_its_class() -> None:
    assert set(_native.ERROR_KINDS) == set(TABLE) == set(_errors.BY_KIND)
    for kind, (name, bases) in TABLE.items():
        cls = getattr(projectcor, name)
        assert cls.kind == kind
        assert cls is _errors.BY_KIND[kind]
        assert issubclass(cls, bases)
        assert cls.__doc__
        assert name in projectcor.__all__


def test_the_table_of_the_docs_is_the_hierarchy() -> None:
    text = (ROOT / "docs/reference/errors.md").read_text("utf-8").partition("\n## Python\n")[2]
    rows = [[cell.strip(" `") for cell in line.split("|")] for line in text.splitlines() if line.startswith("| `")]
    written = {name: ([base.strip(" `") for base in bases.split(",")], kind) for _, name, bases, kind, *_ in rows}
    found: dict[str, tuple[list[str], str]] = {}
    todo = [CorError]
    while todo:
        cls = todo.pop()
        todo += cls.__subclasses__()
        # A kind of its own, or that of a class above; the classes in between have none.
        kind = "" if cls in (CorError, projectcor.ApiError) else cls.kind
        found[cls.__name__] = ([base.__name__ for base in cls.__bases__], kind)
        assert cls.__name__ in projectcor.__all__
        assert cls.__doc__
    assert written == found


@pytest.mark.parametrize("kind", _native.ERROR_KINDS)
def test_refusal_of_cor_is_an_api_error_and_local_refusal_a_value_error(kind: str) -> None:
    refused_by_cor = {
        *("auth", "forbidden", "project_not_found", "validation", "invalid_date_range", "rate_limited", "server")
    }
    assert issubclass(_errors.class_of(kind, False), projectcor.ApiError) == (kind in refused_by_cor)
    for is_local in (True, False):
        cls = _errors.class_of(kind, is_local)
        assert cls.kind == kind
        assert not (issubclass(cls, projectcor.ApiError) and issubclass(cls, ValueError))


@pytest.mark.parametrize(
    "fields",
    [
        {"start": "2025-02-01", "end": "2025-01-01"},
        {"start": "2025-02-01", "end": "2025-01-01", "income_type": "free"},
        {"start": "2025-02-01", "end": "2025-01-01", "estimated": float("inf")},
        {"end": "2025-13-01"},
        {"estimated": "18000"},
    ],
    ids=repr,
)
def test_every_local_refusal_is_an_invalid_update_error(door: Any, cor: Sandbox, fields: dict[str, Any]) -> None:
    (item,), _ = door.update_many([{"id": ID, **fields}], source=SOURCE)
    with pytest.raises(projectcor.InvalidUpdateError) as caught:
        door.update(ID, source=SOURCE, **fields)
    for error in (caught.value, item.error):
        assert isinstance(error, projectcor.InvalidUpdateError)
        assert isinstance(error, ValueError)
        assert not isinstance(error, projectcor.ApiError)
        assert error.issues
        assert pickle.loads(pickle.dumps(error)) == error
    is_range_alone = set(fields) == {"start", "end"}
    assert isinstance(caught.value, projectcor.InvalidDateRangeError) == is_range_alone
    assert cor.requests == []


def test_a_date_range_that_cor_refuses_is_an_api_error(door: Any, cor: Sandbox) -> None:
    # The stored start is 2025-01-15.
    with pytest.raises(projectcor.ApiError) as caught:
        door.update(ID, source=SOURCE, end="2025-01-01")
    error = caught.value
    assert isinstance(error, projectcor.InvalidDateRangeError)
    assert isinstance(error, projectcor.ValidationError)
    assert not isinstance(error, ValueError)
    assert (error.kind, error.status, len(cor.requests)) == ("invalid_date_range", 409, 1)
    assert pickle.loads(pickle.dumps(error)) == error


def test_dir_shows_the_public_names_and_nothing_else() -> None:
    assert dir(projectcor) == sorted(projectcor.__all__)
    for name in projectcor.__all__:
        getattr(projectcor, name)


def failed(cor: Sandbox, answer: Answer, **options: Any) -> CorError:
    cor.queue(answer)
    with cor.client(max_attempts=1, **options) as client, pytest.raises(CorError) as caught:
        client.projects.update(ID, source=SOURCE, name="N")
    return caught.value


def test_error_carries_what_is_known(cor: Sandbox) -> None:
    body = '{"status":503,"name":"CORCustomError","code":"ZC999","message":"not now"}'
    error = failed(cor, Answer(503, body=body, headers={"retry-after": "120", "x-request-id": "r-1"}, times=9))
    assert isinstance(error, projectcor.ServerError)
    assert (error.kind, error.status, error.code, error.attempts) == ("server", 503, "ZC999", 1)
    assert (error.retry_after, error.request_id, error.body) == (120.0, "r-1", body)
    assert (error.outcome, error.is_retryable, error.issues) == ("unknown", True, ())
    assert error.message == str(error)
    assert "\n" not in str(error)
    assert str(error).startswith(f'could not update project "{ID}" (SALESFORCE): ')


def test_advice_names_options_as_keywords(cor: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(
        projectcor.ConfigError,
        match=r": client_cert is set without client_key; set client_cert= and client_key= together$",
    ):
        projectcor.Client(token="t", client_cert=tmp_path / "cert.pem")
    says = r": deadline is 0 s; pass a time above zero and up to seven days$"
    with pytest.raises(projectcor.ConfigError, match=says):
        projectcor.Client(token="t", deadline=0)
    error = failed(cor, Answer(302, headers={"location": "https://new.example/v2/integrations/projects/P"}))
    assert "; if COR's API has moved, set base_url= to its address; " in str(error)


def test_a_message_holds_its_causes() -> None:
    client = projectcor.Client(base_url="http://127.0.0.1:1", token="t", max_attempts=1)
    with pytest.raises(projectcor.TransportError, match=r"(?i)refused") as caught:
        client.projects.update(ID, source=SOURCE, name="N")
    assert caught.value.outcome == "not_applied"


def test_builtin_exceptions_catch_their_errors(cor: Sandbox) -> None:
    error = failed(cor, Answer(delay=30), deadline=0.05)
    assert isinstance(error, TimeoutError)
    with pytest.raises(ValueError, match="token_url"):
        projectcor.Client(base_url="https://cor.example", api_key="k", client_secret="s")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"deadline": 0}, "deadline"),
        ({"deadline": -1}, "deadline"),
        ({"deadline": float("nan")}, "deadline"),
        ({"connect_timeout": 1e30}, "connect_timeout"),
        ({"max_attempts": 0}, "max_attempts"),
        ({"max_attempts": -1}, "max_attempts"),
        ({"max_attempts": 2**40}, "max_attempts"),
        ({"retry_budget": -1}, "retry_budget"),
        ({"retry_budget": 10**7}, "retry_budget"),
        ({"token": '"hush"'}, "remove the quotation marks"),
        ({"token": "Bearer hush"}, "the client adds it"),
        ({"proxy": "http://u:12#hush@127.0.0.1:9"}, "# as %23"),
        ({"base_url": "localhost:4010"}, "http://localhost:4010"),
        ({"concurrency": 0}, "concurrency"),
        ({"rate": float("inf")}, "rate"),
        ({"rate_hint": 0}, "rate_hint is 0"),
        ({"base_url": "http://example.com"}, "base_url"),
        ({"ca_file": "/no/such/file"}, "ca_file"),
        ({"client_cert": "/no/such/file", "client_key": "/no/such/file"}, "client_cert"),
        ({"client_cert": "/no/such/file"}, "client_key"),
        ({"client_key": Path("/no/such/file")}, "client_cert"),
        ({"transport": "curl"}, 'it is "reqwest" or "direct"'),
        ({"transport": "direct", "proxy": "http://127.0.0.1:9"}, "direct.*proxy"),
        ({"api_key": "k"}, "API key|client credentials"),
    ],
    ids=repr,
)
def test_options_that_make_no_sense_are_config_errors(options: dict[str, Any], says: str) -> None:
    with pytest.raises(projectcor.ConfigError, match=says) as caught:
        projectcor.Client(**{"token": "hush", **options})
    assert "hush" not in str(caught.value)


def test_empty_retry_budget_is_reported_and_can_be_switched_off(cor: Sandbox) -> None:
    cor.queue(Answer(500, times=100))
    for retry_budget, attempts in [(1, [2, 1]), (0, [2, 2])]:
        client = cor.client(retry_budget=retry_budget, max_attempts=2, backoff_base=0.001)
        errors = []
        for _ in range(2):
            with pytest.raises(projectcor.ServerError) as caught:
                client.projects.update(ID, source="SALESFORCE", name="N")
            errors.append(caught.value)
        assert [error.attempts for error in errors] == attempts
        assert ("used up its retry budget" in str(errors[1])) == (retry_budget == 1)


@pytest.mark.parametrize(
    "options",
    [
        {"transport": 1},
        {"client_cert": 1},
        {"deadline": "30"},
        {"max_attempts": 1.5},
        {"rate": True},
        {"rate_hint": "5"},
        {"token": b"t"},
        {"x": 1},
    ],
)
def test_options_of_another_type_are_type_errors(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        projectcor.Client(**{"token": "hush", **options})


def test_transport_is_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COR_TRANSPORT", "curl")
    with pytest.raises(projectcor.ConfigError, match="COR_TRANSPORT"):
        projectcor.Client(token="hush")
    # An argument wins.
    projectcor.Client(token="hush", transport="direct")
    monkeypatch.setenv("COR_TRANSPORT", "direct")
    with pytest.raises(projectcor.ConfigError, match=r"direct.*proxy"):
        projectcor.Client(token="hush", proxy="http://127.0.0.1:9")


@pytest.mark.parametrize("transport", ["reqwest", "direct"])
def test_each_transport_carries_calls(cor: Sandbox, transport: str) -> None:
    with cor.client(transport=transport) as client:
        assert client.projects.update(ID, source=SOURCE, name=transport).name == transport


CALLS: list[tuple[str, dict[str, Any]]] = [
    ("update", {"source": SOURCE, "name": "N"}),
    ("create", {"source": SOURCE, "name": "N"}),
    ("delete", {"source": SOURCE}),
]


@pytest.mark.parametrize(("verb", "given"), CALLS, ids=[verb for verb, _ in CALLS])
def test_max_attempts_of_one_call_limits_its_requests(
    cor: Sandbox, door: Any, verb: str, given: dict[str, Any]
) -> None:
    for _ in range(2):
        cor.queue(Answer(status=503))
    with pytest.raises(projectcor.ServerError) as refused:
        call(door, verb, ID, **given, max_attempts=2)
    assert refused.value.attempts == 2
    assert len(cor.requests) == 2


@pytest.mark.parametrize(("verb", "given"), CALLS, ids=[verb for verb, _ in CALLS])
def test_deadline_of_one_call_ends_it(cor: Sandbox, door: Any, verb: str, given: dict[str, Any]) -> None:
    cor.queue(Answer(delay=30))
    began = time.monotonic()
    with pytest.raises(projectcor.RequestTimeoutError):
        call(door, verb, ID, **given, deadline=timedelta(milliseconds=100))
    assert time.monotonic() - began < 15, "the client's own is 60 s"


@pytest.mark.parametrize(("verb", "given"), CALLS, ids=[verb for verb, _ in CALLS])
def test_invalid_options_of_one_call_are_refused(cor: Sandbox, door: Any, verb: str, given: dict[str, Any]) -> None:
    wrong: list[dict[str, Any]] = [{"deadline": 0}, {"deadline": -1}, {"max_attempts": 0}, {"max_attempts": 101}]
    for options in wrong:
        with pytest.raises(projectcor.ConfigError, match=next(iter(options))):
            call(door, verb, ID, **given, **options)
    other_types: list[dict[str, Any]] = [{"deadline": "5"}, {"max_attempts": 1.5}]
    for options in other_types:
        with pytest.raises(TypeError, match=next(iter(options))):
            call(door, verb, ID, **given, **options)
    assert cor.requests == []


def test_options_of_one_call_are_not_sent_as_fields() -> None:
    assert {"deadline", "max_attempts"}.isdisjoint(projectcor.FIELDS)


def test_invalid_options_of_a_run_are_refused(client: projectcor.Client) -> None:
    wrong: list[dict[str, Any]] = [
        {"concurrency": 0},
        {"concurrency": 10**6},
        {"outage_timeout": 0},
        {"outage_timeout": -1.0},
    ]
    for options in wrong:
        with pytest.raises(projectcor.ConfigError, match=next(iter(options))):
            client.projects.update_many([], **options)
    with pytest.raises(projectcor.ConfigError, match="outage_timeout"):
        client.projects.sync([], source="SAP", state=False, outage_timeout=0)


def test_secrets_do_not_show_in_reprs_or_errors(cor: Sandbox) -> None:
    client = projectcor.Client(
        base_url=cor.base_url, token_url=cor.token_url, api_key="hush-key", client_secret="hush-secret", max_attempts=1
    )
    with pytest.raises(projectcor.AuthError) as caught:
        client.projects.update(ID, source=SOURCE, name="N")
    error = caught.value
    shown = [repr(client), str(error), repr(error), error.body or "", repr(error.__reduce__())]
    assert "hush" not in " ".join(shown)
    assert "127.0.0.1" in repr(client)


DATA = [
    Project.from_json('{"id":7,"name":"N","estimated":0.10}'),
    Project.from_json(None),
    Issue("end", "not_a_date", "is 'soon'"),
    Progress(3, 1, 10, "rate_limited"),
    Progress(3, 1),
    Summary(3, 1, 1, 1, 0),
    projectcor.RateLimitError("m", outcome="not_applied", retry_after=1.5, issues=(Issue("a", "b", "c"),)),
    *(cls("m", outcome="unknown", status=500) for cls in _errors.BY_KIND.values()),
]


@pytest.mark.parametrize("value", DATA, ids=repr)
def test_plain_data_is_comparable_picklable_and_has_a_repr(value: Any) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(value, protocol))
        assert again == value
        assert type(again) is type(value)
        assert hash(again) == hash(value)
        assert repr(again) == repr(value)
    assert copy.deepcopy(value) == value
    assert value != object()
    others = [other for other in DATA if other is not value]
    assert value not in others
    assert type(value).__name__ in repr(value)


@pytest.mark.parametrize("value", DATA, ids=repr)
def test_plain_data_is_frozen(value: Any) -> None:
    own = {name for cls in type(value).__mro__ if cls.__module__.startswith("projectcor") for name in vars(cls)}
    for name in own - {"kind"}:
        if not name.startswith("_") and not callable(getattr(value, name)):
            with pytest.raises(AttributeError):
                setattr(value, name, 1)


def test_results_are_plain_data_too(client: projectcor.Client) -> None:
    rows = [{"id": ID, "name": "N"}, {"id": "unknown", "name": "N"}, {"id": "x", "estimated": "1"}]
    items = sorted(client.projects.update_many(rows, source=SOURCE), key=lambda item: item.index)
    for item in items:
        again = pickle.loads(pickle.dumps(item))
        assert again == item
        assert (again.index, again.id, again.ok, again.started) == (item.index, item.id, item.ok, item.started)
        assert again.project == item.project
        assert again.error == item.error
        assert repr(again) == repr(item)
        assert hash(again) == hash(item)
    assert items[0] != items[1]
    assert items[1].error is items[1].error
    assert repr(items[0]).startswith("ItemResult(index=0, id='SF-OPP-12345', project=Project(id=155693, name='N'")
    assert isinstance(items[0], ItemResult)


def test_project_keeps_unknown_members() -> None:
    project = Project.from_json('{"id": "7", "mood": {"a": [1]}, "estimated": 0.10, "start": "2025-01-15 00:00:00"}')
    assert project.id == 7
    assert project.get("mood") == {"a": [1]}
    assert project.get("none", 5) == 5
    assert str(project.estimated) == "0.10"
    assert str(project.to_dict()["estimated"]) == "0.10"
    assert project.start is not None
    assert project.start.isoformat() == "2025-01-15"
    assert Project.from_json("[1]").to_dict() == {}
    assert Project.from_json("nonsense") == Project.from_json(None)
    assert Project.from_json(None).json is None


@pytest.mark.parametrize(
    ("verb", "says"),
    [
        ("update_many", r"timeout of the client \(for each row, as deadline\), or outage_timeout"),
        ("update_all", r"timeout of the client \(for each row, as deadline\), or outage_timeout"),
        ("sync", r"timeout of the client \(for each row, as deadline\), or outage_timeout"),
        ("plan", r"timeout of the client \(for each row, as deadline\)$"),
    ],
)
def test_timeout_of_many_rows_is_refused_with_the_existing_options(
    door: Any, cor: Sandbox, verb: str, says: str
) -> None:
    expected = rf"^{verb}\(\) got an unexpected keyword argument 'timeout'; use {says}"
    with pytest.raises(TypeError, match=expected):
        call(door, verb, "x", source=SOURCE, timeout=5)
    expected = rf"^{verb}\(\) got an unexpected keyword argument 'max_retries'; use max_retries of the client"
    with pytest.raises(TypeError, match=expected):
        call(door, verb, "x", source=SOURCE, max_retries=5)
    assert cor.requests == []


def test_max_retries_counts_the_attempts_after_the_first(cor: Sandbox) -> None:
    fast = {"backoff_base": 0.001, "backoff_cap": 0.001}
    with cor.client(max_retries=2, **fast) as client:
        for verb, fields in (("update", {"name": "N"}), ("create", {"name": "N"}), ("delete", {})):
            for options, attempts in (({}, 3), ({"max_retries": 0}, 1), ({"max_attempts": 2}, 2)):
                cor.clear_queue()
                cor.queue(Answer(503, times=9))
                with pytest.raises(projectcor.ServerError) as caught:
                    getattr(client.projects, verb)("x", source=SOURCE, **fields, **options)
                assert caught.value.attempts == attempts, (verb, options)


def test_timeout_limits_the_whole_call(door: Any, cor: Sandbox) -> None:
    hold = Hold()
    # More than there are calls: on a busy machine the time of a call is over before the sandbox has its request.
    cor.queue(Answer(held_by=hold, times=9))
    for verb, fields in (("update", {"name": "N"}), ("create", {"name": "N"}), ("delete", {})):
        with pytest.raises(projectcor.RequestTimeoutError):
            call(door, verb, "x", source=SOURCE, timeout=0.05, max_retries=0, **fields)
    hold.release()


@pytest.mark.parametrize("verb", ["Client", "AsyncClient", "update", "create", "delete"])
@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"timeout": 5, "deadline": 5}, TypeError, r"\(\) got both deadline and timeout, which are one option"),
        ({"max_retries": 1, "max_attempts": 2}, TypeError, r"\(\) got both max_attempts and max_retries"),
        ({"max_retries": -1}, projectcor.ConfigError, "max_retries is -1; it must be 0 or more"),
        ({"max_retries": True}, TypeError, "max_retries must be a whole number, not bool"),
        ({"max_retries": 1.5}, TypeError, "max_retries must be a whole number, not float"),
    ],
)
def test_two_names_of_one_option_are_refused(
    door: Any, cor: Sandbox, verb: str, options: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=f"^{verb}{says}" if says.startswith("\\") else f"^{says}"):
        _ = (
            getattr(projectcor, verb)(token="t", **options)
            if "Client" in verb
            else call(door, verb, "x", source=SOURCE, **options)
        )
    assert cor.requests == []


def test_a_project_has_an_attribute_for_every_field_that_can_be_set() -> None:
    days = {"start": "2025-01-15", "end": "2025-01-15", "evaluation_date": "2025-04-30"}
    values: dict[str, Any] = {**days, "income_type": "fee"}
    sent = {name: values.get(name, 7) for name in (*projectcor.FIELDS, *_native.CREATE_FIELDS)}
    sent |= {"billable": True, "archived": False}
    project = Project.from_json(json.dumps(sent))
    nothing = Project.from_json("{}")
    for name in sent:
        assert getattr(project, name) is not None, name
        assert getattr(nothing, name) is None, name
    assert (project.evaluation_date, project.income_type) == (date(2025, 4, 30), "fee")
    assert (project.fee_id, Project.from_json('{"fee_id": "F-7"}').fee_id) == (7, "F-7")
    assert Project.from_json('{"fee_id": 1.5, "brand_id": {}, "product_id": null}').fee_id is None
    assert project.deliverables == "7"


def test_delete_refuses_a_keyword_that_it_does_not_have(door: Any, cor: Sandbox) -> None:
    with pytest.raises(TypeError, match=r"^delete\(\) got an unexpected keyword argument 'deadlin'$"):
        call(door, "delete", "x", source=SOURCE, deadlin=5)
    assert cor.requests == []


def test_missing_source_is_refused_with_how_to_pass_it(door: Any, cor: Sandbox) -> None:
    says = 'metadata.source: is required; pass source="SALESFORCE" (the system the project was created from)'
    for use in ("update", "create"):
        with pytest.raises(projectcor.InvalidUpdateError) as caught:
            call(door, use, ID, name="N")
        assert says in str(caught.value)
    (item,), _ = door.update_many([{"id": ID, "name": "N"}])
    assert says in str(item.error)
    for use in ("sync", "plan"):
        with pytest.raises(projectcor.TableError, match=r'^source is required: .*; pass source="SALESFORCE", or '):
            call(door, use, [{"id": ID, "name": "N"}], state=False)
    assert cor.requests == []


@pytest.mark.parametrize("name", ["base_url", "token_url"])
def test_address_without_scheme_is_refused_with_the_full_address(name: str) -> None:
    options: dict[str, Any] = {"api_key": "k", "client_secret": "s", "base_url": "https://cor.example"}
    options |= {"token_url": "https://cor.example/token", name: "localhost:4010"}
    with pytest.raises(projectcor.ConfigError, match=rf"{name} has no scheme; write it as http://localhost:4010$"):
        projectcor.Client(**options)


def test_text_in_place_of_a_number_is_refused_with_the_number(door: Any) -> None:
    says = 'estimated: the text "18000.10" has the wrong type; pass the number 18000.10 without quotation marks, or '
    with pytest.raises(projectcor.InvalidUpdateError) as caught:
        door.update(ID, source=SOURCE, estimated="18000.10")
    assert str(caught.value) == says + 'Decimal("18000.10") for exact digits'
    (item,), _ = door.update_many([{"id": ID, "estimated": "18000.10"}], source=SOURCE)
    assert says in str(item.error)
    assert "text_cells=True" in str(item.error)
