//! The plugin definition for Meltano, made from the table of settings.

use serde_json::Value as Json;

use super::about::{CAPABILITIES, line};
use super::settings::{SETTINGS, Setting};
use super::value::Kind;
use super::{DESCRIPTION, NAME};

const REPOSITORY: &str = "https://github.com/projectcor/projectcor";

/// The file for `meltano add --from-ref`, in the form of Meltano Hub.
pub(super) fn yaml() -> String {
    let mut text = String::new();
    line(
        &mut text,
        &format!("# Printed by {NAME} --about --format meltano, from the table of its settings."),
    );
    for (key, value) in [
        ("name", NAME),
        ("namespace", "target_cor"),
        ("variant", "projectcor"),
        ("label", "COR"),
        ("description", DESCRIPTION),
        ("docs", "https://github.com/projectcor/projectcor/blob/main/docs/guides/singer.md"),
        ("repo", REPOSITORY),
        ("pip_url", "projectcor"),
        ("executable", NAME),
    ] {
        line(&mut text, &format!("{key}: {}", quoted(value)));
    }
    line(&mut text, "capabilities:");
    for capability in CAPABILITIES {
        line(&mut text, &format!("- {}", quoted(capability)));
    }
    line(&mut text, "settings:");
    for setting in SETTINGS {
        definition(&mut text, setting);
    }
    text
}

/// No `value`: a default that Meltano passes on would win over the environment and the profile.
fn definition(text: &mut String, setting: &Setting) {
    let kind = match setting.kind {
        Kind::Text | Kind::TextOrInteger | Kind::Secret => "string",
        Kind::Boolean => "boolean",
        Kind::Integer => "integer",
        // Meltano 4.4 cannot write a decimal of the environment into the target's file; a text it can.
        Kind::Number => "string",
        Kind::Object => "object",
        Kind::Array => "array",
        Kind::Choice(_) => "options",
    };
    line(text, &format!("- name: {}", setting.name));
    line(text, &format!("  label: {}", quoted(&label(setting.name))));
    line(text, &format!("  kind: {kind}"));
    if setting.is_secret() {
        line(text, "  sensitive: true");
    }
    if let Kind::Choice(words) = setting.kind {
        line(text, "  options:");
        for word in words {
            line(text, &format!("  - label: {}", quoted(&label(word))));
            line(text, &format!("    value: {}", quoted(word)));
        }
    }
    let default = match setting.default() {
        Some(Json::String(word)) => format!(" Default: {word}."),
        Some(value) => format!(" Default: {value}."),
        None => String::new(),
    };
    line(text, &format!("  description: {}", quoted(&format!("{}{default}", setting.about()))));
}

/// A name for people: `Access token`, `API key`.
fn label(name: &str) -> String {
    let words = name.split('_').enumerate().map(|(n, word)| match (word, n) {
        ("api" | "ca" | "id" | "url", _) => word.to_uppercase(),
        (_, 0) => {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
        }
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A text of YAML, which has JSON's texts.
fn quoted(text: &str) -> String {
    Json::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committed_definition_is_what_the_program_prints() {
        super::super::committed("connectors/meltano/target-cor.yml", &yaml());
    }

    #[test]
    fn labels_are_names_for_people() {
        assert_eq!(label("access_token"), "Access token");
        assert_eq!(label("base_url"), "Base URL");
    }
}
