use std::path::Path;
use std::sync::Arc;

use crate::Error;

/// The PEM files of the TLS options.
#[derive(Clone, Default)]
#[cfg_attr(not(feature = "network"), allow(dead_code))] // a transport of the caller's own has its own TLS
pub(crate) struct TlsFiles {
    pub(crate) authorities: Option<Vec<u8>>,
    pub(crate) identity: Option<Arc<Identity>>,
}

/// A client certificate and its key. The key is a secret, hence wiped.
#[cfg_attr(not(feature = "network"), allow(dead_code))]
pub(crate) struct Identity {
    pub(crate) certificates: Vec<u8>,
    pub(crate) key: zeroize::Zeroizing<Vec<u8>>,
}

impl TlsFiles {
    pub(crate) fn read(
        ca: Option<&Path>,
        cert: Option<&Path>,
        key: Option<&Path>,
    ) -> Result<TlsFiles, Error> {
        let read = |name: &str, path: &Path| {
            std::fs::read(path)
                .map_err(|error| Error::config(format!("`{name}` {path:?} cannot be read")).caused_by(error))
        };
        let identity = match (cert, key) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some(Arc::new(Identity {
                certificates: read("client_cert", cert)?,
                key: read("client_key", key)?.into(),
            })),
            (Some(_), None) => return Err(one_of_two("client_cert", "client_key")),
            (None, Some(_)) => return Err(one_of_two("client_key", "client_cert")),
        };
        Ok(TlsFiles { authorities: ca.map(|path| read("ca_file", path)).transpose()?, identity })
    }

    #[cfg(feature = "network")]
    pub(crate) fn is_set(&self) -> bool {
        self.authorities.is_some() || self.identity.is_some()
    }
}

fn one_of_two(set: &str, missing: &str) -> Error {
    Error::config(format!("`{set}` is set without `{missing}`"))
        .advising("set `client_cert` and `client_key` together")
}
