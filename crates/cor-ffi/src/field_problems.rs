//! Values that setters refused: reported at once, and again when the update is validated.

use cor_http::{Error, Invalid, Issue, IssueCode};

use crate::error::Failure;

/// Values that setters refused and that were not replaced since.
#[derive(Clone, Default)]
pub(crate) struct FieldProblems(Vec<Issue>);

impl FieldProblems {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn issues(&self) -> &[Issue] {
        &self.0
    }

    /// The field has a value that fits.
    pub(crate) fn resolve(&mut self, field: &str) {
        self.0.retain(|issue| issue.field != field);
    }

    pub(crate) fn refuse(&mut self, issue: Issue) -> Failure {
        self.resolve(&issue.field);
        self.0.push(issue.clone());
        Failure::invalid(issue)
    }

    /// Keeps a refusal for the judgement of the whole.
    pub(crate) fn remember(&mut self, field: &str, failure: Failure) -> Failure {
        match failure {
            Failure::Cor(error) if !error.issues().is_empty() => {
                error.issues().iter().cloned().for_each(|issue| drop(self.refuse(issue)));
                Failure::Cor(error)
            }
            failure => {
                self.refuse(failure.as_issue(field, field));
                failure
            }
        }
    }
}

impl Failure {
    fn invalid(issue: Issue) -> Failure {
        match Invalid::from_issues(vec![issue]) {
            Some(invalid) => Failure::Cor(Error::invalid(invalid)),
            None => Failure::internal("a refusal without a reason"),
        }
    }

    /// A value that is not valid for a field, found before the field was reached.
    pub(crate) fn issue(field: &str, issue: Issue) -> Failure {
        Failure::invalid(Issue::new(field, issue.code, issue.message))
    }

    /// The misuse of an argument as a problem of the field it was for.
    pub(crate) fn as_issue(&self, field: &str, argument: &str) -> Issue {
        // The sentence names the argument; an issue has the field's name in front already.
        let message = self.message();
        let message = message.strip_prefix(argument).map_or(message.as_str(), str::trim_start).to_owned();
        Issue::new(field, IssueCode::WrongType, message)
    }
}
