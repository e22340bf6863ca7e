//! What reeve says of the services behind us, as soon as it says it. Our own view of replicas stays as the second opinion, and
//! is the only one while reeve is away.
//!
//! Events are followed, so that a stop is known before the first request fails; what an event does not tell (reasons, times to the
//! next start) is read from the state of the stack once it is quiet.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::site::Site;
use super::upstream::Told;
use super::worker::Shared;
use crate::control::client::{Client, ClientError};
use crate::control::wire::{self, Phase};
use crate::telemetry::chain;

/// After the last event until the state is read: the state that reeve shows is behind its events by some milliseconds.
const SETTLE: Duration = Duration::from_millis(100);
/// Between two tries to reach a reeve that is away, at first and at most. While it is away its services are, or soon will be.
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(10);

/// Services of the stack, as they were told.
#[derive(Debug, Default)]
pub struct Discovery(Mutex<Vec<Known>>);

#[derive(Debug, Clone)]
struct Known {
    name: String,
    ports: Vec<SocketAddr>,
    told: Arc<Told>,
}

impl Discovery {
    /// Tells the services of a site what is known of them.
    pub fn apply(&self, site: &Site) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for service in &site.services {
            for endpoint in service.endpoints() {
                // Whoever listens there; a service with its replicas under one name has that name in the stack.
                let by_port =
                    known.iter().find(|known| known.ports.iter().any(|port| reaches(endpoint.address, *port)));
                let found = by_port.or_else(|| known.iter().find(|known| known.name == service.spec.name));
                endpoint.hear(found.map(|known| Arc::clone(&known.told)));
            }
        }
    }

    fn replace(&self, known: Vec<Known>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }

    fn note(&self, event: wire::Event) {
        let Some(phase) = event.phase else { return };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.iter_mut().find(|known| known.name == event.service) {
            known.told = Arc::new(Told { phase, since: event.wall, reason: None, next_start: None });
        }
    }
}

/// Whether a connection to one address comes to a socket at the other.
fn reaches(to: SocketAddr, socket: SocketAddr) -> bool {
    let any = |ip: IpAddr| ip.is_unspecified();
    to.port() == socket.port() && (to.ip() == socket.ip() || any(to.ip()) || any(socket.ip()))
}

/// For the length of the process.
pub async fn follow(path: PathBuf, shared: Arc<Shared>) {
    let mut pause = FIRST;
    loop {
        let begun = Instant::now();
        match listen(&path, &shared).await {
            Ok(()) => tracing::info!("reeve is away; goes by what it sees itself"),
            Err(error) => tracing::debug!(error = chain(&error), "reeve cannot be asked; goes by what it sees itself"),
        }
        shared.discovery.replace(Vec::new());
        shared.discovery.apply(&shared.site());
        if begun.elapsed() > LONGEST {
            pause = FIRST;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST);
    }
}

/// Until reeve ends.
async fn listen(path: &std::path::Path, shared: &Shared) -> Result<(), ClientError> {
    let client = Client::at(path)?;
    // First, so that nothing falls between the state and the events.
    let mut events = client.events(&wire::EventsQuery { from: None, follow: true }).await?;
    shared.hear(&client.stack().await?);
    tracing::info!("hears from reeve how the services are");
    // The state may have been some milliseconds old.
    let mut due = Some(Instant::now() + SETTLE);
    loop {
        tokio::select! {
            line = events.next() => match line? {
                None => return Ok(()),
                Some(wire::EventLine::Event(event)) => {
                    if event.phase.is_some() {
                        shared.discovery.note(event);
                        shared.discovery.apply(&shared.site());
                        due = Some(Instant::now() + SETTLE);
                    }
                }
                Some(wire::EventLine::Resync { .. }) => due = Some(Instant::now()),
            },
            () = at(due) => {
                due = None;
                shared.hear(&client.stack().await?);
            }
        }
    }
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

impl Shared {
    fn hear(&self, stack: &wire::Stack) {
        self.discovery.replace(stack.services.iter().map(|service| known(service, stack.answered_at)).collect());
        self.discovery.apply(&self.site());
    }
}

fn known(service: &wire::Service, now: Timestamp) -> Known {
    let age = SignedDuration::from_millis(i64::try_from(service.phase_ms).unwrap_or(i64::MAX));
    // Of what a stack can do without, the reason is no secret of its operator's; of all else, a page tells only the phase.
    let is_missing = !service.required && matches!(service.phase, Phase::Failed | Phase::Skipped);
    let told = Told {
        phase: service.phase,
        since: now.checked_sub(age).unwrap_or(now),
        reason: if is_missing { service.reason() } else { None },
        next_start: service.next_start_ms.map(Duration::from_millis),
    };
    Known { name: service.name.clone(), ports: service.ports.values().copied().collect(), told: Arc::new(told) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_by_who_listens_there() {
        for (to, socket, wanted) in [
            ("127.0.0.1:80", "127.0.0.1:80", true),
            ("127.0.0.1:80", "0.0.0.0:80", true),
            ("[::1]:80", "[::]:80", true),
            ("127.0.0.1:80", "127.0.0.1:81", false),
            ("127.0.0.2:80", "127.0.0.1:80", false),
        ] {
            assert_eq!(reaches(to.parse().unwrap(), socket.parse().unwrap()), wanted, "{to} {socket}");
        }
    }
}
