//! An HTTP request is answered with an accepted status and body.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

use reqwest::redirect::Policy;
use reqwest::{Client, Method};

use super::redact::{redact, scrub};
use super::{RenderedHttp, chain};

/// So much of a body is searched; what comes after is not read.
const BODY_BYTES: usize = 64 << 10;

/// One request, its connection closed again.
pub(super) async fn ask(probe: &RenderedHttp) -> Result<(), String> {
    let method = Method::from_bytes(probe.method.as_bytes()).map_err(|_| format!("no such method: {}", probe.method))?;
    let mut request = client(probe.tls_verify)?.request(method, &probe.url);
    for (name, value) in &probe.headers {
        request = request.header(name, value);
    }
    let mut response = request.send().await.map_err(|error| reason(error, &probe.url))?;
    let status = response.status();
    let (lowest, highest) = probe.status;
    if !(lowest..=highest).contains(&status.as_u16()) {
        return Err(match lowest == highest {
            true => format!("{status} instead of {lowest} from {}", redact(&probe.url)),
            false => format!("{status} instead of {lowest}–{highest} from {}", redact(&probe.url)),
        });
    }
    let Some(pattern) = &probe.body else { return Ok(()) };
    let pattern = regex::bytes::Regex::new(pattern).map_err(|error| format!("body pattern: {error}"))?;
    let mut body = Vec::new();
    while body.len() < BODY_BYTES {
        match response.chunk().await.map_err(|error| reason(error, &probe.url))? {
            Some(chunk) => body.extend_from_slice(&chunk[..chunk.len().min(BODY_BYTES - body.len())]),
            None => break,
        }
    }
    match pattern.is_match(&body) {
        true => Ok(()),
        false => Err(format!("the body does not match `{pattern}`")),
    }
}

/// Two clients for all probes, without idle connections, proxy or redirects: what costs is their TLS configuration.
fn client(tls_verify: bool) -> Result<&'static Client, String> {
    static VERIFYING: OnceLock<Client> = OnceLock::new();
    static TRUSTING: OnceLock<Client> = OnceLock::new();
    let place = if tls_verify { &VERIFYING } else { &TRUSTING };
    if let Some(client) = place.get() {
        return Ok(client);
    }
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Another thread may have been faster: one is installed in any case.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    // A service may listen on one of the loopback addresses only, whatever the resolver of this machine says.
    let loopback = [(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()];
    let client = Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .pool_max_idle_per_host(0)
        .referer(false)
        .user_agent("reeve-probe")
        .resolve_to_addrs("localhost", &loopback)
        .tls_danger_accept_invalid_certs(!tls_verify)
        .build()
        .map_err(|error| format!("no HTTP client: {}", chain(&error)))?;
    Ok(place.get_or_init(|| client))
}

fn reason(error: reqwest::Error, url: &str) -> String {
    // The URL may hold a password; it is told without.
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let text = cause.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    scrub(&format!("{}: {text}", redact(url)), url)
}
