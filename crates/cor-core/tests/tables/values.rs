//! The values of an update: what goes in comes out, and how each is shown and compared.

use std::collections::HashSet;

use cor_core::{Answer, Date, ExternalId, IncomeType, Json, Number, Patch, ProjectUpdate, Source, Timestamp};

#[test]
fn external_id_is_sent_unchanged_as_one_path_segment() {
    for (text, segment) in [("SF/1 ~a", "SF%2F1%20~a"), ("a.b-c_d", "a.b-c_d"), ("\u{7f}é", "%7F%C3%A9")] {
        let id = ExternalId::new(text).unwrap();
        assert_eq!((id.as_str(), id.as_ref(), id.to_string()), (text, text, text.to_owned()));
        assert_eq!(id.path_segment(), segment);
        let mut out = b"/projects/".to_vec();
        id.write_path_segment(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("/projects/{segment}"));
    }
}

#[test]
fn sources_with_same_name_are_equal() {
    let made: [Source; 4] = [Source::SAP, "SAP".into(), "SAP".to_owned().into(), Source::new("SAP")];
    for source in &made {
        assert_eq!(source, &Source::SAP);
        assert_eq!((source.as_ref(), format!("{source:?}")), ("SAP", "\"SAP\"".to_owned()));
    }
    let others: [Source; 3] = ["HubSpot".into(), "HubSpot".to_owned().into(), "sap".into()];
    let distinct: HashSet<Source> = made.into_iter().chain(others.clone()).collect();
    assert_eq!(distinct.len(), 3);
    assert_ne!(others[0], others[2]);
    // Hashing every source alike would be correct and slow.
    let hash = |source: &Source| {
        use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
        BuildHasherDefault::<DefaultHasher>::default().hash_one(source)
    };
    assert_eq!(hash(&others[0]), hash(&others[1]));
    assert_ne!(hash(&others[0]), hash(&others[2]));
}

#[test]
fn date_returns_its_parts_and_prints_in_full() {
    for (parts, text) in [
        ((1, 1, 1), Some("0001-01-01")),
        ((987, 10, 9), Some("0987-10-09")),
        ((2024, 2, 29), Some("2024-02-29")),
        ((9999, 12, 31), Some("9999-12-31")),
        ((0, 1, 1), None),
        ((-1, 1, 1), None),
        ((2025, 2, 29), None),
        ((2025, 0, 1), None),
        ((2025, 13, 1), None),
        ((2025, 1, 0), None),
        ((2025, 1, 200), None),
        ((2025, 200, 1), None),
    ] {
        let (year, month, day) = parts;
        let date = Date::new(year, month, day);
        assert_eq!(date.map(|d| d.to_string()).as_deref(), text);
        assert_eq!(date.map(|d| format!("{d:?}")).as_deref(), text);
        assert_eq!(date.map(|d| (d.year(), d.month(), d.day())), text.map(|_| parts));
        assert_eq!(text.map(|t| t.parse::<Date>().unwrap()), date);
    }
    assert!(Date::new(2025, 1, 31) < Date::new(2025, 2, 1));
}

/// A timestamp is read from a response alone.
fn timestamp(text: &str) -> Timestamp {
    let body = serde_json::json!({"id": 7, "created_at": text}).to_string();
    match Answer::read(200, body.as_bytes()) {
        Answer::Project(project) => project.created_at().unwrap().clone(),
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn timestamp_keeps_its_text_and_gives_day_as_written() {
    for (text, day, seconds) in [
        ("2025-01-10T14:30:00Z", Some("2025-01-10"), Some(1_736_519_400)),
        ("2025-01-10T23:30:00-05:00", Some("2025-01-10"), Some(1_736_569_800)),
        ("1969-12-31T23:59:59Z", Some("1969-12-31"), Some(-1)),
        ("2026-01-08 19:06:19", Some("2026-01-08"), None),
        ("2025-04-30", Some("2025-04-30"), None),
        ("2025-04-3", None, None),
        ("30/04/2025", None, None),
        ("", None, None),
    ] {
        let time = timestamp(text);
        assert_eq!((time.as_str(), time.to_string()), (text, text.to_owned()));
        assert_eq!(format!("{time:?}"), format!("{text:?}"));
        assert_eq!(
            (time.date().map(|d| d.to_string()).as_deref(), time.unix_seconds()),
            (day, seconds),
            "{text}"
        );
    }
}

#[test]
fn number_is_sent_unchanged_and_converts_if_exact() {
    let text = |text: &str| text.parse::<Number>().unwrap();
    for (number, written, float, integer) in [
        (Number::from(-7_i32), "-7", -7.0, Some(-7)),
        (Number::from(7_u32), "7", 7.0, Some(7)),
        (Number::from(i64::MIN), "-9223372036854775808", -9_223_372_036_854_775_808.0, Some(i64::MIN)),
        (Number::from(7_u64), "7", 7.0, Some(7)),
        (Number::from(u64::MAX), "18446744073709551615", 18_446_744_073_709_551_615.0, None),
        (Number::from(0.1), "0.1", 0.1, None),
        (Number::from(250.0), "250.0", 250.0, None),
        (Number::from(-0.0), "-0.0", -0.0, None),
        (Number::from(1e300), "1e300", 1e300, None),
        (text("18000.10"), "18000.10", 18000.1, None),
        (text("250"), "250", 250.0, Some(250)),
        (text("-1"), "-1", -1.0, Some(-1)),
        (text("1E2"), "1E2", 100.0, None),
    ] {
        assert_eq!((number.to_string(), format!("{number:?}")), (written.to_owned(), written.to_owned()));
        assert_eq!((number.as_f64(), number.as_i64()), (float, integer), "{written}");
        assert!(number.is_finite(), "{written}");
    }
    assert_eq!(Number::from(7_u64), Number::from(7_i64));
    for (number, written) in [(f64::NAN, "NaN"), (f64::INFINITY, "inf"), (f64::NEG_INFINITY, "-inf")]
        .map(|(f, w)| (Number::from(f), w))
    {
        assert_eq!(
            (number.is_finite(), number.to_string(), number.as_i64()),
            (false, written.to_owned(), None)
        );
    }
}

#[test]
fn json_keeps_its_text() {
    let nested = serde_json::json!({"a": [1, null]});
    for (json, text) in [
        (Json::from("a\"b"), r#""a\"b""#),
        (Json::from("é".to_owned()), r#""é""#),
        (Json::from(true), "true"),
        (Json::from(-7_i32), "-7"),
        (Json::from(7_u32), "7"),
        (Json::from(i64::MIN), "-9223372036854775808"),
        (Json::from(u64::MAX), "18446744073709551615"),
        (Json::from(nested), r#"{"a":[1,null]}"#),
        (" {\"a\": 0.10} ".parse().unwrap(), r#"{"a": 0.10}"#),
    ] {
        assert_eq!(
            (json.as_str(), json.to_string(), format!("{json:?}")),
            (text, text.to_owned(), text.to_owned())
        );
    }
}

#[test]
fn patch_has_keep_clear_and_set() {
    assert_eq!(Patch::keep_if_none(Some(5)), Patch::Set(5));
    assert_eq!(Patch::<i32>::keep_if_none(None), Patch::Keep);
    assert_eq!(Patch::clear_if_none(Some(5)), Patch::Set(5));
    assert_eq!(Patch::<i32>::clear_if_none(None), Patch::Clear);
    for (patch, mapped, value) in [
        (Patch::Keep, Patch::Keep, None),
        (Patch::Clear, Patch::Clear, None),
        (Patch::Set(5), Patch::Set("5".to_owned()), Some(5)),
    ] {
        assert_eq!((patch.clone().map(|n: i32| n.to_string()), patch.value()), (mapped, value));
    }
    assert_eq!((Patch::from("text"), Patch::<i32>::default()), (Patch::Set("text".to_owned()), Patch::Keep));
    for (patch, number) in [
        (Patch::<Number>::from(1_i32), "1"),
        (Patch::from(2_u32), "2"),
        (Patch::from(3_i64), "3"),
        (Patch::from(u64::MAX), "18446744073709551615"),
        (Patch::from(0.5_f64), "0.5"),
    ] {
        assert_eq!(patch.value().map(|n| n.to_string()).as_deref(), Some(number));
    }
    // An income type of no known name goes out as it is.
    let update = ProjectUpdate::new("SAP").income_type(IncomeType::Other("gift".to_owned()));
    assert_eq!(update.fields_json(), r#"{"income_type":"gift"}"#);
}
