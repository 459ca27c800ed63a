//! What `target-cor --about` prints, made from the table of settings.

use std::fmt::Write;

use serde_json::{Map, Value as Json, json};

use super::settings::{SETTINGS, Setting};
use super::value::Kind;
use super::{DESCRIPTION, NAME};

/// What the target can do, in the words of the Singer SDK.
pub(super) const CAPABILITIES: [&str; 1] = ["about"];
const VERSION: &str = env!("CARGO_PKG_VERSION");
const GUIDE: &str = "https://github.com/projectcor/projectcor/blob/main/docs/guides/singer.md";

/// For people, in the form of the Singer SDK.
pub(super) fn text() -> String {
    let mut text = format!("Name: {NAME}\nDescription: {DESCRIPTION}\nVersion: {VERSION}\nCapabilities:\n");
    for capability in CAPABILITIES {
        line(&mut text, &format!("  - {capability}"));
    }
    line(&mut text, "Settings:");
    for setting in SETTINGS {
        line(&mut text, &format!("  - Name: {}", setting.name));
        line(&mut text, &format!("    Type: {}", kind(setting)));
        line(&mut text, &format!("    Environment Variable: {}", setting.variable()));
        if let Some(default) = setting.default() {
            line(&mut text, &format!("    Default: {}", shown(&default)));
        }
        line(&mut text, &format!("    Description: {}", setting.about()));
    }
    text
}

/// The object that targets of the Singer SDK print, with the settings as a JSON Schema.
pub(super) fn json() -> String {
    let properties: Map<String, Json> =
        SETTINGS.iter().map(|setting| (setting.name.to_owned(), schema(setting))).collect();
    let about = json!({
        "name": NAME,
        "description": DESCRIPTION,
        "version": VERSION,
        "capabilities": CAPABILITIES,
        "settings": { "type": "object", "properties": properties, "additionalProperties": false },
    });
    format!("{about:#}\n")
}

/// The schema of one setting, with the annotations that the Singer SDK uses.
fn schema(setting: &Setting) -> Json {
    let kind = match setting.kind {
        Kind::Text | Kind::TextOrInteger | Kind::Secret | Kind::Choice(_) => "string",
        Kind::Boolean => "boolean",
        Kind::Integer => "integer",
        Kind::Number => "number",
        Kind::Object => "object",
        Kind::Array => "array",
    };
    let mut schema = json!({ "type": [kind, "null"], "description": setting.about() });
    if let Kind::Choice(words) = setting.kind {
        schema["enum"] = words.iter().map(|word| json!(word)).chain([Json::Null]).collect();
    }
    if setting.kind == Kind::TextOrInteger {
        schema["type"] = json!(["string", "integer", "null"]);
    }
    if setting.kind == Kind::Array {
        schema["items"] = json!({ "type": "string" });
    }
    if setting.kind == Kind::Object {
        schema["additionalProperties"] = json!({ "type": ["string", "null"] });
    }
    if let Some(default) = setting.default() {
        schema["default"] = default;
    }
    if setting.is_secret() {
        schema["secret"] = true.into();
        schema["writeOnly"] = true.into();
    }
    schema
}

/// A page of documentation.
pub(super) fn markdown() -> String {
    let mut text = format!(
        "# `{NAME}`\n\n{DESCRIPTION}\n\n\
         This page is what `{NAME} --about --format markdown` prints. The guide <{GUIDE}> says how to run \
         it, alone and with Meltano.\n\n\
         ## Settings\n\n\
         Each setting is a key of the JSON file of `--config FILE`, or with `--config ENV` the environment variable `TARGET_COR_` \
         followed by its name in capitals. A later file wins over an earlier one, and the environment wins over every file. `null` \
         and an empty variable count as not set. An unknown key is refused; an unknown variable is ignored.\n\n\
         | setting | type | default | description |\n|---|---|---|---|\n"
    );
    for setting in SETTINGS {
        let default = setting.default().map(|json| format!("`{}`", shown(&json))).unwrap_or_default();
        let row = format!(
            "| `{}` | {} | {default} | {} |",
            setting.name,
            kind(setting),
            setting.about().replace('|', "\\|")
        );
        line(&mut text, &row);
    }
    text
}

/// The kind of a setting for people.
fn kind(setting: &Setting) -> String {
    match setting.kind {
        Kind::Text => "string".to_owned(),
        Kind::TextOrInteger => "string or integer".to_owned(),
        Kind::Secret => "string, secret".to_owned(),
        Kind::Boolean => "boolean".to_owned(),
        Kind::Integer => "integer".to_owned(),
        Kind::Number => "number".to_owned(),
        Kind::Object => "object".to_owned(),
        Kind::Array => "array".to_owned(),
        Kind::Choice(words) => words.join(" or "),
    }
}

fn shown(default: &Json) -> String {
    default.as_str().map_or_else(|| default.to_string(), str::to_owned)
}

pub(super) fn line(text: &mut String, line: &str) {
    // Writing into memory does not fail.
    let _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_of_documentation_is_the_markdown() {
        super::super::committed("docs/reference/target-cor.md", &markdown());
    }

    #[test]
    fn json_marks_secrets_and_describes_every_setting() {
        let about: Json = serde_json::from_str(&json()).unwrap();
        let properties = about["settings"]["properties"].as_object().unwrap();
        assert_eq!(properties.len(), SETTINGS.len());
        let secrets: Vec<&str> = properties
            .iter()
            .filter(|(_, schema)| schema["secret"] == true)
            .map(|(name, _)| &**name)
            .collect();
        assert_eq!(secrets, ["access_token", "api_key", "client_secret", "proxy"]);
        assert_eq!(properties["on_reject"]["default"], "fail");
        assert_eq!(properties["wait"]["default"], 0.5);
        assert!(properties.values().all(|schema| schema["description"].is_string()));
    }

    #[test]
    fn text_names_every_variable() {
        let text = text();
        for setting in SETTINGS {
            assert!(
                text.contains(&format!("Environment Variable: TARGET_COR_{}", setting.name.to_uppercase()))
            );
        }
    }
}
