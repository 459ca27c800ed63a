//! The reading side of the main API, and what a user of COR changes.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Http, Reply, with_project};
use cor_sandbox::{Answer, RateLimit, Sandbox, SandboxError};
use serde_json::{Value, json};

const TOKEN: [(&str, &str); 1] = [("Authorization", "Bearer sandbox-token")];

fn read(sandbox: &Sandbox, path: &str) -> Reply {
    Http::to(sandbox).send("GET", &format!("/v1/projects{path}"), &TOKEN, b"").unwrap()
}

/// A list with this filter.
fn filtered(sandbox: &Sandbox, filters: &str) -> Reply {
    let encoded: String = filters.bytes().map(|byte| format!("%{byte:02X}")).collect();
    read(sandbox, &format!("?filters={encoded}"))
}

fn ids(projects: &Value) -> Vec<i64> {
    projects.as_array().unwrap().iter().map(|project| project["id"].as_i64().unwrap()).collect()
}

/// So many projects, numbered from 1.
fn numbered(count: i64) -> Sandbox {
    let rows = (1..=count).map(|n| {
        format!(
            r#"{{"source":"SAP","id":"p{n}","name":"Project {n}","cor_id":{n},"client_id":"c{}"}}"#,
            n % 7
        )
    });
    Sandbox::builder().seed(rows).start().unwrap()
}

#[test]
fn project_has_fields_of_main_api_only() {
    let seed = json!({
        "source": "SAP", "id": "p", "name": "Relaunch", "cor_id": 7, "client_id": "c", "cor_client_id": 25855,
        "pm_id": "u", "cor_pm_id": 8546, "contract_id": "k", "cor_contract_id": 4521, "start": "2025-01-15",
        "estimated_time": 250, "billable": true, "status": "active", "created_at": "2025-01-10T14:30:00Z",
        "estimated": 18000, "currency_id": "x", "evaluation_date": "2025-01-01", "deliverables": "d", "work_order": "w",
    });
    let sandbox = Sandbox::builder().seed([seed.to_string()]).start().unwrap();
    let reply = read(&sandbox, "/7");
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")));
    let expected = json!({
        "id": 7, "name": "Relaunch", "client_id": 25855, "brief": null, "start": "2025-01-15 00:00:00", "end": null,
        "pm_id": 8546, "estimated_time": 250, "billable": true, "status": "active", "contract_id": 4521, "brand_id": null,
        "product_id": null, "fee_id": null, "income_type": null, "archived": false, "client": {"id": 25855},
        "pm": {"id": 8546}, "company_id": 1234, "created_at": "2025-01-10T14:30:00Z", "updated_at": "2025-01-10T14:30:00Z",
    });
    assert_eq!(reply.json(), expected);
}

#[test]
fn read_shows_what_update_stored() {
    let sandbox = Sandbox::builder().example().start().unwrap();
    let mut http = Http::to(&sandbox);
    let body =
        r#"{"metadata":{"source":"SALESFORCE"},"estimated_time":18000.10,"client_id":"new","archived":true}"#;
    let updated = http.update("SF-OPP-12345", body).json();
    let shown = read(&sandbox, "/155693");
    assert!(shown.body.contains("\"estimated_time\":18000.10,"), "{shown:?}");
    for name in ["id", "name", "client_id", "start", "end", "archived", "updated_at"] {
        assert_eq!(shown.json()[name], updated[name], "{name}");
    }
}

#[test]
fn unknown_or_malformed_id_is_refused() {
    let sandbox = with_project();
    let unknown = read(&sandbox, "/1");
    assert_eq!(
        unknown.body,
        r#"{"status":404,"name":"ProjectNotFoundError","code":"ProjectNotFoundError","message":"Project not found"}"#
    );
    assert_eq!(unknown.status, 404);
    for bad in ["/p", "/-1", "/1.5", "/%31", "/99999999999999999999"] {
        assert_eq!(read(&sandbox, bad).named(), (400, "ValidationError".into()), "{bad}");
    }
    for nowhere in ["/", "/1/", "/1/2", "/search-by-name/"] {
        assert_eq!(read(&sandbox, nowhere).named(), (404, "NotFoundError".into()), "{nowhere}");
    }
}

#[test]
fn reading_needs_token() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    for path in
        ["/v1/projects", "/v1/projects?page=false", "/v1/projects/155693", "/v1/projects/search-by-name/a"]
    {
        let refused = http.get(path);
        assert_eq!(refused.named(), (401, "UnauthorizedError".into()), "{path}");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        assert_eq!(http.send("GET", path, &TOKEN, b"").unwrap().status, 200, "{path}");
        let written = http.send("PUT", path, &TOKEN, b"{}").unwrap();
        assert_eq!((written.status, written.header("allow")), (405, Some("GET, HEAD")), "{path}");
    }
}

#[test]
fn list_has_documented_shape() {
    let sandbox = numbered(14);
    let reply = read(&sandbox, "");
    let head = r#"{"total":"14","perPage":20,"page":1,"lastPage":1,"meta_data":{"profitability_limit":"30.00"},"data":[{"id":1,"#;
    assert!(reply.body.starts_with(head), "{reply:?}");
    assert_eq!(ids(&reply.json()["data"]), (1..=14).collect::<Vec<_>>());
    let empty = read(&Sandbox::start().unwrap(), "").json();
    assert_eq!((&empty["total"], &empty["lastPage"], &empty["data"]), (&json!("0"), &json!(1), &json!([])));
}

#[test]
fn pages_hold_every_project_once() {
    let sandbox = numbered(101);
    let page = |query: &str| read(&sandbox, query).json();
    let mut seen = Vec::new();
    for number in 1..=3 {
        let page = page(&format!("?page={number}&perPage=50"));
        assert_eq!(
            (&page["page"], &page["perPage"], &page["lastPage"]),
            (&json!(number), &json!(50), &json!(3))
        );
        seen.extend(ids(&page["data"]));
    }
    assert_eq!(seen, (1..=101).collect::<Vec<_>>());
    assert_eq!(ids(&page("?page=6")["data"]), [101]);
    for beyond in ["?page=7", "?page=9223372036854775807"] {
        assert_eq!((&page(beyond)["total"], &page(beyond)["data"]), (&json!("101"), &json!([])), "{beyond}");
    }
    for bad in [
        "?page=0",
        "?page=-1",
        "?page=true",
        "?page=",
        "?page=1.0",
        "?perPage=51",
        "?perPage=0",
        "?page=%ff",
        "?filters=%ff",
    ] {
        assert_eq!(read(&sandbox, bad).named(), (400, "ValidationError".into()), "{bad}");
    }
}

#[test]
fn deleting_shifts_later_pages() {
    let sandbox = numbered(10);
    let second = || ids(&read(&sandbox, "?page=2&perPage=3").json()["data"]);
    assert_eq!(second(), [4, 5, 6]);
    let deleted =
        Http::to(&sandbox).call("DELETE", "/v2/integrations/projects/p2", r#"{"metadata":{"source":"SAP"}}"#);
    assert_eq!(deleted.unwrap().status, 200);
    assert_eq!(second(), [5, 6, 7]);
    sandbox.seed([r#"{"source":"SAP","id":"again","name":"Again","cor_id":2}"#]).unwrap();
    assert_eq!(second(), [4, 5, 6]);
    assert_eq!(read(&sandbox, "").json()["total"], "10");
}

#[test]
fn page_false_is_bare_array_of_everything() {
    assert_eq!(ids(&read(&numbered(30), "?page=false&perPage=2").json()), (1..=30).collect::<Vec<_>>());
    assert_eq!(read(&Sandbox::start().unwrap(), "?page=false").body, "[]");
}

/// The body of a response in chunks; an error if it breaks off.
fn chunked(sandbox: &Sandbox, path: &str) -> std::io::Result<String> {
    let mut http = Http::to(sandbox);
    http.write(
        format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sandbox-token\r\n\r\n")
            .as_bytes(),
    )?;
    http.read_chunked()
}

#[test]
fn long_array_is_sent_in_parts() {
    for count in [256, 257, 1000] {
        let sandbox = numbered(count);
        let body = match count {
            256 => read(&sandbox, "?page=false").body,
            _ => chunked(&sandbox, "/v1/projects?page=false").unwrap(),
        };
        assert_eq!(ids(&serde_json::from_str(&body).unwrap()), (1..=count).collect::<Vec<_>>());
    }
    let sandbox = numbered(1000);
    sandbox.queue(Answer::pass().for_main_api().cut_after(200_000));
    let error = chunked(&sandbox, "/v1/projects?page=false").unwrap_err();
    assert_eq!(error.to_string(), "broke off after 200000 bytes");
}

#[test]
fn filters_choose_projects() {
    let rows = [
        json!({"source":"SAP","id":"a","name":"A","cor_id":1,"start":"2025-01-15","end":"2025-03-31","archived":true,"client_id":"c","cor_client_id":25855}),
        json!({"source":"SAP","id":"b","name":"B","cor_id":2,"start":"2025-02-01","status":"in_process","archived":false,"brand_id":"c","cor_brand_id":7}),
        json!({"source":"JIRA","id":"a","name":"C","cor_id":3,"end":"2025-02-28","status":"in_progress","client_id":"c","cor_client_id":9,"product_id":"x","cor_product_id":8}),
    ];
    let sandbox = Sandbox::builder().seed(rows.map(|row| row.to_string())).start().unwrap();
    for (filters, found) in [
        ("{}", vec![1, 2, 3]),
        (r#"{"archived":1}"#, vec![1]),
        (r#"{"archived":2}"#, vec![2, 3]),
        (r#"{"dateStart":"2025-01-16"}"#, vec![2]),
        (r#"{"dateEnd":"2025-03-31"}"#, vec![1, 3]),
        (r#"{"dateEnd":"2025-03-30"}"#, vec![3]),
        (r#"{"client_id":25855}"#, vec![1]),
        (r#"{"client_id":9}"#, vec![3]),
        (r#"{"client_id":7}"#, vec![]),
        (r#"{"brand_id":7,"archived":2}"#, vec![2]),
        (r#"{"product_id":8}"#, vec![3]),
        (r#"{"status":"in_process"}"#, vec![2]),
        (r#"{"status":"finished"}"#, vec![]),
        (r#"{"health":1}"#, vec![]),
        (r#"{"team_id":1}"#, vec![]),
        (r#"{"user_id":1}"#, vec![]),
    ] {
        let reply = filtered(&sandbox, filters).json();
        assert_eq!(ids(&reply["data"]), found, "{filters}");
        assert_eq!(reply["total"], found.len().to_string(), "{filters}");
    }
    let refused = filtered(&sandbox, r#"{"archived":true,"state":"x"}"#);
    assert_eq!(refused.named(), (400, "ValidationError".into()));
    assert!(
        refused.body.contains("filters.archived must be") && refused.body.contains("'state' is not"),
        "{refused:?}"
    );
}

#[test]
fn filtered_list_follows_changes() {
    let sandbox = numbered(3);
    let count = |filters: &str| filtered(&sandbox, filters).json()["total"].as_str().unwrap().to_owned();
    assert_eq!(count(r#"{"status":"finished"}"#), "0");
    sandbox.edit_project(2, r#"{"status":"finished"}"#).unwrap();
    assert_eq!(count(r#"{"status":"finished"}"#), "1");
    // The list above showed the first client, which got the first number. The next is given when it is needed.
    assert_eq!(count(r#"{"client_id":20002}"#), "0");
    assert_eq!(read(&sandbox, "/1").json()["client_id"], 20002);
    assert_eq!(count(r#"{"client_id":20002}"#), "1");
}

#[test]
fn search_finds_names_that_contain_text() {
    let rows = ["Website Redesign", "the WEBSITE", "Büro/2", "a\\u0000b ÉTÉ"]
        .map(|name| format!(r#"{{"source":"SAP","id":"{}","name":"{name}"}}"#, name.len()));
    let sandbox = Sandbox::builder().seed(rows).start().unwrap();
    for (name, found) in [
        ("website", 2),
        ("Website%20Redesign", 1),
        ("b%C3%BCRO%2F2", 1),
        ("%00b", 1),
        ("%C3%A9t%C3%A9", 1),
        ("%25", 0),
        ("_", 0),
    ] {
        let reply = read(&sandbox, &format!("/search-by-name/{name}"));
        assert_eq!(reply.json().as_array().unwrap().len(), found, "{name}: {reply:?}");
    }
    assert_eq!(read(&sandbox, "/search-by-name/%ff").status, 400);
}

#[test]
fn scripted_answers_reach_main_api_only() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    let scripted = r#"[{"endpoint":"main_projects","status":403},{"endpoint":"main_projects","id":"7","status":404},
        {"endpoint":"main_projects","action":"drop","id":"8"},{"endpoint":"main_projects","status":200,"body":{"data":{}}}]"#;
    assert_eq!(http.call("POST", "/sandbox/queue", scripted).unwrap().status, 200);
    assert_eq!(http.update("p", r#"{"metadata":{"source":"SAP"},"name":"New"}"#).status, 200);
    assert_eq!(read(&sandbox, "").named(), (403, "ForbiddenError".into()));
    assert_eq!(read(&sandbox, "/7").status, 404);
    assert!(Http::to(&sandbox).send("GET", "/v1/projects/8", &TOKEN, b"").is_err());
    assert_eq!(read(&sandbox, "/155693").body, r#"{"data":{}}"#);
    assert_eq!(read(&sandbox, "/155693").json()["name"], "New");
    let recorded: Vec<_> =
        sandbox.requests().iter().map(|request| (request.path.clone(), request.status)).collect();
    assert_eq!(recorded[1], ("/v1/projects".to_owned(), Some(403)));
    assert_eq!(recorded[3], ("/v1/projects/8".to_owned(), None));
    assert_eq!(recorded.len(), 6);
}

#[test]
fn faults_apply_to_reading() {
    let sandbox = Sandbox::builder().rate_limit(RateLimit::per_second(0.001).burst(1)).start().unwrap();
    assert_eq!(read(&sandbox, "").status, 200);
    assert_eq!(read(&sandbox, "/1").named(), (429, "TooManyRequestsError".into()));
    let sandbox = Sandbox::builder().fail_every(2).fail_status(503).start().unwrap();
    assert_eq!([(); 4].map(|()| read(&sandbox, "").status), [200, 503, 200, 503]);
}

#[test]
fn forbidden_main_api_leaves_updates_alone() {
    let seed = [r#"{"source":"SAP","id":"p","name":"Project"}"#];
    let sandbox = Sandbox::builder().seed(seed).main_api_forbidden(true).start().unwrap();
    for path in ["", "/155693", "/search-by-name/a"] {
        assert_eq!(read(&sandbox, path).named(), (403, "ForbiddenError".into()), "{path}");
    }
    assert_eq!(Http::to(&sandbox).update("p", r#"{"metadata":{"source":"SAP"},"name":"New"}"#).status, 200);
}

#[test]
fn edit_changes_fields_and_time_alone() {
    let sandbox = Sandbox::builder().example().start().unwrap();
    assert_eq!(sandbox.main_url(), format!("{}/v1", sandbox.base_url()));
    let before = sandbox.project("SALESFORCE", "SF-OPP-12345").unwrap();
    let edited = sandbox
        .edit_project(155_693, r#"{"end":"2025-06-30","estimated":1.50,"brief":null,"client_id":"other"}"#);
    let edited = edited.unwrap();
    assert_eq!(sandbox.project("SALESFORCE", "SF-OPP-12345").as_ref(), Some(&edited));
    assert_eq!((edited.text("end"), edited.number("estimated")), (Some("2025-06-30"), Some("1.50")));
    assert_eq!((edited.get("brief"), edited.get("start")), (None, before.get("start")));
    assert!(edited.updated_at() > "2026", "{edited:?}");
    let shown = read(&sandbox, "/155693").json();
    assert_eq!((&shown["end"], &shown["brief"]), (&json!("2025-06-30 00:00:00"), &Value::Null));
    assert_eq!(sandbox.requests().len(), 1, "an edit is no request of a client");
}

#[test]
fn edit_that_is_refused_changes_nothing() {
    let sandbox = Sandbox::builder().example().start().unwrap();
    let before = sandbox.projects();
    for (json, said) in [
        ("", "empty"),
        ("[]", "must be a JSON object"),
        (r#"{"nmae":"x","end":"soon"}"#, "'nmae' is not a field of an update; end must be a real day"),
        (r#"{"metadata":{"source":"SALESFORCE"}}"#, "'metadata' is not a field"),
        (r#"{"brand_id":"b"}"#, "'brand_id' is not a field"),
        (r#"{"name":null}"#, "name cannot be cleared"),
        (r#"{"estimated":"1"}"#, "estimated must be a number"),
        (r#"{"end":"2020-01-01"}"#, "is after end 2020-01-01"),
    ] {
        let error = sandbox.edit_project(155_693, json).unwrap_err();
        assert!(matches!(error, SandboxError::Edit { cor_id: 155_693, .. }), "{error:?}");
        assert!(error.to_string().contains(said), "{said}: {error}");
    }
    let missing = sandbox.edit_project(1, "{}").unwrap_err();
    assert_eq!(missing.to_string(), "cannot edit the project 1: Project not found");
    assert_eq!(sandbox.projects(), before);
    sandbox.stop();
    assert!(matches!(sandbox.edit_project(155_693, "{}"), Err(SandboxError::Stopped)));
}

#[test]
fn patch_edits_over_http() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    let mut patch = |id: &str, kind: &str, body: &str| {
        http.send("PATCH", &format!("/sandbox/projects/{id}"), &[("Content-Type", kind)], body.as_bytes())
            .unwrap()
    };
    let json = "application/json";
    let changed = patch("155693", json, r#"{"name":"Theirs","billable":true}"#);
    assert_eq!((changed.status, &changed.json()["name"]), (200, &json!("Theirs")));
    assert_eq!((&changed.json()["id"], &changed.json()["cor_id"]), (&json!("p"), &json!(155_693)));
    assert_eq!(patch("155693", json, r#"{"nmae":"x"}"#).named(), (400, "ValidationError".into()));
    assert_eq!(patch("155693", json, r#"{"start":"2025-02-01","end":"2025-01-01"}"#).named().0, 409);
    assert_eq!(patch("155693", "text/plain", "{}").status, 415);
    assert_eq!(patch("1", json, "{}").named(), (404, "ProjectNotFoundError".into()));
    assert_eq!(patch("p", json, "{}").named(), (400, "ValidationError".into()));
    assert_eq!(sandbox.project("SAP", "p").unwrap().text("name"), Some("Theirs"));
}

#[test]
fn changes_beyond_limit_are_dropped_after_edits() {
    let folder = std::env::temp_dir().join(format!("cor-sandbox-edits-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("s.db");
    let sandbox =
        Sandbox::builder().seed([r#"{"source":"SAP","id":"p","name":"Project"}"#]).db(&file).start().unwrap();
    for n in 0..2100 {
        sandbox.edit_project(155_693, &format!(r#"{{"name":"{n}"}}"#)).unwrap();
    }
    drop(sandbox);
    let count =
        rusqlite::Connection::open(&file)
            .unwrap()
            .query_row("SELECT count(*) FROM changes", [], |row| row.get::<_, i64>(0));
    assert!((1000..2100).contains(&count.unwrap()));
    std::fs::remove_dir_all(&folder).unwrap();
}
