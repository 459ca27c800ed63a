//! What was said about columns, before any column is known.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use cor_http::{Field, FieldType, Issue, Source, Value};

use super::cells::{DateFormat, NumberFormat, Reading};
use super::moment::DayIn;
use super::rename::{Rename, Target};
use crate::text::{is_same_name, meant, trimmed};
use crate::{Advice, ConfigError, Reason};

/// Which column becomes which field, and how.
///
/// A column that is called like a field sets that field, as it is. The rest has to be said: here, by [`Rename`]s, or by
/// a mapping file ([`Rules::from_toml`]).
///
/// Serde writes them with the keys of a mapping file. Reading is [`Rules::from_toml`]'s, which reports line and column of each
/// mistake. Written as TOML they are read as the same rules, except for constant numbers whose digits TOML would change
/// (`18000.10`): serde's formats for people hold these as text.
///
/// ```
/// use cor_sync::{Rename, Rules};
/// let rules = Rules::new("SALESFORCE").id_column("opportunity_id").clear("(none)");
/// let rules = rules.renamed([Rename::parse("close_date=end").unwrap()])?;
/// # Ok::<(), cor_sync::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    source: Source,
    /// The mapping file that they were read from.
    file: Option<PathBuf>,
    pub(super) id_column: String,
    /// Whether the key of a Singer stream holds the external id, if it is one property.
    pub(super) key_as_id: bool,
    pub(super) fields: BTreeMap<Field, Rule>,
    pub(super) left_out: BTreeSet<String>,
    /// Columns whose nulls clear their field, in tables whose values can be null.
    pub(super) clear_nulls: BTreeSet<String>,
    /// Columns left out again that had been said to set a field; the input need not have them.
    pub(super) dropped: BTreeSet<String>,
    /// How fields are read, where nothing else is said of one.
    pub(super) general: Reading,
    /// The fields that each column was said to set.
    pub(super) by_column: HashMap<String, Vec<Field>>,
    /// How each field is read that something was said about. All others are read by what is said in general.
    pub(super) readings: BTreeMap<Field, Reading>,
    /// The columns that fields of a create were said to come from. No update depends on them.
    pub(super) creates: BTreeMap<&'static str, String>,
    /// Whether these columns, and columns named after a field of a create, are mapped.
    pub(super) creating: bool,
    /// Whether a column that is no field and was not left out is an error.
    strict: bool,
    allow_mangled_ids: bool,
    /// Whether the run creates projects, be it without those columns.
    run_creates: bool,
    /// Whether there is no mapping yet, so that any columns will do.
    unmapped: bool,
}

/// Where a field's value comes from.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Rule {
    Column(String, Reading),
    Constant(Value<'static>),
}

impl Rules {
    /// Rules for projects of this source: the external id is in the column `id`, and columns named after a field are
    /// mapped automatically.
    pub fn new(source: impl Into<Source>) -> Rules {
        Rules {
            source: source.into(),
            file: None,
            id_column: "id".to_owned(),
            key_as_id: false,
            fields: BTreeMap::new(),
            left_out: BTreeSet::new(),
            clear_nulls: BTreeSet::new(),
            dropped: BTreeSet::new(),
            general: Reading::default(),
            by_column: HashMap::new(),
            readings: BTreeMap::new(),
            creates: BTreeMap::new(),
            creating: false,
            strict: false,
            allow_mangled_ids: false,
            run_creates: false,
            unmapped: false,
        }
    }

    /// No mapping at all: a reader takes any columns and maps none of them, so that their cells can be looked at.
    pub(crate) fn unmapped() -> Rules {
        Rules { unmapped: true, ..Rules::new("") }
    }

    /// Whether a reader takes any columns and maps none of them.
    pub(crate) fn are_unmapped(&self) -> bool {
        self.unmapped
    }

    /// Whether projects that COR does not know are to be created, so that columns for `brand_id` and `product_id` are of
    /// use. No update sends them.
    #[must_use]
    pub fn creating(mut self, creating: bool) -> Rules {
        (self.creating, self.run_creates) = (creating, creating);
        self
    }

    /// Whether the run creates projects. Without a state it does so from the fields of the update alone.
    pub(crate) fn run_creates(mut self, run_creates: bool) -> Rules {
        self.run_creates = run_creates;
        self
    }

    /// Makes an error of every column that sets no field and was not left out, instead of a line that names it.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Rules {
        self.strict = strict;
        self
    }

    /// Whether projects that COR does not know are created even under an id that a spreadsheet or a data frame has
    /// rewritten or that stands for no value ([`MangledId`](cor_http::MangledId)), such as `9.91214E+15` or `#N/A`. Default: they are not.
    #[must_use]
    pub fn allow_mangled_ids(mut self, allow: bool) -> Rules {
        self.allow_mangled_ids = allow;
        self
    }

    /// Whether projects are created under such ids.
    pub fn allows_mangled_ids(&self) -> bool {
        self.allow_mangled_ids
    }

    /// Whether projects are created under such ids; `None` where none are created at all.
    pub(crate) fn creates_mangled_ids(&self) -> Option<bool> {
        self.run_creates.then_some(self.allow_mangled_ids)
    }

    /// Leaves these columns out.
    #[must_use]
    pub fn ignoring(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Rules {
        columns.into_iter().for_each(|column| self.leave_out(column.into()));
        self.settled()
    }

    pub(super) fn of_file(mut self, path: &Path) -> Rules {
        self.file = Some(path.to_owned());
        self
    }

    /// The mapping file that they were read from; `None` for rules from text or code.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    /// The system the projects were created from.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// # Errors
    /// What no table can satisfy: there is no source, or a column whose nulls are to clear sets no field.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let mut reasons = self.clear_nulls_reasons();
        if self.source.as_str().is_empty() && !self.unmapped {
            let message = "source is required: the system the projects were created from";
            reasons.insert(0, Reason::with(message, Advice::Source));
        }
        match reasons.is_empty() {
            true => Ok(()),
            false => Err(ConfigError(reasons)),
        }
    }

    /// The columns whose nulls are to clear and that set no field, with the reason of each.
    pub(crate) fn clear_nulls_reasons(&self) -> Vec<Reason> {
        let named = self.clear_nulls.iter().filter(|name| self.column(name).fields.is_empty());
        let reason = |name: &String| {
            let usage = self.column(name);
            let message = match (usage.is_id, usage.is_ignored || usage.create.is_some()) {
                (true, _) => format!(" {name:?} is the column of the external ids, which cannot be cleared"),
                (_, true) => format!(" {name:?} sets no field of an update, so its nulls clear nothing"),
                (false, false) => {
                    let mut columns: Vec<&str> = self.named_columns().collect();
                    columns.extend(Field::ALL.iter().map(|field| field.name()));
                    let meant = meant(name, "columns that do", columns.into_iter());
                    format!(" {name:?} sets no field; {meant}")
                }
            };
            Reason::of_option("clear_nulls", message)
        };
        named.map(reason).collect()
    }

    /// The same rules for projects of another source.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Rules {
        self.source = source.into();
        self
    }

    /// The column that holds the external id.
    #[must_use]
    pub fn id_column(mut self, column: impl Into<String>) -> Rules {
        self.id_column = column.into();
        self.key_as_id = false;
        self
    }

    /// Takes the external id from the property that is the key of a Singer stream, if its `SCHEMA` names exactly one. For
    /// other streams and other inputs the column of the external id stays. To be said where no column was named.
    #[must_use]
    pub fn key_as_id(mut self) -> Rules {
        self.key_as_id = true;
        self
    }

    /// Whether the key of a Singer stream is to hold the external id.
    pub(crate) fn takes_key_as_id(&self) -> bool {
        self.key_as_id
    }

    /// The rules for a Singer stream with this key.
    pub(crate) fn with_key(mut self, key: &str) -> Rules {
        key.clone_into(&mut self.id_column);
        self
    }

    /// What was said before about how single fields are read, to be changed by what is now said about all of them.
    fn readings_of_fields(&mut self) -> impl Iterator<Item = &mut Reading> {
        self.fields.values_mut().filter_map(|rule| match rule {
            Rule::Column(_, reading) => Some(reading),
            Rule::Constant(_) => None,
        })
    }

    /// The text that clears a field, in place of any that was said before.
    #[must_use]
    pub fn clear(mut self, text: impl Into<String>) -> Rules {
        let text = text.into();
        for reading in self.readings_of_fields() {
            reading.clear.clear();
            reading.forget_texts(std::slice::from_ref(&text));
        }
        self.general.forget_texts(std::slice::from_ref(&text));
        self.general.clear = vec![text];
        self.settled()
    }

    /// Texts that count as empty, such as `NULL` or `#N/A`, beside those that were said before: they keep their field,
    /// as an empty cell does.
    #[must_use]
    pub fn null_values(mut self, texts: impl IntoIterator<Item = impl Into<String>>) -> Rules {
        let texts: Vec<String> = texts.into_iter().map(Into::into).collect();
        for reading in self.readings_of_fields() {
            reading.forget_texts(&texts);
            // Where a field has none of its own, those of all fields count.
            if !reading.keep.is_empty() {
                reading.keep.extend(texts.iter().cloned());
            }
        }
        self.general.forget_texts(&texts);
        self.general.keep.extend(texts);
        self.settled()
    }

    /// Columns in which null clears the field instead of keeping it. Only typed tables have nulls: Parquet, JSON lines,
    /// Singer, and the rows of a program.
    #[must_use]
    pub fn clear_nulls(mut self, columns: impl IntoIterator<Item = impl Into<String>>) -> Rules {
        self.clear_nulls.extend(columns.into_iter().map(Into::into));
        self
    }

    /// Whether nulls clear any column.
    pub(crate) fn clears_any_null(&self) -> bool {
        !self.clear_nulls.is_empty()
    }

    /// Removes blanks at both ends of every cell and external id.
    #[must_use]
    pub fn trim(mut self, trim: bool) -> Rules {
        self.general.trim |= trim;
        self.settled()
    }

    /// The time zone in which a timestamp becomes a day, in every column.
    #[must_use]
    pub fn day_in(mut self, day_in: DayIn) -> Rules {
        self.readings_of_fields().for_each(|reading| reading.day_in = None);
        self.general.day_in = Some(day_in);
        self.settled()
    }

    /// How days are written in every column, as in `strptime`: `%d/%m/%Y`. A format for one column is to be said after it.
    ///
    /// # Errors
    /// Why the format does not describe a day.
    pub fn date_format(mut self, format: &str) -> Result<Rules, String> {
        self.general.date = Some(DateFormat::new(format)?);
        self.readings_of_fields().for_each(|reading| reading.date = None);
        Ok(self.settled())
    }

    /// How days are written in one column. To be said after what the column is for.
    ///
    /// # Errors
    /// Why the format does not describe a day, or that the column sets no field that takes one.
    pub fn column_date_format(mut self, column: &str, format: &str) -> Result<Rules, String> {
        let format = DateFormat::new(format)?;
        let is_set_by_it = |field: &Field| match self.fields.get(field) {
            Some(Rule::Column(named, _)) => is_same_name(named, column),
            Some(Rule::Constant(_)) => false,
            None => true,
        };
        let fields = self.column(column).fields.iter().copied();
        let dates: Vec<Field> =
            fields.filter(|field| field.kind() == FieldType::Date && is_set_by_it(field)).collect();
        if dates.is_empty() {
            return Err(format!(
                "the column {column:?} sets no field with a date; map it to start or end first"
            ));
        }
        for field in dates {
            let rule = self
                .fields
                .entry(field)
                .or_insert_with(|| Rule::Column(column.to_owned(), Reading::default()));
            if let Rule::Column(_, reading) = rule {
                reading.date = Some(format.clone());
            }
        }
        Ok(self.settled())
    }

    /// The decimal sign and the separator of thousands in the numbers of every column. One that is `None` stays as it was.
    ///
    /// # Errors
    /// Where both would be the same character.
    pub fn number_format(mut self, decimal: Option<char>, thousands: Option<char>) -> Result<Rules, String> {
        let general = self.general.number;
        let in_format = |own: NumberFormat| NumberFormat {
            decimal: decimal.or(own.decimal),
            thousands: thousands.or(own.thousands),
        };
        for reading in self.readings_of_fields() {
            // Where a field has no format of its own, that of all fields counts.
            if reading.number != NumberFormat::default() {
                reading.number = in_format(reading.number);
                reading.number.check()?;
            }
        }
        self.general.number = in_format(general);
        self.general.number.check()?;
        Ok(self.settled())
    }

    /// Lets columns set fields, or leaves them out. What was said before about how such a field is read stays, and a
    /// constant gives way.
    ///
    /// # Errors
    /// Where two columns are to set one field.
    pub fn renamed(mut self, renames: impl IntoIterator<Item = Rename>) -> Result<Rules, ConfigError> {
        let mut reasons = Vec::new();
        let mut new: BTreeMap<&'static str, String> = BTreeMap::new();
        for Rename { column, field: target } in renames {
            let Some(target) = target else {
                self.leave_out(column);
                continue;
            };
            let name = match target {
                Target::Field(field) => field.name(),
                Target::Create(field) => field.name(),
            };
            match new.insert(name, column.clone()) {
                Some(before) if before != column => reasons.push(Reason::new(format!(
                    "the columns {before:?} and {column:?} would both set {name}; choose one"
                ))),
                _ => {}
            }
            let Target::Field(field) = target else {
                self.creates.insert(name, column);
                continue;
            };
            let reading = match self.fields.remove(&field) {
                Some(Rule::Column(_, reading)) => reading,
                _ => Reading::default(),
            };
            self.fields.insert(field, Rule::Column(column, reading));
        }
        match reasons.is_empty() {
            true => Ok(self.settled()),
            false => Err(ConfigError(reasons)),
        }
    }

    fn leave_out(&mut self, column: String) {
        let before = self.fields.len() + self.creates.len();
        self.fields.retain(|_, rule| !matches!(rule, Rule::Column(name, _) if is_same_name(name, &column)));
        self.creates.retain(|_, name| !is_same_name(name, &column));
        match self.fields.len() + self.creates.len() == before {
            true => self.left_out.insert(column),
            false => self.dropped.insert(column),
        };
    }

    /// Works out what follows from the rules.
    pub(super) fn settled(mut self) -> Rules {
        self.by_column.clear();
        self.readings.clear();
        for (field, rule) in &self.fields {
            let Rule::Column(column, reading) = rule else { continue };
            self.by_column.entry(column.clone()).or_default().push(*field);
            self.readings.insert(*field, reading.or(&self.general));
        }
        self
    }

    /// A value on its way into a field; `None` keeps the field.
    pub(crate) fn apply<'v>(
        &self,
        field: Field,
        value: Value<'v>,
        utc_midnight: bool,
    ) -> Result<Option<Value<'v>>, Issue> {
        self.readings.get(&field).unwrap_or(&self.general).apply(field, value, utc_midnight)
    }

    /// A value as a text of this column that the rules read as the same value; `None` where they expect no other text than the
    /// value's own.
    #[cfg(feature = "workbook")]
    pub(crate) fn written(&self, column: &str, value: &Value<'_>) -> Option<String> {
        let field = self.column(column).fields.first()?;
        self.readings.get(field).unwrap_or(&self.general).written(*field, value)
    }

    /// The same rules for values that stand alone: without those that every row sets.
    pub(super) fn without_constants(&self) -> Rules {
        let mut rules = self.clone();
        rules.fields.retain(|_, rule| matches!(rule, Rule::Column(..)));
        rules.settled()
    }

    /// Values that every row sets.
    pub(crate) fn constants(&self) -> impl Iterator<Item = (Field, &Value<'static>)> {
        self.fields.iter().filter_map(|(field, rule)| match rule {
            Rule::Constant(value) => Some((*field, value)),
            Rule::Column(..) => None,
        })
    }

    /// The column that holds the external id.
    pub(crate) fn id_name(&self) -> &str {
        &self.id_column
    }

    /// Whether this text stands for no value at all.
    pub(super) fn is_no_value(&self, text: &str) -> bool {
        trimmed(text).is_empty()
            || self.is_null_value(text)
            || self.general.clear.iter().any(|word| word == text)
    }

    /// Whether this text counts as empty.
    pub(super) fn is_null_value(&self, text: &str) -> bool {
        self.general.keep.iter().any(|word| word == text)
    }
}
