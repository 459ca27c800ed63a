//! hyper alone. `--mode pool`: hyper-util's client with its pool of HTTP/1.1 connections. `--mode h1`: one bare connection
//! for each row in flight. `--mode h2`: one bare HTTP/2 connection for all.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use cor_bench::{Clock, Options, PATH, Row, TOKEN, body, is_right, row, take};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, Response};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

type Body = Full<Bytes>;

fn main() {
    let options = Options::from_args();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    tokio::task::LocalSet::new().block_on(&runtime, run(options));
}

/// How a worker sends its requests.
enum Sender {
    Pool(Client<HttpsConnector<HttpConnector>, Body>),
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

impl Sender {
    async fn send(&mut self, request: Request<Body>) -> Option<Response<Incoming>> {
        match self {
            Sender::Pool(client) => client.request(request).await.ok(),
            Sender::Http1(sender) => {
                sender.ready().await.ok()?;
                sender.send_request(request).await.ok()
            }
            Sender::Http2(sender) => {
                sender.ready().await.ok()?;
                sender.send_request(request).await.ok()
            }
        }
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

async fn connect(options: &Options, alpn: &str) -> TokioIo<Box<dyn Stream>> {
    let socket = TcpStream::connect(options.authority()).await.unwrap();
    socket.set_nodelay(true).unwrap();
    let Some(tls) = options.tls(&[alpn]) else { return TokioIo::new(Box::new(socket)) };
    let name = "127.0.0.1".try_into().unwrap();
    TokioIo::new(Box::new(
        tokio_rustls::TlsConnector::from(Arc::new(tls)).connect(name, socket).await.unwrap(),
    ))
}

fn pool(options: &Options) -> Client<HttpsConnector<HttpConnector>, Body> {
    let mut http = HttpConnector::new();
    http.set_nodelay(true);
    http.enforce_http(false);
    let no_authority = || {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
    };
    let tls = options.tls(&[]).unwrap_or_else(no_authority);
    let builder = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls);
    let https = builder.https_or_http().enable_http1().wrap_connector(http);
    Client::builder(TokioExecutor::new()).pool_max_idle_per_host(options.c).build(https)
}

async fn run(options: Options) {
    let pool = pool(&options);
    let token = HeaderValue::from_str(&format!("Bearer {TOKEN}")).unwrap();
    let next = Rc::new(Cell::new(0));
    let clock = Clock::start();
    let shared = match options.mode.as_str() {
        "h2" => {
            let stream = connect(&options, "h2").await;
            let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
            tokio::spawn(connection);
            Some(sender)
        }
        _ => None,
    };
    let mut tasks = Vec::new();
    for _ in 0..options.c {
        let mut sender = match (options.mode.as_str(), &shared) {
            ("pool", _) => Sender::Pool(pool.clone()),
            (_, Some(shared)) => Sender::Http2(shared.clone()),
            _ => {
                let (sender, connection) =
                    http1::handshake(connect(&options, "http/1.1").await).await.unwrap();
                tokio::spawn(connection);
                Sender::Http1(sender)
            }
        };
        let (next, token, options) = (next.clone(), token.clone(), options.clone());
        tasks.push(tokio::task::spawn_local(async move {
            let (mut errors, mut latencies) = (0, Vec::new());
            while let Some(i) = take(&next, options.n) {
                let begun = Instant::now();
                let row = row(i);
                let right = async {
                    let response = sender.send(request(&options, &sender, &token, &row)?).await?;
                    if response.status() != 200 {
                        return None;
                    }
                    let body = response.into_body().collect().await.ok()?.to_bytes();
                    is_right(&body, &row.name).then_some(())
                };
                errors += u64::from(right.await.is_none());
                if options.latencies {
                    latencies.push(begun.elapsed());
                }
            }
            (errors, latencies)
        }));
    }
    let (mut errors, mut latencies) = (0, Vec::new());
    for task in tasks {
        let (its_errors, its_latencies) = task.await.unwrap();
        errors += its_errors;
        latencies.extend(its_latencies);
    }
    clock.report(options.n, errors, latencies);
}

fn request(options: &Options, sender: &Sender, token: &HeaderValue, row: &Row) -> Option<Request<Body>> {
    let path = format!("{PATH}{}", row.id);
    // A bare HTTP/1.1 connection takes a path and the host; the others take the whole address.
    let builder = match sender {
        Sender::Http1(_) => Request::put(path).header(HOST, options.authority()),
        _ => Request::put(format!("{}{path}", options.url)),
    };
    let builder = builder.header(AUTHORIZATION, token.clone());
    let builder = builder.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    builder.body(Full::new(body(row)?.into())).ok()
}
