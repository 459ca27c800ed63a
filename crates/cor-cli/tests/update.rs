//! `cor projects update`.

#![allow(clippy::unwrap_used, reason = "in a test a surprise may panic")]

mod common;

use std::process::Stdio;

use common::*;
use cor_fault_peer::RefusedPort;
use cor_sandbox::{Answer, Sandbox};
use serde_json::json;

#[test]
fn every_field_arrives_as_it_was_typed() {
    let sandbox = sandbox(&["P"]);
    let values = [
        ("name", "N"),
        ("client-id", "007"),
        ("brief", ""),
        ("start", "2025-01-01"),
        ("end", "2025-02-01"),
        ("pm-id", "1E5"),
        ("estimated-time", "250"),
        ("billable", "false"),
        ("status", "active"),
        ("currency-id", "USD"),
        ("evaluation-date", "2025-03-01"),
        ("estimated", "-18000.10"),
        ("fee-id", "F"),
        ("contract-id", "12345678901234567"),
        ("deliverables", "a\nb"),
        ("work-order", "0"),
        ("income-type", "one_time"),
        ("archived", "false"),
    ];
    let mut arguments = vec!["P".to_owned()];
    for (flag, value) in values {
        arguments.extend([format!("--{flag}"), value.to_owned()]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    update(&sandbox, &arguments).exits(0).prints("Updated P of SALESFORCE");
    assert_eq!(
        sandbox.requests()[0].body_text(),
        r#"{"metadata":{"source":"SALESFORCE"},"name":"N","client_id":"007","brief":"","start":"2025-01-01","end":"2025-02-01","pm_id":"1E5","estimated_time":250,"billable":false,"status":"active","currency_id":"USD","evaluation_date":"2025-03-01","estimated":-18000.10,"fee_id":"F","contract_id":"12345678901234567","deliverables":"a\nb","work_order":"0","income_type":"one_time","archived":false}"#
    );
}

#[test]
fn update_sends_example_of_cors_page() {
    let sandbox = Sandbox::builder().example().token(TOKEN).start().unwrap();
    let arguments = [
        "SF-OPP-12345",
        "--name",
        "Website Redesign Project - Phase 2",
        "--end",
        "2025-04-30",
        "--estimated-time",
        "250",
        "--status",
        "in_progress",
        "--estimated",
        "18000",
    ];
    let ran = update(&sandbox, &[&arguments[..], &["--json"]].concat()).exits(0);
    assert_eq!(ran.json().len(), 1);
    assert_eq!(ran.json()[0]["id"], 155693);
    assert_eq!(ran.json()[0]["updated_at"], "2025-01-15T10:00:00Z");
    let ran = update(&sandbox, &arguments).exits(0);
    assert!(ran.out.contains("\n  name            Website Redesign Project - Phase 2\n"), "{}", ran.out);
    assert!(ran.out.contains("\n  end             2025-04-30\n"), "{}", ran.out);
    assert_eq!(ran.err, "");
    assert!(!ran.out.contains('\x1b'), "colours in a pipe");
}

#[test]
fn clear_sends_null_and_extra_sends_its_json() {
    let sandbox = sandbox(&["P"]);
    update(&sandbox, &["P", "--clear", "brief", "--clear", "client-id", "--clear", "pm_id"]).exits(0);
    assert_eq!(
        sandbox.requests()[0].body_text(),
        r#"{"metadata":{"source":"SALESFORCE"},"client_id":null,"brief":null,"pm_id":null}"#
    );
    update(&sandbox, &["P", "--extra", r#"region={"a": 1.50}"#, "--dry-run"])
        .exits(0)
        .prints(r#"{"metadata":{"source":"SALESFORCE"},"region":{"a": 1.50}}"#);
}

#[test]
fn reports_every_problem_and_sends_nothing() {
    let sandbox = sandbox(&["P"]);
    let arguments = [
        "P",
        "--estimated",
        "1,234.50",
        "--end",
        "05/01/2025",
        "--billable",
        "",
        "--archived",
        "1",
        "--income-type",
        "gift",
        "--clear",
        "nmae",
        "--name",
        "x",
        "--clear",
        "name",
        "--extra",
        "a=b",
        "--extra",
        "novalue",
        "--estimated-time",
        "",
    ];
    let ran = update(&sandbox, &arguments)
        .exits(2)
        .says("10 problems, nothing was sent")
        .says("--estimated: \"1,234.50\" is not a plain number")
        .says("  --end: \"05/01/2025\" is not a date\n    hint: write a real day as YYYY-MM-DD")
        .says("--billable: is empty")
        .says("--estimated-time: is empty")
        .says("--archived: \"1\" is not a boolean")
        .says("--income-type: \"gift\"")
        .says("    hint: did you mean `name`?")
        .says("--name: is both set and cleared")
        .says("--extra: the value of \"a\" is not JSON")
        .says("\"novalue\" has no `=`");
    assert_eq!(ran.out, "");
    let ran = update(&sandbox, &[&arguments[..], &["--json"]].concat()).exits(2);
    let error = &ran.json()[0]["error"];
    assert_eq!((&error["kind"], &error["outcome"]), (&json!("invalid"), &json!("not_applied")));
    assert_eq!(error["issues"].as_array().unwrap().len(), 10);
    update(&sandbox, &["P"]).exits(2).says("the update changes nothing");
    update(&sandbox, &["", "--name", "x"]).exits(2).says("id: is empty");
    update(&sandbox, &["..", "--name", "x"]).exits(2).says("cannot be an external id");
    let ran = update(&sandbox, &["P", "--start", "2025-02-01", "--end", "2025-01-01", "--json"]).exits(2);
    assert_eq!(ran.json()[0]["error"]["kind"], "invalid_date_range");
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn ids_arrive_byte_for_byte() {
    let ids = ["-5", "--name", "007", "1E5", "12345678901234567", " a/b?c#d% ", "é東"];
    let sandbox = sandbox(&ids);
    for id in ids {
        update(&sandbox, &["--name", "new", "--", id]).exits(0);
        assert_eq!(sandbox.project("SALESFORCE", id).unwrap().text("name"), Some("new"), "{id}");
    }
}

#[test]
fn dry_run_shows_request_without_credentials() {
    let arguments = ["projects", "update", "a/b", "--source", "SAP", "--end", "2025-04-30", "--dry-run"];
    let ran = ran(bare().args(arguments)).exits(0);
    assert_eq!(
        ran.out,
        "PUT https://integrations.projectcor.com/v2/integrations/projects/a%2Fb\n\
         {\"metadata\":{\"source\":\"SAP\"},\"end\":\"2025-04-30\"}\n"
    );
    let ran = common::ran(bare().args(arguments).arg("--json").env("COR_BASE_URL", "http://localhost:1/x/"));
    assert_eq!(
        ran.exits(0).json()[0],
        json!({"method": "PUT", "url": "http://localhost:1/x/v2/integrations/projects/a%2Fb",
               "body": {"metadata": {"source": "SAP"}, "end": "2025-04-30"}})
    );
}

#[test]
fn each_kind_of_failure_has_its_exit_status() {
    let sandbox = sandbox(&["P"]);
    let failed = |ran: Ran, status: i32, kind: &str| {
        let ran = ran.exits(status);
        let [line] = &ran.json()[..] else { panic!("{}", ran.out) };
        assert_eq!(line["error"]["kind"], kind);
        for name in [
            "outcome",
            "message",
            "code",
            "status",
            "attempts",
            "retry_after",
            "request_id",
            "issues",
            "body",
        ] {
            assert!(line["error"].get(name).is_some(), "{name} is missing");
        }
        assert!(ran.err.starts_with("error: "), "{}", ran.err);
    };
    let update = |id: &str, extra: &[&str]| {
        common::update(&sandbox, &[&[id, "--name", "x", "--json", "--max-attempts", "1"], extra].concat())
    };
    failed(update("nobody", &[]), 1, "project_not_found");
    failed(update("P", &["--end", "1999-01-01"]), 1, "invalid_date_range");
    for (answer, status, kind) in [
        (Answer::error(400, "ValidationError", "X", "no"), 1, "validation"),
        (Answer::status(401), 3, "auth"),
        (Answer::status(403), 3, "forbidden"),
        (Answer::status(429), 4, "rate_limited"),
        (Answer::status(503), 4, "server"),
        (Answer::status(302).header("location", "/"), 4, "redirect"),
        (Answer::drop_connection(), 4, "transport"),
    ] {
        sandbox.queue(answer);
        failed(update("P", &[]), status, kind);
    }
    failed(update("P", &["--deadline", "0"]), 2, "config");
    failed(update("P", &["--ca-file", "/no/such/file"]), 2, "config");
    failed(update("P", &["--token-file", "/no/such/file"]), 2, "config");
    failed(update("P", &["--base-url", "http://example.com"]), 2, "config");
    let refused_port = RefusedPort::bind();
    failed(update("P", &["--base-url", &format!("http://{refused_port}")]), 4, "transport");
}

#[test]
fn reports_wrong_usage_as_text_and_json() {
    let sandbox = sandbox(&["P"]);
    update(&sandbox, &["P", "--nmae", "x"]).exits(2).says("unexpected argument '--nmae'").says("--name");
    let ran =
        ran(bare().args(["projects", "update", "P", "--name", "x", "--json"])).exits(2).says("--source");
    assert_eq!(ran.json()[0]["error"]["kind"], "config");
    common::ran(bare().args(["projects", "update", "P", "--source", "SAP", "--name", "x"]))
        .exits(2)
        .says("no credentials are set")
        .says("COR_ACCESS_TOKEN");
    common::ran(bare().arg("--version")).exits(0).prints(env!("CARGO_PKG_VERSION"));
    for verb in [
        &["--help"][..],
        &["projects", "update", "--help"],
        &["projects", "sync", "--help"],
        &["sandbox", "--help"],
    ] {
        let ran = common::ran(bare().args(verb)).exits(0);
        assert!(
            ran.out.contains("Usage: cor") && ran.out.contains("cor projects")
                || ran.out.contains("cor sandbox")
        );
        assert_eq!(ran.err, "");
        assert!(!ran.out.contains("--token <") || verb[0] == "sandbox", "a token flag is offered");
    }
}

#[test]
fn refuses_token_flag_and_never_shows_token() {
    let sandbox = sandbox(&["P"]);
    for secret in [&["--token", TOKEN][..], &["--api-key", "k"], &["--client-secret", TOKEN]] {
        update(&sandbox, &[&["P", "--name", "x"], secret].concat())
            .exits(2)
            .says("not accepted on the command line")
            .says("COR_ACCESS_TOKEN")
            .says("--token-file");
    }
    update(&sandbox, &["P", "--name", "x", &format!("--token={TOKEN}")]).exits(2);
    assert_eq!(sandbox.requests().len(), 0);
    // `exits` looks for the token in everything that is printed.
    update(&sandbox, &["P", "--name", "x", "-vv"]).exits(0);
    sandbox.queue(Answer::status(401));
    update(&sandbox, &["P", "--name", "x", "-vv", "--json"]).exits(3);
    let folder = Folder::new();
    let path = folder.file("token", format!("{TOKEN}\r\n"));
    let arguments = ["projects", "update", "P", "--source", "SALESFORCE", "--name", "filed", "--token-file"];
    ran(bare().env("COR_BASE_URL", sandbox.base_url()).args(arguments).arg(&path)).exits(0);
    assert_eq!(sandbox.project("SALESFORCE", "P").unwrap().text("name"), Some("filed"));
}

/// `exits` looks for the token in everything that is printed.
#[test]
fn accepts_token_or_says_what_to_remove() {
    let sandbox = sandbox(&["P"]);
    let folder = Folder::new();
    let arguments = ["projects", "update", "P", "--source", "SALESFORCE", "--name", "n"];
    let mut utf16: Vec<u8> = vec![0xff, 0xfe];
    utf16.extend(TOKEN.encode_utf16().flat_map(u16::to_le_bytes));
    for (token, status, says) in [
        (format!("\u{feff}{TOKEN}\n").into_bytes(), 0, ""),
        (format!("  {TOKEN}\r\n\r\n").into_bytes(), 0, ""),
        (format!("\"{TOKEN}\"\n").into_bytes(), 2, "remove the quotation marks"),
        (format!("'{TOKEN}'").into_bytes(), 2, "remove the quotation marks"),
        (format!("Bearer {TOKEN}\n").into_bytes(), 2, "the client adds it"),
        (utf16, 2, "it is not UTF-8"),
    ] {
        let path = folder.file("token", &token);
        let file =
            ran(bare().env("COR_BASE_URL", sandbox.base_url()).args(arguments).arg("--token-file").arg(path));
        file.exits(status).says(says);
        if let Ok(token) = String::from_utf8(token) {
            let mut command = bare();
            command.env("COR_BASE_URL", sandbox.base_url()).env("COR_ACCESS_TOKEN", token).args(arguments);
            ran(&mut command).exits(status).says(says);
        }
    }
}

#[test]
fn refuses_address_with_secret_without_lookup_or_leak() {
    let sandbox = sandbox(&["P"]);
    let names = ["projects", "update", "P", "--source", "SALESFORCE", "--name", "n"];
    let secret = "hunter2-hunter2";
    for (variable, url, says) in [
        ("HTTPS_PROXY", format!("http://svc:12#{secret}@proxy.invalid:3128"), "# as %23"),
        ("HTTPS_PROXY", format!("http://svc:12?{secret}@proxy.invalid:3128"), "? as %3F"),
        ("HTTPS_PROXY", format!("http://svc:12\\{secret}@proxy.invalid:3128"), "\\ as %5C"),
        ("HTTPS_PROXY", format!("svc:12@{secret}@proxy.invalid:3128"), "@ as %40"),
        ("ALL_PROXY", format!("socks5://svc:12/{secret}@proxy.invalid"), "/ as %2F"),
        (
            "COR_BASE_URL",
            format!("https://svc:12\\{secret}@cor.invalid"),
            "COR_BASE_URL contains a user or password",
        ),
        ("COR_BASE_URL", format!("svc:{secret}@cor.invalid"), "COR_BASE_URL has no scheme"),
        (
            "COR_TOKEN_URL",
            format!("https://svc:12#{secret}@cor.invalid"),
            "COR_TOKEN_URL contains a user or password",
        ),
    ] {
        for verbose in [&[][..], &["-vv"]] {
            let mut command = cor(&sandbox, &names);
            let ran = ran(command.env(variable, &url).args(verbose)).exits(2).says(says);
            for shown in [secret, "svc", "12"] {
                assert!(!format!("{}{}", ran.out, ran.err).contains(shown), "{url}: {}", ran.err);
            }
        }
    }
    assert_eq!(sandbox.requests().len(), 0);
}

#[test]
fn invalid_entries_of_no_proxy_are_reported() {
    let sandbox = sandbox(&["P"]);
    let mut command = cor(&sandbox, &["projects", "update", "P", "--source", "SALESFORCE", "--name", "n"]);
    command
        .env("HTTPS_PROXY", "proxy.invalid:3128")
        .env("NO_PROXY", "a.org, 192.168.*,*.b.org,10.0.0.0/8,c.org:443");
    let ran = ran(&mut command).exits(0);
    assert!(
        ran.err.starts_with("NO_PROXY has entries that are") && ran.err.lines().count() == 1,
        "{}",
        ran.err
    );
    assert!(ran.err.contains("ignored: 192.168.*; write"), "{}", ran.err);
}

#[test]
fn reads_client_credentials_from_environment() {
    let sandbox = Sandbox::builder().credentials("key", TOKEN).example().start().unwrap();
    let mut command = bare();
    command
        .args(["projects", "update", "SF-OPP-12345", "--source", "SALESFORCE", "--name", "x"])
        .env("COR_BASE_URL", sandbox.base_url())
        .env("COR_API_KEY", "key")
        .env("COR_CLIENT_SECRET", TOKEN);
    ran(&mut command).exits(2).says("--base-url is not COR's production address, but --token-url is");
    ran(command.env("COR_TOKEN_URL", sandbox.token_url())).exits(0);
    ran(command.env("COR_ACCESS_TOKEN", "t"))
        .exits(2)
        .says("COR_ACCESS_TOKEN is set, and client credentials (COR_API_KEY, COR_CLIENT_SECRET) as well");
}

#[test]
fn signal_reports_unknown_outcome() {
    let sandbox = sandbox(&["P"]);
    for (name, status) in [("INT", 130), ("TERM", 143)] {
        let hold = cor_sandbox::Hold::new();
        sandbox.requests_clear();
        sandbox.queue(Answer::pass().held_by(&hold));
        let mut command =
            cor(&sandbox, &["projects", "update", "P", "--source", "SALESFORCE", "--name", "x", "--json"]);
        let child = piped(&mut command);
        assert_eq!(sandbox.wait_for_requests(1, PATIENCE).len(), 1);
        signal(&child, name);
        let ran = end_of(child).exits(status).says("repeating the command is safe");
        let error = &ran.json()[0]["error"];
        assert_eq!((&error["kind"], &error["outcome"]), (&json!("cancelled"), &json!("unknown")));
    }
}

#[test]
fn closed_pipe_succeeds_and_full_disk_fails() {
    let sandbox = sandbox(&["P"]);
    let command = ["projects", "update", "P", "--source", "SALESFORCE", "--name", "piped"];
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let ran = ran(cor(&sandbox, &command).stdout(Stdio::from(writer))).exits(0);
    assert_eq!(ran.err, "");
    assert_eq!(sandbox.project("SALESFORCE", "P").unwrap().text("name"), Some("piped"));
    if let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") {
        let ran = common::ran(cor(&sandbox, &command).stdout(full)).exits(1);
        ran.says("its result could not be written");
    }
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    common::ran(bare().args(["completions", "bash"]).stdout(Stdio::from(writer))).exits(0);
}

#[test]
fn completions_know_flags() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = ran(bare().args(["completions", shell])).exits(0).prints("evaluation-date");
        assert_eq!(ran.err, "");
    }
}

#[test]
fn keeps_control_characters_of_responses_off_terminal() {
    let sandbox = sandbox(&["P"]);
    sandbox.queue(Answer::status(200).json(r#"{"id":1,"name":"\u001b[31mred\n","x\u0007":[1, 2]}"#));
    let ran = update(&sandbox, &["P", "--name", "x"]).exits(0);
    assert!(!ran.out.contains('\x1b') && !ran.out.contains('\x07'), "{:?}", ran.out);
    sandbox.queue(Answer::status(204));
    update(&sandbox, &["P", "--name", "x"]).exits(0).prints("does not contain the project");
    sandbox.queue(Answer::status(204));
    assert_eq!(update(&sandbox, &["P", "--name", "x", "--json"]).exits(0).out, "{}\n");
}

#[test]
fn extra_passed_twice_is_refused() {
    let sandbox = sandbox(&["P"]);
    update(&sandbox, &["P", "--extra", "a=1", "--extra", "a=2"]).exits(2).says("a is set twice");
    assert!(sandbox.requests().is_empty());
}

#[test]
fn either_transport_carries_update() {
    let sandbox = sandbox(&["P"]);
    for transport in ["reqwest", "direct"] {
        update(&sandbox, &["P", "--name", transport, "--transport", transport]).exits(0);
        let command =
            &mut cor(&sandbox, &["projects", "update", "P", "--source", "SALESFORCE", "--name", "N"]);
        ran(command.env("COR_TRANSPORT", transport)).exits(0);
    }
    assert_eq!(sandbox.requests().len(), 4);
}

#[test]
fn direct_with_proxy_is_refused_and_reqwest_uses_it() {
    // A proxy never sees calls to this machine, so the address is COR's own; no proxy listens at that port.
    let arguments = ["projects", "update", "P", "--source", "SAP", "--name", "N", "--max-attempts", "1"];
    let proxied = || {
        let mut command = bare();
        command.env("COR_ACCESS_TOKEN", TOKEN).args(arguments).args(["--proxy", "http://127.0.0.1:1"]);
        command
    };
    ran(proxied().args(["--transport", "direct"])).exits(2).says("direct").says("proxy");
    ran(proxied().env("COR_TRANSPORT", "direct")).exits(2).says("direct").says("proxy");
    ran(&mut proxied()).exits(4).says("http://127.0.0.1:1");
    // An argument wins over the environment.
    ran(proxied().env("COR_TRANSPORT", "direct").args(["--transport", "reqwest"])).exits(4);
}

#[test]
fn unknown_transport_is_wrong_usage() {
    let sandbox = sandbox(&["P"]);
    for name in ["curl", "Direct", ""] {
        let refused = update(&sandbox, &["P", "--name", "N", "--transport", name]).exits(2);
        refused.says("--transport").says("reqwest").says("direct");
    }
    let command = &mut cor(&sandbox, &["projects", "update", "P", "--source", "SALESFORCE", "--name", "N"]);
    ran(command.env("COR_TRANSPORT", "curl")).exits(2).says("COR_TRANSPORT").says("reqwest").says("direct");
    assert!(sandbox.requests().is_empty());
}

#[test]
fn unusable_client_certificate_is_wrong_usage() {
    let (sandbox, folder) = (sandbox(&["P"]), Folder::new());
    let text = folder.file("text.pem", "no certificate").display().to_string();
    let absent = folder.path("absent.pem").display().to_string();
    for (arguments, says) in [
        (vec!["--client-cert", &text], "hint: set --client-cert and --client-key together\n"),
        (
            vec!["--client-key", &text],
            "error: could not set up the client: --client-key is set without --client-cert\n",
        ),
        (vec!["--client-cert", &absent, "--client-key", &text], "--client-cert \""),
        (vec!["--client-cert", &text, "--client-key", &absent], "--client-key \""),
        (
            vec!["--client-cert", &text, "--client-key", &text],
            "--client-cert contains no certificate\nhint: ",
        ),
    ] {
        update(&sandbox, &[&["P", "--name", "N"], &arguments[..]].concat()).exits(2).says(says);
    }
    assert!(sandbox.requests().is_empty());
}

#[test]
fn refuses_common_option_mistakes_with_right_form() {
    let update = |arguments: &[&str]| {
        let mut command = bare();
        command.env("COR_ACCESS_TOKEN", "t").args(["projects", "update", "X", "--name", "N"]);
        ran(command.args(arguments)).exits(2)
    };
    update(&["--source", "S", "--timeout", "5"]).says("unexpected argument '--timeout <SECONDS>' found").says(
        "use --deadline SECONDS for one update with its retries, --attempt-timeout SECONDS for one request",
    );
    update(&["--source", "S", "--base-url", "localhost:4010"])
        .says("--base-url has no scheme\nhint: write it as http://localhost:4010\n");
    update(&[]).says("--source is missing");
    let help = ran(bare().args(["projects", "update", "--help"])).exits(0);
    assert!(!help.out.contains("--timeout"), "{}", help.out);
}

#[test]
fn errors_in_arguments_have_hint_and_usage() {
    let run = |arguments: &[&str]| ran(bare().args(arguments)).exits(2);
    let unknown = run(&["projects", "update", "P", "--source", "SAP", "--nmae", "x"]);
    let expected = "error: unexpected argument '--nmae' found\nhint: a similar argument exists: '--name'\n";
    assert!(unknown.err.starts_with(expected), "{}", unknown.err);
    assert!(unknown.err[expected.len()..].starts_with("\nUsage: cor projects update "), "{}", unknown.err);
    let missing = run(&["projects", "update", "--name", "x"]);
    let expected = "error: the following required arguments were not provided: <ID>\n\
                    hint: run cor projects update --help to see all options\n\nUsage: cor projects update ";
    assert!(missing.err.starts_with(expected), "{}", missing.err);
    let value = run(&["schema", "projekt"]);
    let expected = "error: invalid value 'projekt' for '<DOCUMENT>' [possible values: update, create, project]\n\
                    hint: a similar value exists: 'project'\n";
    assert!(value.err.starts_with(expected), "{}", value.err);
    let verb = run(&["project"]);
    let expected =
        "error: unrecognized subcommand 'project'\nhint: a similar subcommand exists: 'projects'\n";
    assert!(verb.err.starts_with(expected), "{}", verb.err);
    for (arguments, expected) in [
        (
            ["projects", "sync", "t.csv", "--max-failures", "x"],
            "error: invalid value 'x' for '--max-failures <N|N%>'\nhint: pass a number of rows, such as 20, or a share \
             of them, such as 5%\n",
        ),
        (
            ["projects", "plan", "t.csv", "--limit", "x"],
            "error: invalid value 'x' for '--limit <ROWS>': it is not a whole number\nhint: run cor projects plan --help \
             to see all options\n",
        ),
    ] {
        assert_eq!(run(&arguments).err, expected);
    }
    // The help that a command without a verb shows is no error text.
    assert!(!run(&["state"]).err.contains("error:"));

    // Programs get the same in one sentence.
    let json = run(&["projects", "update", "--name", "x", "--json"]).json()[0].clone();
    assert_eq!(
        json["error"]["message"],
        "the following required arguments were not provided: <ID>; run cor projects update --help to see all options"
    );
}

#[test]
fn missing_credentials_name_environment_and_token_file() {
    ran(bare().args(["projects", "update", "P", "--source", "SAP", "--name", "N"])).exits(2).says(
        "error: could not set up the client: no credentials are set\nhint: set COR_ACCESS_TOKEN, or COR_API_KEY with \
         COR_CLIENT_SECRET, or pass --token-file FILE or --profile NAME\n",
    );
}

#[test]
fn prints_advice_as_hint_line() {
    let sandbox = sandbox(&["P"]);
    let ran = update(&sandbox, &["nobody", "--name", "x"]).exits(1);
    let [error, hint] = ran.err.lines().collect::<Vec<_>>()[..] else { panic!("{}", ran.err) };
    assert!(
        error.starts_with("error: could not update project \"nobody\" (SALESFORCE): COR has no such project"),
        "{error}"
    );
    assert!(error.ends_with("not applied"), "{error}");
    assert!(hint.starts_with("hint: check the external id"), "{hint}");

    // Colours only where they show.
    assert!(!ran.err.contains('\x1b'), "{}", ran.err);
    let mut command =
        cor(&sandbox, &["projects", "update", "nobody", "--source", "SALESFORCE", "--name", "x"]);
    let forced = common::ran(command.env("CLICOLOR_FORCE", "1")).exits(1);
    assert!(forced.err.contains("\x1b[1m\x1b[36mhint:\x1b[0m check"), "{:?}", forced.err);

    // Programs get one message, with the advice.
    let json = update(&sandbox, &["nobody", "--name", "x", "--json"]).exits(1).json()[0].clone();
    let message = json["error"]["message"].as_str().unwrap();
    assert_eq!(message, format!("{}; {}", &error["error: ".len()..], &hint["hint: ".len()..]));
}
