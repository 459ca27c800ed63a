use crate::issue::{Invalid, Issue, IssueCode};
use crate::{ExternalId, Field, Json, ProjectUpdate, Source, TextInput, Value};

/// An update whose fields are set by name, with values that may be invalid: a table's row, keyword arguments, C setters.
///
/// Nothing fails on the way; [`finish`](Draft::finish) reports every problem at once. A draft of a table's row also
/// records which column set each field: `'c` is the lifetime of the columns' names.
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
pub struct Draft<'c> {
    update: ProjectUpdate,
    issues: Vec<(Option<&'c str>, Issue)>,
    /// The column of each field that a column was to set.
    origins: Vec<(Field, &'c str)>,
}

impl<'c> Draft<'c> {
    /// A draft without changes.
    pub fn new(source: impl Into<Source>) -> Draft<'c> {
        Draft::from_update(ProjectUpdate::new(source))
    }

    /// A draft with room for this many fields, each set by a column.
    pub fn with_capacity(source: impl Into<Source>, fields: usize) -> Draft<'c> {
        let update = ProjectUpdate::with_capacity(source.into(), fields);
        Draft { update, issues: Vec::new(), origins: Vec::with_capacity(fields) }
    }

    /// Starts from an existing update.
    pub fn from_update(update: ProjectUpdate) -> Draft<'c> {
        Draft { update, issues: Vec::new(), origins: Vec::new() }
    }

    /// Sets, clears or keeps the field of this name.
    pub fn set(&mut self, name: &str, value: Value<'_>) {
        match Field::from_name(name) {
            Some(field) => self.set_field(field, value),
            None => self.reject(Issue::unknown_field(name)),
        }
    }

    /// Sets, clears or keeps a field.
    pub fn set_field(&mut self, field: Field, value: Value<'_>) {
        self.put(field, value, TextInput::TYPED);
    }

    /// Notes that the field is set by this column. Returns false, and adds the problem, if another column sets it already.
    pub fn claim(&mut self, column: &'c str, field: Field) -> bool {
        if let Some((_, other)) = self.origins.iter().find(|(known, _)| *known == field) {
            let message = format!("{field} is already set by {other}; leave one of them out");
            self.reject_column(column, Issue::new(field.name(), IssueCode::Reserved, message));
            return false;
        }
        self.origins.push((field, column));
        true
    }

    /// Sets, clears or keeps a field with the value of a column. `advice` ends the message about an invalid value.
    pub fn set_column(&mut self, column: &'c str, field: Field, value: Value<'_>, advice: [&str; 2]) {
        if let Err(mut issue) = self.update.set(field, value) {
            issue.message.extend(advice);
            self.issues.push((Some(column), issue));
        }
    }

    /// As [`set_field`](Draft::set_field); `texts` ends the message about a text that a number or boolean field does not take.
    pub(crate) fn put(&mut self, field: Field, value: Value<'_>, texts: TextInput) {
        let is_text = matches!(value, Value::Text(_));
        if let Err(mut issue) = self.update.set(field, value) {
            if is_text {
                issue.message.extend(texts.advice(field.kind()));
            }
            self.issues.push((None, issue));
        }
    }

    /// Sets a field that this library does not know, as JSON text.
    pub fn extra(&mut self, name: &str, json: &str) {
        match json.parse::<Json>() {
            Ok(value) => self.update.push_extra(name, value),
            Err(error) => self.reject(Issue::new(name, IssueCode::NotAllowed, error.to_string())),
        }
    }

    /// Adds a problem that the caller found, such as a value of a type that no field takes.
    pub fn reject(&mut self, issue: Issue) {
        self.issues.push((None, issue));
    }

    /// Adds a problem of a column.
    pub fn reject_column(&mut self, column: &'c str, issue: Issue) {
        self.issues.push((Some(column), issue));
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
        match self.finish_columns(id) {
            Ok(update) => Ok(update),
            Err(issues) => {
                let issues = issues.into_iter().map(|(_, issue)| issue).collect();
                // Without an issue there would be no error.
                Invalid::from_issues(issues).map_or_else(|| Ok(ProjectUpdate::new("")), Err)
            }
        }
    }

    /// The update of a table's row.
    ///
    /// # Errors
    /// As [`finish`](Draft::finish), each problem with its column, if it has one.
    pub fn finish_columns(self, id: Option<&str>) -> Result<ProjectUpdate, Vec<(Option<&'c str>, Issue)>> {
        let Draft { update, issues: refused, origins } = self;
        let mut issues: Vec<_> =
            id.and_then(ExternalId::problem).map(|issue| (None, issue)).into_iter().collect();
        // That no value can be used is already said where a value was refused.
        let is_refused = !refused.is_empty();
        issues.extend(refused);
        let mut whole = Vec::new();
        update.collect_issues(&mut whole);
        issues.extend(
            whole.into_iter().filter(|issue| !(is_refused && issue.code == IssueCode::NothingToChange)).map(
                |issue| {
                    let origin = origins.iter().find(|(field, _)| field.name() == issue.field);
                    (origin.map(|(_, column)| *column), issue)
                },
            ),
        );
        if issues.is_empty() { Ok(update) } else { Err(issues) }
    }
}
