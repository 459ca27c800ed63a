//! Values of a table that can be sent and are probably a mistake: counted row by row, reported at the end of the input.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cor_http::{Field, MangledId};

use crate::Rules;
use crate::mapping::FormatEvidence;
use crate::row::INDEX;
use crate::text::quoted;

/// Different values that have a count of their own, so that memory stays flat whatever the input holds.
const MAX_COUNTED_VALUES: usize = 10_000;
/// Values of one kind that get a sentence of their own.
const MAX_DESCRIBED_VALUES: usize = 5;

/// What is remarkable in one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Remark {
    /// The column's text is a word such as `NULL`, and is sent as text.
    NullWord { column: String, word: String },
    /// The row's external id.
    MangledId(String),
    /// The column's text is a day or a number in another format than the rules expect.
    OtherFormat { column: String, field: Field, evidence: FormatEvidence },
    /// The id of something else than the project, such as the client.
    MangledReference { column: String, id: String },
}

/// What is remarkable in one row, and what was read in it.
#[derive(Debug, Default)]
pub(crate) struct RowRemarks {
    remarks: Vec<Remark>,
    pub(crate) read: Fields,
    /// Fields with a number that was read with a decimal point.
    pub(crate) points: Fields,
}

impl RowRemarks {
    pub(crate) fn push(&mut self, remark: Remark) {
        self.remarks.push(remark);
    }

    /// Without what is said of whole columns: rows that each have a result of their own are no table.
    pub(crate) fn of_row_alone(mut self) -> RowRemarks {
        self.remarks.retain(|remark| !matches!(remark, Remark::OtherFormat { .. }));
        self
    }
}

impl From<Remark> for RowRemarks {
    fn from(remark: Remark) -> RowRemarks {
        RowRemarks { remarks: vec![remark], ..RowRemarks::default() }
    }
}

/// Fields of days and numbers with a text that was read, which shows how their columns are written. A set of bits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Fields(u64);

impl Fields {
    pub(crate) fn insert(&mut self, field: Field) {
        self.0 |= 1 << field as u64;
    }

    fn has_other_than(self, field: Field) -> bool {
        self.0 & !(1 << field as u64) != 0
    }

    fn contains(self, field: Field) -> bool {
        self.0 & (1 << field as u64) != 0
    }
}

/// How often a value was met, and where first.
#[derive(Clone, Copy, Debug)]
struct Count {
    rows: u64,
    line: u64,
}

/// The remarks of an input.
#[derive(Debug, Default)]
pub(crate) struct Remarks {
    blank_rows: u64,
    /// What the types of the table's columns say.
    of_table: Vec<String>,
    words: Counts<(String, String)>,
    ids: Counts<String>,
    references: Counts<(String, String)>,
    formats: BTreeMap<(String, Field), Formats>,
    read: Fields,
    points: Fields,
}

/// In which formats the texts of a column may be written that were not read.
#[derive(Clone, Copy, Debug)]
struct Formats {
    rows: u64,
    evidence: FormatEvidence,
}

/// Words that stand for no value in a text, beside those that do so as an id too ([`cor_http::is_no_value`]).
/// Capitals do not count.
const NULL_WORDS: &[&str] = &["nil", "nan", "nat", "na"];

/// Whether a text is a word that stands for no value.
pub(crate) fn is_null_word(text: &str) -> bool {
    let text = crate::text::trimmed(text);
    text.len() <= 9
        && (NULL_WORDS.iter().any(|word| word.eq_ignore_ascii_case(text)) || cor_http::is_no_value(text))
}

#[derive(Debug)]
struct Counts<K> {
    values: HashMap<K, Count>,
    /// There were more values than are counted.
    overflowed: bool,
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Counts { values: HashMap::new(), overflowed: false }
    }
}

impl<K: std::hash::Hash + Eq + Ord + Clone> Counts<K> {
    fn add(&mut self, key: K, line: u64) {
        if self.values.len() < MAX_COUNTED_VALUES || self.values.contains_key(&key) {
            self.values.entry(key).or_insert(Count { rows: 0, line }).rows += 1;
        } else {
            self.overflowed = true;
        }
    }

    /// A number of values, as text: there are at least as many where not all were counted.
    fn number(&self, values: usize) -> String {
        if self.overflowed { format!("at least {values}") } else { values.to_string() }
    }

    /// A sentence for each of the first of these values, and the number of the others.
    fn describe(&self, all: &[(&K, Count)], sentence: impl Fn(&K, Count) -> String) -> Vec<String> {
        let mut notes: Vec<String> =
            all.iter().take(MAX_DESCRIBED_VALUES).map(|(key, count)| sentence(key, *count)).collect();
        if let (Some(last), more @ 1..) = (notes.last_mut(), all.len().saturating_sub(MAX_DESCRIBED_VALUES)) {
            last.push_str(&format!("; the same holds for {} more values", self.number(more)));
        }
        notes
    }

    /// The most frequent first, and of these the one that came first.
    fn sorted(&self) -> Vec<(&K, Count)> {
        let mut all: Vec<_> = self.values.iter().map(|(key, count)| (key, *count)).collect();
        all.sort_by(|(a, one), (b, other)| (other.rows, one.line, *a).cmp(&(one.rows, other.line, *b)));
        all
    }
}

impl Remarks {
    /// A row without a value, which is skipped.
    pub(crate) fn blank_row(&mut self) {
        self.blank_rows += 1;
    }

    /// Something about the whole table.
    pub(crate) fn of_table(&mut self, note: String) {
        self.of_table.push(note);
    }

    pub(crate) fn row(&mut self, line: u64, row: RowRemarks) {
        self.read.0 |= row.read.0;
        self.points.0 |= row.points.0;
        for remark in row.remarks {
            match remark {
                Remark::NullWord { column, word } => self.words.add((column, word), line),
                Remark::MangledId(id) => self.ids.add(id, line),
                Remark::OtherFormat { column, field, evidence } => {
                    match self.formats.get_mut(&(column.clone(), field)) {
                        Some(known) => {
                            known.rows += 1;
                            known.evidence = known.evidence.and(evidence);
                        }
                        None => {
                            self.formats.insert((column, field), Formats { rows: 1, evidence });
                        }
                    }
                }
                Remark::MangledReference { column, id } => self.references.add((column, id), line),
            }
        }
    }

    /// One sentence for each, and none a second time. `unit` is what lines are called.
    pub(crate) fn take(&mut self, unit: &str, rules: &Rules) -> Vec<String> {
        let Remarks { blank_rows, of_table, words, ids, references, formats, read, points } =
            std::mem::take(self);
        let mut notes = of_table;
        match blank_rows {
            0 => {}
            1 => notes.push("1 blank row was skipped".to_owned()),
            n => notes.push(format!("{n} blank rows were skipped")),
        }
        notes.extend(words.describe(&words.sorted(), |(column, word), count| {
            format!(
                "{column}: {} is sent as text in {}; if it stands for an empty cell, pass it with `null_values`",
                quoted(word),
                rows(count, unit)
            )
        }));
        notes.extend(self::ids(&ids, unit, rules));
        notes.extend(references.describe(&references.sorted(), |(column, id), count| {
            let kind = MangledId::of(id);
            let looks_like = kind.map(|kind| kind.to_string()).unwrap_or_default();
            let remedy = match kind {
                Some(MangledId::NoValue) => "leave the cell empty, or pass the word with `null_values`",
                _ => "export the column as text",
            };
            format!("{column}: {} looks like {looks_like}, in {}; {remedy}", quoted(id), rows(count, unit))
        }));
        let mut described = None;
        // `decimal` and `thousands` apply to every column with numbers.
        let numbers = |known: &&Formats| matches!(known.evidence, FormatEvidence::Numbers(_));
        let all = formats.values().filter(numbers).map(|known| known.evidence).reduce(FormatEvidence::and);
        let agree = all.and_then(FormatEvidence::certain);
        let separates = |options: &Vec<(&str, String)>| options.contains(&("thousands", ".".to_owned()));
        for ((column, field), formats) in &formats {
            // A point that was read as the decimal sign would become a separator of thousands.
            let agree = agree.as_ref().filter(|all| !(separates(all) && points.has_other_than(*field)));
            let sentence = formats.beside(read.contains(*field)).sentence(column, agree);
            // A column may set two fields.
            if sentence.is_some() && described != Some(column) {
                notes.extend(sentence);
                described = Some(column);
            }
        }
        notes
    }
}

impl Formats {
    /// The same if other values of the column were read, or not.
    fn beside(self, read: bool) -> Formats {
        Formats { evidence: if read { self.evidence.beside_read_values() } else { self.evidence }, ..self }
    }

    /// What all texts of the column together show. `numbers` is what all columns with numbers show together.
    fn sentence(self, column: &str, numbers: Option<&Vec<(&'static str, String)>>) -> Option<String> {
        let what = match (self.evidence, self.rows) {
            (FormatEvidence::Days(_), 1) => "1 value is not written as YYYY-MM-DD".to_owned(),
            (FormatEvidence::Days(_), rows) => format!("{rows} values are not written as YYYY-MM-DD"),
            (FormatEvidence::Numbers(_), 1) => "1 value is not a plain number".to_owned(),
            (FormatEvidence::Numbers(_), rows) => format!("{rows} values are not plain numbers"),
        };
        let options = |all: Vec<(&str, String)>| {
            let texts = all.iter().map(|(name, value)| match *name {
                "date_format" => format!("set `date_format` to {:?}", format!("{column}={value}")),
                name => format!("set `{name}` to {value:?}"),
            });
            texts.collect::<Vec<_>>().join(" and ")
        };
        match (self.evidence.certain(), self.evidence.possible_days()) {
            (Some(all), _) if matches!(self.evidence, FormatEvidence::Days(_)) => {
                Some(format!("{column}: {what}; one format reads all of them: {}", options(all)))
            }
            (Some(all), _) if Some(&all) == numbers => Some(format!(
                "{column}: {what}; one format reads all of them: {}; this applies to every column with numbers",
                options(all)
            )),
            (Some(_), _) => Some(format!(
                "{column}: {what}; the columns with numbers are written in different ways: set `decimal` and \
                 `thousands` of each in a mapping file"
            )),
            (None, days) if !days.is_empty() => Some(format!(
                "{column}: {what}; each of these formats reads all of them: {}; set `date_format` to the right one",
                days.join(", ")
            )),
            _ => None,
        }
    }
}

fn rows(count: Count, unit: &str) -> String {
    match count.rows {
        1 if unit == INDEX => format!("the row at index {}", count.line),
        1 => format!("{unit} {}", count.line),
        rows => format!("{rows} rows, first {unit} {}", count.line),
    }
}

fn ids(ids: &Counts<String>, unit: &str, rules: &Rules) -> Vec<String> {
    let column = rules.id_name();
    let mut notes = Vec::new();
    let mut kinds: BTreeMap<MangledId, Vec<(&String, Count)>> = BTreeMap::new();
    for (id, count) in ids.sorted() {
        if let Some(kind) = MangledId::of(id) {
            kinds.entry(kind).or_default().push((id, count));
        }
    }
    for (kind, mut found) in kinds {
        let merged: Vec<_> = found.iter().copied().filter(|(_, count)| count.rows > 1).collect();
        notes.extend(ids.describe(&merged, |id, count| {
            format!("{} rows are merged into 1 project by the id {}", count.rows, quoted(id))
        }));
        found.sort_by_key(|(_, count)| count.line);
        let lines: BTreeSet<u64> = found.iter().map(|(_, count)| count.line).collect();
        let (first, line) = (found[0].0, lines.first().copied().unwrap_or_default());
        let remedy = match kind {
            MangledId::Blanks => "use `trim` to remove the blanks",
            MangledId::NoValue => "give these rows their ids, or pass the word with `null_values`",
            _ => "export the ids as text",
        };
        let created = match rules.creates_mangled_ids() {
            None | Some(true) => "",
            Some(false) => "; no project is created under such an id, unless `allow_mangled_ids` is set",
        };
        let what = match found.len() {
            1 => format!("{} ({unit} {line}) looks like {kind}", quoted(first)),
            n => format!(
                "{} ids look like this: {kind}; the first is {} ({unit} {line})",
                ids.number(n),
                quoted(first)
            ),
        };
        notes.push(format!("{column}: {what}; {remedy}{created}"));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(remarks: Vec<Remark>) -> RowRemarks {
        RowRemarks { remarks, ..RowRemarks::default() }
    }

    fn id(id: &str) -> Remark {
        Remark::MangledId(id.to_owned())
    }

    #[test]
    fn remarks_are_counted_and_reported_once() {
        let mut remarks = Remarks::default();
        remarks.blank_row();
        let word = |word: &str| Remark::NullWord { column: "name".to_owned(), word: word.to_owned() };
        remarks.row(2, of(vec![word("NULL"), id("9.91214E+15")]));
        remarks.row(3, of(vec![word("#N/A"), id("9.91214E+15")]));
        remarks.row(4, of(vec![word("NULL"), id("1.00E+05")]));
        let client = Remark::MangledReference { column: "client".to_owned(), id: "25855.0".to_owned() };
        remarks.row(5, of(vec![client, id(" 7")]));
        let never = "no project is created under such an id, unless `allow_mangled_ids` is set";
        assert_eq!(
            remarks.take("line", &Rules::new("SAP").creating(true)),
            [
                "1 blank row was skipped".to_owned(),
                "name: \"NULL\" is sent as text in 2 rows, first line 2; if it stands for an empty cell, pass it with \
                 `null_values`"
                    .to_owned(),
                "name: \"#N/A\" is sent as text in line 3; if it stands for an empty cell, pass it with \
                 `null_values`".to_owned(),
                "2 rows are merged into 1 project by the id \"9.91214E+15\"".to_owned(),
                format!(
                    "id: 2 ids look like this: a long number that a spreadsheet shortened; the first is \"9.91214E+15\" \
                     (line 2); export the ids as text; {never}"
                ),
                format!(
                    "id: \" 7\" (line 5) looks like an id with blanks around it, or with blanks that cannot be seen; \
                     use `trim` to remove the blanks; {never}"
                ),
                "client: \"25855.0\" looks like an integer that was read as a number with a fraction, in line 5; export the \
                 column as text"
                    .to_owned(),
            ]
        );
        assert_eq!(remarks.take("line", &Rules::new("SAP")), [""; 0]);
    }

    #[test]
    fn many_values_give_few_remarks_in_bounded_memory() {
        let mut remarks = Remarks::default();
        for n in 0..2 * MAX_COUNTED_VALUES as u64 {
            remarks.row(n, of(vec![id(&format!("{n}.0"))]));
            remarks.row(n, of(vec![id(&format!("{n}.0"))]));
        }
        remarks.row(0, of(vec![id("0.0")]));
        assert_eq!(remarks.ids.values.len(), MAX_COUNTED_VALUES);
        let notes = remarks.take("line", &Rules::new("SAP").creating(true).allow_mangled_ids(true));
        assert_eq!(notes.len(), MAX_DESCRIBED_VALUES + 1, "{notes:?}");
        assert_eq!(
            notes[0], "3 rows are merged into 1 project by the id \"0.0\"",
            "a counted value stays exact"
        );
        assert!(
            notes[MAX_DESCRIBED_VALUES - 1].ends_with("; the same holds for at least 9995 more values"),
            "{notes:?}"
        );
        assert!(
            notes[MAX_DESCRIBED_VALUES].starts_with("id: at least 10000 ids look like this"),
            "{notes:?}"
        );
        assert!(!notes[MAX_DESCRIBED_VALUES].contains("allow_mangled_ids"), "{notes:?}");
    }
}
