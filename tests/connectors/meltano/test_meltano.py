"""Meltano's own commands with `target-cor` from the definition in the repository."""

from __future__ import annotations

import json

from connectors.meltano.project import Project


def deal(id: str, name: str, **more: str) -> dict[str, str]:
    return {"deal_id": id, "name": name, **more}


def test_second_run_continues_from_the_stored_state(project: Project) -> None:
    project.set(source="SALESFORCE", map={"closed": "end"}, day_in="UTC", concurrency=2, rate=50.5)
    project.deals(deal("1", "One", closed="2025-04-30T22:30:00Z"), deal("2", "Two"))
    log = project.run()
    assert "applied                 2" in log
    assert project.names() == {"1": "One", "2": "Two", "3": "Project 3"}
    assert project.state() == {"deals": 2}
    assert len(project.cor.requests) == 2
    ends = [request.json().get("end") for request in project.cor.requests]
    assert sorted(filter(None, ends)) == ["2025-04-30"]

    project.deals(deal("3", "Three"))
    project.variables["COR_ACCESS_TOKEN"] = project.variables.pop("TARGET_COR_ACCESS_TOKEN")
    log = project.run()
    assert "read                    1" in log, "the tap repeated nothing"
    assert project.names()["3"] == "Three"
    assert project.state() == {"deals": 3}
    assert len(project.cor.requests) == 3


def test_refused_record_fails_the_run_and_the_tap_repeats_it(project: Project) -> None:
    project.set(source="SALESFORCE")
    project.deals(deal("1", "One"), deal("99", "Unknown to COR"), deal("2", "Two"))
    log = project.run(status=1)
    assert "Loader failed" in log
    assert 'project "99": COR has no such project' in log
    assert "With the setting rejects, refused rows are written to that file" in log
    assert project.state() is None, "the state behind the refused record was not written"
    assert project.names()["2"] == "Two", "the other records were sent"

    project.cor.seed([{"source": "SALESFORCE", "id": "99", "name": "Now it is there"}])
    project.run()
    assert project.names()["99"] == "Unknown to COR"
    assert project.state() == {"deals": 3}
    assert len(project.cor.requests) == 4, "records that COR accepted before were not sent again"


def test_rejects_and_on_reject_let_the_pipeline_go_on(project: Project) -> None:
    project.set(source="SALESFORCE", rejects="rejects.jsonl")
    project.deals(deal("1", "One"), deal("99", "Unknown to COR"))
    assert "Loader failed" in project.run(status=1)
    assert project.state() == {"deals": 2}, "the refused record is in the file"

    project.set(on_reject="ignore")
    project.deals(deal("2", "Two"))
    log = project.run()
    assert "1 record was refused; the exit status is 0, because on_reject is ignore" in log
    assert project.state() == {"deals": 3}
    rejected = (project.folder / "rejects.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["record"]["deal_id"] for line in rejected[1:]] == ["99"]

    project.cor.seed([{"source": "SALESFORCE", "id": "99", "name": "Now it is there"}])
    log = project.run()
    assert "1 row of rejects.jsonl, which an earlier run did not apply, is sent first" in log
    assert project.names()["99"] == "Unknown to COR"


def test_errors_of_the_configuration_reach_the_log(project: Project) -> None:
    project.deals(deal("1", "One"))
    log = project.run(status=1)
    assert "source is required" in log
    assert "set source to the system the projects were created from" in log
    project.set(source="SALESFORCE")
    project.variables["TARGET_COR_ACCESS_TOKEN"] = "another-token"
    log = project.run(status=1)
    assert "COR did not accept the token" in log
    assert "With the setting rejects" not in log
    assert "another-token" not in log
    assert project.names()["1"] == "Project 1"


def test_meltano_knows_every_setting_and_hides_secrets(project: Project) -> None:
    project.set(source="SALESFORCE")
    shown = project.meltano("config", "print", "target-cor")
    assert project.cor.token not in shown
    assert '"access_token": "*****"' in shown
    assert '"source": "SALESFORCE"' in shown
    listed = project.meltano("config", "list", "target-cor", "--all")
    assert project.cor.token not in listed
    project.meltano("invoke", "target-cor", "--about", "--format", "json")
    about = json.loads(project.out)
    for name in about["settings"]["properties"]:
        assert f"TARGET_COR_{name.upper()}" in listed
