use std::fmt;

use crate::Field;

/// What is wrong with a value, as a stable word for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum IssueCode {
    /// Something that must be there is empty.
    Required,
    /// No field has this name.
    UnknownField,
    /// The field takes another type of value.
    WrongType,
    /// Not a real day written `YYYY-MM-DD`.
    NotADate,
    /// Not a plain JSON number.
    NotANumber,
    /// NaN or infinite.
    NotFinite,
    /// Not `true` or `false`.
    NotABoolean,
    /// Not one of the values the field takes.
    NotAllowed,
    /// `start` is after `end`.
    DateRange,
    /// The update would change nothing.
    NothingToChange,
    /// The value cannot be part of an address.
    NotAddressable,
    /// The name belongs to a field of its own.
    Reserved,
}

impl IssueCode {
    /// The word: `not_a_date`, `unknown_field`, …
    pub const fn as_str(self) -> &'static str {
        match self {
            IssueCode::Required => "required",
            IssueCode::UnknownField => "unknown_field",
            IssueCode::WrongType => "wrong_type",
            IssueCode::NotADate => "not_a_date",
            IssueCode::NotANumber => "not_a_number",
            IssueCode::NotFinite => "not_finite",
            IssueCode::NotABoolean => "not_a_boolean",
            IssueCode::NotAllowed => "not_allowed",
            IssueCode::DateRange => "date_range",
            IssueCode::NothingToChange => "nothing_to_change",
            IssueCode::NotAddressable => "not_addressable",
            IssueCode::Reserved => "reserved",
        }
    }
}

impl fmt::Display for IssueCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One problem of an update: where, what, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Issue {
    /// The field's name on the wire; `id` for the external id, `metadata.source` for the source.
    pub field: String,
    /// The problem as a stable word.
    pub code: IssueCode,
    /// One sentence for people, without the field's name in front.
    pub message: String,
}

impl Issue {
    /// A problem of `field`.
    pub fn new(field: impl Into<String>, code: IssueCode, message: impl Into<String>) -> Self {
        Issue { field: field.into(), code, message: message.into() }
    }

    /// A name that is no field, with the nearest one that is.
    pub fn unknown_field(name: &str) -> Self {
        let message = unknown_field_sentence(name, Field::nearest(name));
        Issue::new(name, IssueCode::UnknownField, message)
    }
}

impl fmt::Display for Issue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

impl std::error::Error for Issue {}

pub(crate) fn unknown_field_sentence(name: &str, nearest: Option<Field>) -> String {
    match nearest {
        Some(near) => format!("no field is called {}; did you mean `{near}`?", shown(name)),
        None => format!("no field is called {}; pass an undocumented one on as an extra", shown(name)),
    }
}

/// A value as it is quoted in messages: escaped, and short enough to stay on a line.
pub(crate) fn shown(value: &str) -> String {
    const MOST: usize = 60;
    match value.char_indices().nth(MOST) {
        None => format!("{value:?}"),
        Some((cut, _)) => format!("{:?}…", &value[..cut]),
    }
}

/// An update that was refused before anything was sent. Holds every problem found.
#[derive(Clone, Debug, PartialEq, Eq)]
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
