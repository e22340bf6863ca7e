//! TLS, HTTP/2 over it, and certificates that change.

use std::sync::Arc;

use reqwest::Version;

use super::harness::{Proxy, one};
use super::upstream::Upstream;
use crate::support::{block_on, eventually};

const FIRST: (&str, &str) =
    (include_str!("../../fixtures/tls/first.crt"), include_str!("../../fixtures/tls/first.key"));
const SECOND: (&str, &str) =
    (include_str!("../../fixtures/tls/second.crt"), include_str!("../../fixtures/tls/second.key"));

const SETTINGS: [(&str, &str); 4] = [
    ("PROXY_TLS_CERTIFICATE", "tls.crt"),
    ("PROXY_TLS_KEY", "tls.key"),
    ("PROXY_TLS_PORT", "0"),
    ("PROXY_HSTS", "31536000"),
];

fn start(upstream: &Upstream) -> Proxy {
    let mut proxy = Proxy::prepared(&one(&[upstream.address], ""), &SETTINGS);
    put(&proxy, FIRST);
    proxy.launch();
    proxy
}

fn put(proxy: &Proxy, (certificate, key): (&str, &str)) {
    proxy.write("tls.crt", certificate);
    proxy.write("tls.key", key);
}

fn client() -> reqwest::ClientBuilder {
    reeve::serve::install_tls();
    reqwest::Client::builder().no_proxy().tls_danger_accept_invalid_certs(true)
}

#[test]
fn http_1_and_2_are_spoken_over_tls() {
    let upstream = Upstream::echo();
    let proxy = start(&upstream);
    let url = format!("https://127.0.0.1:{}/x?y", proxy.tls_port.expect("a port"));
    for (client, version) in [(client().http1_only(), Version::HTTP_11), (client(), Version::HTTP_2)] {
        let client = client.build().expect("a client");
        let text = block_on(async {
            let response = client.post(&url).body("abc").send().await.expect("an answer");
            assert_eq!((response.status().as_u16(), response.version()), (200, version));
            assert_eq!(response.headers()["strict-transport-security"], "max-age=31536000");
            response.text().await.expect("a body")
        });
        assert!(text.starts_with("POST /x?y HTTP/1.1\r\n") && text.ends_with("abc"), "{text}");
        assert!(text.contains("x-forwarded-proto: https\r\n") && text.contains("host: 127.0.0.1:"), "{text}");
    }
}

#[test]
fn many_requests_share_one_connection_of_http_2() {
    let upstream = Upstream::echo();
    let proxy = start(&upstream);
    let url = format!("https://127.0.0.1:{}/", proxy.tls_port.expect("a port"));
    let client = client().build().expect("a client");
    block_on(async {
        let body = "0123456789".repeat(50_000);
        // Each is read as it comes: one that is left waiting holds up those that share its connection.
        let all = (0..20).map(|_| async {
            let response = client.post(&url).body(body.clone()).send().await.expect("an answer");
            response.text().await.expect("a body")
        });
        for text in futures_util::future::join_all(all).await {
            assert!(text.ends_with(&body));
        }
    });
}

#[test]
fn plain_requests_are_sent_to_tls() {
    let upstream = Upstream::echo();
    let proxy = start(&upstream);
    let answer = proxy.get("/x?y").expect(308);
    // The port that was asked for, which is any: outside it would be another one.
    assert_eq!(answer.header("location"), Some("https://status.example:0/x?y"));
    assert!(upstream.heads().is_empty());
}

#[test]
fn a_new_certificate_is_used_without_a_restart() {
    let upstream = Upstream::echo();
    let proxy = start(&upstream);
    let address = format!("127.0.0.1:{}", proxy.tls_port.expect("a port"));
    let first = certificate(&address);
    // Half of a pair leaves things as they are.
    proxy.write("tls.crt", SECOND.0);
    eventually("the mistake is told", || {
        let log = proxy.log();
        if log.contains("the certificate stays as it was") { Ok(()) } else { Err(log) }
    });
    assert!(certificate(&address) == first);
    proxy.write("tls.key", SECOND.1);
    eventually("the new one is used", || if certificate(&address) == first { Err(proxy.log()) } else { Ok(()) });
}

/// What is shown to whoever connects.
pub fn certificate(address: &str) -> Vec<u8> {
    let seen = Arc::new(Seen::default());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&seen) as Arc<dyn rustls::client::danger::ServerCertVerifier>)
        .with_no_client_auth();
    let name = "status.example".try_into().expect("a name");
    let mut connection = rustls::ClientConnection::new(Arc::new(config), name).expect("a connection");
    let mut stream = std::net::TcpStream::connect(address).expect("the proxy");
    while connection.is_handshaking() {
        connection.complete_io(&mut stream).expect("a handshake");
    }
    let seen = seen.0.lock().expect("a lock").clone();
    assert!(!seen.is_empty());
    seen
}

#[derive(Debug, Default)]
struct Seen(std::sync::Mutex<Vec<u8>>);

impl rustls::client::danger::ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        end_entity: &rustls::pki_types::CertificateDer<'_>,
        _intermediates: &[rustls::pki_types::CertificateDer<'_>],
        _server_name: &rustls::pki_types::ServerName<'_>,
        _ocsp_response: &[u8],
        _now: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        *self.0.lock().expect("a lock") = end_entity.to_vec();
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &rustls::pki_types::CertificateDer<'_>,
        _dss: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &rustls::pki_types::CertificateDer<'_>,
        _dss: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
