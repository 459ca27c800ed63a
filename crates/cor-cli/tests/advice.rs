//! What the program says to do next: once, where it helps, and with what it knows.
#![allow(clippy::unwrap_used, reason = "in a test a surprise may panic")]

mod common;

use common::*;
use cor_fault_peer::RefusedPort;
use cor_sandbox::Answer;

#[test]
fn redirect_shows_target_without_secrets() {
    let sandbox = sandbox(&["P"]);
    let base = sandbox.base_url();
    for (location, shown, advice) in [
        (
            format!("https://u:{TOKEN}@new.example/v2/integrations/projects/P?t={TOKEN}#{TOKEN}"),
            "a redirect to https://new.example/v2/integrations/projects/P (HTTP 302)",
            "if COR's API has moved there, set --base-url to https://new.example",
        ),
        (
            format!("/login?next={TOKEN}"),
            &*format!("a redirect to {base}/login (HTTP 302)"),
            "set --base-url to its address",
        ),
        (
            format!("https://sso.example/{TOKEN}/in"),
            "a redirect to https://sso.example/[hidden] (HTTP 302)",
            "a sign-in page",
        ),
    ] {
        sandbox.queue(Answer::status(302).header("location", &location));
        update(&sandbox, &["P", "--name", "n"]).exits(4).says(shown).says(advice);
    }
    sandbox.queue(Answer::status(302));
    update(&sandbox, &["P", "--name", "n"]).exits(4).says("the server answered with a redirect (HTTP 302)");
}

#[test]
fn run_of_missing_projects_shows_each_id_and_advice_once() {
    let sandbox = sandbox(&[]);
    let folder = Folder::new();
    let file = folder.file("t.csv", "id,name\nX-1,n\nX-2,n\nX-3,n\n");
    for arguments in [&[][..], &["--no-state"]] {
        let ran = sync(&sandbox, &file, arguments).exits(1);
        let lines = "3 rows: COR has no such project (ZC001, HTTP 404); not applied\n    \
                     line 2 (X-1), line 3 (X-2), line 4 (X-3)\n";
        assert!(ran.err.contains(lines), "{}", ran.err);
        for n in 1..=3 {
            assert_eq!(
                format!("{}{}", ran.err, ran.out).matches(&format!("X-{n}")).count(),
                1,
                "{}",
                ran.err
            );
        }
        let advice = "check the external id, the source the project was created with, and the base URL";
        assert_eq!(format!("{}{}", ran.err, ran.out).matches(advice).count(), 1, "{}{}", ran.err, ran.out);
    }
    // The file of rejected rows has a column for the id.
    let rejects = folder.path("r.csv");
    sync(&sandbox, &file, &["--rejects", rejects.to_str().unwrap()])
        .exits(1)
        .prints("3 rows were written to")
        .prints("with the reason; correct them and run sync on that file");
    assert_eq!(folder.read("r.csv").matches("X-2").count(), 1);
}

#[test]
fn missing_project_names_other_spelling_of_source() {
    let sandbox = sandbox(&[]);
    let folder = Folder::new();
    let file = folder.file("t.csv", "id,name\nX,n\n");
    let run = |source: &str| {
        let mut command = cor(&sandbox, &["projects", "sync", "--source", source]);
        ran(command.arg(&file))
    };
    // COR's documentation has other letters.
    run("Salesforce").exits(1).prints("COR's documentation spells it SALESFORCE");
    update(&sandbox, &["X", "--name", "n"])
        .exits(1)
        .says("check the external id, the source the project was created with");
    // COR accepted this id under other letters.
    sandbox.queue(Answer::status(200).body("{\"id\":7}"));
    run("Salesforce").exits(0);
    let said = "an earlier run updated project \"X\" with source \"Salesforce\", and this run has source \"SALESFORCE\"";
    run("SALESFORCE").exits(1).prints(said);
    let ran = run("JIRA").exits(1);
    assert!(!ran.out.contains("an earlier run updated"), "another system, not another spelling: {}", ran.out);
}

#[test]
fn advises_correcting_file_only_if_it_helps() {
    let folder = Folder::new();
    let file = folder.file("t.csv", "id,name,end\nP,n,\nQ,n,\n");
    let mixed = folder.file("mixed.csv", "id,name,end\nP,n,\nQ,n,soon\n");
    let rejects = folder.path("r.csv");
    let rejects = ["--rejects", rejects.to_str().unwrap(), "--no-state", "--max-attempts", "1"];
    let correct = "correct";
    for (answer, status) in [
        (Answer::status(401), 3),
        (Answer::status(403), 3),
        (Answer::status(500), 1),
        (Answer::status(503), 1),
    ] {
        let sandbox = sandbox(&["P", "Q"]);
        sandbox.queue(answer.clone().times(8));
        let ran = sync(&sandbox, &file, &rejects).exits(status);
        assert!(!format!("{}{}", ran.out, ran.err).contains(correct), "{}{}", ran.out, ran.err);
        ran.prints("run sync on that file once the cause is removed");
        let without = sync(&sandbox, &file, &["--no-state", "--max-attempts", "1"]).exits(status);
        assert!(!without.out.contains(correct), "{}", without.out);
        let ran = sync(&sandbox, &mixed, &rejects).exits(status);
        ran.prints("correct the refused row and run sync on that file");
    }
    let sandbox = sandbox(&["P", "Q"]);
    sandbox.queue(Answer::error(400, "ValidationError", "", "no").times(2));
    sync(&sandbox, &file, &rejects)
        .exits(1)
        .prints("with the reason; correct them and run sync on that file");
    // Nothing listens.
    let unused = RefusedPort::bind();
    let mut command = sync_command(&sandbox, &file, &rejects);
    let ran = ran(command.args(["--base-url", &format!("http://{unused}"), "--deadline", "1"])).exits(4);
    assert!(!format!("{}{}", ran.out, ran.err).contains(correct), "{}{}", ran.out, ran.err);
}

#[test]
fn wait_for_cor_is_bounded_and_reported() {
    let sandbox = sandbox(&["P", "Q", "R"]);
    let folder = Folder::new();
    let file = folder.file("t.csv", "id,name\nP,n\nQ,n\nR,n\n");
    for without_state in [&[][..], &["--no-state"]] {
        sandbox.queue_clear();
        sandbox.queue(Answer::status(503).times(1000));
        let began = std::time::Instant::now();
        let arguments = [&["--outage-timeout", "3"], without_state].concat();
        let ran = sync(&sandbox, &file, &arguments).exits(4);
        assert!(
            ran.err.contains("paused: COR cannot be reached; the run keeps trying, for at most "),
            "{}",
            ran.err
        );
        assert!(ran.err.contains("COR has been unreachable for 3."), "{}", ran.err);
        let took = began.elapsed();
        assert!(took.as_secs_f64() > 3.0 && took.as_secs_f64() < 8.0, "{took:?}");
    }
    sync(&sandbox, &file, &["--outage-timeout", "0"]).exits(2).says("error: could not use the options: --outage-timeout is 0 s\nhint: pass a time above zero and up to seven days\n");
}
