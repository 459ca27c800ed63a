"""One tree of exceptions, and plain data that behaves as such."""

from __future__ import annotations

import copy
import pickle
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import projectcor
import pytest
from common import ID, SOURCE, call
from projectcor import CorError, Issue, ItemResult, Progress, Project, Summary, _errors, _native
from projectcor.testing import Answer, Sandbox

TABLE = {
    "invalid": ("InvalidUpdateError", (CorError, ValueError)),
    "config": ("ConfigError", (CorError, ValueError)),
    "auth": ("AuthError", (projectcor.ApiError,)),
    "forbidden": ("ForbiddenError", (projectcor.ApiError,)),
    "project_not_found": ("ProjectNotFoundError", (projectcor.ApiError,)),
    "validation": ("ValidationError", (CorError,)),
    "invalid_date_range": ("InvalidDateRangeError", (projectcor.ValidationError,)),
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


def test_every_kind_has_its_class() -> None:
    assert set(_native.ERROR_KINDS) == set(TABLE) == set(_errors.BY_KIND)
    for kind, (name, bases) in TABLE.items():
        cls = getattr(projectcor, name)
        assert cls.kind == kind
        assert cls is _errors.BY_KIND[kind]
        assert issubclass(cls, bases)
        assert cls.__doc__
        assert name in projectcor.__all__


def failed(cor: Sandbox, answer: Answer, **options: Any) -> CorError:
    cor.queue(answer)
    with cor.client(max_attempts=1, **options) as client, pytest.raises(CorError) as caught:
        client.projects.update(ID, source=SOURCE, name="N")
    return caught.value


def test_an_error_tells_what_is_known(cor: Sandbox) -> None:
    body = '{"status":503,"name":"CORCustomError","code":"ZC999","message":"not now"}'
    error = failed(cor, Answer(503, body=body, headers={"retry-after": "120", "x-request-id": "r-1"}, times=9))
    assert isinstance(error, projectcor.ServerError)
    assert (error.kind, error.status, error.code, error.attempts) == ("server", 503, "ZC999", 1)
    assert (error.retry_after, error.request_id, error.body) == (120.0, "r-1", body)
    assert (error.outcome, error.is_retryable, error.issues) == ("unknown", True, ())
    assert error.message == str(error)
    assert "\n" not in str(error)
    assert str(error).startswith(f'could not update project "{ID}" of SALESFORCE: ')


def test_a_message_holds_its_causes() -> None:
    client = projectcor.Client(base_url="http://127.0.0.1:1", token="t", max_attempts=1)
    with pytest.raises(projectcor.TransportError, match=r"(?i)refused") as caught:
        client.projects.update(ID, source=SOURCE, name="N")
    assert caught.value.outcome == "not_applied"


def test_a_builtin_catches_what_it_says(cor: Sandbox) -> None:
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
        ({"concurrency": 0}, "concurrency"),
        ({"rate": float("inf")}, "rate"),
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
    with pytest.raises(projectcor.ConfigError, match=says):
        projectcor.Client(**{"token": "hush", **options})


@pytest.mark.parametrize(
    "options",
    [
        {"transport": 1},
        {"client_cert": 1},
        {"deadline": "30"},
        {"max_attempts": 1.5},
        {"rate": True},
        {"token": b"t"},
        {"x": 1},
    ],
)
def test_options_of_another_type_are_type_errors(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        projectcor.Client(**{"token": "hush", **options})


def test_a_transport_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_max_attempts_of_one_call(cor: Sandbox, door: Any, verb: str, given: dict[str, Any]) -> None:
    for _ in range(2):
        cor.queue(Answer(status=503))
    with pytest.raises(projectcor.ServerError) as refused:
        call(door, verb, ID, **given, max_attempts=2)
    assert refused.value.attempts == 2
    assert len(cor.requests) == 2


@pytest.mark.parametrize(("verb", "given"), CALLS, ids=[verb for verb, _ in CALLS])
def test_deadline_of_one_call(cor: Sandbox, door: Any, verb: str, given: dict[str, Any]) -> None:
    cor.queue(Answer(delay=30))
    began = time.monotonic()
    with pytest.raises(projectcor.RequestTimeoutError):
        call(door, verb, ID, **given, deadline=timedelta(milliseconds=100))
    assert time.monotonic() - began < 15, "the client's own is 60 s"


@pytest.mark.parametrize(("verb", "given"), CALLS, ids=[verb for verb, _ in CALLS])
def test_options_of_one_call_that_make_no_sense(cor: Sandbox, door: Any, verb: str, given: dict[str, Any]) -> None:
    wrong: list[dict[str, Any]] = [{"deadline": 0}, {"deadline": -1}, {"max_attempts": 0}, {"max_attempts": 101}]
    for options in wrong:
        with pytest.raises(projectcor.ConfigError, match=next(iter(options))):
            call(door, verb, ID, **given, **options)
    other_types: list[dict[str, Any]] = [{"deadline": "5"}, {"max_attempts": 1.5}]
    for options in other_types:
        with pytest.raises(TypeError, match=next(iter(options))):
            call(door, verb, ID, **given, **options)
    assert cor.requests == []


def test_options_of_one_call_are_no_fields() -> None:
    assert {"deadline", "max_attempts"}.isdisjoint(projectcor.FIELDS)


def test_options_of_a_run_too(client: projectcor.Client) -> None:
    wrong: list[dict[str, Any]] = [
        {"concurrency": 0},
        {"concurrency": 10**6},
        {"outage_timeout": 0},
        {"outage_timeout": -1.0},
    ]
    for options in wrong:
        with pytest.raises(projectcor.ConfigError, match=next(iter(options))):
            client.projects.update_many([], **options)


def test_secrets_stay_in(cor: Sandbox) -> None:
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
def test_plain_data_is_comparable_picklable_and_shows_itself(value: Any) -> None:
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


def test_a_project_keeps_what_it_does_not_know() -> None:
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
