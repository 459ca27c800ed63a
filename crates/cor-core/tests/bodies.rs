//! The vectors of request bodies through serde: read, checked and written again.
#![allow(clippy::unwrap_used)] // helpers of tests may panic

use cor_core::{Invalid, ProjectCreate, ProjectUpdate};
use serde_json::Value;

fn vectors(file: &str) -> Vec<Value> {
    let path = format!("{}/../../tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// What was made of a body: the bytes that go out and what validation says, or why it was not read.
type Read = Result<(String, Result<(), Invalid>), serde_json::Error>;

fn read(of: &str, body: &str) -> Read {
    match of {
        "update" => serde_json::from_str::<ProjectUpdate>(body).map(|update| {
            assert_eq!(serde_json::to_string(&update).unwrap(), update.to_json());
            (update.to_json(), update.validate())
        }),
        "create" => serde_json::from_str::<ProjectCreate>(body).map(|create| {
            assert_eq!(serde_json::to_string(&create).unwrap(), create.to_json());
            (create.to_json(), create.validate())
        }),
        _ => panic!("what is {of}?"),
    }
}

fn pairs(issues: &Value) -> Vec<(String, String)> {
    serde_json::from_value(issues.clone()).unwrap()
}

#[test]
fn reads_validates_and_rewrites_bodies() {
    for vector in vectors("bodies.json") {
        let (name, expect) = (&vector["name"], &vector["expect"]);
        let body = vector["body"].as_str().unwrap();
        let read = read(vector["of"].as_str().unwrap(), body);
        if let Some(part) = expect["error"].as_str() {
            let error = read.unwrap_err().to_string();
            assert!(error.contains(part), "{name}: {error}");
        } else if expect["issues"].is_array() {
            // The one error names every field, in order, with the sentence that its code stands for.
            let error = read.unwrap_err().to_string();
            let mut rest = error.as_str();
            for (field, code) in pairs(&expect["issues"]) {
                let at =
                    rest.find(&format!("{field}: ")).unwrap_or_else(|| panic!("{name}: {field} in {error}"));
                rest = &rest[at..];
                let sentence = match code.as_str() {
                    "wrong_type" => " has the wrong type; pass ",
                    "not_a_date" => " is not a date; write ",
                    "not_a_number" => " is not a plain number; write ",
                    "not_allowed" => "; pass it once",
                    "required" => "is required; ",
                    "unknown_field" => "is not allowed; ",
                    _ => panic!("{name}: no sentence for {code}"),
                };
                let sentence = match code.as_str() {
                    _ if rest.contains("escape") => "contains an invalid escape sequence",
                    "not_a_date" if rest.contains(" has a time of day, ") => "; pass a date such as ",
                    _ => sentence,
                };
                assert!(rest.contains(sentence), "{name}: {code} in {rest}");
            }
        } else {
            let (written, judged) = read.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(written, expect["body"].as_str().unwrap_or(body), "{name}");
            let issues = judged.map_or_else(Invalid::into_issues, |()| Vec::new());
            let found: Vec<_> =
                issues.iter().map(|issue| (issue.field.clone(), issue.code.to_string())).collect();
            let expected = expect.get("invalid").map(pairs).unwrap_or_default();
            assert_eq!(found, expected, "{name}");
        }
    }
}

#[test]
fn sent_body_is_read_back_unchanged() {
    let mut sent = 0;
    for vector in vectors("updates.json") {
        if let Some(body) = vector["expect"]["body"].as_str() {
            let (written, judged) = read("update", body).unwrap();
            assert_eq!(written, body, "{}", vector["name"]);
            assert_eq!(judged, Ok(()), "{}", vector["name"]);
            sent += 1;
        }
    }
    assert!(sent > 10, "{sent}");
}
