"""The JSON Schemas in schema/ accept every body of the shared vectors that is sent, and refuse what they can say is
wrong. The validator is not ours: Python's jsonschema."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from harness import ROOT
from jsonschema import Draft202012Validator

KINDS = ("update", "create", "project")
# Answers whose fields have types that COR's pages do not show. The client reads them; the schema refuses them.
ODD = {"fields of odd types"}


class Case(NamedTuple):
    kind: str
    name: str
    document: Any
    accepted: bool


def load(path: str) -> Any:
    return json.loads((ROOT / path).read_text(encoding="utf-8"))


def cases() -> Iterator[Case]:
    for vector in load("tests/vectors/updates.json"):
        if body := vector["expect"].get("body"):
            yield Case("update", vector["name"], json.loads(body), True)
    for vector in load("tests/vectors/bodies.json"):
        if (accepted := vector["expect"].get("schema")) is not None:
            yield Case(vector["of"], vector["name"], json.loads(vector["body"]), accepted)
    for vector in load("tests/vectors/answers.json"):
        if "project" not in vector["expect"] or not vector["body"]:
            continue
        answer = json.loads(vector["body"])
        if isinstance(answer, dict) and "data" in answer and "id" not in answer:
            answer = answer["data"]
        if isinstance(answer, dict):
            yield Case("project", vector["name"], answer, vector["name"] not in ODD)


CASES = list(cases())


@pytest.fixture(scope="module")
def validators() -> dict[str, Draft202012Validator]:
    schemas = {kind: load(f"schema/{kind}.json") for kind in KINDS}
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    checker = Draft202012Validator.FORMAT_CHECKER
    return {kind: Draft202012Validator(schema, format_checker=checker) for kind, schema in schemas.items()}


@pytest.mark.parametrize("case", CASES, ids=[f"{case.kind}: {case.name}" for case in CASES])
def test_schema_accepts_what_is_sent_and_refuses_what_is_wrong(
    validators: dict[str, Draft202012Validator], case: Case
) -> None:
    errors = [f"{error.json_path}: {error.message}" for error in validators[case.kind].iter_errors(case.document)]
    assert (errors == []) == case.accepted, "; ".join(errors) or f"schema/{case.kind}.json accepts it"


@pytest.mark.parametrize("accepted", [True, False], ids=["accepted", "refused"])
@pytest.mark.parametrize("kind", KINDS)
def test_vectors_hold_documents_of_each_kind(kind: str, accepted: bool) -> None:
    assert Counter((case.kind, case.accepted) for case in CASES)[kind, accepted] > 0
