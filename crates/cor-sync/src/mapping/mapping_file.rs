//! A mapping as a TOML file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use cor_http::{CreateField, Date, Field, FieldType, Number, ProjectUpdate, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::cells::{DateFormat, NumberFormat, Reading, Unlisted, ValueTable, number_separator};
use super::contradictions;
use super::moment::DayIn;
use super::rename::field_names;
use super::rules::{Rule, Rules};
use crate::text::meant;
use crate::{ConfigError, Reason};

const TOP: [&str; 13] = [
    "source",
    "id",
    "clear",
    "keep",
    "ignore",
    "clear_nulls",
    "fields",
    "strict",
    "trim",
    "date",
    "day_in",
    "decimal",
    "thousands",
];
const OF_FIELD: [&str; 12] = [
    "column",
    "constant",
    "trim",
    "date",
    "day_in",
    "decimal",
    "thousands",
    "values",
    "default",
    "unlisted",
    "clear",
    "keep",
];

impl Rules {
    /// Reads a mapping from TOML; `name` is what the file is called in messages.
    ///
    /// | key | |
    /// |---|---|
    /// | `source` | the system the projects were created from |
    /// | `id` | the column that holds the external id; by default `id` |
    /// | `clear`, `keep` | a text, or several, that clears any field, or leaves it as it is |
    /// | `trim`, `date`, `day_in`, `decimal`, `thousands` | as below, for every field |
    /// | `ignore` | columns to leave out |
    /// | `clear_nulls` | columns in which null clears the field, in tables whose values can be null |
    /// | `strict` | `true` makes an error of every other column that sets no field |
    /// | `fields` | one entry per field: the name of its column, or a table as follows; for `brand_id` and `product_id`, which only a create takes, the column |
    ///
    /// | key of a field | |
    /// |---|---|
    /// | `column` | its column; by default the one called like the field |
    /// | `constant` | a value that every row sets, in place of a column |
    /// | `trim` | `true` removes white space at both ends first |
    /// | `clear`, `keep` | as above, in place of what is said there |
    /// | `values` | a table from texts to values: `{ "Closed Won" = "finished" }` |
    /// | `unlisted` | what becomes of other texts: `refuse` (the default), `keep`, or `as_is` |
    /// | `default` | the value other texts stand for, in place of `unlisted` |
    /// | `date` | how days are written, as in `strptime`; with `%y`, 69 to 99 are 1969 to 1999, and 00 to 68 are 2000 to 2068 |
    /// | `day_in` | the time zone in which a timestamp such as `2025-04-30T15:23:11Z` becomes a day: `"UTC"`, `"Europe/Madrid"`, or `"as_written"` |
    /// | `decimal`, `thousands` | the characters in numbers; `thousands = " "` takes the narrow and the unbreakable space as well |
    ///
    /// # Errors
    /// Every mistake with its line and column, a name that is not known with the nearest one that is.
    ///
    /// # Example: a CRM's export
    /// ```
    /// use cor_sync::{Content, Input, Rules, Table};
    ///
    /// let rules = Rules::from_toml(
    ///     r#"
    ///     source = "SALESFORCE"
    ///     id = "opportunity"
    ///
    ///     [fields]
    ///     name = "account"
    ///     end = { column = "close date", date = "%d-%m-%y" }
    ///     estimated = { column = "value", decimal = ",", thousands = "." }
    ///     status = { column = "stage", values = { "Closed Won" = "finished" }, unlisted = "keep" }
    ///     "#,
    ///     "mapping.toml",
    /// )?;
    /// let table = "opportunity;account;close date;value;stage\nSF-1;Café;30-04-25;1.234,50;Closed Won\n";
    /// let mut rows = Table::new().open_input(Input::embedded(table), rules)?;
    /// let Content::Update(id, update) = rows.next().unwrap().unwrap().content else { panic!() };
    /// assert_eq!(id, "SF-1");
    /// assert!(update.to_json().ends_with(r#","name":"Café","end":"2025-04-30","status":"finished","estimated":1234.50}"#));
    /// # Ok::<(), cor_sync::ConfigError>(())
    /// ```
    ///
    /// # Example: a mistake
    /// ```
    /// let unusable = cor_sync::Rules::from_toml("[fields]\nnmae = 'account'\n", "m.toml").unwrap_err();
    /// assert_eq!(unusable.to_string(), "m.toml, line 2, column 1: no field is called \"nmae\"; did you mean \"name\"?");
    /// ```
    pub fn from_toml(text: &str, name: &str) -> Result<Rules, ConfigError> {
        MappingFile::read(text, name).map(|file| file.rules)
    }

    /// Reads a mapping file.
    ///
    /// # Errors
    /// As [`from_toml`](Rules::from_toml), and where it cannot be read.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Rules, ConfigError> {
        MappingFile::open(path.as_ref()).map(|file| file.rules)
    }
}

/// A mapping file that was read.
pub(crate) struct MappingFile {
    pub(crate) rules: Rules,
    /// Whether it names the column of the external id.
    pub(crate) names_id: bool,
}

impl MappingFile {
    /// Reads a mapping file, with every mistake in the error.
    pub(crate) fn open(path: &Path) -> Result<MappingFile, ConfigError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::because(format!("cannot read the mapping {name}: {error}")))?;
        let MappingFile { rules, names_id } = MappingFile::read(&text, &name)?;
        Ok(MappingFile { rules: rules.of_file(path), names_id })
    }

    fn read(text: &str, name: &str) -> Result<MappingFile, ConfigError> {
        let mut reader = Reader { text, name, reasons: Vec::new() };
        let (table, errors) = DeTable::parse_recoverable(text);
        if !errors.is_empty() {
            for error in errors.iter().take(10) {
                let message = error.message().lines().collect::<Vec<_>>().join(", ");
                reader.reason(&error.span().unwrap_or_default(), message);
            }
            return Err(reader.config_error());
        }
        let rules = reader.rules(table.get_ref());
        match reader.reasons.is_empty() {
            true => Ok(MappingFile { rules, names_id: table.get_ref().contains_key("id") }),
            false => Err(reader.config_error()),
        }
    }
}

/// Reads on after a mistake, so that all are reported at once.
struct Reader<'a> {
    text: &'a str,
    name: &'a str,
    /// Each with its place in the text.
    reasons: Vec<(usize, Reason)>,
}

impl Reader<'_> {
    fn reason(&mut self, at: &Range<usize>, message: impl AsRef<str>) {
        let before = self.text.get(..at.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let message = format!("{}, line {line}, column {column}: {}", self.name, message.as_ref());
        self.reasons.push((at.start, Reason::new(message)));
    }

    /// Every mistake, in the order of the file.
    fn config_error(mut self) -> ConfigError {
        self.reasons.sort_by_key(|(at, _)| *at);
        ConfigError(self.reasons.into_iter().map(|(_, reason)| reason).collect())
    }

    fn rules(&mut self, table: &DeTable<'_>) -> Rules {
        let mut rules = Rules::new("");
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "source" => rules = rules.with_source(self.string(value).unwrap_or_default()),
                "id" => rules = rules.id_column(self.string(value).unwrap_or_default()),
                "ignore" => rules.left_out.extend(self.strings(value)),
                "clear_nulls" => rules.clear_nulls.extend(self.strings(value)),
                "strict" => rules = rules.strict(self.boolean("strict", value)),
                "fields" => match value.get_ref() {
                    DeValue::Table(fields) => self.fields(fields, &mut rules),
                    _ => {
                        self.reason(&value.span(), "`fields` is a table; write [fields] and a line for each")
                    }
                },
                other if self.reading(other, value, &mut rules.general) => {}
                other => {
                    let message = match Field::from_name(other) {
                        Some(_) => format!("{other} is a field; write it below [fields]"),
                        None => format!(
                            "no setting is called {other:?}; {}",
                            meant(other, "settings", TOP.into_iter())
                        ),
                    };
                    self.reason(&key.span(), message);
                }
            }
        }
        self.check_number(rules.general.number, table);
        let rules = rules.settled();
        for (at, message) in contradictions::all(table, &rules) {
            self.reason(&at, message);
        }
        rules
    }

    fn fields(&mut self, fields: &DeTable<'_>, rules: &mut Rules) {
        for (key, value) in fields {
            let name = key.get_ref().as_ref();
            if let Some(field) = CreateField::from_name(name) {
                match value.get_ref() {
                    DeValue::String(column) => drop(rules.creates.insert(field.name(), column.to_string())),
                    _ => self.reason(&value.span(), format!("{field} accepts only the name of a column")),
                }
                continue;
            }
            let Some(field) = Field::from_name(name) else {
                let message = match (name, Field::nearest(name)) {
                    ("id", _) => {
                        "the external id is not a field; write id = \"column\" at the top".to_owned()
                    }
                    (_, Some(near)) => {
                        format!("no field is called {name:?}; did you mean {:?}?", near.name())
                    }
                    (_, None) => format!("no field is called {name:?}; fields are {}", field_names()),
                };
                self.reason(&key.span(), message);
                continue;
            };
            let rule = match value.get_ref() {
                DeValue::String(column) => Some(Rule::Column(column.to_string(), Reading::default())),
                DeValue::Table(table) => self.rule(field, table),
                _ => {
                    self.reason(
                        &value.span(),
                        format!(
                            "{field} must be the name of a column, or a table such as {{ column = \"…\" }}"
                        ),
                    );
                    None
                }
            };
            rules.fields.extend(rule.map(|rule| (field, rule)));
        }
    }

    fn rule(&mut self, field: Field, table: &DeTable<'_>) -> Option<Rule> {
        let (mut column, mut constant) = (field.name().to_owned(), None);
        let mut reading = Reading::default();
        let mut values: Option<BTreeMap<String, Value<'static>>> = None;
        let mut unlisted: Option<(Unlisted, Range<usize>)> = None;
        for (key, value) in table {
            let span = value.span();
            match key.get_ref().as_ref() {
                "column" => column = self.string(value).unwrap_or_default(),
                "constant" => constant = self.value(field, value),
                name @ ("date" | "day_in") if field.kind() != FieldType::Date => {
                    self.not_for(&key.span(), field, name, "a day");
                }
                name @ ("decimal" | "thousands") if field.kind() != FieldType::Number => {
                    self.not_for(&key.span(), field, name, "a number");
                }
                name if self.reading(name, value, &mut reading) => {}
                "values" => match value.get_ref() {
                    DeValue::Table(table) => values = Some(self.values(field, table)),
                    _ => {
                        self.reason(&span, "values must be a table such as { \"Closed Won\" = \"finished\" }")
                    }
                },
                "default" | "unlisted" if unlisted.is_some() => {
                    self.reason(&key.span(), "set either default or unlisted, not both");
                }
                "default" => {
                    unlisted = self.value(field, value).map(|value| (Unlisted::Default(value), key.span()));
                }
                "unlisted" => match self.string(value).as_deref() {
                    Some("refuse") => unlisted = Some((Unlisted::Refuse, key.span())),
                    Some("keep") => unlisted = Some((Unlisted::Keep, key.span())),
                    Some("as_is") => unlisted = Some((Unlisted::AsIs, key.span())),
                    Some(_) => self.reason(&span, "unlisted must be \"refuse\", \"keep\" or \"as_is\""),
                    None => {}
                },
                other => {
                    let names = meant(other, "settings of a field", OF_FIELD.into_iter());
                    self.reason(&key.span(), format!("no setting of a field is called {other:?}; {names}"));
                }
            }
        }
        self.check_number(reading.number, table);
        match (values, unlisted) {
            (Some(values), unlisted) => {
                let unlisted = unlisted.map_or(Unlisted::Refuse, |(unlisted, _)| unlisted);
                reading.values = Some(ValueTable { values, unlisted });
            }
            (None, Some((_, at))) if !table.contains_key("values") => {
                self.reason(
                    &at,
                    "`default` and `unlisted` apply only together with `values`; add values = { … }",
                );
            }
            _ => {}
        }
        if constant.is_none() {
            return (!table.contains_key("constant")).then_some(Rule::Column(column, reading));
        }
        for (key, _) in table.iter().filter(|(key, _)| key.get_ref() != "constant") {
            self.reason(&key.span(), "a constant cannot be combined with other settings; remove them");
        }
        constant.map(Rule::Constant)
    }

    /// Takes a setting that the top of the file and a field have in common. Returns false for any other.
    fn reading(&mut self, name: &str, value: &Spanned<DeValue<'_>>, reading: &mut Reading) -> bool {
        match name {
            "trim" => reading.trim = self.boolean(name, value),
            "clear" => reading.clear = self.texts(value, true),
            "keep" => reading.keep = self.texts(value, false),
            "date" => reading.date = self.parsed(value, DateFormat::new),
            "day_in" => reading.day_in = self.parsed(value, DayIn::parse),
            "decimal" | "thousands" => {
                let separator = self.parsed(value, |text| {
                    number_separator(text).map_err(|message| format!("{name} {message}"))
                });
                match name {
                    "decimal" => reading.number.decimal = separator,
                    _ => reading.number.thousands = separator,
                }
            }
            _ => return false,
        }
        true
    }

    fn parsed<T>(
        &mut self,
        value: &Spanned<DeValue<'_>>,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        match parse(&self.string(value)?) {
            Ok(parsed) => Some(parsed),
            Err(message) => {
                self.reason(&value.span(), message);
                None
            }
        }
    }

    fn boolean(&mut self, name: &str, value: &Spanned<DeValue<'_>>) -> bool {
        match value.get_ref() {
            DeValue::Boolean(yes) => *yes,
            _ => {
                self.reason(&value.span(), format!("{name} must be true or false"));
                false
            }
        }
    }

    fn check_number(&mut self, format: NumberFormat, table: &DeTable<'_>) {
        if let Err(message) = format.check() {
            let at = table.get("thousands").map(Spanned::span).unwrap_or_default();
            self.reason(&at, message);
        }
    }

    fn not_for(&mut self, at: &Range<usize>, field: Field, setting: &str, what: &str) {
        self.reason(at, format!("{field} is not {what}, so {setting} does not apply; remove {setting}"));
    }

    fn values(&mut self, field: Field, table: &DeTable<'_>) -> BTreeMap<String, Value<'static>> {
        let read = table.iter().map(|(text, value)| (text.get_ref().to_string(), self.value(field, value)));
        read.filter_map(|(text, value)| Some((text, value?))).collect()
    }

    /// A value as the field takes it, with the digits as they were written.
    fn value(&mut self, field: Field, value: &Spanned<DeValue<'_>>) -> Option<Value<'static>> {
        let read = match value.get_ref() {
            DeValue::String(text) => Value::Text(text.to_string().into()),
            DeValue::Boolean(yes) => Value::Boolean(*yes),
            DeValue::Integer(number) if number.radix() == 10 => number_of(number.as_str())?,
            DeValue::Float(number) => match number_of(number.as_str()) {
                Some(number) => number,
                None => {
                    self.reason(
                        &value.span(),
                        format!("{} is not a number that JSON can represent", number.as_str()),
                    );
                    return None;
                }
            },
            DeValue::Datetime(moment) => match (moment.date, moment.time, moment.offset) {
                (Some(date), None, None) => {
                    Value::Date(Date::new(i16::try_from(date.year).ok()?, date.month, date.day)?)
                }
                _ => {
                    self.reason(
                        &value.span(),
                        "a date has no time of day and no time zone; write 2025-04-30",
                    );
                    return None;
                }
            },
            _ => {
                self.reason(&value.span(), format!("{field} takes a single value"));
                return None;
            }
        };
        // The field's own rules decide; an update that is thrown away asks them.
        match ProjectUpdate::new("").set(field, read.clone()) {
            Ok(()) => Some(read),
            Err(issue) => {
                self.reason(&value.span(), issue.to_string());
                None
            }
        }
    }

    fn string(&mut self, value: &Spanned<DeValue<'_>>) -> Option<String> {
        match value.get_ref() {
            DeValue::String(text) if !text.is_empty() => Some(text.to_string()),
            DeValue::String(_) => {
                self.reason(&value.span(), "the text is empty; remove the setting, or write a text");
                None
            }
            _ => {
                self.reason(&value.span(), "the value must be text in quotation marks");
                None
            }
        }
    }

    fn strings(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<String> {
        match value.get_ref() {
            DeValue::Array(list) => list.iter().filter_map(|value| self.string(value)).collect(),
            _ => self.string(value).into_iter().collect(),
        }
    }

    /// One text or several. An empty one can keep, as an empty cell does anyway, but not clear.
    fn texts(&mut self, value: &Spanned<DeValue<'_>>, clears: bool) -> Vec<String> {
        let list: Vec<&Spanned<DeValue<'_>>> = match value.get_ref() {
            DeValue::Array(list) => list.iter().collect(),
            _ => vec![value],
        };
        let mut texts = Vec::new();
        for value in list {
            match value.get_ref() {
                DeValue::String(text) if text.is_empty() && clears => {
                    self.reason(
                        &value.span(),
                        "an empty cell keeps its field; choose another text to clear it",
                    );
                }
                DeValue::String(text) => texts.push(text.to_string()),
                _ => self
                    .reason(&value.span(), "the value must be text in quotation marks, or a list of texts"),
            }
        }
        texts
    }
}

/// TOML allows a plus in front, which JSON does not.
fn number_of(text: &str) -> Option<Value<'static>> {
    text.trim_start_matches('+').parse::<Number>().ok().map(Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_every_mapping_mistake_with_place() {
        for (text, says) in [
            (
                "id = 'a'\nfeilds = 1",
                "m, line 2, column 1: no setting is called \"feilds\"; did you mean \"fields\"?",
            ),
            ("name = 'a'", "m, line 1, column 1: name is a field; write it below [fields]"),
            ("fields.nmae = 'a'", "m, line 1, column 8: no field is called \"nmae\"; did you mean \"name\"?"),
            ("fields.id = 'a'", "m, line 1, column 8: the external id is not a field"),
            ("fields.name = 1", "m, line 1, column 15: name must be the name of a column"),
            (
                "fields.name = { colum = 'a' }",
                "column 17: no setting of a field is called \"colum\"; did you mean \"column\"?",
            ),
            ("fields.name = { date = '%d' }", "column 17: name is not a day, so date does not apply"),
            ("fields.name = { decimal = ',' }", "name is not a number, so decimal does not apply"),
            (
                "fields.end = { date = '%d-%m' }",
                "column 23: the date format \"%d-%m\" does not describe a whole date",
            ),
            ("fields.end = { date = '%J' }", "the date format \"%J\" is not valid"),
            (
                "fields.estimated = { decimal = ',', thousands = ',' }",
                "column 49: decimal and thousands are the same",
            ),
            (
                "fields.estimated = { thousands = '.' }",
                "set two different ones (without decimal, the decimal sign is a point)",
            ),
            ("fields.estimated = { decimal = '5' }", "decimal must be one character other than a digit"),
            (
                "fields.estimated = { constant = 'x' }",
                "column 33: estimated: the text \"x\" has the wrong type; pass a number",
            ),
            ("fields.estimated = { constant = nan }", "nan is not a number that JSON can represent"),
            (
                "fields.billable = { constant = true, trim = true }",
                "column 38: a constant cannot be combined",
            ),
            (
                "fields.billable = { values = { Ja = 'yes' } }",
                "column 37: billable: the text \"yes\" has the wrong type",
            ),
            ("fields.income_type = { values = { x = 'gift' } }", "\"gift\" is not an income type"),
            (
                "fields.status = { default = 'x' }",
                "column 19: `default` and `unlisted` apply only together with `values`",
            ),
            ("fields.status = { values = {}, default = 'x', unlisted = 'keep' }", "not both"),
            ("fields.status = { values = {}, unlisted = 'drop' }", "\"refuse\", \"keep\" or \"as_is\""),
            ("fields.end = { constant = 2025-04-30T10:00:00 }", "a date has no time of day and no time zone"),
            ("clear = ''", "an empty cell keeps its field"),
            (
                "ignore = ['a', 'b']\nfields.name = 'b'",
                "column 10: the column \"b\" is in `ignore`, and sets name",
            ),
            (
                "ignore = 'status'\nfields.status.trim = true",
                "the column \"status\" is in `ignore`, and sets status",
            ),
            ("ignore = 'B'\nfields.brand_id = 'B'", "the column \"B\" is in `ignore`, and sets brand_id"),
            ("fields.brand_id = { constant = 'B' }", "brand_id accepts only the name of a column"),
            (
                "id = 'a'\nignore = 'a'",
                "is in `ignore`, and holds the external id; remove one of the two settings",
            ),
            ("clear = ['a', 'b']\nkeep = 'b'", "line 2, column 8: \"b\" is listed in both keep and clear"),
            ("clear = 'a'\nfields.name.keep = 'a'", "\"a\" is listed in both keep and clear of name"),
            (
                "clear = '-'\nfields.status.values = { '-' = 'x' }",
                "\"-\" clears status, so its entry in values never applies",
            ),
            ("fields.status = { keep = '-', values = { '-' = 'x' } }", "column 17: \"-\" keeps status"),
            ("clear = 1", "the value must be text in quotation marks, or a list of texts"),
            ("id = ''", "line 1, column 6: the text is empty"),
            ("é = 1\nid = [", "line 2"),
            ("id = 'a'\nid = 'b'", "m, line 2, column 1: "),
            (
                "id = 1\n[fields]\nx = 2",
                "must be text in quotation marks; m, line 3, column 1: no field is called \"x\"; fields \
                 are name",
            ),
        ] {
            let message = Rules::from_toml(text, "m").unwrap_err().to_string();
            assert!(message.contains(says), "{text}\n  says  {message}\n  not   {says}");
        }
    }

    #[test]
    fn numbers_keep_their_digits() {
        let rules = Rules::from_toml("fields.estimated = { constant = 18000.10 }", "m").unwrap();
        assert_eq!(
            rules.fields[&Field::Estimated],
            Rule::Constant(Value::Number("18000.10".parse().unwrap()))
        );
        let rules = Rules::from_toml("fields.estimated_time.constant = 9_007_199_254_740_993", "m").unwrap();
        let exact = Value::Number("9007199254740993".parse().unwrap());
        assert_eq!(rules.fields[&Field::EstimatedTime], Rule::Constant(exact));
    }
}
