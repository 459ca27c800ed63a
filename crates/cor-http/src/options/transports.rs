use std::sync::Arc;

use url::Url;

use super::Options;
use crate::Error;
use crate::transport::{Transport, TransportKind};

/// The transport that carries the requests.
#[derive(Clone)]
pub(crate) enum Choice {
    /// The caller's.
    Own(Arc<dyn Transport>),
    BuiltIn(TransportKind),
}

/// One transport for each endpoint: their proxies may differ.
pub(crate) struct Transports {
    pub(crate) api: Arc<dyn Transport>,
    pub(crate) token: Arc<dyn Transport>,
}

impl Options {
    /// The transports that the options ask for. Makes no connection.
    pub(crate) fn transports(&self) -> Result<Transports, Error> {
        match &self.transport {
            Choice::Own(transport) => Ok(Transports { api: transport.clone(), token: transport.clone() }),
            Choice::BuiltIn(kind) => self.built_in(*kind),
        }
    }

    #[cfg(not(feature = "network"))]
    fn built_in(&self, kind: TransportKind) -> Result<Transports, Error> {
        Err(Error::config(format!("this build has no transport {kind}")))
    }

    #[cfg(feature = "network")]
    fn built_in(&self, kind: TransportKind) -> Result<Transports, Error> {
        let signs_in = self.credentials.use_token_endpoint();
        // Reading the system's certificates takes milliseconds; a client of a local sandbox needs none.
        let needs_tls = self.base_url.scheme() == "https"
            || (signs_in && self.token_url.scheme() == "https")
            || self.tls.is_set();
        let tls = needs_tls.then(|| self.tls_config()).transpose()?;
        let api = self.one(kind, &self.base_url, self.proxies.api.as_ref(), tls.as_ref())?;
        let token = match signs_in {
            // With a static token no request goes to the token endpoint.
            false => api.clone(),
            true => self.one(kind, &self.token_url, self.proxies.token.as_ref(), tls.as_ref())?,
        };
        Ok(Transports { api, token })
    }

    /// A transport to the server of this address, which is that of `base_url`, of `token_url` or of `main_url`.
    pub(crate) fn transport_to(&self, address: &Url) -> Result<Arc<dyn Transport>, Error> {
        match &self.transport {
            Choice::Own(transport) => Ok(transport.clone()),
            Choice::BuiltIn(kind) => self.built_in_to(*kind, address),
        }
    }

    #[cfg(not(feature = "network"))]
    fn built_in_to(&self, kind: TransportKind, _: &Url) -> Result<Arc<dyn Transport>, Error> {
        Err(Error::config(format!("this build has no transport {kind}")))
    }

    #[cfg(feature = "network")]
    fn built_in_to(&self, kind: TransportKind, address: &Url) -> Result<Arc<dyn Transport>, Error> {
        let needs_tls = address.scheme() == "https" || self.tls.is_set();
        let tls = needs_tls.then(|| self.tls_config()).transpose()?;
        self.one(kind, address, self.proxy_to(address), tls.as_ref())
    }

    /// The proxy for this address, which is on the server of `base_url`, of `token_url` or of `main_url`.
    pub(crate) fn proxy_to(&self, address: &Url) -> Option<&secrecy::SecretString> {
        if address.origin() == self.base_url.origin() {
            return self.proxies.api.as_ref();
        }
        match self.main_url.as_ref().is_ok_and(|main| main.origin() == address.origin()) {
            true => self.proxies.main.as_ref(),
            false => self.proxies.token.as_ref(),
        }
    }

    #[cfg(feature = "network")]
    fn tls_config(&self) -> Result<Arc<rustls::ClientConfig>, Error> {
        crate::transport::tls::config(&self.tls).map(Arc::new)
    }

    #[cfg(feature = "network")]
    fn one(
        &self,
        kind: TransportKind,
        address: &Url,
        proxy: Option<&secrecy::SecretString>,
        tls: Option<&Arc<rustls::ClientConfig>>,
    ) -> Result<Arc<dyn Transport>, Error> {
        match kind {
            #[cfg(feature = "reqwest")]
            TransportKind::Reqwest => {
                let (timeout, user_agent) = (self.connect_timeout, &self.user_agent);
                let transport = crate::transport::reqwest::ReqwestTransport::new(
                    address, proxy, tls, timeout, user_agent,
                )?;
                Ok(Arc::new(transport))
            }
            #[cfg(feature = "direct")]
            TransportKind::Direct => {
                let _ = proxy; // `ProxyOption::for_addresses` has refused it
                Ok(Arc::new(crate::transport::direct::DirectTransport::new(
                    address,
                    tls,
                    self.connect_timeout,
                )))
            }
            #[allow(unreachable_patterns)]
            _ => Err(Error::config(format!("this build has no transport {kind}"))),
        }
    }
}
