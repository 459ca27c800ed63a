//! A mapping in a few characters that stay the same as long as it means the same.

use std::fmt::Write;

use cor_http::Value;

use super::cells::{Reading, Unlisted};
use super::rules::{Rule, Rules};

/// The first bytes of a hash, as hexadecimal digits.
fn hash(of: &[u8], bytes: usize) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, of);
    digest.as_ref()[..bytes].iter().fold(String::new(), |mut text, byte| {
        // Writing into memory does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Eight hexadecimal digits that tell apart lists of texts.
pub(crate) fn short_hash(texts: &[&str]) -> String {
    hash(texts.join("\0").as_bytes(), 4)
}

impl Rules {
    /// The same text for rules that mean the same, whatever order, file or options they came from; another text for
    /// rules that differ in anything but the source, `strict` and the columns of a create. 32 hexadecimal digits.
    ///
    /// ```
    /// use cor_sync::Rules;
    /// let file = Rules::from_toml("id = 'key'\nclear = '-'", "mapping.toml")?;
    /// let code = Rules::new("JIRA").clear("-").id_column("key");
    /// assert_eq!(file.fingerprint(), code.fingerprint());
    /// assert_ne!(file.fingerprint(), Rules::new("SAP").fingerprint());
    /// # Ok::<(), cor_sync::ConfigError>(())
    /// ```
    pub fn fingerprint(&self) -> String {
        hash(self.canonical().as_bytes(), 16)
    }

    /// Everything but the source, in one order. Its form must not change: states would no longer be found.
    fn canonical(&self) -> String {
        let mut lines = vec!["1".to_owned(), format!("id {}", text(&self.id_column))];
        lines.extend(self.all_left_out().into_iter().map(|column| format!("ignore {}", text(column))));
        lines.push(format!("clear {} keep {}", texts(&self.general.clear), texts(&self.general.keep)));
        // What came later adds a line only where it is used, so that earlier states are found.
        if self.key_as_id {
            lines.push("id is the key of the stream".to_owned());
        }
        let general = Reading { clear: Vec::new(), keep: Vec::new(), values: None, ..self.general.clone() };
        if general != Reading::default() {
            lines.push(format!("every field {}", canonical(&general)));
        }
        if !self.clear_nulls.is_empty() {
            let columns: Vec<String> = self.clear_nulls.iter().cloned().collect();
            lines.push(format!("clear nulls {}", texts(&columns)));
        }
        for (field, rule) in &self.fields {
            lines.push(match rule {
                Rule::Constant(value) => format!("{field} always {}", value_of(value)),
                // Which is what would happen without the rule.
                Rule::Column(column, reading) if column == field.name() && *reading == Reading::default() => {
                    continue;
                }
                Rule::Column(column, reading) => {
                    format!("{field} from {} {}", text(column), canonical(reading))
                }
            });
        }
        lines.join("\n")
    }
}

fn canonical(reading: &Reading) -> String {
    let Reading { trim, keep, clear, date, day_in, number, values } = reading;
    let format = date.as_ref().map(|format| text(format.as_str()));
    let separator =
        |separator: Option<char>| separator.map(|separator| text(separator.encode_utf8(&mut [0; 4])));
    let mut parts = vec![format!("trim {trim} keep {} clear {}", texts(keep), texts(clear))];
    let named = [
        ("date", format),
        ("day_in", day_in.as_ref().map(|zone| text(&zone.to_string()))),
        ("decimal", separator(number.decimal)),
        ("thousands", separator(number.thousands)),
    ];
    parts.extend(named.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?))));
    if let Some(table) = values {
        parts.extend(table.values.iter().map(|(from, to)| format!("{} is {}", text(from), value_of(to))));
        parts.push(match &table.unlisted {
            Unlisted::Refuse => "others refuse".to_owned(),
            Unlisted::Keep => "others keep".to_owned(),
            Unlisted::AsIs => "others as_is".to_owned(),
            Unlisted::Default(value) => format!("others {}", value_of(value)),
        });
    }
    parts.join(" ")
}

/// JSON's way to quote, which does not change with the compiler as Rust's own may.
fn text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn texts(list: &[String]) -> String {
    let mut list: Vec<String> = list.iter().map(|entry| text(entry)).collect();
    list.sort_unstable();
    list.dedup();
    format!("[{}]", list.join(","))
}

fn value_of(value: &Value<'_>) -> String {
    match value {
        Value::Text(value) => text(value),
        Value::Cell(value) => text(value),
        Value::Boolean(yes) => yes.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Date(date) => format!("day {date}"),
        Value::IncomeType(kind) => format!("type {}", text(kind.as_str())),
        _ => "null".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rename;

    const FULL: &str = r#"
        id = "key"
        ignore = ["a", "b"]
        clear = "-"
        [fields]
        name = "account"
        end = { column = "close", date = "%d-%m-%y" }
        estimated = { column = "value", decimal = ",", thousands = ".", keep = ["?", "n/a"] }
        status = { column = "stage", values = { Won = "finished", Lost = "suspended" }, default = "active" }
        billable = { constant = true }
    "#;

    fn of(text: &str) -> String {
        Rules::from_toml(text, "t").unwrap().fingerprint()
    }

    #[test]
    fn fingerprint_does_not_change_with_program() {
        // These stand in people's state files: a change here makes every one of them send everything again.
        assert_eq!(Rules::new("SAP").fingerprint(), "f4e00f6dbe866c2b5e7f090651213322");
        assert_eq!(of(FULL), "8ca5c671317d669630facbd3ebf26418");
        let by_key = Rules::new("SAP").key_as_id();
        assert_eq!(by_key.fingerprint(), "3e06f846eef15201e91e4feacb509d25");
        assert_eq!(by_key.id_column("id").fingerprint(), Rules::new("SAP").fingerprint());
    }

    #[test]
    fn fingerprints_are_equal_only_for_equal_mappings() {
        let renames = ["account=name", "skip="].map(|text| Rename::parse(text).unwrap());
        let code = Rules::new("SAP").renamed(renames).unwrap().fingerprint();
        assert_eq!(code, of("# comment\nignore = ['skip']\nfields.name = { column = 'account' }"));
        assert_eq!(of(""), of("source = 'JIRA'\nid = 'id'\nfields.name = 'name'"));
        assert_eq!(of("clear = ['a', 'b']"), of("clear = ['b', 'a']"));
        let mut seen = vec![of("")];
        for general in
            ["trim = true", "date = '%d/%m/%Y'", "day_in = 'UTC'", "day_in = 'as_written'", "decimal = ','"]
        {
            let other = of(general);
            assert!(!seen.contains(&other), "{general} looks like another mapping");
            seen.push(other);
        }
        for (from, to) in [
            ("\"key\"", "\"id\""),
            ("\"a\", ", ""),
            ("\"-\"", "\"--\""),
            ("\"account\"", "\"Account\""),
            ("%d-%m-%y", "%m-%d-%y"),
            ("decimal = \",\"", "decimal = \";\""),
            (", \"n/a\"", ""),
            ("\"suspended\"", "\"Suspended\""),
            ("default = \"active\"", "unlisted = \"keep\""),
            ("constant = true", "constant = false"),
            ("billable", "archived"),
        ] {
            assert!(FULL.contains(from));
            let other = of(&FULL.replacen(from, to, 1));
            assert!(!seen.contains(&other) && other != of(FULL), "{from} and {to} look the same");
            seen.push(other);
        }
    }
}
