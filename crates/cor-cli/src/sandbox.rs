//! `cor sandbox`: COR's endpoint on this machine.

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use cor_sandbox::{RateLimit, Sandbox, SandboxBuilder, SandboxError};
use serde_json::json;

use crate::args::SandboxArgs;
use crate::failure::Failure;
use crate::output::Output;
use crate::signals::{Signals, runtime};
use crate::single::no_runtime;
use crate::status;

pub(crate) fn run(args: &SandboxArgs, output: &mut Output) -> Result<u8, Failure> {
    output.set_json(args.json);
    let runtime = runtime().map_err(no_runtime)?;
    runtime.block_on(async {
        // Before the ready line, so that whoever reads it can already send a signal.
        let mut signals = Signals::install().map_err(no_runtime)?;
        let sandbox = Arc::new(builder(args).start().map_err(refused)?);
        announce(args, &sandbox, output);
        let (ended, end) = tokio::sync::oneshot::channel();
        let watched = sandbox.clone();
        std::thread::Builder::new()
            .name("cor-sandbox-end".into())
            .spawn(move || {
                watched.wait();
                let _ = ended.send(());
            })
            .map_err(no_runtime)?;
        tokio::select! {
            // It was told to run until then: that is no failure.
            _ = signals.next() => {
                sandbox.stop();
                Ok(status::DONE)
            }
            _ = end => Err(Failure::usage("the sandbox stopped unexpectedly")),
        }
    })
}

fn builder(args: &SandboxArgs) -> SandboxBuilder {
    let mut builder = Sandbox::builder()
        .port(args.port)
        .host(args.host)
        .token(&args.token)
        .credentials(&args.api_key, &args.client_secret)
        .token_lifetime(Duration::from_secs(args.token_lifetime))
        .record(args.record)
        .latency(Duration::from_millis(args.latency))
        .fail_status(args.fail_status);
    if let Some(path) = &args.db {
        builder = builder.db(path);
    }
    for path in &args.seed {
        builder = builder.seed_file(path);
    }
    if let Some(source) = &args.seed_source {
        builder = builder.seed_source(source);
    }
    if args.example {
        builder = builder.example();
    }
    if let Some(rate) = args.rate_limit {
        let mut limit = RateLimit::per_second(rate).retry_after(!args.no_retry_after);
        if let Some(burst) = args.burst {
            limit = limit.burst(burst);
        }
        builder = builder.rate_limit(limit);
    }
    if let Some(every) = args.fail_every {
        builder = builder.fail_every(every);
    }
    if let Some(ratio) = args.fail_ratio {
        builder = builder.fail_ratio(ratio);
    }
    builder
}

pub(crate) fn refused(error: SandboxError) -> Failure {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    Failure::usage(text)
}

/// One line when it is ready, for people and programs alike.
fn announce(args: &SandboxArgs, sandbox: &Sandbox, output: &mut Output) {
    let url = sandbox.base_url();
    if args.json {
        output.json(&json!({
            "base_url": url,
            "main_url": sandbox.main_url(),
            "token_url": sandbox.token_url(),
            "token": sandbox.token(),
        }));
    } else {
        output.line(&format!("cor sandbox ready at {url} with tokens from {}", sandbox.token_url()));
    }
    if std::io::stderr().is_terminal() {
        output.note(&format!(
            "\n  export COR_BASE_URL={url} COR_MAIN_URL={} COR_ACCESS_TOKEN={}\n\n  Open {url} in a browser to see the projects. Ctrl-C ends it.",
            sandbox.main_url(),
            sandbox.token()
        ));
    }
}
