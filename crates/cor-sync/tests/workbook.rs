//! Workbooks that are made up, part by part.
#![cfg(feature = "workbook")]
#![allow(clippy::unwrap_used, reason = "in a test a surprise may panic")]

use std::io::{Cursor, Write};

use cor_sync::{
    Content, Format, Input, NOTES, Rename, Rows, Rules, SHEET_NOTE, Style, Table, UnusedColumn, sentence,
};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// An archive with these parts.
fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in parts {
        archive.start_file(*name, SimpleFileOptions::default()).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

const TYPES: &[u8] =
    br#"<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>"#;
/// Formats 1 and 2 are of a day and of a day with a time, 3 is of a duration.
const STYLES: &[u8] = br#"<?xml version="1.0"?><styleSheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">
    <numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy-mm-dd"/><numFmt numFmtId="165" formatCode="[h]:mm"/></numFmts>
    <cellXfs count="4"><xf numFmtId="0"/><xf numFmtId="164"/><xf numFmtId="22"/><xf numFmtId="165"/></cellXfs></styleSheet>"#;

/// A workbook with these sheets: the name, `visible` or `hidden`, and its rows.
fn xlsx(about: &str, sheets: &[(&str, &str, &str)]) -> Vec<u8> {
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let (mut list, mut links) = (String::new(), String::new());
    let mut parts = vec![
        ("[Content_Types].xml".to_owned(), TYPES.to_vec()),
        ("xl/styles.xml".to_owned(), STYLES.to_vec()),
    ];
    for (at, (name, state, rows)) in sheets.iter().enumerate() {
        list += &format!(r#"<sheet name="{name}" sheetId="{at}" state="{state}" r:id="rId{at}"/>"#);
        links += &format!(
            r#"<Relationship Id="rId{at}" Type="{relations}/worksheet" Target="worksheets/sheet{at}.xml"/>"#
        );
        let sheet = format!(
            r#"<?xml version="1.0"?><worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>"#
        );
        parts.push((format!("xl/worksheets/sheet{at}.xml"), sheet.into_bytes()));
    }
    let workbook = format!(
        r#"<?xml version="1.0"?><workbook xmlns="{main}" xmlns:r="{relations}">{about}<sheets>{list}</sheets></workbook>"#
    );
    parts.push(("xl/workbook.xml".to_owned(), workbook.into_bytes()));
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    let root = format!(
        r#"<?xml version="1.0"?><Relationships xmlns="{package}"><Relationship Id="rId1" Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>"#
    );
    parts.push(("_rels/.rels".to_owned(), root.into_bytes()));
    let links = format!(r#"<?xml version="1.0"?><Relationships xmlns="{package}">{links}</Relationships>"#);
    parts.push(("xl/_rels/workbook.xml.rels".to_owned(), links.into_bytes()));
    let parts: Vec<_> = parts.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
    archive(&parts)
}

/// A row of cells: `text`, `=formula`, `#error`, or XML; an empty one is none.
fn row(number: u32, cells: &[&str]) -> String {
    let cells = cells.iter().enumerate().map(|(at, cell)| {
        let place = format!("{}{number}", char::from(b'A' + u8::try_from(at).unwrap()));
        match *cell {
            "" => String::new(),
            xml if xml.starts_with('<') => xml.replacen("<c", &format!(r#"<c r="{place}""#), 1),
            error if error.starts_with('#') => format!(r#"<c r="{place}" t="e"><v>{error}</v></c>"#),
            formula if formula.starts_with('=') => format!(r#"<c r="{place}"><f>{}</f></c>"#, &formula[1..]),
            text => {
                format!(r#"<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>"#)
            }
        }
    });
    format!(r#"<row r="{number}">{}</row>"#, cells.collect::<String>())
}

const SHEET: &str = "Deals";

fn deals(rows: &str) -> Vec<u8> {
    xlsx("", &[(SHEET, "visible", rows)])
}

fn open(bytes: &[u8], table: Table, rules: Rules) -> Result<Box<dyn Rows>, String> {
    let input =
        Input::from_reader(Cursor::new(bytes.to_vec()), None, None).map_err(|error| error.to_string())?;
    table.open_input(input, rules).map_err(|error| error.to_string())
}

/// Each row as its number, its id and what it sets, or what is wrong with it.
fn read(rows: &mut dyn Rows) -> Vec<String> {
    let rows = std::iter::from_fn(|| rows.next().unwrap());
    rows.map(|row| match row.content {
        Content::Update(id, update) => {
            let json = update.to_json();
            format!("{} {id} {}", row.line, json.split_once("},").unwrap().1.trim_end_matches('}'))
        }
        Content::Unchanged => format!("{} unchanged", row.line),
        Content::Rejected(_, problems) => format!("{} {}", row.line, sentence(&problems)),
    })
    .collect()
}

fn all(bytes: &[u8]) -> Vec<String> {
    read(open(bytes, Table::new(), Rules::new("S")).unwrap().as_mut())
}

const HEADER: [&str; 6] = ["id", "name", "end", "estimated", "billable", "owner"];

#[test]
fn reads_cells_by_their_type() {
    let rows = [
        row(1, &HEADER),
        row(
            2,
            &[
                "007",
                "A &amp; B",
                r#"<c s="1"><v>45808</v></c>"#,
                "<c><v>18000.1</v></c>",
                r#"<c t="b"><v>1</v></c>"#,
            ],
        ),
        row(3, &["<c><v>900123456789012</v></c>", "Café", "2025-07-31", "<c><v>2.5E2</v></c>"]),
        row(5, &["P-5", "", r#"<c s="2"><v>45900.641099537</v></c>"#]),
        row(6, &["P-6", "", "", "=1+1"]),
        row(7, &["P-7", "", "", "#N/A"]),
        row(8, &["P-8", "", r#"<c s="1"><v>0.5</v></c>"#, "18000.10"]),
        row(9, &["P-9", "", r#"<c s="3"><v>1.5</v></c>"#, r#"<c><f>SUM(D2:D3)</f><v>7</v></c>"#]),
        row(10, &["<c><v>1.5</v></c>", "X"]),
        row(11, &["", "X"]),
        row(12, &["P-12", "", "", "", "", "#REF!"]),
    ];
    let found = all(&deals(&rows.concat()));
    let expected = [
        r#"2 007 "name":"A & B","end":"2025-05-31","billable":true,"estimated":18000.1"#,
        r#"3 900123456789012 "name":"Café","end":"2025-07-31","estimated":250"#,
        "5 end: \"2025-08-31T15:23:11\" has a time of day",
        "6 estimated: Deals!D6 is a formula without a calculated value; open the workbook",
        "7 estimated: Deals!D7 is the error #N/A; correct the cell",
        "8 end: Deals!C8 is a time of day without a day; estimated: \"18000.10\" is text, not a number; enter it as a number",
        "9 end: Deals!C9 is a duration; write it as a number of hours",
        "10 id: Deals!A10 is the number 1.5, which is not a whole number; format the column as text",
        "11 id: is missing in this row",
        "12 unchanged",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found} is not {expected}");
    }
}

#[test]
fn reads_days_of_1904_date_system() {
    let rows = [row(1, &["id", "end"]), row(2, &["P", r#"<c s="1"><v>44346</v></c>"#])].concat();
    let bytes = xlsx(r#"<workbookPr date1904="1"/>"#, &[(SHEET, "visible", &rows)]);
    assert_eq!(all(&bytes), [r#"2 P "end":"2025-05-31""#]);
}

#[test]
fn refuses_zero_of_uncalculated_formula() {
    let zero = "<c><f>SUM(B2:B3)</f><v>0</v></c>";
    let rows =
        [row(1, &["id", "estimated"]), row(2, &["P", zero]), row(3, &["Q", "<c><v>0</v></c>"])].concat();
    assert_eq!(all(&deals(&rows)), [r#"2 P "estimated":0"#, r#"3 Q "estimated":0"#]);
    let bytes = xlsx(r#"<calcPr calcId="124519" fullCalcOnLoad="1"/>"#, &[(SHEET, "visible", &rows)]);
    let found = all(&bytes);
    assert!(found[0].contains("Deals!B2 is a formula without a calculated value"), "{found:?}");
    assert_eq!(found[1], r#"3 Q "estimated":0"#);
}

#[test]
fn reads_first_visible_sheet_unless_chosen() {
    let sheet = |id: &str| [row(1, &["id", "name"]), row(2, &[id, "x"])].concat();
    let (old, first, second) = (sheet("OLD"), sheet("FIRST"), sheet("SECOND"));
    let bytes =
        xlsx("", &[("Old", "hidden", &old), ("Q1 deals", "visible", &first), ("Q2", "visible", &second)]);
    let id = |sheet: Option<&str>| {
        let table = Table::new().sheet(sheet.map(str::to_owned));
        let mut rows = open(&bytes, table, Rules::new("S"))?;
        let notes = rows.notes();
        assert_eq!(notes.len(), usize::from(sheet.is_none()), "{notes:?}");
        Ok::<_, String>(read(rows.as_mut())[0].split(' ').nth(1).unwrap().to_owned())
    };
    for (sheet, expected) in [
        (None, "FIRST"),
        (Some("1"), "FIRST"),
        (Some("2"), "SECOND"),
        (Some("Q2"), "SECOND"),
        (Some("Old"), "OLD"),
    ] {
        assert_eq!(id(sheet).as_deref(), Ok(expected), "{sheet:?}");
    }
    let unknown = id(Some("Q1 Deal")).unwrap_err();
    assert_eq!(unknown, "sheet \"Q1 Deal\": the workbook has no such sheet; did you mean \"Q1 deals\"?");
    assert!(id(Some("3")).unwrap_err().contains("no such sheet"));
    let empty = xlsx("", &[("Cover", "visible", ""), ("Q1", "visible", &first)]);
    let unusable = open(&empty, Table::new(), Rules::new("S")).unwrap_err();
    assert!(
        unusable.contains(
            "its first sheet, \"Cover\", is empty; sheets with data are Q1; set `sheet` to the name"
        ),
        "{unusable}"
    );
}

#[test]
fn header_below_title_is_found_or_named() {
    let rows = [
        row(1, &["Pipeline report"]),
        row(2, &["Printed 2025-06-01"]),
        row(4, &["id", "name", "end"]),
        row(5, &["R-1", "x", r#"<c s="1"><v>45777</v></c>"#]),
        row(8, &["R-2", "y"]),
    ];
    let bytes = deals(&rows.concat());
    let mut rows = open(&bytes, Table::new(), Rules::new("S")).unwrap();
    assert_eq!(rows.notes(), ["the header is row 4 of the sheet; rows above it are not read"]);
    assert_eq!(read(rows.as_mut()), [r#"5 R-1 "name":"x","end":"2025-04-30""#, r#"8 R-2 "name":"y""#]);
    assert_eq!(rows.remarks(), ["2 blank rows were skipped"]);
    assert_eq!(read(open(&bytes, Table::new().header_row(4), Rules::new("S")).unwrap().as_mut()).len(), 2);

    let unusable = open(&bytes, Table::new(), Rules::new("S").id_column("opportunity")).unwrap_err();
    assert!(
        unusable
            .starts_with("row 1 of the sheet \"Deals\" cannot be used as the header: no column is called"),
        "{unusable}"
    );
    assert!(
        unusable.contains("; row 4 looks like the header: id, name, end; set `header_row` to 4"),
        "{unusable}"
    );
    for (row, says) in
        [(3, "header_row 3: this row of the sheet \"Deals\" is empty"), (5, "row 5 of the sheet")]
    {
        let unusable = open(&bytes, Table::new().header_row(row), Rules::new("S")).unwrap_err();
        assert!(unusable.starts_with(says), "{unusable}");
        assert!(!unusable.contains("looks like"), "{unusable}");
    }
}

#[test]
fn cells_outside_of_header_are_named() {
    let rows =
        [row(2, &["", "id", "name"]), row(3, &["", "P", "x", "", "a note"]), row(4, &["", " ", ""])].concat();
    let mut rows = open(&deals(&rows), Table::new(), Rules::new("S")).unwrap();
    assert_eq!(UnusedColumn::listed(&rows.unused()), "column E");
    assert_eq!(read(rows.as_mut()), [r#"3 P "name":"x""#]);
    assert_eq!(rows.remarks(), ["1 blank row was skipped"]);
}

#[test]
fn rejected_rows_are_csv_with_same_values() {
    let rows = [
        row(1, &HEADER),
        row(
            2,
            &[
                "007",
                "say &quot;hi&quot;, Kim",
                r#"<c s="1"><v>45808</v></c>"#,
                "<c><v>18000.1</v></c>",
                r#"<c t="b"><v>0</v></c>"#,
            ],
        ),
        row(3, &["<c><v>12</v></c>", "", r#"<c s="2"><v>45900.641099537</v></c>"#, "#N/A", "", "=1"]),
    ];
    for (rules, day, amount) in [
        (Rules::new("S"), "2025-05-31", "18000.1"),
        (
            Rules::new("S").date_format("%d.%m.%Y").unwrap().number_format(Some(','), Some('.')).unwrap(),
            "31.05.2025",
            "\"18000,1\"",
        ),
    ] {
        let mut table = open(&deals(&rows.concat()), Table::new().keep_raw(true), rules.clone()).unwrap();
        assert!(matches!(table.style(), Style::Csv(_)));
        let read: Vec<_> = std::iter::from_fn(|| table.next().unwrap()).collect();
        let raw: Vec<_> = read.iter().map(|row| String::from_utf8(row.raw.clone()).unwrap()).collect();
        assert_eq!(raw[0], format!("007,\"say \"\"hi\"\", Kim\",{day},{amount},false,,Deals"));
        assert_eq!(raw[1], "12,,2025-08-31T15:23:11,#CORRECT #N/A,,#FORMULA,Deals");
        let header: Vec<_> = HEADER.into_iter().chain([SHEET_NOTE]).chain(NOTES).collect();
        let again = format!("{}\r\n{},2,rejected,why\r\n", header.join(","), raw[0]);
        let input = Input::from_reader(Cursor::new(again.into_bytes()), None, None).unwrap();
        let mut again = Table::new().open_input(input, rules).unwrap();
        let Some(Content::Update(_, update)) = again.next().unwrap().map(|row| row.content) else { panic!() };
        let Content::Update(_, before) = &read[0].content else { panic!() };
        assert_eq!(&update, before);
        assert_eq!(UnusedColumn::listed(&again.unused()), "owner");
    }
}

#[test]
fn rejected_cells_are_refused_until_they_are_corrected() {
    // A number that is no id, a number in a text field, an error, a formula without a value.
    let header = row(1, &["id", "name", "brief", "estimated"]);
    let rows = [
        row(2, &["<c><v>1.5</v></c>", "x", "", "<c><v>1</v></c>"]),
        row(3, &["P-1", "<c><v>1.25</v></c>", "#N/A", "=1"]),
    ];
    let rules = Rules::new("S");
    let bytes = xlsx("", &[("Deals", "visible", &[header, rows.concat()].concat())]);
    let mut table = open(&bytes, Table::new().keep_raw(true), rules.clone()).unwrap();
    let raw: Vec<_> =
        std::iter::from_fn(|| table.next().unwrap()).map(|row| String::from_utf8(row.raw).unwrap()).collect();
    assert_eq!(raw, ["#CORRECT 1.5,x,,1,Deals", "P-1,#CORRECT 1.25,#CORRECT #N/A,#CORRECT #FORMULA,Deals"]);
    let again = format!("id,name,brief,estimated,{SHEET_NOTE}\r\n{}\r\n{}\r\n", raw[0], raw[1]);
    let input = Input::from_reader(Cursor::new(again.into_bytes()), None, None).unwrap();
    let mut again = Table::new().open_input(input, rules).unwrap();
    for problems in [1, 3] {
        let Some(Content::Rejected(_, found)) = again.next().unwrap().map(|row| row.content) else {
            panic!()
        };
        let says = |problem: &cor_sync::Problem| {
            problem.message.contains("is a rejected cell of a workbook; write the value in its place")
        };
        assert_eq!(found.iter().filter(|problem| says(problem)).count(), problems, "{found:?}");
    }
}

#[test]
fn columns_are_mapped_by_rules() {
    let rows = [row(1, &["Deal", "Close", "Close "]), row(2, &["P", "2025-04-30", "x"])].concat();
    let rules = Rules::new("S").id_column("deal").renamed([Rename::parse("Close=end").unwrap()]).unwrap();
    let unusable = open(&deals(&rows), Table::new(), rules).unwrap_err();
    assert!(unusable.contains("differ only in case or blanks"), "{unusable}");
}

const CONTENT: &str = r#"<?xml version="1.0"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
    xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0">
    <office:body><office:spreadsheet><table:table table:name="Deals">ROWS</table:table></office:spreadsheet></office:body>
    </office:document-content>"#;

fn ods(rows: &[&[&str]]) -> Vec<u8> {
    let cell = |cell: &&str| match *cell {
        xml if xml.starts_with('<') => xml.to_owned(),
        text => format!(
            r#"<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>"#
        ),
    };
    let row = |cells: &&[&str]| {
        format!("<table:table-row>{}</table:table-row>", cells.iter().map(cell).collect::<String>())
    };
    let content = CONTENT.replace("ROWS", &rows.iter().map(row).collect::<String>());
    let manifest = br#"<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>"#;
    archive(&[
        ("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        ("content.xml", content.as_bytes()),
        ("META-INF/manifest.xml", manifest),
    ])
}

#[test]
fn spreadsheet_of_opendocument_is_read() {
    let typed =
        |kind: &str, value: &str| format!(r#"<table:table-cell office:value-type="{kind}" {value}/>"#);
    let (day, number) =
        (typed("date", r#"office:date-value="2025-04-30""#), typed("float", r#"office:value="18000.1""#));
    let moment = typed("date", r#"office:date-value="2025-04-30T15:23:11""#);
    let error = r##"<table:table-cell table:formula="of:=NA()" office:value-type="string"><text:p>#N/A</text:p></table:table-cell>"##;
    let bytes = ods(&[
        &["id", "name", "end", "estimated"],
        &["007", "Café", &day, &number],
        &["P-2", "x", &moment, error],
        &["P-3", "#N/A"],
    ]);
    let found = all(&bytes);
    assert_eq!(found[0], r#"2 007 "name":"Café","end":"2025-04-30","estimated":18000.1"#);
    assert!(found[1].starts_with("3 end: \"2025-04-30T15:23:11\" has a time of day"), "{found:?}");
    assert!(found[1].ends_with("estimated: Deals!D3 is the error #N/A; correct the cell"), "{found:?}");
    assert_eq!(found[2], r##"4 P-3 "name":"#N/A""##, "a text is a text");
}

/// The container of older files, with one part of this name and without content.
fn container(part: &str) -> Vec<u8> {
    let (end, free) = (0xFFFF_FFFE_u32, u32::MAX);
    let mut header = vec![0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
    header.extend([0; 16]);
    // Versions, order of bytes, sizes of sectors (2^9) and small sectors (2^6).
    header.extend([0x3E, 0, 3, 0, 0xFE, 0xFF, 9, 0, 6, 0, 0, 0, 0, 0, 0, 0]);
    // Sectors: one of the allocation table, the directory in the second.
    header.extend([0, 1, 1, 0, 4096, end, 0, end, 0, 0].iter().flat_map(|n: &u32| n.to_le_bytes()));
    let fill = |mut sector: Vec<u8>| {
        while sector.len() < 512 {
            sector.extend(free.to_le_bytes());
        }
        sector
    };
    let table = [0xFFFF_FFFD, end].iter().flat_map(|n: &u32| n.to_le_bytes()).collect();
    let entry = |name: &str, kind: u8| {
        let mut entry: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        entry.resize(64, 0);
        entry.extend(u16::try_from(2 * name.len() + 2).unwrap().to_le_bytes());
        entry.extend([kind, 1]);
        entry.extend([free, free, if kind == 5 { 1 } else { free }].iter().flat_map(|n| n.to_le_bytes()));
        entry.resize(116, 0);
        entry.extend(end.to_le_bytes());
        entry.resize(128, 0);
        entry
    };
    let directory = [entry("Root Entry", 5), entry(part, 2), vec![0; 256]].concat();
    [fill(header), fill(table), directory].concat()
}

#[test]
fn files_that_are_no_workbook_are_named() {
    let whole = deals(&row(1, &["id", "name"]));
    let ole = [&[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1][..], &[0; 600]].concat();
    for (bytes, says) in [
        (&whole[..whole.len() / 2], "it is damaged or incomplete"),
        (&container("EncryptedPackage"), "it is protected by a password"),
        (&container("WordDocument"), "it is damaged or incomplete"),
        (&ole, "it is damaged or incomplete"),
        (&archive(&[("deals.csv", b"id,name\n")]), "it is a compressed archive without a workbook"),
        (
            &archive(&[("mimetype", b"application/vnd.oasis.opendocument.text"), ("content.xml", b"<a/>")]),
            "it is an OpenDocument file, but not a spreadsheet",
        ),
        (&archive(&[("xl/workbook.xml", b"<workbook/>")]), "the workbook cannot be read: "),
    ] {
        let unusable = open(bytes, Table::new(), Rules::new("S")).unwrap_err();
        assert!(unusable.contains(says), "{unusable}");
    }
    let input = |format| Input::from_reader(Cursor::new(whole.clone()), Some(format), None).map(|_| ());
    assert_eq!(input(Format::Workbook), Ok(()));
    assert!(
        input(Format::Csv)
            .unwrap_err()
            .to_string()
            .contains("the format is set to csv; leave the format out")
    );
    let text = Input::from_reader(&b"id,name\n"[..], Some(Format::Workbook), None).unwrap_err();
    assert!(text.to_string().contains("it is not a workbook"), "{text}");
    let text = Input::from_reader(&b"id,name\n"[..], None, None).unwrap();
    let unusable =
        Table::new().sheet("x".to_owned()).header_row(2).open_input(text, Rules::new("S")).unwrap_err();
    assert_eq!(unusable.0.len(), 2, "{unusable}");
}

/// A record of a binary workbook: its kind, its length, its content.
fn record(kind: u16, content: &[&[u8]]) -> Vec<u8> {
    let content = content.concat();
    let low = u8::try_from(kind & 0x7F).unwrap();
    let mut record = if kind < 0x80 { vec![low] } else { vec![low | 0x80, u8::try_from(kind >> 7).unwrap()] };
    record.push(u8::try_from(content.len()).unwrap());
    [record, content].concat()
}

fn wide(text: &str) -> Vec<u8> {
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    [&u32::try_from(units.len() / 2).unwrap().to_le_bytes()[..], &units].concat()
}

/// A binary workbook with one sheet, in which the formats 0 and 1 are of numbers and of days.
fn xlsb(rows: &[&[(u16, Vec<u8>)]]) -> Vec<u8> {
    let sheet = record(0x9C, &[&[0; 4], &[1, 0, 0, 0], &wide("rId1"), &wide(SHEET)]);
    let workbook = [record(0x99, &[&[0; 12]]), sheet, record(0x90, &[]), record(0x84, &[])].concat();
    let format = |kind: u16| record(0x2F, &[&[0; 2], &kind.to_le_bytes(), &[0; 12]]);
    let styles = [record(0x269, &[&[2, 0, 0, 0]]), format(0), format(14)].concat();
    let mut parts = vec![record(0x94, &[&[0; 16]]), record(0x91, &[])];
    for (number, cells) in (0u32..).zip(rows) {
        parts.push(record(0, &[&number.to_le_bytes(), &[0; 13]]));
        for (column, (kind, content)) in (0u32..).zip(*cells) {
            parts.push(record(*kind, &[&column.to_le_bytes(), content]));
        }
    }
    parts.push(record(0x92, &[]));
    let package = "http://schemas.openxmlformats.org/package/2006/relationships";
    let links = format!(
        r#"<Relationships xmlns="{package}"><Relationship Id="rId1" Type="worksheet" Target="worksheets/sheet1.bin"/></Relationships>"#
    );
    archive(&[
        ("[Content_Types].xml", TYPES),
        ("xl/workbook.bin", &workbook),
        ("xl/_rels/workbook.bin.rels", links.as_bytes()),
        ("xl/styles.bin", &styles),
        ("xl/worksheets/sheet1.bin", &parts.concat()),
    ])
}

#[test]
fn binary_workbook_is_read() {
    let text = |text: &str| (6, [vec![0; 4], wide(text)].concat());
    let number =
        |number: f64, format: u8| (5, [vec![format, 0, 0, 0], number.to_le_bytes().to_vec()].concat());
    let (yes, error) = ((4, vec![0, 0, 0, 0, 1]), (3, vec![0, 0, 0, 0, 0x2A]));
    let header = ["id", "name", "end", "estimated", "billable"].map(text);
    let bytes = xlsb(&[
        &header,
        &[text("007"), text("Café"), number(45808.0, 1), number(18000.1, 0), yes],
        &[number(900_123_456_789_012.0, 0), text("x"), number(45808.5, 1), error],
    ]);
    let found = all(&bytes);
    assert_eq!(found[0], r#"2 007 "name":"Café","end":"2025-05-31","billable":true,"estimated":18000.1"#);
    assert!(found[1].starts_with("3 end: \"2025-05-31T12:00:00\" has a time of day"), "{found:?}");
    assert!(found[1].ends_with("estimated: Deals!D3 is the error #N/A; correct the cell"), "{found:?}");
}

#[test]
fn damage_at_any_byte_neither_panics_nor_hangs() {
    let rows =
        [row(1, &HEADER), row(2, &["007", "x", r#"<c s="1"><v>45808</v></c>"#, "=1", "#N/A"])].concat();
    for whole in [deals(&rows), ods(&[&["id", "name"], &["007", "x"]])] {
        for at in (0..whole.len()).step_by(7) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x55;
            let _ = open(&bytes, Table::new(), Rules::new("S")).map(|mut rows| read(rows.as_mut()));
        }
    }
}
