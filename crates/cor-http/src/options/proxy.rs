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
    pub(super) fn for_addresses(self, _: TransportKind, _: &Url, _: &Url) -> Result<Proxies, Error> {
        Ok(Proxies::default())
    }
}

#[cfg(feature = "network")]
impl ProxyOption {
    /// The proxies for the two addresses. A proxy that the caller sets applies to both; one from the environment does not
    /// apply to hosts in `NO_PROXY`. Calls to this machine never use a proxy.
    pub(super) fn for_addresses(
        self,
        kind: TransportKind,
        base: &Url,
        token: &Url,
    ) -> Result<Proxies, Error> {
        use hyper_util::client::proxy::matcher::Matcher;
        use secrecy::ExposeSecret;

        let bad = || {
            Error::config("proxy is no address")
                .advising("write it as http://host:port or socks5://host:port")
        };
        let (proxy, no_proxy, name) = match (self.argument, self.environment) {
            (Some(proxy), _) => (proxy, None, "proxy"),
            (None, Some(proxy)) => (proxy, self.no_proxy, "HTTPS_PROXY or ALL_PROXY"),
            (None, None) => return Ok(Proxies::default()),
        };
        let text = proxy.expose_secret();
        // Environments often name a proxy without its scheme.
        let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&with_scheme).map_err(|_| bad())?;
        if !matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h") || url.host().is_none() {
            return Err(bad());
        }
        let matcher = Matcher::builder().all("http://proxy.invalid").no(no_proxy.unwrap_or_default()).build();
        let applies = |target: &Url| {
            let uri = target.as_str().parse();
            !super::address::is_loopback(target) && uri.is_ok_and(|uri| matcher.intercept(&uri).is_some())
        };
        let (api, token) = (applies(base), applies(token));
        if kind == TransportKind::Direct && (api || token) {
            return Err(Error::config(format!("the transport direct supports no proxy, and {name} is set"))
                .advising("use the transport reqwest, or leave the proxy out"));
        }
        let proxy: SecretString = with_scheme.into();
        let pick = |applies: bool| applies.then(|| proxy.clone());
        Ok(Proxies { api: pick(api), token: pick(token) })
    }
}
