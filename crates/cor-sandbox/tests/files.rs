//! Stored in a file: what was answered is there, whatever became of the process.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use common::{Http, PROJECTS};
use cor_sandbox::{Sandbox, SandboxError};

/// A folder that is removed when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("cor-sandbox-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn db(&self) -> PathBuf {
        self.0.join("sandbox.db")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const DB: &str = "COR_SANDBOX_TEST_DB";

/// Not a test: this program started again by the next one, to serve from a file until it is killed.
#[test]
#[ignore = "runs in a child process of another test"]
fn child() {
    let Some(path) = std::env::var_os(DB) else { return };
    let sandbox = Sandbox::builder().db(path).start().unwrap();
    writeln!(std::io::stdout(), "listening at {}", sandbox.addr()).unwrap();
    sandbox.wait();
}

fn start_child(folder: &Folder) -> (Child, SocketAddr) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--ignored", "--nocapture"])
        .env(DB, folder.db())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let address = output.lines().map_while(Result::ok).find_map(|line| {
        let (_, address) = line.split_once("listening at ")?;
        address.trim().parse().ok()
    });
    (child, address.expect("the child says where it listens"))
}

/// Creates projects and updates each of them until the server is gone; reports every update that was answered.
fn write_until_killed(addr: SocketAddr, round: usize, answered: &mpsc::Sender<String>) {
    let mut http = Http::at(addr);
    for number in 0.. {
        let id = format!("{round}-{number}");
        let body = format!(r#"{{"metadata":{{"source":"SAP"}},"id":"{id}","name":"before"}}"#);
        let Ok(created) = http.call("POST", PROJECTS, body) else { return };
        assert_eq!(created.status, 200, "{created:?}");
        let body = r#"{"metadata":{"source":"SAP"},"name":"after"}"#;
        let Ok(updated) = http.call("PUT", &format!("{PROJECTS}/{id}"), body) else { return };
        assert_eq!(updated.status, 200, "{updated:?}");
        answered.send(id).unwrap();
    }
}

#[test]
fn answered_writes_survive_kill() {
    let folder = Folder::new("kill");
    let mut answered: Vec<String> = Vec::new();
    for round in 0..8 {
        let (mut child, addr) = start_child(&folder);
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| {
            for writer in 0..3 {
                let sender = sender.clone();
                scope.spawn(move || write_until_killed(addr, round * 10 + writer, &sender));
            }
            // Killed in the midst of it: the writers go on while the signal is on its way.
            answered.extend(receiver.iter().take(20 + round * 13));
            child.kill().unwrap();
        });
        child.wait().unwrap();
        drop(sender);
        answered.extend(receiver);

        let sandbox = Sandbox::builder().db(folder.db()).start().unwrap();
        for id in &answered {
            let stored = sandbox.project("SAP", id).unwrap_or_else(|| panic!("{id} is lost"));
            assert_eq!(stored.text("name"), Some("after"), "the update of {id} is lost");
        }
    }
    assert!(answered.len() > 400);
}

#[test]
fn file_keeps_projects_numbers_and_changes() {
    let folder = Folder::new("keep");
    let seed = r#"{"source":"SAP","id":"a","name":"A","client_id":"c"}"#;
    let first = Sandbox::builder().db(folder.db()).seed([seed]).start().unwrap();
    let mut http = Http::to(&first);
    let reply = http.update("a", r#"{"metadata":{"source":"SAP"},"name":"Changed"}"#).json();
    http.create(r#"{"metadata":{"source":"SAP"},"id":"b","name":"B"}"#);
    http.call("DELETE", &format!("{PROJECTS}/b"), r#"{"metadata":{"source":"SAP"}}"#).unwrap();
    let stored = first.projects();
    drop(first);

    // The same seed again does not undo what happened since.
    let again = Sandbox::builder().db(folder.db()).seed([seed]).start().unwrap();
    assert_eq!(again.projects(), stored);
    let mut http = Http::to(&again);
    let page = http.get("/").body;
    assert!(page.contains("<del>A</del>") && page.contains("<ins>Changed</ins>"));
    let later = http.update("a", r#"{"metadata":{"source":"SAP"}}"#).json();
    assert_eq!(later["client_id"], reply["client_id"]);
    // The number of a deleted project is not given out again.
    let new = http.create(r#"{"metadata":{"source":"SAP"},"id":"b","name":"B","client_id":"other"}"#).json();
    assert_eq!(new["id"].as_i64(), Some(stored[0].cor_id() + 2));
    assert_ne!(new["client_id"], reply["client_id"]);
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let folder = Folder::new("refuse");
    let start = || Sandbox::builder().db(folder.db()).start();

    std::fs::write(folder.db(), "this is not a database, whatever its name says".repeat(50)).unwrap();
    assert!(matches!(start(), Err(SandboxError::Database { .. })));
    std::fs::remove_file(folder.db()).unwrap();

    let other = rusqlite::Connection::open(folder.db()).unwrap();
    other.execute_batch("CREATE TABLE other (a)").unwrap();
    drop(other);
    assert!(matches!(start(), Err(SandboxError::ForeignDatabase { .. })));
    std::fs::remove_file(folder.db()).unwrap();

    drop(start().unwrap());
    let newer = rusqlite::Connection::open(folder.db()).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    let error = start().unwrap_err();
    assert!(matches!(error, SandboxError::DatabaseVersion { found: 99, .. }), "{error}");
    std::fs::remove_file(folder.db()).unwrap();

    let first = start().unwrap();
    let error = start().unwrap_err();
    assert!(error.to_string().contains("no other sandbox"), "{error}");
    drop(first);
    drop(start().unwrap());

    let nowhere = Sandbox::builder().db(folder.0.join("no/such/folder/x.db")).start();
    assert!(matches!(nowhere, Err(SandboxError::Database { .. })));
}

#[test]
fn store_keeps_identity_in_its_file() {
    let folder = Folder::new("identity");
    let named = |sandbox: &Sandbox| {
        let mut http = Http::to(sandbox);
        let answers =
            [("GET", "/health"), ("GET", "/"), ("GET", "/nowhere"), ("PUT", "/v2/integrations/projects/p")];
        let mut names: Vec<String> = answers
            .iter()
            .map(|(method, path)| {
                http.call(method, path, "{}").unwrap().header("cor-sandbox-store").unwrap().to_owned()
            })
            .collect();
        names.dedup();
        assert_eq!(names.len(), 1, "every answer names the same store");
        assert_eq!(names[0].len(), 32);
        names.pop().unwrap()
    };
    let in_file = || named(&Sandbox::builder().db(folder.db()).start().unwrap());
    let in_memory = || named(&Sandbox::start().unwrap());
    assert_eq!(in_file(), in_file());
    assert_ne!(in_memory(), in_memory());
    assert_ne!(in_file(), in_memory());
}

#[test]
fn running_sandboxes_have_own_state_paths() {
    let (one, other) = (Sandbox::start().unwrap(), Sandbox::start().unwrap());
    assert_eq!(Sandbox::state_path_at(&one.base_url()), None, "it is made when it is asked for");
    let path = one.state_path().unwrap();
    assert_eq!(path, one.state_path().unwrap());
    assert_ne!(path, other.state_path().unwrap());
    assert_eq!(Sandbox::state_path_at(&format!("{}/", one.base_url())), Some(path.clone()));
    let folder = path.parent().unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
    }
    std::fs::write(&path, "x").unwrap();
    let base_url = one.base_url();
    one.stop();
    assert!(!folder.exists());
    assert_eq!(Sandbox::state_path_at(&base_url), None);
    assert!(one.state_path().is_err());
    assert!(other.state_path().unwrap().parent().unwrap().exists());
}
