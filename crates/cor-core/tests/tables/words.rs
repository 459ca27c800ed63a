//! The stable names of this crate. Programs compare them, so none changes by accident.

use std::fmt::Display;

use cor_core::{CreateField, ErrorKind, Field, FieldType, IncomeType, IssueCode, Outcome, Source};

/// The word by `as_str` and by `Display` must be one.
fn words<T: Display>(all: &[T], word: impl Fn(&T) -> String) -> Vec<String> {
    all.iter()
        .map(|value| {
            assert_eq!(word(value), value.to_string());
            word(value)
        })
        .collect()
}

#[test]
fn kinds_outcomes_and_codes_have_stable_names() {
    assert_eq!(
        words(ErrorKind::ALL, |kind| kind.as_str().to_owned()),
        [
            "invalid",
            "config",
            "auth",
            "forbidden",
            "project_not_found",
            "validation",
            "invalid_date_range",
            "rate_limited",
            "server",
            "timeout",
            "transport",
            "tls",
            "protocol",
            "redirect",
            "too_large",
            "cancelled",
        ]
    );
    let outcomes = [Outcome::Applied, Outcome::NotApplied, Outcome::Unknown];
    assert_eq!(
        words(&outcomes, |outcome| outcome.as_str().to_owned()),
        ["applied", "not_applied", "unknown"]
    );
    let codes = [
        (IssueCode::Required, "required"),
        (IssueCode::UnknownField, "unknown_field"),
        (IssueCode::WrongType, "wrong_type"),
        (IssueCode::NotADate, "not_a_date"),
        (IssueCode::NotANumber, "not_a_number"),
        (IssueCode::NotFinite, "not_finite"),
        (IssueCode::NotABoolean, "not_a_boolean"),
        (IssueCode::NotAllowed, "not_allowed"),
        (IssueCode::DateRange, "date_range"),
        (IssueCode::NothingToChange, "nothing_to_change"),
        (IssueCode::NotAddressable, "not_addressable"),
        (IssueCode::Reserved, "reserved"),
    ];
    for (code, word) in codes {
        assert_eq!((code.as_str(), code.to_string()), (word, word.to_owned()));
    }
}

#[test]
fn fields_have_documented_names_types_and_order() {
    use FieldType::*;
    let known = [
        ("name", Text),
        ("client_id", Text),
        ("brief", Text),
        ("start", Date),
        ("end", Date),
        ("pm_id", Text),
        ("estimated_time", Number),
        ("billable", Boolean),
        ("status", Text),
        ("currency_id", Text),
        ("evaluation_date", Date),
        ("estimated", Number),
        ("fee_id", Text),
        ("contract_id", Text),
        ("deliverables", Text),
        ("work_order", Text),
        ("income_type", FieldType::IncomeType),
        ("archived", Boolean),
    ];
    // Others may come between them.
    let fields = Field::ALL.iter().map(|field| (field.name(), field.kind()));
    let fields: Vec<_> = fields.filter(|(name, _)| known.iter().any(|(known, _)| known == name)).collect();
    assert_eq!(fields, known);
    words(Field::ALL, |field| field.name().to_owned());
    assert_eq!(words(CreateField::ALL, |field| field.name().to_owned()), ["brand_id", "product_id"]);
    for (name, field) in [
        ("brand_id", Some(CreateField::BrandId)),
        ("product_id", Some(CreateField::ProductId)),
        ("name", None),
        ("", None),
    ] {
        assert_eq!(CreateField::from_name(name), field, "{name}");
    }
}

#[test]
fn accepts_unknown_sources_and_income_types() {
    let known = words(Source::KNOWN, |source| source.as_str().to_owned());
    assert_eq!(
        known,
        [
            "JIRA",
            "SALESFORCE",
            "ADVERTMIND",
            "QUICKBOOKS",
            "ZAPIER",
            "OKTA",
            "MICROSOFT_DYNAMICS",
            "GITHUB",
            "MICROSOFT_TEAMS",
            "VBS",
            "SAP",
            "GLOBANT",
        ]
    );
    let types = [IncomeType::Fee, IncomeType::OneTime, IncomeType::HourlyRate, IncomeType::Contract];
    let names = words(&types, |kind| kind.as_str().to_owned());
    assert_eq!(names, ["fee", "one_time", "hourly_rate", "contract"]);
    for (name, kind) in names.iter().zip(types) {
        assert_eq!(IncomeType::known(name), Some(kind));
    }
    assert_eq!(IncomeType::known("gift"), None);
    assert_eq!(IncomeType::Other("gift".to_owned()).to_string(), "gift");
}
