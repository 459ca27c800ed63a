//! Readers against tables that are made up, in pieces of any size.

use std::io::{self, Read};

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::{Encoding, Format, Input};
use crate::{Content, Rename, Row, Rows, Rules, Table, TableOptions};

/// Gives its bytes in pieces of these sizes, over and over.
struct Pieces {
    bytes: Vec<u8>,
    given: usize,
    sizes: Vec<usize>,
    next: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.next % self.sizes.len()];
        self.next += 1;
        let n = size.min(buffer.len()).min(self.bytes.len() - self.given);
        buffer[..n].copy_from_slice(&self.bytes[self.given..self.given + n]);
        self.given += n;
        Ok(n)
    }
}

fn rows(bytes: &[u8], sizes: &[usize], format: Option<Format>) -> Result<Box<dyn Rows>, String> {
    let pieces = Pieces { bytes: bytes.to_vec(), given: 0, sizes: sizes.to_vec(), next: 0 };
    let table = Table::new().keep_raw(true);
    Input::from_reader(pieces, format, None)
        .and_then(|input| table.open_input(input, Rules::new("S")))
        .map_err(|unusable| unusable.to_string())
}

fn all(rows: &mut dyn Rows) -> Vec<Row> {
    std::iter::from_fn(|| rows.next().unwrap()).collect()
}

/// Everything that is to be known about an input, as text.
fn seen(bytes: &[u8], sizes: &[usize], format: Option<Format>) -> String {
    match rows(bytes, sizes, format) {
        Err(reason) => reason,
        Ok(mut rows) => {
            let read: Vec<Result<Row, String>> = std::iter::from_fn(|| match rows.next() {
                Ok(row) => row.map(Ok),
                Err(broken) => Some(Err(format!("{broken:?}"))),
            })
            .scan(false, |ended, row| (!std::mem::replace(ended, row.is_err())).then_some(row))
            .collect();
            format!("{read:?} {:?} {:?} {:?}", rows.unused(), rows.remarks(), rows.mapping())
        }
    }
}

fn set(row: &Row) -> Option<(&str, String)> {
    match &row.content {
        Content::Update(id, update) => Some((id, update.to_json())),
        Content::Unchanged => None,
        Content::Rejected(_, problems) => panic!("{problems:?}"),
    }
}

fn encoded(text: &str, encoding: usize) -> Vec<u8> {
    let marked = format!("\u{feff}{text}");
    match encoding {
        0 => text.as_bytes().to_vec(),
        1 => marked.into_bytes(),
        2 => marked.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        _ => marked.encode_utf16().flat_map(u16::to_be_bytes).collect(),
    }
}

fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[ -~]{0,12}",
        2 => "[a-z,;\t|\"\r\n]{0,8}",
        1 => "\\PC{0,5}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever delimiter, end of line, quotation and encoding: every cell arrives as it was, and what is kept of each
    /// row reads the same again.
    #[test]
    fn reads_whole_table(
        cells in proptest::collection::vec(("[a-zA-Z0-9é\"][a-zA-Z0-9é \"]{0,5}", cell()), 1..20),
        (delimiter, always, crlf, encoding) in (0usize..4, any::<bool>(), any::<bool>(), 0usize..4),
        sizes in proptest::collection::vec(1usize..90, 1..6),
    ) {
        let delimiter = [b',', b';', b'\t', b'|'][delimiter];
        let style = if always { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let end = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new()
            .delimiter(delimiter).quote_style(style).terminator(end).from_writer(Vec::new());
        writer.write_record(["id", "name"]).unwrap();
        for (id, name) in &cells {
            writer.write_record([id, name]).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let bytes = encoded(&text, encoding);
        let mut reader = rows(&bytes, &sizes, None).unwrap();
        let read = all(reader.as_mut());
        prop_assert_eq!(read.len(), cells.len());
        let mut line = 2;
        for (n, (row, (id, name))) in read.iter().zip(&cells).enumerate() {
            prop_assert_eq!(row.number, n as u64);
            prop_assert_eq!(row.line, line);
            match set(row) {
                // A cell of blanks looks empty.
                None => prop_assert!(name.trim().is_empty(), "{:?}", name),
                Some((found, json)) => {
                    prop_assert_eq!(found, id);
                    let expected = cor_http::ProjectUpdate::new("S").name(name.as_str()).to_json();
                    prop_assert_eq!(json, expected);
                }
            }
            let breaks = |text: &str| text.replace("\r\n", "\n").matches(['\r', '\n']).count() as u64;
            line = row.last_line + 1;
            prop_assert_eq!(row.last_line, row.line + breaks(id) + breaks(name));
            let mut again = csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(&row.raw[..]);
            let record = again.records().next().unwrap().unwrap();
            prop_assert_eq!(record.iter().collect::<Vec<_>>(), vec![id, name]);
        }
        // The end of the last line may be left, as the parser stops before the `\n` of `\r\n`.
        let left = bytes.len() as u64 - read.last().unwrap().position;
        prop_assert!(left <= if crlf { [1, 1, 2, 2][encoding] } else { 0 }, "{} bytes are left", left);
    }

    /// Nonsense neither panics nor hangs, and reads the same in whatever pieces it comes.
    #[test]
    fn random_bytes_parse_same_in_pieces_of_any_size(
        body in proptest::collection::vec(
            prop_oneof![
                Just(b"P,x\n".to_vec()), Just(b"\"".to_vec()), Just(b"\r".to_vec()), Just(b"\n".to_vec()),
                Just(b"{\"id\":\"P\",\"name\":\"x\"}\n".to_vec()), Just(b"{\"type\":\"STATE\",\"value\":1}\n".to_vec()),
                Just(b"{\"type\":\"RECORD\",\"stream\":\"s\",\"record\":{\"id\":7,\"name\":\"x\"}}\n".to_vec()),
                Just(b"{\"type\":\"SCHEMA\",\"stream\":\"s\",\"schema\":{\"properties\":{\"id\":{},\"name\":{}}}}\n".to_vec()),
                Just(b"\xEF\xBB\xBF".to_vec()), Just(b"\xFF\xFE".to_vec()), Just(b"id,name\n".to_vec()),
                proptest::collection::vec(any::<u8>(), 0..12),
            ],
            0..24,
        ),
        start in 0usize..4,
        format in 0usize..4,
        sizes in proptest::collection::vec(1usize..40, 1..6),
    ) {
        let starts = [
            &b""[..], b"id,name\n", b"\xFF\xFE",
            b"{\"type\":\"SCHEMA\",\"stream\":\"s\",\"schema\":{\"properties\":{\"id\":{},\"name\":{}}}}\n",
        ];
        let format = [None, Some(Format::Csv), Some(Format::Jsonl), Some(Format::Singer)][format];
        let bytes = [starts[start], &body.concat()].concat();
        // What it is taken for is decided by how much comes at first, so that it has to be the same.
        let sizes: Vec<usize> = std::iter::once(64).chain(sizes).collect();
        prop_assert_eq!(seen(&bytes, &sizes, format), seen(&bytes, &[64, 1 << 20], format));
    }

    /// Bytes that mean nothing in the encoding never become text without a problem reported.
    #[test]
    fn decodes_single_byte_encodings(bytes in proptest::collection::vec(0x20u8.., 1..20)) {
        let table = [b"id,name\nP,\"", bytes.iter().filter(|byte| **byte != b'"').copied().collect::<Vec<u8>>().as_slice(), b"\"\n"].concat();
        let input = Input::from_reader(io::Cursor::new(table.clone()), None, Encoding::named("iso-8859-15")).unwrap();
        let row = Table::new().open_input(input, Rules::new("S")).unwrap().next().unwrap().unwrap();
        prop_assert_eq!(row.position, table.len() as u64);
        let (text, _, _) = encoding_rs::ISO_8859_15.decode(&table[11..table.len() - 2]);
        // A cell of blanks looks empty, a no-break space included.
        if !text.trim().is_empty() {
            let expected = cor_http::ProjectUpdate::new("S").name(text.as_ref()).to_json();
            prop_assert_eq!(set(&row).unwrap().1, expected);
        }
    }
}

/// With random inputs a property would fail in one run and pass in the next.
#[test]
fn property_tests_draw_same_inputs_each_time() {
    let seed = ProptestConfig::default().rng_seed;
    assert_ne!(seed, RngSeed::Random, "set PROPTEST_RNG_SEED, as .cargo/config.toml does for cargo");
}

#[test]
fn skips_too_long_row_without_reading_it_as_rows() {
    let lookalike = "Q,sent by mistake\n".repeat(1_000_000);
    for (long, last_line, says) in [
        (
            format!("P,\"{lookalike}\""),
            1_000_002,
            "the row is longer than 16 MiB; the row runs to line 1000002",
        ),
        (format!("P,{}", "x".repeat(20 << 20)), 2, "the row is longer than 16 MiB"),
    ] {
        let table = format!("id,name\n{long}\nR,fine\nS,too\n");
        let mut reader = rows(table.as_bytes(), &[1 << 20], None).unwrap();
        let read = all(reader.as_mut());
        let Content::Rejected(_, problems) = &read[0].content else { panic!("{:?}", read[0].number) };
        assert!(problems[0].message.starts_with(says), "{}", problems[0].message);
        assert_eq!((problems[0].code, read[0].line, read[0].last_line), ("too_long", 2, last_line));
        assert!(read[0].raw.is_empty());
        let rest: Vec<_> = read[1..].iter().map(|row| (row.number, row.line, set(row).unwrap().0)).collect();
        assert_eq!(rest, [(1, last_line + 1, "R"), (2, last_line + 2, "S")]);
        assert_eq!(read[2].position, table.len() as u64);
    }
    let open = format!("id,name\nP,\"{lookalike}");
    let read = all(rows(open.as_bytes(), &[1 << 20], None).unwrap().as_mut());
    assert_eq!(read.len(), 1, "a quotation mark that is never closed takes the rest");

    let line = |n: usize| format!("{{\"id\":\"P\",\"name\":\"{}\"}}\n", "x".repeat(n));
    let lines = [line(1), line(40 << 20), line(2)].concat();
    let read = all(rows(lines.as_bytes(), &[1 << 20], None).unwrap().as_mut());
    let fine: Vec<_> =
        read.iter().map(|row| (row.line, matches!(row.content, Content::Update(..)))).collect();
    assert_eq!(fine, [(1, true), (2, false), (3, true)]);
    assert_eq!(read[2].position, lines.len() as u64);
}

#[test]
fn stops_at_incomplete_final_character() {
    // UTF-16 whose last units are half a pair and something else, or half a unit.
    for end in [&[0xD9, 0xE2, 0xE2, 0xE2][..], &[0xD9, 0xE2], &[0x6E], &[0xD9, 0xE2, 0xE2]] {
        let head = "\u{feff}id,name\nA,".encode_utf16().flat_map(u16::to_be_bytes);
        let bytes: Vec<u8> = head.chain(end.iter().copied()).collect();
        for size in [1, 2, 3, 1000] {
            let mut rows = rows(&bytes, &[size], None).unwrap();
            let all = all(rows.as_mut());
            assert!(
                matches!(all.as_slice(), [Row { content: Content::Rejected(..), .. }]),
                "{end:?} {all:?}"
            );
        }
    }
}

/// What is wrong with each row, or its id where nothing is.
fn judged(text: &str, format: Option<Format>) -> Vec<String> {
    let read = all(rows(text.as_bytes(), &[1000], format).unwrap().as_mut());
    let judged = read.into_iter().map(|row| match row.content {
        Content::Update(id, _) => id,
        Content::Unchanged => "unchanged".to_owned(),
        Content::Rejected(_, problems) => problems[0].message.clone(),
    });
    judged.collect()
}

#[test]
fn rejects_header_line_between_concatenated_files() {
    let again = "repeats the header row, as in two concatenated files; remove the line";
    let mark = "begins with a byte order mark, as in two concatenated files; remove the mark";
    for (text, expected) in [
        ("id,name\nA,a\nid,name\nB,b\n", ["A", again, "B"]),
        ("id,name\nA,a\n\u{feff}id,name\nB,b\n", ["A", again, "B"]),
        ("name,id\na,A\n\u{feff}b,B\nc,C\n", ["A", mark, "C"]),
        ("id,name\nid,x\nname,id\nid,\n", ["id", "name", "unchanged"]),
        // Fed back, with the notes of the run that refused it.
        ("id,name,_line,_outcome,_reason\nA,a\nid,name,3,rejected,x\nB,b,4,rejected,x\n", ["A", again, "B"]),
    ] {
        assert_eq!(judged(text, None), expected, "{text}");
    }
    let within = judged("id,name\n\"A\u{feff}\",a\n", None);
    assert_eq!(within, [r#""A\u{feff}" holds a byte order mark, which is invisible; remove it"#]);
    assert_eq!(judged("{\"id\":\"\u{feff}A\",\"name\":\"a\"}\n", None).len(), 1);
}

#[test]
fn rejects_incomplete_character() {
    let texts = [r#""\ud83d""#, r#""x\udE00""#, r#""\ud83d\ude00""#];
    let lines: String = texts.map(|text| format!("{{\"id\":\"A\",\"name\":{text}}}\n")).concat();
    let half = "contains one half of a surrogate pair (\\ud800 to \\udfff), which is not valid Unicode; write both halves";
    assert_eq!(
        judged(&lines, None),
        [format!(r#""\ud83d" {half}"#), format!(r#""x\udE00" {half}"#), "A".to_owned()]
    );
    let id = judged(r#"{"id":"A\ud83d","name":"a"}"#, None);
    assert_eq!(id, [format!(r#""A\ud83d" {half}"#)]);
}

#[test]
fn malformed_header_is_reported_briefly() {
    let reason = |bytes: &[u8]| rows(bytes, &[1000], None).err().unwrap();
    let nul = reason(b"id,na\0me\nA,a\n");
    assert!(nul.starts_with("the header holds NUL characters, which are not text; "), "{nul}");
    assert_eq!(reason(b"id,name,name\n"), "two columns are called \"name\"; rename one");
    let long = "x".repeat(100_000);
    let mut rows = rows(format!("id,name,{long}\nA,a,b\n").as_bytes(), &[1000], None).unwrap();
    assert_eq!(rows.unused()[0].name, format!("{}…", &long[..100]));
    let reason = reason(format!("id,{long}\nA,a\n").as_bytes());
    assert!(reason.len() < 600, "{reason}");
}

#[test]
fn suggests_untried_encoding_that_decodes_input() {
    let utf_16 = |text: &str, bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect();
    let (latin, cyrillic) = ("id,name\nA,caf\u{e9}\n", "\u{41a}\u{43e}\u{434},name\nA,\u{416}\n");
    let windows_1252 = b"id,name\nA,caf\xE9\n".to_vec();
    let inputs: [(Vec<u8>, &str); 6] = [
        (utf_16(latin, u16::to_le_bytes), "utf-16le"),
        (utf_16(latin, u16::to_be_bytes), "utf-16be"),
        (utf_16(cyrillic, u16::to_le_bytes), "utf-16le"),
        (utf_16("{\"id\":\"A\"}\n", u16::to_be_bytes), "utf-16be"),
        (windows_1252, "windows-1252"),
        (latin.as_bytes().to_vec(), "utf-8"),
    ];
    for (bytes, right) in &inputs {
        for tried in ["utf-8", "utf-16le", "utf-16be", "shift_jis", "euc-kr", "windows-1252"] {
            for size in [1, 4, 1000] {
                let source = Pieces { bytes: bytes.clone(), given: 0, sizes: vec![size], next: 0 };
                let rules = Rules::new("S").id_column(if bytes.contains(&b'i') {
                    "id"
                } else {
                    "\u{41a}\u{43e}\u{434}"
                });
                let opened = Input::from_reader(source, None, Encoding::named(tried))
                    .and_then(|input| Table::new().open_input(input, rules));
                let said = match opened {
                    Err(error) => error.to_string(),
                    Ok(mut rows) => format!("{:?}", rows.next().unwrap().unwrap().content),
                };
                let is_read = *right == tried || (*right == "utf-8" && said.contains("Update"));
                let advises = said.contains(&format!("`encoding` {right}"));
                let misreads = tried == "windows-1252" || (tried == "euc-kr" && said.contains("Update"));
                assert!(
                    is_read || advises || (misreads && !right.starts_with("utf-16")),
                    "{right} {tried} {size}: {said}"
                );
                assert!(!said.contains(&format!("`encoding` {tried}")), "{right} {tried} {size}: {said}");
            }
        }
    }
}

#[test]
fn advises_no_encoding_that_would_misread_other_rows() {
    let save = "correct the file, or save it as UTF-8 (in Excel: CSV UTF-8)";
    for bytes in [
        // A row of UTF-8 before.
        b"id,name\nA,\xC3\xA9\nB,caf\xE9\n".as_slice(),
        // A byte order mark, which counts more than an option.
        b"\xEF\xBB\xBFid,name\nA,a\nB,caf\xE9\n",
        // A byte that windows-1252 has no character for.
        b"id,name\nA,a\nB,caf\x90\n",
        // Half a character in UTF-16.
        b"\xFF\xFEi\0d\0,\0n\0a\0m\0e\0\n\0A\0,\0a\0\n\0B\0,\0\0\xD8\n\0",
    ] {
        let read = all(rows(bytes, &[1000], None).unwrap().as_mut());
        let Content::Rejected(_, problems) = &read[1].content else { panic!("{read:?}") };
        assert!(problems[0].message.ends_with(save), "{}", problems[0].message);
    }
}

#[test]
fn columns_are_matched_without_case_and_blanks() {
    let judge = |table: &str, rules: Rules| {
        let format = if table.starts_with('{') { Format::Jsonl } else { Format::Csv };
        let input = Input::from_reader(io::Cursor::new(table.to_owned()), Some(format), None).unwrap();
        match Table::new().open_input(input, rules) {
            Err(error) => error.to_string(),
            Ok(mut rows) => match rows.next().unwrap().unwrap().content {
                Content::Update(id, update) => format!("{id} {}", update.fields_json()),
                other => format!("{other:?}"),
            },
        }
    };
    let sap = || Rules::new("SAP");
    for (table, rules, expected) in [
        ("ID, Name \nP-1,N\n", sap(), r#"P-1 {"name":"N"}"#),
        ("Id,Estimated_Time\nP-1,5\n", sap(), r#"P-1 {"estimated_time":5}"#),
        ("key,Close\u{a0}Date\nP-1,2025-04-30\n", sap().id_column("Key"), r#"no column sets a field"#),
        (
            "key,Close\u{a0}Date\nP-1,2025-04-30\n",
            sap().id_column("Key").renamed([Rename::parse("close date=end").unwrap()]).unwrap(),
            r#"P-1 {"end":"2025-04-30"}"#,
        ),
        ("id,NAME,brief\nP-1,N,B\n", sap().ignoring(["name"]), r#"P-1 {"brief":"B"}"#),
        ("{\"ID\":\"P-1\",\"Name\":\"N\"}\n", sap(), r#"P-1 {"name":"N"}"#),
        ("id,name,Name\nP-1,a,b\n", sap(), r#"the columns "name" and "Name" differ only in case or blanks"#),
        ("id,ID ,name\nP-1,P-2,b\n", sap(), r#"the columns "id" and "ID " differ only in case or blanks"#),
        ("{\"id\":\"P-1\",\"ID\":\"P-2\",\"name\":\"N\"}\n", sap(), "appears twice"),
        ("{\"id\":\"P-1\",\"Name\":\"a\",\"name\":\"N\"}\n", sap(), "name is already set by Name"),
    ] {
        let found = judge(table, rules);
        assert!(found.contains(expected), "{table:?}: {found}");
    }
}

#[test]
fn reads_quoted_sep_line() {
    for first in ["sep=;", "\"sep=;\""] {
        let mut rows = rows(format!("{first}\nid;name\nP;N\n").as_bytes(), &[5], None).unwrap();
        assert!(matches!(&all(rows.as_mut())[0].content, Content::Update(id, _) if id == "P"), "{first}");
    }
}

#[test]
fn blank_rows_are_skipped_and_counted() {
    let table = "id,name,brief\nP-1,N,\n,,\n\" \",\u{a0},\"\"\n,\nP-2,M,\n   \n";
    let mut rows = rows(table.as_bytes(), &[7], None).unwrap();
    let read = all(rows.as_mut());
    let found: Vec<_> = read
        .iter()
        .map(|row| match &row.content {
            Content::Update(id, _) => (row.line, id.as_str()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(found, [(2, "P-1"), (6, "P-2")]);
    assert_eq!(rows.remarks(), ["4 blank rows were skipped"]);
    assert_eq!(rows.remarks(), [""; 0], "once");
    let blank_id = judged("id,name\n\" \",N\n", None);
    assert_eq!(blank_id, ["contains only blanks; pass the id that the project has in its source"]);
}

#[test]
fn tap_is_recognised_in_pieces_of_any_size() {
    let stream = br#"{"type": "STATE", "value": {}}"#;
    for size in [1, 5, 17, 1000] {
        let error = rows(stream, &[size], None).err().unwrap_or_default();
        let pieces = Pieces { bytes: stream.to_vec(), given: 0, sizes: vec![size], next: 0 };
        assert_eq!(
            Input::from_reader(pieces, None, None).unwrap().format(),
            Format::Singer,
            "{size}: {error}"
        );
    }
}

#[test]
fn id_has_one_problem_for_any_column_spelling() {
    for (table, format) in
        [("{\"ID\":7,\"name\":\"N\"}\n", Format::Jsonl), ("ID,name\n\" \",N\n", Format::Csv)]
    {
        let read = all(rows(table.as_bytes(), &[1000], Some(format)).unwrap().as_mut());
        let Content::Rejected(_, problems) = &read[0].content else { panic!("{:?}", read[0]) };
        assert_eq!(problems.len(), 1, "{problems:?}");
    }
}

#[test]
fn reports_unknown_key_once_for_any_spelling() {
    for key in ["x".repeat(200), String::new(), "a\tb".to_owned()] {
        let line = format!("{}\n", serde_json::json!({"id": "P", "name": "N", key: 1}));
        let table = line.repeat(3);
        let mut rows = rows(table.as_bytes(), &[1000], Some(Format::Jsonl)).unwrap();
        assert_eq!(all(rows.as_mut()).len(), 3);
        assert_eq!(rows.unused().len(), 1);
    }
}

#[test]
fn record_may_lack_all_mapped_columns() {
    let stream = concat!(
        r#"{"type":"SCHEMA","stream":"s","schema":{"properties":{"id":{},"name":{},"owner":{}}},"key_properties":["id"]}"#,
        "\n",
        r#"{"type":"RECORD","stream":"s","record":{"id":"P-1","owner":"Kim"}}"#,
        "\n"
    );
    assert_eq!(judged(stream, Some(Format::Singer)), ["unchanged"]);
}

#[test]
fn json_lines_without_mapped_field_end_run() {
    let mut rows = rows(b"{\"id\":\"P\",\"nme\":\"N\"}\n", &[1000], Some(Format::Jsonl)).unwrap();
    assert!(matches!(rows.next().unwrap().unwrap().content, Content::Rejected(..)));
    let error = rows.next().unwrap_err();
    let reason = error.config_error().unwrap().to_string();
    assert!(
        reason.contains("no column sets a field") && reason.contains("did you mean \"name\""),
        "{reason}"
    );
}

#[test]
fn key_of_stream_is_the_id_unless_a_column_is_named() {
    let stream = |key: &str| {
        let text = format!(
            "{{\"type\":\"SCHEMA\",\"stream\":\"s\",\"schema\":{{\"properties\":{{\"id\":{{}},\"key\":{{}},\"name\":{{}}}}}},\
             \"key_properties\":{key}}}\n\
             {{\"type\":\"RECORD\",\"stream\":\"s\",\"record\":{{\"id\":\"by id\",\"key\":\"by key\",\"name\":\"N\"}}}}\n"
        );
        Input::from_reader(std::io::Cursor::new(text.into_bytes()), Some(Format::Singer), None).unwrap()
    };
    let by_key = TableOptions { source: Some("S".to_owned()), key_as_id: true, ..TableOptions::default() };
    let named = TableOptions { id_column: Some("id".to_owned()), ..by_key.clone() };
    let not_asked = TableOptions { key_as_id: false, ..by_key.clone() };
    for (options, key, expected) in [
        (&by_key, r#"["key"]"#, "by key"),
        (&by_key, r#"["key","name"]"#, "by id"),
        (&by_key, "[]", "by id"),
        (&named, r#"["key"]"#, "by id"),
        (&not_asked, r#"["key"]"#, "by id"),
    ] {
        let (table, rules) = options.read().unwrap();
        let row = table.open_input(stream(key), rules).unwrap().next().unwrap().unwrap();
        assert!(matches!(&row.content, Content::Update(id, _) if id == expected), "{key}: {:?}", row.content);
    }
}

fn with_options(text: &'static str, options: &TableOptions) -> Result<Box<dyn Rows>, String> {
    let (table, rules) = options.read().map_err(|error| error.to_string())?;
    table.open_input(Input::embedded(text), rules).map_err(|error| error.to_string())
}

fn dated(formats: &[&str]) -> TableOptions {
    TableOptions {
        source: Some("S".to_owned()),
        map: vec!["Close=end".to_owned()],
        date_format: formats.iter().map(|format| (*format).to_owned()).collect(),
        ..TableOptions::default()
    }
}

#[test]
fn date_format_applies_to_one_column_or_to_all() {
    let text = "id,start,Close\nP,2025-04-05,30/04/2025\n";
    let set_by = |formats: &[&str]| {
        let rows = with_options(text, &dated(formats)).map(|mut rows| all(rows.as_mut()));
        rows.map(|rows| match &rows[0].content {
            Content::Update(_, update) => update.to_json().split_once("},").unwrap().1.to_owned(),
            content => format!("{content:?}"),
        })
    };
    let both = r#""start":"2025-04-05","end":"2025-04-30"}"#;
    assert_eq!(set_by(&["Close=%d/%m/%Y"]).as_deref(), Ok(both));
    assert_eq!(set_by(&["%d/%m/%Y", "start=%Y-%m-%d"]).as_deref(), Ok(both));
    assert!(set_by(&["%d/%m/%Y"]).unwrap().contains("is not a day written as %d/%m/%Y"));
    for (formats, says) in [
        (&["%d/%m/%Y", "%m/%d/%Y"][..], "date_format: %d/%m/%Y and %m/%d/%Y both apply to every column"),
        (
            &["Clsoe=%d/%m/%Y"],
            "date_format \"Clsoe=%d/%m/%Y\": the column \"Clsoe\" sets no field with a date",
        ),
        (&["Close=%d/%m"], "does not describe a whole date"),
        (&["Close=%d/%m/%Y", "close =%m/%d/%Y"], "the column \"close \" has a format already; name it once"),
        (&["end=%d/%m/%Y"], "sets no field with a date"),
    ] {
        let unusable = set_by(formats).unwrap_err();
        assert!(unusable.contains(says), "{unusable}");
    }
}

#[test]
fn suggests_column_format_only_if_certain() {
    let message = |row: &Row| match &row.content {
        Content::Rejected(_, problems) => crate::sentence(problems),
        content => format!("{content:?}"),
    };
    let hours = TableOptions {
        map: vec!["hours=estimated_time".to_owned()],
        source: Some("S".to_owned()),
        ..TableOptions::default()
    };
    let certain = "id,Close,estimated\nP,04/05/2025,\"1.234,50\"\nQ,15/04/2025,7\n";
    let mut rows = with_options(certain, &dated(&[])).unwrap();
    let read = all(rows.as_mut());
    assert!(message(&read[0]).contains("; if the dates have another format, set `date_format`"), "{read:?}");
    assert!(
        message(&read[0]).ends_with("; to read this value, set `decimal` \",\" and `thousands` \".\""),
        "{}",
        message(&read[0])
    );
    assert!(message(&read[1]).ends_with("; to read this value, set `date_format` \"%d/%m/%Y\""), "{read:?}");
    assert_eq!(
        rows.remarks(),
        [
            "Close: 2 values are not written as YYYY-MM-DD; one format reads all of them: set `date_format` to \
             \"Close=%d/%m/%Y\"",
            "estimated: 1 value is not a plain number; one format reads all of them: set `decimal` to \",\" and set \
             `thousands` to \".\"; this applies to every column with numbers",
        ]
    );
    // A point that was read as the decimal sign, and columns that contradict each other.
    for table in ["id,estimated,hours\nP,\"1.234,5\",1.500\n", "id,estimated,hours\nP,\"1,5\",\"1,234.5\"\n"]
    {
        let mut rows = with_options(table, &hours).unwrap();
        all(rows.as_mut());
        let remarks = rows.remarks();
        assert!(
            remarks[0].ends_with("set `decimal` and `thousands` of each in a mapping file"),
            "{remarks:?}"
        );
    }
    let mut rows = with_options("id,Close\nP,04/05/2025\n", &dated(&[])).unwrap();
    all(rows.as_mut());
    let either = "Close: 1 value is not written as YYYY-MM-DD; each of these formats reads all of them: %d/%m/%Y, %m/%d/%Y; \
                  set `date_format` to the right one";
    assert_eq!(rows.remarks(), [either]);
    let wrong = dated(&["Close=%m/%d/%Y"]);
    let mut rows = with_options("id,Close\nP,15/04/2025\n", &wrong).unwrap();
    all(rows.as_mut());
    assert!(rows.remarks()[0].ends_with("set `date_format` to \"Close=%d/%m/%Y\""));
    for mixed in [
        "id,Close\nP,15/04/2025\nQ,04/15/2025\n",
        "id,Close\nP,2025-04-30\nQ,15/04/2025\n",
        "id,estimated\nP,1.5\nQ,\"1,5\"\n",
    ] {
        let options =
            if mixed.contains("Close") { dated(&[]) } else { TableOptions { map: Vec::new(), ..dated(&[]) } };
        let mut rows = with_options(mixed, &options).unwrap();
        all(rows.as_mut());
        assert_eq!(rows.remarks(), [""; 0], "{mixed}");
    }
    let german = "id,estimated\nP,1.234\nQ,\"1.234,50\"\n";
    let mut rows = with_options(german, &TableOptions { map: Vec::new(), ..dated(&[]) }).unwrap();
    all(rows.as_mut());
    assert!(rows.remarks()[0].contains("set `decimal` to \",\" and set `thousands` to \".\"; "));
}
