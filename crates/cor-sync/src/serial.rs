//! The types of this crate that are plain data, as serde shows them. Programs that print them as JSON use these writers.

use cor_http::{CreateField, Field, Json};
use serde::de::{Deserializer, Error as _};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::read::Format;
use crate::{
    Change, FieldChange, KnownProject, Purpose, RecordedRefusal, Refreshed, RejectReason, Scope,
    ScopeSummary, StopReason, SyncSummary, Target,
};

/// Implements serde for a closed list of names.
macro_rules! words {
    ($($type:ident by $name:ident),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.$name())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                let word = String::deserialize(deserializer)?;
                $type::ALL.iter().copied().find(|known| known.$name() == word).ok_or_else(|| {
                    let known: Vec<_> = $type::ALL.iter().map(|known| known.$name()).collect();
                    D::Error::custom(format!("{word:?} is not one of {}", known.join(", ")))
                })
            }
        }
    )*};
}
words!(RejectReason by as_str, Format by name);

impl Serialize for Target {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Target::Field(field) => field.serialize(serializer),
            Target::Create(field) => field.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Target, D::Error> {
        let name = String::deserialize(deserializer)?;
        if let Some(field) = CreateField::from_name(&name) {
            return Ok(Target::Create(field));
        }
        name.parse::<Field>().map(Target::Field).map_err(D::Error::custom)
    }
}

/// JSON text of a state file, as the JSON it is.
fn json<E: serde::ser::Error>(text: &str) -> Result<Json, E> {
    text.parse().map_err(E::custom)
}

impl Serialize for FieldChange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // `null` is a value that COR may have accepted, so a value that is not known is left out. Binary formats have
        // no null in `old`, and some of them cannot leave a member out.
        let left_out = self.old.is_none() && serializer.is_human_readable();
        let old = self.old.as_deref().map(json::<S::Error>).transpose()?;
        let mut shape = serializer.serialize_struct("FieldChange", 3 - usize::from(left_out))?;
        shape.serialize_field("field", &self.name)?;
        match left_out {
            true => shape.skip_field("old")?,
            false => shape.serialize_field("old", &old)?,
        }
        shape.serialize_field("new", &json::<S::Error>(&self.new)?)?;
        shape.end()
    }
}

impl<'de> Deserialize<'de> for FieldChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<FieldChange, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "FieldChange")]
        struct Shape {
            field: String,
            #[serde(default, deserialize_with = "present")]
            old: Option<Json>,
            new: Json,
        }
        let Shape { field, old, new } = Shape::deserialize(deserializer)?;
        let text = |json: Json| json.as_str().to_owned();
        Ok(FieldChange { name: field, old: old.map(text), new: text(new) })
    }
}

/// A member that is there has a value, `null` included.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    match deserializer.is_human_readable() {
        true => Json::deserialize(deserializer).map(Some),
        false => Option::deserialize(deserializer),
    }
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename = "Change")]
        struct Shape<'a> {
            id: &'a str,
            line: u64,
            rows: u64,
            new: bool,
            #[serde(skip_serializing_if = "Option::is_none")]
            refused: Option<&'a RecordedRefusal>,
            changes: &'a [FieldChange],
        }
        let Change { id, lines, rows, is_new, refused, fields, .. } = self;
        let refused = refused.as_ref();
        Shape { id, line: lines.0, rows: *rows, new: *is_new, refused, changes: fields }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Scope, D::Error> {
        #[derive(Deserialize)]
        #[serde(rename = "Scope")]
        struct Shape {
            base_url: String,
            source: String,
            mapping: String,
        }
        let Shape { base_url, source, mapping } = Shape::deserialize(deserializer)?;
        Ok(Scope::new(base_url, source, mapping))
    }
}

/// A Unix time as text, `2025-04-30T12:00:00Z`.
struct Time(i64);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match jiff::Timestamp::from_second(self.0) {
            Ok(time) => serializer.collect_str(&time),
            // Beyond the year 9999: no time that this program wrote.
            Err(_) => serializer.collect_str(&self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let text = String::deserialize(deserializer)?;
        let time = text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_second);
        time.or_else(|error| text.parse().map_err(|_| error)).map(Time).map_err(D::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "RecordedRefusal")]
struct RecordedRefusalShape {
    at: Time,
    reason: String,
}

impl Serialize for RecordedRefusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let RecordedRefusal { at, reason } = self.clone();
        RecordedRefusalShape { at: Time(at), reason }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RecordedRefusal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<RecordedRefusal, D::Error> {
        let RecordedRefusalShape { at, reason } = RecordedRefusalShape::deserialize(deserializer)?;
        Ok(RecordedRefusal { at: at.0, reason })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "ScopeSummary")]
struct ScopeSummaryShape {
    base_url: String,
    source: String,
    mapping: String,
    projects: u64,
    unsettled: u64,
    accepted_at: Option<Time>,
}

impl Serialize for ScopeSummary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ScopeSummary { scope, projects, unsettled, accepted_at } = self.clone();
        let Scope { base_url, source, mapping } = scope;
        let accepted_at = accepted_at.map(Time);
        ScopeSummaryShape { base_url, source, mapping, projects, unsettled, accepted_at }
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ScopeSummary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ScopeSummary, D::Error> {
        let shape = ScopeSummaryShape::deserialize(deserializer)?;
        let ScopeSummaryShape { base_url, source, mapping, projects, unsettled, accepted_at } = shape;
        let accepted_at = accepted_at.map(|time| time.0);
        Ok(ScopeSummary { scope: Scope::new(base_url, source, mapping), projects, unsettled, accepted_at })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename = "KnownProject")]
struct KnownProjectShape {
    base_url: String,
    mapping: String,
    source: String,
    id: String,
    cor_id: Option<i64>,
    accepted: Option<Json>,
    accepted_at: Option<Time>,
    unsettled: Option<Json>,
    refused: Option<RecordedRefusal>,
}

impl Serialize for KnownProject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let KnownProject { scope, id, cor_id, accepted, accepted_at, unsettled, refused } = self.clone();
        let Scope { base_url, source, mapping } = scope;
        let accepted = accepted.as_deref().map(json::<S::Error>).transpose()?;
        let unsettled = unsettled.as_deref().map(json::<S::Error>).transpose()?;
        let accepted_at = accepted_at.map(Time);
        KnownProjectShape { base_url, mapping, source, id, cor_id, accepted, accepted_at, unsettled, refused }
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for KnownProject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<KnownProject, D::Error> {
        let shape = KnownProjectShape::deserialize(deserializer)?;
        let KnownProjectShape {
            base_url,
            mapping,
            source,
            id,
            cor_id,
            accepted,
            accepted_at,
            unsettled,
            refused,
        } = shape;
        let text = |json: Json| json.as_str().to_owned();
        Ok(KnownProject {
            scope: Scope::new(base_url, source, mapping),
            id,
            cor_id,
            accepted: accepted.map(text),
            accepted_at: accepted_at.map(|time| time.0),
            unsettled: unsettled.map(text),
            refused,
        })
    }
}

impl SyncSummary {
    /// The object that `cor projects sync --json` ends with. `message` makes the text of an early end, with the names of the
    /// caller's options.
    pub fn to_json(&self, message: impl Fn(&StopReason) -> String) -> String {
        #[derive(Serialize)]
        struct Shape<'a> {
            read: u64,
            applied: u64,
            rejected: u64,
            failed: u64,
            unchanged: u64,
            not_started: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            created: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            refreshed: Option<&'a Refreshed>,
            dry_run: bool,
            #[serde(flatten)]
            planned: Option<Planned>,
            seconds: f64,
            stopped: Option<Stopped>,
            unread_from_line: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            states_held: Option<bool>,
        }
        #[derive(Serialize)]
        struct Planned {
            to_change: u64,
            #[serde(skip_serializing_if = "Option::is_none")]
            sent_again: Option<u64>,
            new: u64,
        }
        #[derive(Serialize)]
        struct Stopped {
            reason: &'static str,
            message: String,
        }
        let counts = &self.counts;
        let planned = Planned {
            to_change: counts.projects_changed,
            sent_again: Some(counts.projects_sent_again).filter(|count| *count > 0),
            new: counts.projects_new,
        };
        let stopped = |stopped: &StopReason| Stopped { reason: stopped.as_str(), message: message(stopped) };
        let shape = Shape {
            read: counts.read,
            applied: counts.applied,
            rejected: counts.rejected,
            failed: counts.failed,
            unchanged: counts.unchanged,
            not_started: counts.not_started,
            created: Some(counts.created).filter(|created| *created > 0),
            refreshed: self.refreshed.as_ref(),
            dry_run: self.purpose != Purpose::Sync,
            planned: (self.purpose == Purpose::Plan).then_some(planned),
            seconds: (self.elapsed.as_secs_f64() * 1000.0).round() / 1000.0,
            stopped: self.stopped.as_ref().map(stopped),
            unread_from_line: self.unread_from,
            states_held: self.holds_bookmarks.then_some(true),
        };
        // Plain data, in the order of its fields; it cannot fail to be written as JSON.
        serde_json::to_string(&shape).unwrap_or_default()
    }
}

/// Times that may be left out, in seconds.
pub(crate) mod optional_seconds {
    use std::time::Duration;

    use serde::de::{Error as _, Unexpected};
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        time: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(|time| time.as_secs_f64()).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let Some(seconds) = Option::<f64>::deserialize(deserializer)? else { return Ok(None) };
        let time = Duration::try_from_secs_f64(seconds);
        time.map(Some)
            .map_err(|_| D::Error::invalid_value(Unexpected::Float(seconds), &"seconds, zero or more"))
    }
}

#[cfg(test)]
mod tests {
    use cor_http::{Issue, IssueCode};
    use serde::de::DeserializeOwned;
    use serde_json::json;

    use super::*;
    use crate::{Problem, Rename, SyncOptions, Waiting};

    /// Through JSON text, YAML and postcard: `debug` is equal afterwards.
    fn survives<T: Serialize + DeserializeOwned + std::fmt::Debug>(value: &T, text: &str) {
        assert_eq!(serde_json::to_string(value).unwrap(), text);
        let debug = format!("{value:?}");
        let json: T = serde_json::from_str(text).unwrap();
        let yaml: T = serde_yaml_ng::from_str(&serde_yaml_ng::to_string(value).unwrap()).unwrap();
        let binary: T = postcard::from_bytes(&postcard::to_allocvec(value).unwrap()).unwrap();
        for (format, again) in [("JSON", json), ("YAML", yaml), ("postcard", binary)] {
            assert_eq!(format!("{again:?}"), debug, "{format}");
        }
    }

    fn scope() -> Scope {
        Scope::new("https://integrations.projectcor.com/", "SAP", "abc")
    }

    fn change(old: Option<&str>, new: &str) -> FieldChange {
        FieldChange { name: "estimated".to_owned(), old: old.map(str::to_owned), new: new.to_owned() }
    }

    #[test]
    fn change_keeps_digits_and_separates_null_from_unknown() {
        survives(
            &change(Some("18000.10"), "18000.1"),
            r#"{"field":"estimated","old":18000.10,"new":18000.1}"#,
        );
        survives(&change(Some("null"), "0.10"), r#"{"field":"estimated","old":null,"new":0.10}"#);
        survives(&change(None, "null"), r#"{"field":"estimated","new":null}"#);
        assert!(serde_json::from_str::<FieldChange>(r#"{"field":"estimated"}"#).is_err());
        assert!(serde_json::to_string(&change(None, "soon")).is_err(), "no JSON");
    }

    #[test]
    fn planned_project_serialises_as_line_of_plan() {
        let fields = vec![change(None, "1")];
        let (id, lines) = ("A\"".to_owned(), (2, 4));
        let mut planned =
            Change { place: 0, id, lines, rows: 2, is_new: true, refused: None, cor_id: Some(7), fields };
        assert_eq!(
            serde_json::to_string(&planned).unwrap(),
            r#"{"id":"A\"","line":2,"rows":2,"new":true,"changes":[{"field":"estimated","new":1}]}"#
        );
        planned.is_new = false;
        planned.refused = Some(RecordedRefusal { at: 1_745_971_200, reason: "no such project".to_owned() });
        assert_eq!(
            serde_json::to_string(&planned).unwrap(),
            concat!(
                r#"{"id":"A\"","line":2,"rows":2,"new":false,"refused":{"at":"2025-04-30T00:00:00Z","#,
                r#""reason":"no such project"},"changes":[{"field":"estimated","new":1}]}"#
            )
        );
    }

    #[test]
    fn content_of_state_survives_every_format() {
        let known = KnownProject {
            scope: scope(),
            id: "007".to_owned(),
            cor_id: Some(155_693),
            accepted: Some(r#"{"name":"N","estimated":18000.10}"#.to_owned()),
            accepted_at: Some(1_745_971_200),
            unsettled: None,
            refused: Some(RecordedRefusal { at: 1_745_971_200, reason: "no such project".to_owned() }),
        };
        let text = concat!(
            r#"{"base_url":"https://integrations.projectcor.com","mapping":"abc","source":"SAP","id":"007","cor_id":155693,"#,
            r#""accepted":{"name":"N","estimated":18000.10},"accepted_at":"2025-04-30T00:00:00Z","unsettled":null,"#,
            r#""refused":{"at":"2025-04-30T00:00:00Z","reason":"no such project"}}"#
        );
        survives(&known, text);
        let summary = ScopeSummary { scope: scope(), projects: 2, unsettled: 1, accepted_at: None };
        let text = concat!(
            r#"{"base_url":"https://integrations.projectcor.com","source":"SAP","mapping":"abc","#,
            r#""projects":2,"unsettled":1,"accepted_at":null}"#
        );
        survives(&summary, text);
        survives(
            &scope(),
            r#"{"base_url":"https://integrations.projectcor.com","source":"SAP","mapping":"abc"}"#,
        );
        survives(&Waiting { projects: 1, rows: 2 }, r#"{"projects":1,"rows":2}"#);
    }

    #[test]
    fn names_round_trip_and_unknown_ones_are_refused() {
        for reject_reason in RejectReason::ALL {
            survives(&reject_reason, &format!("{:?}", reject_reason.as_str()));
        }
        for format in Format::ALL {
            survives(format, &format!("{:?}", format.name()));
        }
        assert!(
            serde_json::from_str::<RejectReason>("\"lost\"").unwrap_err().to_string().contains("not_started")
        );
        for (text, written) in [
            ("Close=end", r#"{"column":"Close","field":"end"}"#),
            ("Brand=brand_id", r#"{"column":"Brand","field":"brand_id"}"#),
            ("Owner=", r#"{"column":"Owner","field":null}"#),
        ] {
            survives(&Rename::parse(text).unwrap(), written);
        }
        let unknown = serde_json::from_str::<Rename>(r#"{"column":"a","field":"nmae"}"#).unwrap_err();
        assert!(unknown.to_string().contains("name"), "{unknown}");
        let options: SyncOptions = serde_json::from_str(r#"{"full":true}"#).unwrap();
        assert!(options.full && !options.keep_rows);
        assert!(serde_json::from_str::<SyncOptions>(r#"{"fall":true}"#).is_err());
        let options: SyncOptions = serde_json::from_str(r#"{"outage_timeout":1.5}"#).unwrap();
        assert_eq!(options.outage_timeout, Some(std::time::Duration::from_millis(1500)));
        assert!(serde_json::from_str::<SyncOptions>(r#"{"outage_timeout":-1}"#).is_err());
    }

    #[test]
    fn problem_holds_column_field_code_and_message() {
        let problem = Problem::of_column("Close", Issue::new("end", IssueCode::WrongType, "is no day"));
        assert_eq!(
            serde_json::to_value(&problem).unwrap(),
            json!({"column": "Close", "field": "end", "code": "wrong_type", "message": "is no day"})
        );
    }

    #[test]
    fn time_outside_calendar_round_trips() {
        let known = ScopeSummary { scope: scope(), projects: 0, unsettled: 0, accepted_at: Some(i64::MAX) };
        let again: ScopeSummary = serde_json::from_str(&serde_json::to_string(&known).unwrap()).unwrap();
        assert_eq!(again.accepted_at, Some(i64::MAX));
    }
}
