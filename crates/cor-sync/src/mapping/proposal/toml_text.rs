//! A proposal as a mapping file with comments.

use std::fmt::Write;

use cor_http::CreateField;

use super::{Basis, Decision, MappingProposal, ProposedColumn, ProposedField, Setting, SettingValue};
use crate::text::grouped;

/// Characters of a cell that a comment shows.
const MOST_SHOWN: usize = 40;
/// Texts without a value that are listed.
const MOST_WORDS: usize = 50;
/// The unprintable characters that are written as they are elsewhere: they change the direction of text, or take no room.
const INVISIBLE: [std::ops::RangeInclusive<char>; 6] = [
    '\u{a0}'..='\u{a0}',
    '\u{ad}'..='\u{ad}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202f}',
    '\u{2060}'..='\u{206f}',
    '\u{feff}'..='\u{feff}',
];

pub(super) fn write(proposal: &MappingProposal) -> String {
    let mut text = String::new();
    header(proposal, &mut text);
    top(proposal, &mut text);
    let is_create = |field: &&ProposedField| CreateField::from_name(field.field).is_some();
    let (creates, fields): (Vec<_>, Vec<_>) = proposal.fields.iter().partition(is_create);
    if !creates.is_empty() {
        text.push_str("\n[fields]\n");
    }
    for field in creates {
        // Such a field has a column and no settings.
        comments(&field.column, &mut text);
        line(&mut text, &format!("{} = {}", field.field, quoted(&field.column.column)));
    }
    for field in fields {
        let mut table = String::new();
        line(&mut table, &format!("[fields.{}]", field.field));
        comments(&field.column, &mut table);
        line(&mut table, &format!("column = {}", quoted(&field.column.column)));
        settings(field.field, &field.column, &mut table);
        text.push('\n');
        match field.column.decisions.iter().any(|decision| decision.holds_back) {
            true => commented_out(&table, &mut text),
            false => text.push_str(&table),
        }
    }
    text
}

/// The table of a field that is not set before a person has decided.
fn commented_out(table: &str, text: &mut String) {
    for written in table.lines() {
        match written.starts_with('#') {
            true => line(text, written),
            false => comment(text, written),
        }
    }
}

fn header(proposal: &MappingProposal, text: &mut String) {
    let rows = match (proposal.rows, proposal.is_whole) {
        (1, true) => "the only row".to_owned(),
        (rows, true) => format!("all {} rows", grouped(rows)),
        (rows, false) => format!("the first {} rows", grouped(rows)),
    };
    comment(
        text,
        &format!(
            "Proposed by cor projects map from the header and {rows} of {}.",
            shown(&proposal.input, 80)
        ),
    );
    comment(text, "guess:  chosen by a usual name or by the cells; read it before you use it.");
    comment(text, "decide: the table does not show it; remove the # of a line below it.");
}

fn top(proposal: &MappingProposal, text: &mut String) {
    text.push('\n');
    match &proposal.source {
        Some(source) => line(text, &format!("source = {}", quoted(source))),
        None => {
            comment(
                text,
                "decide: the system that the projects were created from; the table does not name it.",
            );
            comment(text, "source = \"SALESFORCE\"");
        }
    }
    text.push('\n');
    match &proposal.id {
        Some(id) => {
            comments(id, text);
            line(text, &format!("id = {}", quoted(&id.column)));
            if id.settings.iter().any(|setting| setting.name == "trim") {
                comment(text, "ids have blanks around them; this removes them from ids and from all cells");
                line(text, "trim = true");
            }
        }
        None => {
            comment(text, "decide: no column looks like the external id of a project; name it.");
            comment(text, "id = \"Opportunity ID\"");
        }
    }
    if !proposal.keep.is_empty() {
        text.push('\n');
        comment(text, "guess: these texts stand for an empty cell, and keep the field as it is.");
        line(text, "keep = [");
        for word in &proposal.keep {
            let columns = word
                .columns
                .iter()
                .map(|(column, cells)| format!("{} of {}", counted(*cells), shown(column, MOST_SHOWN)));
            let columns = columns.collect::<Vec<_>>().join(", ");
            line(text, &format!("  {},  # {columns}", quoted(&word.word)));
        }
        line(text, "]");
    }
    unused(proposal, text);
}

fn unused(proposal: &MappingProposal, text: &mut String) {
    let (ignored, others): (Vec<_>, Vec<_>) = proposal.unused.iter().partition(|column| column.is_ignored);
    if !ignored.is_empty() {
        text.push('\n');
        comment(text, "Columns that set no field.");
        line(text, "ignore = [");
        for column in ignored {
            line(text, &format!("  {},  # {}", quoted(&column.column), single_line(&column.about)));
        }
        line(text, "]");
    }
    for column in others {
        comment(
            text,
            &format!(
                "Not used: the column {}; {}",
                shown(&column.column, MOST_SHOWN),
                single_line(&column.about)
            ),
        );
    }
}

/// Why the column was chosen.
fn comments(column: &ProposedColumn, text: &mut String) {
    let evidence = single_line(&column.evidence);
    let why = match column.basis {
        Basis::Given => format!("as the options say; {evidence}"),
        Basis::FieldName => format!("named after the field; {evidence}"),
        Basis::UsualName => format!("guess: by the name of the column; {evidence}"),
        Basis::NameEnding => format!("guess: by the end of the name of the column; {evidence}"),
        Basis::Values => format!("guess: by the cells alone; {evidence}"),
    };
    comment(text, &why);
    if !column.others.is_empty() {
        let others = column.others.iter().map(|other| shown(other, MOST_SHOWN)).collect::<Vec<_>>();
        comment(text, &format!("other columns for it: {}", others.join(", ")));
    }
}

fn settings(field: &str, column: &ProposedColumn, text: &mut String) {
    for setting in &column.settings {
        line(text, &setting.to_string());
    }
    if !column.values.is_empty() {
        line(text, "unlisted = \"as_is\"");
    }
    column.decisions.iter().for_each(|decision| self::decision(field, decision, text));
    if !column.values.is_empty() {
        comment(text, "guess: what these texts stand for");
        line(text, &format!("[fields.{field}.values]"));
        for word in &column.values {
            line(text, &format!("{} = {}", quoted(&word.word), word.value));
        }
    }
}

fn decision(field: &str, decision: &Decision, text: &mut String) {
    let until =
        if decision.holds_back { "; until you remove the # of its lines, the field is not set" } else { "" };
    comment(text, &format!("decide: {}{until}", single_line(&decision.question)));
    for choice in &decision.choices {
        for (at, setting) in choice.settings.iter().enumerate() {
            let reading =
                if at == 0 { single_line(&choice.reading) } else { "with the line above".to_owned() };
            comment(text, &format!("{setting}  # {reading}"));
        }
    }
    if decision.words.is_empty() {
        return;
    }
    comment(text, &format!("[fields.{field}.values]"));
    for word in decision.words.iter().take(MOST_WORDS) {
        // Without a value the line is no TOML: it cannot be used before a person has filled it in.
        comment(text, &format!("{} =   # {}", quoted(&word.word), counted(word.cells)));
    }
    if let more @ 1.. = decision.words.len().saturating_sub(MOST_WORDS) {
        comment(text, &format!("and {} more texts", grouped(more as u64)));
    }
}

impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.value {
            SettingValue::Text(text) => write!(f, "{} = {}", self.name, quoted(text)),
            SettingValue::Flag(flag) => write!(f, "{} = {flag}", self.name),
        }
    }
}

fn line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn comment(text: &mut String, comment: &str) {
    line(text, &format!("# {comment}"));
}

pub(super) fn counted(cells: u64) -> String {
    format!("{} {}", grouped(cells), if cells == 1 { "cell" } else { "cells" })
}

/// The beginning of a cell as a comment shows it.
pub(super) fn example(cell: &str) -> String {
    shown(cell, MOST_SHOWN)
}

fn shown(cell: &str, most: usize) -> String {
    match cell.char_indices().nth(most) {
        None => quoted(cell),
        Some((cut, _)) => format!("{}…", quoted(&cell[..cut])),
    }
}

/// A text as a string of TOML, on one line.
fn quoted(value: &str) -> String {
    let mut text = String::with_capacity(value.len() + 2);
    text.push('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            _ if c.is_control() || INVISIBLE.iter().any(|range| range.contains(&c)) => {
                // Writing to a string does not fail.
                let _ = write!(text, "\\u{:04X}", u32::from(c));
            }
            _ => text.push(c),
        }
    }
    text.push('"');
    text
}

/// A sentence without control characters, which would end the comment.
fn single_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_string_of_toml_on_one_line() {
        for text in ["", "a\"b\\c", "a\nb\rc\td", "\0\u{7f}\u{85}", "\u{202e}x\u{feff}", "é\u{1f600}#='"] {
            let written = quoted(text);
            assert!(!written.contains(['\n', '\r', '\u{202e}']), "{written}");
            let file = format!("key = {written}");
            let read = toml::de::DeTable::parse(&file).unwrap().into_inner();
            let value = read.get("key").and_then(|value| value.get_ref().as_str());
            assert_eq!(value, Some(text));
        }
    }

    #[test]
    fn example_is_cut_between_characters() {
        assert_eq!(example(&"é".repeat(41)), format!("\"{}\"…", "é".repeat(40)));
        assert_eq!(example(&"é".repeat(40)), format!("\"{}\"", "é".repeat(40)));
    }
}
