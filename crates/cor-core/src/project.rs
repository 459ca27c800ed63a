use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::embedded::Embedded;
use crate::json_text::{Members, minified, same_json, tolerant_value};
use crate::{Date, Json, Number, Timestamp};

/// A project as COR's response describes it: that of the Integrations API to an update or a create, and that of the main API,
/// which reads projects. Both show one project with different members.
///
/// Every field is optional: COR documents no response, and a field that is missing, null or of an odd type must
/// not turn an update that happened into a failure. Ids are COR's internal ids, not the external ids of a
/// request. Whatever was sent, known to this library or not, is reachable through [`get`](Project::get) and
/// [`json`](Project::json).
///
/// ```
/// use cor_core::Answer;
/// let body = br#"{"id":155693,"name":"Phase 2","start":"2025-01-15 00:00:00","estimated":"18000","mood":"good"}"#;
/// let Answer::Project(project) = Answer::read(200, body) else { panic!() };
/// assert_eq!((project.id(), project.name()), (Some(155693), Some("Phase 2")));
/// assert_eq!(project.start().unwrap().to_string(), "2025-01-15");
/// assert_eq!(project.estimated().unwrap().to_string(), "18000");
/// assert_eq!(project.get("mood").unwrap(), "good");
/// ```
///
/// Two are equal when they hold the same JSON: white space and the order of members do not count.
///
/// # Serde
/// It is what COR wrote, written as [`Json`](crate::Json) is in each format, and null where COR answered without a body.
/// What is read back has the same members with the same digits, known to this library or not.
#[derive(Clone, Default)]
pub struct Project(Box<Fields>);

/// Behind one pointer, so that results stay small to move.
#[derive(Clone, Debug, Default)]
struct Fields {
    json: Box<str>,
    id: Option<i64>,
    name: Option<String>,
    client_id: Option<i64>,
    brief: Option<String>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    pm_id: Option<i64>,
    estimated_time: Option<Number>,
    billable: Option<bool>,
    status: Option<String>,
    estimated: Option<Number>,
    contract_id: Option<i64>,
    work_order: Option<String>,
    archived: Option<bool>,
    company_id: Option<i64>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
}

macro_rules! texts {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        impl Project { $($(#[doc = $doc])* pub fn $name(&self) -> Option<&str> { self.0.$name.as_deref() })* }
    };
}
texts! {
    /// The name.
    name,
    /// The description.
    brief,
    /// The status, as COR spells it.
    status,
    /// Number or code of the work order.
    work_order,
}

macro_rules! copies {
    ($($(#[doc = $doc:literal])* $name:ident: $type:ty,)*) => {
        impl Project { $($(#[doc = $doc])* pub fn $name(&self) -> Option<$type> { self.0.$name })* }
    };
}
copies! {
    /// COR's internal id of the project; not the external id.
    id: i64,
    /// COR's internal id of the client.
    client_id: i64,
    /// COR's internal id of the project manager.
    pm_id: i64,
    /// COR's internal id of the contract.
    contract_id: i64,
    /// COR's internal id of the company.
    company_id: i64,
    /// Whether the work is billed.
    billable: bool,
    /// Whether the project is archived.
    archived: bool,
}

/// What COR's pages show in a field of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerType {
    Id,
    Text,
    Number,
    Boolean,
    Time,
}

/// The fields that responses on COR's pages have, in their order, with what stands in them.
pub(crate) const ANSWER: &[(&str, AnswerType, &str)] = &[
    ("id", AnswerType::Id, "COR's internal id of the project; not the external id."),
    ("name", AnswerType::Text, "The name."),
    ("client_id", AnswerType::Id, "COR's internal id of the client."),
    ("brief", AnswerType::Text, "The description."),
    ("start", AnswerType::Time, "The first day, such as 2025-01-15 00:00:00."),
    ("end", AnswerType::Time, "The last day, such as 2025-04-30 00:00:00."),
    ("pm_id", AnswerType::Id, "COR's internal id of the project manager."),
    ("estimated_time", AnswerType::Number, "Hours."),
    ("billable", AnswerType::Boolean, "Whether the work is billed."),
    ("status", AnswerType::Text, "The status, as COR spells it."),
    ("estimated", AnswerType::Number, "Money, in the project's currency."),
    ("contract_id", AnswerType::Id, "COR's internal id of the contract. Seen in responses to creates."),
    ("work_order", AnswerType::Text, "Number or code of the work order. Seen in responses to creates."),
    (
        "archived",
        AnswerType::Boolean,
        "Whether the project is archived. Not in any example of COR's documentation.",
    ),
    ("company_id", AnswerType::Id, "COR's internal id of the company."),
    ("created_at", AnswerType::Time, "When the project was created."),
    ("updated_at", AnswerType::Time, "When the project was last changed."),
];

impl Project {
    /// The first day.
    pub fn start(&self) -> Option<Date> {
        self.0.start.as_ref()?.date()
    }

    /// The last day.
    pub fn end(&self) -> Option<Date> {
        self.0.end.as_ref()?.date()
    }

    /// Hours.
    pub fn estimated_time(&self) -> Option<&Number> {
        self.0.estimated_time.as_ref()
    }

    /// Money, in the project's currency.
    pub fn estimated(&self) -> Option<&Number> {
        self.0.estimated.as_ref()
    }

    /// When the project was created.
    pub fn created_at(&self) -> Option<&Timestamp> {
        self.0.created_at.as_ref()
    }

    /// When the project was last changed.
    pub fn updated_at(&self) -> Option<&Timestamp> {
        self.0.updated_at.as_ref()
    }

    /// Day of the evaluation. Not in any example of COR's documentation.
    pub fn evaluation_date(&self) -> Option<Date> {
        time(self.get_json("evaluation_date")?)?.date()
    }

    /// What is delivered. Not in any example of COR's documentation.
    pub fn deliverables(&self) -> Option<String> {
        text(self.get_json("deliverables")?)
    }

    /// How the project earns, as COR spells it. Not in any example of COR's documentation.
    pub fn income_type(&self) -> Option<String> {
        text(self.get_json("income_type")?)
    }

    /// COR's rating of the project: 1 on track, 2 at risk, 3 delayed, 4 critical. Shown by the main API only.
    pub fn health(&self) -> Option<i64> {
        integer(self.get_json("health")?)
    }

    /// Hours worked. Shown by the main API only.
    pub fn elapsed_time(&self) -> Option<Number> {
        number(self.get_json("elapsed_time")?)
    }

    /// Money. Shown by the main API only; COR does not document how it relates to [`estimated`](Project::estimated).
    pub fn total_estimated(&self) -> Option<Number> {
        number(self.get_json("total_estimated")?)
    }

    /// The id of another entity, of which no example of COR's documentation says whether it is a number or text, such as
    /// `currency_id`: `None` for what is neither.
    pub fn id_of(&self, name: &str) -> Option<serde_json::Value> {
        self.get(name).filter(|id| id.is_i64() || id.is_u64() || id.is_string())
    }

    /// Any field of the response, whether this library knows it or not. A number outside the range of a double is the text of
    /// its digits.
    pub fn get(&self, name: &str) -> Option<serde_json::Value> {
        let members = Members::read(&self.0.json)?;
        tolerant_value(members.last(name)?)
    }

    /// Any field of the response as the JSON that COR sent, digit for digit.
    pub fn get_json(&self, name: &str) -> Option<&str> {
        Members::read(&self.0.json)?.last(name)
    }

    /// The response's object on one line, as COR sent it; empty where COR answered without a body.
    pub fn json(&self) -> Cow<'_, str> {
        if self.0.json.contains(['\n', '\r', '\t']) {
            minified(&self.0.json).into()
        } else {
            (&*self.0.json).into()
        }
    }

    /// The response's JSON, as COR sent it.
    pub(crate) fn raw(&self) -> &str {
        &self.0.json
    }

    /// Whether COR answered without saying anything about the project.
    pub fn is_empty(&self) -> bool {
        self.0.json.is_empty()
    }

    /// A project described by `members`, which were read from `json`.
    pub(crate) fn from_members(json: &str, members: &Members<'_>) -> Project {
        let mut project = Fields { json: json.into(), ..Fields::default() };
        for (name, value) in &members.0 {
            let value = value.get();
            match &**name {
                "id" => project.id = integer(value),
                "name" => project.name = text(value),
                "client_id" => project.client_id = integer(value),
                "brief" => project.brief = text(value),
                "start" => project.start = time(value),
                "end" => project.end = time(value),
                "pm_id" => project.pm_id = integer(value),
                "estimated_time" => project.estimated_time = number(value),
                "billable" => project.billable = boolean(value),
                "status" => project.status = text(value),
                "estimated" => project.estimated = number(value),
                "contract_id" => project.contract_id = integer(value),
                "work_order" => project.work_order = text(value),
                "archived" => project.archived = boolean(value),
                "company_id" => project.company_id = integer(value),
                "created_at" => project.created_at = time(value),
                "updated_at" => project.updated_at = time(value),
                _ => {}
            }
        }
        Project(Box::new(project))
    }

    /// A project of which nothing is known but the JSON that COR sent.
    pub(crate) fn from_json(json: &str) -> Project {
        Project(Box::new(Fields { json: json.into(), ..Fields::default() }))
    }
}

impl PartialEq for Project {
    fn eq(&self, other: &Self) -> bool {
        same_json(&self.0.json, &other.0.json)
    }
}

impl Serialize for Project {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &*self.json() {
            "" => Embedded::new("null").serialize(serializer),
            json => Embedded::new(json).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Project {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = Json::deserialize(deserializer)?;
        Ok(match (json.as_str(), Members::read(json.as_str())) {
            ("null", _) => Project::default(),
            (json, Some(members)) => Project::from_members(json, &members),
            (json, None) => Project::from_json(json),
        })
    }
}

impl fmt::Debug for Project {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Project({})", self.json())
    }
}

/// The content of a JSON string, or the digits of a JSON number.
fn loose(json: &str) -> Option<Cow<'_, str>> {
    match json.as_bytes().first()? {
        b'"' => match &json[1..json.len() - 1] {
            plain if !plain.contains('\\') => Some(plain.into()),
            _ => serde_json::from_str::<String>(json).ok().map(Cow::Owned),
        },
        b'-' | b'0'..=b'9' => Some(json.into()),
        _ => None,
    }
}

pub(crate) fn text(json: &str) -> Option<String> {
    loose(json).map(Cow::into_owned)
}

fn integer(json: &str) -> Option<i64> {
    loose(json)?.parse().ok()
}

pub(crate) fn number(json: &str) -> Option<Number> {
    let digits = loose(json)?;
    match digits.parse::<i64>() {
        // The common case needs no text of its own, unless that text says more than the integer.
        Ok(n) if !digits.starts_with("-0") && !digits.starts_with('+') => Some(n.into()),
        _ => Number::read(&digits),
    }
}

fn time(json: &str) -> Option<Timestamp> {
    loose(json).map(|text| Timestamp::read(&text))
}

pub(crate) fn boolean(json: &str) -> Option<bool> {
    match json {
        "true" | "1" | "\"true\"" | "\"1\"" => Some(true),
        "false" | "0" | "\"false\"" | "\"0\"" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_undocumented_fields_tolerantly() {
        let project = |json: &str| Project::from_members(json, &Members::read(json).unwrap());
        let full = project(
            r#"{"evaluation_date":"2025-04-30 00:00:00","deliverables":"\u00e9","income_type":"fee","fee_id":7,"brand_id":"B"}"#,
        );
        assert_eq!(full.evaluation_date().unwrap().to_string(), "2025-04-30");
        assert_eq!((full.deliverables(), full.income_type()), (Some("é".to_owned()), Some("fee".to_owned())));
        assert_eq!((full.id_of("fee_id"), full.id_of("brand_id")), (Some(7.into()), Some("B".into())));
        let odd = project(
            r#"{"evaluation_date":"soon","deliverables":[],"income_type":null,"fee_id":1.5,"brand_id":{}}"#,
        );
        assert_eq!((odd.evaluation_date(), odd.deliverables(), odd.income_type()), (None, None, None));
        assert_eq!((odd.id_of("fee_id"), odd.id_of("brand_id"), odd.id_of("product_id")), (None, None, None));
    }

    #[test]
    fn reads_exactly_fields_of_table() {
        let shown = |json: &str| {
            let members = Members::read(json).unwrap();
            let Project(mut fields) = Project::from_members(json, &members);
            fields.json = "".into();
            format!("{fields:?}")
        };
        for (name, kind, _) in ANSWER {
            let value = match kind {
                AnswerType::Id | AnswerType::Number => "7",
                AnswerType::Text | AnswerType::Time => "\"2025-01-15\"",
                AnswerType::Boolean => "true",
            };
            assert_ne!(shown(&format!("{{\"{name}\":{value}}}")), shown("{}"), "{name} is not read");
        }
        assert_eq!(shown("{}").matches(": None").count(), ANSWER.len());
    }
}
