//! What is kept of an authority: the account by which it knows us, and the certificate with its key. Readable for us alone.

use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use instant_acme::AccountCredentials;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};

use super::validity::Validity;

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot read {path}")]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot write {path}")]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} holds no account")]
    Account {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("{path} holds no certificate with its key")]
    Pem {
        path: PathBuf,
        #[source]
        source: pem::Error,
    },
    #[error("the certificate and the key in {path} cannot be used together")]
    Pair {
        path: PathBuf,
        #[source]
        source: rustls::Error,
    },
    #[error("it cannot be told how long the certificate in {path} is good")]
    Validity { path: PathBuf },
}

/// A certificate that can be shown.
#[derive(Debug)]
pub struct Pair {
    pub key: Arc<CertifiedKey>,
    pub validity: Validity,
}

#[derive(Debug)]
pub struct Store<'a>(&'a Path);

impl<'a> Store<'a> {
    pub fn new(folder: &'a Path) -> Self {
        Self(folder)
    }

    /// The account at this authority; those of others stay.
    pub fn account(&self, directory: &str) -> Result<Option<AccountCredentials>, StoreError> {
        let path = self.account_path(directory);
        let Some(text) = read(&path)? else { return Ok(None) };
        serde_json::from_slice(&text).map(Some).map_err(|source| StoreError::Account { path, source })
    }

    pub fn keep_account(&self, directory: &str, account: &AccountCredentials) -> Result<(), StoreError> {
        let path = self.account_path(directory);
        let text = serde_json::to_vec(account).map_err(|source| StoreError::Account { path: path.clone(), source })?;
        self.write(path, &text)
    }

    /// The certificate, if it is for all of these names.
    pub fn pair(&self, names: &[String]) -> Result<Option<Pair>, StoreError> {
        let path = self.pair_path();
        let Some(text) = read(&path)? else { return Ok(None) };
        let wrong = |source| StoreError::Pem { path: path.clone(), source };
        let chain = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        let key = PrivateKeyDer::from_pem_slice(&text).map_err(wrong)?;
        let no_pair = |source| StoreError::Pair { path: path.clone(), source };
        let first = chain.first().ok_or_else(|| wrong(pem::Error::NoItemsFound))?;
        let validity = Validity::of(first).ok_or_else(|| StoreError::Validity { path: path.clone() })?;
        let is_for_all = {
            let parsed = ParsedCertificate::try_from(first).map_err(no_pair)?;
            names.iter().all(|name| {
                let name = ServerName::try_from(name.as_str());
                name.is_ok_and(|name| rustls::client::verify_server_name(&parsed, &name).is_ok())
            })
        };
        let key = CertifiedKey::from_der(chain, key, &default_provider()).map_err(no_pair)?;
        Ok(is_for_all.then(|| Pair { key: Arc::new(key), validity }))
    }

    pub fn keep_pair(&self, key: &str, chain: &str) -> Result<(), StoreError> {
        self.write(self.pair_path(), format!("{key}{chain}").as_bytes())
    }

    fn pair_path(&self) -> PathBuf {
        self.0.join("certificate.pem")
    }

    fn account_path(&self, directory: &str) -> PathBuf {
        let digest = Sha256::digest(directory.as_bytes());
        let name: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        self.0.join(format!("account-{name}.json"))
    }

    /// All of it or nothing, and for us alone from its first byte.
    fn write(&self, path: PathBuf, bytes: &[u8]) -> Result<(), StoreError> {
        let part = path.with_extension("part");
        let write = || {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(self.0)?;
            match std::fs::remove_file(&part) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&part, &path)
        };
        write().map_err(|source| StoreError::Write { path: path.clone(), source })
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StoreError::Read { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_certificate_is_kept_for_its_names_and_for_us_alone() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("acme");
        let store = Store::new(&place);
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert!(store.pair(&names(&["a.example"])).unwrap().is_none());
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(names(&["a.example", "b.example"])).unwrap();
        store.keep_pair(&key.serialize_pem(), &params.self_signed(&key).unwrap().pem()).unwrap();
        assert!(store.pair(&names(&["b.example", "a.example"])).unwrap().is_some());
        assert!(store.pair(&names(&["a.example", "c.example"])).unwrap().is_none());
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&place), mode(&store.pair_path())), (0o700, 0o600));
        std::fs::write(store.pair_path(), "nothing").unwrap();
        assert!(matches!(store.pair(&names(&["a.example"])), Err(StoreError::Pem { .. })));
    }
}
