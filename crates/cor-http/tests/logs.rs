//! What the client logs about its work: spans and events, at every level, without secrets or business text.

#![allow(clippy::unwrap_used)] // helpers of tests may panic

mod common;

use std::io::Write;
use std::sync::{Arc, Mutex};

use common::quick;
use cor_http::ProjectUpdate;
use cor_sandbox::{Answer, Sandbox};
use tracing_subscriber::fmt::format::FmtSpan;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn logs_hold_no_secrets_or_business_text() {
    let log = Log::default();
    let writer = log.clone();
    // For everything in the process, the HTTP and TLS libraries included.
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(move || writer.clone());
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();

    let sandbox = Sandbox::builder().example().credentials("key-of-mine", "hush-secret").start().unwrap();
    sandbox.queue(Answer::status(503));
    let client = quick(common::builder())
        .base_url(sandbox.base_url())
        .token_url(sandbox.token_url())
        .api_key("key-of-mine")
        .client_secret("hush-secret")
        .build()
        .unwrap();
    let update = ProjectUpdate::new("SALESFORCE").name("Takeover of Acme").estimated(1_234_567);
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(async { client.projects().update("SF-OPP-12345", &update).await })
        .unwrap();

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for wanted in ["update{source=\"SALESFORCE\"}", "attempt{n=2}", "attempt failed", "status=503", "applied"]
    {
        assert!(text.contains(wanted), "{wanted:?} is not in the log:\n{text}");
    }
    let tokens: Vec<String> = sandbox
        .requests()
        .iter()
        .filter_map(|request| Some(request.header("authorization")?.split(' ').nth(1)?.to_owned()))
        .collect();
    assert_eq!(tokens.len(), 3, "the token call and two attempts");
    let secrets = ["hush-secret", "key-of-mine", "Takeover", "1234567", "SF-OPP-12345"];
    for secret in secrets.into_iter().chain(tokens.iter().map(String::as_str)) {
        assert!(!text.contains(secret), "{secret:?} is in the log:\n{text}");
    }

    // And the external id, where the user asked for it.
    let client = common::builder()
        .base_url(sandbox.base_url())
        .token(sandbox.token())
        .trace_ids(true)
        .build()
        .unwrap();
    tokio::runtime::Runtime::new()
        .unwrap()
        .block_on(async { client.projects().update("SF-OPP-12345", &update).await })
        .unwrap();
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("update{source=\"SALESFORCE\" id=\"SF-OPP-12345\"}"), "{text}");
}
