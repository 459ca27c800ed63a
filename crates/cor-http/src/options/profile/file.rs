//! The configuration file: its format, and who may read it.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use zeroize::Zeroizing;

use super::Profile;
use crate::Error;
use crate::auth::TokenCommand;
use crate::options::credentials::Level;
use crate::options::seconds;
use crate::options::settings::Settings;
use crate::transport::TransportKind;

/// The keys of a profile: the names of the options.
const KEYS: [&str; 24] = [
    "source",
    "base_url",
    "token_url",
    "main_url",
    "token",
    "api_key",
    "client_secret",
    "token_command",
    "ca_file",
    "client_cert",
    "client_key",
    "proxy",
    "transport",
    "user_agent",
    "connect_timeout",
    "attempt_timeout",
    "deadline",
    "max_attempts",
    "backoff_base",
    "backoff_cap",
    "retry_budget",
    "concurrency",
    "rate",
    "rate_hint",
];

/// Reads a profile of a file.
pub(super) fn read(name: &str, path: &Path) -> Result<Profile, Error> {
    let failed = |error: std::io::Error| {
        Error::config(format!("the configuration file {} cannot be read", path.display()))
            .attempting(format!("read the profile {name}"))
            .advising(
                "cor config path prints its place (mkdir -p \"$(dirname \"$(cor config path)\")\" makes its folder); COR_CONFIG names \
                 another file",
            )
            .caused_by(error)
    };
    let mut file = File::open(path).map_err(failed)?;
    let access = Access::of(&file).map_err(failed)?;
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(failed)?;
    let reader = Reader { name, path, text: &text };
    let (table, mistakes) = DeTable::parse_recoverable(&text);
    if let Some(mistake) = mistakes.first() {
        // The message of the parser names what it expected, and quotes nothing.
        let what = mistake.message().lines().collect::<Vec<_>>().join(", ");
        return Err(reader.wrong(&mistake.span().unwrap_or_default(), what));
    }
    let profiles = reader.profiles(table.get_ref())?;
    reader.check_access(access, profiles)?;
    match profiles.iter().find(|(key, _)| key.get_ref() == name) {
        Some((_, profile)) => reader.profile(reader.table(profile)?),
        None => Err(reader.unknown(profiles)),
    }
}

struct Reader<'a> {
    name: &'a str,
    path: &'a Path,
    text: &'a str,
}

impl Reader<'_> {
    fn error(&self, happened: impl std::fmt::Display) -> Error {
        Error::config(format!("{}{happened}", self.path.display()))
            .attempting(format!("read the profile {}", self.name))
    }

    /// The folder that relative paths of the file start from.
    fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new(""))
    }

    /// A mistake at this place of the file.
    fn wrong(&self, at: &Range<usize>, what: impl std::fmt::Display) -> Error {
        let line = self.text.get(..at.start).unwrap_or_default().matches('\n').count() + 1;
        self.error(format!(", line {line}: {what}"))
    }

    /// The table of profiles.
    fn profiles<'t>(&self, file: &'t DeTable<'t>) -> Result<&'t DeTable<'t>, Error> {
        if let Some((key, _)) = file.iter().find(|(key, _)| key.get_ref() != "profile") {
            let what = format!("{:?} is not known here; begin a profile with [profile.NAME]", key.get_ref());
            return Err(self.wrong(&key.span(), what));
        }
        match file.iter().next() {
            Some((_, profiles)) => self.table(profiles),
            None => Err(self.error(" has no profile").advising("begin a profile with [profile.NAME]")),
        }
    }

    fn table<'t>(&self, value: &'t Spanned<DeValue<'t>>) -> Result<&'t DeTable<'t>, Error> {
        match value.get_ref() {
            DeValue::Table(table) => Ok(table),
            _ => Err(self.wrong(&value.span(), "a profile is a table; begin it with [profile.NAME]")),
        }
    }

    fn unknown(&self, profiles: &DeTable<'_>) -> Error {
        let mut names: Vec<_> = profiles.keys().map(|key| key.get_ref().as_ref()).collect();
        names.sort_unstable();
        let near = nearest(self.name, names.iter().copied());
        let near = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        self.error(format!(" has no such profile; its profiles are {}{near}", names.join(", ")))
    }

    /// Refuses a file that holds secrets if others can read it, and one that names a program if others can change it. The owner
    /// of a file can do both, and root can anyway.
    fn check_access(&self, access: Access, profiles: &DeTable<'_>) -> Result<(), Error> {
        let holds = |is: fn(&str, &DeValue<'_>) -> bool| {
            profiles
                .values()
                .filter_map(|profile| match profile.get_ref() {
                    DeValue::Table(profile) => Some(profile),
                    _ => None,
                })
                .any(|profile| profile.iter().any(|(key, value)| is(key.get_ref(), value.get_ref())))
        };
        let is_secret = |key: &str, value: &DeValue<'_>| match value {
            DeValue::String(text) => {
                matches!(key, "token" | "client_secret") || (key == "proxy" && text.contains('@'))
            }
            _ => false,
        };
        let is_command = |key: &str, _: &DeValue<'_>| key == "token_command";
        let Access { mode, owner, user } = access;
        if owner != user && owner != 0 && (holds(is_secret) || holds(is_command)) {
            return Err(self
                .error(format!(
                    " holds secrets or names a program to run, and it belongs to another user (id {owner}; this program runs as {user})"
                ))
                .advising("use a file of your own (COR_CONFIG), or change the owner with chown"));
        }
        let what = match mode & 0o777 {
            mode if mode & 0o077 != 0 && holds(is_secret) => {
                "holds secrets, and other users may read or change it"
            }
            mode if mode & 0o022 != 0 && holds(is_command) => {
                "names a program to run, and other users may change it"
            }
            _ => return Ok(()),
        };
        Err(self
            .error(format!(" {what} (mode {:03o})", mode & 0o777))
            .advising(format!("run: chmod 600 {}", shell_word(&self.path.to_string_lossy()))))
    }

    fn profile(&self, table: &DeTable<'_>) -> Result<Profile, Error> {
        let mut settings = Settings::default();
        let mut source = None;
        for (key, value) in table {
            let read = Value { reader: self, key: key.get_ref(), value };
            match read.key {
                "source" => source = Some(read.source()?),
                "base_url" => settings.base_url = Some(read.text()?),
                "token_url" => settings.token_url = Some(read.text()?),
                "main_url" => settings.main_url = Some(read.text()?),
                "token" => settings.credentials.token = Some(read.secret()?),
                "api_key" => settings.credentials.api_key = Some(read.secret()?),
                "client_secret" => settings.credentials.client_secret = Some(read.secret()?),
                "token_command" => settings.credentials.command = Some(TokenCommand::new(read.command()?)),
                "ca_file" => settings.ca_file = Some(read.path()?),
                "client_cert" => settings.client_cert = Some(read.path()?),
                "client_key" => settings.client_key = Some(read.path()?),
                "proxy" => settings.proxy = Some(read.secret()?),
                "transport" => settings.transport_kind = Some(read.transport()?),
                "user_agent" => settings.user_agent = Some(read.text()?),
                "connect_timeout" => settings.connect_timeout = Some(read.seconds()?),
                "attempt_timeout" => settings.attempt_timeout = Some(read.seconds()?),
                "deadline" => settings.deadline = Some(read.seconds()?),
                "max_attempts" => settings.max_attempts = Some(read.count()?),
                "backoff_base" => settings.backoff_base = Some(read.seconds()?),
                "backoff_cap" => settings.backoff_cap = Some(read.seconds()?),
                "retry_budget" => settings.retry_budget = Some(read.count()?),
                "concurrency" => settings.concurrency = Some(read.count()? as usize),
                "rate" => settings.rate = Some(read.number()?),
                "rate_hint" => settings.rate_hint = Some(read.number()?),
                unknown => {
                    let what = match nearest(unknown, KEYS.into_iter()) {
                        Some(near) => format!("no option is called {unknown:?}; did you mean {near}?"),
                        None => {
                            format!("no option is called {unknown:?}; the options are {}", KEYS.join(", "))
                        }
                    };
                    return Err(self.wrong(&key.span(), what));
                }
            }
        }
        let level = Level::Profile { name: self.name.to_owned(), path: self.path.to_owned() };
        Ok(Profile { settings, level, source })
    }
}

/// One value of a profile.
struct Value<'a> {
    reader: &'a Reader<'a>,
    key: &'a str,
    value: &'a Spanned<DeValue<'a>>,
}

impl Value<'_> {
    /// The error never shows the value, which may be a secret.
    fn must_be(&self, what: &str) -> Error {
        self.reader.wrong(&self.value.span(), format!("{} must be {what}", self.key))
    }

    fn str(&self) -> Result<&str, Error> {
        match self.value.get_ref() {
            DeValue::String(text) => Ok(text),
            _ => Err(self.must_be("text between quotation marks")),
        }
    }

    fn text(&self) -> Result<String, Error> {
        self.str().map(str::to_owned)
    }

    fn secret(&self) -> Result<SecretString, Error> {
        self.str().map(SecretString::from)
    }

    /// A path, relative to the folder of the configuration file.
    fn path(&self) -> Result<std::path::PathBuf, Error> {
        self.str().map(|path| self.reader.folder().join(path))
    }

    /// The source of projects.
    fn source(&self) -> Result<String, Error> {
        match self.str()?.trim().is_empty() {
            true => Err(self.must_be("the system that projects were created from, such as \"SALESFORCE\"")),
            false => self.text(),
        }
    }

    /// A program and its arguments. A program with a folder is a path like the others; without one it is looked up in `PATH`.
    fn command(&self) -> Result<Vec<OsString>, Error> {
        let mut words = self.words()?;
        if let Some(program) = words.first_mut() {
            if program.to_string_lossy().contains(std::path::is_separator) {
                *program = self.reader.folder().join(&*program).into();
            }
        }
        Ok(words)
    }

    fn words(&self) -> Result<Vec<OsString>, Error> {
        let wrong =
            || self.must_be("a list of the program and its arguments, such as [\"op\", \"read\", \"…\"]");
        let DeValue::Array(words) = self.value.get_ref() else { return Err(wrong()) };
        let word = |word: &Spanned<DeValue<'_>>| match word.get_ref() {
            DeValue::String(word) => Ok(word.as_ref().into()),
            _ => Err(wrong()),
        };
        words.iter().map(word).collect()
    }

    fn number(&self) -> Result<f64, Error> {
        let number = match self.value.get_ref() {
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).ok().map(|n| n as f64)
            }
            DeValue::Float(number) => number.as_str().parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| self.must_be("a number"))
    }

    fn seconds(&self) -> Result<Duration, Error> {
        let number = self.number()?;
        seconds(self.key, number)
            .map_err(|_| self.must_be("a number of seconds above zero and at most seven days"))
    }

    fn count(&self) -> Result<u32, Error> {
        let number = self.number()?;
        match number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) {
            true => Ok(number as u32),
            false => Err(self.must_be("a whole number")),
        }
    }

    fn transport(&self) -> Result<TransportKind, Error> {
        self.str()?.parse().map_err(|_| self.must_be("\"reqwest\" or \"direct\""))
    }
}

/// The name that was probably meant.
fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let scored = known.map(|known| (strsim::jaro_winkler(name, known), known));
    scored.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

/// Who may read and change a file, and who asks.
#[derive(Clone, Copy)]
struct Access {
    mode: u32,
    owner: u32,
    user: u32,
}

impl Access {
    /// That of an open file.
    #[cfg(unix)]
    fn of(file: &File) -> std::io::Result<Access> {
        use std::os::unix::fs::MetadataExt;
        let metadata = file.metadata()?;
        Ok(Access { mode: metadata.mode(), owner: metadata.uid(), user: rustix::process::geteuid().as_raw() })
    }

    /// There are no such permissions: that of a private file.
    #[cfg(not(unix))]
    fn of(_: &File) -> std::io::Result<Access> {
        Ok(Access { mode: 0o600, owner: 0, user: 0 })
    }
}

/// A word for a shell.
fn shell_word(word: &str) -> String {
    let is_plain =
        |c: char| c.is_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | ',' | ':' | '@');
    match word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_secrets_and_programs_in_file_of_other_user() {
        for (text, owner, user, is_refused) in [
            ("[profile.a]\ntoken = 't'", 1000, 1000, false),
            ("[profile.a]\ntoken = 't'", 0, 1000, false),
            ("[profile.a]\ntoken = 't'", 1001, 1000, true),
            ("[profile.a]\ntoken_command = ['op']", 1001, 1000, true),
            ("[profile.a]\ntoken_command = ['op']", 1001, 0, true),
            ("[profile.a]\nsource = 'SAP'", 1001, 1000, false),
        ] {
            let reader = Reader { name: "a", path: Path::new("/c.toml"), text };
            let (table, _) = DeTable::parse_recoverable(text);
            let profiles = reader.profiles(table.get_ref()).unwrap();
            match (reader.check_access(Access { mode: 0o600, owner, user }, profiles), is_refused) {
                (Ok(()), false) => {}
                (Err(error), true) => assert_eq!(
                    error.to_string(),
                    format!(
                        "could not read the profile a: /c.toml holds secrets or names a program to run, and it belongs to another \
                         user (id {owner}; this program runs as {user}); use a file of your own (COR_CONFIG), or change the owner \
                         with chown"
                    )
                ),
                (result, _) => panic!("{text} of {owner} for {user}: {result:?}"),
            }
        }
    }
}
