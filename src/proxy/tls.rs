//! Certificates: read at the start, and again whenever their files change, or had from an authority ([`super::acme`]). A pair
//! that is not right leaves the old one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use notify::{RecursiveMode, Watcher};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::mpsc;

use super::acme;
use super::acme::challenges::{Challenges, PROTOCOL};
use super::settings::{Files, Source, Tls};
use crate::telemetry::chain;

/// Certificate and key are two files, and are written one after the other.
const SETTLE: Duration = Duration::from_millis(250);

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read the certificate {path}")]
    Certificate {
        path: PathBuf,
        #[source]
        source: pem::Error,
    },
    #[error("{path} holds no certificate")]
    NoCertificate { path: PathBuf },
    #[error("cannot read the key {path}")]
    Key {
        path: PathBuf,
        #[source]
        source: pem::Error,
    },
    #[error("certificate and key cannot be used together")]
    Pair(#[source] rustls::Error),
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
    #[error("changes of certificates cannot be heard of")]
    Watch(#[source] notify::Error),
}

/// The pair that new connections get, if there is one yet.
#[derive(Debug, Default)]
pub struct Current {
    pair: ArcSwapOption<CertifiedKey>,
    challenges: Option<Arc<Challenges>>,
}

impl Current {
    /// From now on. Whether it is another one than before.
    pub fn show(&self, next: Arc<CertifiedKey>) -> bool {
        let is_new = self.pair.load().as_ref().is_none_or(|pair| pair.cert != next.cert);
        if is_new {
            self.pair.store(Some(next));
        }
        is_new
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let mut protocols = hello.alpn().into_iter().flatten();
        if let (Some(challenges), Some(PROTOCOL), None) = (&self.challenges, protocols.next(), protocols.next()) {
            return challenges.certificate(hello.server_name()?);
        }
        self.pair.load_full()
    }
}

fn load(tls: &Files) -> Result<CertifiedKey, TlsError> {
    let path = || tls.certificate.clone();
    let failed = |source| TlsError::Certificate { path: path(), source };
    let chain = CertificateDer::pem_file_iter(&tls.certificate).map_err(failed)?;
    let chain = chain.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { path: path() });
    }
    let key = PrivateKeyDer::from_pem_file(&tls.key);
    let key = key.map_err(|source| TlsError::Key { path: tls.key.clone(), source })?;
    CertifiedKey::from_der(chain, key, &default_provider()).map_err(TlsError::Pair)
}

/// What TLS needs, and what must be kept to hear of changes.
pub struct Setup {
    pub config: Arc<ServerConfig>,
    /// What an authority may ask us for.
    pub challenges: Option<Arc<Challenges>>,
    _watcher: Option<notify::RecommendedWatcher>,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Setup").finish_non_exhaustive()
    }
}

/// Must be called within an event loop, in which changes are then followed.
pub fn set_up(tls: &Tls) -> Result<Setup, TlsError> {
    match &tls.source {
        Source::Files(files) => {
            let current = Arc::new(Current { pair: ArcSwapOption::from_pointee(load(files)?), challenges: None });
            let (changed, changes) = mpsc::channel(1);
            let watcher = watch(files, changed)?;
            let config = config(&current)?;
            tokio::spawn(follow(files.clone(), current, changes));
            Ok(Setup { config, challenges: None, _watcher: Some(watcher) })
        }
        Source::Acme(settings) => {
            let challenges = Arc::<Challenges>::default();
            let current = Current { pair: ArcSwapOption::empty(), challenges: Some(Arc::clone(&challenges)) };
            let current = Arc::new(current);
            let config = config(&current)?;
            tokio::spawn(acme::keep(settings.clone(), current, Arc::clone(&challenges)));
            Ok(Setup { config, challenges: Some(challenges), _watcher: None })
        }
    }
}

fn config(current: &Arc<Current>) -> Result<Arc<ServerConfig>, TlsError> {
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(TlsError::Setup)?;
    let resolver: Arc<dyn ResolvesServerCert> = current.clone();
    let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    if current.challenges.is_some() {
        config.alpn_protocols.push(PROTOCOL.to_vec());
    }
    Ok(Arc::new(config))
}

/// One place in the channel is enough: what is pending is looked at as a whole.
fn watch(files: &Files, changed: mpsc::Sender<()>) -> Result<notify::RecommendedWatcher, TlsError> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if event.is_ok_and(|event| !event.kind.is_access()) {
            // Full means that a change is to be looked at already.
            let _ = changed.try_send(());
        }
    })
    .map_err(TlsError::Watch)?;
    // Folders, because files are replaced by renaming others over them.
    let mut folders: Vec<&Path> = [&files.certificate, &files.key].into_iter().map(|path| folder(path)).collect();
    folders.dedup();
    for folder in folders {
        watcher.watch(folder, RecursiveMode::NonRecursive).map_err(TlsError::Watch)?;
    }
    Ok(watcher)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

async fn follow(files: Files, current: Arc<Current>, mut changes: mpsc::Receiver<()>) {
    while changes.recv().await.is_some() {
        tokio::time::sleep(SETTLE).await;
        // All that came meanwhile is in what is read now.
        let _ = changes.try_recv();
        match load(&files) {
            Ok(next) => {
                if current.show(Arc::new(next)) {
                    tracing::info!(certificate = %files.certificate.display(), "new certificate");
                }
            }
            Err(error) => tracing::warn!(error = chain(&error), "the certificate stays as it was"),
        }
    }
}
