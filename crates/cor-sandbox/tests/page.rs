//! The page and the OpenAPI description.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use common::{Http, with_project};
use cor_sandbox::Sandbox;

#[test]
fn page_escapes_foreign_text() {
    let sandbox = Sandbox::start().unwrap();
    let mut http = Http::to(&sandbox);
    let evil = r#"<script>alert('1')</script>\"><img src=x onerror=alert(1)>&amp;"#;
    let created = http.create(&format!(
        r#"{{"metadata":{{"source":"SAP"}},"id":"{evil}","name":"{evil}","status":"{evil}","brief":"{evil}","client_id":"{evil}"}}"#
    ));
    assert_eq!(created.status, 200, "{created:?}");
    for path in ["/", "/?q=%3Cscript%3E", "/?q=%22%3E%3Cimg", "/?q='%3E%3Ci%3E&page=2"] {
        let page = http.get(path);
        assert_eq!(page.status, 200);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        for markup in ["<script", "<img", "<i>", "onerror=alert(1)>"] {
            // The page itself has no such markup, so any would come from the values.
            let inner = page.body.split("</style>").nth(1).unwrap();
            assert!(!inner.contains(markup), "{markup} in {path}: {inner}");
        }
        assert!(page.body.contains("&lt;script&gt;") || page.body.contains("No project matches"), "{path}");
        assert!(page.header("content-security-policy").unwrap().contains("default-src 'none'"));
    }
}

#[test]
fn page_shows_projects_and_latest_changes() {
    let sandbox = Sandbox::builder().example().start().unwrap();
    let mut http = Http::to(&sandbox);
    http.update(
        "SF-OPP-12345",
        r#"{"metadata":{"source":"SALESFORCE"},"end":"2025-04-30","estimated":18000.10,"brief":null}"#,
    );
    let page = http.get("/").body;
    for shown in [
        "Website Redesign Project",
        "SF-OPP-12345",
        "2025-01-15 \u{2013}</span> <span>2025-04-30",
        "18\u{202f}000.10",
        "<del>2025-03-31</del>",
        "<ins>2025-04-30</ins>",
        "<del>15\u{202f}000</del>",
        "cleared",
        "<span class=\"pill good\">active</span>",
    ] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    assert!(http.get("/").body.contains("viewport"));
    // Nothing is fetched from anywhere.
    assert!(!page.contains("http://") && !page.contains("https://") && !page.contains("//cdn"));
}

#[test]
fn page_searches_projects_and_has_several_pages() {
    let rows = (0..120)
        .map(|n| format!(r#"{{"source":"SAP","id":"id-{n:03}","name":"Project {n:03}","status":"100%"}}"#));
    let sandbox = Sandbox::builder().seed(rows).start().unwrap();
    let mut http = Http::to(&sandbox);
    let count = |body: &str| body.matches("<tr><td").count();
    assert_eq!(count(&http.get("/").body), 50);
    assert_eq!(count(&http.get("/?page=3").body), 20);
    assert_eq!(count(&http.get("/?page=4").body), 0);
    assert_eq!(count(&http.get("/?q=project+07").body), 10);
    assert_eq!(count(&http.get("/?q=id-119").body), 1);
    assert_eq!(count(&http.get("/?q=0%25").body), 50);
    assert_eq!(count(&http.get("/?q=%25%25").body), 0);
    assert_eq!(count(&http.get("/?q=_").body), 0);
    for odd in
        ["/?page=0", "/?page=-7", "/?page=99999999999999999999", "/?q=%ff", "/?q=%00", "/?&&=&=", "/?q=%5C"]
    {
        assert_eq!(http.get(odd).status, 200, "{odd}");
    }
    // The newest change is at the top.
    http.update("id-005", r#"{"metadata":{"source":"SAP"},"name":"Just now"}"#);
    let page = http.get("/").body;
    let table = page.split("<tbody>").nth(1).unwrap();
    assert!(table.find("Just now").unwrap() < table.find("Project 119").unwrap());
}

#[test]
fn page_shortens_huge_values() {
    let sandbox = with_project();
    let mut http = Http::to(&sandbox);
    let long = "x".repeat(300_000);
    let digits = "9".repeat(300_000);
    let body = format!(
        r#"{{"metadata":{{"source":"SAP"}},"name":"{long}","status":"{long}","estimated":{digits}}}"#
    );
    assert_eq!(http.update("p", body).status, 200);
    assert!(http.get("/").body.len() < 40_000);
}

#[test]
fn page_of_empty_sandbox_shows_first_command() {
    let sandbox = Sandbox::start().unwrap();
    assert!(Http::to(&sandbox).get("/").body.contains("curl http://localhost/v2/integrations/projects"));
}

#[test]
fn openapi_description_is_complete() {
    let sandbox = Sandbox::start().unwrap();
    let document = Http::to(&sandbox).get("/openapi.json").json();
    assert_eq!(document["openapi"], "3.1.0");
    let update = &document["components"]["schemas"]["UpdateProject"]["properties"];
    assert_eq!(update.as_object().unwrap().len(), 19);
    assert_eq!(
        document["components"]["schemas"]["CreateProject"]["properties"].as_object().unwrap().len(),
        22
    );
    let responses = &document["paths"]["/v2/integrations/projects/{id}"]["put"]["responses"];
    for status in ["200", "400", "401", "404", "408", "413", "415", "429", "500", "503"] {
        assert!(responses[status]["content"].is_object(), "{status}");
    }
    // Every reference leads somewhere.
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().unwrap();
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
}
