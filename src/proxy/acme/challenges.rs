//! What an authority may ask us for while it makes sure that a name is ours: a text over HTTP, a certificate over TLS.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use super::AcmeError;

/// The protocol of whoever asks for such a certificate (RFC 8737).
pub const PROTOCOL: &[u8] = b"acme-tls/1";
/// Where such a text is asked for (RFC 8555, section 8.3).
const PLACE: &str = "/.well-known/acme-challenge/";

#[derive(Debug, Default)]
pub struct Challenges(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    /// By token.
    texts: HashMap<String, String>,
    /// By name.
    certificates: HashMap<String, Arc<CertifiedKey>>,
}

impl Challenges {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is at an address, if an authority may be about to ask for it.
    pub fn text(&self, path: &str) -> Option<String> {
        self.open().texts.get(path.strip_prefix(PLACE)?).cloned()
    }

    pub fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.open().certificates.get(&name.to_ascii_lowercase()).cloned()
    }

    pub(super) fn offer_text(&self, token: String, text: String) {
        self.open().texts.insert(token, text);
    }

    /// A certificate that nobody believes, with the digest that the authority looks for.
    pub(super) fn offer_certificate(&self, name: &str, digest: &[u8]) -> Result<(), AcmeError> {
        let mut params = CertificateParams::new([name.to_owned()]).map_err(AcmeError::Made)?;
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let key = KeyPair::generate().map_err(AcmeError::Made)?;
        let certificate = params.self_signed(&key).map_err(AcmeError::Made)?;
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let key = default_provider().key_provider.load_private_key(key).map_err(AcmeError::Key)?;
        // Not looked at any closer: its extension is one that no client may pass over, and rustls does not know it.
        let pair = CertifiedKey::new(vec![certificate.der().clone()], key);
        self.open().certificates.insert(name.to_ascii_lowercase(), Arc::new(pair));
        Ok(())
    }

    /// Nothing is asked any more.
    pub(super) fn clear(&self) {
        *self.open() = Open::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_offered_is_there() {
        let challenges = Challenges::default();
        challenges.offer_text("abc".to_owned(), "abc.def".to_owned());
        assert_eq!(challenges.text("/.well-known/acme-challenge/abc").as_deref(), Some("abc.def"));
        for path in ["/.well-known/acme-challenge/", "/.well-known/acme-challenge/abcd", "/abc"] {
            assert_eq!(challenges.text(path), None, "{path}");
        }
        challenges.offer_certificate("a.example", &[7; 32]).unwrap();
        assert!(challenges.certificate("A.example").is_some() && challenges.certificate("b.example").is_none());
        challenges.clear();
        assert!(challenges.certificate("a.example").is_none());
    }
}
