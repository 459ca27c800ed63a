//! Parquet files: one that pyarrow wrote, and such as are made up here.
#![cfg(feature = "parquet")]
#![allow(clippy::unwrap_used, reason = "in a test a surprise may panic")]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cor_sync::{
    Content, DayIn, Format, Input, Origin, Rename, Row, Rows, Rules, Table, UnusedColumn, sentence,
};
use parquet::data_type::{ByteArray, ByteArrayType, FloatType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// Four rows in two groups, zstd, written by pyarrow 26:
///
/// key int64 (9007199254740993, 7, null, 8), name ("Café", null, "no key", ""), client_id int32 (42, null, 1, 2),
/// start timestamp[us] (2025-01-15, null, null, 2025-01-15 10:30), end date32 (2025-04-30, 1969-12-31, null, null),
/// estimated decimal128(12, 2) (18000.10, -0.05, null, null), estimated_time double (0.1, NaN, null, 250.0),
/// billable (true, false, null, null), tags list<string>, seen timestamp[ms, UTC]
fn by_pyarrow() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pyarrow.parquet")
}

fn rules() -> Rules {
    Rules::new("S").id_column("key")
}

fn open(path: &Path, rules: Rules) -> Result<Box<dyn Rows>, String> {
    Table::new()
        .keep_raw(true)
        .open(&Origin::new(path.to_owned()), rules)
        .map_err(|unusable| unusable.to_string())
}

fn all(rows: &mut dyn Rows) -> Vec<Row> {
    std::iter::from_fn(|| rows.next().unwrap()).collect()
}

fn seen(row: &Row) -> String {
    match &row.content {
        Content::Update(id, update) => {
            format!("{id} {}", update.to_json().replacen(r#"{"metadata":{"source":"S"},"#, "{", 1))
        }
        Content::Unchanged => "unchanged".to_owned(),
        Content::Rejected(id, problems) => format!("{id}: {}", sentence(problems)),
    }
}

#[test]
fn reads_every_type_exactly_and_nulls_keep() {
    let mut rows = open(&by_pyarrow(), rules()).unwrap();
    assert_eq!((rows.size(), rows.unit()), (Some(4), "row"));
    assert_eq!(UnusedColumn::listed(&rows.unused()), "tags, seen");
    let read = all(rows.as_mut());
    assert_eq!(
        read.iter().map(seen).collect::<Vec<_>>(),
        [
            r#"9007199254740993 {"name":"Café","client_id":"42","start":"2025-01-15","end":"2025-04-30","estimated_time":0.1,"billable":true,"estimated":18000.10}"#,
            r#"7 {"end":"1969-12-31","billable":false,"estimated":-0.05}"#,
            ": key: is missing in this row; add the id that the project has in its source",
            r#"8: start: "2025-01-15T10:30:00" has a time of day, and the field takes only a date; pass a date such as 2025-04-30 (for a table, set `day_in` to the time zone whose date counts)"#,
        ]
    );
    let places: Vec<_> = read.iter().map(|row| (row.number, row.line, row.position)).collect();
    assert_eq!(places, [(0, 1, 1), (1, 2, 2), (2, 3, 3), (3, 4, 4)]);
}

#[test]
fn raw_row_of_parquet_file_is_json_that_reads_same() {
    let read = all(open(&by_pyarrow(), rules()).unwrap().as_mut());
    let lines: Vec<u8> = read.iter().flat_map(|row| [&row.raw[..], b"\n"].concat()).collect();
    let text = String::from_utf8(lines.clone()).unwrap();
    assert!(text.contains(r#""start":"2025-01-15T10:30:00""#), "{text}");
    assert!(text.contains(r#""seen":"2025-01-15T00:00:00Z""#), "{text}");
    let input = Input::from_reader(std::io::Cursor::new(lines), Some(Format::Jsonl), None).unwrap();
    let mut again = Table::new().open_input(input, rules()).unwrap();
    let again: Vec<String> = all(again.as_mut()).iter().map(seen).collect();
    let read: Vec<String> = read.iter().map(seen).collect();
    assert_eq!(again, read);
}

#[test]
fn columns_of_unsupported_types_are_refused_before_any_row() {
    let mapped = |text: &str| rules().renamed([Rename::parse(text).unwrap()]).unwrap();
    let reason = open(&by_pyarrow(), mapped("tags=brief")).unwrap_err();
    assert_eq!(reason, "the column \"tags\" cannot be read: it contains lists or objects");
    let mut rows = open(&by_pyarrow(), mapped("seen=evaluation_date")).unwrap();
    let first = rows.next().unwrap().unwrap();
    assert!(seen(&first).contains("seen: \"2025-01-15T00:00:00Z\" has a time of day"), "{}", seen(&first));
    let utc = mapped("seen=evaluation_date").day_in(DayIn::parse("Europe/Madrid").unwrap());
    let first = open(&by_pyarrow(), utc).unwrap().next().unwrap().unwrap();
    assert!(seen(&first).contains(r#""evaluation_date":"2025-01-15""#), "{}", seen(&first));
    let reason = open(&by_pyarrow(), rules().id_column("kye")).unwrap_err();
    assert!(reason.starts_with("no column is called \"kye\""), "{reason}");
}

#[test]
fn file_that_is_not_parquet_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let whole = std::fs::read(by_pyarrow()).unwrap();
    for (name, bytes) in [("empty", &b""[..]), ("text", b"id,name\n"), ("cut", &whole[..whole.len() - 9])] {
        let path = folder.path().join(format!("{name}.parquet"));
        std::fs::write(&path, bytes).unwrap();
        let reason = open(&path, rules()).unwrap_err();
        assert!(reason.contains("cannot be read as a Parquet file"), "{name}: {reason}");
    }
    let input = Input::from_reader(std::io::Cursor::new(whole), None, None).unwrap();
    let reason = Table::new().open_input(input, rules()).unwrap_err().to_string();
    assert!(reason.contains("a pipe cannot supply it"), "{reason}");
}

#[test]
fn names_unsupported_compression_before_any_row() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let schema = Arc::new(
        parse_message_type("message m { required int64 id; required int64 estimated_time; }").unwrap(),
    );
    let properties = WriterProperties::builder().set_compression(parquet::basic::Compression::SNAPPY).build();
    let mut writer =
        SerializedFileWriter::new(File::create(&path).unwrap(), schema, Arc::new(properties)).unwrap();
    let mut columns = writer.next_row_group().unwrap();
    while let Some(mut column) = columns.next_column().unwrap() {
        column.typed::<Int64Type>().write_batch(&[7], None, None).unwrap();
        column.close().unwrap();
    }
    columns.close().unwrap();
    writer.close().unwrap();
    assert_eq!(seen(&all(open(&path, Rules::new("S")).unwrap().as_mut())[0]), r#"7 {"estimated_time":7}"#);
    // In the footer the codec follows the column's path: from Snappy to Brotli.
    let mut bytes = std::fs::read(&path).unwrap();
    let place = bytes.windows(16).position(|bytes| bytes == b"estimated_time\x15\x02").unwrap();
    bytes[place + 15] = 8;
    std::fs::write(&path, bytes).unwrap();
    let reason = open(&path, Rules::new("S")).unwrap_err();
    assert_eq!(
        reason,
        "the column \"estimated_time\" is compressed with brotli, which is not supported; write the file with snappy, gzip, \
         zstd or lz4"
    );
}

#[test]
fn short_floats_keep_digits_and_bytes_are_no_ids() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let schema = "message m { required binary id; required float estimated; required int32 start (TIME(MILLIS,true)); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(File::create(&path).unwrap(), schema, Arc::default()).unwrap();
    let mut columns = writer.next_row_group().unwrap();
    let mut column = columns.next_column().unwrap().unwrap();
    let ids = [&b"A"[..], b"B", b"\xFF", b"D"].map(|id| ByteArray::from(id.to_vec()));
    column.typed::<ByteArrayType>().write_batch(&ids, None, None).unwrap();
    column.close().unwrap();
    let mut column = columns.next_column().unwrap().unwrap();
    column.typed::<FloatType>().write_batch(&[1.1, 16_777_216.0, 1.0, f32::MAX], None, None).unwrap();
    column.close().unwrap();
    let mut column = columns.next_column().unwrap().unwrap();
    column.typed::<Int32Type>().write_batch(&[0; 4], None, None).unwrap();
    column.close().unwrap();
    columns.close().unwrap();
    writer.close().unwrap();
    let reason = open(&path, Rules::new("S")).unwrap_err();
    assert_eq!(
        reason,
        "the column \"start\" cannot be read: it has the type time, which no field accepts; write the file with text, numbers, booleans, dates or timestamps instead"
    );
    let rules = Rules::new("S").renamed([Rename::parse("start=").unwrap()]).unwrap();
    let read: Vec<String> = all(open(&path, rules).unwrap().as_mut()).iter().map(seen).collect();
    assert_eq!(
        read,
        [
            r#"A {"estimated":1.1}"#,
            r#"B {"estimated":16777216.0}"#,
            ": id: is not text in UTF-8; write the file with a text column (string) instead",
            r#"D {"estimated":3.4028235e38}"#
        ]
    );
}

#[test]
fn many_row_groups_are_read_to_last_row() {
    const GROUPS: i64 = 7;
    const ROWS: i64 = 777;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many");
    let schema = "message m { required int64 id; optional binary name (UTF8); required int64 estimated_time (UINT_64); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer =
        SerializedFileWriter::new(File::create(&path).unwrap(), schema, Arc::new(WriterProperties::new()))
            .unwrap();
    for group in 0..GROUPS {
        let mut columns = writer.next_row_group().unwrap();
        let ids: Vec<i64> = (group * ROWS..(group + 1) * ROWS).collect();
        let mut column = columns.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&ids, None, None).unwrap();
        column.close().unwrap();
        // Every third name is missing.
        let levels: Vec<i16> = ids.iter().map(|id| i16::from(id % 3 != 0)).collect();
        let names =
            ids.iter().filter(|id| *id % 3 != 0).map(|id| ByteArray::from(format!("n{id}").into_bytes()));
        let names: Vec<ByteArray> = names.collect();
        let mut column = columns.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&names, Some(&levels), None).unwrap();
        column.close().unwrap();
        let hours = vec![-1i64; ids.len()];
        let mut column = columns.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&hours, None, None).unwrap();
        column.close().unwrap();
        columns.close().unwrap();
    }
    writer.close().unwrap();
    let read = all(open(&path, Rules::new("S")).unwrap().as_mut());
    assert_eq!(read.len() as i64, GROUPS * ROWS);
    for (id, row) in read.iter().enumerate() {
        let name = if id % 3 == 0 { String::new() } else { format!(r#""name":"n{id}","#) };
        assert_eq!(seen(row), format!(r#"{id} {{{name}"estimated_time":18446744073709551615}}"#));
    }
}

#[test]
fn refuses_duration_as_number_of_hours() {
    // By pyarrow 26: id string, estimated_time duration[us], estimated int64.
    const ARROW: &str = "//////AAAAAQAAAAAAAKAAwABgAFAAgACgAAAAABBAAMAAAACAAIAAAABAAIAAAABAAAAAMAAACUAAAARAAAAAQAAACI////AAABAhAAAAAkAAAABAAAAAAAAAAJAAAAZXN0aW1hdGVkAAAACAAMAAgABwAIAAAAAAAAAUAAAADE////AAABEhAAAAAoAAAABAAAAAAAAAAOAAAAZXN0aW1hdGVkX3RpbWUAAAAABgAIAAYABgAAAAAAAgAQABQACAAGAAcADAAAABAAEAAAAAAAAQUQAAAAGAAAAAQAAAAAAAAAAgAAAGlkAAAEAAQABAAAAAAAAAA=";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let schema = "message m { required int64 id; required int64 estimated_time; required int64 estimated; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let arrow = parquet::file::metadata::KeyValue::new("ARROW:schema".to_owned(), ARROW.to_owned());
    let properties = WriterProperties::builder().set_key_value_metadata(Some(vec![arrow])).build();
    let mut writer =
        SerializedFileWriter::new(File::create(&path).unwrap(), schema, Arc::new(properties)).unwrap();
    let mut columns = writer.next_row_group().unwrap();
    while let Some(mut column) = columns.next_column().unwrap() {
        column.typed::<Int64Type>().write_batch(&[3_600_000_000], None, None).unwrap();
        column.close().unwrap();
    }
    columns.close().unwrap();
    writer.close().unwrap();
    let reason = open(&path, Rules::new("S")).unwrap_err();
    assert_eq!(
        reason,
        "the column \"estimated_time\" cannot be read: it contains durations; convert it to a number of hours"
    );
    let rules = Rules::new("S").renamed([Rename::parse("estimated_time=").unwrap()]).unwrap();
    let read = all(open(&path, rules).unwrap().as_mut());
    assert_eq!(seen(&read[0]), r#"3600000000 {"estimated":3600000000}"#);
}

#[test]
fn column_that_is_null_throughout_keeps_its_field() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("null.parquet");
    let schema = "message m { required binary key (STRING); optional int32 name (UNKNOWN); optional binary brief (STRING); }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = Arc::new(WriterProperties::default());
    let mut writer = SerializedFileWriter::new(File::create(&path).unwrap(), schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column
        .typed::<ByteArrayType>()
        .write_batch(&[ByteArray::from("A"), ByteArray::from(" ")], None, None)
        .unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<Int32Type>().write_batch(&[], Some(&[0, 0]), None).unwrap();
    column.close().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    column.typed::<ByteArrayType>().write_batch(&[ByteArray::from("b")], Some(&[1, 0]), None).unwrap();
    column.close().unwrap();
    group.close().unwrap();
    writer.close().unwrap();
    let mut rows = open(&path, rules()).unwrap();
    assert_eq!(all(rows.as_mut()).iter().map(seen).collect::<Vec<_>>(), [r#"A {"brief":"b"}"#]);
    assert_eq!(rows.remarks(), ["1 blank row was skipped"]);
}
