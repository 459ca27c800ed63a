//! What each column of a table is for, by the rules.

use std::collections::BTreeSet;

use cor_http::{CreateField, Field};

use super::cells::shown;
use super::rules::{Rule, Rules};
use crate::text::is_same_name;
use crate::{NOTES, SHEET_NOTE};

/// What one column is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Use<'r> {
    pub(crate) is_id: bool,
    pub(crate) fields: &'r [Field],
    /// Only a create says it.
    pub(crate) create: Option<CreateField>,
    /// One of ours, or left out on purpose.
    pub(crate) is_ignored: bool,
    /// A null clears its fields.
    pub(crate) clears_nulls: bool,
}

impl Use<'_> {
    pub(crate) fn is_unknown(self) -> bool {
        !self.is_used() && !self.is_ignored
    }

    /// Whether its values are looked at.
    pub(crate) fn is_used(self) -> bool {
        self.is_id || self.sets_something()
    }

    /// Whether it sets a field of an update or of a create.
    pub(crate) fn sets_something(self) -> bool {
        !self.fields.is_empty() || self.create.is_some()
    }
}

/// What a column was found to be for, as people read it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ColumnUse {
    /// The column; `None` for a value that no column gives.
    pub column: Option<String>,
    /// `id`, the field it sets, or [`ANY`](ColumnUse::ANY) for what was said of all fields.
    pub field: &'static str,
    /// How it is read, in a few words; empty for as it is.
    pub rule: String,
    /// Whether the input has the column.
    pub found: bool,
}

impl ColumnUse {
    /// Stands for every field.
    pub const ANY: &'static str = "any";
}

impl Rules {
    /// Columns that were said to set a field.
    pub(super) fn named_columns(&self) -> impl Iterator<Item = &str> {
        let fields = self.fields.values().filter_map(|rule| match rule {
            Rule::Column(column, _) => Some(column.as_str()),
            Rule::Constant(_) => None,
        });
        fields.chain(self.creates.values().filter(|_| self.creating).map(String::as_str))
    }

    /// What a column was said to be for, as the end of a sentence.
    pub(super) fn said_of(&self, column: &str) -> Option<String> {
        let field = self.by_column.get(column).and_then(|fields| fields.first()).map(|field| field.name());
        let create = || self.creates.iter().find(|(_, named)| *named == column).map(|(field, _)| *field);
        match field.or_else(create) {
            Some(field) => Some(format!("sets {field}")),
            None => (column == self.id_column).then(|| "holds the external id".to_owned()),
        }
    }

    /// The field of a create that this column is for.
    fn create(&self, column: &str) -> Option<CreateField> {
        if !self.creating {
            return None;
        }
        let from = |field: &CreateField| match self.creates.get(field.name()) {
            Some(named) => is_same_name(named, column),
            // Left out it is only by its own name.
            None => is_same_name(field.name(), column) && !self.is_left_out(column),
        };
        CreateField::ALL.iter().copied().find(from)
    }

    fn is_left_out(&self, name: &str) -> bool {
        let is_in = |names: &BTreeSet<String>| {
            names.contains(name) || names.iter().any(|known| is_same_name(known, name))
        };
        is_in(&self.left_out) || is_in(&self.dropped)
    }

    /// Columns that set nothing, whatever they are called.
    pub(super) fn all_left_out(&self) -> BTreeSet<&str> {
        self.left_out.union(&self.dropped).map(String::as_str).collect()
    }

    /// What a column of this name is for.
    pub(crate) fn column<'r>(&'r self, name: &str) -> Use<'r> {
        let clears_nulls = self.clear_nulls.iter().any(|column| is_same_name(column, name));
        Use { clears_nulls, ..self.column_use(name) }
    }

    fn column_use<'r>(&'r self, name: &str) -> Use<'r> {
        let is_id = is_same_name(&self.id_column, name);
        let create = self.create(name);
        let alike =
            || self.by_column.iter().find(|(column, _)| is_same_name(column, name)).map(|(_, fields)| fields);
        if let Some(fields) = self.by_column.get(name).or_else(alike) {
            return Use { is_id, fields, create, ..Use::default() };
        }
        if is_id || create.is_some() {
            return Use { is_id, create, ..Use::default() };
        }
        if self.is_left_out(name) || NOTES.contains(&name) || name == SHEET_NOTE {
            return Use { is_ignored: true, ..Use::default() };
        }
        let exact = Field::ALL.iter().find(|field| field.name() == name);
        match exact.or_else(|| Field::ALL.iter().find(|field| is_same_name(field.name(), name))) {
            Some(field) => Use { fields: std::slice::from_ref(field), ..Use::default() },
            None => Use::default(),
        }
    }

    /// What these columns are for, in the order of an update's fields, the id first.
    pub(crate) fn described<'n>(&self, columns: impl Iterator<Item = &'n str> + Clone) -> Vec<ColumnUse> {
        let found = |name: &str| columns.clone().any(|column| is_same_name(column, name));
        let mut uses = vec![ColumnUse {
            column: Some(self.id_column.clone()),
            field: "id",
            rule: String::new(),
            found: found(&self.id_column),
        }];
        for field in Field::ALL {
            let (column, rule) = match self.fields.get(field) {
                Some(Rule::Constant(value)) => (None, format!("always {}", shown(value))),
                Some(Rule::Column(column, reading)) => (Some(column.clone()), reading.described()),
                None if found(field.name()) && !self.column(field.name()).fields.is_empty() => {
                    (Some(field.name().to_owned()), String::new())
                }
                None => continue,
            };
            let clears = column.as_deref().is_some_and(|column| self.column(column).clears_nulls);
            let rule = match (clears, rule.is_empty()) {
                (false, _) => rule,
                (true, true) => "null clears".to_owned(),
                (true, false) => format!("{rule}, null clears"),
            };
            let found = column.as_deref().is_none_or(found);
            uses.push(ColumnUse { column, field: field.name(), rule, found });
        }
        for field in CreateField::ALL.iter().filter(|_| self.creating) {
            let column = self.creates.get(field.name()).map_or(field.name(), String::as_str);
            let found = found(column);
            if self.create(column) == Some(*field) && (found || self.creates.contains_key(field.name())) {
                let (column, rule) = (Some(column.to_owned()), "only for a create".to_owned());
                uses.push(ColumnUse { column, field: field.name(), rule, found });
            }
        }
        let rule = self.general.described();
        if !rule.is_empty() {
            uses.push(ColumnUse { column: None, field: ColumnUse::ANY, rule, found: true });
        }
        uses
    }
}
