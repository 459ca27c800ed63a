//! Profiles: which level wins, which server gets the credentials, and how mistakes in the file are reported.

use std::os::unix::fs::symlink;
use std::slice::from_ref;

use cor_http::{ClientBuilder, ErrorKind, TransportKind};

use super::{ID, config, environment, example, named};

#[tokio::test]
async fn option_wins_over_environment_over_profile() {
    let (sandbox, folder) = (example(), tempfile::tempdir().unwrap());
    let base_url = sandbox.base_url();
    let text = format!(
        "[profile.acme]\nbase_url = {base_url:?}\ntoken = 'of-profile'\nuser_agent = 'profile/1'\ndeadline = 30\nmax_attempts = 2\n\
         source = 'SAP'\n"
    );
    let path = config(folder.path(), &text, 0o600);
    let profile = ("COR_PROFILE", "acme".to_owned());
    let of_environment = ("COR_ACCESS_TOKEN", "of-environment".to_owned());
    let address = ("COR_BASE_URL", base_url.clone());
    for (builder, token) in [
        (environment(&path, &[]).profile("acme"), "of-profile"),
        (environment(&path, from_ref(&profile)), "of-profile"),
        (environment(&path, &[profile.clone(), of_environment.clone(), address]), "of-environment"),
        // A call that names a profile means its credentials.
        (environment(&path, from_ref(&of_environment)).profile("acme"), "of-profile"),
        (environment(&path, &[profile.clone(), of_environment]).token("of-options"), "of-options"),
        (environment(&path, &[("COR_PROFILE", "other".to_owned())]).profile("acme"), "of-profile"),
    ] {
        sandbox.requests_clear();
        let client = builder.build().unwrap();
        assert_eq!(client.source(), Some("SAP"));
        client.projects().update(ID, &named("a")).await.unwrap_err();
        let requests = sandbox.requests();
        assert_eq!(requests[0].header("authorization"), Some(&*format!("Bearer {token}")));
        assert_eq!(requests[0].header("user-agent"), Some("profile/1"));
    }
}

#[test]
fn profile_credentials_go_to_its_own_servers_only() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[profile.live]\ntoken = 'hush-0123456789'\n\
                [profile.test]\nbase_url = 'http://127.0.0.1:1'\ntoken_url = 'http://127.0.0.1:1/v1/oauth/token'\n\
                api_key = 'k'\nclient_secret = 'hush-0123456789'\n";
    let path = config(folder.path(), text, 0o600);
    let elsewhere = ("COR_BASE_URL", "http://127.0.0.1:2".to_owned());
    for (builder, says) in [
        (
            environment(&path, from_ref(&elsewhere)).profile("live"),
            "the credentials are those of the profile live, whose base_url is https://integrations.projectcor.com, but COR_BASE_URL \
             is set to http://127.0.0.1:2; set base_url in the profile, or set the credentials where COR_BASE_URL is set",
        ),
        (
            environment(&path, &[]).profile("test").token_url("http://127.0.0.1:2/v1/oauth/token"),
            "whose token_url is http://127.0.0.1:1/v1/oauth/token",
        ),
    ] {
        let error = builder.build().unwrap_err();
        assert!(error.to_string().contains(says), "{error}");
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
    }
    // The same server is no other server, and credentials of the same level go there.
    environment(&path, &[]).profile("test").base_url("http://127.0.0.1:1/below").build().unwrap();
    environment(&path, &[elsewhere]).profile("live").token("t").build().unwrap();
}

#[test]
fn environment_credentials_do_not_go_to_profile_server() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[profile.bare]\nbase_url = 'http://127.0.0.1:1'\n\
                [profile.full]\nbase_url = 'http://127.0.0.1:1'\ntoken = 't'\n\
                [profile.sign-in]\ntoken_url = 'http://127.0.0.1:1/v1/oauth/token'\n\
                [profile.live]\nbase_url = 'https://integrations.projectcor.com/'\n";
    let path = config(folder.path(), text, 0o600);
    let token = ("COR_ACCESS_TOKEN", "hush-0123456789".to_owned());
    let client = [("COR_API_KEY", "k".to_owned()), ("COR_CLIENT_SECRET", "hush-0123456789".to_owned())];
    let here = ("COR_BASE_URL", "http://127.0.0.1:1".to_owned());
    let refused = |builder: ClientBuilder, says: String| {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains(&says), "{error}");
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
    };
    let says = |name: &str| {
        format!(
            "the credentials are those of the environment variables, but base_url is http://127.0.0.1:1, which the profile {name} in \
             {} sets; unset the variables of the credentials and set credentials in the profile, or set COR_BASE_URL to this address",
            path.display()
        )
    };
    refused(environment(&path, from_ref(&token)).profile("bare"), says("bare"));
    refused(environment(&path, &client).profile("bare"), says("bare"));
    for name in ["bare", "full"] {
        refused(environment(&path, &[token.clone(), ("COR_PROFILE", name.to_owned())]), says(name));
    }
    refused(
        environment(&path, &client).profile("sign-in"),
        "but token_url is http://127.0.0.1:1/v1/oauth/token, which the profile sign-in".to_owned(),
    );
    // A token does not go to the token endpoint; the address of production is the same server; an address of the environment or
    // of the call goes with credentials of the environment, and an option's credentials go anywhere.
    environment(&path, from_ref(&token)).profile("sign-in").build().unwrap();
    environment(&path, from_ref(&token)).profile("live").build().unwrap();
    environment(&path, &[token.clone(), here]).profile("bare").build().unwrap();
    environment(&path, from_ref(&token)).profile("bare").base_url("http://127.0.0.1:2").build().unwrap();
    environment(&path, &[token]).profile("bare").token("t").build().unwrap();
}

#[test]
fn refused_profile_value_names_profile_and_file() {
    let folder = tempfile::tempdir().unwrap();
    for (text, says) in [
        ("max_attempts = 0", "max_attempts is 0; pass a number from 1 to 100"),
        ("concurrency = 0", "concurrency is 0"),
        ("rate = 0", "rate is 0"),
        ("base_url = 'cor.example'", "base_url has no scheme; write it as https://cor.example"),
        ("token_command = []", "token_command names no program"),
        ("token = 'two hush-0123456789'", "token "),
        ("ca_file = 'none.pem'", "ca_file"),
        (
            "base_url = 'http://127.0.0.1:1'\napi_key = 'k'\nclient_secret = 's'",
            "base_url is not COR's production address, but token_url is; set token_url in the profile acme in ",
        ),
    ] {
        let path = config(folder.path(), &format!("[profile.acme]\n{text}\n"), 0o600);
        let names = cor_http::OptionNames::Flags;
        let error = environment(&path, &[])
            .option_names(names)
            .profile("acme")
            .allow_missing_credentials()
            .build()
            .unwrap_err();
        let shown = error.to_string();
        let expected = format!("could not use the profile acme: {}: {says}", path.display());
        assert!(shown.starts_with(&expected), "{shown}");
        assert!(!shown.contains("--") && !shown.contains('`') && !shown.contains("hush"), "{shown}");
    }
    // The same value from the caller is the caller's.
    let path = config(folder.path(), "[profile.acme]\ntoken = 't'\n", 0o600);
    let error = environment(&path, &[]).profile("acme").max_attempts(0).build().unwrap_err();
    assert!(error.to_string().starts_with("could not use the options: "), "{error}");
    let path = config(folder.path(), "[profile.acme]\nsource = ' '\n", 0o600);
    let error = environment(&path, &[]).profile("acme").build().unwrap_err();
    assert!(error.to_string().contains(", line 2: source must be the system that projects"), "{error}");
}

#[tokio::test]
async fn relative_token_command_starts_at_profile_file() {
    let (sandbox, folder) = (example(), tempfile::tempdir().unwrap());
    std::fs::create_dir(folder.path().join("bin")).unwrap();
    symlink("/bin/echo", folder.path().join("bin/token")).unwrap();
    let text = format!(
        "[profile.acme]\nbase_url = {:?}\ntoken_command = ['bin/token', 'sandbox-token']\n",
        sandbox.base_url()
    );
    let path = config(folder.path(), &text, 0o600);
    let client = environment(&path, &[]).profile("acme").build().unwrap();
    client.projects().update(ID, &named("a")).await.unwrap();
}

#[test]
fn refuses_readable_secrets_with_chmod_to_type() {
    let folder = tempfile::tempdir().unwrap();
    let secret =
        "[profile.acme]\ntoken = 'hush-0123456789'\n[profile.other]\nbase_url = 'http://127.0.0.1:1'\n";
    let harmless = "[profile.acme]\nbase_url = 'http://127.0.0.1:1'\ntoken_command = ['op', 'read']\n";
    for (text, mode, refused) in [
        (secret, 0o600, None),
        (secret, 0o400, None),
        (secret, 0o640, Some("holds secrets, and other users may read or change it (mode 640)")),
        (secret, 0o604, Some("holds secrets")),
        (harmless, 0o644, None),
        (harmless, 0o664, Some("names a program to run, and other users may change it (mode 664)")),
        ("[profile.acme]\nproxy = 'http://u:hush-0123456789@proxy'\n", 0o644, Some("holds secrets")),
        ("[profile.acme]\nproxy = 'http://proxy'\ntoken_command = ['op']", 0o644, None),
    ] {
        let path = config(folder.path(), text, mode);
        let built = environment(&path, &[]).profile("acme").transport_kind(TransportKind::Reqwest).build();
        match (refused, built) {
            (None, built) => drop(built.unwrap()),
            (Some(says), built) => {
                let text = built.unwrap_err().to_string();
                assert!(text.contains(says), "{text}");
                assert!(text.ends_with(&format!("; run: chmod 600 {}", path.display())), "{text}");
                assert!(!text.contains("hush"), "{text}");
            }
        }
    }
}

#[test]
fn file_mistakes_have_line_and_no_value() {
    let folder = tempfile::tempdir().unwrap();
    for (text, says) in [
        (
            "[profile.acme]\nbase_uri = 'hush-0123456789'\n",
            ", line 2: no option is called \"base_uri\"; did you mean base_url?",
        ),
        ("[profile.acme]\naccess_token = 'hush-0123456789'\n", "no option is called \"access_token\""),
        (
            "[profile.acme]\ntoken = ['hush-0123456789']\n",
            ", line 2: token must be text between quotation marks",
        ),
        (
            "[profile.acme]\ntoken_command = 'hush-0123456789'\n",
            "token_command must be a list of the program and its arguments",
        ),
        ("[profile.acme]\ntransport = 'hush-0123456789'\n", "transport must be \"reqwest\" or \"direct\""),
        ("[profile.acme]\ndeadline = -1\n", "deadline must be a number of seconds above zero"),
        ("[profile.acme]\nmax_attempts = 1.5\n", "max_attempts must be a whole number"),
        ("[profile.acme]\n\ntoken = hush-0123456789\n", ", line 3: "),
        (
            "[profiles.acme]\ntoken = 'hush-0123456789'\n",
            ", line 1: \"profiles\" is not known here; begin a profile with [profile.NAME]",
        ),
        (
            "[profile.acne]\n[profile.live]\n",
            " has no such profile; its profiles are acne, live; did you mean acne?",
        ),
        ("", " has no profile; begin a profile with [profile.NAME]"),
    ] {
        let path = config(folder.path(), text, 0o600);
        let error = environment(&path, &[]).profile("acme").build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let shown = error.to_string();
        assert!(
            shown.starts_with(&format!("could not read the profile acme: {}", path.display())),
            "{shown}"
        );
        assert!(shown.contains(says), "{shown}");
        assert!(!format!("{error:?}").contains("hush"), "{error:?}");
    }
    let missing = environment(&folder.path().join("none.toml"), &[]).profile("acme").build().unwrap_err();
    assert!(
        missing.chain().contains("none.toml cannot be read; cor config path prints its place"),
        "{}",
        missing.chain()
    );
}

#[test]
fn paths_of_a_profile_are_relative_to_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = config(folder.path(), "[profile.acme]\nca_file = 'ca.pem'\ntoken_command = ['op']\n", 0o600);
    let error = environment(&path, &[]).profile("acme").build().unwrap_err();
    assert!(error.to_string().contains(&format!("{:?}", folder.path().join("ca.pem"))), "{error}");
}
