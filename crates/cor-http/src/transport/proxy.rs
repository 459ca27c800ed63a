//! The way through a proxy: a tunnel by CONNECT (RFC 9110, section 9.3.6) or by SOCKS 5 (RFC 1928).
//!
//! Whatever a proxy says is its own word and never taken for COR's. A tunnel leads to TLS, so that the proxy sees
//! where a call goes and nothing of it.

use std::fmt;
use std::sync::Arc;

use hyper_util::client::legacy::connect::HttpConnector;
use percent_encoding::percent_decode_str;
use rustls::ClientConfig;
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_socks::tcp::Socks5Stream;
use url::Url;
use zeroize::Zeroizing;

use super::connect::{Stream, Tls, tcp};
use super::http1::{AnswerReader, Inbox};
use super::{Fault, FaultKind, basic};
use crate::Error;

/// A proxy, and how to sign in to it.
pub(crate) struct Proxy {
    /// Without user and password.
    address: Url,
    /// The same, as it may be shown.
    name: String,
    tls: Option<Tls>,
    protocol: Protocol,
}

enum Protocol {
    /// `authorization` is the whole value of `Proxy-Authorization`.
    Connect { user_agent: String, authorization: Option<SecretString> },
    /// Names are resolved here, or by the proxy.
    Socks { login: Option<(SecretString, SecretString)>, names_are_the_proxys: bool },
}

/// Where SOCKS proxies listen unless they say otherwise.
const SOCKS_PORT: u16 = 1080;

impl Proxy {
    /// `address` may hold a user and password, percent-encoded where they have to be.
    pub(crate) fn new(
        address: &SecretString,
        user_agent: &str,
        tls: Option<&Arc<ClientConfig>>,
    ) -> Result<Proxy, Error> {
        // Causes are left out: they could quote the address with its password.
        let unusable = || {
            Error::config("the proxy's address cannot be used")
                .advising("write it as http://host:port or socks5://host:port")
        };
        let with_login = Url::parse(address.expose_secret()).map_err(|_| unusable())?;
        let login = login(&with_login);
        let host = with_login.host_str().ok_or_else(unusable)?;
        let (scheme, socks) = (with_login.scheme(), with_login.scheme().starts_with("socks5"));
        let port = with_login.port_or_known_default().unwrap_or(SOCKS_PORT);
        let name = format!("{scheme}://{host}:{port}");
        let plain = Url::parse(&name).map_err(|_| unusable())?;
        let protocol = if socks {
            let login = match login {
                None => None,
                Some(login) => Some(socks_login(login)?),
            };
            Protocol::Socks { login, names_are_the_proxys: scheme == "socks5h" }
        } else {
            let authorization = login.map(|(user, password)| basic(&user, &password));
            Protocol::Connect { user_agent: user_agent.to_owned(), authorization }
        };
        Ok(Proxy { tls: Tls::to(&plain, tls), address: plain, name, protocol })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A connection through the proxy to the host and port of `target`.
    pub(super) async fn tunnel(&self, connector: &HttpConnector, target: &Url) -> Result<Stream, Fault> {
        let mut stream = match tcp(connector, &self.address).await {
            Ok(stream) => stream,
            Err(fault) => return Err(fault.of("the proxy cannot be reached")),
        };
        if let Some(tls) = &self.tls {
            stream = tls.handshake(stream).await.map_err(|fault| fault.of("TLS with the proxy failed"))?;
        }
        let host = target.host_str().unwrap_or_default();
        let port = target.port_or_known_default().unwrap_or(443);
        match &self.protocol {
            Protocol::Connect { user_agent, authorization } => {
                let open = format!(
                    "CONNECT {host}:{port} HTTP/1.1\r\nhost: {host}:{port}\r\nuser-agent: {user_agent}\r\n"
                );
                let value = authorization.as_ref().map(ExposeSecret::expose_secret);
                // What grows leaves copies behind.
                let length = open.len() + value.map_or(0, str::len) + 40;
                let mut request = Zeroizing::new(String::with_capacity(length));
                request.push_str(&open);
                if let Some(value) = value {
                    request.extend(["proxy-authorization: ", value, "\r\n"]);
                }
                request.push_str("\r\n");
                connect(stream, request.as_bytes(), authorization.is_some()).await
            }
            Protocol::Socks { login, names_are_the_proxys } => {
                let host = host.trim_matches(['[', ']']);
                let host = if *names_are_the_proxys { host.to_owned() } else { resolved(host, port).await? };
                socks(stream, (&host, port), login.as_ref()).await
            }
        }
    }
}

/// Asks for a tunnel and waits for the word that there is one.
async fn connect(mut stream: Stream, request: &[u8], signed_in: bool) -> Result<Stream, Fault> {
    let broken = |error: std::io::Error| {
        Fault::new(FaultKind::Connect, error).of("the proxy ended the connection in place of an answer")
    };
    stream.write_all(request).await.map_err(broken)?;
    stream.flush().await.map_err(broken)?;
    let (mut inbox, mut reader) = (Inbox::new(), AnswerReader::of_connect());
    loop {
        match stream.read(inbox.room()).await.map_err(broken)? {
            0 => return Err(broken(std::io::ErrorKind::UnexpectedEof.into())),
            n => inbox.arrived(n),
        }
        match reader.read(&mut inbox) {
            Ok(true) => break,
            Ok(false) => {}
            Err(malformed) => return Err(Fault::new(FaultKind::Unfit, malformed).of("the proxy")),
        }
    }
    let status = reader.finish().0.status;
    let (kind, why) = match status {
        // In the tunnel it is for us to speak first.
        200..300 if inbox.is_empty() => return Ok(stream),
        200..300 => (FaultKind::Unfit, "the proxy sent more than an answer"),
        300..400 => (FaultKind::Unfit, "the proxy answered with a redirect"),
        407 if signed_in => (FaultKind::Unfit, "the proxy did not accept the user and password"),
        407 => (FaultKind::Unfit, "the proxy wants a user and password"),
        408 | 429 | 500..600 => (FaultKind::Connect, "the proxy could not do it"),
        _ => (FaultKind::Unfit, "the proxy refused"),
    };
    Err(Fault::new(kind, format!("{why}: HTTP {status}")))
}

async fn socks(
    stream: Stream,
    target: (&str, u16),
    login: Option<&(SecretString, SecretString)>,
) -> Result<Stream, Fault> {
    use tokio_socks::Error::*;
    let tunnel = match login {
        None => Socks5Stream::connect_with_socket(stream, target).await,
        Some((user, password)) => {
            let (user, password) = (user.expose_secret(), password.expose_secret());
            Socks5Stream::connect_with_password_and_socket(stream, target, user, password).await
        }
    };
    tunnel.map(Socks5Stream::into_inner).map_err(|error| {
        let (kind, why) = match &error {
            Io(_) => (FaultKind::Connect, "the proxy ended the connection"),
            NoAcceptableAuthMethods if login.is_none() => {
                (FaultKind::Unfit, "the proxy wants a user and password")
            }
            NoAcceptableAuthMethods | AuthorizationRequired | PasswordAuthFailure(_) => {
                (FaultKind::Unfit, "the proxy did not accept the user and password")
            }
            GeneralSocksServerFailure
            | NetworkUnreachable
            | HostUnreachable
            | ConnectionRefused
            | TtlExpired => (FaultKind::Connect, "the proxy could not do it"),
            ConnectionNotAllowedByRuleset => (FaultKind::Unfit, "the proxy refused"),
            _ => (FaultKind::Unfit, "the proxy's answer is not SOCKS 5"),
        };
        Fault::new(kind, error).of(why)
    })
}

/// The first address of a name.
async fn resolved(host: &str, port: u16) -> Result<String, Fault> {
    let mut found =
        tokio::net::lookup_host((host, port)).await.map_err(|error| Fault::new(FaultKind::Connect, error))?;
    let first = found.next().map(|address| address.ip().to_string());
    first.ok_or_else(|| Fault::new(FaultKind::Connect, "the name has no address"))
}

type Login = (Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>);

fn login(address: &Url) -> Option<Login> {
    let decoded = |text: &str| Zeroizing::new(percent_decode_str(text).collect::<Vec<u8>>());
    let (user, password) = (address.username(), address.password());
    let any = !user.is_empty() || password.is_some();
    any.then(|| (decoded(user), decoded(password.unwrap_or_default())))
}

/// RFC 1929 has no place for a user or password that is empty or longer than 255 bytes.
fn socks_login((user, password): Login) -> Result<(SecretString, SecretString), Error> {
    let text = |bytes: &[u8]| {
        let text = std::str::from_utf8(bytes).ok().filter(|text| (1..=255).contains(&text.len()));
        text.map(SecretString::from).ok_or_else(|| {
            Error::config(
                "the user or password of the SOCKS proxy is empty, no text, or longer than 255 bytes",
            )
        })
    };
    Ok((text(&user)?, text(&password)?))
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Proxy").field(&self.name).finish()
    }
}
