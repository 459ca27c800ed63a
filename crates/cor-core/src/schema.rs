use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::format::{as_text, unknown_word};
use crate::project::{ANSWER, AnswerType};
use crate::{CreateField, Field, FieldType, IncomeType, Source};

/// A document of which there is a JSON Schema (2020-12), for validators, editors and generators in any language.
///
/// The schemas are made from the tables this library works with itself, [`Field::ALL`] above all; `schema/` in the
/// repository holds them as files. They describe JSON on the wire. What JSON Schema cannot say is said in descriptions:
/// that `start` is not after `end`, and that a member is given once.
///
/// ```
/// use cor_core::Schema;
/// let schema: serde_json::Value = serde_json::from_str(&Schema::Update.to_json())?;
/// assert_eq!(schema["required"], serde_json::json!(["metadata"]));
/// assert_eq!(schema["properties"]["estimated"]["type"], serde_json::json!(["number", "null"]));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Schema {
    /// The body of an update: [`ProjectUpdate`](crate::ProjectUpdate).
    Update,
    /// The body of a create: [`ProjectCreate`](crate::ProjectCreate).
    Create,
    /// A project in COR's responses: [`Project`](crate::Project).
    Project,
}

impl Schema {
    /// Every one.
    pub const ALL: &'static [Schema] = &[Schema::Update, Schema::Create, Schema::Project];

    /// The name in `cor schema` and of the file: `update`, `create`, `project`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Schema::Update => "update",
            Schema::Create => "create",
            Schema::Project => "project",
        }
    }

    /// The schema as JSON text, indented, with a line feed at its end. The same bytes every time.
    pub fn to_json(self) -> String {
        let schema = match self {
            Schema::Update => update(),
            Schema::Create => create(),
            Schema::Project => project(),
        };
        // Text and lists of text cannot fail to be written.
        serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
    }
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

as_text!(Schema, "the name of a schema", |word| {
    let known = Schema::ALL.iter().copied();
    known
        .clone()
        .find(|schema| schema.as_str() == word)
        .ok_or_else(|| unknown_word(word, known.map(Schema::as_str)))
});

/// A node of a schema, whose members keep their order whatever the features of serde_json.
enum Node {
    Text(String),
    Integer(u32),
    Boolean(bool),
    List(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Node::Text(text) => serializer.serialize_str(text),
            Node::Integer(n) => serializer.serialize_u32(*n),
            Node::Boolean(yes) => serializer.serialize_bool(*yes),
            Node::List(items) => items.serialize(serializer),
            Node::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (name, value) in members {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Node {
        Node::Text(text.to_owned())
    }
}

impl From<u32> for Node {
    fn from(n: u32) -> Node {
        Node::Integer(n)
    }
}

impl From<bool> for Node {
    fn from(yes: bool) -> Node {
        Node::Boolean(yes)
    }
}

impl<const N: usize> From<[&str; N]> for Node {
    fn from(words: [&str; N]) -> Node {
        Node::List(words.into_iter().map(Node::from).collect())
    }
}

macro_rules! object {
    ($($name:literal: $value:expr),* $(,)?) => {
        Node::Object(vec![$(($name.to_owned(), Node::from($value)),)*])
    };
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> Node {
    Node::List(words.map(Node::from).collect())
}

const DAY: &str = "^(?!0000)[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$";

fn update() -> Node {
    let mut properties = vec![("metadata".to_owned(), metadata())];
    properties.extend(Field::ALL.iter().map(|field| (field.name().to_owned(), field_of_update(*field))));
    object! {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Body of a project update",
        "description": "The body of PUT /v2/integrations/projects/{id}, as on COR's page \"Update \
                        project\" of the Integrations API. COR changes only the fields in the body. COR \
                        does not document what null does (this client sends it to clear a field), what an \
                        update without fields does, and what COR does with members that the page does not \
                        list. \
            This schema cannot express that start must not be after end.",
        "type": "object",
        "required": ["metadata"],
        "minProperties": 2,
        "propertyNames": object! { "minLength": 1 },
        "properties": Node::Object(properties),
        "additionalProperties": true,
    }
}

fn create() -> Node {
    let id = object! {
        "description": "External id: the one the project has in its source. This client refuses ids that \
                        cannot be part of a URL: empty, with a NUL, `.` and `..`.",
        "type": "string",
        "minLength": 1,
        "pattern": "^[^\\u0000]*$",
        "not": object! { "enum": [".", ".."] },
    };
    let mut properties = vec![("metadata".to_owned(), metadata()), ("id".to_owned(), id)];
    properties.extend(Field::ALL.iter().map(|field| {
        let schema = match field {
            Field::Name => object! { "description": field.description(), "type": "string", "minLength": 1 },
            _ => field_of_update(*field),
        };
        (field.name().to_owned(), schema)
    }));
    properties.extend(CreateField::ALL.iter().map(|field| {
        let schema = object! { "description": field.description(), "type": ["string", "null"] };
        (field.name().to_owned(), schema)
    }));
    object! {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Body of a project create",
        "description": "The body of POST /v2/integrations/projects, as on COR's page \"Create project\" of \
                        the Integrations API. \
            COR does not document null here; this client leaves such members out. Nor does COR document \
            what it does with members that the page does not list. This schema cannot express that start \
            must not be after end.",
        "type": "object",
        "required": ["metadata", "id", "name"],
        "propertyNames": object! { "minLength": 1 },
        "properties": Node::Object(properties),
        "additionalProperties": true,
    }
}

fn metadata() -> Node {
    let known = words(Source::KNOWN.iter().map(Source::as_str));
    object! {
        "description": "Required in every request.",
        "type": "object",
        "required": ["source"],
        "properties": object! {
            "source": object! {
                "description": "The system that the project was created from. COR documents the listed \
                                sources, and not whether it accepts others.",
                "anyOf": Node::List(vec![object! { "enum": known }, object! { "type": "string", "minLength": 1 }]),
            },
        },
        "additionalProperties": false,
    }
}

fn field_of_update(field: Field) -> Node {
    let description = field.description();
    match field.kind() {
        FieldType::Text => object! { "description": description, "type": ["string", "null"] },
        FieldType::Number => object! { "description": description, "type": ["number", "null"] },
        FieldType::Boolean => object! { "description": description, "type": ["boolean", "null"] },
        FieldType::Date => object! {
            "description": description, "type": ["string", "null"], "format": "date", "pattern": DAY,
        },
        FieldType::IncomeType => {
            let known = [IncomeType::Fee, IncomeType::OneTime, IncomeType::HourlyRate, IncomeType::Contract];
            let known = object! { "enum": words(known.iter().map(IncomeType::as_str)) };
            object! {
                "description": format!("{description} COR documents these four values.").as_str(),
                "anyOf": Node::List(vec![known, object! { "type": ["string", "null"] }]),
            }
        }
    }
}

fn project() -> Node {
    let properties = ANSWER.iter().map(|(name, kind, description)| {
        let schema = match kind {
            AnswerType::Id => object! {
                "description": *description, "type": ["integer", "string", "null"], "pattern": "^-?[0-9]+$",
            },
            AnswerType::Text => object! { "description": *description, "type": ["string", "number", "null"] },
            AnswerType::Number => object! {
                "description": *description, "type": ["number", "string", "null"],
                "pattern": "^-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][-+]?[0-9]+)?$",
            },
            AnswerType::Boolean => object! {
                "description": *description,
                "anyOf": Node::List(vec![
                    object! { "type": ["boolean", "null"] },
                    object! { "enum": Node::List(vec![0.into(), 1.into(), "0".into(), "1".into(), "true".into(), "false".into()]) },
                ]),
            },
            AnswerType::Time => object! { "description": *description, "type": ["string", "null"] },
        };
        ((*name).to_owned(), schema)
    });
    object! {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A project in COR's responses",
        "description": "COR's response to an update or create, after the examples on COR's pages \"Update \
                        project\" and \"Create \
            project\" of the Integrations API; COR documents no schema of it. Ids are COR's internal ids, not the external \
            ids of a request, and times come in several forms, some without a zone. Every member may be \
            missing or null, and others may be present. Numbers as text and booleans as 0 and 1 are forms \
            this client reads as well.",
        "type": "object",
        "properties": Node::Object(properties.collect()),
        "additionalProperties": true,
    }
}
