use std::fmt;

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

use crate::UnknownField;
use crate::format::{as_text, unknown_word};

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $variant:ident = $word:literal,)*) => {
        /// The kind of a problem, as a stable name for programs.
        ///
        /// Through serde it is this name in every format. The list is closed: a name of a later version is an error that
        /// names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum IssueCode { $($(#[doc = $doc])* $variant,)* }

        impl IssueCode {
            /// Every code.
            pub const ALL: &'static [IssueCode] = &[$(IssueCode::$variant,)*];

            /// The name: `not_a_date`, `unknown_field`, …
            pub const fn as_str(self) -> &'static str {
                match self { $(IssueCode::$variant => $word,)* }
            }
        }
    };
}

codes! {
    /// A required value is missing or empty.
    Required = "required",
    /// No field has this name.
    UnknownField = "unknown_field",
    /// The field takes another type of value.
    WrongType = "wrong_type",
    /// Not a real day written `YYYY-MM-DD`.
    NotADate = "not_a_date",
    /// Not a plain JSON number.
    NotANumber = "not_a_number",
    /// NaN or infinite.
    NotFinite = "not_finite",
    /// Not `true` or `false`.
    NotABoolean = "not_a_boolean",
    /// Not one of the values the field takes.
    NotAllowed = "not_allowed",
    /// `start` is after `end`.
    DateRange = "date_range",
    /// The update would change nothing.
    NothingToChange = "nothing_to_change",
    /// The value is not allowed there, such as an id that cannot be part of a URL.
    NotAddressable = "not_addressable",
    /// The extra has the name of a field.
    Reserved = "reserved",
}

as_text!(IssueCode, "the code of an issue", |word| {
    let known = IssueCode::ALL.iter().copied();
    known
        .clone()
        .find(|code| code.as_str() == word)
        .ok_or_else(|| unknown_word(word, known.map(IssueCode::as_str)))
});

impl fmt::Display for IssueCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One problem of an update: the field, the problem and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Issue {
    /// The field's name on the wire; `id` for the external id, `metadata.source` for the source.
    pub field: String,
    /// The problem as a stable name.
    pub code: IssueCode,
    /// One sentence for people, without the field's name in front.
    pub message: String,
}

impl Issue {
    /// A problem of `field`.
    pub fn new(field: impl Into<String>, code: IssueCode, message: impl Into<String>) -> Self {
        Issue { field: field.into(), code, message: message.into() }
    }

    /// A number that JSON does not have.
    pub(crate) fn not_finite(field: &str) -> Self {
        let message = "is NaN or infinite; pass a finite number, or leave the field out to keep its value";
        Issue::new(field, IssueCode::NotFinite, message)
    }

    /// A name that is no field, with the nearest one that is.
    pub fn unknown_field(name: &str) -> Self {
        Issue::new(name, IssueCode::UnknownField, UnknownField::new(name).to_string())
    }
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

impl std::error::Error for Issue {}

/// Divides the sentence of a problem at its first semicolon outside of quotation marks: what is wrong, and what to do.
///
/// ```
/// use cor_core::split_advice;
/// assert_eq!(split_advice("\"a; b\" is not a date; write a day"), ("\"a; b\" is not a date", Some("write a day")));
/// assert_eq!(split_advice("holds the external id"), ("holds the external id", None));
/// ```
pub fn split_advice(sentence: &str) -> (&str, Option<&str>) {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, c) in sentence.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = is_quoted,
            '"' => is_quoted = !is_quoted,
            ';' if !is_quoted && sentence[at..].starts_with("; ") => {
                return (&sentence[..at], Some(&sentence[at + 2..]));
            }
            _ => {}
        }
    }
    (sentence, None)
}

/// An update that was refused before anything was sent. Holds every problem found.
///
/// Through serde it is the list of its issues, which is never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Invalid {
    issues: Vec<Issue>,
}

impl Invalid {
    /// The refusal for these problems; `None` where there are none.
    pub fn from_issues(issues: Vec<Issue>) -> Option<Invalid> {
        (!issues.is_empty()).then_some(Invalid { issues })
    }

    /// Every problem, at least one.
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }

    /// Every problem, at least one.
    pub fn into_issues(self) -> Vec<Issue> {
        self.issues
    }

    /// Whether the only problem is that nothing would change: an update without a field. In bulk such a row is not a
    /// failure, because nothing has to be sent.
    pub fn is_nothing_to_change(&self) -> bool {
        self.issues.iter().all(|issue| issue.code == IssueCode::NothingToChange)
    }

    /// The kind this refusal has as an error: a range of days that ends before it starts has the kind the
    /// server's own refusal would have.
    pub fn kind(&self) -> crate::ErrorKind {
        if self.issues.iter().all(|issue| issue.code == IssueCode::DateRange) {
            crate::ErrorKind::InvalidDateRange
        } else {
            crate::ErrorKind::Invalid
        }
    }
}

impl<'de> Deserialize<'de> for Invalid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let issues = Vec::deserialize(deserializer)?;
        Invalid::from_issues(issues).ok_or_else(|| D::Error::custom("the list of issues is empty"))
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, issue) in self.issues.iter().enumerate() {
            if i > 0 {
                f.write_str("; ")?;
            }
            issue.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Invalid {}
