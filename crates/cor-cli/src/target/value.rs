//! The kinds of values that settings have.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use cor_http::TransportKind;
use cor_sync::MaxFailures;
use serde_json::Value as Json;

/// What a setting takes, as `--about` and plugin definitions say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// A text that is shown nowhere.
    Secret,
    Boolean,
    Integer,
    Number,
    /// An object whose values are texts.
    Object,
    /// A text, or a whole number.
    TextOrInteger,
    /// A list of texts.
    Array,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// A value of a setting.
pub(super) trait Value: Sized {
    const KIND: Kind;

    /// # Errors
    /// What is wrong, as the rest of a sentence that begins with the setting's name. Never the value of a secret.
    fn read(json: &Json) -> Result<Self, String>;
}

/// A secret: it has no form for people.
#[derive(Clone)]
pub(super) struct Secret(pub(super) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Value for Secret {
    const KIND: Kind = Kind::Secret;

    fn read(json: &Json) -> Result<Secret, String> {
        match json {
            Json::String(text) => Ok(Secret(text.clone())),
            _ => Err("is not a text; put it in quotation marks".to_owned()),
        }
    }
}

impl Value for String {
    const KIND: Kind = Kind::Text;

    fn read(json: &Json) -> Result<String, String> {
        match json {
            Json::String(text) => Ok(text.clone()),
            other => Err(format!("is {other}, which is not a text; put it in quotation marks")),
        }
    }
}

impl Value for PathBuf {
    const KIND: Kind = Kind::Text;

    fn read(json: &Json) -> Result<PathBuf, String> {
        match String::read(json)? {
            path if path.trim().is_empty() => Err("is empty; name a file, or leave it out".to_owned()),
            path => Ok(PathBuf::from(path)),
        }
    }
}

impl Value for bool {
    const KIND: Kind = Kind::Boolean;

    fn read(json: &Json) -> Result<bool, String> {
        match json {
            Json::Bool(yes) => Ok(*yes),
            // As the environment has it.
            Json::String(text) if text.trim().eq_ignore_ascii_case("true") || text.trim() == "1" => Ok(true),
            Json::String(text) if text.trim().eq_ignore_ascii_case("false") || text.trim() == "0" => {
                Ok(false)
            }
            other => Err(format!("is {other}, which is neither true nor false")),
        }
    }
}

/// A number, or a text that is one.
fn number<N: std::str::FromStr>(json: &Json, what: &str) -> Result<N, String> {
    let text = match json {
        Json::Number(number) => Some(number.to_string()),
        Json::String(text) => Some(text.trim().to_owned()),
        _ => None,
    };
    text.and_then(|text| text.parse().ok()).ok_or_else(|| format!("is {json}, which is not {what}"))
}

macro_rules! numbers {
    ($($type:ty: $kind:ident, $what:literal;)*) => {$(
        impl Value for $type {
            const KIND: Kind = Kind::$kind;

            fn read(json: &Json) -> Result<$type, String> {
                number(json, $what)
            }
        }
    )*};
}

numbers! {
    f64: Number, "a number";
    u32: Integer, "a whole number";
    usize: Integer, "a whole number";
}

impl Value for MaxFailures {
    const KIND: Kind = Kind::TextOrInteger;

    fn read(json: &Json) -> Result<MaxFailures, String> {
        number(json, "a number of records, such as 20, or a share of them, such as \"5%\"")
    }
}

impl Value for TransportKind {
    const KIND: Kind = Kind::Choice(&["reqwest", "direct"]);

    fn read(json: &Json) -> Result<TransportKind, String> {
        let Kind::Choice(words) = Self::KIND else { return Err(String::new()) };
        json.as_str().and_then(|word| word.parse().ok()).ok_or_else(|| not_one_of(json, words))
    }
}

/// What refused records mean for the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnReject {
    /// The exit status is 1.
    Fail,
    /// The exit status is 0 if every other record was applied.
    Ignore,
}

impl Value for OnReject {
    const KIND: Kind = Kind::Choice(&["fail", "ignore"]);

    fn read(json: &Json) -> Result<OnReject, String> {
        match json.as_str() {
            Some("fail") => Ok(OnReject::Fail),
            Some("ignore") => Ok(OnReject::Ignore),
            _ => Err(not_one_of(json, &["fail", "ignore"])),
        }
    }
}

fn not_one_of(json: &Json, words: &[&str]) -> String {
    format!("is {json}; set it to {}", words.join(" or "))
}

/// Properties, each with the field that it sets; an empty field ignores the property.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PropertyMap(pub(super) BTreeMap<String, String>);

impl PropertyMap {
    /// In the form `Property=field`.
    pub(super) fn renames(&self) -> Vec<String> {
        self.0.iter().map(|(property, field)| format!("{property}={field}")).collect()
    }
}

impl Value for PropertyMap {
    const KIND: Kind = Kind::Object;

    fn read(json: &Json) -> Result<PropertyMap, String> {
        let wrong = || format!("is {json}; {}", r#"set it to an object such as {"dealname": "name"}"#);
        let object = match json {
            Json::Object(object) => object.clone(),
            // As the environment has it.
            Json::String(text) => serde_json::from_str(text).map_err(|_| wrong())?,
            _ => return Err(wrong()),
        };
        let field = |(property, field): (String, Json)| match field {
            Json::String(field) => Ok((property, field)),
            Json::Null => Ok((property, String::new())),
            other => Err(format!(
                "sets {property:?} to {other}; name a field, or write null to ignore the property"
            )),
        };
        object.into_iter().map(field).collect::<Result<_, _>>().map(PropertyMap)
    }
}

/// Names of properties.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Properties(pub(super) Vec<String>);

impl Value for Properties {
    const KIND: Kind = Kind::Array;

    fn read(json: &Json) -> Result<Properties, String> {
        let wrong = || format!("is {json}; {}", r#"set it to a list such as ["brief", "end"]"#);
        let list = match json {
            Json::Array(_) => json.clone(),
            // As the environment has it.
            Json::String(text) if text.trim_start().starts_with('[') => {
                serde_json::from_str(text).map_err(|_| wrong())?
            }
            Json::String(text) => {
                return Ok(Properties(names(text)));
            }
            _ => return Err(wrong()),
        };
        serde_json::from_value(list).map(Properties).map_err(|_| wrong())
    }
}

/// The names in a text that separates them by commas.
fn names(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_of_environment_are_read_as_values() {
        assert_eq!(f64::read(&json!("0.5")), Ok(0.5));
        assert_eq!(u32::read(&json!("3")), Ok(3));
        assert_eq!(usize::read(&json!(8)), Ok(8));
        assert_eq!(bool::read(&json!("TRUE")), Ok(true));
        assert_eq!(bool::read(&json!(" 0 ")), Ok(false));
        assert_eq!(MaxFailures::read(&json!(20)), Ok(MaxFailures::Rows(20)));
        assert_eq!(MaxFailures::read(&json!("5%")), Ok(MaxFailures::Percent(5.0)));
        let map = PropertyMap::read(&json!(r#"{"dealname":"name","owner":null}"#)).unwrap();
        assert_eq!(map.renames(), ["dealname=name", "owner="]);
        for list in
            [json!(["brief", "end"]), json!(r#"["brief", "end"]"#), json!("brief, end"), json!("brief,end,")]
        {
            assert_eq!(Properties::read(&list).unwrap().0, ["brief", "end"]);
        }
    }

    #[test]
    fn wrong_values_are_described_without_secrets() {
        for (read, says) in [
            (usize::read(&json!(1.5)).err(), "is 1.5, which is not a whole number"),
            (u32::read(&json!("many")).err(), "is \"many\", which is not a whole number"),
            (PathBuf::read(&json!(" ")).err(), "is empty; name a file, or leave it out"),
            (bool::read(&json!("yes")).err(), "is \"yes\", which is neither true nor false"),
            (String::read(&json!(7)).err(), "is 7, which is not a text; put it in quotation marks"),
            (Secret::read(&json!(31337)).err(), "is not a text; put it in quotation marks"),
            (OnReject::read(&json!("skip")).err(), "is \"skip\"; set it to fail or ignore"),
            (TransportKind::read(&json!(1)).err(), "is 1; set it to reqwest or direct"),
            (
                PropertyMap::read(&json!("a=b")).err(),
                "is \"a=b\"; set it to an object such as {\"dealname\": \"name\"}",
            ),
            (
                Properties::read(&json!(["a", 1])).err(),
                "is [\"a\",1]; set it to a list such as [\"brief\", \"end\"]",
            ),
            (
                PropertyMap::read(&json!({"a": 1})).err(),
                "sets \"a\" to 1; name a field, or write null to ignore the property",
            ),
        ] {
            assert_eq!(read.as_deref(), Some(says));
        }
        assert_eq!(format!("{:?}", Secret("hush".to_owned())), "Secret");
    }
}
