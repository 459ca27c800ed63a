//! TLS: whom the client trusts, and what it says when it does not.

use std::path::PathBuf;
use std::sync::Arc;

use crate::common::{named, quick};
use cor_http::{Error, ErrorKind, Outcome};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A server of one certificate, and the file of the authority that signed it.
struct Server {
    url: String,
    ca_file: PathBuf,
    /// A certificate of the same authority for a client, and its key.
    client_cert: PathBuf,
    client_key: PathBuf,
    _folder: tempfile::TempDir,
}

async fn server(name: &str) -> Server {
    server_of(name, rustls::DEFAULT_VERSIONS).await
}

async fn server_of(name: &str, versions: &[&'static rustls::SupportedProtocolVersion]) -> Server {
    serve(name, versions, false).await
}

/// `wants_certificate`: the server asks for a certificate of its own authority.
async fn serve(
    name: &str,
    versions: &[&'static rustls::SupportedProtocolVersion],
    wants_certificate: bool,
) -> Server {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::default();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = ca.self_signed(&ca_key).unwrap();
    let ca_pem = authority.pem();
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    let client_key = KeyPair::generate().unwrap();
    let client = CertificateParams::new(vec!["client.example".to_owned()]).unwrap();
    let client = client.signed_by(&client_key, &issuer).unwrap();

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(versions)
        .unwrap();
    let builder = match wants_certificate {
        false => builder.with_no_client_auth(),
        true => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(authority.der().clone()).unwrap();
            let verifier =
                rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let mut config =
        builder.with_single_cert(vec![leaf.der().clone()], key.serialize_der().try_into().unwrap()).unwrap();
    // It agrees to nothing that it does not speak.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                // A client that does not trust us leaves during the handshake.
                let Ok(mut stream) = acceptor.accept(socket).await else { return };
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|n| n > 0) {
                    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n{\"id\":7}";
                    stream.write_all(answer).await.unwrap();
                    stream.flush().await.unwrap();
                }
            });
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, ca_pem).unwrap();
    let client = [("client.pem", client.pem()), ("client.key", client_key.serialize_pem())];
    let [client_cert, client_key] = client.map(|(name, pem)| {
        let path = folder.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path
    });
    Server { url, ca_file, client_cert, client_key, _folder: folder }
}

async fn call(url: &str, ca_file: Option<&PathBuf>) -> Result<Option<i64>, Error> {
    let mut builder = quick(crate::common::builder()).base_url(url).token("secret-token");
    if let Some(ca_file) = ca_file {
        builder = builder.ca_file(ca_file);
    }
    let client = builder.build()?;
    for _ in 0..3 {
        client.projects().update("A", &named("N")).await?;
    }
    client.projects().update("A", &named("N")).await.map(|project| project.id())
}

#[tokio::test]
async fn authority_of_ca_file_is_trusted() {
    let server = server("127.0.0.1").await;
    assert_eq!(call(&server.url, Some(&server.ca_file)).await.unwrap(), Some(7));
}

#[tokio::test]
async fn speaks_tls_1_2_and_1_3() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let server = server_of("127.0.0.1", &[version]).await;
        assert_eq!(call(&server.url, Some(&server.ca_file)).await.unwrap(), Some(7), "{version:?}");
    }
}

#[tokio::test]
async fn unknown_authority_is_refused_before_anything_is_sent() {
    let server = server("127.0.0.1").await;
    let error = call(&server.url, None).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome(), error.attempts()), (ErrorKind::Tls, Outcome::NotApplied, 1));
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    assert!(error.to_string().contains("ca_file"), "{error}");
}

/// The system's store is what `SSL_CERT_FILE` says, where that is set: another process runs with it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn systems_authorities_are_trusted() {
    const CHILD: &str = "TLS_CHILD";
    if let Ok(url) = std::env::var(CHILD) {
        let answer = call(&url, None).await;
        assert_eq!(answer.unwrap(), Some(7));
        return;
    }
    let (known, unknown) = (server("127.0.0.1").await, server("127.0.0.1").await);
    for (server, trusted) in [(&known, true), (&unknown, false)] {
        let mut child = tokio::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "tls::systems_authorities_are_trusted"]);
        child.env(CHILD, &server.url).env("SSL_CERT_FILE", &known.ca_file).env_remove("SSL_CERT_DIR");
        let ran = child.output().await.unwrap();
        let said = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.success(), trusted, "{said}");
        assert_eq!(said.contains("invalid peer certificate"), !trusted, "{said}");
    }
}

#[tokio::test]
async fn certificate_of_another_name_is_refused() {
    let server = server("cor.example").await;
    let error = call(&server.url, Some(&server.ca_file)).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (ErrorKind::Tls, Outcome::NotApplied));
    assert!(error.to_string().contains("not valid for name"), "{error}");
}

#[tokio::test]
async fn ca_file_without_certificate_is_configuration_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    for content in ["", "not PEM", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&file, content).unwrap();
        let error = crate::common::builder().token("t").ca_file(&file).build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{content:?}");
    }
}

#[tokio::test]
async fn sends_client_certificate_on_request() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let server = serve("127.0.0.1", &[version], true).await;
        let builder =
            || quick(crate::common::builder()).base_url(&server.url).token("t").ca_file(&server.ca_file);
        let with = builder().client_cert(&server.client_cert).client_key(&server.client_key).build().unwrap();
        assert_eq!(with.projects().update("A", &named("N")).await.unwrap().id(), Some(7), "{version:?}");
        let without = builder().build().unwrap();
        let error = without.projects().update("A", &named("N")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    }
}

#[tokio::test]
async fn unusable_client_certificates_are_config_errors() {
    let (server, other) = (server("127.0.0.1").await, server("127.0.0.1").await);
    let builder = || crate::common::builder().base_url(&server.url).token("t");
    let missing = std::path::Path::new("/no/such/file");
    for (builder, says) in [
        (builder().client_cert(&server.client_cert), "`client_cert` is set without `client_key`"),
        (builder().client_key(&server.client_key), "`client_key` is set without `client_cert`"),
        (
            builder().client_cert(missing).client_key(&server.client_key),
            "`client_cert` \"/no/such/file\" cannot be read",
        ),
        (
            builder().client_cert(&server.client_key).client_key(&server.client_key),
            "`client_cert` contains no certificate",
        ),
        (
            builder().client_cert(&server.client_cert).client_key(&server.client_cert),
            "`client_key` contains no readable private key",
        ),
        (
            builder().client_cert(&server.client_cert).client_key(&other.client_key),
            "`client_key` is not the key of `client_cert`",
        ),
    ] {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.to_string().contains(says), "{error} does not say {says:?}");
        let key = std::fs::read_to_string(&server.client_key).unwrap();
        let secret = key.lines().nth(1).unwrap();
        assert!(!format!("{error:?} {}", error.chain()).contains(secret), "{error:?}");
    }
}
