//! Request bodies through serde: updates and creates.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeMap, Serializer};

use crate::any_json::AnyJson;
use crate::assign::does_not_fit;
use crate::format::shown;
use crate::issue::{Invalid, Issue, IssueCode};
use crate::json_text::Members;
use crate::update::Change;
use crate::{
    CreateField, Date, Field, FieldType, IncomeType, Json, Number, Patch, ProjectCreate, ProjectUpdate, Value,
};

impl Serialize for ProjectUpdate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(self, None, serializer)
    }
}

impl Serialize for ProjectCreate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write(self.fields(), Some(self), serializer)
    }
}

/// The members in the order of [`ProjectUpdate::write_json`] and [`ProjectCreate::write_json`].
fn write<S: Serializer>(
    update: &ProjectUpdate,
    create: Option<&ProjectCreate>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let own = || create.into_iter().flat_map(ProjectCreate::own);
    let infinite = |change: &Change| matches!(change, Change::Number(number) if !number.is_finite());
    if let Some((field, _)) = update.changes().find(|(_, change)| infinite(change)) {
        return Err(S::Error::custom(format!("{field}: is NaN or infinite, which JSON cannot represent")));
    }
    let members = 1
        + usize::from(create.is_some())
        + update.changes().count()
        + own().count()
        + update.extras().count();
    let mut map = serializer.serialize_map(Some(members))?;
    map.serialize_entry("metadata", &BTreeMap::from([("source", update.source())]))?;
    if let Some(create) = create {
        map.serialize_entry("id", create.id())?;
    }
    for (field, change) in update.changes() {
        map.serialize_entry(field.name(), change)?;
    }
    for (field, value) in own() {
        map.serialize_entry(field.name(), value)?;
    }
    for (name, value) in update.extras() {
        map.serialize_entry(name, value)?;
    }
    map.end()
}

impl Serialize for Change {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Formats that do not describe themselves need a mark for null.
        fn value<S: Serializer>(value: &(impl Serialize + ?Sized), serializer: S) -> Result<S::Ok, S::Error> {
            if serializer.is_human_readable() {
                value.serialize(serializer)
            } else {
                serializer.serialize_some(value)
            }
        }
        match self {
            Change::Clear => serializer.serialize_none(),
            Change::Text(text) => value(text, serializer),
            Change::Date(date) => value(date, serializer),
            Change::Number(number) => value(number, serializer),
            Change::Boolean(yes) => value(yes, serializer),
            Change::IncomeType(kind) => value(kind, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for ProjectUpdate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let readable = deserializer.is_human_readable();
        let body = deserializer.deserialize_map(Reader { readable, create: false })?;
        body.finish().map(|(_, update)| update).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for ProjectCreate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let readable = deserializer.is_human_readable();
        let body = deserializer.deserialize_map(Reader { readable, create: true })?;
        let own = body.own.clone();
        let (id, fields) = body.finish().map_err(D::Error::custom)?;
        let create = ProjectCreate::new(id, fields);
        Ok(own.into_iter().fold(create, |create, (field, value)| create.set(field, value)))
    }
}

/// What a member's name says about its value.
#[derive(Clone, Copy)]
enum Member {
    Metadata,
    Id,
    Field(Field),
    Own(CreateField),
    Extra,
}

impl Member {
    fn of(name: &str, create: bool) -> Member {
        match (name, Field::from_name(name), CreateField::from_name(name)) {
            ("metadata", ..) => Member::Metadata,
            ("id", ..) if create => Member::Id,
            (_, Some(field), _) => Member::Field(field),
            (_, _, Some(field)) if create => Member::Own(field),
            _ => Member::Extra,
        }
    }
}

/// A request body that is being read, with all that is wrong with it.
struct Body {
    create: bool,
    seen: Vec<String>,
    id: Option<String>,
    update: ProjectUpdate,
    own: Vec<(CreateField, String)>,
    issues: Vec<Issue>,
}

struct Reader {
    readable: bool,
    create: bool,
}

impl<'de> Visitor<'de> for Reader {
    type Value = Body;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.create { "the body of a create" } else { "the body of an update" })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body, A::Error> {
        let mut body = Body {
            create: self.create,
            seen: Vec::new(),
            id: None,
            update: ProjectUpdate::new(""),
            own: Vec::new(),
            issues: Vec::new(),
        };
        while let Some(name) = map.next_key::<String>()? {
            let member = Member::of(&name, self.create);
            let read = if self.readable {
                let AnyJson(json) = map.next_value()?;
                body.read(member, &name, &json)
            } else {
                // What is wrong here is the format's own error, after which it cannot go on.
                let named = |error| A::Error::custom(format!("{name}: {error}"));
                body.read_binary(member, &name, &mut map).map_err(named)?
            };
            if body.seen.contains(&name) {
                let message = "appears more than once; pass it once".to_owned();
                body.issues.push(Issue::new(name.as_str(), IssueCode::NotAllowed, message));
            }
            body.issues.extend(read.err());
            body.seen.push(name);
        }
        Ok(body)
    }
}

impl Body {
    /// Takes a member whose value is JSON text.
    fn read(&mut self, member: Member, name: &str, json: &str) -> Result<(), Issue> {
        match member {
            Member::Metadata => self.read_metadata(json),
            Member::Id => {
                self.id = Some(text(name, json)?);
                Ok(())
            }
            Member::Field(field) => self.update.set_json(field, json),
            // A create clears nothing, so null says as much as nothing.
            Member::Own(_) if json == "null" => Ok(()),
            Member::Own(field) => {
                self.own.push((field, text(name, json)?));
                Ok(())
            }
            Member::Extra => self.update.put_extra(name, json),
        }
    }

    fn read_metadata(&mut self, json: &str) -> Result<(), Issue> {
        let Some(members) = Members::read(json) else {
            let message = format!("{} has the wrong type; pass an object with the source", type_of(json));
            return Err(Issue::new("metadata", IssueCode::WrongType, message));
        };
        for (name, value) in members.iter() {
            if name == "source" {
                match text("metadata.source", value) {
                    Ok(source) => self.update.set_source(source.into()),
                    Err(issue) => self.issues.push(issue),
                }
                self.seen.push("metadata.source".to_owned());
            } else {
                self.issues.push(unknown_metadata(name));
            }
        }
        Ok(())
    }

    /// Takes a member whose value has the type that [`write`] gave it.
    fn read_binary<'de, A: MapAccess<'de>>(
        &mut self,
        member: Member,
        name: &str,
        map: &mut A,
    ) -> Result<Result<(), Issue>, A::Error> {
        match member {
            Member::Metadata => {
                for (name, value) in map.next_value::<BTreeMap<String, String>>()? {
                    if name == "source" {
                        self.update.set_source(value.into());
                        self.seen.push("metadata.source".to_owned());
                    } else {
                        self.issues.push(unknown_metadata(&name));
                    }
                }
            }
            Member::Id => self.id = Some(map.next_value()?),
            Member::Own(field) => self.own.push((field, map.next_value()?)),
            Member::Field(field) => {
                let change = match field.kind() {
                    FieldType::Boolean => map.next_value::<Option<bool>>()?.map(Change::Boolean),
                    FieldType::Text => map.next_value::<Option<String>>()?.map(Change::Text),
                    FieldType::IncomeType => map.next_value::<Option<IncomeType>>()?.map(Change::IncomeType),
                    FieldType::Date => {
                        let text = map.next_value::<Option<String>>()?;
                        match text.map(|text| Date::parse_for(name, &text)).transpose() {
                            Ok(date) => date.map(Change::Date),
                            Err(issue) => return Ok(Err(issue)),
                        }
                    }
                    FieldType::Number => {
                        let text = map.next_value::<Option<String>>()?;
                        match text.map(|text| Number::parse_for(name, &text)).transpose() {
                            Ok(number) => number.map(Change::Number),
                            Err(issue) => return Ok(Err(issue)),
                        }
                    }
                };
                self.update.put(field, Patch::Set(change.unwrap_or(Change::Clear)));
            }
            Member::Extra => {
                let json: String = map.next_value()?;
                return Ok(self.update.put_extra(name, &json));
            }
        }
        Ok(Ok(()))
    }

    fn finish(mut self) -> Result<(String, ProjectUpdate), Invalid> {
        let refused = |field: &str, issues: &[Issue]| issues.iter().any(|issue| issue.field == field);
        if !self.seen.iter().any(|name| name == "metadata.source") && !refused("metadata", &self.issues) {
            let message = "is required; pass {\"metadata\": {\"source\": \"SALESFORCE\"}} (the system the project \
                           was created from)";
            self.issues.push(Issue::new("metadata.source", IssueCode::Required, message));
        }
        if self.create && self.id.is_none() && !refused("id", &self.issues) {
            let message = "is required; pass the id that the project has in its source";
            self.issues.push(Issue::new("id", IssueCode::Required, message));
        }
        match Invalid::from_issues(self.issues) {
            Some(invalid) => Err(invalid),
            None => Ok((self.id.unwrap_or_default(), self.update)),
        }
    }
}

impl ProjectUpdate {
    /// Sets or clears a field by the JSON text of its value.
    pub(crate) fn set_json(&mut self, field: Field, json: &str) -> Result<(), Issue> {
        let value = match (json.as_bytes().first(), field.kind()) {
            (Some(b'"'), kind) => {
                let text = text(field.name(), json)?;
                match kind {
                    FieldType::Number => Value::Number(Number::parse_for(field.name(), &text)?),
                    FieldType::IncomeType => Value::IncomeType(IncomeType::from(text.as_str())),
                    _ => Value::Text(text.into()),
                }
            }
            _ if json == "null" => Value::Clear,
            _ if json == "true" || json == "false" => Value::Boolean(json == "true"),
            (Some(b'{' | b'['), kind) => return Err(does_not_fit(field, kind, type_of(json), None)),
            _ => match Number::read(json) {
                Some(number) => Value::Number(number),
                None => return Err(not_finite(field.name())),
            },
        };
        self.set(field, value)
    }

    pub(crate) fn put_extra(&mut self, name: &str, json: &str) -> Result<(), Issue> {
        // All that is read and is no JSON is NaN and the infinities.
        let value: Json = json.parse().map_err(|_| not_finite(name))?;
        self.push_extra(name, value);
        Ok(())
    }
}

fn unknown_metadata(name: &str) -> Issue {
    let message = "is not allowed; the only member of metadata is source".to_owned();
    Issue::new(format!("metadata.{name}"), IssueCode::UnknownField, message)
}

fn not_finite(field: &str) -> Issue {
    Issue::new(field, IssueCode::NotFinite, "is not a JSON number; pass a finite number")
}

/// The content of a JSON string.
fn text(name: &str, json: &str) -> Result<String, Issue> {
    if !json.starts_with('"') {
        let message = format!("{} has the wrong type; pass text", described(json));
        return Err(Issue::new(name, IssueCode::WrongType, message));
    }
    serde_json::from_str(json).map_err(|_| {
        let message = format!("{} contains an invalid escape sequence", shown(json));
        Issue::new(name, IssueCode::NotAllowed, message)
    })
}

fn described(json: &str) -> Cow<'_, str> {
    match json.as_bytes().first() {
        Some(b'{' | b'[') => type_of(json).into(),
        Some(b't' | b'f') => format!("the boolean {json}").into(),
        Some(b'n') => "null".into(),
        _ => format!("the number {json}").into(),
    }
}

fn type_of(json: &str) -> &'static str {
    match json.as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "text",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}
