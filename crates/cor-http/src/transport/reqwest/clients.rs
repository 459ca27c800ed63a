use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Body, Client, ClientBuilder, Request};
use rustls::{ClientConfig, RootCertStore};
use secrecy::SecretString;
use url::Url;

use super::body::RequestBody;
use super::connector::{ConnectorLayer, Gate, NotLoopback};
use super::proxy::Proxied;
use crate::Error;
use crate::transport::{ConnectionChoice, tls};

/// An idle connection is not used again after this long; servers and gateways close theirs after 5 to 60 s.
const MAX_IDLE: Duration = Duration::from_secs(30);
/// The same for [`ConnectionChoice::Recent`].
const MAX_IDLE_RECENT: Duration = Duration::from_secs(1);
const MAX_HEAD: u32 = 64 * 1024;

/// What every client of one transport has in common.
pub(super) struct Settings {
    address: Url,
    proxy: Option<Proxied>,
    tls: Arc<ClientConfig>,
    connect_timeout: Duration,
    user_agent: String,
}

impl Settings {
    pub(super) fn new(
        address: &Url,
        proxy: Option<&SecretString>,
        tls: Option<&Arc<ClientConfig>>,
        connect_timeout: Duration,
        user_agent: &str,
    ) -> Result<Settings, Error> {
        let tls = match tls {
            Some(config) => tls::offering(config, &["h2", "http/1.1"]),
            None => trusting_no_authority()?,
        };
        let proxy = proxy.map(Proxied::new).transpose()?;
        let user_agent = user_agent.to_owned();
        Ok(Settings { address: address.clone(), proxy, tls, connect_timeout, user_agent })
    }

    pub(super) fn address(&self) -> &str {
        self.address.as_str()
    }

    pub(super) fn proxy(&self) -> Option<&Proxied> {
        self.proxy.as_ref()
    }

    /// The request as reqwest takes it.
    pub(super) fn request(
        &self,
        request: http::Request<Bytes>,
        body: impl FnOnce(Bytes) -> RequestBody,
    ) -> Request {
        let (parts, content) = request.into_parts();
        // Parsing the whole address anew would cost as much as building the rest of the request.
        let mut url = self.address.clone();
        url.set_path(parts.uri.path());
        url.set_query(parts.uri.query());
        let mut request = Request::new(parts.method, url);
        *request.headers_mut() = parts.headers;
        *request.body_mut() = Some(Body::wrap(body(content)));
        request
    }

    fn builder(&self, gate: Gate) -> ClientBuilder {
        let mut builder = Client::builder()
            .user_agent(&self.user_agent)
            // Redirects, retries and decompression are decided above; a `Referer` would show the address.
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            // Another crate of the same program may have switched these features on.
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .no_hickory_dns()
            .no_proxy()
            .http2_max_header_list_size(MAX_HEAD)
            .tls_backend_preconfigured((*self.tls).clone())
            .connector_layer(ConnectorLayer { gate, timeout: self.connect_timeout });
        if let Some(proxied) = &self.proxy {
            builder = builder.proxy(proxied.proxy.clone());
        }
        if self.address.scheme() == "http" {
            builder = builder.dns_resolver(Arc::new(LoopbackOnly));
        }
        builder
    }
}

/// The TLS settings for `http` addresses, which trust no authority. Without them reqwest would look for global ones.
fn trusting_no_authority() -> Result<Arc<ClientConfig>, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| Error::config("TLS could not be set up").caused_by(error))?;
    Ok(Arc::new(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()))
}

/// The clients of one transport on one runtime. They differ in which connections they reuse. Each is built at its first
/// use, as most programs only need `any`.
#[derive(Default)]
pub(super) struct Clients {
    any: OnceLock<Client>,
    recent: OnceLock<Client>,
    new: OnceLock<Client>,
}

impl Clients {
    /// The client for this kind of connection.
    pub(super) fn of(&self, settings: &Settings, connection: ConnectionChoice) -> reqwest::Result<&Client> {
        // Without TLS there is no HTTP/2 to wait for, and a new connection is not shared.
        let gate = || Gate::new(settings.address.scheme() == "http");
        let (place, builder): (_, &dyn Fn() -> ClientBuilder) = match connection {
            ConnectionChoice::Any => (&self.any, &|| settings.builder(gate()).pool_idle_timeout(MAX_IDLE)),
            ConnectionChoice::Recent => {
                (&self.recent, &|| settings.builder(gate()).pool_idle_timeout(MAX_IDLE_RECENT))
            }
            ConnectionChoice::New => {
                (&self.new, &|| settings.builder(Gate::new(true)).pool_max_idle_per_host(0))
            }
        };
        match place.get() {
            Some(client) => Ok(client),
            // Two calls may build a client at the same time; both then use the first one stored.
            None => builder().build().map(|client| place.get_or_init(|| client)),
        }
    }
}

/// Refuses names that do not lead to this machine: without TLS nothing leaves it, whatever DNS says of `localhost`.
struct LoopbackOnly;

impl Resolve for LoopbackOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            match found.iter().find(|address| !address.ip().to_canonical().is_loopback()) {
                Some(elsewhere) => Err(NotLoopback(elsewhere.ip()).into()),
                None => Ok(Box::new(found.into_iter()) as Addrs),
            }
        })
    }
}
