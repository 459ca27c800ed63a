"""Where settings come from, and what the program says about itself."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata

import pytest
from connectors.singer.messages import record, schema, state
from connectors.singer.program import Target
from harness import ROOT

MESSAGES = [schema(), record(id="1", name="a"), state(deals=1)]


def written(target: Target, name: str, **settings: object) -> str:
    (target.folder / name).write_text(json.dumps(settings), encoding="utf-8")
    return name


def test_later_file_wins_and_environment_wins_over_files(target: Target) -> None:
    cor = target.cor
    first = written(target, "1.json", source="SAP", access_token="wrong", base_url=cor.base_url)
    second = written(target, "2.json", source="SALESFORCE")
    values = {"ACCESS_TOKEN": cor.token, "CONCURRENCY": "2", "MAP": '{"name": "brief"}'}
    variables = {f"TARGET_COR_{name}": value for name, value in values.items()}
    for order in (("ENV", first, second), (first, "ENV", second), (first, second, "ENV")):
        arguments = [word for place in order for word in ("--config", place)]
        ended = target.call(*arguments, messages=MESSAGES, variables=variables)
        assert (ended.status, ended.states) == (0, [{"deals": 1}]), ended.log
    assert target.bodies() == {"1": {"brief": "a"}}, "later runs have nothing to send"
    ended = target.call("--config", second, "--config", first, messages=MESSAGES, variables=variables)
    assert ended.status == 3, "the variables count with ENV only"


def test_variables_of_the_client_apply_without_a_configuration(target: Target) -> None:
    settings = written(target, "source.json", source="SALESFORCE")
    ended = target.call("--config", settings, messages=MESSAGES, variables=target.cor.environment)
    assert ended.status == 0, ended.log
    assert target.bodies() == {"1": {"name": "a"}}


def test_mistakes_are_reported_at_once_and_nothing_is_sent(target: Target) -> None:
    path = target.configuration(acess_token="hush-1", access_token=31337, concurrency="many", on_reject="skip")
    ended = target.call("--config", path, messages=MESSAGES)
    assert (ended.status, ended.states) == (2, [])
    for says in (
        f'{path}: no setting is called "acess_token"',
        "hint: run target-cor --about to see all settings",
        f"{path}: access_token is not a text\n    hint: put it in quotation marks",
        f'{path}: concurrency is "many", which is not a whole number',
        f'{path}: on_reject is "skip"',
    ):
        assert says in ended.log
    assert "hush-1" not in ended.log
    assert "31337" not in ended.log
    assert target.bodies() == {}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"concurrency": 0}, "concurrency is 0\nhint: pass a number from 1 to 10000"),
        ({"deadline": -1}, "deadline is -1 s\nhint: pass a time above zero"),
        ({"api_key": "k"}, "set only the token, or only the client credentials"),
        ({"client_cert": "missing.pem"}, "client_cert"),
        ({"base_url": "example.com"}, "base_url"),
        ({"rejects": "rejects.csv"}, "rejects rejects.csv: "),
        ({"map": {"name": "nmae"}}, 'did you mean "name=name"?'),
        ({"clear_nulls": ["brif"]}, 'clear_nulls "brif" sets no field\nhint: did you mean "brief"?'),
        ({"id_column": "key"}, 'no column is called "key"'),
        ({"day_in": "Mars"}, "day_in: "),
        ({"mapping": "missing.toml"}, "cannot read the mapping missing.toml"),
    ],
)
def test_errors_name_settings(target: Target, settings: dict[str, object], says: str) -> None:
    ended = target.run(MESSAGES, **settings)
    assert ended.status == 2
    assert says in ended.log
    assert "--" not in ended.log, "there are no such flags"
    assert target.bodies() == {}


def test_wrong_usage_is_refused(target: Target) -> None:
    for arguments, says in (
        (["--confg", "a"], "hint: a similar argument exists: '--config'"),
        (["deals.singer"], "hint: run target-cor --help to see all options"),
        (["--format", "json"], "--about"),
        (["--about", "--format", "xml"], "json, markdown"),
        (["--config", "missing.json"], "the configuration missing.json cannot be read"),
    ):
        ended = target.call(*arguments)
        assert ended.status == 2
        assert says in ended.log


def stdout(target: Target, *arguments: str) -> str:
    program = target.start(*arguments)
    out, log = program.communicate("", timeout=60)
    assert (program.returncode, log) == (0, "")
    return out


def test_about_describes_every_setting(target: Target) -> None:
    about = json.loads(stdout(target, "--about", "--format", "json"))
    assert about["name"] == "target-cor"
    assert about["version"] == metadata.version("projectcor")
    assert about["capabilities"] == ["about"]
    properties = about["settings"]["properties"]
    secrets = {name for name, schema in properties.items() if schema.get("secret")}
    assert secrets == {"access_token", "api_key", "client_secret", "proxy"}
    assert all(properties[name]["writeOnly"] for name in secrets)
    text = stdout(target, "--about")
    assert stdout(target, "--about", "--format", "text") == text
    markdown = stdout(target, "--about", "--format", "markdown")
    for name in properties:
        assert f"  - Name: {name}\n" in text
        assert f"| `{name}` |" in markdown


def test_documents_in_the_repository_are_what_the_program_prints(target: Target) -> None:
    for style, path in (("markdown", "docs/reference/target-cor.md"), ("meltano", "connectors/meltano/target-cor.yml")):
        assert stdout(target, "--about", "--format", style) == (ROOT / path).read_text(encoding="utf-8")


def test_program_needs_nothing_but_the_package() -> None:
    code = """
import sys
before = set(sys.modules)
from projectcor.__main__ import target
sys.argv = ["target-cor", "--version"]
assert target() == 0
new = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items() if name not in before}
assert {name.split(".")[0] for name, path in new.items() if "site-packages" in path} == {"projectcor"}, new
"""
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def test_version_and_help_name_the_program(target: Target) -> None:
    assert stdout(target, "--version") == f"target-cor {metadata.version('projectcor')}\n"
    help = stdout(target, "--help")
    for option in ("--config <FILE|ENV>", "--input <FILE>", "--about", "--format <FORMAT>", "--version"):
        assert option in help
