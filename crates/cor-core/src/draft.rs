use crate::issue::{Invalid, Issue, IssueCode};
use crate::{ExternalId, Field, Json, ProjectUpdate, Source, Value};

/// An update whose fields arrive by name and whose values may not fit: a table's row, keyword arguments, C setters.
///
/// Nothing fails on the way; [`finish`](Draft::finish) reports every problem at once.
///
/// ```
/// use cor_core::{Draft, Value};
/// let mut draft = Draft::new("SALESFORCE");
/// draft.set("name", Value::Cell("Phase 2"));
/// draft.set("end", Value::Cell("05/01/2025"));
/// draft.set("estimatd", Value::Cell("1"));
/// let invalid = draft.finish(Some("SF-OPP-12345")).unwrap_err();
/// let found: Vec<_> = invalid.issues().iter().map(|i| (i.field.as_str(), i.code.as_str())).collect();
/// assert_eq!(found, [("end", "not_a_date"), ("estimatd", "unknown_field")]);
/// ```
#[derive(Clone, Debug)]
pub struct Draft {
    update: ProjectUpdate,
    issues: Vec<Issue>,
}

impl Draft {
    /// A draft that changes nothing yet.
    pub fn new(source: impl Into<Source>) -> Draft {
        Draft { update: ProjectUpdate::new(source), issues: Vec::new() }
    }

    /// Goes on from an update that exists.
    pub fn from_update(update: ProjectUpdate) -> Draft {
        Draft { update, issues: Vec::new() }
    }

    /// Sets, clears or keeps the field of this name.
    pub fn set(&mut self, name: &str, value: Value<'_>) {
        match Field::from_name(name) {
            Some(field) => self.set_field(field, value),
            None => self.issues.push(Issue::unknown_field(name)),
        }
    }

    /// Sets, clears or keeps a field.
    pub fn set_field(&mut self, field: Field, value: Value<'_>) {
        if let Err(issue) = self.update.set(field, value) {
            self.issues.push(issue);
        }
    }

    /// Passes on a field this library does not know, as JSON text.
    pub fn extra(&mut self, name: &str, json: &str) {
        match json.parse::<Json>() {
            Ok(value) => {
                self.update = std::mem::replace(&mut self.update, ProjectUpdate::new("")).extra(name, value)
            }
            Err(error) => self.issues.push(Issue::new(name, IssueCode::NotAllowed, error.to_string())),
        }
    }

    /// Adds a problem that was found elsewhere, such as a value of a type no field takes.
    pub fn reject(&mut self, issue: Issue) {
        self.issues.push(issue);
    }

    /// Whether nothing was set, cleared or refused so far.
    pub fn is_empty(&self) -> bool {
        self.update.is_empty() && self.issues.is_empty()
    }

    /// The update.
    ///
    /// # Errors
    /// Every problem at once: those of `id` where one is given, of single values, and of the update as a whole.
    pub fn finish(self, id: Option<&str>) -> Result<ProjectUpdate, Invalid> {
        let Draft { update, issues: refused } = self;
        // That none of what was given can be used is already said where a value was refused.
        let given = !refused.is_empty();
        let mut issues: Vec<Issue> = id.and_then(ExternalId::problem).into_iter().collect();
        issues.extend(refused);
        update.collect_issues(&mut issues);
        issues.retain(|issue| !(given && issue.code == IssueCode::NothingToChange));
        match Invalid::from_issues(issues) {
            Some(invalid) => Err(invalid),
            None => Ok(update),
        }
    }
}
