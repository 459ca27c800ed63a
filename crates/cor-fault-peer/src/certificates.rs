//! Certificates of every trustworthiness, made anew for each peer.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};

use crate::proxy::TUNNELLED;
use crate::script::Tls;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certificate {
    /// For 127.0.0.1 and for [`TUNNELLED`](crate::TUNNELLED), by the authority of the peer's `ca_file`.
    #[default]
    Good,
    Expired,
    NotYetValid,
    /// For another name.
    WrongHost,
    /// By itself.
    SelfSigned,
    /// By an authority that is not the one of the `ca_file`.
    UnknownAuthority,
}

/// A server's settings, and the authority that its clients are to trust, as PEM.
pub(crate) fn make(tls: &Tls) -> (Arc<ServerConfig>, String) {
    let kind = tls.certificate;
    let (trusted, trusted_pem) = authority("The authority");
    let names: &[&str] = match kind {
        Certificate::WrongHost => &["cor.example"],
        _ => &["127.0.0.1", TUNNELLED],
    };
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut leaf = CertificateParams::new(names).unwrap();
    match kind {
        Certificate::Expired => {
            (leaf.not_before, leaf.not_after) = (date_time_ymd(2019, 1, 1), date_time_ymd(2020, 1, 1));
        }
        // Without a name of its own it would pass for the authority.
        Certificate::SelfSigned => leaf.distinguished_name.push(DnType::CommonName, "The peer itself"),
        Certificate::NotYetValid => leaf.not_before = date_time_ymd(3000, 1, 1),
        _ => {}
    }
    let key = KeyPair::generate().unwrap();
    let certificate = match kind {
        Certificate::SelfSigned => leaf.self_signed(&key),
        Certificate::UnknownAuthority => leaf.signed_by(&key, &authority("Some other authority").0),
        _ => leaf.signed_by(&key, &trusted),
    };
    let chain: Vec<CertificateDer<'static>> = vec![certificate.unwrap().der().clone()];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let config = if tls.client_certificate {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(chain[0].clone()).unwrap();
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
        config.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        config.with_no_client_auth()
    };
    let mut config = config.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = tls.alpn.iter().map(|name| name.clone().into_bytes()).collect();
    (Arc::new(config), trusted_pem)
}

fn authority(name: &str) -> (Issuer<'static, KeyPair>, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    (Issuer::new(params, key), pem)
}
