//! Files that are no table of text, by their first bytes: what they are, and what to do with them.

/// Whether these bytes may be the first of a workbook: an archive, or the container of older files.
pub(super) fn may_be_workbook(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04") || start.starts_with(&[0xD0, 0xCF, 0x11, 0xE0])
}

/// What a file is, if its bytes are no text of a table.
pub(super) fn of_bytes(start: &[u8]) -> Option<&'static str> {
    const COMPRESSED: &str =
        "the file is compressed; decompress it, for example with gunzip, and use the decompressed file";
    match start {
        [0x1F, 0x8B, ..]
        | [b'B', b'Z', b'h', ..]
        | [0x28, 0xB5, 0x2F, 0xFD, ..]
        | [0xFD, b'7', b'z', b'X', b'Z', ..] => Some(COMPRESSED),
        [b'%', b'P', b'D', b'F', ..] => Some("the file is a PDF; export the data as CSV"),
        _ => None,
    }
}

/// What a text is, if it is none of a table. `is_named_csv` says that the file's name promises CSV.
pub(super) fn of_text(start: &[u8], is_named_csv: bool) -> Option<&'static str> {
    let text = start.trim_ascii_start();
    let begins = |with: &[u8]| text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    if [&b"<!doctype html"[..], b"<html", b"<head", b"<table", b"<body"].iter().any(|tag| begins(tag)) {
        return Some("the file is a web page, perhaps a sign-in page; sign in and download the file itself");
    }
    if begins(b"<?xml") {
        return Some("the file is XML; export the table as CSV or JSON lines");
    }
    let is_json = match text.first() {
        Some(b'{') => matches!(text[1..].trim_ascii_start().first(), Some(b'"' | b'}')),
        Some(b'[') => matches!(text[1..].trim_ascii_start().first(), Some(b'{' | b']')),
        _ => false,
    };
    (is_json && is_named_csv).then_some(
        "the file contains JSON; write one object per line, for example with jq -c, to a file named .jsonl",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_not_tables_are_recognised() {
        for (start, says) in [(&b"\x1F\x8B\x08\0"[..], "compressed"), (b"%PDF-1.7", "PDF")] {
            assert!(of_bytes(start).unwrap().contains(says), "{says}");
        }
        assert_eq!(of_bytes(b"id,name\nPK,x\n"), None);
        for (start, says) in [
            (&b"\n <!DOCTYPE html><html>"[..], "web page"),
            (b"<?xml version='1.0'?>", "XML"),
            (b"[\n {\"id\":1}]", "JSON"),
            (b"{ \"id\": 1 }", "JSON"),
        ] {
            assert!(of_text(start, true).unwrap().contains(says), "{says}");
        }
        for start in [&b"id,name"[..], b"{id},name", b"[id],name", b"<id>,name", b""] {
            assert_eq!(of_text(start, true), None);
        }
        assert_eq!(of_text(b"{\"id\":1}", false), None);
    }
}
