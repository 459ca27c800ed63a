//! Every type through every kind of format, and back: what goes out comes back equal, to the digit.
//!
//! `tests/serde-features` runs this file once more with serde_json's `arbitrary_precision` and `preserve_order`.
#![allow(clippy::unwrap_used)] // helpers of tests may panic

use cor_core::*;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use serde::Serialize;
use serde::de::DeserializeOwned;

fn text<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

fn reader<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_json::from_reader(&*serde_json::to_vec_pretty(value).unwrap()).unwrap()
}

fn value<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_json::from_value(serde_json::to_value(value).unwrap()).unwrap()
}

fn borrowed_value<T: Serialize + DeserializeOwned>(value: &T) -> T {
    T::deserialize(&serde_json::to_value(value).unwrap()).unwrap()
}

/// A `Value` that is written as text, which another program may have done.
fn text_of_value<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_value(value).unwrap().to_string()).unwrap()
}

fn yaml<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_yaml_ng::from_str(&serde_yaml_ng::to_string(value).unwrap()).unwrap()
}

fn yaml_value<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_yaml_ng::from_value(serde_yaml_ng::to_value(value).unwrap()).unwrap()
}

fn cbor<T: Serialize + DeserializeOwned>(value: &T) -> T {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    ciborium::from_reader(&*bytes).unwrap()
}

fn postcard<T: Serialize + DeserializeOwned>(value: &T) -> T {
    postcard::from_bytes(&postcard::to_allocvec(value).unwrap()).unwrap()
}

type Through<T> = (&'static str, fn(&T) -> T);

fn formats<T: Serialize + DeserializeOwned>() -> [Through<T>; 9] {
    [
        ("text", text),
        ("reader", reader),
        ("value", value),
        ("borrowed value", borrowed_value),
        ("text of a value", text_of_value),
        ("YAML", yaml),
        ("YAML value", yaml_value),
        ("CBOR", cbor),
        ("postcard", postcard),
    ]
}

#[track_caller]
fn survives<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(original: &T) {
    for (format, through) in formats::<T>() {
        assert_eq!(&through(original), original, "{format}");
    }
}

fn number(text: &str) -> Number {
    text.parse().unwrap()
}

fn json(text: &str) -> Json {
    text.parse().unwrap()
}

#[test]
fn digits_survive_every_format() {
    for digits in [
        "0",
        "-0",
        "250",
        "0.5",
        "0.10",
        "18000.10",
        "18000.1",
        "9007199254740993",
        "-9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "123456789012345678901234567890.1234567890",
        "1E5",
        "1e5",
        "1e+5",
        "1e-7",
        "1e400",
        "-0.0",
        "1.0",
        "1e16",
        "0.30000000000000004",
        "100000000000000000000.0",
        "5e-324",
    ] {
        for (format, through) in formats::<Number>() {
            assert_eq!(through(&number(digits)).to_string(), digits, "{format}");
        }
        for (format, through) in formats::<Json>() {
            let json = json(&format!(r#"{{"a":[{digits}],"b":{digits}}}"#));
            assert_eq!(through(&json).as_str(), json.as_str(), "{format}");
        }
        survives(&vec![Some(number(digits)), None]);
    }
    for float in [0.1, -0.0, 1e300, f64::MIN_POSITIVE, f64::MAX, 1e16, 1e-5] {
        survives(&Number::from(float));
    }
    for n in [0, i64::MIN, i64::MAX] {
        survives(&Number::from(n));
    }
    survives(&Number::from(u64::MAX));
}

#[test]
fn writes_numbers_as_text_only_in_formats_without_them() {
    let yaml = |digits| serde_yaml_ng::to_string(&number(digits)).unwrap();
    assert_eq!(
        (yaml("250").trim(), yaml("0.5").trim(), yaml("18000.10").trim()),
        ("250", "0.5", "'18000.10'")
    );
    let value = |digits| serde_json::to_value(number(digits)).unwrap().to_string();
    let kept = serde_json::from_str::<serde_json::Value>("0.10").unwrap().to_string();
    let exact = kept == "0.10";
    assert_eq!(value("9007199254740993"), "9007199254740993");
    assert_eq!(value("0.10"), if exact { "0.10" } else { "\"0.10\"" });
    assert_eq!(serde_json::to_string(&number("18000.10")).unwrap(), "18000.10");
    assert_eq!(postcard::to_allocvec(&number("18000.10")).unwrap(), b"\x0818000.10");
    assert_eq!(serde_json::from_str::<Number>(r#""18000.10""#).unwrap(), number("18000.10"));
    assert_eq!(serde_yaml_ng::from_str::<Number>("7").unwrap(), Number::from(7));
    for wrong in ["\"\"", "\"1,5\"", "\" 1\"", "\"NaN\"", "true", "null", "[1]", "{}"] {
        assert!(serde_json::from_str::<Number>(wrong).is_err(), "{wrong}");
        assert!(serde_yaml_ng::from_str::<Number>(wrong).is_err(), "{wrong}");
    }
    assert!(serde_yaml_ng::from_str::<Number>(".nan").is_err());
    for float in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(serde_json::to_string(&Number::from(float)).is_err());
        assert!(serde_yaml_ng::to_string(&Number::from(float)).is_err());
        assert!(postcard::to_allocvec(&Number::from(float)).is_err());
    }
}

#[test]
fn numbers_with_same_text_are_equal() {
    assert_eq!(number("250"), Number::from(250));
    assert_eq!(number("0.5"), Number::from(0.5));
    assert_eq!(Number::from(f64::NAN), Number::from(f64::NAN));
    assert_ne!(number("1.0"), number("1"));
    assert_ne!(Number::from(0.0), Number::from(-0.0));
}

#[test]
fn json_extras_survive_every_format() {
    for text in [
        "null",
        "true",
        "\"\"",
        "\"007\"",
        "\"null\"",
        "[]",
        "{}",
        r#"{"z":1,"a":{"y":[0.10,null],"b":"x"}}"#,
        r#"{"a":1,"a":2}"#,
        r#"{"$json":1}"#,
        r#"{"$json":"no JSON"}"#,
        r#"{"$json":"1","other":2}"#,
        r#"["\ud800"]"#,
        r#"{"\ud800":1}"#,
        r#"{"$serde_json::private::Number":"7"}"#,
        r#"{"$serde_json::private::RawValue":"7"}"#,
        "{ \"region\" : \"south\",\n \"share\": 0.10 }",
        "[[[[1e5]]]]",
    ] {
        survives(&json(text));
    }
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for (format, through) in formats::<Json>() {
        // Read as text by serde_json and by binary formats; elsewhere the escape holds it.
        assert_eq!(through(&json(&deep)).as_str().len(), deep.len(), "{format}");
    }
}

#[test]
fn json_stays_verbatim_in_text_and_native_in_other_formats() {
    let extra = json(r#"{"region": "south", "share": 0.10, "n": 7}"#);
    assert_eq!(serde_json::to_string(&extra).unwrap(), extra.as_str());
    let yaml = serde_yaml_ng::to_string(&extra).unwrap();
    assert_eq!(yaml, "region: south\nshare:\n  $json: '0.10'\nn: 7\n");
    assert_eq!(serde_yaml_ng::from_str::<Json>("[1, a, null, 0.5]").unwrap().as_str(), r#"[1,"a",null,0.5]"#);
    assert!(serde_yaml_ng::from_str::<Json>("[.inf]").is_err());
    assert_eq!(serde_json::from_str::<Json>(r#"{"a": {"$json": "0.10"}}"#).unwrap(), json(r#"{"a":0.10}"#));
}

#[test]
fn compares_json_by_value_with_exact_digits() {
    assert_eq!(json(r#"{"a":1, "b":["\u0041"]}"#), json(r#"{"b":["A"],"a":1}"#));
    assert_ne!(json("[0.10]"), json("[0.1]"));
    assert_ne!(json("[1,2]"), json("[2,1]"));
    assert_ne!(json(r#"{"a":1,"a":2}"#), json(r#"{"a":2,"a":1}"#));
}

#[test]
fn names_and_texts_survive_every_format() {
    for source in Source::KNOWN.iter().cloned().chain(["HubSpot ü".into(), "".into()]) {
        survives(&source);
    }
    for kind in ["fee", "one_time", "hourly_rate", "contract", "gift", ""] {
        survives(&IncomeType::from(kind));
        assert_eq!(serde_json::to_string(&IncomeType::from(kind)).unwrap(), format!("{kind:?}"));
    }
    assert_eq!(text(&IncomeType::Other("fee".into())), IncomeType::Fee);
    for kind in ErrorKind::ALL {
        survives(kind);
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    for code in IssueCode::ALL {
        survives(code);
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        survives(&Issue::new("name", *code, "a\nb"));
    }
    for outcome in Outcome::ALL {
        survives(outcome);
        assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.as_str());
    }
    for field in Field::ALL {
        survives(field);
        survives(&field.kind());
        assert_eq!(serde_json::to_value(field).unwrap(), field.name());
        assert_eq!(serde_json::to_value(field.kind()).unwrap(), field.kind().as_str());
        assert!(field.description().ends_with('.'), "{field}");
    }
    for field in CreateField::ALL {
        survives(field);
        assert_eq!(serde_json::to_value(field).unwrap(), field.name());
    }
    for id in ["007", "1E5", " a/b ", "é"] {
        survives(&ExternalId::new(id).unwrap());
    }
    for (y, m, d) in [(1, 1, 1), (2024, 2, 29), (9999, 12, 31)] {
        survives(&Date::new(y, m, d).unwrap());
    }
    let answer = Answer::read(200, br#"{"created_at":"2025-01-10T14:30:00Z","updated_at":"soon"}"#);
    let Answer::Project(project) = answer else { panic!("{answer:?}") };
    for time in [project.created_at().unwrap(), project.updated_at().unwrap()] {
        survives(time);
        assert_eq!(serde_json::to_value(time).unwrap(), time.as_str());
    }
    let refusal = Refusal::read(400, br#"[{"field":"end","message":"is not a date"}]"#);
    survives(&refusal.problems()[0]);
    let invalid = ProjectUpdate::new("").validate().unwrap_err();
    survives(&invalid);
    assert_eq!(serde_json::to_value(&invalid).unwrap()[0]["code"], "required");
}

#[test]
fn unknown_name_of_closed_type_lists_known_names() {
    fn refusal<T: DeserializeOwned + std::fmt::Debug>(json: &str) -> String {
        serde_json::from_str::<T>(json).unwrap_err().to_string()
    }
    assert!(refusal::<ErrorKind>("\"novel\"").contains("\"novel\" is not one of invalid, config, auth,"));
    assert!(refusal::<IssueCode>("\"novel\"").contains("is not one of required,"));
    assert!(refusal::<Outcome>("\"maybe\"").contains("applied, not_applied, unknown"));
    assert!(refusal::<Field>("\"nmae\"").contains("did you mean `name`?"));
    assert!(refusal::<FieldType>("\"money\"").contains("text, date, number, boolean, income_type"));
    assert!(refusal::<CreateField>("\"name\"").contains("brand_id, product_id"));
    assert!(refusal::<Date>("\"2025-02-29\"").contains("write a real day"));
    assert!(refusal::<ExternalId>("\"..\"").contains("cannot be an external id"));
    assert!(refusal::<ExternalId>("7").contains("expected an external id as text"));
    assert!(refusal::<Source>("null").contains("expected a source as text"));
    assert!(refusal::<Invalid>("[]").contains("the list of issues is empty"));
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Deal {
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    brief: Patch<String>,
    #[serde(default, skip_serializing_if = "Patch::is_keep")]
    budget: Patch<Number>,
}

#[test]
fn patch_keeps_its_three_states_in_every_format() {
    let patches = [Patch::Keep, Patch::Clear, Patch::Set(number("18000.10"))];
    for budget in patches {
        let deal = Deal { brief: Patch::Clear, budget: budget.clone() };
        for (format, through) in &formats::<Deal>()[..8] {
            assert_eq!(through(&deal), deal, "{format}");
        }
        assert_eq!(postcard(&budget), budget);
        assert_eq!(cbor(&vec![budget.clone(), Patch::Keep]), [budget, Patch::Keep]);
    }
    assert!(serde_json::to_string(&Patch::<i32>::Keep).unwrap_err().to_string().contains("Patch::is_keep"));
    assert_eq!(serde_json::to_string(&Patch::<i32>::Clear).unwrap(), "null");
}

fn full() -> ProjectUpdate {
    ProjectUpdate::new("SALESFORCE")
        .name("a\"b\u{7}é")
        .end("2025-04-30".parse::<Date>().unwrap())
        .estimated_time(9_007_199_254_740_993_i64)
        .estimated(number("18000.10"))
        .billable(false)
        .income_type(IncomeType::Other("gift".into()))
        .clear(Field::Brief)
        .extra("z", json(r#"{"share": 0.10, "a": [null]}"#))
        .extra("a", json("null"))
        .extra("text", "7")
}

#[test]
fn update_survives_every_format() {
    survives(&ProjectUpdate::new("SAP"));
    survives(&ProjectUpdate::new(""));
    survives(&full());
    survives(&Field::ALL.iter().fold(ProjectUpdate::new("SAP"), |update, field| update.clear(*field)));
    survives(&ProjectCreate::new("007", full()).brand_id("B").product_id(""));
    survives(&ProjectCreate::new("", ProjectUpdate::new("")));
    assert_eq!(serde_json::to_string(&full()).unwrap(), full().to_json());
}

#[test]
fn update_survives_inside_callers_own_types() {
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Queued {
        id: ExternalId,
        #[serde(flatten)]
        update: ProjectUpdate,
    }
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    #[serde(tag = "do")]
    enum Job {
        Update(ProjectUpdate),
    }
    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    #[serde(untagged)]
    enum Either {
        Update(ProjectUpdate),
    }
    // Serde buffers these, and a buffer holds a float as an f64: so no decimal of more digits here.
    let update = full().estimated(0.5).extra("z", 1);
    let queued = Queued { id: ExternalId::new("007").unwrap(), update: update.clone() };
    assert_eq!(text(&queued), queued);
    assert_eq!(value(&queued), queued);
    assert_eq!(yaml(&queued), queued);
    let job = Job::Update(update.clone());
    assert_eq!(text(&job), job);
    assert_eq!(value(&job), job);
    let either = Either::Update(update);
    assert_eq!(text(&either), either);
}

#[test]
fn update_written_by_hand_is_read() {
    let yaml = "
        metadata: {source: SAP}
        name: N
        brief: null
        start: 2025-01-15
        estimated_time: 250
        billable: true
        income_type: gift
        mood: good
    ";
    let update: ProjectUpdate = serde_yaml_ng::from_str(yaml).unwrap();
    assert_eq!(
        update.to_json(),
        r#"{"metadata":{"source":"SAP"},"name":"N","brief":null,"start":"2025-01-15","estimated_time":250,"billable":true,"income_type":"gift","mood":"good"}"#
    );
    let value = serde_json::json!({"metadata": {"source": "SAP"}, "name": "N", "mood": {"a": [1, 0.5]}});
    let update: ProjectUpdate = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(serde_json::to_value(&update).unwrap(), value);
}

#[test]
fn cbor_keeps_null_text_and_booleans() {
    let mut bytes = Vec::new();
    ciborium::into_writer(&full(), &mut bytes).unwrap();
    let value: ciborium::Value = ciborium::from_reader(&*bytes).unwrap();
    let get = |name: &str| {
        value.as_map().unwrap().iter().find(|(k, _)| k.as_text() == Some(name)).unwrap().1.clone()
    };
    assert_eq!(get("brief"), ciborium::Value::Null);
    assert_eq!(get("billable"), ciborium::Value::Bool(false));
    assert_eq!(get("estimated"), ciborium::Value::Text("18000.10".into()));
    assert_eq!(get("text"), ciborium::Value::Text("\"7\"".into()));
}

#[test]
fn wrong_type_in_binary_format_names_its_field() {
    let wrong = |name: &str, value: ciborium::Value| {
        let metadata = ciborium::Value::Map(vec![("source".into(), "SAP".into())]);
        let body = ciborium::Value::Map(vec![("metadata".into(), metadata), (name.into(), value)]);
        let mut bytes = Vec::new();
        ciborium::into_writer(&body, &mut bytes).unwrap();
        ciborium::from_reader::<ProjectUpdate, _>(&*bytes).unwrap_err().to_string()
    };
    assert!(wrong("name", 7.into()).contains("name: "), "{}", wrong("name", 7.into()));
    assert!(wrong("archived", "true".into()).contains("archived: "));
    assert!(wrong("end", "soon".into()).contains("is not a date; write a real day"));
    assert!(wrong("estimated", "much".into()).contains("is not a plain number"));
    assert!(wrong("mood", "good".into()).contains("mood: "));
}

#[test]
fn answer_survives_every_format() {
    let bodies = [
        "",
        "[]",
        r#"{"message":"Project updated"}"#,
        r#"{"id":155693,"name":"N","estimated":18000.10,"estimated_time":9007199254740993,"odd":{"z":[1.50],"a":null}}"#,
        "{\n \"id\": \"7\",\n \"name\": \"a b\"}",
    ];
    for body in bodies {
        let Answer::Project(project) = Answer::read(200, body.as_bytes()) else { panic!("{body}") };
        survives(&project);
        survives(&Deleted::from(project.clone()));
        for (format, through) in formats::<Project>() {
            let again = through(&project);
            assert_eq!(
                (again.id(), again.name(), again.estimated(), again.estimated_time(), again.is_empty()),
                (
                    project.id(),
                    project.name(),
                    project.estimated(),
                    project.estimated_time(),
                    project.is_empty()
                ),
                "{format}"
            );
        }
    }
    let Answer::Project(project) = Answer::read(200, br#"{"id":7,"name":"N"}"#) else { panic!() };
    assert_eq!(serde_json::to_string(&project).unwrap(), r#"{"id":7,"name":"N"}"#);
    assert_eq!(serde_json::to_value(&project).unwrap(), serde_json::json!({"id": 7, "name": "N"}));
    assert_eq!(serde_json::to_value(Project::default()).unwrap(), serde_json::Value::Null);
}

fn some_number() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        (proptest::num::f64::NORMAL | proptest::num::f64::ZERO | proptest::num::f64::SUBNORMAL)
            .prop_map(Number::from),
        "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,20})?([eE][-+]?[0-9]{1,3})?".prop_map(|text| number(&text)),
        "(0|[1-9][0-9]{0,7})\\.[0-9]{1,3}".prop_map(|text| number(&text)),
    ]
}

fn some_json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        some_number().prop_map(|n| n.to_string()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        prop_oneof![Just("null"), Just("true"), Just("false")].prop_map(str::to_owned),
    ];
    let tree = leaf.prop_recursive(4, 24, 4, |inner| {
        let name = "[a-c$é\"\\\\]{0,3}".prop_map(|name| serde_json::to_string(&name).unwrap());
        let member = (name, inner.clone()).prop_map(|(name, value)| format!("{name}: {value}"));
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            proptest::collection::vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    });
    tree.prop_map(|text| json(&text))
}

fn some_update() -> impl Strategy<Value = ProjectUpdate> {
    fn patch<T: Clone + std::fmt::Debug + 'static>(
        of: impl Strategy<Value = T> + 'static,
    ) -> BoxedStrategy<Patch<T>> {
        prop_oneof![Just(Patch::Keep), Just(Patch::Clear), of.prop_map(Patch::Set)].boxed()
    }
    let date = || patch((1i16..=9999, 1u8..=12, 1u8..=28).prop_map(|(y, m, d)| Date::new(y, m, d).unwrap()));
    let texts = proptest::collection::vec(patch(any::<String>()), 10);
    let income = prop_oneof!["fee|one_time|hourly_rate|contract", any::<String>()];
    let extras = proptest::collection::vec(("[a-d]{1,2}_x", some_json()), 0..4);
    let values = (date(), date(), date(), patch(some_number()), patch(some_number()));
    let switches =
        (patch(any::<bool>()), patch(any::<bool>()), patch(income.prop_map(|word| IncomeType::from(&*word))));
    (any::<String>(), texts, values, switches, extras).prop_map(
        |(source, texts, values, switches, extras)| {
            let mut texts = texts.into_iter();
            let mut text = || texts.next().unwrap();
            let update = ProjectUpdate::new(source.as_str())
                .name(text())
                .client_id(text())
                .brief(text())
                .pm_id(text())
                .status(text())
                .currency_id(text())
                .fee_id(text())
                .contract_id(text())
                .deliverables(text())
                .work_order(text())
                .start(values.0)
                .end(values.1)
                .evaluation_date(values.2)
                .estimated(values.3)
                .estimated_time(values.4)
                .billable(switches.0)
                .archived(switches.1)
                .income_type(switches.2);
            extras.into_iter().fold(update, |update, (name, value)| update.extra(name, value))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(20_250_115), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_number_round_trips(number in some_number()) {
        for (format, through) in formats::<Number>() {
            prop_assert_eq!(through(&number).to_string(), number.to_string(), "{}", format);
        }
    }

    #[test]
    fn any_json_round_trips(json in some_json()) {
        for (format, through) in formats::<Json>() {
            prop_assert_eq!(&through(&json), &json, "{}", format);
        }
        prop_assert_eq!(text(&json).to_string(), json.to_string());
    }

    /// The bytes on the wire are those of `write_json`; serde_json's are the same.
    #[test]
    fn any_update_round_trips_with_bytes_of_wire(update in some_update()) {
        prop_assert_eq!(serde_json::to_string(&update).unwrap(), update.to_json());
        for (format, through) in formats::<ProjectUpdate>() {
            prop_assert_eq!(&through(&update), &update, "{}", format);
        }
        prop_assert_eq!(text(&update).to_json(), update.to_json());
        let again = ProjectUpdate::from_fields_json(update.source().clone(), &update.fields_json()).unwrap();
        prop_assert_eq!(again.to_json(), update.to_json());
    }

    #[test]
    fn any_create_round_trips_with_bytes_of_wire(
        id in any::<String>(),
        update in some_update(),
        brand in proptest::option::of(any::<String>()),
    ) {
        let create = ProjectCreate::new(id, update);
        let create = match brand { Some(brand) => create.brand_id(brand), None => create };
        prop_assert_eq!(serde_json::to_string(&create).unwrap(), create.to_json());
        for (format, through) in formats::<ProjectCreate>() {
            prop_assert_eq!(&through(&create), &create, "{}", format);
        }
    }

    #[test]
    fn any_project_round_trips(json in some_json()) {
        let Answer::Project(project) = Answer::read(200, format!(r#"{{"id":7,"x":{json}}}"#).as_bytes()) else {
            return Err(TestCaseError::fail("no project"));
        };
        for (format, through) in formats::<Project>() {
            prop_assert_eq!(&through(&project), &project, "{}", format);
        }
    }

    #[test]
    fn readers_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..60), json in some_json()) {
        let _ = serde_json::from_slice::<ProjectUpdate>(&bytes);
        let _ = postcard::from_bytes::<ProjectUpdate>(&bytes);
        let _ = ciborium::from_reader::<ProjectCreate, _>(&*bytes);
        let _ = serde_json::from_str::<ProjectUpdate>(json.as_str());
        let _ = serde_json::from_str::<ProjectCreate>(&format!(r#"{{"metadata":{json},"id":{json},"end":{json}}}"#));
    }
}

#[test]
fn schemas_are_found_by_name() {
    for schema in Schema::ALL {
        survives(schema);
        assert_eq!(serde_json::to_value(schema).unwrap(), schema.as_str());
    }
}
