//! Values that setters refused: reported at once, and again when the update is validated.

use cor_http::{Error, Invalid, Issue, IssueCode};

use crate::error::Failure;

/// Values that setters refused and that were not replaced since.
#[derive(Clone, Default)]
pub(crate) struct FieldProblems {
    issues: Vec<Issue>,
    /// The refused values as they were given, by the name of their field.
    given: Vec<(String, String)>,
}

impl FieldProblems {
    pub(crate) fn is_empty(&self) -> bool {
        self.issues.is_empty()
    }

    pub(crate) fn issues(&self) -> &[Issue] {
        &self.issues
    }

    /// The refused values as they were given, by the name of their field; without those that were no text.
    pub(crate) fn given(&self) -> &[(String, String)] {
        &self.given
    }

    /// The field has a value that fits.
    pub(crate) fn resolve(&mut self, field: &str) {
        self.issues.retain(|issue| issue.field != field);
        self.given.retain(|(name, _)| name != field);
    }

    /// A value that is not valid, as it was given.
    pub(crate) fn refuse_value(&mut self, issue: Issue, given: Option<String>) -> Failure {
        let name = issue.field.clone();
        let failure = self.refuse(issue);
        self.given.extend(given.map(|given| (name, given)));
        failure
    }

    pub(crate) fn refuse(&mut self, issue: Issue) -> Failure {
        self.resolve(&issue.field);
        self.issues.push(issue.clone());
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
