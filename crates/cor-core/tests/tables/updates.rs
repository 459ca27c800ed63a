//! Updates: each setter writes its own field, drafts collect, and a written update is read back.

use cor_core::{Date, Draft, Field, IncomeType, Issue, IssueCode, Json, Patch, ProjectUpdate, Source, Value};

fn day() -> Date {
    Date::new(2025, 4, 30).unwrap()
}

#[test]
fn every_setter_writes_its_own_field() {
    let empty = || ProjectUpdate::new("SAP");
    for (update, json) in [
        (empty().name("N"), r#"{"name":"N"}"#),
        (empty().client_id("007"), r#"{"client_id":"007"}"#),
        (empty().brief("b\n\u{1}"), r#"{"brief":"b\n\u0001"}"#),
        (empty().start(day()), r#"{"start":"2025-04-30"}"#),
        (empty().end(day()), r#"{"end":"2025-04-30"}"#),
        (empty().pm_id("P"), r#"{"pm_id":"P"}"#),
        (empty().estimated_time(250), r#"{"estimated_time":250}"#),
        (empty().billable(true), r#"{"billable":true}"#),
        (empty().status("active"), r#"{"status":"active"}"#),
        (empty().currency_id("EUR"), r#"{"currency_id":"EUR"}"#),
        (empty().evaluation_date(day()), r#"{"evaluation_date":"2025-04-30"}"#),
        (empty().estimated(0.1), r#"{"estimated":0.1}"#),
        (empty().fee_id("F"), r#"{"fee_id":"F"}"#),
        (empty().contract_id("C"), r#"{"contract_id":"C"}"#),
        (empty().deliverables("D"), r#"{"deliverables":"D"}"#),
        (empty().work_order("W"), r#"{"work_order":"W"}"#),
        (empty().income_type(IncomeType::OneTime), r#"{"income_type":"one_time"}"#),
        (empty().archived(false), r#"{"archived":false}"#),
        (empty().extra("x\"y", "z"), r#"{"x\"y":"z"}"#),
        // The last word on a field counts, and an extra keeps its place.
        (empty().name("N").name("M"), r#"{"name":"M"}"#),
        (empty().name("N").clear(Field::Name), r#"{"name":null}"#),
        (empty().clear(Field::Name).name(Patch::Keep), "{}"),
        (empty().extra("x", 1).extra("y", 2).extra("x", 3), r#"{"x":3,"y":2}"#),
        (empty(), "{}"),
    ] {
        assert_eq!(update.fields_json(), json);
        let members = json.strip_prefix('{').unwrap();
        let comma = if members == "}" { "" } else { "," };
        let body = format!(r#"{{"metadata":{{"source":"SAP"}}{comma}{members}"#);
        assert_eq!(update.to_json(), body);
        let mut out = b"before".to_vec();
        update.write_json(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("before{body}"));
        assert_eq!((update.source(), update.is_empty()), (&Source::SAP, json == "{}"));
        let again = ProjectUpdate::from_fields_json("SAP", json).unwrap();
        assert_eq!(again.to_json(), body);
    }
}

#[test]
fn field_returns_keep_clear_or_set() {
    let update = ProjectUpdate::new("SAP").name("N").estimated("1.50".parse::<cor_core::Number>().unwrap());
    let update = update.clear(Field::Brief).end(day()).billable(false);
    let json = |text: &str| Patch::Set(text.parse::<Json>().unwrap());
    for field in Field::ALL {
        let expected = match field {
            Field::Name => json("\"N\""),
            Field::Estimated => json("1.50"),
            Field::Brief => Patch::Clear,
            Field::End => json("\"2025-04-30\""),
            Field::Billable => json("false"),
            _ => Patch::Keep,
        };
        assert_eq!(update.field(*field), expected, "{field}");
    }
}

#[test]
fn refuses_fields_json_that_no_update_writes() {
    let foreign = "is not a JSON object of fields with their values, as fields_json() returns it";
    for (json, field, code, message) in [
        ("", "update", IssueCode::WrongType, foreign),
        ("[]", "update", IssueCode::WrongType, foreign),
        (
            r#"{"name":1}"#,
            "name",
            IssueCode::WrongType,
            "the number 1 has the wrong type; pass text, converted where its exact spelling is known (007 and 7 are different ids)",
        ),
        (
            r#"{"end":1}"#,
            "end",
            IssueCode::WrongType,
            "the number 1 has the wrong type; pass a date, YYYY-MM-DD",
        ),
        (
            r#"{"end":"soon"}"#,
            "end",
            IssueCode::NotADate,
            "\"soon\" is not a date; write a real day as YYYY-MM-DD, for example 2025-04-30",
        ),
        (
            r#"{"archived":0}"#,
            "archived",
            IssueCode::WrongType,
            "the number 0 has the wrong type; pass true or false",
        ),
        (
            r#"{"archived":"true"}"#,
            "archived",
            IssueCode::WrongType,
            "the text \"true\" has the wrong type; pass true or false",
        ),
        (r#"{"estimated":"1"}"#, "estimated", IssueCode::WrongType, foreign),
        (
            r#"{"income_type":1}"#,
            "income_type",
            IssueCode::WrongType,
            "the number 1 has the wrong type; pass fee, one_time, hourly_rate or contract",
        ),
    ] {
        let issue = ProjectUpdate::from_fields_json("SAP", json).unwrap_err();
        assert_eq!((&*issue.field, issue.code, &*issue.message), (field, code, message), "{json}");
    }
    // `true` and `false` are both booleans, `null` clears, and an unknown income type passes.
    for json in [r#"{"billable":true,"archived":false}"#, r#"{"end":null}"#, r#"{"income_type":"gift"}"#] {
        assert_eq!(ProjectUpdate::from_fields_json("SAP", json).unwrap().fields_json(), json);
    }
}

#[test]
fn draft_collects_values_and_refusals() {
    let refusal = || Issue::new("brief", IssueCode::WrongType, "m");
    type Step = fn(&mut Draft<'_>);
    let steps: [(Step, bool, &str); 7] = [
        (|_| {}, true, "update nothing_to_change"),
        (|draft| draft.set("name", Value::Cell("")), true, "update nothing_to_change"),
        (|draft| draft.set("name", Value::Cell("N")), false, r#"{"name":"N"}"#),
        (
            |draft| draft.set_field(Field::End, Value::Date(Date::new(2025, 4, 30).unwrap())),
            false,
            r#"{"end":"2025-04-30"}"#,
        ),
        (|draft| draft.extra("x", "[1]"), false, r#"{"x":[1]}"#),
        (|draft| draft.extra("x", "[1"), false, "x not_allowed"),
        (|draft| draft.set_field(Field::End, Value::Boolean(true)), false, "end wrong_type"),
    ];
    for (step, empty, result) in steps {
        let mut draft = Draft::new("SAP");
        step(&mut draft);
        assert_eq!(draft.is_empty(), empty, "{result}");
        assert_eq!(finished(draft, None), result);
    }
    // Goes on from an update; an id is checked where one is given, before everything else.
    let mut draft = Draft::from_update(ProjectUpdate::new("SAP").name("N"));
    assert!(!draft.is_empty());
    draft.set("brief", Value::Text("b".into()));
    assert_eq!(finished(draft.clone(), Some("1")), r#"{"name":"N","brief":"b"}"#);
    assert_eq!(finished(draft.clone(), Some(".")), "id not_addressable");
    draft.reject(refusal());
    assert_eq!(finished(draft, Some("")), "id required, brief wrong_type");
    // A draft that was refused everything does not also say that it changes nothing; other problems it does name.
    let mut refused = Draft::new("");
    refused.reject(refusal());
    assert!(!refused.is_empty());
    assert_eq!(finished(refused, None), "brief wrong_type, metadata.source required");
}

/// The fields of the finished update, or its problems.
fn finished(draft: Draft<'_>, id: Option<&str>) -> String {
    match draft.finish(id) {
        Ok(update) => update.fields_json(),
        Err(invalid) => {
            let words: Vec<_> = invalid.issues().iter().map(|i| format!("{} {}", i.field, i.code)).collect();
            words.join(", ")
        }
    }
}
