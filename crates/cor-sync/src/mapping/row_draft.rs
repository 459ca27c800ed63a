//! One row's values on their way into an update.

use std::borrow::Cow;

use cor_http::{
    CreateField, Draft, Field, FieldInput, FieldType, Invalid, Issue, IssueCode, MangledId, Number,
    ProjectUpdate, Source, TextInput, Value,
};

use super::cells::shown;
use super::column_use::Use;
use super::format_evidence::FormatEvidence;
use super::rules::Rules;
use crate::rejects::TO_CORRECT;
use crate::remarks::{Remark, RowRemarks, is_null_word};
use crate::text::{is_same_name, quoted, trimmed};
use crate::{Content, Problem};

/// How the values of one kind of input are read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ValueStyle {
    /// What its texts are.
    pub(crate) texts: TextInput,
    /// Whether an integer is an external id. It is where the writer had no choice: the keys of a database are integers.
    pub(crate) integer_ids: bool,
    /// Whether midnight in UTC stands for the day in UTC: a tap writes every day as such a timestamp.
    pub(crate) utc_midnight: bool,
    /// Whether they are cells of a workbook, whose types the user of a spreadsheet changes.
    pub(crate) is_workbook: bool,
}

impl ValueStyle {
    /// Texts are texts, and an external id is one of them.
    pub(crate) const TYPED: ValueStyle =
        ValueStyle { texts: TextInput::TYPED, integer_ids: false, utc_midnight: false, is_workbook: false };
    /// The cells of a CSV: each text is read by the type of its field.
    pub(crate) const CELLS: ValueStyle = ValueStyle { texts: TextInput::Cells, ..ValueStyle::TYPED };
    /// The values of a Parquet file.
    #[cfg(feature = "parquet")]
    pub(crate) const PARQUET: ValueStyle = ValueStyle { integer_ids: true, ..ValueStyle::TYPED };
    /// The cells of a workbook.
    #[cfg(feature = "workbook")]
    pub(crate) const WORKBOOK: ValueStyle =
        ValueStyle { integer_ids: true, is_workbook: true, ..ValueStyle::TYPED };
    /// The values of a Singer tap.
    pub(crate) const SINGER: ValueStyle =
        ValueStyle { integer_ids: true, utc_midnight: true, ..ValueStyle::TYPED };
}

/// Applies the rules to the values of a row, and collects the update and everything that is wrong.
pub(crate) struct RowDraft<'a> {
    rules: &'a Rules,
    id: Option<String>,
    /// Whether a row without an id is a problem.
    needs_id: bool,
    /// Whether a problem of the id is known.
    is_id_rejected: bool,
    draft: Draft<'a>,
    /// Cells that are no text at all.
    unreadable: Vec<Problem>,
    remarks: RowRemarks,
    /// Whether a column of the row sets a field, be it to nothing.
    is_mapped: bool,
    unknown: Vec<&'a str>,
}

impl<'a> RowDraft<'a> {
    pub(crate) fn new(rules: &'a Rules) -> Self {
        RowDraft::of_source(rules, rules.source().clone())
    }

    /// A row of another source than the rules'.
    pub(crate) fn of_source(rules: &'a Rules, source: Source) -> Self {
        let mut row = RowDraft {
            rules,
            id: None,
            needs_id: true,
            is_id_rejected: false,
            draft: Draft::with_capacity(source, USUAL_FIELDS),
            unreadable: Vec::new(),
            remarks: RowRemarks::default(),
            is_mapped: false,
            unknown: Vec::new(),
        };
        for (field, value) in rules.constants() {
            row.is_mapped = true;
            row.draft.claim(CONSTANT, field);
            row.draft.set_column(CONSTANT, field, value.clone(), NO_ADVICE);
        }
        row
    }

    pub(crate) fn id(&mut self, id: &str) {
        let id = if self.rules.general.trim { trimmed(id) } else { id };
        if id.contains('\u{feff}') {
            // It is invisible, and no system has such ids on purpose.
            let message = format!("{} holds a byte order mark, which is invisible; remove it", quoted(id));
            self.reject_id(&self.rules.id_column, Issue::new("id", IssueCode::NotAddressable, message));
        }
        if !id.is_empty() && trimmed(id).is_empty() {
            let message = "contains only blanks; pass the id that the project has in its source";
            self.reject_id(&self.rules.id_column, Issue::new("id", IssueCode::Required, message));
        }
        let is_no_value = self.rules.is_null_value(id);
        if is_no_value {
            let message =
                format!("{} stands for no value; pass the id that the project has in its source", quoted(id));
            self.reject_id(&self.rules.id_column, Issue::new("id", IssueCode::Required, message));
        }
        if id.starts_with(TO_CORRECT) {
            self.reject_id(&self.rules.id_column, to_correct("id", id));
        }
        if self.id.is_some() {
            let message = "appears twice; remove one";
            self.reject_id(&self.rules.id_column, Issue::new("id", IssueCode::Reserved, message));
        }
        if !is_no_value && MangledId::of(id).is_some() {
            self.remarks.push(Remark::MangledId(id.to_owned()));
        }
        self.id = Some(id.to_owned());
    }

    pub(crate) fn set(&mut self, column: &'a str, field: Field, value: Value<'_>) {
        self.set_styled(column, field, value, ValueStyle::TYPED);
    }

    fn set_styled(&mut self, column: &'a str, field: Field, value: Value<'_>, style: ValueStyle) {
        let ValueStyle { texts, utc_midnight, is_workbook, .. } = style;
        // A second column for the field is a mistake even where this one keeps it.
        if !self.draft.claim(column, field) {
            return;
        }
        if let Value::Cell(text) = value
            && text.starts_with(TO_CORRECT)
        {
            return self.draft.reject_column(column, to_correct(field.name(), text));
        }
        let null_word = text_of(&value).filter(|text| is_null_word(text)).map(str::to_owned);
        let cell = if let Value::Cell(text) = value { Some(text) } else { None };
        match self.rules.apply(field, value, utc_midnight) {
            Ok(Some(value)) => {
                if let Some(message) = is_workbook.then(|| cell_mismatch(field, &value)).flatten() {
                    self.suggest_format(column, field, text_of(&value));
                    let issue = Issue::new(field.name(), IssueCode::WrongType, message);
                    return self.draft.reject_column(column, issue);
                }
                let mut certain = String::new();
                let advice = match null_word {
                    Some(_) => [NULL_ADVICE, ""],
                    None => advice(field, &value, texts, &mut certain),
                };
                self.remark(column, field, &value, null_word);
                self.suggest_format(column, field, text_of(&value));
                if matches!(field.kind(), FieldType::Date | FieldType::Number) && is_evidence(&value, cell) {
                    self.remarks.read.insert(field);
                }
                self.draft.set_column(column, field, value, advice);
            }
            Ok(None) => {}
            Err(mut issue) => {
                if null_word.is_some() {
                    issue.message.push_str(NULL_ADVICE);
                }
                self.suggest_format(column, field, cell);
                self.draft.reject_column(column, issue);
            }
        }
    }

    /// Notes what is probably a mistake in a value that can be sent. `null_word` is the text before the rules were applied.
    fn remark(&mut self, column: &str, field: Field, value: &Value<'_>, null_word: Option<String>) {
        if field.kind() != FieldType::Text {
            return;
        }
        let Some(text) = text_of(value) else { return };
        match null_word {
            Some(word) if word == text => {
                self.remarks.push(Remark::NullWord { column: column.to_owned(), word });
            }
            _ if is_key(field) && MangledId::of(text).is_some() => {
                self.remarks
                    .push(Remark::MangledReference { column: column.to_owned(), id: text.to_owned() });
            }
            _ => {}
        }
    }

    /// Notes in which formats a text may be written that a field of days or numbers does not take as it is.
    fn suggest_format(&mut self, column: &str, field: Field, text: Option<&str>) {
        let Some(text) = text else { return };
        match FormatEvidence::of(field.kind(), text) {
            Some(evidence) => {
                self.remarks.push(Remark::OtherFormat { column: column.to_owned(), field, evidence });
            }
            None if field.kind() == FieldType::Number && text.contains('.') => {
                self.remarks.points.insert(field)
            }
            None => {}
        }
    }

    /// What is probably a mistake in the row, and what its texts show.
    pub(crate) fn take_remarks(&mut self) -> RowRemarks {
        std::mem::take(&mut self.remarks)
    }

    /// What a column that is used for this says in this row.
    pub(crate) fn take(&mut self, name: &'a str, column: Use<'a>, input: FieldInput, style: ValueStyle) {
        if column.is_unknown() {
            match self.rules.is_strict() {
                true => self.reject(name, Issue::unknown_field(name)),
                false => self.unknown.push(name),
            }
            return;
        }
        self.is_mapped |= column.sets_something();
        if column.is_id {
            self.take_id(name, &input, style);
        }
        if let Some(field) = column.create {
            match id_text(&input, style) {
                _ if input == FieldInput::Keep => {}
                Some(text) => self.create(field, &text),
                None => self.reject(name, no_id(field.name(), &input)),
            }
        }
        if column.clears_nulls && input == FieldInput::Keep {
            for field in column.fields {
                self.set(name, *field, Value::Clear);
            }
            return;
        }
        let [fields @ .., last] = column.fields else { return };
        for field in fields {
            self.take_field(name, *field, input.clone(), style);
        }
        self.take_field(name, *last, input, style);
    }

    fn take_field(&mut self, name: &'a str, field: Field, input: FieldInput, style: ValueStyle) {
        match input {
            FieldInput::Keep => {}
            FieldInput::Refused(code, message) => {
                self.reject(name, Issue::new(field.name(), code, message));
            }
            FieldInput::Value(Value::Number(number))
                if style.integer_ids && is_key(field) && integer(&number).is_some() =>
            {
                self.set(name, field, Value::Text(number.to_string().into()));
            }
            FieldInput::Value(value) => match style.texts.cell(&value) {
                Some(Value::Cell("")) => {}
                Some(cell) => self.set_styled(name, field, cell, style),
                None => self.set_styled(name, field, value, style),
            },
        }
    }

    fn take_id(&mut self, name: &'a str, input: &FieldInput, style: ValueStyle) {
        match id_text(input, style) {
            Some(id) => self.id(&id),
            None => self.reject_id(name, no_id("id", input)),
        }
    }

    fn reject_id(&mut self, column: &'a str, issue: Issue) {
        self.is_id_rejected = true;
        self.reject(column, issue);
    }

    /// What only a create says. It travels as an extra, which no update of a table has otherwise.
    pub(crate) fn create(&mut self, field: CreateField, text: &str) {
        if !self.rules.is_no_value(text) {
            self.draft.extra(field.name(), &serde_json::Value::from(text).to_string());
        }
    }

    /// Sets a field that this library does not know, as JSON text.
    pub(crate) fn extra(&mut self, name: &str, json: &str) {
        self.draft.extra(name, json);
    }

    pub(crate) fn reject(&mut self, column: &'a str, issue: Issue) {
        self.draft.reject_column(column, issue);
    }

    /// A problem of the row, for which no column of the table is to blame.
    pub(crate) fn reject_row(&mut self, issue: Issue) {
        self.draft.reject(issue);
    }

    /// Says that the columns of the whole table were checked: a row may lack all of those that set a field.
    pub(crate) fn of_checked_table(mut self) -> Self {
        self.is_mapped = true;
        self
    }

    /// Says that the row cannot be read at all, so that what it lacks is no problem of its own.
    pub(crate) fn is_unreadable(&mut self) {
        self.needs_id = false;
    }

    /// A cell that holds no text.
    pub(crate) fn unreadable(&mut self, problem: Problem) {
        self.unreadable.push(problem);
    }

    /// What the row asks for.
    pub(crate) fn content(self) -> Content {
        let Finished { id, update, unreadable } = self.finish();
        let issues = match update {
            Ok(update) if unreadable.is_empty() => return Content::Update(id, update),
            Ok(_) => Vec::new(),
            Err(issues) => issues,
        };
        let is_unchanged = |issue: &Issue| issue.code == IssueCode::NothingToChange;
        if unreadable.is_empty() && issues.iter().all(|(_, issue)| is_unchanged(issue)) {
            return Content::Unchanged;
        }
        let issues = issues.into_iter().filter(|(_, issue)| !is_unchanged(issue)).map(|(column, issue)| {
            let column = column.map_or_else(|| issue.field.clone(), str::to_owned);
            Problem::of_column(&column, issue)
        });
        Content::Rejected(id, unreadable.into_iter().chain(issues).collect())
    }

    /// The row as one of a run that keeps no state, to which an update that changes nothing is a problem.
    pub(crate) fn row(self) -> cor_http::Row {
        let Finished { id, update, .. } = self.finish();
        cor_http::Row { id, update: without_columns(update), cor_id: None, held: None }
    }

    /// The update by itself. An id is checked where the row has one.
    pub(crate) fn update(mut self) -> Result<ProjectUpdate, Invalid> {
        self.needs_id = false;
        without_columns(self.finish().update)
    }

    fn finish(mut self) -> Finished<'a> {
        if !self.is_mapped {
            for name in std::mem::take(&mut self.unknown) {
                self.reject(name, Issue::unknown_field(name));
            }
        }
        let id_column = self.rules.id_column.as_str();
        let is_id =
            |problem: &Problem| problem.column.as_deref().is_some_and(|name| is_same_name(name, id_column));
        let is_rejected = self.is_id_rejected || self.unreadable.iter().any(is_id);
        let id = self.id.as_deref().or(self.needs_id.then_some("")).filter(|_| !is_rejected);
        let mut update = self.draft.finish_columns(id);
        if let Err(issues) = &mut update
            && let Some((column @ None, issue)) = issues.first_mut()
            && issue.field == "id"
        {
            *column = Some(id_column);
            if self.id.is_none() {
                issue.message = format!(
                    "the row has no {id_column:?}; add the column, or set `id_column` to the column with \
                     the external ids"
                );
            }
        }
        Finished { id: self.id.unwrap_or_default(), update, unreadable: self.unreadable }
    }
}

/// The update, or every problem, with the column where one is to blame.
type Update<'a> = Result<ProjectUpdate, Vec<(Option<&'a str>, Issue)>>;

/// What came of a row.
struct Finished<'a> {
    /// The id as far as there is one.
    id: String,
    update: Update<'a>,
    unreadable: Vec<Problem>,
}

fn without_columns(update: Update<'_>) -> Result<ProjectUpdate, Invalid> {
    update.or_else(|issues| {
        let issues = issues.into_iter().map(|(_, issue)| issue).collect();
        // Without an issue there is no error.
        Invalid::from_issues(issues).map_or_else(|| Ok(ProjectUpdate::new("")), Err)
    })
}

/// The text that a value is.
fn text_of<'v>(value: &'v Value<'_>) -> Option<&'v str> {
    match value {
        Value::Cell(text) => Some(text),
        Value::Text(text) => Some(text),
        _ => None,
    }
}

/// Whether a value that a field takes shows how the texts of its column are written: a day, or a number whose point cannot
/// separate thousands.
fn is_evidence(value: &Value<'_>, cell: Option<&str>) -> bool {
    match (value, cell) {
        (Value::Date(_), cell) => cell.is_some(),
        _ => text_of(value).is_some_and(|text| {
            let bytes = text.as_bytes();
            let is_day = bytes.len() == 10 && bytes[4] == b'-' && bytes[7] == b'-';
            let is_decimal = |(whole, rest): (&str, &str)| {
                (rest.len() != 3 || whole.len() > 3) && rest.bytes().all(|byte| byte.is_ascii_digit())
            };
            is_day || text.split_once('.').is_some_and(is_decimal)
        }),
    }
}

/// A cell of a workbook that was rejected, as it stands in the file of rejected rows.
fn to_correct(field: &str, text: &str) -> Issue {
    let message = format!("{} is a rejected cell of a workbook; write the value in its place", quoted(text));
    Issue::new(field, IssueCode::NotAllowed, message)
}

const NULL_ADVICE: &str = "; if it stands for an empty cell, pass it with `null_values`";

const NO_ADVICE: [&str; 2] = ["", ""];

/// How a text that a field does not take can be read. `certain` takes the options that the text shows.
fn advice<'c>(field: Field, value: &Value<'_>, texts: TextInput, certain: &'c mut String) -> [&'c str; 2] {
    match (field.kind(), value) {
        // What the message says of a timestamp names an option of its own.
        (FieldType::Date, _) if text_of(value).is_none_or(|text| text.contains(':')) => NO_ADVICE,
        (FieldType::Date, _) => match certain_options(field, value) {
            Some(options) => {
                *certain = options;
                ["; to read this value, set ", certain]
            }
            None => ["; if the dates have another format, set `date_format`", ""],
        },
        (FieldType::Number, Value::Cell(_)) => match certain_options(field, value) {
            Some(options) => {
                *certain = options;
                ["; to read this value, set ", certain]
            }
            None => ["; if the numbers have another format, set `decimal` or `thousands`", ""],
        },
        (kind, Value::Text(_)) => texts.advice(kind),
        _ => NO_ADVICE,
    }
}

/// The fields that a row sets, mostly at most.
const USUAL_FIELDS: usize = 8;

/// Why a cell of a workbook is of the wrong type for a field, and what the user of a spreadsheet does about it.
fn cell_mismatch(field: Field, value: &Value<'_>) -> Option<String> {
    Some(match (field.kind(), value) {
        (FieldType::Number, Value::Text(text)) => {
            let how = match certain_options(field, value) {
                Some(options) => format!("set {options}"),
                None => "set `decimal` to read texts as numbers".to_owned(),
            };
            format!("{} is text, not a number; enter it as a number, or {how}", quoted(text))
        }
        (FieldType::Boolean, Value::Text(text)) => format!(
            "{} is text, neither true nor false; enter TRUE or FALSE, or list the words in a mapping's `values`",
            quoted(text)
        ),
        (FieldType::Boolean, Value::Number(number)) => format!(
            "{number} is a number, neither true nor false; enter TRUE or FALSE, or list the numbers in a mapping's `values`"
        ),
        (FieldType::Text, Value::Number(number)) => {
            format!("{number} is a number, not text; format the column as text and enter it again")
        }
        _ => return None,
    })
}

/// The options that read a text, where it alone shows them: `` `date_format` "%d/%m/%Y" ``.
fn certain_options(field: Field, value: &Value<'_>) -> Option<String> {
    let options = FormatEvidence::of(field.kind(), text_of(value)?)?.certain()?;
    Some(options.iter().map(|(name, text)| format!("`{name}` {text:?}")).collect::<Vec<_>>().join(" and "))
}

/// What stands for the column of a value that the mapping sets in every row.
const CONSTANT: &str = "the mapping's constant";

/// The external id that a value is, if it can be one.
fn id_text<'v>(input: &'v FieldInput, style: ValueStyle) -> Option<Cow<'v, str>> {
    match input {
        FieldInput::Value(Value::Text(text)) => Some(Cow::Borrowed(text)),
        FieldInput::Value(Value::Number(number)) if style.integer_ids => integer(number).map(Cow::Owned),
        _ => None,
    }
}

/// The digits of an integer.
fn integer(number: &Number) -> Option<String> {
    let digits = number.to_string();
    digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-').then_some(digits)
}

/// Whether the field is the key of something else. In a database such keys are integers.
pub(crate) fn is_key(field: Field) -> bool {
    field.name().ends_with("_id")
}

/// Why a value is no external id.
fn no_id(field: &str, input: &FieldInput) -> Issue {
    let number = |number: &Number| match number.as_i64() {
        Some(number) => {
            format!("{number} is a number; pass the id as text, \"{number}\" (007 and 7 are different ids)")
        }
        None => format!(
            "{number} has a decimal point, so the exact spelling of the id is lost; read the id column as text"
        ),
    };
    let message = match input {
        FieldInput::Refused(code, message) => return Issue::new(field, *code, message.as_str()),
        FieldInput::Keep => {
            let message = "is missing in this row; add the id that the project has in its source";
            return Issue::new(field, IssueCode::Required, message);
        }
        FieldInput::Value(Value::Number(value)) => number(value),
        FieldInput::Value(value) => format!("{} is not text; pass the exact text of the id", shown(value)),
    };
    Issue::new(field, IssueCode::WrongType, message)
}
