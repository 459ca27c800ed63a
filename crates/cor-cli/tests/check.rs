//! `cor projects check`, and what a mapping file makes of a table.

#![allow(clippy::unwrap_used, reason = "in a test a surprise may panic")]

mod common;
#[path = "../../../tests/harness/skips.rs"]
mod skips;

use std::path::{Path, PathBuf};

use common::*;
use serde_json::{Value, json};

fn check(file: &Path, arguments: &[&str]) -> Ran {
    ran(bare().args(["projects", "check"]).arg(file).args(arguments))
}

const MAPPING: &str = r#"
source = "SALESFORCE"
id = "deal"
clear = "(none)"
keep = ["n/a"]
ignore = ["owner"]

[fields]
name = { column = "account", trim = true }
end = { column = "close", date = "%d-%m-%y" }
evaluation_date = { column = "close", date = "%d-%m-%y" }
estimated = { column = "value", decimal = ",", thousands = "." }
status = { column = "stage", values = { "Closed Won" = "finished", Open = "active" }, unlisted = "keep" }
billable = { column = "bill", values = { Ja = true, Nein = false } }
work_order = { constant = "007" }
"#;

#[test]
fn mapping_file_turns_foreign_table_into_updates() {
    let sandbox = sandbox(&["P", "Q"]);
    let folder = Folder::new();
    let mapping = folder.file("mapping.toml", MAPPING);
    let table = "deal;account;close;value;stage;bill;owner;brief\n\
        P; Café ;30-04-25;1.234,50;Closed Won;Ja;x;(none)\n\
        Q;;;n/a;Lost;Nein;;\n";
    let file = folder.file("t.csv", table);
    let arguments = ["--mapping", mapping.to_str().unwrap(), "--concurrency", "1"];
    let ran = ran(cor(&sandbox, &["projects", "sync"]).arg(&file).args(arguments)).exits(0);
    assert_eq!(ran.err, "");
    let bodies: Vec<String> = sandbox.requests().iter().map(|request| request.body_text()).collect();
    assert_eq!(
        bodies,
        [
            r#"{"metadata":{"source":"SALESFORCE"},"name":"Café","brief":null,"end":"2025-04-30","billable":true,"status":"finished","evaluation_date":"2025-04-30","estimated":1234.50,"work_order":"007"}"#,
            r#"{"metadata":{"source":"SALESFORCE"},"billable":false,"work_order":"007"}"#,
        ]
    );
}

#[test]
fn check_shows_mapping_and_problems_and_sends_nothing() {
    let folder = Folder::new();
    let mapping = folder.file("mapping.toml", MAPPING);
    let mapping = mapping.to_str().unwrap();
    let mut table = "deal,account,close,value,stage,bill,owner,mood\n".to_owned();
    table.push_str("P,x,30-04-25,\"1.234,50\",Open,Ja,,\nQ,,31-02-25,1.23,Open,Oui,,\n,x,,,,,,\n");
    table.push_str(&"R,x,2025-04-30,,,,,\n".repeat(1200));
    let file = folder.file("t.csv", table);
    let ran = check(&file, &["--mapping", mapping]).exits(1);
    assert_eq!(ran.err, "");
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(
        lines[..6],
        [
            "line 3, close: \"31-02-25\" is not a day written as %d-%m-%y; close: \"31-02-25\" is not a day written as \
             %d-%m-%y; value: \"1.23\" is not a number written as 1.234,50; bill: \"Oui\" is not one of the values in the mapping: \"Ja\", \"Nein\"",
            "line 4, deal: is empty; pass the id that the project has in its source",
            "1,200 rows, close: \"2025-04-30\" is not a day written as %d-%m-%y; close: \"2025-04-30\" is not a day written as \
             %d-%m-%y",
            "    line 5 (R), line 6 (R), line 7 (R) and 1,197 more",
            "",
            "Column      Field            How it is read",
        ]
    );
    let shown = lines[5..].join("\n");
    let expected = r#"Column      Field            How it is read
──────────  ───────────────  ────────────────────────────
deal        id               as it is
account     name             trimmed
close       end              day as %d-%m-%y
bill        billable         2 values, others refused
stage       status           2 values, others keep
close       evaluation_date  day as %d-%m-%y
value       estimated        number as 1.234,50
(constant)  work_order       always "007"
(any)       any              "(none)" clears; "n/a" keeps

Not used: mood

Column   Rows  First   Problem
──────  ─────  ──────  ───────────────────────────────────────────────────────────
close   1,201  line 3  "31-02-25" is not a day written as %d-%m-%y
bill        1  line 3  "Oui" is not one of the values in the mapping: "Ja", "Nein"
value       1  line 3  "1.23" is not a number written as 1.234,50
deal        1  line 4  is empty; pass the id that the project has in its source

Some rows have problems; nothing was sent"#;
    assert!(shown.starts_with(expected), "{shown}\n--- is not ---\n{expected}");
    for line in ["read                1,203", "fine                    1", "rejected            1,202"] {
        assert!(shown.contains(line), "{shown}");
    }
    let ran = check(&file, &["--mapping", mapping, "--json"]).exits(1);
    let all = ran.json();
    assert_eq!(all.len(), 1203);
    assert_eq!((&all[0]["line"], &all[0]["id"]), (&json!(3), &json!("Q")));
    assert_eq!(all[0]["error"]["issues"][2]["column"], "value");
    let summary = ran.summary();
    assert_eq!(
        (&summary["read"], &summary["fine"], &summary["rejected"]),
        (&json!(1203), &json!(1), &json!(1202))
    );
    assert_eq!(summary["unused"], json!(["mood"]));
    assert_eq!(
        summary["mapping"][2],
        json!({"column": "close", "field": "end", "rule": "day as %d-%m-%y", "found": true})
    );
    let close = &summary["problems"][0];
    assert_eq!(
        (&close["column"], &close["rows"], &close["first_line"]),
        (&json!("close"), &json!(1201), &json!(3))
    );
}

#[test]
fn valid_table_exits_0_and_reports_absent_columns() {
    let folder = Folder::new();
    let file =
        folder.file("t.jsonl", "{\"id\":\"P\",\"name\":\"x\",\"mood\":1}\n{\"id\":\"Q\",\"name\":null}\n");
    let ran = check(&file, &["--source", "SAP", "--map", "due=end"]).exits(0);
    for says in [
        "name    name   as it is",
        "due     end    no row has this column",
        "Not used: mood",
        "Every row is valid; nothing was sent",
        "sets nothing            1",
    ] {
        assert!(ran.out.contains(says), "{says:?} is missing:\n{}", ran.out);
    }
    let next = format!("  Next: cor projects plan {} --source SAP --map due=end\n", file.display());
    assert!(ran.out.ends_with(&next), "{}", ran.out);
}

#[test]
fn check_and_plan_accept_options_of_sync() {
    let folder = Folder::new();
    let table = "sep=;\r\nid;name;brand_id;mood;mood\r\nP;x;B;1;2\r\nQ;y;B;1;2\r\n";
    let file = folder.file("t.csv", table);
    let arguments = ["--source", "SAP", "--create-missing", "--limit", "1"];
    let ran = check(&file, &arguments).exits(0).prints("read                    1");
    ran.prints("stopped after 1 row (--limit)").prints("Not used: mood, mood\n");
    let state = folder.path("none.db");
    let mut plan = bare();
    plan.args(["projects", "plan", "--state"]).arg(state).arg(&file).args(arguments);
    let ran = common::ran(&mut plan).exits(0).prints("+ P (line 3, not in the state)");
    assert!(
        !ran.out.contains("+ Q") && ran.err.starts_with("not used: mood, mood\n"),
        "{}{}",
        ran.out,
        ran.err
    );
    check(&file, &["--source", "SAP", "--limit", "0"]).exits(2);
}

#[test]
fn mistakes_in_mapping_are_reported_with_their_place() {
    let folder = Folder::new();
    let file = folder.file("t.csv", "id,name\nP,x\n");
    let mapping = folder
        .file("m.toml", "idd = 'id'\n[fields]\nend = { column = 'close', dat = '%d' }\nname = 'nmae'\n");
    let mapping = mapping.to_str().unwrap();
    let ran = check(&file, &["--mapping", mapping, "--map", "x=nmae"]).exits(2);
    for says in [
        "3 problems, nothing was sent",
        "m.toml, line 1, column 1: no setting is called \"idd\"\n    hint: did you mean \"id\"?",
        "m.toml, line 3, column 27: no setting of a field is called \"dat\"\n    hint: did you mean \"date\"?",
        "--map \"x=nmae\": no field is called \"nmae\"\n    hint: did you mean \"x=name\"?",
    ] {
        assert!(ran.err.contains(says), "{says:?} is missing:\n{}", ran.err);
    }
    let one = |text: &str, arguments: &[&str]| {
        let mapping = folder.file("m.toml", text);
        check(&file, &[&["--mapping", mapping.to_str().unwrap()], arguments].concat()).exits(2)
    };
    one("", &[])
        .says("source is required")
        .says("pass --source SALESFORCE, or set source = \"SALESFORCE\" in the mapping");
    one("source = 'S'\nfields.name = 'nmae'", &[])
        .says("the mapping or an option names a column \"nmae\" that the input does not have\nhint: did you mean \"name\"?");
    one("source = 'S'\nignore = ['x']", &[]).says("ignores a column \"x\" that the input does not have");
    one("source = 'S'\nfields.name = { constant = 'x' }", &[]).says(
        "the column \"name\" and the mapping's constant would both set name\nhint: ignore the column with \
               --ignore \"name\"",
    );
    one("source = 'S'", &["--map", "a=end", "--map", "b=end"])
        .says("\"a\" and \"b\" would both set end\nhint: choose one");
    check(&file, &["--mapping", "missing.toml"]).exits(2).says("cannot read the mapping missing.toml");
    check(&file, &["--source", "S", "--stream", "x"])
        .exits(2)
        .says("--stream applies only to Singer, and the input is csv\nhint: leave it out\n");
}

#[test]
fn flags_override_mapping_and_keep_its_formats() {
    let folder = Folder::new();
    let mapping = folder.file("m.toml", MAPPING);
    let table = "id,closing,account\nP,30-04-25,-\n";
    let file = folder.file("t.csv", table);
    let arguments = ["--mapping", mapping.to_str().unwrap(), "--id-column", "id", "--clear-value", "-"];
    let maps =
        ["--map", "closing=end", "--map", "value=", "--map", "stage=", "--map", "bill=", "--map", "owner="];
    // What the mapping says of missing columns can be taken back; what is left of it cannot.
    let missing = check(&file, &[&arguments[..], &maps[..]].concat()).exits(2);
    assert_eq!(missing.err.matches("that the input does not have").count(), 2, "{}", missing.err);
    missing.says("names a column \"close\"").says("ignores a column \"owner\"");
    let mapping =
        folder.file("m.toml", "source = 'S'\nfields.end = { column = 'close', date = '%d-%m-%y' }\n");
    let arguments = ["--mapping", mapping.to_str().unwrap(), "--source", "SAP", "--map", "closing=end"];
    let sandbox = sandbox(&[]);
    let mut command = cor(&sandbox, &["projects", "sync", "--dry-run", "--json"]);
    let ran = ran(command.arg(&file).args(arguments).args(["--map", "account=name", "--clear-value", "-"]))
        .exits(0);
    let request: Value = serde_json::from_str(ran.out.lines().next().unwrap()).unwrap();
    assert_eq!(request["body"], json!({"metadata": {"source": "SAP"}, "name": null, "end": "2025-04-30"}));
}

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[track_caller]
fn assert_example_mapping_fits(export: &Path, rows: u64) {
    let mapping = Path::new(ROOT).join("examples/mapping.toml");
    let ran = check(export, &["--mapping", mapping.to_str().unwrap(), "--json"]).exits(0);
    let summary = ran.summary();
    assert_eq!(
        (&summary["read"], &summary["fine"], &summary["unused"]),
        (&json!(rows), &json!(rows), &json!([]))
    );
}

#[test]
fn example_mapping_fits_sample_of_crm_export() {
    assert_example_mapping_fits(&Path::new(ROOT).join("tests/data/crm/opportunities.csv"), 200);
}

/// A public export, which is not part of the repository.
#[test]
fn example_mapping_fits_crm_export() {
    let named = std::env::var_os("PROJECTCOR_EXPORT").map(PathBuf::from);
    let export = named.unwrap_or_else(|| Path::new(ROOT).join("../shared/data/opportunities.csv"));
    if !export.is_file() {
        let reason = "needs ../shared/data/opportunities.csv, a public CRM export of 14,277 rows";
        return skips::skipped("cor-cli", reason);
    }
    assert_example_mapping_fits(&export, 14_277);
}

#[test]
fn reports_probable_mistakes_with_count_and_option() {
    let folder = Folder::new();
    let table = "id,name,client_id\n9.91214E+15,NULL,25855.0\n9.91214E+15,Pier,25855.0\n1001.0,-,7\n\u{a0}7,N,7\n,,\n";
    let says = [
        "1 blank row was skipped",
        "name: \"NULL\" is sent as text in line 2; if it stands for an empty cell, pass it with --null-value",
        "name: \"-\" is sent as text in line 4; if it stands for an empty cell, pass it with --null-value",
        "2 rows are merged into 1 project by the id \"9.91214E+15\"",
        "id: \"9.91214E+15\" (line 2) looks like a long number that a spreadsheet shortened; export the ids as text",
        "id: \"1001.0\" (line 4) looks like an integer that was read as a number with a fraction; export the ids as text",
        "(line 5) looks like an id with blanks around it, or with blanks that cannot be seen; use --trim to remove the blanks",
        "client_id: \"25855.0\" looks like an integer that was read as a number with a fraction, in 2 rows, first line 2",
    ];
    let file = folder.file("t.csv", table);
    let ran = check(&file, &["--source", "SAP"]).exits(0);
    let mut plan = bare();
    plan.args(["projects", "plan", "--source", "SAP", "--state"]).arg(folder.path("none.db")).arg(&file);
    let planned = common::ran(&mut plan).exits(0);
    for says in says {
        assert!(ran.out.contains(says), "{says:?} is missing:\n{}", ran.out);
        assert!(planned.err.contains(says), "{says:?} is missing:\n{}", planned.err);
    }
    assert!(!ran.out.contains("--allow-mangled-ids"), "nothing is created: {}", ran.out);
    check(&file, &["--source", "SAP", "--create-missing"])
        .exits(0)
        .prints("; no project is created under such an id, unless --allow-mangled-ids is set");
    let calm =
        check(&file, &["--source", "SAP", "--null-value", "NULL", "--null-value", "-", "--trim"]).exits(0);
    assert!(!calm.out.contains("sent as text") && !calm.out.contains("remove the blanks"), "{}", calm.out);
    let json = check(&file, &["--source", "SAP", "--json"]).exits(0).summary();
    assert_eq!(json["notes"].as_array().unwrap().len(), says.len());
    let lines = "{\"id\":\"1001.0\",\"name\":\"nan\"}\n{}\n{\"id\":null,\"name\":\" \"}\n";
    check(&folder.file("t.jsonl", lines), &["--source", "SAP"])
        .exits(0)
        .prints("2 blank rows were skipped")
        .prints("name: \"nan\" is sent as text in line 1")
        .prints("id: \"1001.0\" (line 1) looks like an integer");
}

#[test]
fn counts_beyond_stored_values_are_lower_bounds() {
    let folder = Folder::new();
    let table: String = (1..12_001).map(|n| format!("{n}.0,N\n{n}.0,N\n")).collect();
    let file = folder.file("t.csv", format!("id,name\n{table}"));
    check(&file, &["--source", "SAP"])
        .exits(0)
        .prints("2 rows are merged into 1 project by the id \"1.0\"\n")
        .prints("; the same holds for at least 9995 more values\n")
        .prints(
            "id: at least 10000 ids look like this: an integer that was read as a number with a fraction",
        );
}

#[test]
fn null_word_in_day_or_number_column_names_option() {
    let folder = Folder::new();
    let file = folder.file("t.csv", "id,end,estimated\nP,#N/A,NULL\nQ,04/05/2025,\"1,234\"\n");
    check(&file, &["--source", "SAP"])
        .exits(1)
        .prints("\"#N/A\" is not a date; write a real day as YYYY-MM-DD, for example 2025-04-30; if it stands for an empty cell")
        .prints("pass it with --null-value; estimated: \"NULL\"")
        .prints("; if the dates have another format, set --date-format;")
        .prints("; if the numbers have another format, set --decimal or --thousands");
    check(&file, &["--source", "SAP", "--null-value", "#N/A", "--null-value", "NULL", "--limit", "1"])
        .exits(0);
}

#[test]
fn matches_columns_ignoring_case_and_outer_blanks() {
    let folder = Folder::new();
    let file = folder.file("t.csv", " Deal ,\"ACCOUNT \",Estimated_Time,estimated time\nA,x,1,2\n");
    let mapping = folder.file("m.toml", "source = 'S'\nid = 'deal'\nfields.name = 'Account'\n");
    let options = ["--source", "S", "--id-column", "DEAL", "--map", "account=name"];
    for options in [&options[..], &["--mapping", mapping.to_str().unwrap()]] {
        let ran = check(&file, &[options, &["--json"]].concat()).exits(0);
        let summary = ran.summary();
        let fields =
            summary["mapping"].as_array().unwrap().iter().map(|column| column["field"].as_str().unwrap());
        assert_eq!(fields.collect::<Vec<_>>(), ["id", "name", "estimated_time"], "{summary}");
        assert_eq!(summary["unused"], serde_json::json!(["estimated time"]));
    }
}

#[test]
fn missing_id_column_lists_columns_for_any_delimiter() {
    let folder = Folder::new();
    for delimiter in [';', '\t', '|', ','] {
        let table = "Account;end;Name\nA;2025-04-30;x\n".replace(';', &delimiter.to_string());
        let ran = check(&folder.file("t.csv", table), &["--source", "SAP"]).exits(2);
        let ran = ran.says("no column is called \"id\"; columns are Account, end, Name").says("--id-column");
        assert!(!ran.err.contains("--delimiter"), "{}", ran.err);
    }
    // Of no column of a field.
    let file = folder.file("t.csv", "Account;Day\nA;2025-04-30\n");
    check(&file, &["--source", "SAP"]).exits(2).says("columns are Account, Day").says("--id-column");
    // A delimiter that hides the id column, and one that does not.
    let file = folder.file("t.csv", "Id ;name\nA;x\n");
    check(&file, &["--source", "SAP", "--delimiter", ","]).exits(2).says("pass --delimiter \";\"");
    let file = folder.file("t.csv", "Account;name\nA;x\n");
    let ran = check(&file, &["--source", "SAP", "--delimiter", ","]).exits(2).says("--id-column");
    assert!(!ran.err.contains("--delimiter"), "{}", ran.err);
}

#[test]
fn refuses_files_that_are_not_tables_with_remedy() {
    let folder = Folder::new();
    let zip = b"PK\x03\x04\x14\x00\x06\x00[Content_Types].xml";
    for (name, content, says) in [
        ("deals.xlsx", &zip[..], "deals.xlsx: it is damaged or incomplete"),
        ("deals.csv", zip, "deals.csv: it is damaged or incomplete"),
        ("deals.csv.gz", b"\x1f\x8b\x08\x00abc", "the file is compressed\nhint: decompress it"),
        ("deals.csv", b"<!DOCTYPE html>\n<html>", "the file is a web page, perhaps a sign-in page"),
        ("deals.csv", b"[{\"id\":1}]", "the file contains JSON\nhint: write one object per line"),
        ("deals.jsonl", b"[{\"id\":1}]", "the input is one JSON array\nhint: write one object per line"),
        ("deals.jsonl", b"{\n  \"id\": \"1\"\n}\n", "the input is JSON with an object on several lines"),
        (
            "deals.jsonl",
            b"INFO start\n{\"type\":\"SCHEMA\",\"stream\":\"d\"}\n",
            "line 1: the line is not a JSON object",
        ),
        ("deals.jsonl", b"INFO start\n{\"type\":\"SCHEMA\",\"stream\":\"d\"}\n", "its log to standard error"),
        (
            "deals.jsonl",
            b"{\"type\":\"RECORD\",\"stream\":\"d\",\"record\":{\"id\":\"1\"}}\n",
            "line 1: the record comes before the SCHEMA of its stream",
        ),
    ] {
        check(&folder.file(name, content), &["--source", "SAP"]).exits(2).says(says);
    }
}

#[test]
fn numbers_keep_digits_in_every_input_format() {
    let folder = Folder::new();
    let stream = "{\"type\":\"SCHEMA\",\"stream\":\"d\",\"schema\":{\"properties\":{\"id\":{\"type\":\"string\"},\
        \"estimated\":{\"type\":[\"null\",\"string\"],\"format\":\"singer.decimal\"},\
        \"estimated_time\":{\"type\":[\"null\",\"number\"]},\"name\":{\"type\":\"string\"}}},\"key_properties\":[\"id\"]}\n\
        {\"type\":\"RECORD\",\"stream\":\"d\",\"record\":{\"id\":\"A\",\"estimated\":\"18000.10\",\"estimated_time\":\"250\",\"name\":\"7\"}}\n";
    let file = folder.file("tap.jsonl", stream);
    let mut dry = bare();
    dry.args(["projects", "sync", "--source", "SAP", "--no-state", "--dry-run", "--json"]).arg(&file);
    let ran = common::ran(&mut dry).exits(0);
    ran.says(r#""estimated_time":250,"estimated":18000.10"#).says(r#""name":"7""#);
}
