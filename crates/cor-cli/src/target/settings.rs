//! The one table of settings of `target-cor`.

use std::path::PathBuf;

use cor_http::TransportKind;
use cor_sync::MaxFailures;
use serde_json::Value as Json;

use super::value::{Kind, OnReject, Properties, PropertyMap, Secret, Value};

/// A row of the table.
pub(super) struct Setting {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    about: &'static str,
    /// As text; `None` where a value from elsewhere applies, such as that of a profile.
    default: Option<&'static str>,
    /// Reads the value into its place.
    pub(super) set: fn(&mut Settings, &Json) -> Result<(), String>,
}

macro_rules! settings {
    ($($(#[doc = $about:literal])+ $name:ident: $kind:ty $(= $default:literal)?;)*) => {
        /// The settings of a run; `None` for those that were not set.
        #[derive(Debug, Default)]
        pub(super) struct Settings {
            $($(#[doc = $about])+ pub(super) $name: Option<$kind>,)*
        }

        pub(super) const SETTINGS: &[Setting] = &[$(
            Setting {
                name: stringify!($name),
                kind: <$kind as Value>::KIND,
                about: concat!($($about),+),
                default: settings!(@default $($default)?),
                set: |settings, json| {
                    settings.$name = Some(<$kind>::read(json)?);
                    Ok(())
                },
            },
        )*];
    };
    (@default) => { None };
    (@default $default:literal) => { Some($default) };
}

settings! {
    /// The bearer token of COR; or set api_key and client_secret, or profile.
    /// Default: the environment variable COR_ACCESS_TOKEN.
    access_token: Secret;
    /// The API key of COR's client credentials; needs client_secret. Default: COR_API_KEY.
    api_key: Secret;
    /// The secret of COR's client credentials; needs api_key. Default: COR_CLIENT_SECRET.
    client_secret: Secret;
    /// The profile of cor's configuration file that holds credentials, addresses and limits. Settings and environment variables
    /// win over it, except that credentials of a profile set here win over those of the environment. Default: COR_PROFILE.
    profile: String;
    /// The system the projects were created from: SALESFORCE, SAP, JIRA, … Default: the mapping file's, else the profile's.
    source: String;
    /// The stream whose records are sent; the others are skipped. Required if the tap sends several streams.
    stream: String;
    /// The property that holds the external id. Default: the mapping file's, else the key of the stream if it is one property,
    /// else id.
    id_column: String;
    /// Which property sets which field, in place of properties named after a field and of the mapping file: an object such as
    /// {"CloseDate": "end", "Amount": "estimated"}. null ignores the property.
    map: PropertyMap;
    /// A TOML mapping file: which property sets which field, and how days, numbers and words are written.
    mapping: PathBuf;
    /// The time zone in which a timestamp becomes a day: UTC, Europe/Madrid, …, or as_written.
    day_in: String;
    /// Properties whose null clears the field that they set, such as ["brief", "end"]. Default: null keeps every field.
    clear_nulls: Properties;
    /// Create projects that COR does not have; their records need a name.
    create_missing: bool = "false";
    /// Create projects even under an id that a spreadsheet has rewritten, such as 9.91214E+15 or 1001.0, or that stands for no
    /// value, such as #N/A.
    allow_mangled_ids: bool = "false";
    /// A file (.jsonl) for records that were not applied, with the reasons, on a disk that lasts. The next run sends them first.
    /// Without it, states after such a record are not written, and the tap repeats the record.
    rejects: PathBuf;
    /// What refused records mean: fail ends the run with exit status 1, ignore with 0; all other records are sent in both cases.
    /// ignore needs rejects.
    on_reject: OnReject = "fail";
    /// Stop when more than this many records fail: a number such as 20, or a share such as 5%, from the hundredth record on.
    /// Default: never stop.
    max_failures: MaxFailures;
    /// The SQLite file that stores what COR accepted, on a disk that lasts, so that a record without changes is not sent. It is not
    /// the tap's state. Default: COR_STATE, else cor/sync.db in the folder for states, $XDG_STATE_HOME or ~/.local/state.
    state_path: PathBuf;
    /// Send every record, in the order of the records, and store nothing: for a machine without a disk that lasts.
    no_state: bool = "false";
    /// How long to wait for another run of the same source and state file to end, in seconds, before this run ends with exit status 5.
    wait: f64 = "0.5";
    /// How long to wait while COR cannot be reached, in seconds; at most deadline until COR has responded once.
    outage_timeout: f64 = "900";
    /// The most requests in flight. Default: the profile's, else 16.
    concurrency: usize;
    /// The most requests per second. Default: the profile's, else estimated from COR's responses.
    rate: f64;
    /// The base URL of COR's Integrations API. Default: COR_BASE_URL, else the profile's, else https://integrations.projectcor.com.
    base_url: String;
    /// The URL of COR's token endpoint. Default: COR_TOKEN_URL, else the profile's, else https://api.projectcor.com/v1/oauth/token.
    token_url: String;
    /// The base URL of COR's main API, from which an update is read back if its response is lost. Default: COR_MAIN_URL, else the
    /// profile's, else https://api.projectcor.com/v1; with another base_url than COR's it has no default.
    main_url: String;
    /// A PEM file of certificate authorities to trust as well. Default: the profile's.
    ca_file: PathBuf;
    /// The PEM file of the client certificate; needs client_key. Default: the profile's.
    client_cert: PathBuf;
    /// The PEM file of the private key of client_cert, not encrypted. Default: the profile's.
    client_key: PathBuf;
    /// The proxy for requests to other machines, with user and password where needed. Default: HTTPS_PROXY or ALL_PROXY, else the
    /// profile's.
    proxy: Secret;
    /// The HTTP implementation: reqwest (HTTP/2, HTTP/1.1, proxies) or direct (the same without proxies, less CPU).
    /// Default: COR_TRANSPORT, else the profile's, else reqwest.
    transport: TransportKind;
    /// The User-Agent header. Default: the profile's, else projectcor/VERSION.
    user_agent: String;
    /// The time limit for connecting, in seconds. Default: the profile's, else 5.
    connect_timeout: f64;
    /// The time limit for one request, in seconds. Default: the profile's, else 20.
    attempt_timeout: f64;
    /// The time limit for one update, including retries and waits, in seconds. Default: the profile's, else 60.
    deadline: f64;
    /// The most attempts of one update, including the first. Default: the profile's, else 4.
    max_attempts: u32;
    /// The first wait between attempts, in seconds, doubled each time. Default: the profile's, else 0.25.
    backoff_base: f64;
    /// The longest wait between attempts, in seconds. Default: the profile's, else 20.
    backoff_cap: f64;
    /// The most retries of all updates together; 0 for no limit. When it is used up, the waits between attempts are longer.
    /// Default: the profile's, else 100.
    retry_budget: u32;
}

impl Setting {
    /// What it does, in a few sentences.
    pub(super) fn about(&self) -> &'static str {
        self.about.trim()
    }

    pub(super) fn is_secret(&self) -> bool {
        self.kind == Kind::Secret
    }

    /// The environment variable that sets it.
    pub(super) fn variable(&self) -> String {
        format!("TARGET_COR_{}", self.name.to_uppercase())
    }

    /// The default, as a value of its kind.
    pub(super) fn default(&self) -> Option<Json> {
        let text = self.default?;
        let number = || serde_json::from_str(text).ok();
        match self.kind {
            Kind::Boolean | Kind::Integer | Kind::Number => number(),
            Kind::Text
            | Kind::TextOrInteger
            | Kind::Secret
            | Kind::Choice(_)
            | Kind::Object
            | Kind::Array => Some(Json::from(text)),
        }
    }
}

/// The setting of this name.
pub(super) fn named(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

#[cfg(test)]
mod tests {
    use cor_http::OptionNames;

    use super::*;

    #[test]
    fn every_setting_that_texts_name_exists() {
        for option in OptionNames::options() {
            let written = OptionNames::Settings.apply(&format!("`{option}`")).into_owned();
            // A program has rate_hint, and runs over whole tables the next three; the rest are about formats that are not Singer's.
            let is_of_others = matches!(
                &*written,
                "rate_hint"
                    | "full"
                    | "refresh"
                    | "keep_remote"
                    | "encoding"
                    | "delimiter"
                    | "sheet"
                    | "header_row"
            );
            let is_key = written.ends_with(" in the mapping file");
            assert!(is_of_others || is_key || named(&written).is_some(), "{option} is written {written}");
        }
    }

    #[test]
    fn defaults_are_values_of_their_settings() {
        for setting in SETTINGS {
            let default = setting.default();
            assert_eq!(default.is_some(), setting.default.is_some(), "{}", setting.name);
            let read = default.map_or(Ok(()), |json| (setting.set)(&mut Settings::default(), &json));
            assert_eq!(read, Ok(()), "{}", setting.name);
        }
    }

    #[test]
    fn descriptions_are_sentences_without_blanks_at_line_ends() {
        for setting in SETTINGS {
            let about = setting.about();
            assert!(about.ends_with('.') && !about.contains("  "), "{}: {about:?}", setting.name);
        }
    }
}
