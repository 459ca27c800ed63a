//! Quotation marks of a row as it was written (RFC 4180). The parser takes whatever comes and makes text of it, which
//! is the wrong text where a mark is missing or one too many.

use memchr::memchr;

/// A misplaced quotation mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The row ends inside quotation marks.
    Open,
    /// Something other than the delimiter or the end of the row follows a closing one.
    TextBehind,
}

impl Fault {
    pub(crate) fn message(self) -> &'static str {
        match self {
            Fault::Open => "a quotation mark is not closed",
            Fault::TextBehind => {
                "text follows a closing quotation mark; inside a quoted value, write each quotation mark \
                 twice"
            }
        }
    }
}

/// The first fault of a row. A mark inside a cell that does not begin with one is plain text.
pub(crate) fn fault(row: &[u8], delimiter: u8) -> Option<Fault> {
    memchr(b'"', row)?;
    let mut rest = Some(row);
    while let Some(cell) = rest {
        rest = match cell.first() {
            Some(b'"') => match after_quoted(&cell[1..]) {
                None => return Some(Fault::Open),
                Some([]) => None,
                Some([next, rest @ ..]) if *next == delimiter => Some(rest),
                Some(_) => return Some(Fault::TextBehind),
            },
            _ => memchr(delimiter, cell).map(|end| &cell[end + 1..]),
        };
    }
    None
}

/// Where each cell of a row ends, as the parser sees it: text behind a closing mark belongs to its cell.
pub(crate) fn cell_ends(row: &[u8], delimiter: u8) -> Vec<usize> {
    let (mut ends, mut start) = (Vec::new(), 0);
    loop {
        let mut from = start;
        if row.get(start) == Some(&b'"') {
            from = after_quoted(&row[start + 1..]).map_or(row.len(), |rest| row.len() - rest.len());
        }
        let Some(end) = memchr(delimiter, &row[from..]) else {
            ends.push(row.len());
            return ends;
        };
        ends.push(from + end);
        start = from + end + 1;
    }
}

/// What follows the closing mark, of what follows the opening one.
fn after_quoted(mut rest: &[u8]) -> Option<&[u8]> {
    loop {
        rest = &rest[memchr(b'"', rest)? + 1..];
        match rest {
            [b'"', more @ ..] => rest = more,
            _ => return Some(rest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misplaced_quotation_marks_are_found() {
        for (row, expected) in [
            ("", None),
            ("A,\"\"", None),
            ("A,\"a \"\"b\"\", c\"", None),
            ("\"A\",5\" pipe,\"\"\"\"", None),
            ("A, \"x\",y\"", None),
            ("A,\"b", Some(Fault::Open)),
            ("A,\"", Some(Fault::Open)),
            ("A,\"b\"\"", Some(Fault::Open)),
            ("A,\"5\" pipe\"", Some(Fault::TextBehind)),
            ("A,\"5 inch\nB,\"x\"", Some(Fault::TextBehind)),
            ("\"A\" ,b", Some(Fault::TextBehind)),
        ] {
            assert_eq!(fault(row.as_bytes(), b','), expected, "{row:?}");
        }
    }

    #[test]
    fn cell_ends_match_parser() {
        for row in
            ["", "a", "a,", ",", "\"a,b\",c", "\"a\"x,b", "a\",b", "\"a\"\",b\",\"", "\"a\"\"b\"c\",d,"]
        {
            let mut reader =
                csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(row.as_bytes());
            let cells = reader.byte_records().next().map_or(1, |cells| cells.unwrap().len());
            assert_eq!(cell_ends(row.as_bytes(), b',').len(), cells, "{row:?}");
        }
        assert_eq!(cell_ends(b"\"a,b\",c,", b','), [5, 7, 8]);
    }
}
