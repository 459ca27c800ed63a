use std::fmt;

use serde::Serialize;

use super::FieldRule;
use super::decimal::Decimal;
use super::rules::state_of;
use crate::update::Change;
use crate::{Date, Field, IncomeType, Json, Outcome, Project, ProjectUpdate, project};

/// How a value that was sent compares with the value that COR shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// They are the same.
    Equal,
    /// They certainly differ.
    Different,
    /// The documentation does not say whether they are the same.
    NotComparable(NotComparable),
}

impl Comparison {
    /// The stable name: `equal`, `different`, `not_comparable`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Comparison::Equal => "equal",
            Comparison::Different => "different",
            Comparison::NotComparable(_) => "not_comparable",
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $variant:ident = $slug:literal, $sentence:literal;)*) => {
        /// Why two values cannot be compared.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum NotComparable { $($(#[doc = $doc])* $variant,)* }

        impl NotComparable {
            /// Every reason.
            pub const ALL: &'static [NotComparable] = &[$(NotComparable::$variant,)*];

            /// The stable name: `external_id`, `not_shown`, …
            pub const fn as_str(self) -> &'static str {
                match self { $(NotComparable::$variant => $slug,)* }
            }

            /// The reason, as a sentence without a full stop.
            pub const fn sentence(self) -> &'static str {
                match self { $(NotComparable::$variant => $sentence,)* }
            }
        }
    };
}

reasons! {
    /// The update holds an external id, and COR shows its internal one.
    ExternalId = "external_id", "the update holds an external id, and COR's main API shows COR's internal id";
    /// The main API does not show the field.
    NotShown = "not_shown", "COR's main API does not show this field";
    /// This response does not have the field. The schema requires none.
    Missing = "missing", "COR's response does not have this field";
    /// COR's value is of another type than documented.
    Unreadable = "unreadable", "COR's value is not of the documented type";
    /// Null was sent, and COR does not document what null does.
    Cleared = "cleared", "the update sent null, and COR does not document what null does";
    /// COR shows null where nothing, zero or false was sent.
    Empty = "empty", "COR shows null, which may stand for the value";
    /// The texts differ in white space only, which COR may have changed.
    WhiteSpace = "white_space", "the texts differ in white space only, which COR may change";
    /// COR's number may be the one that was sent, rounded.
    Rounded = "rounded", "COR's number may be the one that was sent, rounded";
    /// COR shows the same text with markup, or with characters escaped.
    Markup = "markup", "COR shows the text with markup, or with characters escaped";
    /// COR shows a moment, whose day depends on the time zone.
    TimeZone = "time_zone", "COR shows a moment, whose day depends on the time zone";
    /// Whether the two words mean the same is not documented.
    Word = "word", "COR does not document whether the two words mean the same";
}

impl fmt::Display for NotComparable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sentence())
    }
}

/// One field of an update, compared with what COR shows. Serialises to
/// `{"field", "ours", "theirs", "result", "reason"}`; `theirs` is left out where COR shows nothing, `reason` where the values
/// are comparable.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FieldComparison {
    /// The field's name on the wire.
    pub field: String,
    /// The update's value, as it is sent.
    pub ours: Json,
    /// COR's value, digit for digit; `None` where COR shows none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theirs: Option<Json>,
    /// The result.
    #[serde(flatten, serialize_with = "result")]
    pub result: Comparison,
}

fn result<S: serde::Serializer>(result: &Comparison, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("result", result.as_str())?;
    if let Comparison::NotComparable(reason) = result {
        map.serialize_entry("reason", reason.as_str())?;
    }
    map.end()
}

/// What reading a project back says about an update of it, field by field.
///
/// ```
/// use cor_core::{Comparison, MainAnswer, Outcome, ProjectUpdate, ReadBack};
/// let MainAnswer::Read(project) =
///     MainAnswer::project(200, br#"{"id":155693,"name":"Phase 2","end":"2025-05-31 00:00:00","client_id":25855}"#)
/// else { panic!() };
/// let update = ProjectUpdate::new("SALESFORCE")
///     .name("Phase 2")
///     .client_id("SF-ACC-67890")
///     .end("2025-04-30".parse::<cor_core::Date>()?);
/// let read_back = ReadBack::new(&update, &project);
/// let results: Vec<_> = read_back.fields.iter().map(|f| (f.field.as_str(), f.result.as_str())).collect();
/// assert_eq!(results, [("name", "equal"), ("client_id", "not_comparable"), ("end", "different")]);
/// assert_eq!(read_back.outcome(), Outcome::NotApplied);
/// # Ok::<(), cor_core::Issue>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ReadBack {
    /// Every field of the update, in wire order, extra fields last.
    pub fields: Vec<FieldComparison>,
}

impl ReadBack {
    /// Compares each field that `update` sets or clears with the project as COR's main API shows it.
    pub fn new(update: &ProjectUpdate, project: &Project) -> ReadBack {
        let fields = update.changes().map(|(field, change)| {
            let theirs = project.get_json(field.name());
            FieldComparison {
                field: field.name().to_owned(),
                ours: match update.field(field) {
                    crate::Patch::Set(value) => value,
                    _ => Json::from(serde_json::Value::Null),
                },
                theirs: theirs.and_then(|json| json.parse().ok()),
                result: compare(field, change, theirs),
            }
        });
        let extras = update.extras().map(|(name, value)| FieldComparison {
            field: name.to_owned(),
            ours: value.clone(),
            theirs: project.get_json(name).and_then(|json| json.parse().ok()),
            // What an undocumented field of a request becomes in a response is not documented either.
            result: Comparison::NotComparable(NotComparable::NotShown),
        });
        ReadBack { fields: fields.chain(extras).collect() }
    }

    /// The fields that certainly differ.
    pub fn differences(&self) -> impl Iterator<Item = &FieldComparison> {
        self.fields.iter().filter(|field| field.result == Comparison::Different)
    }

    /// Whether COR has applied the update, as far as its fields show.
    ///
    /// [`Applied`](Outcome::Applied) if every field is equal, [`NotApplied`](Outcome::NotApplied) if one certainly differs,
    /// else [`Unknown`](Outcome::Unknown): a field that is not comparable may be the only one that the update changes.
    pub fn outcome(&self) -> Outcome {
        if self.fields.iter().any(|field| field.result == Comparison::Different) {
            Outcome::NotApplied
        } else if !self.fields.is_empty() && self.fields.iter().all(|field| field.result == Comparison::Equal)
        {
            Outcome::Applied
        } else {
            Outcome::Unknown
        }
    }
}

fn compare(field: Field, ours: &Change, theirs: Option<&str>) -> Comparison {
    use Comparison::{Different, Equal, NotComparable as Not};
    match field.rule() {
        FieldRule::ExternalId => return Not(NotComparable::ExternalId),
        FieldRule::NotShown => return Not(NotComparable::NotShown),
        _ => {}
    }
    let Some(theirs) = theirs else { return Not(NotComparable::Missing) };
    let is_empty = matches!(theirs, "null" | "\"\"");
    match ours {
        Change::Clear if is_empty => Equal,
        Change::Clear => Not(NotComparable::Cleared),
        Change::Text(ours) if ours.is_empty() && theirs == "\"\"" => Equal,
        Change::Text(ours) if is_empty && ours.trim().is_empty() => Not(NotComparable::Empty),
        Change::Boolean(_) if is_empty => Not(NotComparable::Empty),
        Change::Number(ours) if is_empty => match Decimal::read(&ours.to_string()) {
            Some(ours) if ours.is_zero() => Not(NotComparable::Empty),
            _ => Different,
        },
        _ if is_empty => Different,
        Change::Text(ours) if field.rule() == FieldRule::Word => {
            words(theirs, |theirs| words_of_status(ours, theirs))
        }
        Change::IncomeType(ours) => words(theirs, |theirs| words_of_income(ours, theirs)),
        Change::Text(ours) => words(theirs, |theirs| texts(ours, theirs)),
        Change::Date(ours) => words(theirs, |theirs| days(*ours, theirs)),
        Change::Number(ours) => match project::number(theirs) {
            Some(theirs) => numbers(&ours.to_string(), &theirs.to_string()),
            None => Not(NotComparable::Unreadable),
        },
        Change::Boolean(ours) => match project::boolean(theirs) {
            Some(theirs) => {
                if *ours == theirs {
                    Equal
                } else {
                    Different
                }
            }
            None => Not(NotComparable::Unreadable),
        },
    }
}

/// Compares with COR's text.
fn words(theirs: &str, compare: impl FnOnce(&str) -> Comparison) -> Comparison {
    match project::text(theirs) {
        Some(theirs) => compare(&theirs),
        None => Comparison::NotComparable(NotComparable::Unreadable),
    }
}

/// COR documents neither whether it trims or folds white space, nor whether it stores descriptions with markup.
fn texts(ours: &str, theirs: &str) -> Comparison {
    if ours == theirs {
        Comparison::Equal
    } else if solid(ours) == solid(theirs) {
        Comparison::NotComparable(NotComparable::WhiteSpace)
    } else if theirs.contains(['<', '&']) && solid(ours) == solid(&without_markup(theirs)) {
        Comparison::NotComparable(NotComparable::Markup)
    } else {
        Comparison::Different
    }
}

/// A text without what cannot be seen: white space of any kind is one blank, and invisible characters are left out.
fn solid(text: &str) -> String {
    let invisible = |c: char| matches!(c, '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' | '\u{AD}');
    let visible: String = text.chars().filter(|&c| !invisible(c)).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text without tags, with the characters that HTML escapes.
fn without_markup(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut in_tag = false;
    for c in text.chars() {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                plain.push(' ');
            }
            _ if in_tag => {}
            c => plain.push(c),
        }
    }
    let escapes = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#39;", "'"),
        ("&apos;", "'"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ];
    escapes.iter().fold(plain, |text, (escape, c)| text.replace(escape, c))
}

fn words_of_status(ours: &str, theirs: &str) -> Comparison {
    if ours == theirs {
        return Comparison::Equal;
    }
    match (state_of(ours), state_of(theirs)) {
        (Some(ours), Some(theirs)) if ours != theirs => Comparison::Different,
        _ => Comparison::NotComparable(NotComparable::Word),
    }
}

fn words_of_income(ours: &IncomeType, theirs: &str) -> Comparison {
    let known = [IncomeType::Fee, IncomeType::OneTime, IncomeType::HourlyRate, IncomeType::Contract];
    let is_known = |word: &str| known.iter().any(|known| known.as_str() == word);
    if ours.as_str() == theirs {
        Comparison::Equal
    } else if is_known(ours.as_str()) && is_known(theirs) {
        Comparison::Different
    } else {
        Comparison::NotComparable(NotComparable::Word)
    }
}

fn numbers(ours: &str, theirs: &str) -> Comparison {
    match (Decimal::read(ours), Decimal::read(theirs)) {
        (Some(ours), Some(theirs)) if ours.is_same_as(&theirs) => Comparison::Equal,
        (Some(one), Some(other)) if one.may_round_to(&other) || is_float_of(ours, theirs) => {
            Comparison::NotComparable(NotComparable::Rounded)
        }
        (Some(_), Some(_)) => Comparison::Different,
        _ => Comparison::NotComparable(NotComparable::Unreadable),
    }
}

/// Whether both are one number to the digits of a 32-bit float, in which a server may keep it.
fn is_float_of(ours: &str, theirs: &str) -> bool {
    match (ours.parse::<f64>(), theirs.parse::<f64>()) {
        (Ok(ours), Ok(theirs)) => (ours - theirs).abs() <= 1e-7 * ours.abs().max(theirs.abs()),
        _ => false,
    }
}

/// A day, or a day with a time. At midnight the day as written counts, and so does the same day without a zone. Any other moment
/// may belong to the day before or after, depending on the zone in which COR keeps days.
fn days(ours: Date, theirs: &str) -> Comparison {
    let (Some(day), Some(rest)) = (theirs.get(..10).and_then(Date::read), theirs.get(10..)) else {
        return Comparison::NotComparable(NotComparable::Unreadable);
    };
    let time = rest.trim_start_matches(['T', 't', ' ']);
    let clock = time.find(['Z', 'z', '+', '-']).map_or(time, |zone| &time[..zone]);
    let has_zone = clock.len() < time.len();
    let is_midnight = clock.bytes().all(|byte| matches!(byte, b'0' | b':' | b'.'));
    match ours.days_until(day) {
        _ if !clock.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.')) => {
            Comparison::NotComparable(NotComparable::Unreadable)
        }
        0 if is_midnight || !has_zone => Comparison::Equal,
        -1..=1 if !is_midnight => Comparison::NotComparable(NotComparable::TimeZone),
        _ => Comparison::Different,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MainAnswer;
    use proptest::prelude::*;

    fn read_back(ours: &str, theirs: &str) -> ReadBack {
        let update = ProjectUpdate::from_fields_json("SAP", ours).unwrap();
        match MainAnswer::project(200, theirs.as_bytes()) {
            MainAnswer::Read(project) => ReadBack::new(&update, &project),
            other => panic!("{theirs}: {other:?}"),
        }
    }

    /// The result of one field, with the reason where it is not comparable.
    fn compared(field: &str, ours: &str, theirs: &str) -> String {
        let read =
            read_back(&format!("{{\"{field}\":{ours}}}"), &format!("{{\"id\":1,\"{field}\":{theirs}}}"));
        match read.fields[0].result {
            Comparison::NotComparable(reason) => reason.as_str().to_owned(),
            result => result.as_str().to_owned(),
        }
    }

    #[test]
    fn compares_texts_without_white_space_differences() {
        for (ours, theirs, result) in [
            (r#""Phase 2""#, r#""Phase 2""#, "equal"),
            (r#""Phase 2""#, r#""Phase\u00202""#, "equal"),
            (r#""Phase 2""#, r#""Phase 3""#, "different"),
            (r#""Phase 2""#, r#""phase 2""#, "different"),
            (r#"" Phase 2""#, r#""Phase 2""#, "white_space"),
            (r#""a\r\nb""#, r#""a\nb""#, "white_space"),
            (r#""N""#, r#""N\u200b""#, "white_space"),
            (r#""a & b""#, r#""<p>a &amp; b</p>""#, "markup"),
            (r#""a & b""#, r#""a &amp; c""#, "different"),
            (r#""a < b""#, r#""a < c""#, "different"),
            (r#""7""#, "7", "equal"),
            (r#""N""#, "null", "different"),
            (r#""N""#, r#""""#, "different"),
            (r#""""#, "null", "empty"),
            (r#""""#, r#""""#, "equal"),
            (r#""N""#, "{}", "unreadable"),
            ("null", "null", "equal"),
            ("null", r#""""#, "equal"),
            ("null", r#""N""#, "cleared"),
        ] {
            assert_eq!(compared("brief", ours, theirs), result, "{ours} {theirs}");
        }
    }

    #[test]
    fn compares_days_whatever_time_follows() {
        for (theirs, result) in [
            ("2025-04-30", "equal"),
            ("2025-04-30 00:00:00", "equal"),
            ("2025-04-30T00:00:00", "equal"),
            ("2025-04-30 23:59:59", "equal"),
            ("2025-04-30T00:00:00Z", "equal"),
            ("2025-04-30T00:00:00.000Z", "equal"),
            ("2025-04-30T00:00:00-03:00", "equal"),
            ("2025-05-01 00:00:00", "different"),
            ("2025-05-01 02:00:00", "time_zone"),
            ("2025-04-29 21:00:00", "time_zone"),
            ("2025-04-28 21:00:00", "different"),
            ("2025-05-01T00:00:00Z", "different"),
            ("2025-04-30T03:00:00Z", "time_zone"),
            ("2025-04-29T23:00:00Z", "time_zone"),
            ("2025-05-01T02:00:00+02:00", "time_zone"),
            ("2025-05-02T03:00:00Z", "different"),
            ("2025-04-28T23:00:00Z", "different"),
            ("30/04/2025", "unreadable"),
            ("2025-04-30 soon", "unreadable"),
            ("20250430", "unreadable"),
        ] {
            let theirs = format!("\"{theirs}\"");
            assert_eq!(compared("end", r#""2025-04-30""#, &theirs), result, "{theirs}");
        }
        assert_eq!(compared("end", r#""2025-04-30""#, "null"), "different");
        assert_eq!(compared("end", r#""2025-04-30""#, "17"), "unreadable");
    }

    #[test]
    fn compares_numbers_by_value() {
        for (ours, theirs, result) in [
            ("250", "250", "equal"),
            ("250", "\"250.00\"", "equal"),
            ("18000.10", "18000.1", "equal"),
            ("9007199254740993", "9007199254740992", "rounded"),
            ("9007199254740993", "9007199254740993", "equal"),
            ("18000.10", "18000", "rounded"),
            ("0.3", "0.30000000000000004", "rounded"),
            ("7.1", "7.099999904632568", "rounded"),
            ("18000.10", "18000.11", "different"),
            ("0", "\"\"", "empty"),
            ("250", "251", "different"),
            ("250", "null", "different"),
            ("0", "null", "empty"),
            ("250", "\"many\"", "unreadable"),
        ] {
            assert_eq!(compared("estimated_time", ours, theirs), result, "{ours} {theirs}");
        }
    }

    #[test]
    fn compares_words_as_far_as_documented() {
        for (field, ours, theirs, result) in [
            ("status", "in_progress", "in_progress", "equal"),
            ("status", "in_progress", "in_process", "word"),
            ("status", "in_progress", "active", "word"),
            ("status", "finished", "active", "different"),
            ("status", "suspended", "finished", "different"),
            ("status", "Finished", "finished", "word"),
            ("status", "won", "finished", "word"),
            ("income_type", "fee", "fee", "equal"),
            ("income_type", "fee", "one_time", "different"),
            ("income_type", "fee", "retainer", "word"),
        ] {
            let quoted = |word: &str| format!("\"{word}\"");
            assert_eq!(compared(field, &quoted(ours), &quoted(theirs)), result, "{ours} {theirs}");
        }
    }

    #[test]
    fn compares_booleans_also_as_digits() {
        for (ours, theirs, result) in [
            ("true", "true", "equal"),
            ("true", "1", "equal"),
            ("false", "\"0\"", "equal"),
            ("true", "false", "different"),
            ("false", "null", "empty"),
            ("false", "\"\"", "empty"),
            ("true", "\"yes\"", "unreadable"),
        ] {
            assert_eq!(compared("archived", ours, theirs), result, "{ours} {theirs}");
        }
    }

    #[test]
    fn undocumented_fields_are_never_different() {
        for field in Field::ALL.iter().filter(|field| !field.rule().is_comparable()) {
            let ours = match field.kind() {
                crate::FieldType::Number => "1",
                crate::FieldType::Date => "\"2025-01-01\"",
                _ => "\"A\"",
            };
            let reason = compared(field.name(), ours, "\"B\"");
            assert!(matches!(&*reason, "external_id" | "not_shown"), "{field}: {reason}");
        }
        assert_eq!(compared("mood", "\"good\"", "\"bad\""), "not_shown");
        // No field is required in the main API's schema.
        let missing = read_back(r#"{"name":"N","archived":true}"#, r#"{"id":1}"#);
        assert!(missing.fields.iter().all(|f| f.result == Comparison::NotComparable(NotComparable::Missing)));
        assert_eq!(missing.outcome(), Outcome::Unknown);
    }

    #[test]
    fn outcome_needs_every_field_or_one_difference() {
        let project = r#"{"id":1,"name":"N","end":"2025-04-30 00:00:00","client_id":5}"#;
        for (ours, outcome) in [
            (r#"{"name":"N","end":"2025-04-30"}"#, Outcome::Applied),
            (r#"{"name":"N","end":"2025-05-30"}"#, Outcome::NotApplied),
            (r#"{"name":"M","client_id":"A"}"#, Outcome::NotApplied),
            (r#"{"name":"N","client_id":"A"}"#, Outcome::Unknown),
            ("{}", Outcome::Unknown),
        ] {
            assert_eq!(read_back(ours, project).outcome(), outcome, "{ours}");
        }
    }

    #[test]
    fn comparison_serialises_with_values_and_reason() {
        let read = read_back(
            r#"{"name":"N","client_id":"A","estimated_time":1.50}"#,
            r#"{"id":1,"name":"M","client_id":5}"#,
        );
        assert_eq!(
            serde_json::to_string(&read).unwrap(),
            r#"{"fields":[{"field":"name","ours":"N","theirs":"M","result":"different"},{"field":"client_id","ours":"A","theirs":5,"result":"not_comparable","reason":"external_id"},{"field":"estimated_time","ours":1.50,"result":"not_comparable","reason":"missing"}]}"#
        );
    }

    proptest! {
        /// Whatever COR shows, nothing panics, and the sent value shown again is equal wherever the field is comparable.
        #[test]
        fn value_shown_again_is_never_different(theirs in "\\PC{0,24}", hours in any::<i32>(), day in 1u8..29) {
            let ours = ProjectUpdate::new("SAP")
                .name(theirs.clone())
                .estimated_time(hours)
                .start(Date::new(2025, 2, day).unwrap())
                .billable(hours % 2 == 0);
            let shown = format!(
                "{{\"id\":1,\"name\":{},\"estimated_time\":\"{hours}.0\",\"start\":\"2025-02-{day:02} 00:00:00\",\"billable\":{}}}",
                serde_json::Value::from(theirs.as_str()), u8::from(hours % 2 == 0)
            );
            let MainAnswer::Read(project) = MainAnswer::project(200, shown.as_bytes()) else { panic!("{shown}") };
            prop_assert_eq!(ReadBack::new(&ours, &project).outcome(), Outcome::Applied);
            let odd = format!("{{\"id\":1,\"start\":{}}}", serde_json::Value::from(theirs));
            let MainAnswer::Read(project) = MainAnswer::project(200, odd.as_bytes()) else { panic!("{odd}") };
            ReadBack::new(&ours, &project);
        }
    }
}
