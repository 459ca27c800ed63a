//! The TLS settings: trusts the operating system's certificate authorities and those of `ca_file`.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls_platform_verifier::Verifier;

use super::tls_files::{Identity, TlsFiles};
use crate::Error;

/// The settings for every TLS connection of a client. Each transport adds the protocols it offers (ALPN).
pub(crate) fn config(tls: &TlsFiles) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let extra = match &tls.authorities {
        Some(pem) => authorities(pem)?,
        None => Vec::new(),
    };
    let verifier = Verifier::new_with_extra_roots(extra, provider.clone()).map_err(|error| {
        Error::config("this machine has no trusted certificate authorities")
            .advising(
                "install the system's certificates (Debian: the package ca-certificates), or set `ca_file`",
            )
            .caused_by(error)
    })?;
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::config("TLS could not be set up").caused_by(error))?
        .dangerous() // rustls's name for setting a verifier; this one is the platform's
        .with_custom_certificate_verifier(Arc::new(verifier));
    match &tls.identity {
        None => Ok(builder.with_no_client_auth()),
        Some(identity) => {
            let (certificates, key) = identity_of(identity)?;
            builder.with_client_auth_cert(certificates, key).map_err(|error| {
                Error::config("`client_key` is not the key of `client_cert`")
                    .advising("set `client_key` to the private key of the first certificate in `client_cert`")
                    .caused_by(error)
            })
        }
    }
}

/// The same settings for a transport that offers these protocols, the preferred one first.
pub(crate) fn offering(config: &ClientConfig, protocols: &[&str]) -> Arc<ClientConfig> {
    let mut config = config.clone();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Arc::new(config)
}

fn identity_of(identity: &Identity) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Error> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&identity.certificates).collect();
    let certificates = certificates.ok().filter(|found| !found.is_empty()).ok_or_else(|| {
        Error::config("`client_cert` contains no certificate")
            .advising("pass a file of PEM certificates (-----BEGIN CERTIFICATE-----)")
    })?;
    // The error shows neither the key nor a cause that might quote it.
    let key = PrivateKeyDer::from_pem_slice(&identity.key).map_err(|_| {
        Error::config("`client_key` contains no readable private key")
            .advising("pass an unencrypted PEM key (-----BEGIN PRIVATE KEY-----)")
    })?;
    Ok((certificates, key))
}

fn authorities(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let bad = |happened| {
        Error::config(happened).advising("pass a file of PEM certificates (-----BEGIN CERTIFICATE-----)")
    };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(found) if found.is_empty() => Err(bad("`ca_file` contains no certificate")),
        Ok(found) => Ok(found),
        Err(error) => Err(bad("`ca_file` cannot be read as PEM").caused_by(error)),
    }
}
