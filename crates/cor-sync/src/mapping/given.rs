//! Rows whose values come from a program instead of a file.

use std::collections::BTreeSet;

use cor_http::{Issue, IssueCode, Value};

use super::{Columns, Draft};
use crate::text::brief;
use crate::{ColumnUse, Content, Problem, Rules, Unusable};

/// What a program's row says of one column.
#[derive(Clone, Debug, PartialEq)]
pub enum Given {
    /// Nothing.
    Keep,
    /// This value; text counts as it is, an empty one included.
    Value(Value<'static>),
    /// Something that is no value.
    Refused(IssueCode, String),
}

/// Makes rows of what a program has: names of columns with values.
///
/// ```
/// use cor_sync::{Content, Given, GivenRows, Rename, Rules};
/// let rules = Rules::new("SAP").renamed([Rename::parse("Title=name").unwrap()])?;
/// let mut rows = GivenRows::new(rules)?;
/// let text = |text: &str| Given::Value(cor_http::Value::Text(text.to_owned().into()));
/// let Content::Update(id, update) = rows.row(&[("id".into(), text("007")), ("Title".into(), text("N"))]) else { panic!() };
/// assert_eq!((id.as_str(), update.fields_json().as_str()), ("007", r#"{"name":"N"}"#));
/// # Ok::<(), cor_sync::Unusable>(())
/// ```
#[derive(Debug)]
pub struct GivenRows {
    rules: Rules,
    used: BTreeSet<String>,
    unused: Vec<String>,
}

/// Names that are remembered, so that memory stays flat whatever the rows do.
const MOST_NAMES: usize = 1000;

impl GivenRows {
    /// Rows that each name their own columns.
    ///
    /// # Errors
    /// Where no source is named.
    pub fn new(rules: Rules) -> Result<GivenRows, Unusable> {
        rules.check_source()?;
        Ok(GivenRows { rules, used: BTreeSet::new(), unused: Vec::new() })
    }

    /// Rows of a table with these columns.
    ///
    /// # Errors
    /// Every reason why these columns and the rules do not fit together.
    pub fn with_columns(rules: Rules, header: &[String]) -> Result<GivenRows, Unusable> {
        let mut rows = GivenRows::new(rules)?;
        Columns::new(&rules_with_source(&rows.rules, header), header)?;
        header.iter().for_each(|name| rows.meet(name));
        Ok(rows)
    }

    /// What a row asks for.
    pub fn row(&mut self, cells: &[(String, Given)]) -> Content {
        cells.iter().for_each(|(name, _)| self.meet(name));
        let mut draft = Draft::new(&self.rules);
        for (name, given) in cells {
            let column = self.rules.column(name);
            if column.is_unknown() && name == SOURCE {
                if let Some(problem) = self.foreign(given) {
                    draft.problem(problem);
                }
                continue;
            }
            match given {
                Given::Keep => {}
                Given::Refused(code, message) => {
                    let field = column.fields.first().map(|field| field.name());
                    let field =
                        field.or(column.create.map(|field| field.name())).or(column.is_id.then_some("id"));
                    if let Some(field) = field {
                        draft.refuse(name, Issue::new(field, *code, message.as_str()));
                    }
                }
                Given::Value(value) => {
                    let text = match value {
                        Value::Text(text) => Some(text.as_ref()),
                        _ => None,
                    };
                    match (column.is_id, text) {
                        (true, Some(id)) => draft.id(id),
                        (true, None) => draft.refuse(name, no_text("id", value)),
                        (false, _) => {}
                    }
                    match (column.create, text) {
                        (Some(field), Some(text)) => draft.create(field, text),
                        (Some(field), None) => draft.refuse(name, no_text(field.name(), value)),
                        (None, _) => {}
                    }
                    for field in column.fields {
                        draft.set(name, *field, value.clone());
                    }
                }
            }
        }
        draft.finish()
    }

    /// The column that holds the external id.
    pub fn id_column(&self) -> &str {
        &self.rules.id_column
    }

    /// Columns that are of no use, as far as rows were given.
    pub fn unused(&self) -> Vec<String> {
        self.unused.iter().map(|name| brief(name)).collect()
    }

    /// Which column sets which field and how, as far as rows were given.
    pub fn mapping(&self) -> Vec<ColumnUse> {
        self.rules.described(self.used.iter().map(String::as_str))
    }

    fn meet(&mut self, name: &str) {
        let is_used = !self.rules.column(name).is_unknown();
        if is_used && self.used.len() < MOST_NAMES && !self.used.contains(name) {
            self.used.insert(name.to_owned());
        } else if !is_used
            && name != SOURCE
            && self.unused.len() < MOST_NAMES
            && !self.unused.iter().any(|known| known == name)
        {
            self.unused.push(name.to_owned());
        }
    }

    /// A row of another source has no place in this table: its id means another project.
    fn foreign(&self, given: &Given) -> Option<Problem> {
        let own = self.rules.source().as_str();
        let shown = match given {
            Given::Keep => return None,
            Given::Value(Value::Text(text)) if text == own => return None,
            Given::Value(Value::Text(text)) => format!("{text:?}"),
            _ => "no text".to_owned(),
        };
        let message = format!(
            "is {shown}, and the table is kept in step under {own:?}; give each source a call of its own"
        );
        Some(Problem::of_column(SOURCE, Issue::new("metadata.source", IssueCode::NotAllowed, message)))
    }
}

/// The column that names a row's source; it has to be the table's.
const SOURCE: &str = "source";

/// The rules, under which a column of sources is known.
fn rules_with_source(rules: &Rules, header: &[String]) -> Rules {
    let mut rules = rules.clone();
    if header.iter().any(|name| name == SOURCE) && rules.column(SOURCE).is_unknown() {
        rules.left_out.insert(SOURCE.to_owned());
    }
    rules
}

fn no_text(field: &str, value: &Value<'_>) -> Issue {
    let message = match value {
        Value::Number(number) => {
            format!("{number} is a number; give the id as text, \"{number}\" (007 and 7 are different ids)")
        }
        _ => "is no text; give the exact text of the id".to_owned(),
    };
    Issue::new(field, IssueCode::WrongType, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sentence;

    fn text(text: &str) -> Given {
        Given::Value(Value::Text(text.to_owned().into()))
    }

    fn seen(rules: Rules, cells: &[(&str, Given)]) -> String {
        let cells: Vec<_> = cells.iter().map(|(name, given)| ((*name).to_owned(), given.clone())).collect();
        match GivenRows::new(rules).unwrap().row(&cells) {
            Content::Unchanged => "unchanged".to_owned(),
            Content::Bad(id, problems) => format!("{id}! {}", sentence(&problems)),
            Content::Update(id, update) => format!("{id} {}", update.fields_json()),
        }
    }

    #[test]
    fn values_go_through_the_same_rules_as_those_of_a_file() {
        let rules = Rules::from_toml(
            "source = 'SAP'\n[fields]\nend = { column = 'Close', date = '%d/%m/%Y' }\nstatus = { constant = 'active' }",
            "m.toml",
        );
        let rules = rules.unwrap().clear("-");
        for (cells, expected) in [
            (
                vec![("id", text("7")), ("Close", text("31/01/2025"))],
                r#"7 {"end":"2025-01-31","status":"active"}"#,
            ),
            (
                vec![("id", text("7")), ("name", text("-")), ("x", text("y"))],
                r#"7 {"name":null,"status":"active"}"#,
            ),
            (
                vec![("id", text("7")), ("name", text("")), ("source", text("SAP"))],
                r#"7 {"name":"","status":"active"}"#,
            ),
            (
                vec![("id", text("7")), ("brief", Given::Value(Value::Clear))],
                r#"7 {"brief":null,"status":"active"}"#,
            ),
        ] {
            assert_eq!(seen(rules.clone(), &cells), expected);
        }
    }

    #[test]
    fn what_does_not_fit_is_told_with_its_column() {
        let number = || Given::Value(Value::Number(7.into()));
        let refused = || Given::Refused(IssueCode::WrongType, "is odd".to_owned());
        for (cells, says) in [
            (vec![("id", number())], "id: 7 is a number; give the id as text, \"7\""),
            (vec![("name", text("N"))], "id: is empty"),
            (vec![("id", text("7")), ("name", refused())], "7! name: is odd"),
            (vec![("id", text("7")), ("name", text("N")), ("source", text("JIRA"))], "source: is \"JIRA\""),
            (vec![("id", text("7")), ("name", text("N")), ("brand_id", number())], "brand_id: 7 is a number"),
        ] {
            let seen = seen(Rules::new("SAP").creating(true), &cells);
            assert!(seen.contains(says), "{seen:?} does not say {says:?}");
        }
        assert_eq!(seen(Rules::new("SAP"), &[("id", text("7")), ("x", refused())]), "unchanged");
    }

    #[test]
    fn a_table_has_to_fit_before_its_first_row() {
        let header = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let opened = |names: &[&str]| GivenRows::with_columns(Rules::new("SAP"), &header(names));
        assert!(opened(&["key", "name"]).unwrap_err().to_string().contains("no column is called \"id\""));
        assert!(GivenRows::new(Rules::new("")).unwrap_err().to_string().contains("no source"));
        let rows = opened(&["id", "name", "source", "mood"]).unwrap();
        assert_eq!(rows.unused(), ["mood"]);
        assert_eq!(rows.mapping().len(), 2);
    }
}
