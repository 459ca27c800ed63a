use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cor_core::{ErrorKind, Invalid, Issue, OptionNames, Outcome, Refusal};

/// Why a call did not end with COR's confirmation, and what is known about the update.
///
/// The text is one line: what was attempted, what happened, what to do. Causes below it are reachable through
/// [`source`](StdError::source). No text of an error holds a token or secret.
///
/// | [`kind`](Error::kind) | what to do |
/// |---|---|
/// | `invalid`, `invalid_date_range` | correct the values named in [`issues`](Error::issues) |
/// | `config`, `auth`, `forbidden` | correct the set-up, the credentials or the role |
/// | `project_not_found` | check the external id and its source |
/// | `validation` | COR refused a value: see [`code`](Error::code) and the text |
/// | `rate_limited`, `server`, `timeout`, `transport` | try again later, after [`retry_after`](Error::retry_after) if COR gave a time |
/// | `tls`, `redirect`, `protocol`, `too_large` | check address, proxy and certificates |
/// | `cancelled` | the caller stopped it |
///
/// Through serde it is the object that `cor --json` prints under `error`: `kind`, `outcome`, `message` (the
/// [`chain`](Error::chain)), `code`, `status`, `attempts`, `retry_after` (seconds), `request_id`, `issues` (each with `field`,
/// `code`, `message`) and `body`; what is not known is null. It has no `Deserialize`: the cause of an error is not data.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    outcome: Outcome,
    action: String,
    happened: String,
    advice: Cow<'static, str>,
    code: Option<String>,
    status: Option<u16>,
    attempts: u32,
    retry_after: Option<Duration>,
    retryable: bool,
    of_every_row: bool,
    /// The request changes nothing, so that there is no outcome to speak of.
    of_reading: bool,
    /// What reading the project back said about the outcome.
    read_back: Option<String>,
    request_id: Option<String>,
    body: Option<String>,
    issues: Vec<Issue>,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind` that happened before anything was sent. `happened` ends without a full stop.
    pub(crate) fn new(kind: ErrorKind, happened: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            kind,
            outcome: Outcome::NotApplied,
            action: String::new(),
            happened: happened.into(),
            advice: advice(kind).into(),
            code: None,
            status: None,
            attempts: 0,
            retry_after: None,
            retryable: false,
            of_every_row: false,
            of_reading: false,
            read_back: None,
            request_id: None,
            body: None,
            issues: Vec::new(),
            cause: None,
        }))
    }

    pub(crate) fn config(happened: impl Into<String>) -> Error {
        Error::new(ErrorKind::Config, happened).attempting("set up the client")
    }

    /// The refusal of an update for problems found before anything was sent.
    pub fn invalid(invalid: Invalid) -> Error {
        let mut error = Error::new(invalid.kind(), invalid.to_string());
        error.0.advice = "".into();
        error.0.issues = invalid.into_issues();
        error
    }

    /// No call can be made without credentials. Flags hold no secrets, so for flags the advice names the environment.
    pub(crate) fn no_credentials(names: OptionNames) -> Error {
        Error::config("no credentials are set").advising(match names {
            OptionNames::Flags | OptionNames::FlagsAndKeys => {
                "set COR_ACCESS_TOKEN, or COR_API_KEY with COR_CLIENT_SECRET, or pass --token-file FILE or --profile NAME"
            }
            _ => {
                "set `token`, or `api_key` with `client_secret` (environment: COR_ACCESS_TOKEN, or COR_API_KEY with \
                 COR_CLIENT_SECRET), or choose a profile (COR_PROFILE)"
            }
        })
    }

    pub(crate) fn attempting(mut self, action: impl Into<String>) -> Error {
        self.0.action = action.into();
        self
    }

    pub(crate) fn advising(mut self, advice: impl Into<Cow<'static, str>>) -> Error {
        self.0.advice = advice.into();
        self
    }

    /// The error with options named as in another interface. Texts from outside, such as COR's message, stay as they are.
    ///
    /// The errors of a client have the names of [`option_names`](crate::ClientBuilder::option_names) already; this is for those
    /// that arise before there is a client.
    pub fn with_option_names(mut self, names: OptionNames) -> Error {
        let is_local = self.is_local();
        let inner = &mut *self.0;
        inner.advice = names.apply(&inner.advice).into_owned().into();
        if inner.kind == ErrorKind::Config || is_local {
            inner.happened = names.apply(&inner.happened).into_owned();
        }
        for issue in &mut inner.issues {
            issue.message = names.apply(&issue.message).into_owned();
        }
        self
    }

    /// Whether both say that the same happened, however they name options.
    pub(crate) fn is_like(&self, other: &Error) -> bool {
        self.0.happened.replace('`', "") == other.0.happened.replace('`', "")
    }

    /// The error as that of a value in a profile, where options have the names of keys.
    pub(crate) fn of_profile(mut self, name: &str, path: &Path) -> Error {
        let inner = &mut *self.0;
        let keys = |text: &str| text.replace("`transport_kind`", "transport").replace('`', "");
        inner.action = format!("use the profile {name}");
        inner.happened = format!("{}: {}", path.display(), keys(&inner.happened));
        inner.advice = keys(&inner.advice).into();
        self
    }

    /// Puts the reason why the call ended in front of what happened.
    pub(crate) fn because(mut self, reason: String) -> Error {
        self.0.happened = format!("{reason}: {}", self.0.happened);
        self
    }

    pub(crate) fn leaving(mut self, outcome: Outcome) -> Error {
        self.0.outcome = outcome;
        self
    }

    pub(crate) fn after(mut self, attempts: u32) -> Error {
        self.0.attempts = attempts;
        self
    }

    pub(crate) fn waiting(mut self, wait: Option<Duration>) -> Error {
        self.0.retry_after = wait;
        self
    }

    pub(crate) fn retryable(mut self, retryable: bool) -> Error {
        self.0.retryable = retryable;
        self
    }

    /// Marks a failure that every other row of a run would meet too: the end of a wait for COR, or no token.
    pub(crate) fn of_every_row(mut self) -> Error {
        self.0.of_every_row = true;
        self
    }

    /// Whether every other row of a run would meet it too.
    pub(crate) fn is_of_every_row(&self) -> bool {
        self.0.of_every_row
    }

    /// The error of a request that changes nothing.
    pub(crate) fn of_reading(mut self) -> Error {
        self.0.of_reading = true;
        self.0.outcome = Outcome::NotApplied;
        match self.0.kind {
            ErrorKind::Protocol => {
                self.advising("check that `main_url` is the address of COR's main API, version included")
            }
            _ => self,
        }
    }

    /// Adds what reading the project back said: `finding` is a clause behind "the project was read back:". The outcome is what follows.
    pub(crate) fn read_back(mut self, finding: impl Into<String>, outcome: Outcome) -> Error {
        self.0.read_back = Some(finding.into());
        self.0.outcome = outcome;
        self
    }

    pub(crate) fn caused_by(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        self.0.cause = Some(Arc::from(cause.into()));
        self
    }

    /// What COR answered.
    pub(crate) fn answered(
        mut self,
        status: u16,
        code: Option<&str>,
        request_id: Option<String>,
        body: &[u8],
    ) -> Error {
        self.0.status = Some(status);
        self.0.code = code.map(str::to_owned);
        self.0.request_id = request_id;
        self.0.body = excerpt(body);
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the update took effect, as far as the client can know.
    pub fn outcome(&self) -> Outcome {
        self.0.outcome
    }

    /// Whether the project was read back from COR's main API after the response to an update was lost, to learn its outcome. The
    /// text says what that showed. The outcome is still `unknown` where it showed too little.
    pub fn is_read_back(&self) -> bool {
        self.0.read_back.is_some()
    }

    /// The text that [`Display`](fmt::Display) shows, without causes.
    pub fn message(&self) -> String {
        self.to_string()
    }

    /// The text followed by its causes, as one line.
    pub fn chain(&self) -> String {
        self.with_causes(self.to_string())
    }

    /// What was attempted and what happened, with the outcome and the causes, as one line: [`chain`](Error::chain) without the
    /// [`advice`](Error::advice), for a program that shows the advice on a line of its own.
    pub fn without_advice(&self) -> String {
        let mut text = String::new();
        // Writing into a String does not fail.
        let _ = self.write_attempt(&mut text);
        self.with_causes(text)
    }

    /// What happened, with the outcome and the causes, as one line: [`chain`](Error::chain) without what was attempted and
    /// without the [`advice`](Error::advice). For a list of errors that names each project itself and gives the advice once.
    pub fn reason(&self) -> String {
        let mut text = String::new();
        // Writing into a String does not fail.
        let _ = self.write_reason(&mut text);
        self.with_causes(text)
    }

    /// What happened, with the causes, for a text about a request that changes nothing.
    pub(crate) fn happened(&self) -> String {
        self.with_causes(self.0.happened.clone())
    }

    /// What to do next, as the text says it; `None` where it says nothing.
    pub fn advice(&self) -> Option<&str> {
        Some(&*self.0.advice).filter(|advice| !advice.is_empty())
    }

    fn write_attempt(&self, f: &mut impl fmt::Write) -> fmt::Result {
        if !self.0.action.is_empty() {
            write!(f, "could not {}: ", self.0.action)?;
        }
        self.write_reason(f)
    }

    fn write_reason(&self, f: &mut impl fmt::Write) -> fmt::Result {
        let inner = &*self.0;
        f.write_str(&inner.happened)?;
        match (inner.attempts, inner.outcome) {
            (0, _) => Ok(()),
            (1, _) if inner.of_reading => Ok(()),
            (n, _) if inner.of_reading => write!(f, " ({n} attempts)"),
            (1, outcome) => write!(f, "; {}", words(outcome)),
            (n, outcome) => write!(f, " ({n} attempts); {}", words(outcome)),
        }?;
        match &inner.read_back {
            Some(finding) => write!(f, " (the project was read back: {finding})"),
            None => Ok(()),
        }
    }

    fn with_causes(&self, mut text: String) -> String {
        let mut cause = self.source();
        while let Some(error) = cause {
            let says = error.to_string();
            if !text.contains(&says) {
                text.push_str(": ");
                text.push_str(&says);
            }
            cause = error.source();
        }
        text
    }

    /// COR's code for the error: `ZC001`, `ProjectNotFoundError`, …
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// Whether COR refused a create because it has a project of this external id already.
    pub fn is_duplicate(&self) -> bool {
        self.code().is_some_and(Refusal::is_duplicate_code)
    }

    /// The HTTP status of the last response, where there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// How many requests this call started to send.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// Whether the update was refused before anything was sent, for the problems in [`issues`](Error::issues): an `invalid`
    /// error, or an `invalid_date_range` that COR never saw.
    pub fn is_local(&self) -> bool {
        matches!(self.kind(), ErrorKind::Invalid | ErrorKind::InvalidDateRange) && self.attempts() == 0
    }

    /// How long COR asked to wait before the next request.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the same call could succeed later without a change.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// The request id from the response's headers, set by the server or a gateway in front of it.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The start of the response's body: at most 4 KiB, control characters replaced.
    pub fn body(&self) -> Option<&str> {
        self.0.body.as_deref()
    }

    /// Every problem that was found before anything was sent; empty for errors of other kinds.
    pub fn issues(&self) -> &[Issue] {
        &self.0.issues
    }
}

/// The advice for errors of this kind that carry none of their own.
fn advice(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Auth => "check the token, or the API key and client secret",
        ErrorKind::Forbidden => "in COR, assign the token's user a role that may change projects",
        ErrorKind::ProjectNotFound => {
            "check the external id, the source the project was created with, and the base URL"
        }
        ErrorKind::Validation => "correct the values and try again",
        ErrorKind::RateLimited => "try again later or at a lower rate",
        ErrorKind::Server => "try again later",
        ErrorKind::Timeout => "try again later or with a longer deadline",
        ErrorKind::Transport => "check the network and the base URL, then try again",
        ErrorKind::Tls => {
            "check the base URL; if a private certificate authority signed the server's certificate, set \
             `ca_file`"
        }
        ErrorKind::Protocol => {
            "check that the base URL is COR's and that no proxy or gateway answers in COR's place"
        }
        ErrorKind::Redirect => {
            "if COR's API has moved, set `base_url` to its address; otherwise a sign-in page or a gateway may have \
             answered"
        }
        ErrorKind::TooLarge => "check that the base URL is COR's",
        _ => "",
    }
}

/// The printable text of a response's body: at most 4 KiB, control characters replaced by spaces.
fn excerpt(body: &[u8]) -> Option<String> {
    const MOST: usize = 4096;
    let body = body.trim_ascii();
    if body.is_empty() {
        return None;
    }
    let mut text: String = String::from_utf8_lossy(&body[..body.len().min(MOST)])
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    // Replacing bytes that are not UTF-8 makes the text longer.
    while text.len() > MOST {
        text.pop();
    }
    Some(text)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_attempt(f)?;
        match self.advice() {
            None => Ok(()),
            Some(advice) => write!(f, "; {advice}"),
        }
    }
}

fn words(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Applied => "applied",
        Outcome::NotApplied => "not applied",
        Outcome::Unknown => "whether COR applied the change is unknown",
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.debug_struct("Error")
            .field("kind", &inner.kind)
            .field("outcome", &inner.outcome)
            .field("message", &self.message())
            .field("code", &inner.code)
            .field("status", &inner.status)
            .field("attempts", &inner.attempts)
            .field("retry_after", &inner.retry_after)
            .field("retryable", &inner.retryable)
            .field("request_id", &inner.request_id)
            .field("body", &inner.body)
            .field("issues", &inner.issues)
            .field("cause", &inner.cause)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn excerpts_are_short_and_printable() {
        assert_eq!(excerpt(b" \r\n"), None);
        assert_eq!(excerpt(b"a\x1b[31mb\r\nc\xff").as_deref(), Some("a [31mb  c\u{fffd}"));
        assert!(excerpt(&vec![0xff; 9000]).unwrap().len() <= 4096);
    }

    #[test]
    fn chain_of_causes_has_no_duplicates() {
        let refused = std::io::Error::other("Connection refused (os error 111)");
        let cause =
            std::io::Error::other(Error::new(ErrorKind::Config, "tcp connect error").caused_by(refused));
        let error = Error::new(ErrorKind::Transport, "nothing listens (Connection refused (os error 111))");
        assert_eq!(
            error.advising("").caused_by(cause).chain(),
            "nothing listens (Connection refused (os error 111)): tcp connect error"
        );
    }

    #[test]
    fn text_is_one_line_with_action_event_and_advice() {
        let error = Error::new(ErrorKind::Server, "COR failed with HTTP 503")
            .attempting("update project \"A\" (SALESFORCE)")
            .leaving(Outcome::Unknown)
            .after(4);
        assert_eq!(
            error.to_string(),
            "could not update project \"A\" (SALESFORCE): COR failed with HTTP 503 (4 attempts); \
             whether COR applied the change is unknown; try again later"
        );
        assert_eq!(
            error.reason(),
            "COR failed with HTTP 503 (4 attempts); whether COR applied the change is unknown"
        );
        assert_eq!(error.advice(), Some("try again later"));
        assert_eq!(error.advising("").advice(), None);
    }
}
