//! What cells and values become, by options and mapping.
#![allow(clippy::unwrap_used)] // helpers of tests may panic

mod common;

use common::*;
use serde_json::{Value, json};

/// The body that each row would send, without its source; the first problem of a row that would send none.
fn dry(file: &std::path::Path, arguments: &[&str]) -> Vec<Value> {
    let mut command = bare();
    command.args(["projects", "sync", "--source", "SAP", "--dry-run", "--json", "--no-state"]);
    let ran = ran(command.arg(file).args(arguments));
    let mut lines = ran.json();
    let summary = lines.pop().unwrap();
    assert_eq!(summary["dry_run"], true, "{}{}", ran.out, ran.err);
    let shown = |mut line: Value| match line["error"].is_null() {
        true => {
            let body = line["body"].as_object_mut().unwrap();
            body.remove("metadata");
            Value::Object(std::mem::take(body))
        }
        false => line["error"]["issues"][0]["message"].take(),
    };
    lines.into_iter().map(shown).collect()
}

#[test]
fn options_win_over_formats_of_single_fields() {
    let folder = Folder::new();
    let mapping = folder.file(
        "m.toml",
        r#"[fields]
end = { column = "close", date = "%m/%d/%Y", keep = "?" }
name = { column = "name", keep = "?", clear = "none" }
estimated = { column = "value", thousands = "," }
"#,
    );
    let file = folder.file(
        "t.csv",
        "id,name,close,value\nA,NULL,03/04/2025,\"1,25\"\nB,(none),05/04/2025,\"7.123,5\"\nC,none,?,1\n",
    );
    let given = ["--mapping", mapping.to_str().unwrap()];
    let options = ["--date-format", "%d/%m/%Y", "--null-value", "NULL", "--clear-value", "(none)"];
    let numbers = ["--decimal", ",", "--thousands", "."];
    assert_eq!(
        dry(&file, &[&given[..], &options, &numbers].concat()),
        [
            json!({"end": "2025-04-03", "estimated": 1.25}),
            json!({"name": null, "end": "2025-04-05", "estimated": 7123.5}),
            json!({"name": "none", "estimated": 1}),
        ]
    );
    // A text means what the option says, whatever it meant in the mapping.
    let clears = dry(&file, &[&given[..], &options[..4], &numbers, &["--clear-value", "?"]].concat());
    assert_eq!(clears[2], json!({"name": "none", "end": null, "estimated": 1}));
    let keeps = dry(&file, &[&given[..], &options[..2], &numbers, &["--null-value", "none"]].concat());
    assert_eq!(keeps[2], json!({"estimated": 1}));
    // One of the two signs leaves the other one as it was.
    let one = folder.file("n.csv", "id,value\nA,\"1,234.5\"\n");
    let points = folder.file("n.toml", "[fields]\nestimated = { column = \"value\", decimal = \".\" }\n");
    let with = ["--mapping", points.to_str().unwrap(), "--thousands", ","];
    assert_eq!(dry(&one, &with), [json!({"estimated": 1234.5})]);
    let commas = folder
        .file("c.toml", "[fields]\nestimated = { column = \"value\", decimal = \",\", thousands = \".\" }\n");
    let one = folder.file("c.csv", "id,value\nA,1.234\nB,1'234\n");
    let with = ["--mapping", commas.to_str().unwrap(), "--thousands", "'"];
    let read = dry(&one, &with);
    assert!(read[0].as_str().unwrap().contains("\"1.234\" is not a number written as 1'234,50"), "{read:?}");
    assert_eq!(read[1], json!({"estimated": 1234}));
    // A format for one column wins over the one for all.
    let one = ["--date-format", "%d/%m/%Y", "--date-format", "close=%m/%d/%Y"];
    assert_eq!(dry(&file, &[&given[..], &one, &numbers].concat())[1]["end"], "2025-05-04");
}

#[test]
fn cell_of_blanks_keeps_its_field() {
    let folder = Folder::new();
    let file = folder.file("t.csv", "id,name,brief,end,estimated\nA,x,   ,  , \nB,\u{a0}, y ,,\n");
    assert_eq!(dry(&file, &[]), [json!({"name": "x"}), json!({"brief": " y "})]);
    let file = folder.file("c.csv", "id,brief\nA, \nB,  \n");
    assert_eq!(dry(&file, &["--clear-value", " "]), [json!({"brief": null})]);
    // What a program wrote as a text is one.
    let file = folder.file("t.jsonl", "{\"id\":\"A\",\"brief\":\"  \"}\n");
    assert_eq!(dry(&file, &[]), [json!({"brief": "  "})]);
}

#[test]
fn time_ending_in_z_is_in_utc_under_any_option() {
    let folder = Folder::new();
    let file = folder.file("t.csv", "id,end\nA,2025-04-30T23:30:00Z\nB,2025-05-31T00:00:00Z\n");
    let format = ["--date-format", "%Y-%m-%dT%H:%M:%SZ"];
    for (zone, days) in [
        ("Europe/Madrid", ["2025-05-01", "2025-05-31"]),
        ("America/Bogota", ["2025-04-30", "2025-05-30"]),
        ("as_written", ["2025-04-30", "2025-05-31"]),
    ] {
        let expected = days.map(|day| json!({ "end": day }));
        assert_eq!(dry(&file, &["--day-in", zone]), expected, "{zone}");
        assert_eq!(
            dry(&file, &[&["--day-in", zone], &format[..]].concat()),
            expected,
            "{zone}, with a format"
        );
    }
    let refused = dry(&file, &format);
    assert!(refused[0].as_str().unwrap().contains("has a time of day"), "{refused:?}");
    assert!(refused[1].as_str().unwrap().contains("has a time zone"), "{refused:?}");
    // A day may say its zone.
    let file = folder.file("d.csv", "id,end\nA,2025-05-31Z\n");
    assert_eq!(dry(&file, &["--date-format", "%Y-%m-%dZ"]), [json!({"end": "2025-05-31"})]);
    let file = folder.file("o.csv", "id,end\nA,2025-05-31+0200\n");
    assert_eq!(dry(&file, &["--date-format", "%Y-%m-%d%z"]), [json!({"end": "2025-05-31"})]);
    let file = folder.file("h.csv", "id,end\nA,30.04.2025 23:30Z\n");
    let flags = ["--date-format", "%d.%m.%Y %-H:%MZ", "--day-in", "Europe/Madrid"];
    assert_eq!(dry(&file, &flags), [json!({"end": "2025-05-01"})]);
}

#[test]
fn typed_values_are_compared_with_null_and_clear_values() {
    let folder = Folder::new();
    let options = ["--null-value=-1", "--null-value", "false", "--clear-value", "0"];
    let expected = [json!({"name": "a"}), json!({"estimated": null}), json!({"estimated": 0.5})];
    let rows = [
        r#"{"id":"A","name":"a","estimated":-1,"billable":false}"#,
        r#"{"id":"B","estimated":0}"#,
        r#"{"id":"C","estimated":0.5}"#,
    ];
    for file in [
        folder.file("t.csv", "id,name,estimated,billable\nA,a,-1,false\nB,,0,\nC,,0.5,\n"),
        folder.file("t.jsonl", rows.join("\n")),
    ] {
        assert_eq!(dry(&file, &options), expected, "{}", file.display());
    }
}

#[test]
fn word_for_no_value_is_no_external_id() {
    let folder = Folder::new();
    let sandbox = sandbox(&["A"]);
    let file = folder.file("t.csv", "id,name\nNULL,x\nNULL,y\nA,z\n");
    sync(&sandbox, &file, &["--create-missing", "--null-value", "NULL"])
        .exits(1)
        .says("id: \"NULL\" stands for no value; pass the id that the project has in its source");
    assert_eq!(sandbox.projects().len(), 1);
    // Without that option it may be an id, and nothing is created under it.
    sync(&sandbox, &folder.file("u.csv", "id,name\n#N/A,x\n#N/A,y\nA,z\n"), &["--create-missing"])
        .exits(1)
        .says("2 rows are merged into 1 project by the id \"#N/A\"")
        .says("looks like a word that stands for no value; give these rows their ids");
    assert_eq!(sandbox.projects().len(), 1);
}

#[test]
fn advises_no_encoding_for_files_of_dos_and_macintosh() {
    let folder = Folder::new();
    // Names as the code pages 850 and MacRoman have them, and as windows-1252 has more than letters.
    for (content, is_advised) in [
        (&b"id,name\nA,Caf\x82 n\xa4\n"[..], false),
        (b"id,name\nA,Caf\x8e \x96\n", false),
        (b"id,name\nA,Caf\xe9 \x96 O\x92Neill \xa1ya! \x84Haus\x93\n", true),
    ] {
        let file = folder.file("t.csv", content);
        let mut command = bare();
        let ran = ran(command.args(["projects", "check", "--source", "SAP"]).arg(&file));
        let said = format!("{}{}", ran.out, ran.err);
        assert!(said.contains("is not UTF-8"), "{said}");
        assert_eq!(said.contains("--encoding windows-1252"), is_advised, "{said}");
    }
}
