//! `cor projects map`: the mapping that it proposes is one that check, plan and sync take.

#![allow(clippy::unwrap_used, reason = "in a test a surprise may panic")]

mod common;

use std::path::Path;

use common::*;
use serde_json::json;

fn map(file: &Path, arguments: &[&str]) -> Ran {
    ran(bare().args(["projects", "map"]).arg(file).args(arguments))
}

fn check(file: &Path, mapping: &Path, arguments: &[&str]) -> Ran {
    ran(bare().args(["projects", "check"]).arg(file).arg("--mapping").arg(mapping).args(arguments))
}

const DEALS: &str = "Record ID;Deal name;Start Date;Fecha de cierre;Importe;Owner;Etapa\n\
    D-1;Pier;03/04/2025;15/04/2025;1.234,50;Kim;active\n\
    D-2;Quay;05/06/2025;16/07/2025;-;;finished\n";

#[test]
fn decided_proposal_passes_check_plan_and_sync() {
    let sandbox = sandbox(&["D-1", "D-2"]);
    let folder = Folder::new();
    let (table, mapping) = (folder.file("my deals.csv", DEALS), folder.path("mapping.toml"));
    let out = mapping.to_str().unwrap();
    let proposed = map(&table, &["--source", "SALESFORCE", "--out", out]).exits(0);
    assert_eq!(proposed.out, "");
    assert_eq!(
        proposed.err,
        format!(
            "mapped 5 of 7 columns to COR fields, and one to the external id; 6 guesses; 1 line needs a decision\n\
             next: edit {out}, then: cor projects check '{}' --mapping {out}\n",
            table.display()
        )
    );
    // As it is, the file is a mapping, and check names what is left to decide.
    let checked = check(&table, &mapping, &[]).exits(1);
    assert_eq!(checked.err, "");
    checked.prints(
        "Start Date: 2 values are not written as YYYY-MM-DD; each of these formats reads all of them: %d/%m/%Y, \
         %m/%d/%Y; set --date-format (or date in the mapping file) to the right one",
    );
    let text = folder.read("mapping.toml");
    let mark = "# date = \"%d/%m/%Y\"  # \"03/04/2025\" is 2025-04-03\n# date = \"%m/%d/%Y\"  # \"03/04/2025\" is 2025-03-04\n";
    assert!(text.contains(mark), "{text}");
    folder.file("mapping.toml", text.replacen("# date = ", "date = ", 1));
    let checked = check(&table, &mapping, &["--json"]).exits(0).summary();
    assert_eq!(
        (&checked["fine"], &checked["unused"], &checked["notes"]),
        (&json!(2), &json!([]), &json!([]))
    );
    let run = |verb| ran(cor(&sandbox, &["projects", verb]).arg(&table).args(["--mapping", out])).exits(0);
    run("plan").prints("projects to change");
    assert_eq!(bodies(&sandbox), [""; 0], "nothing was sent so far");
    run("sync");
    assert_eq!(
        bodies(&sandbox),
        [
            r#"D-1 {"name":"Pier","start":"2025-04-03","end":"2025-04-15","status":"active","estimated":1234.50}"#,
            r#"D-2 {"name":"Quay","start":"2025-06-05","end":"2025-07-16","status":"finished"}"#,
        ]
    );
}

#[test]
fn replaces_file_only_with_force_and_never_table() {
    let folder = Folder::new();
    let table = folder.file("t.csv", "id,name\n1,a\n");
    let mapping = folder.file("mapping.toml", "# by hand\n");
    let out = mapping.to_str().unwrap();
    let says = format!("error: --out {out} exists\nhint: choose another file, or replace it with --force\n");
    assert_eq!(map(&table, &["--out", out]).exits(2).err, says);
    assert_eq!(folder.read("mapping.toml"), "# by hand\n");
    map(&table, &["--out", out, "--force"]).exits(0);
    assert!(folder.read("mapping.toml").contains("[fields.name]"));
    let own = table.to_str().unwrap();
    map(&table, &["--out", own, "--force"]).exits(2).says("is the table, which it would overwrite");
    assert_eq!(folder.read("t.csv"), "id,name\n1,a\n");
    let nowhere = folder.path("no/such/folder.toml");
    map(&table, &["--out", nowhere.to_str().unwrap()])
        .exits(2)
        .says("cannot be written: No such file or directory");
    map(&table, &["--force"]).exits(2).says("--out <FILE>");
    #[cfg(unix)]
    {
        let link = folder.path("link.toml");
        std::os::unix::fs::symlink(folder.path("target.toml"), &link).unwrap();
        map(&table, &["--out", link.to_str().unwrap()]).exits(2).says("exists");
        assert!(!folder.path("target.toml").exists(), "a link to nothing was followed");
    }
}

#[test]
fn standard_output_is_mapping_and_json_describes_it() {
    let folder = Folder::new();
    let table = folder.file("t.csv", DEALS);
    let text = map(&table, &[]).exits(0);
    assert!(text.out.contains("\n# source = \"SALESFORCE\"\n"), "{}", text.out);
    text.says(
        "2 lines need a decision\nnext: save it as mapping.toml and edit it, then: cor projects check ",
    );
    let described = map(&table, &["--json"]).exits(0);
    let [proposal] = described.json().try_into().unwrap();
    let counts =
        ["rows", "columns", "mapped", "guesses", "decisions"].map(|name| proposal[name].as_u64().unwrap());
    assert_eq!(counts, [2, 7, 5, 6, 2]);
    assert_eq!((&proposal["source"], &proposal["id"]["column"]), (&json!(null), &json!("Record ID")));
    let field = |name: &str| {
        let fields = proposal["fields"].as_array().unwrap();
        fields.iter().find(|field| field["field"] == name).unwrap().clone()
    };
    assert_eq!(field("estimated")["basis"], "usual_name");
    assert_eq!(
        field("estimated")["settings"],
        json!([{"name": "decimal", "value": ","}, {"name": "thousands", "value": "."}])
    );
    assert_eq!(
        field("start")["decisions"][0]["choices"][0]["settings"],
        json!([{"name": "date", "value": "%d/%m/%Y"}])
    );
    assert_eq!(proposal["keep"], json!([{"word": "-", "columns": [["Importe", 1]]}]));
    assert_eq!(proposal["unused"][0]["column"], "Owner");
    assert!(proposal["toml"].as_str().unwrap().contains("[fields.estimated]"));
}

#[test]
fn next_command_repeats_options_about_table() {
    let folder = Folder::new();
    let text = "id|name|Fecha de finalizaci\u{f3}n\nD'1|Ca\u{f1}a|2025-04-30\n";
    let latin: Vec<u8> = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let table = folder.file("t.csv", latin);
    map(&table, &[]).exits(2).says("the name of column 3 is not UTF-8");
    let arguments = ["--encoding", "windows-1252", "--delimiter", "|", "--source", "SAP"];
    let proposed = map(&table, &arguments)
        .exits(0)
        .says("--mapping mapping.toml --delimiter '|' --encoding windows-1252\n");
    let mapping = folder.file("mapping.toml", &proposed.out);
    check(&table, &mapping, &["--delimiter", "|", "--encoding", "windows-1252"]).exits(0);
    assert!(proposed.out.contains("[fields.end]"), "{}", proposed.out);
}

#[test]
fn reads_every_text_format_from_file_and_stdin() {
    let jsonl = "{\"id\":\"A\",\"Deal name\":\"x\",\"Hours\":7.5,\"End\":\"2025-04-30\"}\n{\"id\":\"B\",\"Extra\":[1]}\n";
    let singer = "{\"type\":\"SCHEMA\",\"stream\":\"deals\",\"schema\":{\"properties\":{\"id\":{},\"Deal name\":{},\
        \"End\":{},\"Hours\":{}}},\"key_properties\":[\"id\"]}\n\
        {\"type\":\"RECORD\",\"stream\":\"deals\",\"record\":{\"id\":\"A\",\"Deal name\":\"x\",\
        \"End\":\"2025-04-30T00:00:00Z\",\"Hours\":7.5}}\n{\"type\":\"STATE\",\"value\":{}}\n";
    let csv = "id\tDeal name\tEnd\tHours\nA\tx\t2025-04-30\t7.5\n";
    for (name, content) in [("t.jsonl", jsonl), ("t.singer", singer), ("t.csv", csv)] {
        let folder = Folder::new();
        let table = folder.file(name, content);
        let of_file = map(&table, &["--source", "SAP"]).exits(0);
        let of_input =
            fed(bare().args(["projects", "map", "-", "--source", "SAP"]), content.as_bytes()).exits(0);
        let columns = |text: &str| {
            text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(columns(&of_file.out), columns(&of_input.out), "{name}");
        assert_eq!(of_file.out.matches("\n[fields.").count(), 3, "{name}: {}", of_file.out);
        let mapping = folder.file("mapping.toml", &of_file.out);
        let checked = check(&table, &mapping, &["--json"]).exits(0).summary();
        assert_eq!(checked["unused"], json!([]), "{name}");
        let used: Vec<_> =
            checked["mapping"].as_array().unwrap().iter().map(|entry| entry["field"].clone()).collect();
        assert_eq!(used, ["id", "name", "end", "estimated_time"], "{name}");
    }
}

#[test]
fn unreadable_input_has_status_and_message_of_check() {
    let folder = Folder::new();
    let missing = folder.path("missing.csv");
    map(&missing, &[]).exits(2).says("missing.csv");
    map(&folder.file("empty.csv", ""), &[]).exits(2).says("the input is empty");
    let array = map(&folder.file("t.jsonl", "[{\"id\":1}]"), &["--json"]).exits(2);
    assert_eq!(array.summary()["error"]["kind"], "config");
    map(&folder.file("t.csv", "id,name\n1,a\n"), &["--sheet", "1"])
        .exits(2)
        .says("only a workbook has sheets");
    map(&folder.file("t.csv", "id,name\n1,a\n"), &["--id-column", "Id no"])
        .exits(2)
        .says("no column is called \"Id no\"");
    map(&folder.file("t.csv", "id,\n1,a\n"), &["--id-column", ""]).exits(2).says("no column is called \"\"");
    map(&folder.file("t.csv", "id,\n1,a\n"), &["--source", ""]).exits(2).says("--source is empty");
    let batch = "{\"type\":\"SCHEMA\",\"stream\":\"d\",\"schema\":{\"properties\":{\"id\":{}}}}\n{\"type\":\"BATCH\"}\n";
    map(&folder.file("tap.jsonl", batch), &[])
        .exits(2)
        .says("tap.jsonl cannot be read from line 2 on: the tap writes BATCH");
    // A row that cannot be read is left out and reported.
    let ragged = folder.file("t.csv", "id,name\n1,a\n2\n3,b\n");
    map(&ragged, &[]).exits(0).says(
        "1 row was left out, because no cells can be read; line 3: the row has 1 cell where the header has 2; write",
    );
}

#[test]
fn only_first_thousand_rows_are_read() {
    let folder = Folder::new();
    let mut table = "id,start\n".to_owned();
    (0..1000).for_each(|n| table.push_str(&format!("{n},15/04/2025\n")));
    table.push_str("1000,not a day\n");
    let proposed = map(&folder.file("t.csv", &table), &[]).exits(0);
    assert!(
        proposed
            .out
            .starts_with("# Proposed by cor projects map from the header and the first 1,000 rows of ")
    );
    assert!(
        proposed.out.contains("1,000 of 1,000 cells are days, such as \"15/04/2025\"\n"),
        "{}",
        proposed.out
    );
    let whole = map(&folder.file("t.csv", "id,start\n1,15/04/2025\n2,soon\n"), &[]).exits(0);
    assert!(whole.out.starts_with("# Proposed by cor projects map from the header and all 2 rows of "));
    assert!(whole.out.contains("1 of 2 cells are days"), "{}", whole.out);
}

#[test]
fn hostile_header_gives_mapping_that_passes_check() {
    let folder = Folder::new();
    let long = "x".repeat(1_000_000);
    let header = format!("id,name,\"a\"\"b\",\"two\nlines\",# comment,\u{1f600},[fields],\u{202e}txt,{long}");
    let row = "1,Pier,,\"]\n[fields.end]\ncolumn = 1\",\"\"\"\",\u{7f},,,";
    let table = folder.file("t.csv", format!("{header}\n{row}\n"));
    let proposed = map(&table, &["--source", "SAP"]).exits(0).says("mapped 1 of 9 columns to COR fields");
    let mapping = folder.file("mapping.toml", &proposed.out);
    let checked = check(&table, &mapping, &["--json", "--strict"]).exits(0).summary();
    assert_eq!((&checked["fine"], &checked["unused"]), (&json!(1), &json!([])));
    assert!(!proposed.out.contains(|c: char| c == '\u{202e}' || c.is_control() && c != '\n'));
}

#[test]
fn refuses_out_without_file_and_id_column_list() {
    let folder = Folder::new();
    let table = folder.file("t.csv", "id,Status,Status \n1,a,b\n");
    map(&table, &["--out", "-"])
        .exits(2)
        .says("error: --out - is not the name of a file\nhint: remove --out");
    map(&table, &["--id-column", "status"]).exits(2).says("\"status\"");
}
