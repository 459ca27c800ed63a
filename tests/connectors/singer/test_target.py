"""What one run of `target-cor` sends, writes and returns."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from connectors.singer.messages import record, schema, state
from connectors.singer.program import Target
from projectcor.testing import Answer, Hold


@pytest.mark.short
def test_records_are_applied_and_states_go_to_standard_output(target: Target) -> None:
    messages = [
        schema(owner={"type": "string"}),
        record(id="1", name="Café", end="2025-04-30", estimated="18000.10", owner="Kim"),
        state(deals=1),
        record(id="2", name=None, estimated="0.5"),
        state(deals=2),
    ]
    ended = target.run(messages)
    assert (ended.status, ended.states) == (0, [{"deals": 1}, {"deals": 2}]), ended.log
    assert "not used: owner" in ended.log
    assert "applied                 2" in ended.log
    assert target.bodies() == {
        "1": {"name": "Café", "end": "2025-04-30", "estimated": 18000.1},
        "2": {"estimated": 0.5},
    }
    # The state file knows what COR accepted.
    ended = target.run(messages)
    assert (ended.status, ended.states) == (0, [{"deals": 1}, {"deals": 2}])
    assert "unchanged               2" in ended.log
    assert target.bodies() == {}


def test_input_is_read_from_a_file(target: Target) -> None:
    tap = target.folder / "deals.singer"
    tap.write_text("\n".join([schema(), record(id="1", name="From a file"), state(deals=1)]), encoding="utf-8")
    ended = target.call("--config", target.configuration(), "--input", tap)
    assert (ended.status, ended.states) == (0, [{"deals": 1}])
    assert target.bodies() == {"1": {"name": "From a file"}}
    ended = target.call("--config", target.configuration(), "--input", "missing.singer")
    assert ended.status == 2
    assert "missing.singer" in ended.log


def test_state_is_written_while_the_tap_still_runs(target: Target) -> None:
    program = target.start("--config", target.configuration())
    assert program.stdin
    assert program.stdout
    program.stdin.write("\n".join([schema(), record(id="1", name="a"), state(deals=1), ""]))
    program.stdin.flush()
    assert json.loads(program.stdout.readline()) == {"deals": 1}
    out, _ = program.communicate("\n".join([record(id="2", name="b"), state(deals=2)]), timeout=60)
    assert (program.returncode, json.loads(out)) == (0, {"deals": 2})


def test_nothing_is_lost_when_the_run_is_killed(target: Target) -> None:
    records = [schema(), record(id="1", name="a"), state(deals=1), record(id="2", name="b"), state(deals=2)]
    program = target.start("--config", target.configuration())
    assert program.stdin
    assert program.stdout
    target.cor.queue(Answer(held_by=(hold := Hold()), for_id="2"))
    program.stdin.write("\n".join([*records[:3], ""]))
    program.stdin.flush()
    assert json.loads(program.stdout.readline()) == {"deals": 1}
    program.stdin.write("\n".join([*records[3:], ""]))
    program.stdin.flush()
    assert target.cor.wait_for_requests(2, timeout=30)
    program.kill()
    out, _ = program.communicate(timeout=60)
    assert (program.returncode, out) == (-signal.SIGKILL, ""), "the state behind the record in flight was not written"
    hold.release()
    # The tap resumes from the last state that was written.
    ended = target.run([records[0], *records[3:]])
    assert (ended.status, ended.states) == (0, [{"deals": 2}])
    for id, name in (("1", "a"), ("2", "b")):
        project = target.cor.project("SALESFORCE", id)
        assert project is not None
        assert project.fields["name"] == name
    sent = [request.path.rsplit("/", 1)[1] for request in target.cor.requests]
    assert sorted(sent) == ["1", "2", "2"], "only the record in flight was sent twice"


def test_clear_nulls_clears_the_fields_of_its_properties(target: Target) -> None:
    messages = [schema(brief={"type": ["null", "string"]}), record(id="1", name=None, brief=None, end=None)]
    ended = target.run(messages, clear_nulls=["brief", "end"])
    assert ended.status == 0, ended.log
    assert target.bodies() == {"1": {"brief": None, "end": None}}


@pytest.mark.parametrize(
    ("key", "settings", "toml", "id"),
    [
        (("deal_id",), {}, "", "1"),
        (("deal_id",), {"id_column": "other"}, "", "2"),
        (("deal_id",), {}, 'id = "other"\n', "2"),
        (("deal_id", "name"), {"id_column": "deal_id"}, "", "1"),
        (("other", "deal_id"), {}, "", "id of the column id"),
    ],
)
def test_id_is_the_key_of_the_stream_unless_a_column_is_named(
    target: Target, key: tuple[str, ...], settings: dict[str, str], toml: str, id: str
) -> None:
    target.cor.seed([{"source": "SALESFORCE", "id": "id of the column id", "name": "Project"}])
    if toml:
        (target.folder / "mapping.toml").write_text(toml, encoding="utf-8")
        settings = {"mapping": "mapping.toml"}
    messages = [
        schema(key=key, deal_id={"type": "integer"}, other={"type": "string"}),
        record(id="id of the column id", deal_id=1, other="2", name="New"),
    ]
    ended = target.run(messages, **settings)
    assert ended.status == 0, ended.log
    project = target.cor.project("SALESFORCE", id)
    assert project is not None
    assert project.fields["name"] == "New"
    assert len(target.cor.requests) == 1


def test_map_and_mapping_file_name_the_fields(target: Target) -> None:
    (target.folder / "mapping.toml").write_text(
        '[fields]\nstatus = { column = "stage", values = { "Closed Won" = "finished" } }\nname = "title"\n',
        encoding="utf-8",
    )
    text = {"type": "string"}
    messages = [
        schema(stage=text, title=text, dealname=text, closed=text, internal=text),
        record(id="1", stage="Closed Won", title="t", dealname="Deal", closed="2025-04-30T22:30:00Z", internal="x"),
    ]
    renames = {"dealname": "name", "closed": "end", "internal": None}
    ended = target.run(messages, mapping="mapping.toml", map=renames, day_in="Europe/Madrid")
    assert ended.status == 2
    assert 'the columns "name" and "dealname" would both set name' in ended.log
    assert 'hint: set map to ignore the property, {"name": null}' in ended.log

    renames |= {"name": None, "end": None}
    ended = target.run(messages, mapping="mapping.toml", map=renames, day_in="Europe/Madrid")
    assert ended.status == 0, ended.log
    assert target.bodies() == {"1": {"name": "Deal", "end": "2025-05-01", "status": "finished"}}
    assert "internal" not in ended.log


def test_several_streams_need_a_choice(target: Target) -> None:
    messages = [
        schema("owners"),
        record("owners", id="2", name="An owner"),
        schema(),
        record(id="1", name="A deal"),
        state(deals=1, owners=1),
    ]
    ended = target.run(messages)
    assert (ended.status, ended.states) == (2, [])
    assert "the input holds several streams, owners, deals" in ended.log
    assert "hint: set stream to the name of the stream to read" in ended.log
    target.cor.clear_requests()

    ended = target.run(messages, stream="deals")
    assert (ended.status, ended.states) == (0, [{"deals": 1, "owners": 1}])
    assert ended.log.count('the stream "owners" was skipped') == 1
    assert target.bodies() == {"1": {"name": "A deal"}}

    ended = target.run([*messages[2:], *messages[:2]], stream="deals", no_state=True)
    assert ended.log.count('the stream "owners" was skipped') == 1

    ended = target.run(messages, stream="deal")
    assert ended.status == 2
    assert 'the input has no stream "deal"; did you mean "deals"?' in ended.log


def test_no_state_sends_every_record_and_create_missing_creates(target: Target) -> None:
    messages = [schema(), record(id="1", name="a"), record(id="77", name="Created"), state(deals=2)]
    for _ in range(2):
        ended = target.run(messages, no_state=True, create_missing=True)
        assert (ended.status, ended.states) == (0, [{"deals": 2}])
    project = target.cor.project("SALESFORCE", "77")
    assert project is not None
    assert project.fields["name"] == "Created"
    assert len([request for request in target.cor.requests if request.path.endswith("/1")]) == 2
    assert not (target.folder / "states").exists()


def test_client_credentials_and_profile_reach_the_client(target: Target) -> None:
    cor = target.cor
    messages = [schema(), record(id="1", name="By credentials")]
    credentials = {"access_token": None, "api_key": cor.api_key, "client_secret": cor.client_secret}
    ended = target.run(messages, **credentials, token_url=cor.token_url)
    assert ended.status == 0, ended.log

    profiles = target.folder / "config.toml"
    profiles.write_text(
        f'[profile.test]\ntoken = "{cor.token}"\nbase_url = "{cor.base_url}"\nsource = "SALESFORCE"\n', encoding="utf-8"
    )
    profiles.chmod(0o600)
    settings = target.folder / "profile.json"
    settings.write_text('{"profile": "test"}', encoding="utf-8")
    messages = [schema(), record(id="1", name="By profile")]
    ended = target.call("--config", settings, messages=messages, variables={"COR_CONFIG": str(profiles)})
    assert ended.status == 0, ended.log
    project = cor.project("SALESFORCE", "1")
    assert project is not None
    assert project.fields["name"] == "By profile"


def test_exit_status_says_why_nothing_was_sent(target: Target) -> None:
    messages = [schema(), record(id="1", name="a"), state(deals=1)]
    ended = target.run(messages, access_token="another-token")
    assert (ended.status, ended.states) == (3, []), ended.log
    assert "another-token" not in ended.log
    assert "With the setting rejects" not in ended.log, "no record is to be corrected"
    ended = target.run(messages, base_url="http://127.0.0.1:9", deadline=0.5)
    assert (ended.status, ended.states) == (4, []), ended.log
    ended = target.run(messages, access_token=None)
    assert ended.status == 2
    assert "set access_token, or api_key with client_secret" in ended.log
    ended = target.run(messages, source=None)
    assert ended.status == 2
    assert "hint: set source to the system the projects were created from, such as SALESFORCE" in ended.log
    assert target.bodies().get("1") in (None, {"name": "a"})
    project = target.cor.project("SALESFORCE", "1")
    assert project is not None
    assert project.fields["name"] == "Project 1"


def test_second_run_of_the_same_source_ends_with_status_5(target: Target) -> None:
    first = target.start("--config", target.configuration())
    assert first.stdin
    assert first.stdout
    first.stdin.write("\n".join([schema(), record(id="1", name="a"), state(deals=1), ""]))
    first.stdin.flush()
    assert json.loads(first.stdout.readline()) == {"deals": 1}
    second = target.run([schema(), record(id="2", name="b")])
    assert second.status == 5, second.log
    assert "set wait to the seconds to wait for it" in second.log
    first.communicate("", timeout=60)
    assert first.returncode == 0
    assert target.run([schema(), record(id="2", name="b")]).status == 0


def test_signal_ends_the_run_after_the_requests_in_flight(target: Target) -> None:
    program = target.start("--config", target.configuration())
    assert program.stdin
    target.cor.queue(Answer(held_by=(hold := Hold())))
    program.stdin.write("\n".join([schema(), record(id="1", name="a"), state(deals=1), ""]))
    program.stdin.flush()
    assert target.cor.wait_for_requests(1, timeout=30)
    program.send_signal(signal.SIGTERM)
    assert program.stderr
    line = program.stderr.readline()
    assert "stopping: waiting for the requests in flight" in line
    hold.release()
    out, log = program.communicate("", timeout=60)
    assert (program.returncode, json.loads(out)) == (143, {"deals": 1}), log


def test_files_of_the_run_are_never_overwritten(target: Target) -> None:
    for setting, value in (("rejects", "target.json"), ("rejects", "mapping.toml")):
        (target.folder / "mapping.toml").write_text('[fields]\nname = "name"\n', encoding="utf-8")
        ended = target.run([schema(), record(id="1", name="a")], mapping="mapping.toml", **{setting: value})
        assert ended.status == 2
        assert f"rejects {value} is the" in ended.log
        assert "which this run would overwrite" in ended.log
        assert Path(target.folder / value).stat().st_size > 0
    assert target.bodies() == {}
