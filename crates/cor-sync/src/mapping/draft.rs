//! One row's values on their way into an update.

use cor_http::{CreateField, ExternalId, Field, Issue, IssueCode, ProjectUpdate, Value};

use super::rules::Rules;
use crate::text::quoted;
use crate::{Content, Problem};

/// Collects the update and everything that is wrong.
pub(crate) struct Draft<'a> {
    rules: &'a Rules,
    id: String,
    update: ProjectUpdate,
    problems: Vec<Problem>,
    /// Which column each field came from, for problems that show only in the end.
    origins: Vec<(Field, &'a str)>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(rules: &'a Rules) -> Self {
        let mut draft = Draft {
            rules,
            id: String::new(),
            update: ProjectUpdate::new(rules.source().clone()),
            problems: Vec::new(),
            origins: Vec::new(),
        };
        for (field, value) in rules.constants() {
            draft.put("the mapping's constant", field, value.clone());
        }
        draft
    }

    pub(crate) fn id(&mut self, id: &str) {
        if id.contains('\u{feff}') {
            // Nobody sees it, and no system has such ids on purpose.
            let message = format!("{} holds a byte order mark, which nobody sees; take it away", quoted(id));
            let column = self.rules.id_column.clone();
            self.refuse(&column, Issue::new("id", IssueCode::NotAddressable, message));
        }
        self.id = id.to_owned();
    }

    pub(crate) fn set(&mut self, column: &'a str, field: Field, value: Value<'_>) {
        if let Some((_, other)) = self.origins.iter().find(|(known, _)| *known == field) {
            let message = format!("{field} is already set by {other}; leave one of them out");
            return self.refuse(column, Issue::new(field.name(), IssueCode::Reserved, message));
        }
        match self.rules.apply(field, value) {
            Ok(Some(value)) => self.put(column, field, value),
            // A second column for the field would be a mistake even where this one keeps it.
            Ok(None) => self.origins.push((field, column)),
            Err(issue) => {
                self.origins.push((field, column));
                self.refuse(column, issue);
            }
        }
    }

    fn put(&mut self, column: &'a str, field: Field, value: Value<'_>) {
        self.origins.push((field, column));
        if let Err(issue) = self.update.set(field, value) {
            self.refuse(column, issue);
        }
    }

    /// What only a create says. It travels as an extra, which no update of a table has otherwise.
    pub(crate) fn create(&mut self, field: CreateField, text: &str) {
        if !self.rules.is_no_value(text) {
            let update = std::mem::replace(&mut self.update, ProjectUpdate::new(""));
            self.update = update.extra(field.name(), text);
        }
    }

    pub(crate) fn refuse(&mut self, column: &str, issue: Issue) {
        self.problems.push(Problem::of_column(column, issue));
    }

    pub(crate) fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub(crate) fn finish(mut self) -> Content {
        // A missing id is the first thing to say, unless it was said already.
        let id_column = self.rules.id_column.as_str();
        if !self.problems.iter().any(|problem| problem.column.as_deref() == Some(id_column))
            && let Some(issue) = ExternalId::problem(&self.id)
        {
            self.problems.insert(0, Problem::of_column(id_column, issue));
        }
        if self.problems.is_empty() && self.update.is_empty() {
            return Content::Unchanged;
        }
        if !self.update.is_empty() {
            let mut issues = Vec::new();
            self.update.collect_issues(&mut issues);
            for issue in issues {
                let origin = self.origins.iter().find(|(field, _)| field.name() == issue.field);
                let column = origin.map_or(issue.field.clone(), |(_, column)| (*column).to_owned());
                self.problems.push(Problem::of_column(&column, issue));
            }
        }
        match self.problems.is_empty() {
            true => Content::Update(self.id, self.update),
            false => Content::Bad(self.id, self.problems),
        }
    }
}
