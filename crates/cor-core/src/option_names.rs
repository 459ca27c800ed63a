use std::borrow::Cow;

/// How an interface writes the options that a text names.
///
/// Texts of the library name an option in backticks, as Rust has it: ``set `ca_file` ``. [`apply`](OptionNames::apply) writes it
/// as the user of another interface does.
///
/// | | ``set `ca_file` `` | ``set `decimal` to ","`` | `` `deadline` is 0 `` |
/// |---|---|---|---|
/// | `Rust` | ``set `ca_file` `` | ``set `decimal` to ","`` | `` `deadline` is 0 `` |
/// | `Python` | `set ca_file=` | `set decimal=","` | `deadline is 0` |
/// | `C` | `call cor_config_set_ca_file()` | `set cor_sync_options.decimal to ","` | `deadline is 0` |
/// | `Flags` | `set --ca-file` | `set --decimal to ","` | `--deadline is 0` |
/// | `Settings` | `set ca_file` | `set decimal in the mapping file to ","` | `deadline is 0` |
///
/// ```
/// use cor_core::OptionNames;
/// assert_eq!(OptionNames::Flags.apply("set `ca_file`"), "set --ca-file");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OptionNames {
    /// Methods of a builder, and members of options, in backticks.
    #[default]
    Rust,
    /// Keyword arguments.
    Python,
    /// Functions, and members of a struct.
    C,
    /// Flags of a program; variables of the environment for secrets.
    Flags,
    /// Flags, and beside one without a value the key of a mapping file that does the same.
    FlagsAndKeys,
    /// Settings of a Singer target, and where there is no such setting, the key of a mapping file that does the same.
    Settings,
}

/// One option in every interface.
struct Names {
    rust: &'static str,
    python: &'static str,
    c: C,
    flag: &'static str,
    key: Option<&'static str>,
    setting: Setting,
}

enum Setting {
    /// A setting of this name.
    Named(&'static str),
    /// The key of a mapping file; without one, no setting does the same.
    Key,
}

enum C {
    /// `cor_config_set_…()`.
    Setter(&'static str),
    /// A member of `cor_sync_options`.
    Member(&'static str),
    /// C has no such option.
    None,
}

impl Names {
    const fn of_client(name: &'static str, flag: &'static str, setter: &'static str) -> Names {
        Names {
            rust: name,
            python: name,
            c: C::Setter(setter),
            flag,
            key: None,
            setting: Setting::Named(name),
        }
    }

    const fn of_table(name: &'static str, flag: &'static str, key: Option<&'static str>) -> Names {
        Names { rust: name, python: name, c: C::Member(name), flag, key, setting: Setting::Key }
    }

    /// An option about tables that is a setting of its own.
    const fn of_setting(name: &'static str, flag: &'static str, key: Option<&'static str>) -> Names {
        Names { setting: Setting::Named(name), ..Names::of_table(name, flag, key) }
    }
}

const TABLE: &[Names] = &[
    Names::of_client("base_url", "--base-url", "cor_config_set_base_url"),
    Names::of_client("token_url", "--token-url", "cor_config_set_token_url"),
    Names::of_client("main_url", "--main-url", "cor_config_set_main_url"),
    Names {
        setting: Setting::Named("access_token"),
        ..Names::of_client("token", "--token-file", "cor_config_set_token")
    },
    Names::of_client("api_key", "COR_API_KEY", "cor_config_set_api_key"),
    Names::of_client("client_secret", "COR_CLIENT_SECRET", "cor_config_set_client_secret"),
    Names::of_client("ca_file", "--ca-file", "cor_config_set_ca_file"),
    Names::of_client("client_cert", "--client-cert", "cor_config_set_client_cert"),
    Names::of_client("client_key", "--client-key", "cor_config_set_client_key"),
    Names::of_client("proxy", "--proxy", "cor_config_set_proxy"),
    Names {
        python: "transport",
        setting: Setting::Named("transport"),
        ..Names::of_client("transport_kind", "--transport", "cor_config_set_transport")
    },
    Names::of_client("user_agent", "--user-agent", "cor_config_set_user_agent"),
    Names::of_client("connect_timeout", "--connect-timeout", "cor_config_set_connect_timeout_ms"),
    Names::of_client("attempt_timeout", "--attempt-timeout", "cor_config_set_attempt_timeout_ms"),
    Names::of_client("deadline", "--deadline", "cor_config_set_deadline_ms"),
    Names::of_client("max_attempts", "--max-attempts", "cor_config_set_max_attempts"),
    Names::of_client("backoff_base", "--backoff-base", "cor_config_set_backoff_base_ms"),
    Names::of_client("backoff_cap", "--backoff-cap", "cor_config_set_backoff_cap_ms"),
    Names::of_client("retry_budget", "--retry-budget", "cor_config_set_retry_budget"),
    Names::of_client("concurrency", "--concurrency", "cor_config_set_concurrency"),
    Names::of_client("rate", "--rate", "cor_config_set_rate"),
    // `cor` has no such flag: one run is one client.
    Names::of_client("rate_hint", "rate_hint", "cor_config_set_rate_hint"),
    Names {
        c: C::Member("outage_timeout_ms"),
        ..Names::of_setting("outage_timeout", "--outage-timeout", None)
    },
    Names { c: C::Member("wait_ms"), ..Names::of_setting("wait", "--wait", None) },
    Names::of_setting("day_in", "--day-in", Some("day_in")),
    Names::of_table("refresh", "--refresh", None),
    Names::of_table("keep_remote", "--keep-remote", None),
    Names::of_table("full", "--full", None),
    Names::of_table("date_format", "--date-format", Some("date")),
    Names::of_table("decimal", "--decimal", Some("decimal")),
    Names::of_table("encoding", "--encoding", None),
    Names::of_table("delimiter", "--delimiter", None),
    Names::of_table("thousands", "--thousands", Some("thousands")),
    Names::of_table("null_values", "--null-value", Some("keep")),
    Names::of_setting("clear_nulls", "--clear-nulls", Some("clear_nulls")),
    Names::of_table("clear_value", "--clear-value", Some("clear")),
    Names::of_table("trim", "--trim", Some("trim")),
    Names::of_setting("create_missing", "--create-missing", None),
    Names::of_setting("allow_mangled_ids", "--allow-mangled-ids", None),
    Names::of_table("ignore", "--ignore", Some("ignore")),
    Names::of_setting("id_column", "--id-column", Some("id")),
    Names { c: C::None, ..Names::of_table("sheet", "--sheet", None) },
    Names { c: C::None, ..Names::of_table("header_row", "--header-row", None) },
];

impl OptionNames {
    /// The options that texts name, as Rust has them.
    pub fn options() -> impl Iterator<Item = &'static str> {
        TABLE.iter().map(|option| option.rust)
    }

    /// `text` with the names of this interface. Words in backticks that are no option stay as they are.
    pub fn apply(self, text: &str) -> Cow<'_, str> {
        if self == OptionNames::Rust || !text.contains('`') {
            return text.into();
        }
        let (mut written, mut rest, mut is_typed) = (String::with_capacity(text.len()), text, false);
        while let Some((before, option, behind)) = next_option(rest) {
            let joins_another = is_typed && matches!(before, " and " | " or ");
            is_typed = joins_another || ["set ", "pass ", "with "].iter().any(|verb| before.ends_with(verb));
            written.push_str(before);
            rest = self.write(option, is_typed, behind, &mut written);
        }
        written.push_str(rest);
        written.into()
    }

    /// Writes the option, and returns what of `behind` is still to be written.
    fn write<'t>(self, option: &Names, is_typed: bool, behind: &'t str, written: &mut String) -> &'t str {
        let value = behind.strip_prefix(" to ").or_else(|| behind.strip_prefix(' '));
        let value = value.filter(|value| value.starts_with('"'));
        match (self, &option.c) {
            (OptionNames::Python, _) => {
                written.push_str(option.python);
                // The name of an encoding stands without quotation marks, as a shell takes it.
                let encoding =
                    behind.strip_prefix(' ').filter(|_| option.rust == "encoding" && value.is_none());
                if let Some(encoding) = encoding {
                    let (name, rest) =
                        encoding.split_at(encoding.find([',', ';', ' ']).unwrap_or(encoding.len()));
                    written.push_str("=\"");
                    written.push_str(name);
                    written.push('"');
                    return rest;
                }
                if is_typed || value.is_some() {
                    written.push('=');
                }
                return value.unwrap_or(behind);
            }
            (OptionNames::C, C::Setter(setter)) if is_typed => {
                if written.ends_with("set ") {
                    written.truncate(written.len() - "set ".len());
                    written.push_str("call ");
                }
                written.push_str(setter);
                written.push_str("()");
                if let Some(value) = behind.strip_prefix(" to ") {
                    written.push_str(" with ");
                    return value;
                }
            }
            (OptionNames::C, C::Member(member)) if is_typed => {
                written.push_str("cor_sync_options.");
                written.push_str(member);
            }
            (OptionNames::C, _) => written.push_str(option.rust),
            (OptionNames::Settings, _) => match (&option.setting, option.key) {
                (Setting::Named(name), _) => written.push_str(name),
                (Setting::Key, Some(key)) => {
                    written.push_str(key);
                    written.push_str(" in the mapping file");
                }
                (Setting::Key, None) => written.push_str(option.rust),
            },
            _ => {
                written.push_str(option.flag);
                if let (OptionNames::FlagsAndKeys, Some(key), None) = (self, option.key, value) {
                    written.push_str(" (or ");
                    written.push_str(key);
                    written.push_str(" in the mapping file)");
                }
            }
        }
        behind
    }
}

/// The first option that a text names, with the text before and behind it.
fn next_option(text: &str) -> Option<(&str, &'static Names, &str)> {
    text.match_indices('`').find_map(|(at, _)| {
        let (name, behind) = text[at + 1..].split_once('`')?;
        let option = TABLE.iter().find(|option| option.rust == name)?;
        Some((&text[..at], option, behind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_an_option_as_each_interface_does() {
        use OptionNames::{C, Flags, FlagsAndKeys, Python, Rust, Settings};
        for (names, text, expected) in [
            (Rust, "set `ca_file`", "set `ca_file`"),
            (Python, "set `ca_file`", "set ca_file="),
            (
                Python,
                "set `client_cert` and `client_key` together",
                "set client_cert= and client_key= together",
            ),
            (
                Python,
                "`client_key` is not the key of `client_cert`",
                "client_key is not the key of client_cert",
            ),
            (Python, "set `decimal` to \",\" and `thousands` \".\"", "set decimal=\",\" and thousands=\".\""),
            (
                Python,
                "read it with `encoding` utf-8, or save it",
                "read it with encoding=\"utf-8\", or save it",
            ),
            (Python, "`transport_kind` is set", "transport is set"),
            (C, "set `deadline`", "call cor_config_set_deadline_ms()"),
            (C, "`deadline` is 0", "deadline is 0"),
            (C, "set `base_url` to https://a", "call cor_config_set_base_url() with https://a"),
            (
                C,
                "set `api_key` and `client_secret`",
                "call cor_config_set_api_key() and cor_config_set_client_secret()",
            ),
            (C, "set `decimal` to \",\"", "set cor_sync_options.decimal to \",\""),
            (C, "choose one with `sheet`", "choose one with sheet"),
            (Flags, "set `base_url` to https://a", "set --base-url to https://a"),
            (Flags, "set `api_key`", "set COR_API_KEY"),
            (Flags, "pass it with `null_values`", "pass it with --null-value"),
            (
                FlagsAndKeys,
                "pass it with `null_values`; set `decimal` to \",\"; use `encoding` utf-8",
                "pass it with --null-value (or keep in the mapping file); set --decimal to \",\"; use --encoding utf-8",
            ),
            (Settings, "set `token`", "set access_token"),
            (Settings, "`deadline` is 0", "deadline is 0"),
            (Settings, "set `day_in`", "set day_in"),
            (Settings, "set `decimal` to \",\"", "set decimal in the mapping file to \",\""),
            (Settings, "use `encoding` utf-8", "use encoding utf-8"),
            (Flags, "`name` and ` `trim", "`name` and ` `trim"),
            (Flags, "a lone ` before `rate`", "a lone ` before --rate"),
        ] {
            assert_eq!(names.apply(text), expected, "{names:?}");
        }
    }
}
