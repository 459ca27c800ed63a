//! The configuration of one run: files and environment variables, merged and checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cor_sync::plain;
use serde_json::{Map, Value as Json};

use super::settings::{SETTINGS, Settings, named};
use super::value::OnReject;
use crate::failure::Failure;
use crate::output::ErrorMessage;

/// The word for the environment in place of a file.
const ENVIRONMENT: &str = "ENV";

/// The settings of one run, and the files that they were read from.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) settings: Settings,
    pub(super) files: Vec<PathBuf>,
}

/// A value, and the place that sets it.
struct Found {
    place: String,
    json: Json,
}

impl Config {
    /// Reads the places in their order: a later file wins over an earlier one, and the environment wins over every file, as in
    /// targets of the Singer SDK. `lookup` reads an environment variable. A setting that is null, and an empty variable, count as
    /// not set.
    ///
    /// # Errors
    /// All mistakes at once, each with its file or variable. No error shows the value of a secret.
    pub(super) fn read(
        places: &[PathBuf],
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Config, Failure> {
        let mut found: BTreeMap<&'static str, Found> = BTreeMap::new();
        let (mut mistakes, mut files) = (Vec::new(), Vec::new());
        for path in places.iter().filter(|path| path.as_os_str() != ENVIRONMENT) {
            match object(path) {
                Ok(object) => file(path, object, &mut found, &mut mistakes),
                Err(mistake) => mistakes.push(mistake),
            }
            files.push(path.clone());
        }
        if places.iter().any(|path| path.as_os_str() == ENVIRONMENT) {
            for setting in SETTINGS {
                let variable = setting.variable();
                if let Some(text) = lookup(&variable).filter(|text| !text.is_empty()) {
                    found.insert(setting.name, Found { place: variable, json: Json::from(text) });
                }
            }
        }
        let mut settings = Settings::default();
        for setting in SETTINGS {
            let Some(Found { place, json }) = found.get(setting.name) else { continue };
            if let Err(wrong) = (setting.set)(&mut settings, json) {
                let mistake = format!("{place}: {} {}", setting.name, plain(&wrong));
                mistakes.push(mistake.into());
            }
        }
        if settings.on_reject == Some(OnReject::Ignore) && settings.rejects.is_none() {
            mistakes.push(ErrorMessage {
                text: "on_reject is ignore, but rejects is not set, so refused records would be in no file"
                    .to_owned(),
                hint: Some("set rejects to a file on a disk that lasts".to_owned()),
            });
        }
        match mistakes.is_empty() {
            true => Ok(Config { settings, files }),
            false => Err(Failure::of_usage(mistakes)),
        }
    }
}

/// Takes the settings of a file, in place of those of earlier files.
fn file(
    path: &Path,
    object: Map<String, Json>,
    found: &mut BTreeMap<&'static str, Found>,
    mistakes: &mut Vec<ErrorMessage>,
) {
    let place = path.display().to_string();
    for (name, json) in object {
        match named(&name) {
            Some(setting) if json.is_null() => drop(found.remove(setting.name)),
            Some(setting) => drop(found.insert(setting.name, Found { place: place.clone(), json })),
            None => mistakes.push(ErrorMessage {
                text: format!("{place}: no setting is called {:?}", plain(&name)),
                hint: Some("run target-cor --about to see all settings".to_owned()),
            }),
        }
    }
}

/// The JSON object in a file.
fn object(path: &Path) -> Result<Map<String, Json>, ErrorMessage> {
    let cannot = |why: &dyn std::fmt::Display| ErrorMessage {
        text: format!("the configuration {} cannot be read: {why}", path.display()),
        hint: None,
    };
    let bytes = std::fs::read(path).map_err(|error| cannot(&error))?;
    // What serde_json says of a syntax error names its place and quotes nothing.
    match serde_json::from_slice(&bytes) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(_) => Err(cannot(&"it is not a JSON object")),
        Err(error) => Err(cannot(&format!("it is not JSON: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files with these contents, in their order.
    fn read(contents: &[&str], variables: &[(&str, &str)]) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let mut places: Vec<PathBuf> = Vec::new();
        for (n, content) in contents.iter().enumerate() {
            let place = match *content {
                ENVIRONMENT => PathBuf::from(ENVIRONMENT),
                content => {
                    let path = folder.path().join(format!("{n}.json"));
                    std::fs::write(&path, content).unwrap();
                    path
                }
            };
            places.push(place);
        }
        let lookup = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Config::read(&places, lookup).map_err(|failure| format!("{failure:?}"))
    }

    #[test]
    fn later_file_wins_and_null_unsets() {
        let config = read(
            &[r#"{"source": "SAP", "rate": 5, "stream": "a"}"#, r#"{"source": "JIRA", "stream": null}"#],
            &[],
        );
        let settings = config.unwrap().settings;
        assert_eq!(settings.source.as_deref(), Some("JIRA"));
        assert_eq!((settings.rate, settings.stream), (Some(5.0), None));
    }

    #[test]
    fn environment_wins_over_files_where_it_is_named() {
        let variables = [
            ("TARGET_COR_SOURCE", "JIRA"),
            ("TARGET_COR_CONCURRENCY", "3"),
            ("TARGET_COR_STREAM", ""),
            ("TARGET_COR_MAP", r#"{"dealname": "name"}"#),
        ];
        let file = r#"{"source": "SAP", "stream": "deals"}"#;
        for places in [[ENVIRONMENT, file], [file, ENVIRONMENT]] {
            let settings = read(&places, &variables).unwrap().settings;
            assert_eq!(settings.source.as_deref(), Some("JIRA"));
            assert_eq!(settings.concurrency, Some(3));
            assert_eq!(settings.stream.as_deref(), Some("deals"), "an empty variable is not set");
            assert_eq!(settings.map.unwrap().renames(), ["dealname=name"]);
        }
        assert_eq!(read(&[file], &variables).unwrap().settings.source.as_deref(), Some("SAP"));
    }

    #[test]
    fn every_mistake_is_reported_at_once_and_no_secret() {
        let broken =
            r#"{"acess_token": "hush", "access_token": 31337, "rate": "fast", "on_reject": "ignore"}"#;
        let error = read(&[broken, "[]", "hush", ENVIRONMENT], &[("TARGET_COR_WAIT", "long")]).unwrap_err();
        for says in [
            "0.json: no setting is called \\\"acess_token\\\"",
            "0.json: access_token is not a text",
            "0.json: rate is \\\"fast\\\", which is not a number",
            "on_reject is ignore, but rejects is not set",
            "1.json cannot be read: it is not a JSON object",
            "2.json cannot be read: it is not JSON: expected value at line 1 column 1",
            "TARGET_COR_WAIT: wait is \\\"long\\\", which is not a number",
        ] {
            assert!(error.contains(says), "{says}: {error}");
        }
        assert!(!error.contains("hush") && !error.contains("31337"), "{error}");
    }
}
