//! Services and their replicas: who gets a request, what became of it, since when one is away.
//!
//! Shared by all workers. While all is well, a request touches two counters and no lock.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::balance::{self, Candidate};
use super::breaker::{Admission, Breaker, Outcome};
use super::file::ServiceSpec;
use super::pool::Pool;
use crate::control::wire::Phase;
use crate::telemetry::wall_clock;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The monotonic clock, as the pure parts count it.
pub fn now() -> Duration {
    START.elapsed()
}

/// What reeve says of whoever is behind an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub phase: Phase,
    /// Since when.
    pub since: Timestamp,
    /// Why a service is missing that need not be there.
    pub reason: Option<String>,
    /// When it is started again, as of when that was said.
    pub next_start: Option<Duration>,
}

/// What is on its way is worth a try soon, and what waits for a person is not.
const SOON: Duration = Duration::from_secs(1);
const LATER: Duration = Duration::from_secs(30);

impl Told {
    fn is_ready(&self) -> bool {
        self.phase == Phase::Ready
    }

    /// When a client may try again.
    fn wait(&self) -> Duration {
        match self.phase {
            Phase::Stopped | Phase::Completed | Phase::Failed | Phase::Skipped | Phase::Stuck => LATER,
            _ => self.next_start.unwrap_or(SOON).max(SOON),
        }
    }

    /// How it is, behind its name.
    pub fn state(&self) -> &'static str {
        match self.phase {
            Phase::Stopped => "is stopped",
            Phase::Waiting => "waits for another service",
            Phase::Preparing | Phase::Starting | Phase::Bootstrapping => "is starting",
            Phase::Ready => "is ready",
            Phase::Unready => "is not ready",
            Phase::Stopping => "is being stopped",
            Phase::Backoff => "has ended and will be started again",
            Phase::Completed => "has ended",
            Phase::Failed if self.reason.is_some() => "is not available",
            Phase::Failed => "has failed",
            Phase::Skipped => "is left out",
            Phase::Stuck => "cannot be ended",
        }
    }
}

#[derive(Debug)]
struct Health {
    breaker: Breaker,
    /// Of the first failure in a row.
    since: Option<Timestamp>,
}

#[derive(Debug)]
pub struct Endpoint {
    /// Its place among the service's.
    pub index: usize,
    service: String,
    pub address: std::net::SocketAddr,
    load: AtomicU32,
    /// Whether there is anything to be found in `health`.
    is_troubled: AtomicBool,
    health: Mutex<Health>,
    /// Reeve says that it is not ready.
    is_out: AtomicBool,
    told: Mutex<Option<Arc<Told>>>,
    /// Connections to it, of each worker.
    pools: Box<[Arc<Pool>]>,
}

impl Endpoint {
    pub fn pool(&self, worker: usize) -> &Arc<Pool> {
        &self.pools[worker]
    }

    /// What reeve says of it; nothing where reeve does not know it, or is away itself.
    pub fn hear(&self, told: Option<Arc<Told>>) {
        let is_out = told.as_ref().is_some_and(|told| !told.is_ready());
        let is_back = told.is_some() && !is_out;
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = told;
        let was_out = self.is_out.swap(is_out, Ordering::Relaxed);
        if was_out && is_back {
            // Another process than the one that has failed.
            let mut health = self.health();
            *health = Health { breaker: Breaker::back(now()), since: None };
            self.is_troubled.store(true, Ordering::Relaxed);
        }
        if was_out != is_out {
            let what = if is_out { "reeve takes it out" } else { "reeve lets it in" };
            tracing::info!(service = self.service, address = %self.address, "{what}");
        }
    }

    fn told(&self) -> Option<Arc<Told>> {
        if !self.is_out.load(Ordering::Relaxed) {
            return None;
        }
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admission(&self) -> Admission {
        if self.is_out.load(Ordering::Relaxed) {
            return Admission::Refused { wait: self.told().map_or(SOON, |told| told.wait()) };
        }
        if self.is_troubled.load(Ordering::Relaxed) {
            self.health().breaker.admission(now())
        } else {
            Admission::Welcome { share: 1.0 }
        }
    }

    /// Whether the caller is the one who tries.
    fn begins_trial(&self) -> bool {
        let mut health = self.health();
        let may = health.breaker.admission(now()) == Admission::Trial;
        if may {
            health.breaker.begin_trial();
        }
        may
    }

    fn note(&self, outcome: Outcome) {
        if outcome != Outcome::Failed && !self.is_troubled.load(Ordering::Relaxed) {
            return;
        }
        let mut health = self.health();
        let was_closed = health.breaker.is_closed();
        health.breaker.step(now(), outcome);
        match outcome {
            Outcome::Failed => {
                health.since.get_or_insert_with(wall_clock);
            }
            Outcome::Answered => health.since = None,
            Outcome::Abandoned => {}
        }
        self.is_troubled.store(!health.breaker.is_untroubled(), Ordering::Relaxed);
        match (was_closed, health.breaker.is_closed()) {
            (true, false) => {
                tracing::warn!(service = self.service, address = %self.address, "is away; left alone for a while")
            }
            (false, true) => tracing::info!(service = self.service, address = %self.address, "is back"),
            _ => {}
        }
    }

    fn since(&self) -> Option<Timestamp> {
        if self.is_troubled.load(Ordering::Relaxed) { self.health().since } else { None }
    }
}

/// The right to send one request to a replica. What becomes of it is told once; otherwise it was given up.
#[derive(Debug)]
pub struct Lease {
    pub endpoint: Arc<Endpoint>,
    is_judged: bool,
}

impl Lease {
    fn new(endpoint: &Arc<Endpoint>) -> Self {
        endpoint.load.fetch_add(1, Ordering::Relaxed);
        Self { endpoint: Arc::clone(endpoint), is_judged: false }
    }

    pub fn answered(&mut self) {
        self.is_judged = true;
        self.endpoint.note(Outcome::Answered);
    }

    pub fn failed(&mut self) {
        self.is_judged = true;
        self.endpoint.note(Outcome::Failed);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.endpoint.load.fetch_sub(1, Ordering::Relaxed);
        if !self.is_judged {
            self.endpoint.note(Outcome::Abandoned);
        }
    }
}

/// All replicas are left alone.
#[derive(Debug, Clone, Copy)]
pub struct Away {
    /// Until the first is tried again.
    pub wait: Duration,
}

#[derive(Debug)]
pub struct Service {
    pub spec: ServiceSpec,
    endpoints: Vec<Arc<Endpoint>>,
}

impl Service {
    pub fn new(spec: ServiceSpec, workers: usize) -> Self {
        let endpoint = |(index, address): (usize, &std::net::SocketAddr)| {
            Arc::new(Endpoint {
                index,
                service: spec.name.clone(),
                address: *address,
                load: AtomicU32::new(0),
                is_troubled: AtomicBool::new(false),
                health: Mutex::new(Health { breaker: Breaker::default(), since: None }),
                is_out: AtomicBool::new(false),
                told: Mutex::default(),
                pools: (0..workers).map(|_| Arc::new(Pool::new(*address, &spec))).collect(),
            })
        };
        Self { endpoints: spec.addresses.iter().enumerate().map(endpoint).collect(), spec }
    }

    /// Whoever shall get the next request, if possible not `avoided`. With `may_fail` the request can be sent again, so
    /// that it may be the one which finds out whether a replica is back.
    pub fn lease(&self, avoided: Option<usize>, may_fail: bool) -> Result<Lease, Away> {
        if let [only] = &self.endpoints[..] {
            return match only.admission() {
                Admission::Welcome { .. } => Ok(Lease::new(only)),
                Admission::Trial if only.begins_trial() => Ok(Lease::new(only)),
                Admission::Trial => Err(Away { wait: Duration::ZERO }),
                Admission::Refused { wait } => Err(Away { wait }),
            };
        }
        let admissions: Vec<Admission> = self.endpoints.iter().map(|endpoint| endpoint.admission()).collect();
        let candidates = |avoided: Option<usize>| -> Vec<Candidate> {
            let each = self.endpoints.iter().zip(&admissions).enumerate();
            each.map(|(index, (endpoint, admission))| {
                let share = match admission {
                    Admission::Welcome { share } if Some(index) != avoided => *share,
                    _ => 0.0,
                };
                Candidate { load: endpoint.load.load(Ordering::Relaxed), share }
            })
            .collect()
        };
        let draws = (fastrand::u64(..), fastrand::u64(..));
        let chosen = balance::choose(&candidates(avoided), draws);
        if may_fail || chosen.is_none() {
            let mut tried = self.endpoints.iter().zip(&admissions).enumerate();
            let due = tried.find(|(index, (endpoint, admission))| {
                Some(*index) != avoided && **admission == Admission::Trial && endpoint.begins_trial()
            });
            if let Some((_, (endpoint, _))) = due {
                return Ok(Lease::new(endpoint));
            }
        }
        // Better the one that was to be avoided than none.
        let chosen = chosen.or_else(|| balance::choose(&candidates(None), draws));
        chosen.map(|index| Lease::new(&self.endpoints[index])).ok_or_else(|| {
            let waits = admissions.iter().filter_map(|admission| match admission {
                Admission::Refused { wait } => Some(*wait),
                _ => None,
            });
            Away { wait: waits.min().unwrap_or_default() }
        })
    }

    pub fn replicas(&self) -> usize {
        self.endpoints.len()
    }

    pub fn endpoints(&self) -> &[Arc<Endpoint>] {
        &self.endpoints
    }

    /// What reeve says when it has taken out all replicas: of the one that may be back first.
    pub fn told(&self) -> Option<Arc<Told>> {
        let all: Option<Vec<_>> = self.endpoints.iter().map(|endpoint| endpoint.told()).collect();
        all?.into_iter().min_by_key(|told| (told.wait(), told.since))
    }

    /// Since when nobody answers.
    pub fn since(&self) -> Option<Timestamp> {
        if let Some(told) = self.told() {
            return Some(told.since);
        }
        self.endpoints.iter().filter_map(|endpoint| endpoint.since()).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(replicas: u16) -> Service {
        let addresses = (1..=replicas).map(|port| std::net::SocketAddr::from(([127, 0, 0, 1], port))).collect();
        let time = Duration::from_secs(1);
        let host = super::super::file::HostPolicy::Keep;
        let spec = ServiceSpec {
            name: "api".to_owned(),
            addresses,
            protocol: super::super::file::Protocol::Http1,
            host,
            connect: time,
            header: time,
            idle: None,
            keep: time,
        };
        Service::new(spec, 1)
    }

    fn told(phase: Phase) -> Option<Arc<Told>> {
        Some(Arc::new(Told { phase, since: Timestamp::UNIX_EPOCH, reason: None, next_start: None }))
    }

    #[test]
    fn what_reeve_takes_out_is_asked_nothing_until_it_is_back() {
        let service = service(2);
        service.endpoints[0].hear(told(Phase::Stopped));
        for _ in 0..20 {
            assert_eq!(service.lease(None, true).unwrap().endpoint.index, 1);
        }
        assert!(service.told().is_none());
        service.endpoints[1].hear(told(Phase::Backoff));
        // Whoever is back first says when.
        assert_eq!(service.lease(None, true).unwrap_err().wait, SOON);
        assert_eq!(service.told().map(|told| told.phase), Some(Phase::Backoff));
        service.endpoints[0].hear(told(Phase::Ready));
        assert_eq!(service.lease(Some(0), true).unwrap().endpoint.index, 0);
        // Without reeve nobody is out.
        service.endpoints[1].hear(None);
        assert_eq!(service.lease(Some(0), true).unwrap().endpoint.index, 1);
    }

    #[test]
    fn an_only_replica_that_fails_is_left_alone() {
        let service = service(1);
        for _ in 0..3 {
            service.lease(None, true).unwrap().failed();
        }
        assert!(service.lease(None, true).unwrap_err().wait > Duration::ZERO);
        assert!(service.since().is_some());
    }

    #[test]
    fn requests_go_where_the_load_is_less() {
        let service = service(2);
        let first = service.lease(None, true).unwrap();
        let second = service.lease(None, true).unwrap();
        assert_ne!(first.endpoint.index, second.endpoint.index);
        drop(first);
        drop(second);
        let avoided = service.lease(Some(0), true).unwrap();
        assert_eq!(avoided.endpoint.index, 1);
    }

    #[test]
    fn a_failed_replica_gets_nothing_and_an_answer_clears_it() {
        let service = service(2);
        for _ in 0..3 {
            service.lease(Some(1), true).unwrap().failed();
        }
        for _ in 0..20 {
            let mut lease = service.lease(None, false).unwrap();
            assert_eq!(lease.endpoint.index, 1);
            lease.answered();
        }
        assert!(service.since().is_some());
        service.endpoints[0].note(Outcome::Answered);
        assert!(service.since().is_none());
    }
}
