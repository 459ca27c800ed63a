//! `cor projects sync`: what arrives at COR, and what is said about the rest.

#![allow(clippy::unwrap_used, reason = "in a test a surprise may panic")]

mod common;

use std::process::Stdio;

use common::*;
use cor_fault_peer::RefusedPort;
use cor_sandbox::{Answer, Sandbox};
use serde_json::{Value, json};

fn counts(summary: &Value) -> [u64; 6] {
    ["read", "applied", "rejected", "failed", "unchanged", "not_started"]
        .map(|name| summary[name].as_u64().unwrap())
}

fn bodies_in_order(sandbox: &Sandbox) -> Vec<String> {
    let trimmed = |body: String| body.replacen(r#"{"metadata":{"source":"SALESFORCE"},"#, "{", 1);
    sandbox.requests().iter().map(|request| trimmed(request.body_text())).collect()
}

#[test]
fn cells_become_fields_and_empty_cells_keep_value() {
    let sandbox = sandbox(&["007", "1E5", "12345678901234567", " a "]);
    let folder = Folder::new();
    let table = "id,name,owner,close,estimated,archived,brief,mood\n\
        007,\"Say \"\"hi\"\", then go\",x,2025-04-30,18000.10,false,,\n\
        1E5,,,,9007199254740993,TRUE,\"two\nlines\",\n\
        12345678901234567,,,,,,(none),\n \
        a ,007,,,,,,\n\
        007,,x,,,,,y\n";
    let file = folder.file("t.csv", table);
    let ran = sync(&sandbox, &file, &["--map", "close=end", "--clear-value", "(none)", "--concurrency", "1"])
        .exits(0);
    let note = "id: \" a \" (line 6) looks like an id with blanks around it, or with blanks that cannot be seen; use --trim to remove the blanks";
    assert_eq!(ran.err, format!("not used: owner, mood\n{note}\n"));
    assert!(ran.out.starts_with("Done ("), "{}", ran.out);
    for line in ["  read                    5", "  applied                 4", "  unchanged               1"]
    {
        assert!(ran.out.contains(line), "{}", ran.out);
    }
    assert_eq!(
        bodies_in_order(&sandbox),
        [
            r#"{"name":"Say \"hi\", then go","end":"2025-04-30","estimated":18000.10,"archived":false}"#,
            r#"{"brief":"two\nlines","estimated":9007199254740993,"archived":true}"#,
            r#"{"brief":null}"#,
            r#"{"name":"007"}"#,
        ]
    );
    assert_eq!(sandbox.requests()[3].path, "/v2/integrations/projects/%20a%20");
}

#[test]
fn null_clears_columns_of_clear_nulls() {
    let sandbox = sandbox(&["P-1", "P-2"]);
    let folder = Folder::new();
    let rows =
        "{\"id\":\"P-1\",\"brief\":null,\"name\":null,\"deal\":null}\n{\"id\":\"P-2\",\"brief\":\"B\"}\n";
    let file = folder.file("t.jsonl", rows);
    let arguments = ["--map", "deal=status", "--clear-nulls", "brief,Deal", "--concurrency", "1"];
    sync(&sandbox, &file, &arguments).exits(0);
    assert_eq!(bodies_in_order(&sandbox), [r#"{"brief":null,"status":null}"#, r#"{"brief":"B"}"#]);
    let mapping = folder.file("m.toml", "clear_nulls = ['brief']\n");
    let again = sync(&sandbox, &file, &["--mapping", mapping.to_str().unwrap(), "--ignore", "deal"]);
    let out = again.exits(0).out;
    assert!(out.contains("  applied                 2"), "another mapping has a state of its own: {out}");
    assert_eq!(bodies_in_order(&sandbox)[2..], [r#"{"brief":null}"#, r#"{"brief":"B"}"#]);
}

#[test]
fn reads_tables_of_other_programs() {
    let folder = Folder::new();
    for (name, content, arguments) in [
        ("bom.csv", "\u{feff}id,name\r\nP,é\r\n", &[][..]),
        ("no-end.csv", "id,name\nP,é", &[]),
        ("blank-lines.csv", "\n\nid,name\r\n\r\nP,é\r\n\r\n", &[]),
        ("mac.csv", "id,name\rP,é\r", &[]),
        ("semicolons.csv", "id;name\nP;é\n", &["--delimiter", ";"]),
        ("tabs.tsv", "id\tname\nP\té\n", &[]),
        ("tabs.txt", "id\tname\nP\té\n", &["--delimiter", "tab"]),
        ("order.csv", "name,_reason,id\né,ignored,P\n", &[]),
        ("spaces.csv", "Opp Id,Deal = Name\nP,é\n", &["--id-column", "Opp Id", "--map", "Deal = Name=name"]),
        ("left-out.csv", "id,name,end\nP,é,soon\n", &["--map", "end="]),
        ("lines.jsonl", "\u{feff}{\"id\":\"P\",\"name\":\"é\"}\r\n\n", &[]),
        ("guessed.txt", "{\"id\":\"P\",\"name\":\"\\u00e9\"}", &[]),
        (
            "told.txt",
            " \n{\"id\":\"P\",\"n\":\"é\",\"brief\":null}",
            &["--format", "jsonl", "--map", "n=name"],
        ),
    ] {
        let sandbox = sandbox(&["P"]);
        let ran = sync(&sandbox, &folder.file(name, content), arguments).exits(0);
        assert_eq!(ran.err, "", "{name}");
        assert_eq!(bodies_in_order(&sandbox), [r#"{"name":"é"}"#], "{name}");
    }
}

#[test]
fn reads_encodings_by_mark_or_option() {
    let folder = Folder::new();
    let utf16 =
        |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(bytes).collect() };
    let table = "id;name\r\nP;\"é €\r\n😀\"\r\n";
    let marked = format!("\u{feff}{table}");
    for (content, arguments) in [
        (utf16(&marked, u16::to_le_bytes), &[][..]),
        (utf16(&marked, u16::to_be_bytes), &[]),
        // The mark wins: a file of rejected rows is marked UTF-8 and synced again with the same options.
        (marked.clone().into_bytes(), &["--encoding", "windows-1252"]),
        (utf16(table, u16::to_le_bytes), &["--encoding", "utf-16le"]),
    ] {
        let sandbox = sandbox(&["P"]);
        let ran = sync(&sandbox, &folder.file("t.csv", content), arguments).exits(0);
        assert_eq!(ran.err, "");
        assert_eq!(bodies_in_order(&sandbox), ["{\"name\":\"é €\\r\\n😀\"}"]);
    }
    for (encoding, bytes) in [
        ("windows-1252", &b"caf\xE9 \x80"[..]),
        ("iso-8859-15", b"caf\xE9 \xA4"),
        ("latin1", b"caf\xE9 \x80"),
    ] {
        let sandbox = sandbox(&["P"]);
        let content = [b"id,name\nP,", bytes, b"\nQ,x\n"].concat();
        let file = folder.file("t.csv", content);
        let rejects = folder.path("r.csv");
        let rejects = rejects.to_str().unwrap();
        sync(&sandbox, &file, &["--encoding", encoding, "--rejects", rejects]).exits(1);
        // Another project's request may arrive first.
        assert!(
            bodies_in_order(&sandbox).contains(&"{\"name\":\"café €\"}".to_owned()),
            "{:?}",
            bodies_in_order(&sandbox)
        );
        assert!(
            folder.read("r.csv").starts_with("\u{feff}id,name,_line,_outcome,_reason\nQ,x,3,not_applied,")
        );
    }
    let sandbox = sandbox(&["P"]);
    // A lone surrogate is no text, and the row is told by its line.
    let broken =
        [utf16("\u{feff}id,name\nP,", u16::to_le_bytes), vec![0, 0xD8], utf16("x\nP,y\n", u16::to_le_bytes)];
    let file = folder.file("t.csv", broken.concat());
    sync(&sandbox, &file, &[]).exits(1).says("line 2, name: is not UTF-16LE");
    assert_eq!(bodies_in_order(&sandbox), ["{\"name\":\"y\"}"]);
    sync(&sandbox, &file, &["--encoding", "ebcdic"])
        .exits(2)
        .says("--encoding \"ebcdic\" is not an encoding");
}

#[test]
fn names_encoding_that_reads_file() {
    let folder = Folder::new();
    let utf_16 =
        |text: &str, bytes: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(bytes).collect() };
    let (table, line) = ("id,name\r\nP,caf\u{e9}\r\n", "{\"id\":\"P\",\"name\":\"caf\u{e9}\"}\n");
    let header_1252 = b"id,name,caf\xE9\nP,x,y\n".to_vec();
    let row_1252 = b"id,name\nP,caf\xE9\n".to_vec();
    let line_1252 = b"{\"id\":\"P\",\"name\":\"caf\xE9\"}\n".to_vec();
    let is_utf_16 = "the text is UTF-16 without a byte order mark";
    for (name, content, tried, says, encoding) in [
        ("t.csv", utf_16(table, u16::to_le_bytes), None, is_utf_16, "utf-16le"),
        ("t.csv", utf_16(table, u16::to_be_bytes), None, is_utf_16, "utf-16be"),
        ("t.jsonl", utf_16(line, u16::to_le_bytes), None, is_utf_16, "utf-16le"),
        ("t.csv", utf_16(table, u16::to_be_bytes), Some("windows-1252"), is_utf_16, "utf-16be"),
        ("t.csv", utf_16(table, u16::to_be_bytes), Some("utf-16le"), "the text is not UTF-16LE", "utf-16be"),
        ("t.csv", table.into(), Some("utf-16le"), "the text is not UTF-16LE", "utf-8"),
        ("t.jsonl", line_1252.clone(), Some("utf-16be"), "the text is not UTF-16BE", "windows-1252"),
        ("t.csv", header_1252, None, "the name of column 3 is not UTF-8", "windows-1252"),
        ("t.csv", row_1252.clone(), None, "line 2, name: is not UTF-8", "windows-1252"),
        ("t.csv", row_1252, Some("shift_jis"), "line 2, name: is not SHIFT_JIS", "windows-1252"),
        ("t.jsonl", line_1252, None, "line 1: the line is not UTF-8", "windows-1252"),
    ] {
        let file = folder.file(name, &content);
        let sandbox = sandbox(&["P"]);
        let given = |encoding| ["--encoding", encoding];
        let tried: Vec<&str> = tried.into_iter().flat_map(given).collect();
        let advice = format!("read the file with --encoding {encoding}");
        let ran = sync(&sandbox, &file, &tried).says(says).says(&advice);
        assert_ne!(ran.status, 0);
        assert_eq!(sandbox.requests().len(), 0, "{name} {tried:?}");
        sync(&sandbox, &file, &given(encoding)).exits(0);
        assert_eq!(sandbox.requests().len(), 1, "{name} {encoding}");
    }
}

#[test]
fn refuses_table_that_contradicts_mapping() {
    let sandbox = sandbox(&["P"]);
    let folder = Folder::new();
    for (content, arguments, says) in [
        ("", &[][..], &["the input is empty"][..]),
        (
            "idd,name\nP,x\n",
            &[],
            &["no column is called \"id\"; did you mean \"idd\"?", "--id-column \"idd\""],
        ),
        ("key,name\nP,x\n", &[], &["no column is called \"id\"", "--id-column", "columns are key, name"]),
        ("key;name\nP;x\n", &[], &["columns are key, name\nhint: pass --id-column"]),
        (
            "id;name\nP;x\n",
            &["--delimiter", ","],
            &["hint: if ';' separates the columns, pass --delimiter \";\""],
        ),
        ("id,name,name\nP,x,y\n", &[], &["two columns are called \"name\""]),
        ("id,name,id\nP,x,y\n", &[], &["two columns are called \"id\""]),
        (
            "id,name,deal\nP,x,y\n",
            &["--map", "deal=name"],
            &["\"name\" and \"deal\" would both set name", "--ignore \"name\""],
        ),
        (
            "id,account\nP,x\n",
            &["--map", "acount=name"],
            &["a column \"acount\"", "did you mean \"account\"?"],
        ),
        (
            "id,account\nP,x\n",
            &["--map", "account=nmae"],
            &["no field is called \"nmae\"", "did you mean \"account=name\"?"],
        ),
        ("id,account\nP,x\n", &["--map", "account"], &["has no `=`"]),
        ("id,account\nP,x\n", &["--map", "account=id"], &["--id-column \"account\""]),
        ("id,account\nP,x\n", &[], &["no column sets a field", "--map"]),
        ("id,name\nP,x\n", &["--delimiter", "::"], &["--delimiter \"::\""]),
        ("id,name\nP,x\n", &["--clear-value", ""], &["--clear-value is empty"]),
        (
            "id,name\nP,x\n",
            &["--clear-nulls", "name"],
            &["--clear-nulls applies to tables whose values can be null", "with --clear-value"],
        ),
        (
            "{\"id\":\"P\"}",
            &["--clear-nulls", "nmae"],
            &["--clear-nulls \"nmae\" sets no field", "did you mean \"name\"?"],
        ),
        ("id,name\nP,x\n", &["--concurrency", "0"], &["concurrency"]),
        ("[{\"id\":\"P\"}]", &[], &["one object per line"]),
        ("{\"id\":\"P\"}", &["--delimiter", ";"], &["--delimiter applies only to CSV"]),
        ("\u{feff}x\u{fffe}", &["--map", "a=b", "--map", "c=d"], &["2 problems, nothing was sent"]),
    ] {
        let file = folder.file("t", content);
        let rejects = folder.path("r");
        let mut ran = ran(sync_command(&sandbox, &file, arguments).arg("--rejects").arg(&rejects)).exits(2);
        for says in says {
            ran = ran.says(says);
        }
        assert_eq!(ran.out, "");
        assert!(!rejects.exists(), "{content:?}");
    }
    let latin = folder.file("t", b"id,name,caf\xE9\n");
    sync(&sandbox, &latin, &[]).exits(2).says("column 3 is not UTF-8");
    sync(&sandbox, &folder.path("missing"), &[]).exits(2).says("cannot read").says("missing");
    sync(&sandbox, &folder.path(""), &[]).exits(2).says("is a folder");
    let ran = sync(&sandbox, &folder.path("missing"), &["--json"]).exits(2);
    assert_eq!(ran.json()[0]["error"]["kind"], "config");
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn bad_row_is_reported_with_line_column_and_remedy() {
    let sandbox = sandbox(&["P"]);
    let folder = Folder::new();
    let table = b"id,name,close_value,end,start\r\n\
        P,\"two\r\nlines\",,,\r\n\
        P,,\"1,234.50\",05/01/2025,\r\n\
        P,,5\r\n\
        P,a,b,c,d,e\r\n\
        ,x,,,\r\n\
        P,caf\xE9,,,\r\n\
        P,,,2025-01-01,2025-02-01\r\n\
        P,\"never closed,,,\r\nP,lost,,,\r\n";
    let file = folder.file("t.csv", table);
    let ran = sync(&sandbox, &file, &["--map", "close_value=estimated"]).exits(1);
    for says in [
        "line 4, close_value: \"1,234.50\" is not a plain number; write only digits, with a point",
        "; end: \"05/01/2025\" is not a date; write a real day as YYYY-MM-DD",
        "line 5: the row has 3 cells where the header has 5",
        "line 6: the row has 6 cells where the header has 5; put quotation marks around a value",
        "line 7, id: is empty",
        "line 8, name: is not UTF-8",
        "line 9, start: start 2025-02-01 is after end 2025-01-01",
        "line 10: a quotation mark is not closed; the row runs to line 11",
    ] {
        assert!(ran.err.contains(says), "{says:?} is missing:\n{}", ran.err);
    }
    assert_eq!(bodies_in_order(&sandbox), [r#"{"name":"two\r\nlines"}"#]);
    let ran = sync(&sandbox, &file, &["--map", "close_value=estimated", "--json"]).exits(1);
    let note = "close_value: 1 value is not a plain number; one format reads all of them: set --thousands to \",\"; this applies to every column with numbers\n";
    assert_eq!(ran.err, note, "everything else is on standard output");
    assert_eq!(counts(&ran.summary()), [8, 0, 7, 0, 1, 0]);
    let first = &ran.json()[0];
    assert_eq!((&first["line"], &first["id"]), (&json!(4), &json!("P")));
    assert_eq!(first["error"]["kind"], "invalid");
    assert_eq!(first["error"]["issues"][0]["column"], "close_value");
    assert_eq!(first["error"]["issues"][0]["field"], "estimated");
    assert_eq!(first["error"]["issues"][1]["code"], "not_a_date");
}

#[test]
fn refuses_malformed_quotation_marks_every_time() {
    let sandbox = sandbox(&["A", "B", "C", "D"]);
    let folder = Folder::new();
    let file = folder.file("t.csv", "id,name\nA,\"5 inch\nB,\"x\"\nC,\"5\" pipe\"\nD,5\" pipe\nB,\"torn, te");
    let rejects = folder.path("r.csv");
    let rejects = rejects.to_str().unwrap();
    let ran = sync(&sandbox, &file, &["--rejects", rejects]).exits(1);
    for says in [
        "line 2: text follows a closing quotation mark; inside a quoted value, write each quotation mark \
         twice; the row runs to line 3",
        "line 4: text follows a closing quotation mark",
        "line 6: a quotation mark is not closed",
    ] {
        assert!(ran.err.contains(says), "{says:?} is missing:\n{}", ran.err);
    }
    assert_eq!(bodies_in_order(&sandbox), [r#"{"name":"5\" pipe"}"#]);
    for (from, to) in [("r.csv", "again.csv"), ("again.csv", "r.csv")] {
        let to = folder.path(to);
        sync(&sandbox, &folder.path(from), &["--rejects", to.to_str().unwrap()]).exits(1);
    }
    let written = folder.read("r.csv");
    assert!(written.contains("\nC,\"5\" pipe\",4,rejected,"), "{written}");
    assert!(bodies_in_order(&sandbox).len() == 1, "what was not mended is not sent: {written}");
    let cut = folder.file("cut.csv", "id,\"name\nA,x\n");
    sync(&sandbox, &cut, &[]).exits(2).says("the header row is malformed: a quotation mark is not closed");
}

#[test]
fn json_lines_keep_value_types() {
    let sandbox = sandbox(&["P", "7"]);
    let folder = Folder::new();
    let lines = concat!(
        r#"{"id":"7","estimated":18000.10,"billable":false,"mood":1,"brief":""}"#,
        "\n",
        r#"{"id":7,"name":"x"}"#,
        "\n",
        r#"{"id":"P","estimated":"5","name":null,"extra":{"a":[1]}}"#,
        "\n",
        "nonsense\n",
        r#"{"id":"P","name":null}"#,
        "\n",
    );
    let file = folder.file("t.jsonl", lines);
    let ran = sync(&sandbox, &file, &[])
        .exits(1)
        .says("line 2, id: 7 is a number; pass the id as text, \"7\" (007 and 7 are different ids)")
        .says("line 3, estimated: the text \"5\" has the wrong type")
        .says("line 4: the line is not a JSON object")
        .says("not used: mood, extra");
    assert!(ran.out.contains("unchanged               1"), "{}", ran.out);
    assert_eq!(bodies_in_order(&sandbox), [r#"{"brief":"","billable":false,"estimated":18000.10}"#]);
}

#[test]
fn standard_input_is_read_while_it_arrives() {
    let sandbox = sandbox(&["P"]);
    for input in [
        "id,name\nP,piped\nP,twice\n",
        "{\"id\":\"P\",\"name\":\"piped\"}\n{\"id\":\"P\",\"name\":\"twice\"}",
    ] {
        sandbox.requests_clear();
        let mut command = cor(&sandbox, &["projects", "sync", "-", "--source", "SALESFORCE", "--json"]);
        let ran = fed(command.arg("--no-state"), input.as_bytes()).exits(0);
        assert_eq!(counts(&ran.summary()), [2, 2, 0, 0, 0, 0]);
        // Rows of one project are applied in order.
        assert_eq!(bodies_in_order(&sandbox), [r#"{"name":"piped"}"#, r#"{"name":"twice"}"#]);
    }
    // A row is applied although the next has not been written yet.
    sandbox.requests_clear();
    let arguments = ["projects", "sync", "-", "--source", "SALESFORCE", "--no-state"];
    let mut child = piped(cor(&sandbox, &arguments).stdin(Stdio::piped()));
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, b"id,name\nP,first\n").unwrap();
    assert_eq!(sandbox.wait_for_requests(1, PATIENCE).len(), 1);
    drop(input);
    end_of(child).exits(0);
}

#[test]
fn each_ending_has_its_exit_status() {
    let folder = Folder::new();
    let file = folder.file("t.csv", "id,name\nP,1\nQ,2\nR,3\nS,4\n");
    let run = |answer: Answer, arguments: &[&str]| {
        let sandbox = sandbox(&["P", "Q", "R", "S"]);
        sandbox.queue(answer.for_id("P"));
        let arguments = [&["--json", "--concurrency", "1", "--backoff-base", "0.001"], arguments].concat();
        sync(&sandbox, &file, &arguments)
    };
    let done = run(Answer::pass(), &[]).exits(0);
    assert_eq!(counts(&done.summary()), [4, 4, 0, 0, 0, 0]);
    assert_eq!(done.summary()["stopped"], Value::Null);
    let refused = run(Answer::error(400, "ValidationError", "X", "no"), &[]).exits(1);
    assert_eq!(counts(&refused.summary()), [4, 3, 0, 1, 0, 0]);
    assert_eq!(refused.json()[0]["error"]["code"], "X");
    assert_eq!(refused.json()[0]["line"], 2);
    run(Answer::status(403), &[]).exits(3);
    let unauthorised = run(Answer::status(401), &[]).exits(3);
    assert_eq!(unauthorised.summary()["stopped"]["reason"], "auth");
    assert_eq!(unauthorised.summary()["applied"], 0);
    let limited = run(Answer::pass(), &["--limit", "2"]).exits(0);
    assert_eq!(counts(&limited.summary()), [2, 2, 0, 0, 0, 0]);
    assert_eq!(limited.summary()["unread_from_line"], 4);

    let refused_port = RefusedPort::bind();
    let url = format!("http://{refused_port}");
    let unreached = run(Answer::pass(), &["--base-url", &url, "--deadline", "0.4"]).exits(4);
    assert_eq!(unreached.summary()["applied"], 0);
    assert_eq!(unreached.summary()["stopped"]["reason"], "transport");
    let one_by_one = run(Answer::pass(), &["--base-url", &url, "--max-attempts", "1"]).exits(4);
    assert_eq!(one_by_one.summary()["failed"], 4);
    run(Answer::drop_connection(), &["--max-attempts", "1"]).exits(1);
}

#[test]
fn dry_run_checks_every_row_without_credentials() {
    let folder = Folder::new();
    let mut table = "id,name,end\n".to_owned();
    (0..20).for_each(|n| table.push_str(&format!("P{n},x,\n")));
    table.push_str("Q,,soon\nR,,\n");
    let file = folder.file("t.csv", table);
    let command = |arguments: &[&str]| {
        let mut command = bare();
        command
            .args(["projects", "sync", "--source", "SAP", "--dry-run", "--no-state"])
            .arg(&file)
            .args(arguments);
        ran(&mut command)
    };
    command(&[])
        .exits(1)
        .says("line 22, end: \"soon\" is not a date")
        .prints("PUT https://integrations.projectcor.com/v2/integrations/projects/P0\n")
        .prints("… and 17 more requests")
        .prints("Nothing was sent")
        .prints("would be sent          20");
    let ran = command(&["--json"]).exits(1);
    assert_eq!(counts(&ran.summary()), [22, 0, 1, 0, 1, 20]);
    assert_eq!(ran.summary()["dry_run"], true);
    assert_eq!(ran.json()[19]["body"]["name"], "x");
    assert_eq!(ran.json()[20]["error"]["kind"], "invalid");
}

#[test]
fn summary_counts_rows_by_their_outcome() {
    let sandbox = sandbox(&["P"]);
    let folder = Folder::new();
    let file = folder.file("t.csv", "id,estimated\nP,1\nnobody,2\nQ,x\n");
    let report = folder.path("r.html");
    let ran = sync(&sandbox, &file, &["--report", report.to_str().unwrap()]).exits(1);
    let count = |ran: &Ran, name: &str| {
        let line = ran.out.lines().find_map(|line| line.trim().strip_prefix(name));
        line.map(|rest| rest.trim().to_owned())
    };
    for (name, number) in [("applied", "1"), ("rejected", "1"), ("not applied", "1")] {
        assert_eq!(count(&ran, name).as_deref(), Some(number), "{name}: {}", ran.out);
    }
    assert_eq!((count(&ran, "unknown"), count(&ran, "failed")), (None, None), "{}", ran.out);
    assert!(folder.read("r.html").contains("<dt>not applied</dt><dd>1</dd>"));
    sandbox.queue(Answer::drop_connection());
    let ran = sync(&sandbox, &folder.file("u.csv", "id,estimated\nP,3\n"), &["--max-attempts", "1"]).exits(1);
    assert_eq!((count(&ran, "not applied"), count(&ran, "unknown")), (Some("0".into()), Some("1".into())));
}

#[test]
fn prints_same_failure_once_with_count_and_examples() {
    let sandbox = sandbox(&[]);
    let folder = Folder::new();
    let mut table = "id,name\n".to_owned();
    (0..25).for_each(|n| table.push_str(&format!("P{n},x\n")));
    let file = folder.file("t.csv", table);
    let ran = sync(&sandbox, &file, &["--concurrency", "1"]).exits(1);
    let lines = "25 rows: COR has no such project (ZC001, HTTP 404); not applied\n    \
                 line 2 (P0), line 3 (P1), line 4 (P2) and 22 more\n";
    assert_eq!(ran.err, lines);
    ran.prints("Run it with --rejects FILE to get those rows into a file to correct.");
    let rejects = folder.path("r.csv");
    let rejects = rejects.to_str().unwrap();
    sync(&sandbox, &file, &["--rejects", rejects])
        .exits(1)
        .prints(&format!("25 rows were written to {rejects}"));
}

#[test]
fn closed_pipe_does_not_stop_run() {
    let sandbox = sandbox(&["P"]);
    let folder = Folder::new();
    let mut table = "id,name\n".to_owned();
    (0..300).for_each(|n| table.push_str(&format!("X{n},x\n")));
    table.push_str("P,last\n");
    let file = folder.file("t.csv", table);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ran = ran(sync_command(&sandbox, &file, &["--json"]).stdout(Stdio::from(writer))).exits(1);
    assert_eq!(ran.err, "");
    assert_eq!(sandbox.project("SALESFORCE", "P").unwrap().text("name"), Some("last"));
}

#[test]
fn flags_set_value_formats() {
    let folder = Folder::new();
    for (content, arguments, sent) in [
        ("id,end\nP,2025-04-30T23:30:00Z\n", &["--day-in", "Europe/Madrid"][..], r#"{"end":"2025-05-01"}"#),
        ("id,end\nP,30/04/2025\n", &["--date-format", "%d/%m/%Y"], r#"{"end":"2025-04-30"}"#),
        ("id;estimated\nP;1.234,50\n", &["--decimal", ",", "--thousands", "."], r#"{"estimated":1234.50}"#),
        ("id,name,brief\nP,NULL,B\n", &["--null-value", "NULL"], r#"{"brief":"B"}"#),
        ("id,name\n\" P\u{a0}\", N \n", &["--trim"], r#"{"name":"N"}"#),
        ("id,name,mood\nP,N,x\n", &["--strict", "--ignore", "mood"], r#"{"name":"N"}"#),
    ] {
        let sandbox = sandbox(&["P"]);
        let file = folder.file("t", content);
        sync(&sandbox, &file, arguments).exits(0);
        assert_eq!(bodies_in_order(&sandbox), [sent], "{arguments:?}");
    }
    let sandbox = sandbox(&["P"]);
    let file = folder.file("t", "id,name,mood\nP,N,x\n");
    sync(&sandbox, &file, &["--strict"])
        .exits(2)
        .says("no field is called \"mood\"")
        .says("--ignore \"mood\"");
    let file = folder.file("t", "id,end\nP,2025-04-30T23:30:00Z\n");
    sync(&sandbox, &file, &[]).exits(1).says("set --day-in to the time zone");
}

#[test]
fn creates_no_project_under_mangled_id() {
    let folder = Folder::new();
    let table = "id,name\n9.91214E+15,Pier\nQ\u{a0},Quay\nP,Known\nNEW,New\n";
    let file = folder.file("t.csv", table);
    for own_state in [&[][..], &["--no-state"]] {
        let sandbox = sandbox(&["P"]);
        let with = |more: &[&'static str]| [&["--create-missing"], own_state, more].concat();
        let ran = sync(&sandbox, &file, &with(&[]))
            .exits(1)
            .says("2 rows: COR has no such project (ZC001, HTTP 404); not applied\n    line 2 (9.91214E+15), line 3 (Q");
        assert!(
            ran.err.contains("no project is created under such an id, unless --allow-mangled-ids"),
            "{}",
            ran.err
        );
        let known = |sandbox: &Sandbox| -> Vec<String> {
            sandbox.projects().iter().map(|project| project.id().to_owned()).collect()
        };
        assert_eq!(known(&sandbox), ["P", "NEW"], "{own_state:?}");
        sync(&sandbox, &file, &with(&["--allow-mangled-ids"])).exits(0);
        let mut all = known(&sandbox);
        all.sort();
        assert_eq!(all, ["9.91214E+15", "NEW", "P", "Q\u{a0}"]);
    }
}

#[test]
fn run_with_too_many_failures_says_how_to_continue() {
    let sandbox = sandbox(&["A", "B", "C"]);
    let folder = Folder::new();
    let file = folder.file("t.csv", "id,end\nA,soon\nB,later\nC,2025-04-30\n");
    sync(&sandbox, &file, &["--max-failures", "1"])
        .exits(1)
        .says("stopped because more than 1 row failed (--max-failures)")
        .prints("The other rows were not sent: run the same command again once the causes are removed.");
    assert_eq!(bodies(&sandbox), [""; 0]);
    sync(&sandbox, &file, &["--max-failures", "2"]).exits(1);
    assert_eq!(bodies(&sandbox).len(), 1);
    sync(&sandbox, &file, &["--max-failures", "many"])
        .exits(2)
        .says("pass a number of rows, such as 20, or a share of them, such as 5%");
}
