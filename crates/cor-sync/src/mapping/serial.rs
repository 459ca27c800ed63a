//! Rules as serde writes them: with the keys of a mapping file.

use std::collections::BTreeMap;

use cor_http::Value;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::cells::{Reading, Unlisted};
use super::rules::{Rule, Rules};

impl Serialize for Rules {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if !self.source().as_str().is_empty() {
            map.serialize_entry("source", self.source())?;
        }
        map.serialize_entry("id", &self.id_column)?;
        reading_entries(&mut map, &self.general)?;
        if self.is_strict() {
            map.serialize_entry("strict", &true)?;
        }
        let ignored = self.all_left_out();
        if !ignored.is_empty() {
            map.serialize_entry("ignore", &ignored)?;
        }
        if !self.clear_nulls.is_empty() {
            map.serialize_entry("clear_nulls", &self.clear_nulls)?;
        }
        let updates = self.fields.iter().map(|(field, rule)| (field.name(), Entry::Rule(rule)));
        let creates = self.creates.iter().map(|(field, column)| (*field, Entry::Column(column)));
        let fields: BTreeMap<&str, Entry<'_>> = updates.chain(creates).collect();
        if !fields.is_empty() {
            map.serialize_entry("fields", &fields)?;
        }
        map.end()
    }
}

/// What a field and the top of a file have in common.
fn reading_entries<M: SerializeMap>(map: &mut M, reading: &Reading) -> Result<(), M::Error> {
    let Reading { trim, keep, clear, date, day_in, number, values: _ } = reading;
    if *trim {
        map.serialize_entry("trim", trim)?;
    }
    for (key, texts) in [("clear", clear), ("keep", keep)] {
        if !texts.is_empty() {
            map.serialize_entry(key, texts)?;
        }
    }
    if let Some(format) = date {
        map.serialize_entry("date", format.as_str())?;
    }
    if let Some(day_in) = day_in {
        map.serialize_entry("day_in", &day_in.to_string())?;
    }
    for (key, separator) in [("decimal", number.decimal), ("thousands", number.thousands)] {
        if let Some(separator) = separator {
            map.serialize_entry(key, &separator)?;
        }
    }
    Ok(())
}

/// What stands under the name of a field.
enum Entry<'a> {
    Rule(&'a Rule),
    Column(&'a str),
}

impl Serialize for Entry<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (column, reading) = match self {
            Entry::Column(column) => return serializer.serialize_str(column),
            Entry::Rule(Rule::Column(column, reading)) => (column, reading),
            Entry::Rule(Rule::Constant(value)) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("constant", &Plain(value))?;
                return map.end();
            }
        };
        if *reading == Reading::default() {
            return serializer.serialize_str(column);
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("column", column)?;
        reading_entries(&mut map, reading)?;
        if let Some(table) = &reading.values {
            let values: BTreeMap<&str, Plain<'_>> =
                table.values.iter().map(|(text, value)| (text.as_str(), Plain(value))).collect();
            map.serialize_entry("values", &values)?;
            match &table.unlisted {
                Unlisted::Refuse => {}
                Unlisted::Keep => map.serialize_entry("unlisted", "keep")?,
                Unlisted::AsIs => map.serialize_entry("unlisted", "as_is")?,
                Unlisted::Default(value) => map.serialize_entry("default", &Plain(value))?,
            }
        }
        map.end()
    }
}

/// A value as it stands in a mapping file.
struct Plain<'a>(&'a Value<'static>);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Text(text) => serializer.serialize_str(text),
            Value::Cell(text) => serializer.serialize_str(text),
            Value::Boolean(yes) => serializer.serialize_bool(*yes),
            Value::Number(number) => number.serialize(serializer),
            Value::Date(date) => date.serialize(serializer),
            Value::IncomeType(kind) => kind.serialize(serializer),
            // No mapping file has it: a text that clears stands under `clear`.
            _ => serializer.serialize_unit(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        source = "SAP"
        id = "deal"
        clear = "-"
        keep = ["n/a", "?"]
        ignore = ["owner"]
        [fields]
        name = "account"
        brand_id = "brand"
        end = { column = "close", trim = true, date = "%d-%m-%y", clear = "none" }
        estimated = { column = "value", decimal = ",", thousands = "." }
        status = { column = "stage", values = { Won = "finished" }, unlisted = "keep" }
        income_type = { column = "kind", values = { A = "fee" }, default = "hourly_rate" }
        billable = { constant = true }
        estimated_time = { constant = 18000.10 }
    "#;

    #[test]
    fn rules_are_written_with_keys_of_mapping_file() {
        let rules = Rules::from_toml(FILE, "m.toml").unwrap();
        let expected = concat!(
            r#"{"source":"SAP","id":"deal","clear":["-"],"keep":["n/a","?"],"ignore":["owner"],"fields":{"#,
            r#""billable":{"constant":true},"brand_id":"brand","#,
            r#""end":{"column":"close","trim":true,"clear":["none"],"date":"%d-%m-%y"},"#,
            r#""estimated":{"column":"value","decimal":",","thousands":"."},"#,
            r#""estimated_time":{"constant":18000.10},"#,
            r#""income_type":{"column":"kind","values":{"A":"fee"},"default":"hourly_rate"},"#,
            r#""name":"account","#,
            r#""status":{"column":"stage","values":{"Won":"finished"},"unlisted":"keep"}}}"#
        );
        assert_eq!(serde_json::to_string(&rules).unwrap(), expected);
        assert_eq!(serde_json::to_string(&Rules::new("SAP")).unwrap(), r#"{"source":"SAP","id":"id"}"#);
    }

    #[test]
    fn settings_of_every_field_are_written_and_read_again() {
        let file = "strict = true\ntrim = true\ndate = '%d/%m/%Y'\nday_in = 'Europe/Madrid'\ndecimal = ','\n";
        let rules = Rules::from_toml(file, "m.toml").unwrap();
        let written = toml::to_string(&rules).unwrap();
        let again =
            Rules::from_toml(&written, "again.toml").unwrap_or_else(|error| panic!("{error}\n{written}"));
        assert_eq!(again, rules, "{written}");
    }

    #[test]
    fn rules_written_as_toml_are_read_as_same_rules() {
        // TOML has no number with these digits; it is written as text, which no number field takes.
        let file = FILE.replace("18000.10", "250");
        let rules = Rules::from_toml(&file, "m.toml").unwrap();
        let written = toml::to_string(&rules).unwrap();
        let again =
            Rules::from_toml(&written, "again.toml").unwrap_or_else(|error| panic!("{error}\n{written}"));
        assert_eq!(again, rules, "{written}");
    }
}
