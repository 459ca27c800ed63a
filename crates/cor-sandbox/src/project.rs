//! A project as the sandbox holds it, and the response COR would give for it.

use crate::fields::{self, FIELDS, FieldValue, Kind};
use crate::json;

/// A project as it is stored: with the values that were sent, not with those that responses show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredProject {
    pub(crate) source: String,
    pub(crate) id: String,
    pub(crate) cor_id: i64,
    pub(crate) company_id: i64,
    pub(crate) fields: [Option<FieldValue>; FIELDS.len()],
    pub(crate) created_at: String,
    pub(crate) updated_at: String,
}

impl StoredProject {
    /// The source the project was created under.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The external id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// COR's internal id of the project, the `id` of its responses.
    pub fn cor_id(&self) -> i64 {
        self.cor_id
    }

    /// COR's internal id of the company.
    pub fn company_id(&self) -> i64 {
        self.company_id
    }

    /// When the project was created, as RFC 3339 in UTC.
    pub fn created_at(&self) -> &str {
        &self.created_at
    }

    /// When the last update was applied, as RFC 3339 in UTC.
    pub fn updated_at(&self) -> &str {
        &self.updated_at
    }

    /// The value of a field by its documented name; `None` if it is not set (or if there is no such field).
    pub fn get(&self, field: &str) -> Option<&FieldValue> {
        self.fields[fields::position(field)?].as_ref()
    }

    /// The value of a text, date or reference field.
    pub fn text(&self, field: &str) -> Option<&str> {
        match self.get(field)? {
            FieldValue::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a number field, digit for digit as it was sent.
    pub fn number(&self, field: &str) -> Option<&str> {
        match self.get(field)? {
            FieldValue::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The value of a field that is true or false.
    pub fn flag(&self, field: &str) -> Option<bool> {
        match self.get(field)? {
            FieldValue::Flag(flag) => Some(*flag),
            _ => None,
        }
    }

    /// Every field that is set, with its documented name.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &FieldValue)> {
        FIELDS.iter().zip(&self.fields).filter_map(|(field, value)| Some((field.name, value.as_ref()?)))
    }

    /// The project as one line of JSON, with the values as they were sent. Such lines can be loaded as a seed.
    pub fn to_json(&self) -> String {
        let mut out = String::from("{");
        for (name, text) in [("source", &self.source), ("id", &self.id)] {
            json::push_key(&mut out, name);
            json::push_string(&mut out, text);
        }
        for (name, value) in self.fields() {
            json::push_key(&mut out, name);
            value.push_json(&mut out);
        }
        self.push_tail(&mut out, "cor_id");
        out
    }

    /// The response of a create or an update: COR's numbers in place of external ids, midnights in place of days.
    /// `cor_ids` holds the number for each reference field that is set.
    pub(crate) fn answer(&self, cor_ids: &[Option<i64>; FIELDS.len()]) -> String {
        let mut out = String::with_capacity(512);
        out.push_str("{\"id\":");
        out.push_str(&self.cor_id.to_string());
        for (index, field) in FIELDS.iter().enumerate() {
            let Some(value) = &self.fields[index] else { continue };
            json::push_key(&mut out, field.name);
            push_answer(&mut out, field.kind, value, cor_ids[index]);
        }
        self.push_tail(&mut out, "");
        out
    }

    /// What the main API answers: the fields of its schema, `null` where nothing is set, and the entities behind two of the
    /// references, of which the sandbox knows the number alone. `archived` is `false` until it is set, its documented default.
    pub(crate) fn main_answer(&self, cor_ids: &[Option<i64>; FIELDS.len()]) -> String {
        let mut out = String::with_capacity(512);
        out.push_str("{\"id\":");
        out.push_str(&self.cor_id.to_string());
        for (index, field) in FIELDS.iter().enumerate().filter(|(_, field)| field.in_main_api) {
            json::push_key(&mut out, field.name);
            match &self.fields[index] {
                Some(value) => push_answer(&mut out, field.kind, value, cor_ids[index]),
                None => out.push_str(if field.name == "archived" { "false" } else { "null" }),
            }
        }
        for (name, reference) in [("client", "client_id"), ("pm", "pm_id")] {
            if let Some(number) = fields::position(reference).and_then(|index| cor_ids[index]) {
                json::push_key(&mut out, name);
                out.push_str(&format!("{{\"id\":{number}}}"));
            }
        }
        self.push_tail(&mut out, "");
        out
    }

    fn push_tail(&self, out: &mut String, id_name: &str) {
        let numbers = [(id_name, self.cor_id), ("company_id", self.company_id)];
        for (name, number) in numbers.into_iter().filter(|(name, _)| !name.is_empty()) {
            json::push_key(out, name);
            out.push_str(&number.to_string());
        }
        for (name, time) in [("created_at", &self.created_at), ("updated_at", &self.updated_at)] {
            json::push_key(out, name);
            json::push_string(out, time);
        }
        out.push('}');
    }
}

/// A value as both APIs show it: COR's internal id in place of an external id, a midnight in place of a day.
fn push_answer(out: &mut String, kind: Kind, value: &FieldValue, cor_id: Option<i64>) {
    match (kind, value, cor_id) {
        (Kind::Reference(_), _, Some(cor_id)) => out.push_str(&cor_id.to_string()),
        (Kind::Date, FieldValue::Text(day), _) => {
            out.push('"');
            out.push_str(day);
            out.push_str(" 00:00:00\"");
        }
        _ => value.push_json(out),
    }
}
