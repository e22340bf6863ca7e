//! From the probes of the specification to one probe run, and the listeners that stand in for a probe.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use super::assembly::Assembly;
use super::exec::ProbeRunner;
use super::facts::{ServiceFacts, reachable};
use super::prepare::{Prepared, render, render_all};
use super::probe::{self, Rendered, RenderedHttp};
use super::run::Message;
use crate::engine::{Event, Failure, FailureKind, NotifyMessage, ProbeOutcome, ProbeRole, RunId};
use crate::platform::notify::{Notice, NotifySocket};
use crate::platform::{Tree, ports};
use crate::spec::{ProbeAction, ServiceId, Template};

/// Fills in a probe. `None`: there is nothing to ask (log line, notice, delay).
pub fn render_action(action: &ProbeAction, facts: &ServiceFacts<'_>) -> Result<Option<Rendered>, Failure> {
    Ok(Some(match action {
        ProbeAction::Exec { command } => Rendered::Exec { command: render_all(command, facts)? },
        ProbeAction::Http(http) => Rendered::Http(RenderedHttp {
            url: address(&http.url, facts)?,
            method: http.method.clone(),
            headers: http
                .headers
                .iter()
                .map(|(name, value)| Ok((name.clone(), render(value, facts)?)))
                .collect::<Result<_, Failure>>()?,
            status: http.status,
            body: http.body.clone(),
            tls_verify: http.tls_verify,
        }),
        ProbeAction::Tcp { host, port } => Rendered::Tcp { host: host.clone(), port: number(&render(port, facts)?)? },
        ProbeAction::Unix { path } => Rendered::Unix { path: render(path, facts)?.into() },
        ProbeAction::Postgres { url } => Rendered::Postgres { url: render(url, facts)?, statement: None },
        ProbeAction::Redis { url } => Rendered::Redis { url: render(url, facts)? },
        ProbeAction::Mongo { url } => Rendered::Mongo { url: render(url, facts)? },
        ProbeAction::File { path } => Rendered::File { path: render(path, facts)?.into() },
        ProbeAction::Log { .. } | ProbeAction::Notify | ProbeAction::Delay { .. } => return Ok(None),
    }))
}

/// A URL, or a path below the service's own first port.
fn address(url: &Template, facts: &ServiceFacts<'_>) -> Result<String, Failure> {
    let url = render(url, facts)?;
    if !url.starts_with('/') {
        return Ok(url);
    }
    match facts.stack.address(&facts.service.name, None) {
        Some(address) => Ok(format!("http://{}:{}{url}", reachable(address.ip()), address.port())),
        None => Err(Failure {
            kind: FailureKind::Permanent,
            message: format!("the health check {url} of {} needs a port", facts.service.name),
            hint: Some("declare one with `ports`, or give the whole address".to_owned()),
        }),
    }
}

fn number(port: &str) -> Result<u16, Failure> {
    port.parse().map_err(|_| Failure {
        kind: FailureKind::Permanent,
        message: format!("{port:?} is no port number"),
        hint: None,
    })
}

/// Asks once.
pub async fn probe(
    assembly: Arc<Assembly>,
    service: ServiceId,
    run: RunId,
    role: ProbeRole,
    prepared: &Arc<Prepared>,
    tree: Option<Arc<Tree>>,
) -> ProbeOutcome {
    let spec = assembly.stack.service(service);
    let (rendered, declared) = match role {
        ProbeRole::Readiness => (&prepared.readiness, Some(&spec.readiness)),
        ProbeRole::Liveness => (&prepared.liveness, spec.liveness.as_ref()),
    };
    let timeout = declared.map_or(Duration::from_secs(3), |probe| probe.timeout);
    match rendered {
        Some(rendered) => {
            let runner = ProbeRunner::new(Arc::clone(&assembly), spec.name.clone(), run, Arc::clone(prepared));
            match probe::run(rendered, timeout, &runner).await {
                ProbeOutcome::Success => ProbeOutcome::Success,
                ProbeOutcome::Failure(reason) => ProbeOutcome::Failure(assembly.facts.secrets.redact(&reason)),
            }
        }
        // Nothing to ask but the declared ports: they must be in LISTEN, by a process of this tree.
        None => listening(&assembly, spec.name.clone(), tree).await,
    }
}

async fn listening(assembly: &Arc<Assembly>, name: String, tree: Option<Arc<Tree>>) -> ProbeOutcome {
    let wanted: Vec<u16> =
        assembly.facts.ports.get(&name).into_iter().flatten().map(|(_, address)| address.port()).collect();
    let Some(tree) = tree.filter(|_| !wanted.is_empty()) else { return ProbeOutcome::Success };
    let checked = tokio::task::spawn_blocking(move || {
        let pids = tree.pids();
        wanted.into_iter().find(|port| !ports::listening(&pids, &[*port]))
    });
    match checked.await {
        Ok(None) => ProbeOutcome::Success,
        Ok(Some(port)) => ProbeOutcome::Failure(format!("nothing of it listens on port {port}")),
        Err(error) => ProbeOutcome::Failure(error.to_string()),
    }
}

/// Passes on what the service says on its notify socket, for the length of the run.
pub fn listen_notify(
    mut socket: NotifySocket,
    tree: Arc<Tree>,
    service: ServiceId,
    run: RunId,
    outbox: mpsc::Sender<Message>,
) -> AbortHandle {
    let listen = async move {
        loop {
            let notices = match socket.receive(&tree).await {
                Ok(notices) => notices,
                Err(error) => {
                    tracing::warn!(%error, "a notify socket failed");
                    return;
                }
            };
            for notice in notices {
                let message = match notice {
                    Notice::Ready => NotifyMessage::Ready,
                    Notice::Status(text) => NotifyMessage::Status(text),
                    Notice::Reloading => NotifyMessage::Reloading,
                    Notice::Stopping => NotifyMessage::Stopping,
                    Notice::Watchdog => NotifyMessage::Watchdog,
                    Notice::WatchdogTrigger => NotifyMessage::WatchdogTrigger,
                    Notice::ExtendTimeout(time) => NotifyMessage::ExtendTimeout(time),
                };
                if outbox.send(Message::Event(Event::Notified { service, run, message })).await.is_err() {
                    return;
                }
            }
        }
    };
    tokio::spawn(listen).abort_handle()
}

/// Tells when a line of output has matched.
pub fn listen_log(
    found: oneshot::Receiver<()>,
    service: ServiceId,
    run: RunId,
    outbox: mpsc::Sender<Message>,
) -> AbortHandle {
    let listen = async move {
        if found.await.is_ok() {
            // The loop outlives every run.
            let _ = outbox.send(Message::Event(Event::LogMatched { service, run })).await;
        }
    };
    tokio::spawn(listen).abort_handle()
}
