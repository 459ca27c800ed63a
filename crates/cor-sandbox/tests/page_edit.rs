//! The form of the page with which a person edits a project as a user of COR.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Http, Reply, with_project};
use cor_sandbox::Sandbox;

const EDIT: &str = "/sandbox/projects/155693";

/// What a browser sends when a person presses Save.
fn save(sandbox: &Sandbox, form: &str) -> Reply {
    sent(sandbox, "http://localhost", form)
}

fn sent(sandbox: &Sandbox, origin: &str, form: &str) -> Reply {
    let headers = [("Origin", origin), ("Content-Type", "application/x-www-form-urlencoded")];
    Http::to(sandbox).send("POST", EDIT, &headers, form.as_bytes()).unwrap()
}

#[test]
fn every_project_has_link_to_its_form() {
    let rows = (0..3).map(|n| format!(r#"{{"source":"SAP","id":"id-{n}","name":"Project {n}"}}"#));
    let sandbox = Sandbox::builder().seed(rows).start().unwrap();
    let mut http = Http::to(&sandbox);
    let page = http.get("/?q=Project").body;
    assert!(!page.contains("method=\"post\""));
    for cor_id in 155_693..=155_695 {
        let link = format!("/?q=Project&amp;page=1&amp;edit={cor_id}#edit\">Edit in COR</a>");
        assert!(page.contains(&link), "{link} in {page}");
    }
    let form = http.get("/?q=Project&page=1&edit=155694");
    for part in [
        "id=\"edit\" method=\"post\" action=\"/sandbox/projects/155694\"",
        "<option value=\"name\">name: Project 1</option>",
        "<option value=\"end\">end: not set</option>",
        "name=\"q\" value=\"Project\"",
    ] {
        assert!(form.body.contains(part), "{part} in {}", form.body);
    }
    assert!(!form.body.contains("value=\"brand_id\""), "an update cannot change it");
    // The browser names the page as the origin of its own form, and no other site learns of the page.
    assert_eq!(form.header("referrer-policy"), Some("same-origin"));
    assert!(form.header("content-security-policy").unwrap().contains("form-action 'self'"));
    for odd in ["/?edit=1", "/?edit=x", "/?edit="] {
        let page = http.get(odd);
        assert_eq!((page.status, page.body.contains("method=\"post\"")), (200, false), "{odd}");
    }
}

#[test]
fn saving_changes_field_and_leads_back() {
    let sandbox = with_project();
    let reply = save(&sandbox, "field=end&value=2025-06-30&q=a+%26b&page=2");
    assert_eq!((reply.status, reply.header("location")), (303, Some("/?q=a%20%26b&page=2")));
    assert_eq!(sandbox.project("SAP", "p").unwrap().text("end"), Some("2025-06-30"));
    save(&sandbox, "field=billable&value=true");
    save(&sandbox, "field=estimated&value=18000.10");
    save(&sandbox, "field=end&value=");
    let project = sandbox.project("SAP", "p").unwrap();
    assert_eq!((project.flag("billable"), project.number("estimated")), (Some(true), Some("18000.10")));
    assert_eq!(project.get("end"), None);
    let page = Http::to(&sandbox).get("/").body;
    assert_eq!(page.matches("<span class=\"pill warm\">edited in COR</span>").count(), 4);
    assert!(page.contains("<ins>2025-06-30</ins>"), "{page}");
    assert!(sandbox.requests().is_empty(), "an edit is no request of a client");
}

#[test]
fn refused_value_is_shown_with_reason() {
    let sandbox = with_project();
    save(&sandbox, "field=start&value=2025-02-01");
    let before = sandbox.projects();
    for (form, status, said) in [
        ("field=end&value=soon", 400, "end must be a real day as YYYY-MM-DD, got &#39;soon&#39;"),
        ("field=name&value=", 400, "name cannot be cleared"),
        ("field=%3Cb%3E&value=x", 400, "&#39;&lt;b&gt;&#39; is not a field of an update"),
        ("", 400, "&#39;&#39; is not a field of an update"),
        ("field=end&value=2025-01-01", 409, "start 2025-02-01 is after end 2025-01-01"),
    ] {
        let reply = save(&sandbox, form);
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (status, Some("text/html; charset=utf-8")),
            "{form}"
        );
        assert!(reply.body.contains(said), "{said} in {}", reply.body);
    }
    let again = save(&sandbox, "field=end&value=%22soon%3E").body;
    assert!(
        again.contains("<option value=\"end\" selected>") && again.contains("value=\"&quot;soon&gt;\""),
        "{again}"
    );
    assert_eq!(sandbox.projects(), before);
}

#[test]
fn form_of_another_page_is_refused() {
    let sandbox = with_project();
    let port = sandbox.addr().port();
    for origin in [
        "null",
        "",
        "http://evil.example",
        "http://localhost.evil.example",
        "http://127.0.0.1",
        "file://localhost",
        "localhost",
        &format!("http://localhost:{port}"),
    ] {
        let refused = sent(&sandbox, origin, "field=name&value=x");
        assert_eq!(refused.named(), (403, "ForbiddenError".into()), "{origin}");
    }
    let form = ("Content-Type", "application/x-www-form-urlencoded");
    let refused = Http::to(&sandbox).send("POST", EDIT, &[form], b"field=name&value=x").unwrap();
    assert_eq!(refused.status, 403, "without an origin");
    let json = [("Origin", "http://localhost"), ("Content-Type", "application/json")];
    assert_eq!(Http::to(&sandbox).send("POST", EDIT, &json, b"{}").unwrap().status, 415);
    assert_eq!(sandbox.project("SAP", "p").unwrap().text("name"), Some("Project"));
    assert_eq!(save(&sandbox, "field=name&value=x").status, 303);
}
