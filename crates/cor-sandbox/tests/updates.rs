//! What an update changes and what it leaves, exact numbers, odd ids, and many writers at once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::thread;

use common::{Http, PROJECTS, with_project};
use cor_sandbox::{FieldValue, Sandbox};

#[test]
fn changes_only_fields_in_body() {
    let sandbox = Sandbox::builder()
        .seed([r#"{"source":"SAP","id":"p","name":"Name","brief":"Brief","archived":true,"billable":true,"estimated":1}"#])
        .start()
        .unwrap();
    let mut http = Http::to(&sandbox);
    let reply = http.update("p", r#"{"metadata":{"source":"SAP"},"name":"New"}"#);
    assert_eq!(reply.status, 200, "{reply:?}");
    let project = sandbox.project("SAP", "p").unwrap();
    assert_eq!(project.text("name"), Some("New"));
    assert_eq!(project.text("brief"), Some("Brief"));
    // The documented default of `archived` must not un-archive.
    assert_eq!(project.flag("archived"), Some(true));
    assert_eq!(project.number("estimated"), Some("1"));

    // An update with nothing in it is fine and changes nothing.
    assert_eq!(http.update("p", r#"{"metadata":{"source":"SAP"}}"#).status, 200);
    assert_eq!(sandbox.project("SAP", "p").unwrap().fields().count(), 5);
}

#[test]
fn null_clears_and_answer_leaves_field_out() {
    let sandbox = Sandbox::builder()
        .seed([
            r#"{"source":"SAP","id":"p","name":"Name","brief":"Brief","start":"2025-01-01","client_id":"c"}"#,
        ])
        .start()
        .unwrap();
    let mut http = Http::to(&sandbox);
    let reply =
        http.update("p", r#"{"metadata":{"source":"SAP"},"brief":null,"start":null,"client_id":null}"#);
    assert_eq!(reply.status, 200, "{reply:?}");
    let names: Vec<String> = reply.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(names, ["company_id", "created_at", "id", "name", "updated_at"]);
    assert_eq!(sandbox.project("SAP", "p").unwrap().get("brief"), None);
    let refused = http.update("p", r#"{"metadata":{"source":"SAP"},"name":null}"#);
    assert_eq!(refused.named(), (400, "ValidationError".into()));
}

#[test]
fn every_field_is_kept_as_it_was_sent() {
    let sandbox = with_project();
    let body = r#"{"metadata":{"source":"SAP"},"name":"N","client_id":"c","brief":"b","start":"2025-01-01","end":"2025-12-31",
        "pm_id":"u","estimated_time":1.50,"billable":false,"status":"s","currency_id":"EUR","evaluation_date":"2024-02-29",
        "estimated":18000.10,"fee_id":"f","contract_id":"k","deliverables":"d","work_order":"w","income_type":"hourly_rate",
        "archived":true}"#;
    let reply = Http::to(&sandbox).update("p", body);
    assert_eq!(reply.status, 200, "{reply:?}");
    let sent: serde_json::Value = serde_json::from_str(body).unwrap();
    let project = sandbox.project("SAP", "p").unwrap();
    assert_eq!(project.fields().count(), 18);
    for (name, value) in project.fields() {
        match value {
            FieldValue::Text(text) => assert_eq!(sent[name], **text, "{name}"),
            FieldValue::Flag(flag) => assert_eq!(sent[name], *flag, "{name}"),
            number => assert!(body.contains(&format!("\"{name}\":{number},")), "{name}: {number}"),
        }
    }
    let answer = reply.json();
    for reference in ["client_id", "pm_id", "currency_id", "fee_id", "contract_id"] {
        assert!(answer[reference].is_u64(), "{reference} in {answer}");
    }
    assert_eq!(answer["evaluation_date"], "2024-02-29 00:00:00");
}

#[test]
fn update_ignores_create_only_and_unknown_fields() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    let body = r#"{"metadata":{"source":"SAP","more":[]},"id":7,"brand_id":7,"product_id":{},"colour":"red","name":"New"}"#;
    assert_eq!(http.update("p", body).status, 200);
    assert_eq!(sandbox.project("SAP", "p").unwrap().fields().count(), 1);
    // They are ignored, not lost: the record has the whole request.
    assert_eq!(sandbox.requests()[0].body_text(), body);
    let created =
        http.create(r#"{"metadata":{"source":"SAP"},"id":"q","name":"Q","brand_id":"b","product_id":"x"}"#);
    assert_eq!(created.status, 200, "{created:?}");
    assert_eq!(sandbox.project("SAP", "q").unwrap().text("brand_id"), Some("b"));
}

#[test]
fn numbers_keep_every_digit() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    for number in [
        "18000.10",
        "9007199254740993",
        "0.1",
        "-0",
        "1E5",
        "1e+2",
        "123456789012345678901234567890.123456789",
        "250",
        "0",
        "-0.00",
    ] {
        let body = format!(r#"{{"metadata":{{"source":"SAP"}},"estimated":{number}}}"#);
        let reply = http.update("p", &body);
        assert!(reply.body.contains(&format!("\"estimated\":{number},")), "{number} in {reply:?}");
        assert_eq!(sandbox.project("SAP", "p").unwrap().number("estimated"), Some(number));
    }
}

#[test]
fn external_ids_are_opaque() {
    let sandbox = Sandbox::start().unwrap();
    let mut http = Http::to(&sandbox);
    let ids = [
        ("a%2Fb", "a/b"),
        ("%25", "%"),
        ("%2525", "%25"),
        ("a%20b", "a b"),
        ("%20a%20", " a "),
        ("a+b", "a+b"),
        ("%C3%A9", "é"),
        ("e%CC%81", "e\u{301}"),
        ("007", "007"),
        ("7", "7"),
        ("1E5", "1E5"),
        ("12345678901234567", "12345678901234567"),
        ("A", "A"),
        ("a", "a"),
        ("%3F%23%26", "?#&"),
        (".", "."),
        ("..", ".."),
        ("a%00b", "a\0b"),
        ("a", "a"),
        ("%F0%9F%98%80", "😀"),
        ("%22%27%3C%5C", "\"'<\\"),
    ];
    let mut known = std::collections::BTreeSet::new();
    for (raw, id) in ids {
        let id_json = serde_json::to_string(id).unwrap();
        let create = format!(r#"{{"metadata":{{"source":"SAP"}},"id":{id_json},"name":"before"}}"#);
        if known.insert(id) {
            let created = http.create(&create);
            assert_eq!(created.status, 200, "{id:?} {created:?}");
        }
        assert_eq!(http.create(&create).named(), (409, "DuplicateExternalIdError".into()), "{id:?}");
        let updated = http.update(raw, r#"{"metadata":{"source":"SAP"},"name":"after"}"#);
        assert_eq!(updated.status, 200, "{raw} {updated:?}");
        assert_eq!(sandbox.project("SAP", id).unwrap().text("name"), Some("after"), "{raw}");
    }
    assert_eq!(sandbox.projects().len(), known.len());
    let deleted =
        http.call("DELETE", &format!("{PROJECTS}/a%2Fb"), r#"{"metadata":{"source":"SAP"}}"#).unwrap();
    assert_eq!(deleted.json()["external_id"], "a/b");
}

#[test]
fn same_id_under_two_sources_is_two_projects() {
    let sandbox = Sandbox::builder()
        .seed([r#"{"source":"SAP","id":"p","name":"S"}"#, r#"{"source":"JIRA","id":"p","name":"J"}"#])
        .start()
        .unwrap();
    let mut http = Http::to(&sandbox);
    assert_eq!(http.update("p", r#"{"metadata":{"source":"JIRA"},"name":"New"}"#).status, 200);
    assert_eq!(sandbox.project("SAP", "p").unwrap().text("name"), Some("S"));
    assert_eq!(sandbox.project("JIRA", "p").unwrap().text("name"), Some("New"));
    let other = http.update("p", r#"{"metadata":{"source":"OKTA"},"name":"New"}"#);
    assert_eq!(other.error(), (404, "ProjectNotFoundError".into(), "ZC001".into()));
}

#[test]
fn same_reference_has_same_number() {
    let sandbox = Sandbox::start().unwrap();
    let mut http = Http::to(&sandbox);
    let create = |http: &mut Http, source: &str, id: &str, fields: &str| {
        http.create(&format!(r#"{{"metadata":{{"source":"{source}"}},"id":"{id}","name":"N",{fields}}}"#))
            .json()
    };
    let first = create(&mut http, "SAP", "1", r#""client_id":"x","pm_id":"x""#);
    let again = create(&mut http, "SAP", "2", r#""client_id":"x""#);
    let other = create(&mut http, "SAP", "3", r#""client_id":"y""#);
    let elsewhere = create(&mut http, "JIRA", "1", r#""client_id":"x""#);
    assert_eq!(first["client_id"], again["client_id"]);
    assert_ne!(first["client_id"], first["pm_id"]);
    assert_ne!(first["client_id"], other["client_id"]);
    assert_ne!(first["client_id"], elsewhere["client_id"]);
}

#[test]
fn many_writers_of_one_project_lose_nothing() {
    let sandbox = with_project();
    let fields =
        ["brief", "status", "deliverables", "work_order", "client_id", "pm_id", "fee_id", "contract_id"];
    const ROUNDS: usize = 60;
    thread::scope(|scope| {
        for field in fields {
            let sandbox = &sandbox;
            scope.spawn(move || {
                let mut http = Http::to(sandbox);
                for round in 0..ROUNDS {
                    let body = format!(r#"{{"metadata":{{"source":"SAP"}},"{field}":"{field} {round}"}}"#);
                    let reply = http.update("p", body);
                    assert_eq!(reply.status, 200);
                    // Nobody else writes this field, so the store has what was just acknowledged.
                    let stored = sandbox.project("SAP", "p").unwrap();
                    assert_eq!(stored.text(field), Some(format!("{field} {round}").as_str()));
                }
            });
        }
    });
    let project = sandbox.project("SAP", "p").unwrap();
    for field in fields {
        assert_eq!(project.text(field), Some(format!("{field} {}", ROUNDS - 1).as_str()));
    }
    assert_eq!(sandbox.requests().len(), fields.len() * ROUNDS);
}
