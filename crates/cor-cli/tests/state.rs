//! `cor projects sync` with its state, `plan`, `state show` and `state forget`: what is sent, said and stored.

#![allow(clippy::unwrap_used, reason = "in a test a surprise may panic")]

mod common;

use std::io::BufReader;
use std::path::Path;

use common::*;
use cor_fault_peer::RefusedPort;
use cor_sandbox::{Answer, Hold, Sandbox};
use serde_json::{Value, json};

const TABLE: &str = "id,name,estimated,archived\nA,a,18000.10,false\nB,b,1,\nA,a2,,\n";

/// Another verb about the same table, or about the state.
fn verb(sandbox: &Sandbox, words: &[&str], file: Option<&Path>, arguments: &[&str]) -> Ran {
    let mut command = cor(sandbox, words);
    if let Some(file) = file {
        command.arg(file).args(["--source", "SALESFORCE"]);
    }
    ran(command.args(arguments))
}

fn plan(sandbox: &Sandbox, file: &Path, arguments: &[&str]) -> Ran {
    verb(sandbox, &["projects", "plan"], Some(file), arguments)
}

fn applied(ran: &Ran) -> [u64; 3] {
    ["applied", "unchanged", "failed"].map(|name| ran.summary()[name].as_u64().unwrap())
}

#[test]
fn plan_shows_diff_that_sync_applies() {
    let sandbox = sandbox(&["A", "B"]);
    let folder = Folder::new();
    let file = folder.file("t.csv", TABLE);
    let before = plan(&sandbox, &file, &[]).exits(0);
    let (changes, counts) = before.out.split_once("\n\n").unwrap();
    assert_eq!(
        changes,
        "+ A (2 rows, lines 2 to 4, not in the state)\n    name       \"a2\"\n    estimated  18000.10\n    archived   false\n\
         + B (line 3, not in the state)\n    name       \"b\"\n    estimated  1"
    );
    for line in [
        "Nothing was sent; this is the plan (",
        "\n  projects to change            0\n",
        "\n  not in the state              2\n",
    ] {
        assert!(counts.contains(line), "{counts}");
    }
    assert!(sandbox.requests().is_empty());
    sync(&sandbox, &file, &[]).exits(0).prints("applied                 3");
    assert_eq!(
        bodies(&sandbox),
        [r#"A {"name":"a2","estimated":18000.10,"archived":false}"#, r#"B {"name":"b","estimated":1}"#]
    );
    let again = sync(&sandbox, &file, &["--json"]).exits(0);
    assert_eq!(applied(&again), [0, 3, 0]);
    assert!(bodies(&sandbox).is_empty());

    let file = folder.file("t.csv", TABLE.replace("a2,,", "a3,18000.1,").replace("B,b,1,", "B,b,1,true"));
    plan(&sandbox, &file, &[])
        .exits(0)
        .prints(
            "~ A (2 rows, lines 2 to 4)\n    name       \"a2\" → \"a3\"\n    estimated  18000.10 → 18000.1\n",
        )
        .prints("~ B (line 3)\n    archived  (not known) → true\n")
        .prints("projects to change            2");
    let lines = plan(&sandbox, &file, &["--json"]).exits(0);
    assert_eq!(
        lines.out.lines().next(),
        Some(concat!(
            r#"{"id":"A","line":2,"rows":2,"new":false,"changes":[{"field":"name","old":"a2","new":"a3"},"#,
            r#"{"field":"estimated","old":18000.10,"new":18000.1}]}"#
        ))
    );
    let summary = lines.summary();
    assert_eq!(
        (&summary["to_change"], &summary["new"], &summary["dry_run"]),
        (&json!(2), &json!(0), &json!(true))
    );
    sync(&sandbox, &file, &["--dry-run"])
        .exits(0)
        .prints("PUT ")
        .prints(r#""name":"a3","estimated":18000.1}"#);
    assert!(bodies(&sandbox).is_empty());
    sync(&sandbox, &file, &[]).exits(0);
    assert_eq!(bodies(&sandbox), [r#"A {"name":"a3","estimated":18000.1}"#, r#"B {"archived":true}"#]);
    sync(&sandbox, &file, &["--full"]).exits(0);
    assert_eq!(bodies(&sandbox).len(), 2);
}

#[test]
fn plan_without_state_creates_none() {
    let sandbox = sandbox(&["A", "B"]);
    let folder = Folder::new();
    let file = folder.file("t.csv", TABLE);
    let state = folder.path("none.db");
    let named = state.to_str().unwrap();
    plan(&sandbox, &file, &["--state", named]).exits(0).prints("not in the state              2");
    sync(&sandbox, &file, &["--state", named, "--dry-run"]).exits(0);
    assert!(!state.exists());
    verb(&sandbox, &["state", "show"], None, &["--state", named])
        .exits(5)
        .says("none.db\nhint: run a sync, which creates it\n");
}

#[test]
fn reads_stdin_to_end_because_last_row_wins() {
    let sandbox = sandbox(&["A", "B"]);
    for expected in [2, 0] {
        let mut command = cor(&sandbox, &["projects", "sync", "-", "--source", "SALESFORCE"]);
        fed(&mut command, TABLE.as_bytes()).exits(0);
        assert_eq!(bodies(&sandbox).len(), expected);
    }
}

#[test]
fn stored_values_can_be_shown_and_deleted() {
    let sandbox = sandbox(&["A", "B"]);
    let folder = Folder::new();
    let file = folder.file("t.csv", TABLE);
    sandbox.queue(Answer::drop_connection().for_id("B"));
    sync(&sandbox, &file, &["--max-attempts", "1"]).exits(1);
    let show = |arguments: &[&str]| verb(&sandbox, &["state", "show"], None, arguments);
    show(&[]).exits(0).prints("SALESFORCE").prints(&sandbox.base_url());
    let scope = show(&["--json"]).exits(0).summary();
    assert_eq!((&scope["projects"], &scope["unsettled"]), (&json!(1), &json!(1)));
    let cor_id = sandbox.project("SALESFORCE", "A").unwrap().cor_id();
    show(&["A"])
        .exits(0)
        .prints(&format!("\n  COR's internal id {cor_id}\n"))
        .prints("  name       \"a2\"\n  estimated  18000.10\n");
    show(&["B"]).exits(0).prints("sent, outcome unknown: the next sync sends it again\n  name       \"b\"");
    let (url, mapping, at) = (sandbox.base_url(), &scope["mapping"], &scope["accepted_at"]);
    assert_eq!(
        show(&["--json"]).out,
        format!(
            "{{\"accepted_at\":{at},\"base_url\":\"{url}\",\"mapping\":{mapping},\"projects\":1,\
             \"source\":\"SALESFORCE\",\"unsettled\":1}}\n"
        )
    );
    let head = format!("{{\"base_url\":\"{url}\",\"mapping\":{mapping},\"source\":\"SALESFORCE\"");
    for (id, members) in [
        (
            "A",
            format!(
                r#""cor_id":{cor_id},"accepted":{{"name":"a2","estimated":18000.10,"archived":false}},"accepted_at":{at},"unsettled":null,"refused":null"#
            ),
        ),
        (
            "B",
            r#""cor_id":null,"accepted":null,"accepted_at":null,"unsettled":{"name":"b","estimated":1},"refused":null"#
                .to_owned(),
        ),
    ] {
        assert_eq!(show(&[id, "--json"]).exits(0).out, format!("{head},\"id\":\"{id}\",{members}}}\n"));
    }
    show(&["nobody"]).exits(1).says("the state has no project \"nobody\"");
    let forget = |arguments: &[&str]| verb(&sandbox, &["state", "forget"], None, arguments);
    forget(&["nobody"]).exits(1).prints("no matching project in the state");
    let slashed = sandbox.base_url().replace("http://", "HTTP://") + "/";
    forget(&["A", "--base-url", "http://127.0.0.1:1"]).exits(1).prints("no matching project in the state");
    forget(&[]).exits(2);
    forget(&["--all", "A"]).exits(2);
    forget(&["A", "--base-url", &slashed]).exits(0).prints("1 project is forgotten");
    bodies(&sandbox);
    let after = sync(&sandbox, &file, &["--json"]).exits(0);
    assert_eq!(applied(&after), [3, 0, 0]);
    assert_eq!(forget(&["--all", "--source", "SAP", "--json"]).exits(0).summary(), json!({ "forgotten": 0 }));
    assert_eq!(forget(&["--all", "--json"]).exits(0).summary(), json!({ "forgotten": 2 }));
}

#[test]
fn unusable_state_stops_run_before_start() {
    let sandbox = sandbox(&["A", "B"]);
    let folder = Folder::new();
    let file = folder.file("t.csv", TABLE);
    let state = folder.path("sync.db");
    let arguments = ["--state", state.to_str().unwrap(), "--rejects", folder.path("r.csv").to_str().unwrap()]
        .map(str::to_owned);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    sync(&sandbox, &file, &arguments).exits(0);
    let whole = std::fs::read(&state).unwrap();
    std::fs::write(folder.path("r.csv"), "not to be lost").unwrap();
    bodies(&sandbox);
    let mut newer = whole.clone();
    newer[60..64].copy_from_slice(&9u32.to_be_bytes());
    for (bytes, code, says) in [
        (&whole[..whole.len() - 1], "state_damaged", "is damaged"),
        (&newer[..], "state_version", "of a newer version (9; this program writes 1)"),
        (&b"id,name\n".repeat(100)[..], "state_foreign", "is not a state file"),
    ] {
        std::fs::write(&state, bytes).unwrap();
        assert_eq!(sync(&sandbox, &file, &arguments).exits(5).says(says).out, "");
        let mut as_json = sync_command(&sandbox, &file, &arguments);
        let error = ran(as_json.arg("--json")).exits(5).json();
        assert_eq!(
            (&error[0]["error"]["code"], &error[0]["error"]["outcome"]),
            (&json!(code), &json!("not_applied"))
        );
        plan(&sandbox, &file, &arguments[..2]).exits(5).says(says);
        verb(&sandbox, &["state", "show"], None, &arguments[..2]).exits(5).says(says);
        assert_eq!(std::fs::read(&state).unwrap(), bytes, "it was left as it is");
    }
    assert!(bodies(&sandbox).is_empty());
    assert_eq!(folder.read("r.csv"), "not to be lost");
    std::fs::write(&state, &whole).unwrap();
    let last = ran(sync_command(&sandbox, &file, &arguments).arg("--json")).exits(0);
    assert_eq!(applied(&last), [0, 3, 0]);
}

/// A run of six projects with the first two held up at COR.
struct Held {
    sandbox: Sandbox,
    folder: Folder,
    hold: Hold,
    child: std::process::Child,
}

impl Held {
    fn new(arguments: &[&str]) -> Held {
        let sandbox = sandbox(&["1", "2", "3", "4", "5", "6"]);
        let folder = Folder::new();
        let file = folder.file("t.csv", "id,name\n1,a\n2,b\n3,c\n4,d\n5,e\n6,f\n");
        let hold = Hold::new();
        sandbox.queue(Answer::pass().held_by(&hold).times(2));
        let mut command = sync_command(&sandbox, &file, &["--concurrency", "2", "--json"]);
        let child = piped(command.args(arguments));
        assert_eq!(sandbox.wait_for_requests(2, PATIENCE).len(), 2);
        Held { sandbox, folder, hold, child }
    }

    /// The same command once more.
    fn again(&self) -> Ran {
        sync(&self.sandbox, &self.folder.path("t.csv"), &["--concurrency", "2", "--json"])
    }
}

#[test]
fn second_run_of_source_stops_immediately() {
    let held = Held::new(&[]);
    let pid = held.child.id();
    let in_use = format!("another run of SALESFORCE (process {pid}) uses the state file");
    held.again().exits(5).prints("state_in_use").says(&in_use).says("--wait");
    verb(&held.sandbox, &["state", "forget"], None, &["--all"]).exits(5).says(&in_use);
    // Reading is always possible.
    let scope = verb(&held.sandbox, &["state", "show"], None, &["--json"]).exits(0).summary();
    assert_eq!((&scope["projects"], &scope["unsettled"]), (&json!(0), &json!(2)));
    let file = held.folder.path("t.csv");
    assert_eq!(plan(&held.sandbox, &file, &["--json"]).exits(0).summary()["new"], 6);
    sync(&held.sandbox, &file, &["--dry-run"]).exits(0).prints("PUT ");
    assert_eq!(held.sandbox.requests().len(), 2);
    // Another source is another matter: COR is asked, and has no such project.
    let other = ["projects", "sync", file.to_str().unwrap(), "--source", "SAP", "--json"];
    let other = ran(&mut cor(&held.sandbox, &other)).exits(1);
    assert_eq!(other.summary()["failed"], 6);
    held.hold.release();
    end_of(held.child).exits(0);
}

#[test]
fn run_that_waited_continues_from_state_of_other_run() {
    let mut held = Held::new(&[]);
    let mut second = piped(&mut sync_command(
        &held.sandbox,
        &held.folder.path("t.csv"),
        &["--concurrency", "2", "--json", "--wait", "60"],
    ));
    let mut messages = BufReader::new(second.stderr.take().unwrap());
    let waiting = format!("waiting for another run of the same source (process {}) to end", held.child.id());
    wait_for_line(&mut messages, &waiting);
    assert_eq!(held.sandbox.requests().len(), 2);
    held.hold.release();
    let first = std::mem::replace(&mut held.child, piped(&mut std::process::Command::new("true")));
    assert_eq!(applied(&end_of(first).exits(0)), [6, 0, 0]);
    assert_eq!(applied(&end_of(second).exits(0)), [0, 6, 0]);
}

#[test]
fn state_replaced_during_run_excludes_other_runs() {
    let held = Held::new(&[]);
    let (file, moved) = (held.folder.path("t.csv"), held.folder.path("moved.db"));
    // Another file under the name that a run of SALESFORCE has open.
    let used = std::path::PathBuf::from(
        verb(&held.sandbox, &["state", "show"], None, &[]).exits(0).out.lines().next().unwrap(),
    );
    std::fs::rename(&used, &moved).unwrap();
    std::fs::copy(&moved, &used).unwrap();
    let mut command = cor(&held.sandbox, &["projects", "sync", file.to_str().unwrap(), "--source", "SAP"]);
    ran(command.arg("--json")).exits(5).prints("state_in_use");
    held.hold.release();
    end_of(held.child).exits(5).says("was removed or replaced");
}

#[test]
fn signal_stops_run_that_waits() {
    let held = Held::new(&[]);
    let mut second =
        piped(&mut sync_command(&held.sandbox, &held.folder.path("t.csv"), &["--json", "--wait", "60"]));
    let mut messages = BufReader::new(second.stderr.take().unwrap());
    wait_for_line(&mut messages, "waiting for another run of the same source");
    signal(&second, "TERM");
    end_of(second).exits(143);
    assert_eq!(held.sandbox.requests().len(), 2);
    held.hold.release();
    end_of(held.child).exits(0);
}

#[test]
fn reports_lock_not_released_in_time() {
    let held = Held::new(&[]);
    let arguments = ["--json", "--wait", "0.7"];
    sync(&held.sandbox, &held.folder.path("t.csv"), &arguments).exits(5).prints("state_in_use");
    for wait in ["0", "-1", "700000"] {
        sync(&held.sandbox, &held.folder.path("t.csv"), &["--wait", wait]).exits(2).says("wait is");
    }
    held.hold.release();
    end_of(held.child).exits(0);
}

#[test]
fn next_run_continues_after_first_signal() {
    let mut held = Held::new(&["--rejects", "/dev/null"]);
    signal(&held.child, "INT");
    let mut messages = BufReader::new(held.child.stderr.take().unwrap());
    wait_for_line(
        &mut messages,
        "stopping: waiting for the requests in flight; repeat the signal (Ctrl-C) to end at once",
    );
    held.hold.release();
    let child = std::mem::replace(&mut held.child, piped(&mut std::process::Command::new("true")));
    let stopped = end_of(child).exits(130);
    assert_eq!(applied(&stopped), [2, 0, 0]);
    assert_eq!(stopped.summary()["not_started"], 4);
    assert_eq!(held.sandbox.requests().len(), 2);
    assert_eq!(applied(&held.again().exits(0)), [4, 2, 0]);
    assert_eq!(held.sandbox.requests().len(), 6);
}

#[test]
fn next_run_resends_unknown_updates_after_second_signal() {
    let mut held = Held::new(&[]);
    let mut messages = BufReader::new(held.child.stderr.take().unwrap());
    signal(&held.child, "INT");
    wait_for_line(&mut messages, "to end at once");
    signal(&held.child, "INT");
    wait_for_line(&mut messages, "2 updates were in flight");
    let child = std::mem::replace(&mut held.child, piped(&mut std::process::Command::new("true")));
    let left = end_of(child).exits(130).summary();
    assert_eq!((&left["failed"], &left["not_started"]), (&json!(2), &json!(4)));
    held.hold.release();
    assert_eq!(applied(&held.again().exits(0)), [6, 0, 0]);
}

#[test]
fn only_missing_projects_are_created() {
    let sandbox = sandbox(&["A"]);
    let folder = Folder::new();
    let file =
        folder.file("t.csv", "id,name,estimated,brand_id,product_id\nA,a,1,B,\nN,n,2,B/1,\nnameless,,3,,\n");
    let ran = sync(&sandbox, &file, &["--create-missing", "--json"]).exits(1);
    let summary = ran.summary();
    assert_eq!((applied(&ran), &summary["created"], &summary["rejected"]), ([2, 0, 0], &json!(1), &json!(1)));
    assert!(ran.json()[0]["error"]["message"].as_str().unwrap().contains("name: is required"), "{}", ran.out);
    let created = sandbox.project("SALESFORCE", "N").unwrap();
    assert_eq!((created.number("estimated"), created.text("brand_id")), (Some("2"), Some("B/1")));
    assert!(created.text("product_id").is_none());
    let updates = sandbox.requests().into_iter().filter(|request| request.method == "PUT");
    assert!(
        updates.map(|request| request.body_text()).all(|body| !body.contains("brand_id")),
        "only a create says it"
    );
    // Without creates they are columns like any other.
    sync(&sandbox, &file, &[]).exits(1).says("not used: brand_id, product_id");
    let json = folder.file("t.jsonl", r#"{"id":"J","name":"j","product_id":"P","brand_id":null}"#);
    sync(&sandbox, &json, &["--create-missing"]).exits(0);
    assert_eq!(sandbox.project("SALESFORCE", "J").unwrap().text("product_id"), Some("P"));
    assert_eq!(sandbox.projects().len(), 3);
    let stateless = folder.file("u.csv", "id,name\nM,m\n");
    sync(&sandbox, &stateless, &["--create-missing", "--no-state"]).exits(0);
    assert_eq!(sandbox.project("SALESFORCE", "M").unwrap().text("name"), Some("m"));
}

#[test]
fn plan_reports_earlier_refused_projects_not_as_new() {
    let sandbox = sandbox(&["A"]);
    let folder = Folder::new();
    let file = folder.file("t.csv", "id,name\nA,a\nN,n\n");
    plan(&sandbox, &file, &[]).exits(0).prints("+ N (line 3, not in the state)");
    sync(&sandbox, &file, &[]).exits(1);
    plan(&sandbox, &file, &[])
        .exits(0)
        .prints("! N (line 3, refused by COR before)\n    COR refused an update of it at 20")
        .prints("Z: COR has no such project")
        .prints("; sync sends this one\n    name  \"n\"")
        .prints("projects to change            1\n")
        .prints("not in the state              0\n");
    let change = plan(&sandbox, &file, &["--json"]).exits(0).json()[0].clone();
    assert_eq!((&change["id"], &change["new"]), (&json!("N"), &json!(false)));
    assert!(change["refused"]["reason"].as_str().unwrap().contains("no such project"), "{change}");
    assert!(change["refused"]["at"].as_str().unwrap().ends_with('Z'), "{change}");
    let show = |id: &str| verb(&sandbox, &["state", "show"], None, &[id]);
    show("N").exits(0).prints("  refused by COR at 20");
    assert!(!show("A").exits(0).out.contains("refused"));

    // The refusal belongs to the project and not to the mapping.
    plan(&sandbox, &file, &["--map", "name=brief"]).exits(0).prints("COR refused an update of it at 20");

    // Forgotten, the project is new again.
    verb(&sandbox, &["state", "forget"], None, &["N"]).exits(0).prints("1 project is forgotten");
    show("N").exits(1);
    plan(&sandbox, &file, &[]).exits(0).prints("+ N (line 3, not in the state)");

    // An accepted update ends the refusal, also one outside of a run.
    sync(&sandbox, &file, &[]).exits(1);
    sync(&sandbox, &file, &["--create-missing"]).exits(0);
    assert!(!show("N").exits(0).out.contains("refused"));
    let more = folder.file("u.csv", "id,name\nM,m\n");
    sync(&sandbox, &more, &[]).exits(1);
    let create = ["M", "--source", "SALESFORCE", "--name", "x"];
    verb(&sandbox, &["projects", "create"], None, &create).exits(0);
    plan(&sandbox, &more, &[]).exits(0).prints("+ M (line 2, not in the state)");
}

#[test]
fn plan_reports_refused_value_of_known_project() {
    let sandbox = sandbox(&["A"]);
    let folder = Folder::new();
    sync(&sandbox, &folder.file("t.csv", "id,name\nA,a\n"), &[]).exits(0);
    let file = folder.file("t.csv", "id,name\nA,b\n");
    sandbox.queue(Answer::status(400).body(r#"{"message":"name is taken"}"#));
    sync(&sandbox, &file, &[]).exits(1);
    plan(&sandbox, &file, &[]).exits(0).prints("! A (line 2, refused by COR before)").prints("\"a\" → \"b\"");
    sync(&sandbox, &file, &[]).exits(0);
    let file = folder.file("t.csv", "id,name\nA,c\n");
    plan(&sandbox, &file, &[]).exits(0).prints("~ A (line 2)\n    name  \"b\" → \"c\"");
}

#[test]
fn foreign_404_creates_no_project() {
    let sandbox = sandbox(&[]);
    let folder = Folder::new();
    let file = folder.file("t.csv", "id,name\nN,n\nM,m\n");
    let page = || {
        Answer::status(404).header("content-type", "text/html").body("<html><title>Not Found</title></html>")
    };
    for without_state in [&[][..], &["--no-state"]] {
        sandbox.requests_clear();
        sandbox.queue(page().times(2));
        let ran = sync(&sandbox, &file, &[&["--create-missing", "--json"], without_state].concat()).exits(1);
        assert_eq!((&ran.summary()["failed"], &ran.summary().get("created")), (&json!(2), &None));
        let error = &ran.json()[0]["error"];
        assert_eq!((&error["kind"], &error["outcome"]), (&json!("protocol"), &json!("not_applied")));
        assert!(error["message"].as_str().unwrap().contains("check that the base URL is COR's"), "{error}");
        assert!(sandbox.requests().iter().all(|request| request.method == "PUT"));
        assert!(sandbox.projects().is_empty());
    }
    // A base URL with a path that COR does not have.
    let mut command = sync_command(&sandbox, &file, &["--create-missing", "--no-state"]);
    let ran = ran(command.env("COR_BASE_URL", format!("{}/api", sandbox.base_url()))).exits(1);
    ran.prints("check that the base URL is COR's");
    assert!(sandbox.projects().is_empty());
}

#[test]
fn maps_columns_to_create_only_fields() {
    let sandbox = sandbox(&["A"]);
    let folder = Folder::new();
    let mapping = folder.file("m.toml", "[fields]\nbrand_id = \"Marke\"\n");
    let file = folder.file("t.csv", "id,name,Marke,Produkt,brand_id\nA,a,B,P,no\nN,n,B,P,no\n");
    let with = ["--mapping", mapping.to_str().unwrap(), "--map", "Produkt=product-id"];
    let creating = [&with[..], &["--create-missing"]].concat();
    let check = |arguments: &[&str]| verb(&sandbox, &["projects", "check"], Some(&file), arguments);
    check(&creating)
        .exits(0)
        .prints("Marke    brand_id    only for a create\nProdukt  product_id  only for a create\n")
        .prints("Not used: brand_id\n");
    check(&with).exits(0).prints("Not used: Marke, Produkt, brand_id\n");
    sync(&sandbox, &file, &with).exits(1);
    sync(&sandbox, &file, &creating)
        .exits(0)
        .prints("  of them created           1\n")
        .prints("  unchanged                 1\n");
    let created = sandbox.project("SALESFORCE", "N").unwrap();
    assert_eq!((created.text("brand_id"), created.text("product_id")), (Some("B"), Some("P")));
    check(&[&creating[..], &["--map", "Brand=brand_id"]].concat())
        .exits(2)
        .says("the mapping or an option names a column \"Brand\" that the input does not have");
    check(&["--map", "a=brand_id", "--map", "b=brand_id"])
        .exits(2)
        .says("would both set brand_id\nhint: choose one");
    check(&[&creating[..], &["--map", "Marke="]].concat())
        .exits(0)
        .prints("brand_id  brand_id    only for a create");
}

#[test]
fn unapplied_rows_can_be_corrected_and_synced() {
    let sandbox = sandbox(&["A", "B"]);
    let folder = Folder::new();
    let file = folder.file("t.csv", "id,name,end\nB,old,\nA,a,soon\nghost,g,\nB,new,\nghost,\"g, 2\",\n");
    sandbox.queue(Answer::error(400, "ValidationError", "", "no").for_id("B"));
    let rejects = folder.path("r.csv");
    let run = |file: &Path| ran(sync_command(&sandbox, file, &["--json"]).arg("--rejects").arg(&rejects));
    assert_eq!(run(&file).exits(1).summary()["failed"], 4);
    let written = folder.read("r.csv");
    let rows: Vec<&str> = written.lines().map(|line| line.split(",\"").next().unwrap()).collect();
    assert_eq!(
        rows,
        [
            "id,name,end,_line,_outcome,_reason",
            "B,old,,2,not_applied",
            "A,a,soon,3,rejected",
            "ghost,g,,4,not_applied",
            "B,new,,5,not_applied",
            "ghost",
        ]
    );
    let mended = folder.file("m.csv", written.replace("soon", "2025-04-30"));
    let second = run(&mended).exits(1);
    assert_eq!((applied(&second), second.summary()["failed"].as_u64()), ([3, 0, 2], Some(2)));
    assert_eq!(sandbox.project("SALESFORCE", "B").unwrap().text("name"), Some("new"));
    assert_eq!(sandbox.project("SALESFORCE", "A").unwrap().text("end"), Some("2025-04-30"));
}

#[test]
fn outage_during_sync_fails_no_row() {
    let sandbox = sandbox(&["A", "B"]);
    let folder = Folder::new();
    let file = folder.file("t.csv", TABLE);
    sandbox.queue(Answer::status(503).header("retry-after", "0.05").times(12));
    sandbox.queue(Answer::status(429).header("retry-after", "0.05").times(3));
    assert_eq!(applied(&sync(&sandbox, &file, &["--json"]).exits(0)), [3, 0, 0]);
}

#[test]
fn early_end_advises_same_command_again() {
    let sandbox = sandbox(&["A", "B"]);
    let folder = Folder::new();
    let file = folder.file("t.csv", TABLE);
    let again = "  Run the same command again: it continues where it stopped.\n";
    sandbox.queue(Answer::error(401, "Unauthorized", "", "no"));
    let ran = sync(&sandbox, &file, &["--concurrency", "1"]).exits(3).prints(again);
    assert!(!ran.out.contains("--rejects"), "{}", ran.out);
    sandbox.queue_clear();
    let refused_port = RefusedPort::bind();
    let url = format!("http://{refused_port}");
    sync(&sandbox, &file, &["--base-url", &url, "--max-attempts", "1"]).exits(4).prints(again);
    sync(&sandbox, &file, &["--base-url", &url, "--deadline", "0.3"]).exits(4).prints(again);
    assert!(!sync(&sandbox, &file, &[]).exits(0).out.contains(again));
    sandbox.queue(Answer::error(401, "Unauthorized", "", "no"));
    let stateless = sync(&sandbox, &file, &["--no-state", "--concurrency", "1"]).exits(3);
    assert!(
        !stateless.out.contains(again) && stateless.out.contains("Run the same command again once the cause"),
        "{}",
        stateless.out
    );
}

#[test]
fn json_reports_progress() {
    let sandbox = Sandbox::builder()
        .token(TOKEN)
        .seed((0..30).map(|n| format!(r#"{{"id":"{n}","source":"SALESFORCE","name":"old"}}"#)))
        .latency(std::time::Duration::from_millis(50))
        .start()
        .unwrap();
    let folder = Folder::new();
    let rows: String = (0..30).map(|n| format!("{n},x\n")).collect();
    let file = folder.file("t.csv", format!("id,name\n{rows}"));
    let ran = sync(&sandbox, &file, &["--json", "--concurrency", "1"]).exits(0);
    let event = &ran.json()[0];
    assert_eq!(
        (&event["event"], &event["doing"], &event["paused"]),
        (&json!("progress"), &json!("sending"), &Value::Null)
    );
    let number = |name: &str| event[name].as_f64().unwrap();
    assert!(
        (1.0..30.0).contains(&number("done")) && number("rate") > 1.0 && number("seconds_left") > 0.0,
        "{event}"
    );
    assert_eq!(ran.summary()["applied"], 30);
}

#[test]
fn report_shows_counts_and_rows_of_run() {
    let sandbox = sandbox(&["A", "B"]);
    let folder = Folder::new();
    let file = folder.file("t.csv", "id,name,end\nA,a,\n<b>,x,soon\nB,b,2025-01-01\nghost,g,\n");
    let page = folder.path("report.html");
    ran(sync_command(&sandbox, &file, &[]).arg("--report").arg(&page)).exits(1);
    let page = folder.read("report.html");
    for text in [
        "<dt>applied</dt><dd>2</dd>",
        "<dt>rejected</dt><dd>1</dd>",
        "<svg viewBox=",
        "<td>name</td><td class=\"number\">2</td>",
        "<td class=\"place\">line 3</td><td class=\"id\">&lt;b&gt;</td>",
        "<td class=\"number\">1</td><td class=\"outcome\">rejected</td>",
        "&quot;soon&quot; is not a date",
        "<td class=\"place\">line 5</td><td class=\"id\">ghost</td>",
        "<td class=\"number\">1</td><td class=\"outcome\">not applied</td>",
        "prefers-color-scheme: dark",
        "@media print",
    ] {
        assert!(page.contains(text), "{text:?} is missing:\n{page}");
    }
    assert!(!page.contains(TOKEN) && !page.contains("http-equiv") && !page.contains("<script"), "{page}");
    ran(sync_command(&sandbox, &file, &[]).arg("--report").arg(&file)).exits(2).says("is the input itself");
}

#[test]
fn emits_tap_state_once_earlier_rows_are_settled() {
    let sandbox = sandbox(&["A", "B"]);
    let record = |id: &str, name: &str| {
        format!(
            "{{\"type\":\"RECORD\",\"stream\":\"deals\",\"record\":{{\"id\":\"{id}\",\"name\":\"{name}\"}}}}\n"
        )
    };
    let state = |n: u32| format!("{{\"type\":\"STATE\",\"value\":{{\"bookmark\":{n}}}}}\n");
    let schema = "{\"type\":\"SCHEMA\",\"stream\":\"deals\",\"schema\":{\"properties\":{\"id\":{\"type\":\"string\"},\"name\":{\"type\":\"string\"}}},\"key_properties\":[\"id\"]}\n";
    let stream = format!(
        "{schema}{}{}{}{}{}{}{}{}",
        record("A", "1"),
        record("A", "2"),
        state(1),
        record("ghost", "x"),
        state(2),
        record("B", "b"),
        record("A", "3"),
        state(3),
    );
    let folder = Folder::new();
    let run = || {
        let arguments =
            ["projects", "sync", "-", "--source", "SALESFORCE", "--format", "singer", "--max-attempts", "1"];
        let mut command = cor(&sandbox, &arguments);
        fed(command.arg("--rejects").arg(folder.path("rejected.jsonl")), stream.as_bytes())
    };
    sandbox.queue(Answer::status(500).for_id("B"));
    // Nobody knows about B: the tap has to send it again.
    let first = run().exits(1);
    assert_eq!(first.out.lines().last(), Some(r#"{"bookmark":2}"#), "{}", first.out);
    assert_eq!(run().exits(1).out.lines().last(), Some(r#"{"bookmark":3}"#));
    assert_eq!(sandbox.project("SALESFORCE", "A").unwrap().text("name"), Some("3"));
    assert_eq!(sandbox.project("SALESFORCE", "B").unwrap().text("name"), Some("b"));
}

#[test]
fn refusal_ends_with_refused_row_or_project() {
    let sandbox = sandbox(&["A"]);
    let folder = Folder::new();
    let fine = folder.file("fine.csv", "id,end\nA,2024-02-01\n");
    let late = folder.file("late.csv", "id,start,end\nA,2025-01-01,\n");
    let refused = || verb(&sandbox, &["state", "show"], None, &["A"]).out.contains("refused by COR");
    sync(&sandbox, &fine, &[]).exits(0);
    sync(&sandbox, &late, &[]).exits(1);
    assert!(refused());
    sync(&sandbox, &fine, &[]).exits(0).prints("unchanged");
    assert!(!refused(), "the row that COR refused is no longer in the table");
    sync(&sandbox, &late, &[]).exits(1);
    assert!(refused());
    verb(&sandbox, &["projects", "delete"], None, &["A", "--source", "SALESFORCE", "--yes"]).exits(0);
    assert!(!refused(), "the project is gone");
}
