//! Reading a project out of a response: every getter, every spelling of a value, and the JSON as COR sent it.

use cor_core::{Answer, Deleted, Number, Project};

fn project(body: &str) -> Project {
    match Answer::read(200, body.as_bytes()) {
        Answer::Project(project) => project,
        other => panic!("{body}: {other:?}"),
    }
}

/// Every getter by name, its value as text.
fn getters(project: &Project) -> Vec<(&'static str, Option<String>)> {
    fn text(value: Option<impl ToString>) -> Option<String> {
        value.map(|value| value.to_string())
    }
    vec![
        ("id", text(project.id())),
        ("name", text(project.name())),
        ("client_id", text(project.client_id())),
        ("brief", text(project.brief())),
        ("start", text(project.start())),
        ("end", text(project.end())),
        ("pm_id", text(project.pm_id())),
        ("estimated_time", text(project.estimated_time())),
        ("billable", text(project.billable())),
        ("status", text(project.status())),
        ("estimated", text(project.estimated())),
        ("contract_id", text(project.contract_id())),
        ("work_order", text(project.work_order())),
        ("archived", text(project.archived())),
        ("company_id", text(project.company_id())),
        ("created_at", text(project.created_at())),
        ("updated_at", text(project.updated_at())),
    ]
}

fn getter(project: &Project, name: &str) -> Option<String> {
    getters(project).into_iter().find(|(known, _)| *known == name).unwrap().1
}

/// One value per field, all different, so that a getter cannot read another field.
const FULL: [(&str, &str, &str); 17] = [
    ("id", "11", "11"),
    ("name", r#""N""#, "N"),
    ("client_id", "12", "12"),
    ("brief", r#""B""#, "B"),
    ("start", r#""2025-01-15 00:00:00""#, "2025-01-15"),
    ("end", r#""2025-04-30""#, "2025-04-30"),
    ("pm_id", "13", "13"),
    ("estimated_time", "250.5", "250.5"),
    ("billable", "true", "true"),
    ("status", r#""active""#, "active"),
    ("estimated", "18000.10", "18000.10"),
    ("contract_id", "14", "14"),
    ("work_order", r#""WO""#, "WO"),
    ("archived", "false", "false"),
    ("company_id", "15", "15"),
    ("created_at", r#""2025-01-10T14:30:00Z""#, "2025-01-10T14:30:00Z"),
    ("updated_at", r#""2026-01-08 19:06:19""#, "2026-01-08 19:06:19"),
];

#[test]
fn every_getter_reads_its_own_field_and_no_other() {
    let members: Vec<String> = FULL.iter().map(|(name, json, _)| format!("\"{name}\":{json}")).collect();
    let full = project(&format!("{{{}}}", members.join(",")));
    let expected: Vec<_> = FULL.iter().map(|(name, _, text)| (*name, Some(text.to_string()))).collect();
    assert_eq!(getters(&full), expected);
    for (alone, json, expected) in FULL {
        // `x` in the id's place keeps the object a project for fields that an error could have too.
        let one = project(&format!("{{\"{alone}\":{json},\"company_name\":\"x\"}}"));
        for (name, found) in getters(&one) {
            assert_eq!(found.as_deref(), (name == alone).then_some(expected), "{name} beside {alone}");
        }
    }
    for (name, found) in getters(&project(r#"{"id":null,"unknown":1}"#)) {
        assert_eq!(found, None, "{name}");
    }
}

#[test]
fn reads_each_type_in_spellings_of_cor_only() {
    for (field, json, expected) in [
        ("id", "-7", Some("-7")),
        ("id", r#""155693""#, Some("155693")),
        ("id", "9223372036854775808", None),
        ("id", "1.0", None),
        ("id", "true", None),
        ("id", r#""""#, None),
        ("name", r#""""#, Some("")),
        ("name", r#""a\"b\\\u00e9""#, Some("a\"b\\é")),
        ("name", "7", Some("7")),
        ("name", "-0.50", Some("-0.50")),
        ("name", "true", None),
        ("name", r#"["a"]"#, None),
        ("estimated", "0", Some("0")),
        ("estimated", "-0", Some("-0")),
        ("estimated", "-0.0", Some("-0.0")),
        ("estimated", "-5", Some("-5")),
        ("estimated", r#""18000.10""#, Some("18000.10")),
        ("estimated", r#""-05""#, None),
        ("estimated", r#""+5""#, None),
        ("estimated", r#""1,5""#, None),
        ("estimated", "123456789012345678901234567890", Some("123456789012345678901234567890")),
        ("billable", "true", Some("true")),
        ("billable", "1", Some("true")),
        ("billable", r#""true""#, Some("true")),
        ("billable", r#""1""#, Some("true")),
        ("billable", "false", Some("false")),
        ("billable", "0", Some("false")),
        ("billable", r#""false""#, Some("false")),
        ("billable", r#""0""#, Some("false")),
        ("billable", "2", None),
        ("billable", r#""yes""#, None),
        ("archived", "true", Some("true")),
        ("start", r#""2025-01-15T23:59:59-05:00""#, Some("2025-01-15")),
        ("start", r#""2025-01""#, None),
        ("start", r#""aaaaaaaaaé""#, None),
        ("start", "20250115", None),
        ("created_at", r#""soon""#, Some("soon")),
        ("created_at", "{}", None),
    ] {
        let body = format!("{{\"id\":7,\"{field}\":{json}}}");
        assert_eq!(getter(&project(&body), field).as_deref(), expected, "{body}");
    }
}

#[test]
fn integer_of_answer_equals_same_integer_of_program() {
    for (json, number) in [("18000", 18000), ("-5", -5), (r#""7""#, 7)] {
        let found = project(&format!("{{\"id\":7,\"estimated\":{json}}}"));
        assert_eq!(found.estimated(), Some(&Number::from(number)), "{json}");
    }
}

#[test]
fn finds_members_by_escaped_name_and_last_one_wins() {
    let found = project(r#"{"\u0069d":7,"mood":1,"mood":{"a": 0.10},"n\"x":2}"#);
    assert_eq!(found.id(), Some(7));
    assert_eq!(found.get_json("mood"), Some(r#"{"a": 0.10}"#));
    assert_eq!(found.get("mood"), Some(serde_json::json!({"a": 0.1})));
    assert_eq!(found.get_json("n\"x"), Some("2"));
    assert_eq!((found.get("other"), found.get_json("other")), (None, None));
    for nothing in [project(""), project("[]"), project("[7]"), project("null")] {
        assert_eq!((nothing.get("id"), nothing.get_json("id")), (None, None), "{nothing:?}");
    }
}

#[test]
fn keeps_json_of_response_except_line_breaks() {
    for (body, json) in [
        (r#"{"id": 7, "a":  "x  y"}"#, r#"{"id": 7, "a":  "x  y"}"#),
        (
            "{\n  \"id\": 7,\r\n\t\"a b\": \"x \\\" y\\\\\", \"c\" : [1 , 2 ]\n}",
            r#"{"id":7,"a b":"x \" y\\","c":[1,2]}"#,
        ),
        ("{\"id\":7,\t\"a\": 1}", r#"{"id":7,"a":1}"#),
        ("{\"id\":7,\r\"a\": 1}", r#"{"id":7,"a":1}"#),
        (r#"{"statusCode":200,"data":{"id": 7}}"#, r#"{"id": 7}"#),
        (r#"[{"id": 7}]"#, r#"[{"id": 7}]"#),
        ("", ""),
    ] {
        let found = project(body);
        assert_eq!(found.json(), json, "{body:?}");
        assert_eq!(format!("{found:?}"), format!("Project({json})"));
        assert_eq!(found.is_empty(), json.is_empty(), "{body:?}");
    }
}

#[test]
fn answer_to_delete_is_read_as_number_and_sentence() {
    for (body, cor_id, message) in [
        (
            r#"{"message":"Project deleted","external_id":"A-1","cor_id":42}"#,
            Some(42),
            Some("Project deleted"),
        ),
        (r#"{"message":7,"cor_id":"42"}"#, None, None),
        (r#"{"id":7}"#, None, None),
        ("", None, None),
    ] {
        let deleted = Deleted::from(project(body));
        assert_eq!((deleted.cor_id(), deleted.message().as_deref()), (cor_id, message), "{body}");
        assert_eq!(deleted.json(), body);
    }
}
