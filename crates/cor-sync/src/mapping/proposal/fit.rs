//! Whether the cells of a column can be the values of a field, and what the mapping has to say about them.

use cor_http::{CreateField, Field, FieldInput, FieldType, IncomeType, MangledId, Value};

use super::evidence::{Fit, example_of};
use super::sample::{SampleColumn, text_of};
use super::trial::Trial;
use super::{Choice, Decision, Setting, WordCount, formats};
use crate::text::{grouped, trimmed};

/// The words that COR's own pages use for the status. Others are sent as they are.
const STATUS_WORDS: [&str; 5] = ["active", "in_progress", "in_process", "finished", "suspended"];
/// A column with more different texts than this, and in more than a quarter of its cells, is no status.
const MOST_STATUS_WORDS: usize = 30;

const YES: [&str; 9] = ["yes", "y", "true", "1", "si", "sí", "s", "verdadero", "x"];
const NO: [&str; 5] = ["no", "n", "false", "0", "falso"];

impl Trial {
    /// The cells of a column as values of a field.
    pub(super) fn field(&self, field: Field, column: &SampleColumn) -> Fit {
        let mut fit = match field.kind() {
            FieldType::Date => formats::days(self, field, column),
            FieldType::Number => formats::numbers(self, field, column),
            FieldType::Boolean => self.booleans(field, column),
            FieldType::IncomeType => self.income_types(field, column),
            _ => self.texts(field, column),
        };
        if fit.trim || column.has_blanks && field.kind() != FieldType::Text {
            fit.settings.push(Setting::flag("trim", true));
        }
        fit
    }

    /// The cells of a column as external ids.
    pub(super) fn id(&self, column: &SampleColumn) -> Fit {
        let mut fit = Fit::new("ids");
        let (mut different, mut rewritten) = (std::collections::BTreeSet::new(), 0_u64);
        for cell in &column.cells {
            if !self.is_id(cell) {
                fit.refuse(cell);
                continue;
            }
            fit.take(cell);
            let text = text_of(cell).map_or_else(|| example_of(cell), str::to_owned);
            match MangledId::of(&text) {
                Some(MangledId::Blanks) => fit.trim = true,
                Some(MangledId::NoValue) | None => {}
                Some(_) => rewritten += 1,
            }
            different.insert(text);
        }
        if fit.taken > 0 {
            fit.remarks.push(format!("{} of them are different", grouped(different.len() as u64)));
        }
        if rewritten > 0 {
            fit.remarks.push(format!(
                "a spreadsheet or a data frame has rewritten {rewritten} of them: export the column as text"
            ));
        }
        // Several rows may belong to one project, but not most rows to a few.
        if fit.taken > 0 && 2 * different.len() < column.cells.len() {
            let (different, cells) = (grouped(different.len() as u64), grouped(column.filled()));
            fit.contradiction = Some(format!("only {different} of {cells} cells are different"));
        }
        fit
    }

    /// The cells of a column as values of a field that only a create takes.
    pub(super) fn create(&self, field: CreateField, column: &SampleColumn) -> Fit {
        let mut fit = Fit::new("ids");
        for cell in &column.cells {
            match self.is_create(field, cell) {
                true => fit.take(cell),
                false => fit.refuse(cell),
            }
        }
        fit.remarks.push("only a create sends it (--create-missing)".to_owned());
        fit
    }

    fn texts(&self, field: Field, column: &SampleColumn) -> Fit {
        let mut fit = Fit::new("texts");
        for cell in &column.cells {
            match self.takes(field, cell, &mut fit.trim) {
                true => fit.take(cell),
                false => fit.refuse(cell),
            }
            fit.trim |= text_of(cell).is_some_and(|text| trimmed(text).len() < text.len());
        }
        if field == Field::Status {
            self.status(column, &mut fit);
        }
        fit
    }

    fn status(&self, column: &SampleColumn, fit: &mut Fit) {
        let words = column.words();
        if words.len() > MOST_STATUS_WORDS && words.len() > column.cells.len() / 4 {
            let words = grouped(words.len() as u64);
            fit.contradiction = Some(format!("{words} different texts are too many for a status"));
            return;
        }
        let other: Vec<_> = words.into_iter().filter(|(word, _)| !STATUS_WORDS.contains(word)).collect();
        if !other.is_empty() {
            let known = STATUS_WORDS.join(", ");
            fit.decide(Decision::of_words(
                format!(
                    "COR's own pages use {known}; without values, the texts below are sent as they are. To translate \
                     them, remove the # of these lines and write one of those behind each ="
                ),
                &other,
            ));
        }
    }

    fn income_types(&self, field: Field, column: &SampleColumn) -> Fit {
        let mut fit = Fit::new("income types");
        let mut other: Vec<&FieldInput> = Vec::new();
        for cell in &column.cells {
            match self.takes(field, cell, &mut fit.trim) {
                true => fit.take(cell),
                false if text_of(cell).is_some() => {
                    fit.taken += 1;
                    other.push(cell);
                }
                false => fit.refuse(cell),
            }
        }
        if let Some(first) = other.first() {
            fit.what = "texts";
            fit.first_taken = Some(example_of(first));
            let is_other = |word: &str| {
                let cell = FieldInput::Value(Value::Text(word.to_owned().into()));
                !self.takes(field, &cell, &mut false)
            };
            let words: Vec<_> = column.words().into_iter().filter(|(word, _)| is_other(word)).collect();
            let known = [IncomeType::Fee, IncomeType::OneTime, IncomeType::HourlyRate, IncomeType::Contract];
            let known = known.map(|kind| kind.to_string()).join(", ");
            fit.decide(Decision::of_words(
                format!(
                    "COR's income types are {known}; the texts below are refused. To translate them, remove the # of these \
                     lines and write an income type behind each ="
                ),
                &words,
            ));
        }
        fit
    }

    fn booleans(&self, field: Field, column: &SampleColumn) -> Fit {
        let mut fit = Fit::new("true or false");
        let mut words: Vec<(String, bool)> = Vec::new();
        for cell in &column.cells {
            let word = match cell {
                FieldInput::Value(Value::Number(number)) => Some(number.to_string()),
                _ => text_of(cell).map(|text| trimmed(text).to_owned()),
            };
            let folded = word.as_deref().unwrap_or_default().to_lowercase();
            let stands_for = (YES.contains(&folded.as_str()), NO.contains(&folded.as_str()));
            if self.takes(field, cell, &mut fit.trim) {
                fit.take(cell);
            } else if let (Some(word), (true, _) | (_, true)) = (word, stands_for) {
                fit.take(cell);
                fit.trim |= text_of(cell).is_some_and(|text| text != word);
                if !words.iter().any(|(known, _)| *known == word) {
                    words.push((word, stands_for.0));
                }
            } else {
                fit.refuse(cell);
            }
        }
        if !words.is_empty() {
            fit.what = "yes or no";
        }
        fit.values = words;
        fit
    }
}

/// Whether every cell is a word that only this field has.
pub(super) fn shows_by_values(field: Field, column: &SampleColumn, trial: &Trial) -> bool {
    let is_word = |cell: &FieldInput| match field {
        Field::Status => text_of(cell).is_some_and(|text| STATUS_WORDS.contains(&trimmed(text))),
        Field::IncomeType => text_of(cell).is_some() && trial.takes(field, cell, &mut false),
        _ => false,
    };
    !column.cells.is_empty() && column.cells.iter().all(is_word)
}

/// Whether the cells of a column look like ids: in every row another, with a digit and without blanks. An e-mail address,
/// an address of a page and a phone number is none.
pub(super) fn looks_like_ids(column: &SampleColumn, rows: u64, trial: &Trial) -> bool {
    let is_code = |cell: &FieldInput| {
        text_of(cell).is_some_and(|text| {
            text.len() <= 40
                && !text.contains(['@', ':', '+'])
                && text.bytes().any(|byte| byte.is_ascii_digit())
                && !text.contains(char::is_whitespace)
        })
    };
    let kinds = [Field::Start, Field::Estimated];
    let is_value = |field: &Field| trial.field(*field, column).taken > 0;
    rows > 2
        && column.filled() == rows
        && column.cells.iter().all(is_code)
        && column.words().len() as u64 == rows
        && !kinds.iter().any(is_value)
}

/// What the first cells of a column without a field look like, with an example.
pub(super) fn looks(column: &SampleColumn, trial: &Trial) -> String {
    const MOST: usize = 100;
    let Some(first) = column.cells.first() else { return "every cell that was read is empty".to_owned() };
    let cells = column.cells.iter().take(MOST).cloned().collect();
    let start = SampleColumn { cells, ..SampleColumn::new(&column.name) };
    for field in [Field::Start, Field::Estimated] {
        let fit = trial.field(field, &start);
        if fit.taken == start.filled() {
            return format!("{}, such as {}", fit.what, example_of(first));
        }
    }
    format!("such as {}", example_of(first))
}

impl Decision {
    /// A decision that no setting of a mapping can make.
    pub(super) fn open(question: String) -> Decision {
        Decision { question, choices: Vec::new(), words: Vec::new(), holds_back: false }
    }

    /// The cells are ids of another system, and COR would take them for its own external ids.
    pub(super) fn of_reference(what: &str) -> Decision {
        let question = format!("set it only if the cells are the external ids that COR has for {what}");
        Decision { holds_back: true, ..Decision::open(question) }
    }

    fn of_words(question: String, words: &[(&str, u64)]) -> Decision {
        let settings = vec![Setting::text("unlisted", "as_is")];
        let reading = "other texts stay as they are".to_owned();
        let words = words.iter().map(|(word, cells)| WordCount { word: (*word).to_owned(), cells: *cells });
        Decision {
            question,
            choices: vec![Choice { settings, reading }],
            words: words.collect(),
            holds_back: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_status_words_match_table_of_fields() {
        let schema = cor_http::Schema::Update.to_json();
        let listed = STATUS_WORDS.map(|word| format!("`{word}`")).join(", ");
        assert!(schema.contains(&format!("COR's own pages use {listed}.")), "{schema}");
    }
}
