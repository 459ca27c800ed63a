//! A mapping that the header and the first rows of a table suggest.

mod evidence;
mod fit;
mod formats;
mod matching;
mod sample;
mod synonyms;
#[cfg(test)]
mod tests;
mod toml_text;
mod trial;

use serde::ser::{Serialize, SerializeStruct, Serializer};

pub(crate) use self::sample::{MOST_ROWS as MOST_SAMPLED_ROWS, TableSample};
pub(crate) use self::synonyms::names_a_field;

/// A mapping that the header and the first rows of a table suggest.
///
/// Whatever it did not read from the table as a fact is a guess, and its comment says so. A setting that the table leaves open is
/// not set: the text has it as a comment, for a person to decide.
///
/// Serialises to an object with the same content; the text is the member `toml`.
///
/// ```
/// use cor_sync::{MappingProposal, Origin, ProposalOptions, Rules, Table};
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("deals.csv");
/// std::fs::write(&path, "Deal ID,Deal name,Close date\nD-1,Pier,15/04/2025\nD-2,Quay,03/05/2025\n")?;
/// let options = ProposalOptions { source: Some("SAP".into()), ..ProposalOptions::default() };
/// let proposal = MappingProposal::of(Table::new(), &Origin::File(path), &options)?;
/// assert_eq!((proposal.columns(), proposal.mapped(), proposal.decisions()), (3, 2, 0));
/// let text = proposal.to_toml();
/// assert!(text.contains("[fields.end]\n# guess:"));
/// assert!(text.contains("date = \"%d/%m/%Y\""));
/// Rules::from_toml(&text, "mapping.toml")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct MappingProposal {
    pub(crate) input: String,
    pub(crate) source: Option<String>,
    pub(crate) notes: Vec<String>,
    /// Whether the rows are all that the table has.
    pub(crate) is_whole: bool,
    rows: u64,
    columns: usize,
    id: Option<ProposedColumn>,
    fields: Vec<ProposedField>,
    keep: Vec<NullWord>,
    unused: Vec<UnmappedColumn>,
}

/// What the user of a proposal knows already.
#[derive(Clone, Debug, Default)]
pub struct ProposalOptions {
    /// The system that the projects were created from.
    pub source: Option<String>,
    /// The column that holds the external id.
    pub id_column: Option<String>,
}

/// The column for a field.
#[derive(Clone, Debug, serde::Serialize)]
struct ProposedField {
    field: &'static str,
    #[serde(flatten)]
    column: ProposedColumn,
}

#[derive(Clone, Debug, serde::Serialize)]
struct ProposedColumn {
    column: String,
    basis: Basis,
    /// What the cells show.
    evidence: String,
    settings: Vec<Setting>,
    /// Texts that stand for true or false.
    values: Vec<BooleanWord>,
    decisions: Vec<Decision>,
    /// Other columns that could set the field.
    others: Vec<String>,
}

/// Why a column was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
enum Basis {
    /// The user named it.
    Given,
    /// It has the name of the field.
    FieldName,
    /// Its name is a usual one for the field.
    UsualName,
    /// Its name ends with a usual one.
    NameEnding,
    /// Its cells alone.
    Values,
}

impl Basis {
    fn is_guess(self) -> bool {
        !matches!(self, Basis::Given | Basis::FieldName)
    }
}

/// A setting of the mapping file.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
struct Setting {
    name: &'static str,
    value: SettingValue,
}

#[derive(Clone, Debug, PartialEq, serde::Serialize)]
#[serde(untagged)]
enum SettingValue {
    Text(String),
    Flag(bool),
}

impl Setting {
    fn text(name: &'static str, value: &str) -> Setting {
        Setting { name, value: SettingValue::Text(value.to_owned()) }
    }

    fn flag(name: &'static str, value: bool) -> Setting {
        Setting { name, value: SettingValue::Flag(value) }
    }
}

/// What the table does not show, so that a person has to decide.
#[derive(Clone, Debug, serde::Serialize)]
struct Decision {
    question: String,
    /// Each is one way to decide; none where the table itself has to be corrected.
    choices: Vec<Choice>,
    /// Texts whose values are to be written.
    words: Vec<WordCount>,
    /// Whether the field is not set before this is decided, because a wrong reading would be sent unnoticed.
    holds_back: bool,
}

#[derive(Clone, Debug, serde::Serialize)]
struct Choice {
    settings: Vec<Setting>,
    reading: String,
}

#[derive(Clone, Debug, serde::Serialize)]
struct WordCount {
    word: String,
    cells: u64,
}

#[derive(Clone, Debug, serde::Serialize)]
struct BooleanWord {
    word: String,
    value: bool,
}

/// A text that stands for no value.
#[derive(Clone, Debug, serde::Serialize)]
struct NullWord {
    word: String,
    /// The columns that have it, each with its number of cells.
    columns: Vec<(String, u64)>,
}

/// A column that sets no field.
#[derive(Clone, Debug, serde::Serialize)]
struct UnmappedColumn {
    column: String,
    /// What its cells look like, or why it sets no field.
    about: String,
    /// Whether the mapping can ignore it: a name that no mapping can write, or that the id is looked for under, stays out.
    is_ignored: bool,
}

impl MappingProposal {
    /// The number of columns that were met.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The number of columns that set a field.
    pub fn mapped(&self) -> usize {
        self.fields.len()
    }

    /// The number of columns, that of the external id included, that were chosen by a usual name or by their values.
    pub fn guesses(&self) -> usize {
        self.chosen().filter(|column| column.basis.is_guess()).count()
    }

    /// The number of decisions that the table leaves open.
    pub fn decisions(&self) -> usize {
        let settings: usize = self.chosen().map(|column| column.decisions.len()).sum();
        settings + usize::from(self.id.is_none()) + usize::from(self.source.is_none())
    }

    /// The column for the external id, if one was found, and whether it is a guess.
    pub fn id_column(&self) -> Option<(&str, bool)> {
        self.id.as_ref().map(|id| (id.column.as_str(), id.basis.is_guess()))
    }

    /// Remarks of the reader, one sentence each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The mapping file.
    pub fn to_toml(&self) -> String {
        toml_text::write(self)
    }

    fn chosen(&self) -> impl Iterator<Item = &ProposedColumn> {
        self.id.iter().chain(self.fields.iter().map(|field| &field.column))
    }
}

impl Serialize for MappingProposal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("MappingProposal", 12)?;
        object.serialize_field("rows", &self.rows)?;
        object.serialize_field("columns", &self.columns)?;
        object.serialize_field("mapped", &self.mapped())?;
        object.serialize_field("guesses", &self.guesses())?;
        object.serialize_field("decisions", &self.decisions())?;
        object.serialize_field("source", &self.source)?;
        object.serialize_field("id", &self.id)?;
        object.serialize_field("fields", &self.fields)?;
        object.serialize_field("keep", &self.keep)?;
        object.serialize_field("unused", &self.unused)?;
        object.serialize_field("notes", &self.notes)?;
        object.serialize_field("toml", &self.to_toml())?;
        object.end()
    }
}
