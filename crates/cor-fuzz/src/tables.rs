//! What a file holds.

use std::io::{self, Read};

use cor_sync::{Content, Format, Input, Rules, Table};

use crate::text;

/// Mapping files: whatever they hold, they are understood or refused with a reason.
pub fn mappings(data: &[u8]) {
    match Rules::from_toml(text(data), "mapping.toml") {
        Ok(rules) => assert_eq!(rules.fingerprint(), rules.fingerprint()),
        Err(unusable) => assert!(!format!("{unusable:?}").is_empty()),
    }
}

/// Tables as they come: CSV, JSON lines, Singer. However the bytes are cut on their way, the same rows come out; a row is
/// either one whose update is in order, or one that says what is wrong.
pub fn tables(data: &[u8]) {
    let [how, step, bytes @ ..] = data else { return };
    let whole = rows(*how, bytes, usize::MAX);
    let cut = rows(*how, bytes, usize::from(*step).max(1));
    assert_eq!(whole, cut);
}

fn rows(how: u8, bytes: &[u8], step: usize) -> Vec<String> {
    let formats = [None, Some(Format::Csv), Some(Format::Jsonl), Some(Format::Singer)];
    let pieces = Pieces { bytes: bytes.to_vec(), at: 0, step };
    let Ok(input) = Input::from_reader(pieces, formats[usize::from(how % 4)], None) else {
        return Vec::new();
    };
    let mut table = match Table::new().open_input(input, Rules::new("SAP")) {
        Ok(table) => table,
        Err(unusable) => return vec![format!("{unusable:?}")],
    };
    let mut rows = Vec::new();
    loop {
        match table.next() {
            Ok(Some(row)) => {
                if let Content::Update(id, update) = &row.content {
                    assert!(!id.is_empty() && update.validate().is_ok());
                }
                if let Content::Rejected(_, problems) = &row.content {
                    assert!(!problems.is_empty());
                }
                rows.push(format!("{} {:?}", row.line, row.content));
            }
            Ok(None) => return rows,
            Err(broken) => {
                rows.push(format!("{broken:?}"));
                return rows;
            }
        }
    }
}

/// Gives its bytes a few at a time.
struct Pieces {
    bytes: Vec<u8>,
    at: usize,
    step: usize,
}

impl Read for Pieces {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let left = &self.bytes[self.at..];
        let n = left.len().min(room.len()).min(self.step);
        room[..n].copy_from_slice(&left[..n]);
        self.at += n;
        Ok(n)
    }
}
