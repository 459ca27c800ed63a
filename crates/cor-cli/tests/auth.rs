//! `cor auth status`, `cor config path`, and profiles.
#![cfg(unix)] // modes of files and commands of a Unix shell
#![allow(clippy::unwrap_used, reason = "in a test a surprise may panic")]

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::*;
use cor_fault_peer::RefusedPort;
use serde_json::{Value, json};

/// A configuration file of this mode.
fn config(folder: &Path, text: &str, mode: u32) -> PathBuf {
    let path = folder.join("config.toml");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path
}

/// The program with this configuration file and no other environment.
fn with(path: &Path, arguments: &[&str]) -> Command {
    let mut command = bare();
    command.env("COR_CONFIG", path).args(arguments);
    command
}

#[test]
fn config_path_prints_path_of_missing_file_too() {
    let path = |variables: &[(&str, &str)]| {
        let mut command = bare();
        command.env_remove("XDG_CONFIG_HOME").env("HOME", "/home/me").args(["config", "path"]);
        command.envs(variables.iter().copied());
        ran(&mut command).exits(0).out
    };
    assert_eq!(path(&[]), "/home/me/.config/cor/config.toml\n");
    assert_eq!(path(&[("XDG_CONFIG_HOME", "/etc/x")]), "/etc/x/cor/config.toml\n");
    assert_eq!(path(&[("XDG_CONFIG_HOME", "relative")]), "/home/me/.config/cor/config.toml\n");
    assert_eq!(path(&[("XDG_CONFIG_HOME", "/etc/x"), ("COR_CONFIG", "/tmp/c.toml")]), "/tmp/c.toml\n");
}

#[test]
fn profile_sets_address_source_and_token_of_commands() {
    let (sandbox, folder) = (sandbox(&["P"]), tempfile::tempdir().unwrap());
    let text = format!(
        "[profile.acme]\nbase_url = {:?}\nsource = 'SALESFORCE'\ntoken_command = ['/bin/echo', '{TOKEN}']\n",
        sandbox.base_url()
    );
    let path = config(folder.path(), &text, 0o600);
    let update = ["projects", "update", "P", "--name", "new", "--no-state"];
    ran(with(&path, &update).args(["--profile", "acme"])).exits(0).prints("Updated P of SALESFORCE");
    ran(with(&path, &update).env("COR_PROFILE", "acme")).exits(0).prints("Updated P of SALESFORCE");
    let table = folder.path().join("t.csv");
    std::fs::write(&table, "id,name\nP,newer\n").unwrap();
    let table = table.to_str().unwrap();
    for arguments in [["projects", "sync", table, "--no-state"].as_slice(), &["projects", "check", table]] {
        ran(with(&path, arguments).env("COR_PROFILE", "acme")).exits(0);
        ran(with(&path, arguments).args(["--profile", "acme"])).exits(0);
    }
    let bodies: Vec<_> = sandbox.requests().iter().map(|request| request.body_text()).collect();
    assert_eq!(bodies.last().unwrap(), r#"{"metadata":{"source":"SALESFORCE"},"name":"newer"}"#);
    // A flag wins over the profile.
    ran(with(&path, &update).args(["--profile", "acme", "--source", "SAP"])).exits(1).says("no such project");
    ran(&mut with(&path, &update)).exits(2).says("--source is missing").says("or set source in a profile");
    ran(with(&path, &update).args(["--profile", "amce"]))
        .exits(2)
        .says("its profiles are acme; did you mean acme?");
}

#[test]
fn dry_run_refuses_same_credentials_as_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = config(folder.path(), &format!("[profile.acme]\ntoken = '{TOKEN}'\n"), 0o600);
    let table = folder.path().join("t.csv");
    std::fs::write(&table, "id,name\nP,new\n").unwrap();
    let sync =
        ["projects", "sync", table.to_str().unwrap(), "--source", "SAP", "--profile", "acme", "--no-state"];
    for more in [[].as_slice(), &["--dry-run"]] {
        ran(with(&path, &sync).args(more).env("COR_BASE_URL", "http://127.0.0.1:1"))
            .exits(2)
            .says("the credentials are those of the profile acme, whose base_url is https://integrations.projectcor.com");
    }
}

#[test]
fn hanging_token_command_is_auth_error_and_ends() {
    let (sandbox, folder) = (sandbox(&["P"]), tempfile::tempdir().unwrap());
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let table = folder.path().join("t.csv");
    std::fs::write(&table, "id,name\nP,new\n").unwrap();
    // The pipe ends when the command does, and has "left" in it if the command outlives the program.
    let text = format!(
        "[profile.acme]\nbase_url = {:?}\nsource = 'SAP'\n\
         token_command = ['/bin/sh', '-c', 'exec 3>{}; echo started >&3; sleep 30 3>&-; echo left >&3']\n",
        sandbox.base_url(),
        pipe.display()
    );
    let path = config(folder.path(), &text, 0o600);
    for arguments in [
        ["projects", "update", "P", "--name", "new"].as_slice(),
        &["projects", "sync", table.to_str().unwrap()],
    ] {
        let pipe = pipe.clone();
        let reader = std::thread::spawn(move || std::fs::read_to_string(pipe).unwrap());
        ran(with(&path, arguments).args(["--no-state", "--profile", "acme", "--deadline", "2"]))
            .exits(3)
            .says("the token command \"/bin/sh\" printed no token before the deadline passed");
        assert_eq!(reader.join().unwrap(), "started\n");
    }
}

#[test]
fn refuses_readable_secrets_with_chmod_to_type() {
    let folder = tempfile::tempdir().unwrap();
    let path = config(folder.path(), &format!("[profile.acme]\ntoken = '{TOKEN}'\n"), 0o644);
    ran(&mut with(&path, &["auth", "status", "--profile", "acme"]))
        .exits(2)
        .says("holds secrets, and other users may read or change it (mode 644)\n")
        .says(&format!("hint: run: chmod 600 {}\n", path.display()));
}

#[test]
fn accepted_token_exits_with_0_and_prints_no_secret() {
    let sandbox = sandbox(&[]);
    let ran = ran(&mut cor(&sandbox, &["auth", "status"])).exits(0);
    assert_eq!(
        ran.out,
        format!(
            "credentials  a token\nfrom         the environment variable COR_ACCESS_TOKEN\n\
             accepted     yes: COR accepted the token (GET {base_url}/v1/me)\nbase URL     {base_url}\n\
             proxy        none\nauthorities  the operating system's\n",
            base_url = sandbox.base_url()
        )
    );
    assert_eq!(ran.err, "");
    let mut command = cor(&sandbox, &["auth", "status", "--json"]);
    command.env_remove("COR_ACCESS_TOKEN").env("COR_TOKEN_URL", sandbox.token_url());
    command.env("COR_API_KEY", sandbox.api_key()).env("COR_CLIENT_SECRET", sandbox.client_secret());
    let status = common::ran(&mut command).exits(0).json().remove(0);
    assert_eq!(
        status,
        json!({
            "result": "accepted",
            "asked": format!("GET {}/v1/me", sandbox.base_url()),
            "credentials": "client_credentials",
            "credentials_from": "the environment variables COR_API_KEY and COR_CLIENT_SECRET",
            "profile": null,
            "config_file": null,
            "base_url": sandbox.base_url(),
            "token_url": sandbox.token_url(),
            "proxy": null,
            "ca_file": null,
            "error": null,
        })
    );
}

#[test]
fn refused_or_missing_credentials_exit_with_3() {
    let sandbox = sandbox(&[]);
    let wrong = "wrong-1234567890";
    let refused = ran(cor(&sandbox, &["auth", "status"]).env("COR_ACCESS_TOKEN", wrong)).exits(3);
    assert!(!refused.out.contains(wrong) && !refused.err.contains(wrong));
    refused
        .prints("accepted     no: COR did not accept the token")
        .says("hint: check the token, or the API key");
    let json =
        ran(cor(&sandbox, &["auth", "status", "--json"]).env("COR_ACCESS_TOKEN", wrong)).exits(3).json();
    assert_eq!((&json[0]["result"], &json[0]["error"]["kind"]), (&json!("refused"), &json!("auth")));

    let missing = ran(cor(&sandbox, &["auth", "status"]).env_remove("COR_ACCESS_TOKEN")).exits(3);
    missing.prints("accepted     no: no credentials are set").says("--profile NAME");

    let folder = tempfile::tempdir().unwrap();
    let text = "[profile.acme]\nbase_url = 'http://127.0.0.1:1'\ntoken_command = ['/bin/sh', '-c', 'echo locked >&2; exit 2']\n";
    let path = config(folder.path(), text, 0o600);
    ran(&mut with(&path, &["auth", "status", "--profile", "acme"]))
        .exits(3)
        .prints("credentials  a token command\n")
        .prints(&format!("from         the profile acme in {}\n", path.display()))
        .prints("accepted     no: the token command \"/bin/sh\" failed (exit status 2): locked\n")
        .says("hint: run the command in a terminal");
}

#[test]
fn unchecked_or_unreachable_token_exits_with_4() {
    let sandbox = sandbox(&[]);
    let elsewhere = format!("{}/gateway", sandbox.base_url());
    ran(cor(&sandbox, &["auth", "status"]).args(["--base-url", &elsewhere]))
        .exits(4)
        .prints(&format!("accepted     not known: the server does not know GET {elsewhere}/v1/me"));
    let closed = RefusedPort::bind();
    let status = ran(cor(&sandbox, &["auth", "status", "--json", "--max-attempts", "1"])
        .args(["--base-url", &format!("http://{closed}")]))
    .exits(4)
    .json();
    assert_eq!(
        (&status[0]["result"], &status[0]["error"]["kind"]),
        (&json!("unreachable"), &json!("transport"))
    );
    assert_eq!(status[0]["error"]["status"], Value::Null);
}
