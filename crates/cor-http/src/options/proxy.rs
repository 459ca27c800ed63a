use secrecy::SecretString;
use url::Url;

use crate::Error;
use crate::transport::TransportKind;

/// Which calls go through which proxy.
#[derive(Clone, Default)]
#[cfg_attr(not(feature = "reqwest"), allow(dead_code))] // only reqwest goes through proxies
pub(crate) struct Proxies {
    pub(crate) api: Option<SecretString>,
    pub(crate) token: Option<SecretString>,
    pub(crate) main: Option<SecretString>,
    /// The entries of `NO_PROXY` that are ignored, in a sentence.
    pub(crate) warning: Option<String>,
}

/// The proxy options of the caller and the environment.
#[cfg_attr(not(feature = "network"), allow(dead_code))] // a transport of the caller's own has its own proxies
pub(super) struct ProxyOption {
    pub(super) argument: Option<SecretString>,
    pub(super) environment: Option<SecretString>,
    pub(super) no_proxy: Option<String>,
}

#[cfg(not(feature = "network"))]
impl ProxyOption {
    pub(super) fn for_addresses(
        self,
        _: TransportKind,
        _: &Url,
        _: &Url,
        _: Option<&Url>,
    ) -> Result<Proxies, Error> {
        Ok(Proxies::default())
    }
}

#[cfg(feature = "network")]
impl ProxyOption {
    /// The proxies for the addresses. A proxy that the caller sets applies to all; one from the environment does not
    /// apply to hosts in `NO_PROXY`. Calls to this machine never use a proxy.
    pub(super) fn for_addresses(
        self,
        kind: TransportKind,
        base: &Url,
        token: &Url,
        main: Option<&Url>,
    ) -> Result<Proxies, Error> {
        use secrecy::ExposeSecret;

        use super::no_proxy::NoProxy;

        let (proxy, no_proxy, name) = match (self.argument, self.environment) {
            (Some(proxy), _) => (proxy, None, "`proxy`"),
            (None, Some(proxy)) => (proxy, self.no_proxy, "HTTPS_PROXY or ALL_PROXY"),
            (None, None) => return Ok(Proxies::default()),
        };
        let proxy = with_scheme(proxy.expose_secret(), name)?;
        let no_proxy = NoProxy::read(no_proxy.as_deref().unwrap_or_default());
        let warning = (!no_proxy.unknown.is_empty()).then(|| {
            format!(
                "NO_PROXY has entries that are neither a name, an address nor a network, and are ignored: {}; write \
                 names as example.com, networks as 10.0.0.0/8",
                no_proxy.unknown.iter().map(|entry| shown(entry)).collect::<Vec<_>>().join(", ")
            )
        });
        if let Some(warning) = &warning {
            tracing::warn!(target: "cor_http::options", "{warning}");
        }
        let applies = |target: &Url| !super::address::is_loopback(target) && !no_proxy.holds(target);
        let (api, token) = (applies(base), applies(token));
        if kind == TransportKind::Direct && (api || token) {
            return Err(Error::config(format!(
                "the transport direct does not support proxies, and {name} is set"
            ))
            .advising("set `transport_kind` to reqwest, or remove the proxy"));
        }
        let pick = |applies: bool| applies.then(|| proxy.clone());
        let main = pick(main.is_some_and(applies));
        Ok(Proxies { api: pick(api), token: pick(token), main, warning })
    }
}

/// The proxy's address with a scheme, which environments often leave out.
///
/// # Errors
/// `config` for what is not `scheme://user:password@host:port` to the last character: behind an unencoded `#`, `?`, `/`, `\` or
/// `@` a part of the password would be read as something else, looked up and shown. The error shows nothing of it.
#[cfg(feature = "network")]
fn with_scheme(text: &str, name: &str) -> Result<SecretString, Error> {
    use super::address::{is_written_plainly, trimmed};

    let bad = |happened: &str| {
        Err(Error::config(format!("{name} {happened}")).advising(
            "write it as http://host:port or socks5://user:password@host:port; in a user or password write % as %25, \
             @ as %40, : as %3A, / as %2F, # as %23, ? as %3F, \\ as %5C and a blank as %20",
        ))
    };
    let text = trimmed(text);
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let behind = text.split_once("://").map_or("", |(_, behind)| behind);
    let behind = behind.strip_suffix('/').unwrap_or(behind);
    if behind.contains(['#', '?', '/']) || behind.matches('@').count() > 1 || !is_written_plainly(behind) {
        return bad("contains more than user, password, host and port");
    }
    match Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") && url.has_host() => {
            Ok(text.into())
        }
        _ => bad("is not a valid proxy URL"),
    }
}

/// An entry of `NO_PROXY` in a message. One that looks like a URL may hold a password.
#[cfg(feature = "network")]
fn shown(entry: &str) -> &str {
    if entry.contains('@') || entry.contains("://") { "(an entry with a scheme or a user)" } else { entry }
}

#[cfg(all(test, feature = "network"))]
mod tests {
    use super::*;

    #[test]
    fn hides_entry_that_may_hold_password() {
        for entry in ["http://user:hush@proxy:3128", "user:hush@proxy", "https://proxy"] {
            assert_eq!(shown(entry), "(an entry with a scheme or a user)");
        }
        assert_eq!(shown("exa mple"), "exa mple");
    }
}
