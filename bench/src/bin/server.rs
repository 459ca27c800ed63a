//! A server that answers each update at once with a project of the name that it was sent.
//!
//! `server [--tls h1|h2] [--delay-ms N]` prints `listening PORT`, with TLS followed by the file of its certificate.
//! HTTP/1.1 is read and written by hand, so that the server costs less than the clients; HTTP/2 is hyper's.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use memchr::memmem;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

fn main() {
    let mut args = std::env::args().skip(1);
    let (mut tls, mut delay) = (None, Duration::ZERO);
    while let (Some(name), Some(value)) = (args.next(), args.next()) {
        match name.as_str() {
            "--tls" => tls = Some(value),
            "--delay-ms" => delay = Duration::from_millis(value.parse().unwrap()),
            _ => panic!("unknown option {name}"),
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(serve(tls.as_deref(), delay));
}

async fn serve(tls: Option<&str>, delay: Duration) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = tls.map(|protocol| acceptor(protocol, port));
    match &acceptor {
        Some((_, certificate)) => println!("listening {port} {certificate}"),
        None => println!("listening {port}"),
    }
    let h2 = tls == Some("h2");
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        socket.set_nodelay(true).unwrap();
        let acceptor = acceptor.as_ref().map(|(acceptor, _)| acceptor.clone());
        tokio::spawn(async move {
            match acceptor {
                None => answer_http1(socket, delay).await,
                Some(acceptor) => {
                    let Ok(stream) = acceptor.accept(socket).await else { return };
                    if h2 { answer_http2(stream, delay).await } else { answer_http1(stream, delay).await }
                }
            }
        });
    }
}

/// TLS with a new certificate, and the file that the clients are to trust.
fn acceptor(protocol: &str, port: u16) -> (TlsAcceptor, String) {
    let own = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let file = std::env::temp_dir().join(format!("cor-bench-{port}.pem"));
    std::fs::write(&file, own.cert.pem()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let key = rustls::pki_types::PrivateKeyDer::try_from(own.signing_key.serialize_der()).unwrap();
    let mut config = builder.with_single_cert(vec![own.cert.der().clone()], key).unwrap();
    config.alpn_protocols = vec![if protocol == "h2" { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
    (TlsAcceptor::from(Arc::new(config)), file.to_str().unwrap().to_owned())
}

async fn answer_http1(mut stream: impl AsyncRead + AsyncWrite + Unpin, delay: Duration) {
    let (mut input, mut output) = (Vec::with_capacity(4096), Vec::with_capacity(1024));
    loop {
        while let Some((length, body)) = request(&input) {
            let answer = project(&input[body..length]);
            output.clear();
            output
                .extend_from_slice(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ");
            output.extend_from_slice(answer.len().to_string().as_bytes());
            output.extend_from_slice(b"\r\n\r\n");
            output.extend_from_slice(&answer);
            input.drain(..length);
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            if stream.write_all(&output).await.is_err() || stream.flush().await.is_err() {
                return;
            }
        }
        if !matches!(stream.read_buf(&mut input).await, Ok(1..)) {
            return;
        }
    }
}

/// The length of the first request and the start of its body, if the whole of it is there.
fn request(input: &[u8]) -> Option<(usize, usize)> {
    let body = memmem::find(input, b"\r\n\r\n")? + 4;
    let head = &input[..body];
    let name = b"ontent-length: ";
    let at = memmem::find(head, name).or_else(|| memmem::find(head, b"ontent-Length: "))? + name.len();
    let digits = head[at..].iter().take_while(|byte| byte.is_ascii_digit());
    let length = digits.fold(0, |length, digit| length * 10 + usize::from(digit - b'0'));
    (input.len() >= body + length).then_some((body + length, body))
}

async fn answer_http2(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, delay: Duration) {
    let answer = move |request: Request<Incoming>| async move {
        let body = request.into_body().collect().await.map_or_else(|_| Bytes::new(), |body| body.to_bytes());
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let response = Response::builder().header("content-type", "application/json");
        Ok::<_, Infallible>(response.body(Full::new(Bytes::from(project(&body)))).unwrap())
    };
    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    // The client has gone.
    let _ = connection.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
}

/// COR's response to an update with this body: the documented project under the name that was sent.
fn project(body: &[u8]) -> Vec<u8> {
    let name = memmem::find(body, b"\"name\":\"").map_or(0, |at| at + 8);
    let length = memchr::memchr(b'"', &body[name..]).unwrap_or(0);
    let mut answer = Vec::with_capacity(512);
    answer.extend_from_slice(b"{\"id\":155693,\"name\":\"");
    answer.extend_from_slice(&body[name..name + length]);
    answer.extend_from_slice(
        b"\",\"client_id\":25855,\"brief\":\"Complete website overhaul including new branding\",\
          \"start\":\"2025-01-15 00:00:00\",\"end\":\"2025-04-30 00:00:00\",\"pm_id\":8546,\"estimated_time\":250,\
          \"billable\":true,\"status\":\"in_progress\",\"estimated\":18000,\"company_id\":1234,\
          \"created_at\":\"2025-01-10T14:30:00Z\",\"updated_at\":\"2025-01-15T10:00:00Z\"}",
    );
    answer
}
