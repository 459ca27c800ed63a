use std::sync::Arc;

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
        use crate::auth::Credentials;
        use crate::transport::tls;

        let signs_in = matches!(self.credentials, Credentials::Client { .. });
        // Reading the system's certificates takes milliseconds; a client of a local sandbox needs none.
        let needs_tls = self.base_url.scheme() == "https"
            || (signs_in && self.token_url.scheme() == "https")
            || self.tls.is_set();
        let tls = needs_tls.then(|| tls::config(&self.tls).map(Arc::new)).transpose()?;
        let api = self.one(kind, &self.base_url, self.proxies.api.as_ref(), tls.as_ref())?;
        let token = match signs_in {
            // With a static token no request goes to the token endpoint.
            false => api.clone(),
            true => self.one(kind, &self.token_url, self.proxies.token.as_ref(), tls.as_ref())?,
        };
        Ok(Transports { api, token })
    }

    #[cfg(feature = "network")]
    fn one(
        &self,
        kind: TransportKind,
        address: &url::Url,
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
