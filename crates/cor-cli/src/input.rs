//! The arguments that say which table is meant and what its columns mean.

use cor_sync::{Encoding, Fix, Origin, Reason, Rename, Rows, Rules, Table, Unusable};

use crate::args::TableArgs;
use crate::failure::Failure;

impl TableArgs {
    pub(crate) fn origin(&self) -> Origin {
        Origin::new(self.file.clone())
    }

    /// Opens the table, with every mistake in the arguments at once. `keep` says that rows are to be copied.
    /// `creating` says that what only a create takes is of use.
    pub(crate) fn open(&self, keep: bool, creating: bool) -> Result<Box<dyn Rows>, Failure> {
        let rules = self.rules()?.creating(creating);
        let (delimiter, encoding) = (self.delimiter(), self.encoding());
        let mistakes = [delimiter.as_ref().err(), encoding.as_ref().err()];
        let mistakes: Vec<Reason> = mistakes.into_iter().flatten().map(|text| reason(text.clone())).collect();
        let (Ok(delimiter), Ok(encoding)) = (delimiter, encoding) else {
            return Err(Unusable(mistakes).into());
        };
        let table = Table::new()
            .format(self.format)
            .delimiter(delimiter)
            .encoding(encoding)
            .stream(self.stream.clone())
            .keep_raw(keep);
        Ok(table.open(&self.origin(), rules)?)
    }

    /// What the mapping file says, and the flags, which win.
    pub(crate) fn rules(&self) -> Result<Rules, Failure> {
        let mut reasons = Vec::new();
        let mut rules = match self.mapping.as_ref().map(Rules::from_file) {
            None => Rules::new(""),
            Some(Ok(rules)) => rules,
            Some(Err(unusable)) => {
                reasons.extend(unusable.0);
                Rules::new("")
            }
        };
        let mut renames = Vec::new();
        for text in &self.map {
            match Rename::parse(text) {
                Ok(rename) => renames.push(rename),
                Err(Reason { message, fix }) => {
                    reasons.push(Reason { message: format!("--map {text:?}: {message}"), fix });
                }
            }
        }
        if let Some(source) = &self.source {
            if source.is_empty() {
                reasons.push(reason("--source is empty; name the system the projects were created from"));
            }
            rules = rules.with_source(source.as_str());
        }
        if let Some(column) = &self.id_column {
            rules = rules.id_column(column);
        }
        match self.clear_token.as_deref() {
            Some("") => reasons.push(reason(
                "--clear-token is empty, but an empty cell keeps its field; choose another text",
            )),
            Some(text) => rules = rules.clear(text),
            None => {}
        }
        let rules = match rules.renamed(renames) {
            Ok(rules) => Some(rules),
            Err(unusable) => {
                reasons.extend(unusable.0);
                None
            }
        };
        match rules.filter(|_| reasons.is_empty()) {
            Some(rules) => Ok(rules),
            None => Err(Unusable(reasons).into()),
        }
    }

    fn delimiter(&self) -> Result<Option<u8>, String> {
        match self.delimiter.as_deref() {
            None => Ok(None),
            Some("tab" | "\\t" | "\t") => Ok(Some(b'\t')),
            Some(text) => match text.as_bytes() {
                [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n' | 0) => Ok(Some(*byte)),
                _ => Err(format!("--delimiter {text:?} is not one plain character, nor tab")),
            },
        }
    }

    fn encoding(&self) -> Result<Option<Encoding>, String> {
        let Some(name) = &self.encoding else { return Ok(None) };
        match Encoding::named(name) {
            Some(encoding) => Ok(Some(encoding)),
            None => Err(format!(
                "--encoding {name:?} is not known; use the web's names, such as utf-8, utf-16le, windows-1252 or iso-8859-15"
            )),
        }
    }
}

fn reason(message: impl Into<String>) -> Reason {
    Reason { message: message.into(), fix: None }
}

/// A reason, with the flag that would help.
pub(crate) fn told(reason: &Reason) -> String {
    let flag = match &reason.fix {
        None => return reason.message.clone(),
        Some(Fix::IdColumn(None)) => "say which one holds the external id with --id-column".to_owned(),
        Some(Fix::IdColumn(Some(column))) => format!("the id is chosen with --id-column {column:?}"),
        Some(Fix::MapColumn) => "map some with --map \"Column=field\"".to_owned(),
        Some(Fix::LeaveOut(column)) => format!("leave one out with --map {column:?}="),
        Some(Fix::Delimiter('\t')) => "if a tab separates the columns, say --delimiter tab".to_owned(),
        Some(Fix::Delimiter(delimiter)) => {
            let text = delimiter.to_string();
            format!("if {delimiter:?} separates the columns, say --delimiter {text:?}")
        }
        Some(Fix::Encoding) => {
            "save it as UTF-8 (in Excel: CSV UTF-8), or name its encoding, such as --encoding windows-1252"
                .to_owned()
        }
        Some(Fix::Stream) => "choose one with --stream".to_owned(),
        Some(Fix::Source) => "say --source, or source = \"…\" in the mapping".to_owned(),
        Some(_) => return reason.to_string(),
    };
    format!("{}; {flag}", reason.message)
}
