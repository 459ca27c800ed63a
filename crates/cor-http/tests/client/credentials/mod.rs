//! Where tokens come from beside options and environment: providers, commands, profiles; and what `auth_status` reports.
#![cfg(unix)] // the commands are those of a Unix shell

mod profiles;

use std::collections::HashSet;
use std::fmt::Debug;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::common::{named, quick};
use cor_fault_peer::{RefusedPort, Secrets};
use cor_http::testing::MemoryTransport;
use cor_http::{
    AuthResult, AuthStatus, Client, ClientBuilder, ErrorKind, Outcome, ProvidedToken, TokenFuture,
    TokenProvider,
};
use cor_sandbox::Sandbox;

const ID: &str = "SF-OPP-12345";

fn example() -> Sandbox {
    Sandbox::builder().example().start().unwrap()
}

fn at(sandbox: &Sandbox) -> ClientBuilder {
    quick(crate::common::builder()).base_url(sandbox.base_url())
}

/// The tokens of the requests that the sandbox received, in order.
fn tokens(sandbox: &Sandbox) -> Vec<String> {
    sandbox.requests().iter().filter_map(|r| r.header("authorization").map(str::to_owned)).collect()
}

/// Returns `old` until COR has rejected it, then the sandbox's token.
#[derive(Debug, Default)]
struct Counting {
    asked: AtomicU32,
    lifetime: Option<Duration>,
}

impl TokenProvider for Counting {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(async move {
            let token = match self.asked.fetch_add(1, Ordering::SeqCst) {
                0 => ProvidedToken::new("old-token\n"),
                _ => ProvidedToken::new("sandbox-token"),
            };
            tokio::task::yield_now().await;
            Ok(match self.lifetime {
                Some(lifetime) => token.expires_in(lifetime),
                None => token,
            })
        })
    }
}

#[tokio::test]
async fn asks_provider_once_and_once_after_401() {
    let sandbox = example();
    let provider = Arc::new(Counting::default());
    let client = at(&sandbox).token_provider(provider.clone()).build().unwrap();
    let rows = (0..64).map(|n| (ID, named(&format!("N{n}"))));
    let mut results = client.projects().update_many(rows).concurrency(16).start();
    while let Some(item) = results.next().await {
        item.result.unwrap();
    }
    let calls: Vec<_> = (0..64)
        .map(|n| {
            let client = client.clone();
            tokio::spawn(async move { client.projects().update(ID, &named(&format!("M{n}"))).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(provider.asked.load(Ordering::SeqCst), 2);
    let tokens = tokens(&sandbox);
    assert!(tokens.contains(&"Bearer old-token".to_owned()), "{tokens:?}");
    assert_eq!(tokens.last().map(String::as_str), Some("Bearer sandbox-token"));
}

#[tokio::test]
async fn runs_token_command_once_after_many_401() {
    let (sandbox, folder) = (example(), tempfile::tempdir().unwrap());
    let runs = folder.path().join("runs");
    let script = format!(
        "echo run >> '{0}'; if [ $(wc -l < '{0}') = 1 ]; then echo old-token; else echo sandbox-token; fi",
        runs.display()
    );
    let client = at(&sandbox).token_command(["/bin/sh", "-c", &script]).build().unwrap();
    // Different projects, so that their first requests are in flight together; the sandbox has none of them.
    let rows = (0..32).map(|n| (format!("P-{n}"), named("N")));
    let mut results = client.projects().update_many(rows).concurrency(32).start();
    while let Some(item) = results.next().await {
        assert_eq!(item.result.unwrap_err().kind(), ErrorKind::ProjectNotFound);
    }
    assert_eq!(std::fs::read_to_string(&runs).unwrap(), "run\nrun\n");
    assert!(tokens(&sandbox).iter().filter(|token| *token == "Bearer old-token").count() > 1);
}

#[tokio::test]
async fn does_not_wait_for_process_left_by_token_command() {
    let sandbox = example();
    let script = "sleep 15 & echo sandbox-token";
    let client =
        at(&sandbox).token_command(["/bin/sh", "-c", script]).deadline(Duration::from_secs(10)).build();
    client.unwrap().projects().update(ID, &named("a")).await.unwrap();
}

#[tokio::test]
async fn token_command_ends_with_waiting_call() {
    let (sandbox, folder) = (example(), tempfile::tempdir().unwrap());
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let script = format!("exec 3>{}; echo started >&3; sleep 20 3>&-; echo left >&3", pipe.display());
    let client = at(&sandbox).token_command(["/bin/sh", "-c", &script]).deadline(Duration::from_secs(2));
    // The pipe ends with the command.
    let reader = std::thread::spawn(move || std::fs::read_to_string(pipe).unwrap());
    client.build().unwrap().projects().update(ID, &named("a")).await.unwrap_err();
    assert_eq!(reader.join().unwrap(), "started\n");
}

#[tokio::test]
async fn provider_lifetime_refreshes_like_token_endpoint() {
    let sandbox = Sandbox::builder().example().token("old-token").start().unwrap();
    let provider = Arc::new(Counting { lifetime: Some(Duration::ZERO), ..Counting::default() });
    let client = at(&sandbox).token_provider(provider.clone()).build().unwrap();
    client.projects().update(ID, &named("a")).await.unwrap();
    client.projects().update(ID, &named("b")).await.unwrap();
    assert_eq!(provider.asked.load(Ordering::SeqCst), 1, "a token is used for at least five seconds");
}

/// A client whose requests reach no network: the clock can stand still, and only the waits of the client move it on.
fn in_memory() -> ClientBuilder {
    quick(Client::builder()).transport(MemoryTransport::json(200, r#"{"id":7}"#))
}

#[tokio::test(start_paused = true)]
async fn token_without_lifetime_is_used_for_years() {
    let provider = Arc::new(Counting::default());
    for builder in [in_memory().token_provider(provider.clone()), in_memory().token("a-token")] {
        let client = builder.build().unwrap();
        client.projects().update(ID, &named("a")).await.unwrap();
        tokio::time::advance(Duration::from_secs(10 * 365 * 24 * 3600)).await;
        client.projects().update(ID, &named("b")).await.unwrap();
    }
    assert_eq!(provider.asked.load(Ordering::SeqCst), 1);
}

/// Returns one token, which lives for a hundred seconds, and then none.
#[derive(Debug, Default)]
struct HangingLater(AtomicU32);

impl TokenProvider for HangingLater {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(async move {
            if self.0.fetch_add(1, Ordering::SeqCst) > 0 {
                std::future::pending::<()>().await;
            }
            Ok(ProvidedToken::new("a-token").expires_in(Duration::from_secs(100)))
        })
    }
}

#[tokio::test(start_paused = true)]
async fn hanging_early_refresh_delays_one_call_by_at_most_3_s() {
    for (deadline, longest) in [(8, 2.0), (60, 3.0)] {
        let provider = Arc::new(HangingLater::default());
        let client = in_memory().token_provider(provider.clone()).deadline(Duration::from_secs(deadline));
        let client = client.build().unwrap();
        client.projects().update(ID, &named("a")).await.unwrap();
        tokio::time::advance(Duration::from_secs(85)).await;
        let took = |id: &'static str| {
            let (client, begun) = (client.clone(), tokio::time::Instant::now());
            tokio::spawn(async move {
                client.projects().update(id, &named("b")).await.unwrap();
                begun.elapsed().as_secs_f64()
            })
        };
        // The first asks for a token; the second uses the one that is still valid.
        let (first, second) = (took("P-1"), took("P-2"));
        let (first, second) = (first.await.unwrap(), second.await.unwrap());
        assert!((longest..longest + 0.1).contains(&first) && second < 0.1, "{deadline}: {first} {second}");
        // After a refresh that failed, the next one begins five seconds later.
        assert!(took("P-3").await.unwrap() < 0.1);
        assert_eq!(provider.0.load(Ordering::SeqCst), 2);
    }
}

#[test]
fn debug_of_client_names_kind_of_credentials() {
    for (builder, kind) in [
        (in_memory().token("hush-0123456789"), "a static token"),
        (in_memory().api_key("hush-0123456789").client_secret("hush-0123456789"), "client credentials"),
        (in_memory().token_provider(Failing), "a token provider"),
        (in_memory().token_command(["/bin/echo", "hush-0123456789"]), "a token command"),
        (in_memory().allow_missing_credentials(), "no credentials"),
    ] {
        let shown = format!("{:?}", builder.build().unwrap());
        assert!(shown.contains(&format!("Auth({kind})")) && !shown.contains("hush-0123456789"), "{shown}");
    }
}

/// Never returns a token.
#[derive(Debug)]
struct Hanging;

impl TokenProvider for Hanging {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn hanging_provider_is_auth_error_and_no_outage() {
    let sandbox = example();
    for (builder, says) in [
        (
            at(&sandbox).token_provider(Hanging),
            "the token provider returned no token before the deadline passed",
        ),
        (
            at(&sandbox).token_command(["/bin/sleep", "600"]),
            "the token command \"/bin/sleep\" printed no token before the deadline passed",
        ),
    ] {
        let client = builder.deadline(Duration::from_millis(100)).build().unwrap();
        let single = client.projects().update(ID, &named("a")).await.unwrap_err();
        let mut results = client.projects().update_many([(ID, named("a"))]).start();
        let row = results.next().await.unwrap().result.unwrap_err();
        let status = client.auth_status().await;
        assert_eq!(status.result, AuthResult::Refused);
        for error in [&single, &row, status.error.as_ref().unwrap()] {
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::Auth, 0), "{error}");
            assert!(error.to_string().contains(says), "{error}");
        }
        assert!(client.paused().is_none());
    }
    assert!(sandbox.requests().is_empty());
}

#[derive(Debug)]
struct Failing;

impl TokenProvider for Failing {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(async { Err("the vault is sealed".into()) })
    }
}

#[tokio::test]
async fn failing_provider_is_auth_error_and_sends_nothing() {
    let sandbox = example();
    for (builder, text) in [
        (
            at(&sandbox).token_provider(Failing),
            "get a token: the token provider failed: the vault is sealed; correct the token provider, or what it depends on",
        ),
        (
            at(&sandbox).token_command([
                "/bin/sh",
                "-c",
                "echo hush-0123456789; echo 'sign in first' >&2; exit 1",
            ]),
            "the token command \"/bin/sh\" failed (exit status 1): sign in first; run the command in a terminal",
        ),
        (at(&sandbox).token_command(["/bin/echo", "\"hush-0123456789\""]), "is enclosed in quotation marks"),
    ] {
        let error = builder.build().unwrap().projects().update(ID, &named("a")).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.outcome(), error.attempts()),
            (ErrorKind::Auth, Outcome::NotApplied, 0)
        );
        let shown = format!("{error} {error:?} {}", error.chain());
        assert!(
            shown.replace("could not update project", "").contains(text.trim_start_matches("get a token: ")),
            "{shown}"
        );
        assert!(!shown.contains("hush-0123456789"), "{shown}");
    }
    assert!(sandbox.requests().is_empty());
}

#[test]
fn two_kinds_of_credentials_at_one_level_are_refused() {
    for (builder, says) in [
        (
            Client::builder().token("t").token_provider(Failing),
            "`token` is set, and a token provider as well",
        ),
        (
            Client::builder().token_command(["x"]).api_key("k").client_secret("s"),
            "client credentials (`api_key`, `client_secret`) are set, and a token command as well; set only the client credentials, or only the token command",
        ),
        (Client::builder().token_command([""]), "token_command names no program"),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(says), "{error}");
    }
}

/// A configuration file of this mode.
fn config(folder: &Path, text: &str, mode: u32) -> PathBuf {
    let path = folder.join("config.toml");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path
}

/// A builder whose environment has these variables, and this configuration file.
fn environment(path: &Path, variables: &[(&'static str, String)]) -> ClientBuilder {
    let (path, variables) = (path.display().to_string(), variables.to_vec());
    quick(crate::common::builder()).environment(move |name| match name {
        "COR_CONFIG" => Some(path.clone()),
        name => variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone()),
    })
}

/// Everything that a status shows.
fn shown(status: &AuthStatus) -> String {
    format!("{status}\n{status:?}\n{}", serde_json::to_string(status).unwrap())
}

fn check(status: &AuthStatus, result: AuthResult, asked: Option<&str>) {
    assert_eq!((status.result, status.asked.as_deref()), (result, asked), "{status}");
}

#[tokio::test]
async fn status_names_credentials_origin_and_result() {
    let (sandbox, folder) = (example(), tempfile::tempdir().unwrap());
    let base_url = sandbox.base_url();
    let me = format!("GET {base_url}/v1/me");
    let path = config(
        folder.path(),
        &format!("[profile.acme]\nbase_url = {base_url:?}\ntoken = 'sandbox-token'\n"),
        0o600,
    );

    let status = environment(&path, &[]).profile("acme").build().unwrap().auth_status().await;
    check(&status, AuthResult::Accepted, Some(&me));
    assert_eq!(
        status.to_string(),
        format!(
            "credentials  a token\nfrom         the profile acme in {}\naccepted     yes: COR accepted the token ({me})\n\
             base URL     {base_url}\nproxy        none\nauthorities  the operating system's",
            path.display()
        )
    );
    assert_eq!(status.profile.as_deref(), Some("acme"));
    assert!(!shown(&status).contains("sandbox-token"));
    let sent = sandbox.requests();
    assert_eq!((sent.len(), &*sent[0].method, &*sent[0].path), (1, "GET", "/v1/me"));
    assert_eq!(sent[0].header("authorization"), Some("Bearer sandbox-token"));
    assert!(sent[0].body.is_empty());

    let variables = [
        ("COR_BASE_URL", base_url.clone()),
        ("COR_TOKEN_URL", sandbox.token_url()),
        ("COR_API_KEY", "sandbox-key".to_owned()),
        ("COR_CLIENT_SECRET", "sandbox-secret".to_owned()),
    ];
    let status = environment(&path, &variables).build().unwrap().auth_status().await;
    check(&status, AuthResult::Accepted, Some(&me));
    assert_eq!(status.credentials, Some("client_credentials"));
    assert_eq!(
        status.credentials_from.as_deref(),
        Some("the environment variables COR_API_KEY and COR_CLIENT_SECRET")
    );
    assert_eq!(status.token_url, Some(sandbox.token_url()));
    assert!(!shown(&status).contains("sandbox-secret") && !shown(&status).contains("sandbox-access"));

    let status = at(&sandbox).token("wrong-0123456789").build().unwrap().auth_status().await;
    check(&status, AuthResult::Refused, Some(&me));
    assert!(status.to_string().contains("accepted     no: COR did not accept the token"), "{status}");
    assert!(!shown(&status).contains("wrong-0123456789"));
    assert_eq!(status.error.as_ref().map(cor_http::Error::kind), Some(ErrorKind::Auth));

    let status = at(&sandbox).allow_missing_credentials().build().unwrap().auth_status().await;
    check(&status, AuthResult::NoCredentials, None);
    assert!(
        status.to_string().starts_with("credentials  none\naccepted     no: no credentials are set\n"),
        "{status}"
    );
}

#[tokio::test]
async fn status_says_what_could_not_be_asked() {
    let sandbox = example();
    // Below this path there is no main API.
    let below = format!("{}/gateway", sandbox.base_url());
    let status = at(&sandbox).base_url(&below).token("sandbox-token").build().unwrap().auth_status().await;
    check(&status, AuthResult::NotChecked, Some(&format!("GET {below}/v1/me")));
    assert!(
        status
            .to_string()
            .contains(&format!("accepted     not known: the server does not know GET {below}/v1/me"))
    );
    assert!(status.error.is_none());

    // A token endpoint of another shape shows no main API beside it.
    let closed = RefusedPort::bind();
    let status = at(&sandbox)
        .token_url(format!("http://{closed}/sign-in"))
        .api_key("k")
        .client_secret("hush-0123456789")
        .max_attempts(1)
        .build()
        .unwrap()
        .auth_status()
        .await;
    check(&status, AuthResult::Unreachable, None);
    assert!(
        status.to_string().contains("accepted     not known: connecting to the token endpoint failed"),
        "{status}"
    );
    assert!(!shown(&status).contains("hush-0123456789"));
}

#[tokio::test]
async fn token_goes_to_one_server_whose_status_decides() {
    // In memory, because nothing may be sent to these hosts: the token endpoint issues a token, and the main API answers so.
    let client = |status: u16, body: &'static str| {
        let transport = MemoryTransport::new(move |request| {
            let token = r#"{"access_token":"hush-0123456789"}"#;
            let (status, body) = if request.method() == "POST" { (200, token) } else { (status, body) };
            Ok(http::Response::builder().status(status).body(body.into()).unwrap())
        });
        let builder = Client::builder().api_key("k").client_secret("s").transport(transport.clone());
        (quick(builder).build().unwrap(), transport)
    };
    for (status, body, expected) in [
        (200, r#"{"id":7}"#, AuthResult::Accepted),
        (200, "[]", AuthResult::Accepted),
        (200, "", AuthResult::Unreachable),
        (200, "<html>sign in</html>", AuthResult::Unreachable),
        (302, "", AuthResult::Unreachable),
        (401, "", AuthResult::Refused),
        (403, r#"{"message":"no"}"#, AuthResult::Refused),
        (404, "", AuthResult::TokenIssued),
        (405, "<html>", AuthResult::TokenIssued),
        (503, "", AuthResult::Unreachable),
    ] {
        let (client, transport) = client(status, body);
        let known = client.auth_status().await;
        assert_eq!(known.result, expected, "{status} {body}: {known}");
        assert!(!shown(&known).contains("hush-0123456789"), "{known:?}");
        let urls: HashSet<_> = transport.requests().iter().map(|request| request.uri().to_string()).collect();
        let token = "https://api.projectcor.com/v1/oauth/token?grant_type=client_credentials".to_owned();
        assert_eq!(urls, HashSet::from([token, "https://api.projectcor.com/v1/me".to_owned()]));
    }
    let (client, _) = client(404, "");
    let text = client.auth_status().await.to_string();
    let says = "accepted     the token endpoint issued a token; only the token endpoint could be asked; the server does not know \
                GET https://api.projectcor.com/v1/me\n";
    assert!(text.contains(says), "{text}");
}

#[tokio::test]
async fn status_fetches_new_token_once_after_401() {
    let sandbox = example();
    let provider = Arc::new(Counting::default());
    let client = at(&sandbox).token_provider(provider.clone()).build().unwrap();
    let status = client.auth_status().await;
    assert_eq!((status.result, status.credentials), (AuthResult::Accepted, Some("token_provider")));
    assert_eq!(tokens(&sandbox), ["Bearer old-token", "Bearer sandbox-token"]);
}

#[tokio::test]
async fn no_secret_of_a_command_or_profile_shows_anywhere() {
    fn keep(captured: &mut Vec<u8>, value: &impl Debug, text: &str) {
        captured.extend(format!("{value:?} {value:#?} {text}").into_bytes());
    }
    let mut random = fastrand::Rng::with_seed(cor_fault_peer::seed());
    let (token, argument) = (Secrets::random(&mut random), Secrets::random(&mut random));
    let mut secrets = Secrets::default();
    secrets.hide("the token", &token);
    secrets.hide("the argument", &argument);
    let (sandbox, folder) = (example(), tempfile::tempdir().unwrap());
    let mut captured = Vec::new();
    for ending in ["", "; exit 1", "; echo two words", "; echo $0 >&2; exit 1"] {
        // The token is in the script, hence no part of standard error.
        let script = format!("echo {token}{}", ending.replace("$0", "$(true)"));
        let text = format!(
            "[profile.acme]\nbase_url = {:?}\ntoken_command = ['/bin/sh', '-c', '{script}', '{argument}']\n",
            sandbox.base_url()
        );
        let path = config(folder.path(), &text, 0o600);
        let builder = environment(&path, &[]).profile("acme");
        keep(&mut captured, &builder, "");
        let client = builder.build().unwrap();
        let error = client.projects().update(ID, &named("a")).await.unwrap_err();
        keep(&mut captured, &error, &error.chain());
        let status = client.auth_status().await;
        assert_eq!(status.result, AuthResult::Refused);
        keep(&mut captured, &status, &shown(&status));
        keep(&mut captured, &client, "");
    }
    assert_eq!(secrets.find(&captured), None);
}
