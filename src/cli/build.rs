//! `reeve build`: what services are built from, built where it has changed. Starts and stops nothing.

use std::io::stderr;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::Context;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::args::{Build, Global};
use super::exit::Exit;
use super::failure::{Failure, Result};
use super::known::Known;
use super::output::Output;
use super::stack::find_parts;
use crate::bootstrap::Work;
use crate::engine::Exit as ProcessExit;
use crate::platform::{Containment, ExitStatus, SpawnPlan, Tree, reaper};
use crate::spec::ServiceSpec;
use crate::supervisor::layout::Layout;
use crate::supervisor::{
    BuildOutcome, Builder, Made, Order, ServiceFacts, Workshop, find_program, make_directories, stack_key,
};

/// As the supervisor builds: for others to read.
const UMASK: u32 = 0o022;

pub fn run(args: &Build, global: &Global, output: Output) -> Result {
    let known = Known::open(global, output)?;
    known.stack.check_names(&args.services)?;
    let services = known.stack.spec.services.iter();
    let chosen: Vec<ServiceSpec> = services
        .filter(|service| !service.builds.is_empty())
        .filter(|service| args.services.is_empty() || args.services.contains(&service.name))
        .cloned()
        .collect();
    if let Some(name) = args.services.iter().find(|name| !chosen.iter().any(|service| service.name == **name)) {
        return Err(Failure::message(Exit::Failed, format!("{name} has no build"))
            .hint("[services.NAME.build] in services.toml gives it one"));
    }
    if chosen.is_empty() {
        output.say("no service of this stack has a build");
        return Ok(Exit::Done);
    }
    let parts: Vec<String> = chosen.iter().flat_map(|service| service.parts.clone()).collect();
    if !parts.is_empty() {
        // What cannot be had is told by the build that needs it.
        find_parts(&known.stack, &parts, args.offline, output)?;
    }
    let known = known.with_parts(output)?;
    let layout = Layout::new(&known.stack.data_dir);
    make_directories(&layout).map_err(anyhow::Error::new)?;
    super::block_on(all(&known, &chosen, &layout, args.force, output))
}

async fn all(known: &Known, chosen: &[ServiceSpec], layout: &Layout, force: bool, output: Output) -> Result {
    // Whoever a command leaves behind is ours to end.
    if let Err(error) = reaper::become_subreaper() {
        tracing::warn!(%error, "what a build leaves behind may escape");
    }
    let terminal = Terminal::new(layout, output);
    for service in chosen {
        let run_dir = layout.service(&service.name);
        let facts = ServiceFacts { stack: &known.facts, service, run_dir: &run_dir };
        let builder = Builder { facts, environment: &known.environment, force, workshop: &terminal };
        let done = builder.build().await;
        if terminal.interrupted.load(Ordering::Relaxed) {
            return Ok(Exit::Interrupted);
        }
        let done = done.map_err(|failure| {
            Failure::message(Exit::Failed, failure.message)
                .hint("what it wrote stands above; once it is right, type reeve build again")
        })?;
        for outcome in done {
            match outcome {
                BuildOutcome::Built { .. } => {}
                BuildOutcome::Fresh { name } => output.say(&format!("{}: {name} is up to date", service.name)),
                BuildOutcome::Absent { name, missing } => {
                    output.say(&format!("{}: nothing to build {name} from, {missing} is not there", service.name));
                }
            }
        }
    }
    if known.running.is_some() {
        output.say("what runs goes on as it is; reeve restart SERVICE takes what is new");
    }
    Ok(Exit::Done)
}

/// Commands write onto the terminal as they are.
struct Terminal {
    containment: Containment,
    commands: AtomicU64,
    interrupted: AtomicBool,
    output: Output,
}

impl Terminal {
    /// Under a name of its own: the stack may be running.
    fn new(layout: &Layout, output: Output) -> Self {
        let key = format!("{}/build/{}", stack_key(layout), std::process::id());
        let containment = Containment::detect(&key);
        Self { containment, commands: AtomicU64::new(1), interrupted: AtomicBool::new(false), output }
    }

    async fn run_one(&self, order: Order) -> anyhow::Result<Made> {
        let cwd = order.line.cwd.clone().unwrap_or_else(|| "/".into());
        let program = find_program(&order.line.program, &order.line.env, &cwd)
            .map_err(|failure| anyhow::anyhow!("{}", failure.message))?;
        let mut stops = [listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?];
        let tree = self.containment.tree("build", self.commands.fetch_add(1, Ordering::Relaxed))?;
        let mut plan = SpawnPlan::new(program);
        plan.argv = std::iter::once(&order.line.program).chain(&order.line.args).map(Into::into).collect();
        let (marker, value) = tree.environment();
        let env = order.line.env.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        plan.env = env.chain([(marker, value)]).map(|(name, value)| (name.into(), value.into())).collect();
        plan.cwd = Some(cwd);
        // Data is nobody's business here: all of it is talk.
        plan.stdout = Some(stderr().as_fd().try_clone_to_owned().context("cannot share the terminal")?);
        plan.stderr = Some(stderr().as_fd().try_clone_to_owned().context("cannot share the terminal")?);
        plan.credentials = order.account;
        plan.umask = Some(UMASK);
        plan.cgroup = tree.placement();
        let mut child = crate::platform::spawn(&plan)?;
        tree.set_leader(child.pid, child.start_time);
        let [interrupt, terminate] = &mut stops;
        let exit = tokio::select! {
            ended = tokio::time::timeout(order.timeout, child.wait()) => match ended {
                Ok(status) => Some(match status? {
                    ExitStatus::Code(code) => ProcessExit::Code(code),
                    ExitStatus::Signal { signal, core } => ProcessExit::Signal { signal, core_dumped: core },
                }),
                Err(_) => None,
            },
            _ = interrupt.recv() => self.interrupted(),
            _ = terminate.recv() => self.interrupted(),
        };
        end(&tree).await;
        Ok(Made { exit, last: Vec::new() })
    }

    fn interrupted(&self) -> Option<ProcessExit> {
        self.interrupted.store(true, Ordering::Relaxed);
        None
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Err(error) = self.containment.close() {
            tracing::debug!(%error, "cannot give back the cgroup of a build");
        }
    }
}

impl Workshop for Terminal {
    fn say(&self, text: &str) {
        self.output.say(text);
    }

    fn run(&self, order: Order) -> Work<'_, std::result::Result<Made, String>> {
        Box::pin(async move { self.run_one(order).await.map_err(|error| format!("{error:#}")) })
    }
}

fn listen(kind: SignalKind) -> anyhow::Result<Signal> {
    signal(kind).context("cannot listen to signals")
}

/// Nothing of it is left.
async fn end(tree: &Tree) {
    let ended = async {
        if !tree.is_empty()? {
            tree.kill()?;
            tree.wait_empty().await?;
        }
        tree.remove()
    };
    if let Err(error) = ended.await {
        tracing::warn!(%error, "cannot clear what a build left");
    }
}
