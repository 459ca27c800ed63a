"""The schemas accept every body of the vectors that is sent, and refuse what they can say is wrong."""

import json
import sys
from pathlib import Path

from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parent.parent.parent
# Answers whose fields have types that COR's pages do not show. The client reads them; the schema says no.
ODD = {"fields of odd types"}


def load(path: str):
    return json.loads((ROOT / path).read_text(encoding="utf-8"))


def validator(name: str) -> Draft202012Validator:
    schema = load(f"schema/{name}.json")
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def cases():
    """Kind of schema, name of the vector, document, whether the schema accepts it."""
    for vector in load("tests/vectors/updates.json"):
        if body := vector["expect"].get("body"):
            yield "update", vector["name"], json.loads(body), True
    for vector in load("tests/vectors/bodies.json"):
        if (accepted := vector["expect"].get("schema")) is not None:
            yield vector["of"], vector["name"], json.loads(vector["body"]), accepted
    for vector in load("tests/vectors/answers.json"):
        if "project" not in vector["expect"] or not vector["body"]:
            continue
        answer = json.loads(vector["body"])
        if isinstance(answer, dict) and "data" in answer and "id" not in answer:
            answer = answer["data"]
        if isinstance(answer, dict):
            yield "project", vector["name"], answer, vector["name"] not in ODD


def main() -> int:
    validators = {name: validator(name) for name in ("update", "create", "project")}
    counts: dict[tuple[str, bool], int] = {}
    wrong = 0
    for kind, name, document, accepted in cases():
        errors = [f"{error.json_path}: {error.message}" for error in validators[kind].iter_errors(document)]
        counts[kind, accepted] = counts.get((kind, accepted), 0) + 1
        if accepted == bool(errors):
            wrong += 1
            verdict = f"refuses: {'; '.join(errors)}" if errors else "accepts"
            print(f"schema/{kind}.json {verdict}: {name}", file=sys.stderr)
    # No kind of case may fall silent.
    for kind, accepted in [(kind, accepted) for kind in validators for accepted in (True, False)]:
        if not counts.get((kind, accepted)):
            wrong += 1
            print(f"no vector that schema/{kind}.json {'accepts' if accepted else 'refuses'}", file=sys.stderr)
    total = sum(counts.values())
    print(f"schemas: {total} documents, {wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
