//! Requests through the program's own `reqwest::Client`, for a program that has set one up already.
//!
//! Give it a client that follows no redirect and undoes no content encoding; `Transport` lists what then still holds.
//!
//!     COR_ACCESS_TOKEN=… COR_BASE_URL=… cargo run --example own_reqwest

#![allow(clippy::print_stdout)] // it is a program

use bytes::{Bytes, BytesMut};
use cor_http::transport::{FaultKind, RequestContext, Sent, Transport, TransportError, TransportFuture};
use cor_http::{Client, ProjectUpdate};

#[derive(Debug)]
struct Own(reqwest::Client);

impl Transport for Own {
    fn send(&self, request: http::Request<Bytes>, context: RequestContext) -> TransportFuture<'_> {
        Box::pin(async move {
            // The URL holds the project's id, which error messages name already.
            let failed =
                |kind| move |error: reqwest::Error| TransportError::new(kind, Sent::All, error.without_url());
            let request = reqwest::Request::try_from(request).map_err(failed(FaultKind::Connect))?;
            let mut response = match self.0.execute(request).await {
                Ok(response) => response,
                // Without redirects and retries, an error of connecting means that nothing was sent.
                Err(error) if error.is_connect() => return Err(failed(FaultKind::Connect)(error)),
                Err(error) => return Err(failed(FaultKind::Broken)(error)),
            };
            let mut body = BytesMut::new();
            while let Some(piece) = response.chunk().await.map_err(failed(FaultKind::Broken))? {
                body.extend_from_slice(&piece);
                if body.len() > context.max_body() {
                    return Err(TransportError::new(FaultKind::TooLarge, Sent::All, "the body is too large"));
                }
            }
            let mut answer = http::Response::new(body.freeze());
            *answer.status_mut() = response.status();
            std::mem::swap(answer.headers_mut(), response.headers_mut());
            Ok(answer)
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A program whose reqwest has its own TLS leaves this line out.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let own =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).retry(reqwest::retry::never());
    let own = own.build()?;
    let client = Client::builder().from_env().transport(Own(own)).build()?;
    let update = ProjectUpdate::new("SALESFORCE").name("Website Redesign Project - Phase 2");
    println!("{}", serde_json::to_string(&client.projects().update("SF-OPP-12345", &update).await?)?);
    Ok(())
}
