//! The sentences of problems, exactly as people read them in every interface.

use cor_core::{
    Date, ErrorKind, ExternalId, Field, IncomeType, Invalid, Issue, IssueCode, Json, Number, ProjectUpdate,
    Value,
};

#[test]
fn refuses_unfit_value_in_one_sentence() {
    use IssueCode::*;
    let long = "x".repeat(61);
    let cut = format!("\"{}\"… is not a boolean; write true or false", "x".repeat(60));
    let whole = "x".repeat(60);
    let uncut = format!("\"{whole}\" is not a boolean; write true or false");
    let text = |text: &'static str| Value::Text(text.into());
    let day = Date::new(2025, 4, 30).unwrap();
    for (field, value, code, message) in [
        (Field::Billable, Value::Cell("yes"), NotABoolean, "\"yes\" is not a boolean; write true or false"),
        (Field::Billable, Value::Cell("tRUE"), NotABoolean, "\"tRUE\" is not a boolean; write true or false"),
        (Field::Billable, Value::Cell(&long), NotABoolean, &*cut),
        (Field::Billable, Value::Cell(&whole), NotABoolean, &*uncut),
        (
            Field::Estimated,
            Value::Cell("1,5"),
            NotANumber,
            "\"1,5\" is not a plain number; write only digits, with a point before the decimals, for \
             example 1234.50",
        ),
        (
            Field::End,
            Value::Cell("1/2/25"),
            NotADate,
            "\"1/2/25\" is not a date; write a real day as YYYY-MM-DD, for example 2025-04-30",
        ),
        (
            Field::IncomeType,
            Value::Cell("gift"),
            NotAllowed,
            "\"gift\" is not an income type; use fee, one_time, hourly_rate or contract",
        ),
        (
            Field::Estimated,
            text(""),
            WrongType,
            "empty text has the wrong type; pass a number such as 18000.10",
        ),
        (
            Field::Estimated,
            text("5"),
            WrongType,
            "the text \"5\" has the wrong type; pass the number 5 without quotation marks",
        ),
        (
            Field::Billable,
            text("true"),
            WrongType,
            "the text \"true\" has the wrong type; pass true or false",
        ),
        (
            Field::ClientId,
            Value::Number(7.into()),
            WrongType,
            "the number 7 has the wrong type; pass text, converted where its exact spelling is known (007 and 7 are different ids)",
        ),
        (
            Field::Name,
            Value::Boolean(true),
            WrongType,
            "the boolean true has the wrong type; pass text, converted where its exact spelling is known (007 and 7 are different ids)",
        ),
        (
            Field::IncomeType,
            Value::Date(day),
            WrongType,
            "the date 2025-04-30 has the wrong type; pass fee, one_time, hourly_rate or contract",
        ),
        (
            Field::End,
            Value::IncomeType(IncomeType::Fee),
            WrongType,
            "the income type fee has the wrong type; pass a date, YYYY-MM-DD",
        ),
    ] {
        let mut update = ProjectUpdate::new("SAP").archived(true);
        let issue = update.set(field, value).unwrap_err();
        assert_eq!((&*issue.field, issue.code, &*issue.message), (field.name(), code, message));
        assert_eq!(update.fields_json(), r#"{"archived":true}"#, "the update is left as it was");
    }
}

#[test]
fn valid_value_is_taken_unchanged() {
    let day = Date::new(2025, 4, 30).unwrap();
    for (field, value, json) in [
        (Field::Billable, Value::Cell("true"), r#"{"billable":true}"#),
        (Field::Billable, Value::Cell("True"), r#"{"billable":true}"#),
        (Field::Billable, Value::Cell("TRUE"), r#"{"billable":true}"#),
        (Field::Billable, Value::Cell("false"), r#"{"billable":false}"#),
        (Field::Billable, Value::Cell("False"), r#"{"billable":false}"#),
        (Field::Billable, Value::Cell("FALSE"), r#"{"billable":false}"#),
        (Field::Billable, Value::Boolean(false), r#"{"billable":false}"#),
        (Field::End, Value::Date(day), r#"{"end":"2025-04-30"}"#),
        (Field::End, Value::Text("2025-04-30".into()), r#"{"end":"2025-04-30"}"#),
        (Field::Estimated, Value::Number(7.into()), r#"{"estimated":7}"#),
        (Field::IncomeType, Value::IncomeType(IncomeType::Fee), r#"{"income_type":"fee"}"#),
        (Field::IncomeType, Value::Text("contract".into()), r#"{"income_type":"contract"}"#),
        (Field::Name, Value::Clear, r#"{"name":null}"#),
        (Field::Name, Value::Text("".into()), r#"{"name":""}"#),
        (Field::Name, Value::Cell(""), "{}"),
    ] {
        let mut update = ProjectUpdate::new("SAP");
        update.set(field, value).unwrap();
        assert_eq!(update.fields_json(), json);
    }
}

#[test]
fn update_names_each_of_its_problems() {
    let day = |day| Date::new(2025, 4, day).unwrap();
    let named = || ProjectUpdate::new("SAP").name("N");
    for (update, problems) in [
        (named(), &[][..]),
        (named().start(day(1)).end(day(1)), &[]),
        (named().start(day(2)), &[]),
        (named().end(day(1)), &[]),
        (named().estimated(0.5).extra("x", 1), &[]),
        (
            named().start(day(2)).end(day(1)),
            &["start: start 2025-04-02 is after end 2025-04-01; swap them or correct one"],
        ),
        (
            named().estimated(f64::NAN),
            &[
                "estimated: is NaN or infinite; pass a finite number, or leave the field out to keep its value",
            ],
        ),
        (
            ProjectUpdate::new("").name("N"),
            &[
                "metadata.source: is required; pass source=\"SALESFORCE\" (the system the project was created from)",
            ],
        ),
        (ProjectUpdate::new("SAP"), &["update: the update changes nothing; set or clear at least one field"]),
        (
            named().extra("", 1).extra("metadata", 1).extra("end", 1),
            &[
                ": the name of an extra field is empty; pass the name that COR gives the field",
                "metadata: `metadata` cannot be an extra field: the client writes it from the source of \
                 the update",
                "end: `end` is a field of this client; set it as a field, not as an extra field",
            ],
        ),
    ] {
        let found = update.validate().map_or_else(Invalid::into_issues, |()| Vec::new());
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, problems, "{update:?}");
    }
}

#[test]
fn ids_that_cannot_be_in_url_are_refused_with_reason() {
    for (id, problem) in [
        ("", Some("id: is empty; pass the id that the project has in its source")),
        (".", Some("id: \".\" cannot be an external id, because a URL with it leads to another path")),
        ("..", Some("id: \"..\" cannot be an external id, because a URL with it leads to another path")),
        ("a\0", Some("id: contains a NUL character")),
        ("...", None),
        (" ", None),
    ] {
        assert_eq!(ExternalId::problem(id).map(|issue| issue.to_string()).as_deref(), problem, "{id:?}");
        assert_eq!(ExternalId::new(id).err().map(|issue| issue.to_string()).as_deref(), problem, "{id:?}");
    }
}

#[test]
fn unknown_field_is_refused_with_nearest_name() {
    for (name, meant) in [
        ("nmae", Some("name")),
        ("Client-ID", Some("client_id")),
        (" end ", Some("end")),
        ("zzz", None),
        ("", None),
    ] {
        let sentence = match meant {
            Some(meant) => format!("no field is called {name:?}; did you mean `{meant}`?"),
            None => format!(
                "no field is called {name:?}; leave it out, or send it as an extra field if COR accepts it"
            ),
        };
        assert_eq!(Field::nearest(name).map(Field::name), meant, "{name:?}");
        assert_eq!(Issue::unknown_field(name).to_string(), format!("{name}: {sentence}"));
        assert_eq!(name.parse::<Field>().unwrap_err().to_string(), sentence);
    }
    for field in Field::ALL {
        assert_eq!(Field::nearest(field.name()), Some(*field));
    }
}

#[test]
fn refuses_text_that_is_no_value_with_remedy() {
    let number = "1,5".parse::<Number>().unwrap_err().to_string();
    assert_eq!(
        number,
        "number: \"1,5\" is not a plain number; write only digits, with a point before the decimals, for \
         example 1234.50"
    );
    let date = "x".parse::<Date>().unwrap_err().to_string();
    assert_eq!(date, "date: \"x\" is not a date; write a real day as YYYY-MM-DD, for example 2025-04-30");
    let json = "south".parse::<Json>().unwrap_err().to_string();
    assert_eq!(
        json,
        "not JSON: expected value at line 1 column 1; write a text in quotation marks, for example '\"south\"'"
    );
}

#[test]
fn refusal_lists_all_problems_and_date_kind_of_cor() {
    let dates = || Issue::new("start", IssueCode::DateRange, "a");
    let other = || Issue::new("name", IssueCode::Required, "b");
    for (issues, text, kind) in [
        (vec![dates()], "start: a", ErrorKind::InvalidDateRange),
        (vec![dates(), other()], "start: a; name: b", ErrorKind::Invalid),
        (vec![other(), other(), dates()], "name: b; name: b; start: a", ErrorKind::Invalid),
    ] {
        let invalid = Invalid::from_issues(issues.clone()).unwrap();
        assert_eq!((invalid.to_string(), invalid.kind()), (text.to_owned(), kind));
        assert_eq!((invalid.issues(), invalid.clone().into_issues()), (&*issues, issues.clone()));
    }
    assert_eq!(Invalid::from_issues(Vec::new()), None);
}
