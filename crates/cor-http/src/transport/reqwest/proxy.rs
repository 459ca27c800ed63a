//! Proxies: their addresses, and what their errors mean. A proxy's own response is never reported as COR's.

use std::error::Error as StdError;

use reqwest::Proxy;
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::Error;
use crate::transport::FaultKind;

/// The default port of SOCKS proxies.
const SOCKS_PORT: u16 = 1080;

/// A proxy, and its name for error messages.
pub(super) struct Proxied {
    pub(super) proxy: Proxy,
    /// Its address without user and password.
    pub(super) name: String,
    /// Whether the address holds a user and password.
    signs_in: bool,
}

impl Proxied {
    /// `address` may hold a user and password, percent-encoded where they have to be.
    pub(super) fn new(address: &SecretString) -> Result<Proxied, Error> {
        // Causes are left out: they could quote the address with its password.
        let unusable = || {
            Error::config("the proxy's address is not a valid URL")
                .advising("write it as http://host:port or socks5://host:port")
        };
        let url = Url::parse(address.expose_secret()).map_err(|_| unusable())?;
        let host = url.host_str().ok_or_else(unusable)?;
        let port = url.port_or_known_default().unwrap_or(SOCKS_PORT);
        let name = format!("{}://{host}:{port}", url.scheme());
        let signs_in = !url.username().is_empty() || url.password().is_some();
        if signs_in && url.scheme().starts_with("socks5") {
            check_socks_login(&url)?;
        }
        let proxy = Proxy::all(address.expose_secret()).map_err(|_| unusable())?;
        Ok(Proxied { proxy, name, signs_in })
    }

    /// The kind and the text of a proxy's error; `None` if the error is not the proxy's. The error types of the libraries are
    /// private, so their texts decide.
    pub(super) fn explain<'a>(
        &self,
        mut chain: impl Iterator<Item = &'a (dyn StdError + 'static)>,
    ) -> Option<(FaultKind, &'static str)> {
        let not_accepted = match self.signs_in {
            true => "the proxy did not accept the user and password",
            false => "the proxy asks for a user and password",
        };
        chain.find_map(|cause| {
            let text = cause.to_string();
            let (refused, words) = match text.strip_prefix("tunnel error: ") {
                Some("proxy authorization required") => (true, not_accepted),
                Some("proxy response headers too long") => {
                    (true, "the headers of the proxy's response are too large")
                }
                Some("unexpected end of file" | "io error establishing tunnel") => {
                    (false, "the proxy closed the connection without a response")
                }
                // hyper-util does not report the status, so a refusal cannot be told from a failure that passes.
                Some("unsuccessful") => (false, "the proxy did not open a tunnel"),
                Some(_) => return None,
                None => match text.strip_prefix("SOCKS error: ")? {
                    "server does not support user/pass authentication" | "credentials not accepted" => {
                        (true, not_accepted)
                    }
                    "server implements authentication incorrectly"
                    | "failed parsing server response"
                    | "command not supported"
                    | "address type not supported" => (true, "the proxy's response is not SOCKS 5"),
                    "connection not allowed" => (true, "the proxy refused the connection"),
                    "general server failure" => (false, "the proxy reported a general failure"),
                    "network unreachable" => (false, "the proxy cannot reach COR's network"),
                    "host unreachable" => (false, "the proxy cannot reach COR"),
                    "connection refused" => (false, "COR refused the proxy's connection"),
                    "ttl expired" => (false, "the proxy's connection to COR timed out"),
                    "io error during SOCKS handshake" => (false, "the proxy ended the connection"),
                    _ => return None,
                },
            };
            Some((if refused { FaultKind::Refused } else { FaultKind::Connect }, words))
        })
    }
}

/// RFC 1929 has no place for a user or password that is empty or longer than 255 bytes.
fn check_socks_login(url: &Url) -> Result<(), Error> {
    let fits = |text: &str| {
        let decoded: zeroize::Zeroizing<Vec<u8>> =
            percent_encoding::percent_decode_str(text).collect::<Vec<u8>>().into();
        (1..=255).contains(&decoded.len()) && std::str::from_utf8(&decoded).is_ok()
    };
    match fits(url.username()) && fits(url.password().unwrap_or_default()) {
        true => Ok(()),
        false => Err(Error::config(
            "the user or password of the SOCKS proxy is empty, not UTF-8, or longer than 255 bytes",
        )),
    }
}
