//! Certificates from an authority by ACME (RFC 8555): obtained at the first start, kept on disk, renewed in time.
//!
//! Owns the loop that never gives up and the bounds of how often it asks. [`order`] talks to the authority, [`store`] is what
//! is kept, [`challenges`] what answers its questions, [`validity`] reads how long a certificate is good. Never stands in the way
//! of a start: without a certificate there is no TLS, and everything else works.

pub mod challenges;
mod http;
mod order;
mod store;
mod validity;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use self::challenges::Challenges;
use self::store::{Store, StoreError};
use super::tls::Current;
use crate::telemetry::{chain, wall_clock};

/// After the first failure; doubled with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
/// Authorities count failures by the hour, and a certificate has weeks left when it is renewed.
const LONGEST_PAUSE: Duration = Duration::from_secs(6 * 3600);
/// The clock of the wall may be set, and a machine may sleep: longer than this is not slept at once.
const LOOK: Duration = Duration::from_secs(3600);

/// How the authority makes sure that a name is ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// By a file at port 80 of the name.
    Http01,
    /// By a certificate at its port 443.
    TlsAlpn01,
}

#[derive(Debug, Clone)]
pub struct Acme {
    /// Where the authority says what it can do.
    pub directory: String,
    pub names: Vec<String>,
    /// Addresses of mail.
    pub contact: Vec<String>,
    pub store: PathBuf,
    pub challenge: Challenge,
    /// Certificates (PEM) by which the authority's own server is known, if it is none of the public ones.
    pub root: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("cannot set up the HTTP client")]
    Client(#[source] reqwest::Error),
    #[error("cannot read the certificates {path}")]
    Root {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("no account at the authority")]
    Account(#[source] instant_acme::Error),
    #[error("no order at the authority")]
    Order(#[source] instant_acme::Error),
    #[error("the authority offers no {challenge:?} for {name}")]
    NoChallenge { challenge: Challenge, name: String },
    #[error("the authority does not believe that the names are ours: {0}")]
    Refused(String),
    #[error("a certificate cannot be made")]
    Made(#[source] rcgen::Error),
    #[error("the key of a certificate cannot be used")]
    Key(#[source] rustls::Error),
    #[error("no certificate from the authority")]
    Certificate(#[source] instant_acme::Error),
}

/// For the length of the process.
pub async fn keep(acme: Acme, current: Arc<Current>, challenges: Arc<Challenges>) {
    let mut failures = 0;
    loop {
        let due = due(&acme, &current);
        let now = wall_clock();
        if due > now {
            let left = Duration::try_from(due.duration_since(now)).unwrap_or(LOOK);
            tokio::time::sleep(left.min(LOOK)).await;
            continue;
        }
        tracing::info!(names = acme.names.join(" "), directory = acme.directory, "asks for a certificate");
        let obtained = order::obtain(&acme, &challenges).await;
        challenges.clear();
        match obtained {
            Ok(()) => {
                failures = 0;
                // What was asked for and is not right would be asked for again at once.
                if !has_pair(&acme, &current) {
                    tokio::time::sleep(pause(1, fastrand::f64())).await;
                }
            }
            Err(error) => {
                failures += 1;
                let pause = pause(failures, fastrand::f64());
                tracing::warn!(error = chain(&error), pause_s = pause.as_secs(), "no certificate; asks again later");
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// Puts what is on disk to use, and says when it has to be renewed: at once if there is nothing, or nothing for these names.
fn due(acme: &Acme, current: &Current) -> Timestamp {
    match Store::new(&acme.store).pair(&acme.names) {
        Ok(Some(pair)) => {
            // The same share of its life at every look.
            let share = f64::from(crc(&pair.key.cert)) / f64::from(u32::MAX);
            let due = pair.validity.renewal(share);
            if current.show(pair.key) {
                tracing::info!(until = %pair.validity.until, renewal = %due, "new certificate");
            }
            due
        }
        Ok(None) => Timestamp::MIN,
        Err(error) => {
            tracing::warn!(error = chain(&error), "the certificate on disk is of no use");
            Timestamp::MIN
        }
    }
}

fn has_pair(acme: &Acme, current: &Current) -> bool {
    due(acme, current) > wall_clock()
}

/// A number of a certificate's own, to spread renewals by.
fn crc(chain: &[rustls::pki_types::CertificateDer<'_>]) -> u32 {
    let mut crc = flate2::Crc::new();
    chain.iter().for_each(|certificate| crc.update(certificate));
    crc.sum()
}

/// Until the next try: half of it is chance, so that those who failed together do not come back together.
fn pause(failures: u32, chance: f64) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(LONGEST_PAUSE);
    whole.mul_f64(0.5 + chance / 2.0)
}

/// A share of the time between two moments, in whole seconds.
fn part(from: Timestamp, until: Timestamp, share: f64) -> SignedDuration {
    SignedDuration::from_secs((until.duration_since(from).as_secs_f64() * share).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_are_bounded() {
        assert_eq!(pause(1, 1.0), FIRST_PAUSE);
        assert_eq!(pause(1, 0.0), FIRST_PAUSE / 2);
        assert_eq!(pause(3, 1.0), FIRST_PAUSE * 4);
        for failures in [11, 30, u32::MAX] {
            assert_eq!(pause(failures, 1.0), LONGEST_PAUSE);
        }
    }
}
