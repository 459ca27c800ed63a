//! Rows whose values come from a program instead of a file.

use std::sync::Arc;

use cor_http::{FieldInput, Invalid, Issue, IssueCode, ProjectUpdate, Source, TextInput, Value};

use super::Columns;
use super::column_type;
use super::met_columns::{MetColumns, UnusedColumn};
use super::row_draft::{RowDraft, ValueStyle};
use super::row_values::{Column, Purpose, RowValues, ValueColumn};
use crate::remarks::{Remarks, RowRemarks};
use crate::row::INDEX;
use crate::{Advice, ColumnType, ColumnUse, ConfigError, Content, Reason, Rules};

/// Reads rows of values: names of columns with what each says.
///
/// An interface looks each name up once ([`column`](ValueRows::column)), and gives every row as [`RowValues`].
///
/// ```
/// use cor_sync::{Content, Rename, RowValues, Rules, ValueRows};
/// let rules = Rules::new("SAP").renamed([Rename::parse("Title=name").unwrap()])?;
/// let mut rows = ValueRows::new(rules)?;
/// let (id, title) = (rows.column("id"), rows.column("Title"));
/// let text = |text: &str| cor_http::FieldInput::Value(cor_http::Value::Text(text.to_owned().into()));
/// let mut row = RowValues::new();
/// row.set(&id, text("007"));
/// row.set(&title, text("N"));
/// let Some(Content::Update(id, update)) = rows.content(row) else { panic!() };
/// assert_eq!((id.as_str(), update.fields_json().as_str()), ("007", r#"{"name":"N"}"#));
/// # Ok::<(), cor_sync::ConfigError>(())
/// ```
#[derive(Debug)]
pub struct ValueRows {
    rules: Rules,
    style: ValueStyle,
    sources: Sources,
    met: MetColumns,
    /// Rows that were read.
    rows: u64,
    remarks: Remarks,
}

/// The column of a row's own source.
const SOURCE: &str = "source";

/// What a row's own source means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sources {
    /// It has to be the table's: under another one its id means another project.
    OfTable,
    /// It counts before that of the run.
    OfRow,
}

impl ValueRows {
    /// Rows of a table that is kept in sync: all of one source, and without fields that this library does not know.
    ///
    /// # Errors
    /// Where no source is named.
    pub fn new(rules: Rules) -> Result<ValueRows, ConfigError> {
        rules.check()?;
        Ok(ValueRows::with(rules, Sources::OfTable))
    }

    /// Rows that are sent as they are: each may name its own source and, as `extra`, fields that this library does not
    /// know.
    pub fn of_updates(rules: Rules) -> ValueRows {
        ValueRows::with(rules, Sources::OfRow)
    }

    fn with(rules: Rules, sources: Sources) -> ValueRows {
        ValueRows {
            rules,
            style: ValueStyle::TYPED,
            sources,
            met: MetColumns::default(),
            rows: 0,
            remarks: Remarks::default(),
        }
    }

    /// Says what texts are. Default: texts.
    #[must_use]
    pub fn texts(mut self, texts: TextInput) -> ValueRows {
        self.style.texts = texts;
        self
    }

    /// Looks up the columns of a table that has these.
    ///
    /// # Errors
    /// Every contradiction between the columns and the rules.
    pub fn columns(&mut self, header: &[String]) -> Result<Vec<ValueColumn>, ConfigError> {
        let mut rules = self.rules.clone();
        for name in header.iter().filter(|name| self.special(name).is_some()) {
            rules = rules.ignoring([name]);
        }
        Columns::new(&rules, header)?;
        Ok(header.iter().map(|name| self.column(name)).collect())
    }

    /// Looks up the columns of a table that has these and states their types. An integer is an external id in such a
    /// table, as in a Parquet file.
    ///
    /// # Errors
    /// Every contradiction between columns, types and rules, before a row is read.
    pub fn typed_columns(
        &mut self,
        header: &[(String, ColumnType)],
    ) -> Result<Vec<ValueColumn>, ConfigError> {
        self.style.integer_ids = true;
        let names: Vec<String> = header.iter().map(|(name, _)| name.clone()).collect();
        let columns = self.columns(&names);
        let mut reasons = columns.as_ref().map_or_else(|error| error.0.clone(), |_| Vec::new());
        for (name, kind) in header {
            match self.special(name) {
                Some(Purpose::Extra) => reasons.push(Reason::with(
                    format!(
                        "the column {name:?} is {kind}, and extra fields are passed with rows of dicts only"
                    ),
                    Advice::Ignore(name.clone()),
                )),
                Some(_) => reasons.extend(column_type::source_reason(name, kind)),
                None => reasons.extend(column_type::reasons(&self.rules, name, kind, self.style)),
            }
            if let Some(remark) = column_type::remark(&self.rules, name, kind) {
                self.remarks.of_table(remark);
            }
        }
        match reasons.is_empty() {
            true => columns,
            false => Err(ConfigError(reasons)),
        }
    }

    /// Looks up a column.
    pub fn column(&mut self, name: &str) -> ValueColumn {
        let purpose = self.special(name).unwrap_or_else(|| {
            self.met.meet(&self.rules, name);
            let column = self.rules.column(name);
            Purpose::Values {
                is_id: column.is_id,
                fields: column.fields.to_vec(),
                create: column.create,
                is_ignored: column.is_ignored,
                clears_nulls: column.clears_nulls,
            }
        });
        ValueColumn(Arc::new(Column { name: name.to_owned(), purpose }))
    }

    /// What a column is for that no rule is about.
    fn special(&self, name: &str) -> Option<Purpose> {
        if !self.rules.column(name).is_unknown() {
            return None;
        }
        match name {
            SOURCE => Some(Purpose::Source),
            "extra" if self.sources == Sources::OfRow => Some(Purpose::Extra),
            _ => None,
        }
    }

    /// What a row of a table asks for; `None` for a row without a value, which is skipped.
    pub fn content(&mut self, row: RowValues) -> Option<Content> {
        if row.is_blank() {
            self.rows += 1;
            self.remarks.blank_row();
            return None;
        }
        let (remarks, content) = self.read(row, |mut draft| (draft.take_remarks(), draft.content()));
        self.remarked(remarks);
        Some(content)
    }

    /// A row of updates. One of nulls only changes nothing, and is counted in the remarks. One whose texts are blank is
    /// rejected as such, because a blank text clears a field. Every row has a result.
    pub fn row(&mut self, row: RowValues) -> cor_http::Row {
        if row.is_null() {
            self.rows += 1;
            self.remarks.blank_row();
            let blank = Issue::new("row", IssueCode::NothingToChange, "every value is null");
            let update = Invalid::from_issues(vec![blank]).map_or_else(|| Ok(ProjectUpdate::new("")), Err);
            return cor_http::Row { id: String::new(), update, cor_id: None, held: None };
        }
        self.single_row(if row.is_blank() { RowValues::blank() } else { row })
    }

    /// The row of a call that updates one project.
    pub fn single_row(&mut self, row: RowValues) -> cor_http::Row {
        let (remarks, row) = self.read(row, |mut draft| (draft.take_remarks(), draft.row()));
        self.remarked(remarks.of_row_alone());
        row
    }

    /// Rows are counted from 0.
    fn remarked(&mut self, remarks: RowRemarks) {
        self.remarks.row(self.rows, remarks);
        self.rows += 1;
    }

    /// What is probably a mistake in the rows so far and can be sent, and how many rows were skipped: sentences for people,
    /// each returned once. To be asked for at the end.
    pub fn take_remarks(&mut self) -> Vec<String> {
        self.remarks.take(INDEX, &self.rules)
    }

    /// Whether projects are created under ids that a spreadsheet or a data frame has rewritten, or that stand for no value.
    pub fn allows_mangled_ids(&self) -> bool {
        self.rules.allows_mangled_ids()
    }

    /// An update by itself. An id is checked where there is one.
    ///
    /// # Errors
    /// Every problem.
    pub fn update(&self, row: RowValues) -> Result<ProjectUpdate, Invalid> {
        self.read(row, |draft| draft.update())
    }

    fn read<T>(&self, row: RowValues, finish: impl FnOnce(RowDraft<'_>) -> T) -> T {
        let RowValues { mut values, extras, issues, is_unreadable, texts } = row;
        let style = texts.map_or(self.style, |texts| ValueStyle { texts, ..self.style });
        let source = values.iter().position(|(column, _)| matches!(column.0.purpose, Purpose::Source));
        let source = source.map(|place| values.remove(place).1);
        let source = self.source(source, style.texts);
        let own = source.as_ref().ok().and_then(Clone::clone);
        let mut draft =
            own.map_or_else(|| RowDraft::new(&self.rules), |own| RowDraft::of_source(&self.rules, own));
        if is_unreadable {
            draft.is_unreadable();
        }
        if let Err(issue) = source {
            draft.reject(SOURCE, issue);
        }
        issues.into_iter().for_each(|issue| draft.reject_row(issue));
        for (column, input) in &mut values {
            let Column { name, purpose } = &*column.0;
            if matches!(purpose, Purpose::Values { .. }) {
                draft.take(name, column.0.usage(), std::mem::replace(input, FieldInput::Keep), style);
            }
        }
        for (name, json) in extras {
            match self.sources {
                Sources::OfRow => draft.extra(&name, &json),
                Sources::OfTable => {
                    let message = "is an extra field, which sync does not send, because the state stores no extra fields; send it with update";
                    draft.reject_row(Issue::new(name, IssueCode::UnknownField, message));
                }
            }
        }
        finish(draft)
    }

    /// The source that a row names for itself.
    fn source(&self, input: Option<FieldInput>, texts: TextInput) -> Result<Option<Source>, Issue> {
        let wrong = |code, message: String| Err(Issue::new("metadata.source", code, message));
        let own = self.rules.source().as_str();
        match (self.sources, input) {
            (_, None | Some(FieldInput::Keep)) => Ok(None),
            (_, Some(FieldInput::Value(Value::Text(name)))) if name == own => Ok(None),
            (_, Some(FieldInput::Value(Value::Text(name))))
                if name.is_empty() && texts == TextInput::Cells =>
            {
                Ok(None)
            }
            (Sources::OfRow, Some(FieldInput::Value(Value::Text(name)))) => Ok(Some(Source::new(&name))),
            (Sources::OfRow, Some(_)) => wrong(
                IssueCode::WrongType,
                "is not text; pass the system the project was created from, for example SALESFORCE"
                    .to_owned(),
            ),
            (Sources::OfTable, Some(input)) => {
                let shown = match input {
                    FieldInput::Value(Value::Text(name)) => format!("{name:?}"),
                    _ => "no text".to_owned(),
                };
                let message =
                    format!("is {shown}, but this call syncs source {own:?}; use one call for each source");
                wrong(IssueCode::NotAllowed, message)
            }
        }
    }

    /// The column that holds the external id, looked up.
    pub fn id(&self) -> ValueColumn {
        let purpose = Purpose::Values {
            is_id: true,
            fields: Vec::new(),
            create: None,
            is_ignored: false,
            clears_nulls: false,
        };
        ValueColumn(Arc::new(Column { name: self.rules.id_column.clone(), purpose }))
    }

    /// Columns that set no field and were not left out, as far as rows were looked up and they were not returned before.
    pub fn take_unused(&mut self) -> Vec<UnusedColumn> {
        self.met.take_unused()
    }

    /// Which column sets which field and how, as far as columns were looked up.
    pub fn mapping(&self) -> Vec<ColumnUse> {
        self.met.mapping(&self.rules)
    }

    /// Checks, at the end of a table without a header, that a column set a field.
    ///
    /// # Errors
    /// Where there were columns, and none of them sets a field.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.met.check(&self.rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rename;
    use crate::sentence;

    fn text(text: &str) -> FieldInput {
        FieldInput::Value(Value::Text(text.to_owned().into()))
    }

    fn seen(rules: Rules, cells: &[(&str, FieldInput)]) -> String {
        let mut rows = ValueRows::new(rules).unwrap();
        let mut row = RowValues::new();
        for (name, input) in cells {
            row.set(&rows.column(name), input.clone());
        }
        match rows.content(row) {
            None => "blank".to_owned(),
            Some(Content::Unchanged) => "unchanged".to_owned(),
            Some(Content::Rejected(id, problems)) => format!("{id}! {}", sentence(&problems)),
            Some(Content::Update(id, update)) => format!("{id} {}", update.fields_json()),
        }
    }

    #[test]
    fn values_follow_rules_of_files() {
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
                vec![("id", text("7")), ("brief", FieldInput::Value(Value::Clear))],
                r#"7 {"brief":null,"status":"active"}"#,
            ),
        ] {
            assert_eq!(seen(rules.clone(), &cells), expected);
        }
    }

    #[test]
    fn invalid_cells_are_reported_with_their_column() {
        let number = || FieldInput::Value(Value::Number(7.into()));
        let refused = || FieldInput::Refused(IssueCode::WrongType, "is odd".to_owned());
        for (cells, says) in [
            (vec![("id", number())], "id: 7 is a number; pass the id as text, \"7\""),
            (vec![("name", text("N"))], "id: the row has no \"id\""),
            (vec![("id", text("7")), ("name", refused())], "7! name: is odd"),
            (vec![("id", text("7")), ("name", text("N")), ("source", text("JIRA"))], "source: is \"JIRA\""),
            (vec![("id", text("7")), ("name", text("N")), ("brand_id", number())], "brand_id: 7 is a number"),
        ] {
            let seen = seen(Rules::new("SAP").creating(true), &cells);
            assert!(seen.contains(says), "{seen:?} does not say {says:?}");
        }
    }

    #[test]
    fn rejects_row_without_known_column() {
        let sap = || Rules::new("SAP");
        let nme = "7! nme: no field is called \"nme\"; did you mean `name`?";
        for (rules, cells, expected) in [
            (sap(), vec![("id", text("7")), ("nme", text("N"))], nme),
            (sap().strict(true), vec![("id", text("7")), ("nme", text("N")), ("brief", text("B"))], nme),
            (sap(), vec![("id", text("7")), ("nme", text("N")), ("brief", text("B"))], r#"7 {"brief":"B"}"#),
            (sap(), vec![("id", text("7")), ("nme", text("N")), ("brief", FieldInput::Keep)], "unchanged"),
            (sap().ignoring(["nme"]), vec![("id", text("7")), ("nme", text("N"))], "unchanged"),
            (sap().strict(true).ignoring(["nme"]), vec![("id", text("7")), ("nme", text("N"))], "unchanged"),
        ] {
            assert_eq!(seen(rules, &cells), expected, "{cells:?}");
        }
    }

    #[test]
    fn null_clears_only_named_columns() {
        let rules = || Rules::new("SAP").clear_nulls(["Brief", "account"]);
        let rename = Rename::parse("account=client_id").unwrap();
        let nulls = [("id", text("7")), ("brief", FieldInput::Keep), ("name", FieldInput::Keep)];
        assert_eq!(seen(rules().renamed([rename.clone()]).unwrap(), &nulls), r#"7 {"brief":null}"#);
        let nulls = [("id", text("7")), ("account", FieldInput::Keep)];
        assert_eq!(seen(rules().renamed([rename]).unwrap(), &nulls), r#"7 {"client_id":null}"#);
        let of_id = [("id", FieldInput::Keep), ("brief", FieldInput::Keep)];
        assert_eq!(seen(Rules::new("SAP").clear_nulls(["brief"]), &of_id), "blank");
    }

    #[test]
    fn column_that_sets_no_field_cannot_clear_nulls() {
        let reason = |columns: &[&str]| {
            let rules = Rules::new("SAP").ignoring(["owner"]).clear_nulls(columns.iter().copied());
            ValueRows::new(rules).map(drop).unwrap_err().to_string()
        };
        for (column, says) in [
            ("breif", "clear_nulls \"breif\" sets no field; did you mean \"brief\"?"),
            ("id", "clear_nulls \"id\" is the column of the external ids, which cannot be cleared"),
            ("owner", "clear_nulls \"owner\" sets no field of an update, so its nulls clear nothing"),
        ] {
            assert_eq!(reason(&[column]), says);
        }
    }

    #[test]
    fn cleared_null_is_written_into_file_of_rejected_rows() {
        let mut rows = ValueRows::new(Rules::new("SAP").clear_nulls(["brief"])).unwrap();
        let mut row = RowValues::new();
        for name in ["id", "brief", "name"] {
            row.set(&rows.column(name), FieldInput::Keep);
        }
        assert_eq!(row.to_json().as_deref(), Some(r#"{"brief":null}"#));
    }

    #[test]
    fn create_only_field_is_rejected_in_update() {
        let mut rows = ValueRows::of_updates(Rules::new("SAP").strict(true));
        let mut row = RowValues::new();
        for name in ["id", "name", "brand_id"] {
            row.set(&rows.column(name), text("x"));
        }
        let invalid = rows.row(row).update.unwrap_err();
        assert_eq!(invalid.issues()[0].field, "brand_id");
    }

    #[test]
    fn unreadable_row_is_not_written_as_empty() {
        assert_eq!(RowValues::unreadable("is a list").to_json(), None);
        assert_eq!(RowValues::new().to_json().as_deref(), Some("{}"));
    }

    #[test]
    fn table_is_checked_against_rules_before_its_first_row() {
        let header = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let opened = |names: &[&str]| {
            let mut rows = ValueRows::new(Rules::new("SAP")).unwrap();
            rows.columns(&header(names)).map(|_| rows)
        };
        let mut cleared = ValueRows::new(Rules::new("SAP").clear_nulls(["end"])).unwrap();
        let absent = cleared.columns(&header(&["id", "name"])).unwrap_err().to_string();
        assert!(
            absent.starts_with("clear_nulls names a column \"end\" that the input does not have"),
            "{absent}"
        );
        assert!(opened(&["key", "name"]).unwrap_err().to_string().contains("no column is called \"id\""));
        assert!(ValueRows::new(Rules::new("")).unwrap_err().to_string().contains("source is required"));
        let mut rows = opened(&["id", "name", "source", "mood"]).unwrap();
        assert_eq!(rows.take_unused().iter().map(|column| &*column.name).collect::<Vec<_>>(), ["mood"]);
        assert_eq!(rows.mapping().len(), 2);
    }

    #[test]
    fn rows_of_updates_name_their_own_source_and_extra_fields() {
        let mut rows = ValueRows::of_updates(Rules::new("SAP").strict(true));
        let [id, name, source] = ["id", "name", "source"].map(|column| rows.column(column));
        assert!(rows.column("extra").is_extra());
        let mut row = |own: FieldInput| {
            let mut row = RowValues::new();
            row.set(&id, text("7"));
            row.set(&name, text("N"));
            row.set(&source, own);
            row.extra("team", "[1]");
            rows.row(row).update.map(|update| update.to_json()).map_err(|invalid| invalid.to_string())
        };
        assert_eq!(row(text("JIRA")).unwrap(), r#"{"metadata":{"source":"JIRA"},"name":"N","team":[1]}"#);
        assert!(row(FieldInput::Keep).unwrap().contains("SAP"));
        assert!(
            row(FieldInput::Value(Value::Clear)).unwrap_err().starts_with("metadata.source: is not text")
        );
        let mut row = RowValues::new();
        row.set(&id, FieldInput::Keep);
        row.set(&name, text(" "));
        let blank = rows.row(row).update.unwrap_err();
        assert!(blank.to_string().starts_with("row: is blank: every value is empty"), "{blank}");
        let mut nulls = RowValues::new();
        nulls.set(&id, FieldInput::Keep);
        for nulls in [nulls, RowValues::new()] {
            assert!(rows.row(nulls).update.unwrap_err().is_nothing_to_change());
        }
        assert_eq!(rows.take_remarks(), ["2 blank rows were skipped"]);
        let end = rows.column("end");
        let mut row = RowValues::new();
        row.set(&id, text("7"));
        row.set(&end, text("31/01/2025"));
        assert!(rows.row(row).update.is_err());
        assert_eq!(rows.take_remarks(), [""; 0], "the error of the row says it");
        let single = rows.single_row(RowValues::new()).update.unwrap_err();
        assert!(single.to_string().starts_with("id: the row has no \"id\""), "{single}");
    }
}
