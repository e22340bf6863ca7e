//! The composition root of a running stack: assembly, control socket, loop.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinHandle;

use super::exit::Exit;
use super::failure::{Failure, Result, is_denied};
use super::output::Output;
use super::stack::{self, Stack};
use crate::control::{server, socket};
use crate::engine::{Command, Phase};
use crate::platform::reaper;
use crate::supervisor::handle::{SupervisorHandle, View, pair};
use crate::supervisor::layout::Layout;
use crate::supervisor::output::Subscription;
use crate::supervisor::{
    AssembleError, Assembly, BuildPolicy, Ended, Image, Logs, Options, OsSignal, Signals, Supervisor, assemble,
    look_for_stale, tail, usage, view,
};

/// Threads for what blocks: preparations, starts, writes of the state. Idle ones end by themselves.
const BLOCKING_THREADS: usize = 16;
const BLOCKING_KEEP_ALIVE: Duration = Duration::from_secs(2);

/// Ends of children that are taken note of before the loop has its turn: reaping is short, what follows from an end is not.
const REAPED_AT_ONCE: u32 = 1024;

/// Lines of output that may wait for the screen of a foreground `up`.
const SCREEN_LINES: usize = 4096;

/// Turns of the runtime after the end, in which the last answers leave through the control socket.
const LAST_TURNS: usize = 64;

/// What `up` asks of the supervisor.
#[derive(Debug, Clone)]
pub struct Launch {
    pub services: Vec<String>,
    pub offline: bool,
    pub build: BuildPolicy,
    /// The terminal's closing stops the stack; otherwise SIGHUP means reload.
    pub foreground: bool,
}

/// Runs the stack in this process until it has been shut down. `watch` is called once, as soon as there is something to
/// see.
pub fn supervise(
    stack: Stack,
    launch: &Launch,
    output: Output,
    watch: impl FnOnce(SupervisorHandle, Subscription),
) -> Result<Ended> {
    crate::platform::memory::frugal();
    if let Err(error) = crate::platform::descriptors::raise() {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .event_interval(REAPED_AT_ONCE)
        .thread_keep_alive(BLOCKING_KEEP_ALIVE)
        .build()
        .context("cannot set up the event loop")?;
    let ended = runtime.block_on(run(stack, launch, output, watch));
    // Whatever still blocks then is a disk that hangs; waiting for it would make us hang, too.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ended
}

async fn run(
    stack: Stack,
    launch: &Launch,
    output: Output,
    watch: impl FnOnce(SupervisorHandle, Subscription),
) -> Result<Ended> {
    let systemd = crate::platform::notify::Systemd::from_environment();
    // Under a service manager there is no terminal that could close: there a hangup asks for a reload.
    let terminal = launch.foreground && !systemd.is_there();
    let mut signals = Signals::new(terminal, systemd.watchdog_period()).context("cannot listen to signals")?;
    let (own, sources) = (std::env::current_exe().ok().and_then(|path| Image::of(&path)), stack.sources.clone());
    let assembly = tokio::select! {
        assembly = put_together(stack, launch, output) => assembly?,
        signal = stopped(&mut signals) => return Ok(Ended { signal: Some(signal), left: Vec::new() }),
    };
    let services = launch
        .services
        .iter()
        .filter_map(|name| assembly.stack.by_name(name).map(|service| service.id))
        .collect::<Vec<_>>();
    let engine = Supervisor::engine(&assembly, seed());
    let lines = Arc::clone(&assembly);
    let (handle, end) = pair(
        view(&assembly, &engine, crate::engine::Tick(0)),
        Arc::new(move |service: &str, count| tail(&lines, service, count)),
    );
    let measured = Arc::clone(&assembly);
    let handle = handle.measured_by(Arc::new(move |view: &View| usage::measure(&measured, view)));
    let looked_at = Arc::clone(&assembly);
    let handle =
        handle.looked_at_by(Arc::new(move |view: &View| look_for_stale(&looked_at, own.as_ref(), &sources, view)));
    let handle = handle.with_logs(Arc::new(Logs::new(Arc::clone(&assembly))));
    let bound = socket::bind(assembly.layout.data_dir()).map_err(anyhow::Error::new)?;
    let server = tokio::spawn(server::serve(bound, handle.clone(), server::Limits::default()));
    let for_services = serve_services(&assembly, &handle)?;
    let announcer = tokio::spawn(announce(handle.clone(), Arc::clone(&assembly)));
    watch(handle.clone(), assembly.logs.subscribe(SCREEN_LINES));
    let start = handle.clone();
    tokio::spawn(async move {
        // Refused only when a shutdown was faster.
        let _ = start.request(Command::Start { services }).await;
    });
    let ended = Supervisor::new(assembly, engine, end).run(signals).await;
    for _ in 0..LAST_TURNS {
        tokio::task::yield_now().await;
    }
    announcer.abort();
    for server in std::iter::once(server).chain(for_services) {
        server.abort();
        // Its socket goes with it.
        let _ = server.await;
    }
    Ok(ended)
}

/// The control API for services, if any was granted it.
fn serve_services(assembly: &Assembly, handle: &SupervisorHandle) -> Result<Option<JoinHandle<Infallible>>> {
    if assembly.stack.services.iter().all(|service| service.control.is_none()) {
        return Ok(None);
    }
    let bound = socket::bind_services(&assembly.facts.control).map_err(anyhow::Error::new)?;
    Ok(Some(tokio::spawn(server::serve_services(bound, handle.clone(), server::Limits::default()))))
}

async fn put_together(stack: Stack, launch: &Launch, output: Output) -> Result<Arc<Assembly>> {
    let environment: BTreeMap<String, String> = stack::environment();
    let layout = Layout::new(&stack.data_dir);
    let options = Options {
        parts: stack::parts_env(&layout, launch.offline, output)?,
        reeve: std::env::current_exe().context("cannot tell where reeve itself lies")?,
        environment,
        control: socket::services_place(&layout.services_socket()),
        build: launch.build,
        given: stack.env,
    };
    let say = |line: &str| output.say(line);
    match assemble(stack.spec, layout, options, &say).await {
        Ok(assembly) => Ok(Arc::new(assembly)),
        Err(error) => Err(cannot_start(error)),
    }
}

/// What each refusal means for the exit code.
pub fn cannot_start(error: AssembleError) -> Failure {
    let exit = match &error {
        AssembleError::AlreadyRunning { .. } | AssembleError::PortsTaken(_) => Exit::Conflict,
        AssembleError::Account(_) => Exit::Refused,
        _ if is_denied(&error) => Exit::Refused,
        _ => Exit::Failed,
    };
    let hint = error.hint();
    let failure = Failure::new(exit, error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Until the loop runs, a signal that stops simply ends us: nothing has been started.
async fn stopped(signals: &mut Signals) -> i32 {
    loop {
        match signals.next().await {
            OsSignal::Stop(signal) => return signal,
            OsSignal::ChildExited => {
                reaper::reap_orphans();
            }
            OsSignal::Reload | OsSignal::ReopenLogs | OsSignal::Watchdog => {}
        }
    }
}

/// Tells systemd when the stack is up, and how it fares.
async fn announce(mut handle: SupervisorHandle, assembly: Arc<Assembly>) {
    let mut ready = false;
    let mut told = String::new();
    loop {
        let view = handle.snapshot();
        let status = status(&view);
        if status != told {
            assembly.systemd.status(&status);
            told = status;
        }
        if !ready && is_up(&view) {
            ready = true;
            assembly.systemd.ready();
        }
        if view.snapshot.shutting_down {
            return assembly.systemd.stopping();
        }
        if handle.changed().await.is_err() {
            return;
        }
    }
}

fn wanted(view: &View) -> impl Iterator<Item = &crate::engine::ServiceSnapshot> {
    view.snapshot.services.iter().filter(|service| service.desired == crate::engine::Desired::Running)
}

/// Nothing that is wanted is still on its way. What has failed does not hold up the boot: `reeve ps` tells it.
fn is_up(view: &View) -> bool {
    wanted(view).next().is_some()
        && wanted(view).all(|service| {
            matches!(service.phase, Phase::Ready | Phase::Completed | Phase::Failed | Phase::Skipped | Phase::Stuck)
        })
}

fn status(view: &View) -> String {
    let all = wanted(view).count();
    let good = wanted(view).filter(|service| matches!(service.phase, Phase::Ready | Phase::Completed)).count();
    format!("{good} of {all} services ready")
}

/// Spreads probes and jitters delays; nothing that must be guessed by nobody hangs on it.
fn seed() -> u64 {
    let mut bytes = [0; 8];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u64::from_ne_bytes(bytes),
        Err(_) => u64::from(std::process::id()),
    }
}
