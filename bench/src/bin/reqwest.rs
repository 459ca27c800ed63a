//! reqwest alone, as sparing as its API allows: the URL is parsed once and its path set for each row, the headers are
//! prepared. `--mode h1` keeps it from HTTP/2.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Instant;

use cor_bench::{Clock, Options, PATH, TOKEN, body, is_right, row, take};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Request, Url};

fn main() {
    let options = Options::from_args();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, run(options));
}

async fn run(options: Options) {
    let mut builder = reqwest::Client::builder().pool_max_idle_per_host(options.c).no_proxy();
    if let Some(ca) = &options.ca {
        let certificate = reqwest::Certificate::from_pem(&std::fs::read(ca).unwrap()).unwrap();
        builder = builder.tls_certs_only([certificate]);
    }
    if options.mode == "h1" {
        builder = builder.http1_only();
    }
    let client = builder.build().unwrap();
    let base: Url = options.url.parse().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {TOKEN}")).unwrap());
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let next = Rc::new(Cell::new(0));
    let clock = Clock::start();
    let (mut tasks, started) = (Vec::new(), next.clone());
    for _ in 0..options.c {
        let (client, base, headers, next) = (client.clone(), base.clone(), headers.clone(), next.clone());
        let (n, wants_latencies) = (options.n, options.latencies);
        tasks.push(tokio::task::spawn_local(async move {
            let (mut errors, mut latencies) = (0, Vec::new());
            while let Some(i) = take(&next, n) {
                let begun = Instant::now();
                errors += u64::from(one(&client, &base, &headers, i).await.is_none());
                if wants_latencies {
                    latencies.push(begun.elapsed());
                }
            }
            (errors, latencies)
        }));
        if tasks.len() == 1 {
            // HTTP/2 needs one connection: the first worker makes it before the others start.
            while started.get() < 2.min(options.n) {
                tokio::task::yield_now().await;
            }
        }
    }
    let (mut errors, mut latencies) = (0, Vec::new());
    for task in tasks {
        let (its_errors, its_latencies) = task.await.unwrap();
        errors += its_errors;
        latencies.extend(its_latencies);
    }
    clock.report(options.n, errors, latencies);
}

async fn one(client: &reqwest::Client, base: &Url, headers: &HeaderMap, i: u64) -> Option<()> {
    let row = row(i);
    let mut url = base.clone();
    url.set_path(&format!("{PATH}{}", row.id));
    let mut request = Request::new(Method::PUT, url);
    *request.headers_mut() = headers.clone();
    *request.body_mut() = Some(body(&row)?.into());
    let response = client.execute(request).await.ok()?;
    if response.status() != 200 {
        return None;
    }
    is_right(&response.bytes().await.ok()?, &row.name).then_some(())
}
