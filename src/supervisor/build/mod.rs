//! Builds of services: what a service is made from is compared with what it was made from last, and built anew when the
//! two differ.
//!
//! Owns the comparison ([`inputs`]), its memory ([`record`]) and the run of the commands, each in a tree of its own through
//! a [`Workshop`]: the supervisor's writes into the service's log, the command line's onto the terminal. A build that has
//! failed is never taken for one that is done: its record is removed before it begins. Never starts or stops a service.

mod inputs;
mod record;
mod workshop;

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use nix::unistd::{Uid, User};

use super::assembly::lock;
use super::environment::builder_environment;
use super::facts::ServiceFacts;
use super::prepare::{blocking, render, render_all, transient};
use crate::bootstrap::{CommandLine, Work};
use crate::engine::{Exit, Failure, FailureKind};
use crate::platform::lock::{Lock, LockError};
use crate::platform::{Credentials, account};
use crate::spec::{BuildSpec, PathSet, ServiceId, Template};

use record::Record;

pub use inputs::{InputsError, fingerprint, listed};
pub use workshop::Logged;

/// Where it is remembered what was built, beside `services.toml`: what is made lies there, too, and belongs to every stack
/// over that file, whichever data directory it has.
const HOME: &str = ".reeve/builds";

/// When a service is built before its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Policy {
    /// What it is made from has changed, or what is made is missing.
    #[default]
    Changed,
    /// Once in the life of this reeve, whatever has changed; then as above.
    Always,
    Never,
}

/// What a stack that runs knows of its builds.
#[derive(Debug, Default)]
pub struct Builds {
    policy: Policy,
    /// Built on demand already.
    forced: Mutex<BTreeSet<ServiceId>>,
    /// What is to be said of a service's builds at the moment.
    told: Mutex<BTreeMap<ServiceId, String>>,
}

impl Builds {
    pub fn new(policy: Policy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// `None`: the service is not to be built.
    pub fn force(&self, service: ServiceId) -> Option<bool> {
        match self.policy {
            Policy::Never => None,
            Policy::Changed => Some(false),
            Policy::Always => Some(!lock(&self.forced).contains(&service)),
        }
    }

    pub fn is_built(&self, service: ServiceId) {
        lock(&self.forced).insert(service);
    }

    pub fn tell(&self, service: ServiceId, text: Option<String>) {
        let mut told = lock(&self.told);
        match text {
            Some(text) => drop(told.insert(service, text)),
            None => drop(told.remove(&service)),
        }
    }

    pub fn told(&self, service: ServiceId) -> Option<String> {
        lock(&self.told).get(&service).cloned()
    }
}

/// A command to run, and for how long at most.
#[derive(Debug)]
pub struct Order {
    pub line: CommandLine,
    /// `None`: reeve's own account.
    pub account: Option<Credentials>,
    pub timeout: Duration,
}

/// How a command ended.
#[derive(Debug)]
pub struct Made {
    /// `None`: killed when its time was over.
    pub exit: Option<Exit>,
    /// The end of what it wrote, where that is not on the screen already.
    pub last: Vec<String>,
}

/// Where commands are run, and who hears what is done. Dropping the work kills the command's whole tree.
pub trait Workshop: Send + Sync {
    /// A line for people.
    fn say(&self, text: &str);
    fn run(&self, order: Order) -> Work<'_, Result<Made, String>>;
}

/// What came of one build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Built {
        name: String,
        took: Duration,
    },
    /// As it was.
    Fresh {
        name: String,
    },
    /// There is nothing to build it from: this path is missing.
    Absent {
        name: String,
        missing: String,
    },
}

/// Builds one service.
pub struct Builder<'a> {
    pub facts: ServiceFacts<'a>,
    /// reeve's own environment.
    pub environment: &'a BTreeMap<String, String>,
    /// Also what has not changed.
    pub force: bool,
    pub workshop: &'a dyn Workshop,
}

impl std::fmt::Debug for Builder<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Builder").field("service", &self.facts.service.name).finish_non_exhaustive()
    }
}

/// A build with its texts filled in.
struct Plan<'a> {
    spec: &'a BuildSpec,
    order: Order,
    /// What it is made from and how, as one text.
    fingerprint: String,
}

impl Builder<'_> {
    /// Every build of the service that is due, in order, and one at a time, whatever stack it is for.
    pub async fn build(&self) -> Result<Vec<Outcome>, Failure> {
        let service = self.facts.service;
        let absent = |spec: &BuildSpec| {
            let missing = spec.if_exists.as_ref().filter(|path| !self.at(path).exists())?;
            Some(Outcome::Absent { name: spec.name.clone(), missing: missing.clone() })
        };
        // Where nothing is built, nothing is left behind.
        if let Some(absent) = service.builds.iter().map(absent).collect() {
            return Ok(absent);
        }
        let (dir, name) = (self.facts.stack.dir.join(HOME), service.name.clone());
        let path = dir.join(format!("{name}.json"));
        let _lock = blocking(move || hold(&dir, &name)).await??;
        let place = path.clone();
        let mut record = blocking(move || Record::read(&place)).await?;
        let mut done = Vec::new();
        for spec in &service.builds {
            if let Some(absent) = absent(spec) {
                done.push(absent);
                continue;
            }
            let plan = self.plan(spec).await?;
            let Some(why) = self.due(&plan, &record) else {
                done.push(Outcome::Fresh { name: spec.name.clone() });
                continue;
            };
            record.forget(&spec.name);
            record = kept(record, &path).await?;
            let began = std::time::Instant::now();
            self.workshop.say(&format!("building {} ({why})", spec.name));
            let made = self.workshop.run(plan.order).await;
            self.judge(spec, made)?;
            record.remember(&spec.name, plan.fingerprint);
            record = kept(record, &path).await?;
            let took = began.elapsed();
            self.workshop.say(&format!("built {} in {}", spec.name, super::why::span(took)));
            done.push(Outcome::Built { name: spec.name.clone(), took });
        }
        Ok(done)
    }

    /// One command beside `services.toml`, as a watch has it.
    pub async fn run(&self, command: &[Template], timeout: Duration) -> Result<(), Failure> {
        let dir = self.facts.stack.dir.clone();
        let command = render_all(command, &self.facts)?;
        let shown = command.join(" ");
        let order = self.order(command, BTreeMap::new(), dir, timeout)?;
        self.workshop.say(&format!("building: {shown}"));
        let made = self.workshop.run(order).await;
        self.ended(&format!("`{shown}`"), timeout, made)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.facts.stack.dir.join(path)
    }

    async fn plan<'s>(&self, spec: &'s BuildSpec) -> Result<Plan<'s>, Failure> {
        let facts = &self.facts;
        let command = render_all(&spec.command, facts)?;
        let dir = match &spec.cwd {
            Some(cwd) => facts.stack.dir.join(render(cwd, facts)?),
            None => facts.stack.dir.clone(),
        };
        let mut env = BTreeMap::new();
        for (name, template) in &spec.env {
            env.insert(name.clone(), render(template, facts)?);
        }
        let mut how: Vec<String> = command.clone();
        how.push(dir.to_string_lossy().into_owned());
        // Where programs are looked for differs from shell to shell, and nothing is made of it.
        how.extend(env.iter().filter(|(name, _)| *name != "PATH").map(|(name, value)| format!("{name}={value}")));
        let fingerprint = of_inputs(&facts.stack.dir, &spec.inputs, how).await.map_err(|error| Failure {
            kind: FailureKind::Permanent,
            message: format!("cannot compare what {} is built from: {}", spec.name, crate::telemetry::chain(&error)),
            hint: Some(error.hint()),
        })?;
        Ok(Plan { spec, order: self.order(command, env, dir, spec.timeout)?, fingerprint })
    }

    fn order(
        &self,
        command: Vec<String>,
        own: BTreeMap<String, String>,
        cwd: PathBuf,
        timeout: Duration,
    ) -> Result<Order, Failure> {
        let account = owner_of(&cwd)?;
        let mut env = builder_environment(self.facts.service, self.environment, account.as_ref());
        env.extend(own);
        let mut words = command.into_iter();
        let program = words.next().unwrap_or_default();
        let line = CommandLine { program, args: words.collect(), env, cwd: Some(cwd), stdin: None };
        Ok(Order { line, account: account.map(|account| account.credentials), timeout })
    }

    /// Why it must be built; `None`: it need not be.
    fn due(&self, plan: &Plan<'_>, record: &Record) -> Option<String> {
        let name = &plan.spec.name;
        if let Some(missing) = plan.spec.outputs.iter().find(|output| is_missing(&self.at(output))) {
            return Some(format!("{missing} is missing"));
        }
        match record.of(name) {
            None => Some("not built here yet".to_owned()),
            Some(before) if before != plan.fingerprint => Some("what it is made from has changed".to_owned()),
            Some(_) => self.force.then(|| "as asked".to_owned()),
        }
    }

    fn judge(&self, spec: &BuildSpec, made: Result<Made, String>) -> Result<(), Failure> {
        self.ended(&format!("the build {}", spec.name), spec.timeout, made)?;
        match spec.outputs.iter().find(|output| is_missing(&self.at(output))) {
            None => Ok(()),
            Some(missing) => Err(self.failed(format!(
                "the build {} of {} ended well, but {missing} is not there",
                spec.name, self.facts.service.name
            ))),
        }
    }

    fn ended(&self, what: &str, timeout: Duration, made: Result<Made, String>) -> Result<(), Failure> {
        let name = &self.facts.service.name;
        match made {
            Err(error) => Err(self.failed(format!("{what} of {name} cannot be run: {error}"))),
            Ok(Made { exit: Some(Exit::Code(0)), .. }) => Ok(()),
            Ok(Made { exit, last }) => {
                let how = match exit {
                    Some(exit) => exit.to_string(),
                    None => format!("killed after {}", super::why::span(timeout)),
                };
                let mut message = format!("{what} of {name} failed ({how})");
                if !last.is_empty() {
                    message.push_str(":\n  ");
                    message.push_str(&last.join("\n  "));
                }
                Err(self.failed(message))
            }
        }
    }

    /// Trying again by itself would take minutes and end the same way.
    fn failed(&self, message: String) -> Failure {
        let name = &self.facts.service.name;
        Failure {
            kind: FailureKind::Permanent,
            message: self.facts.stack.secrets.redact(&message),
            hint: Some(format!(
                "`reeve build {name}` shows all of its output; once it is right, `reeve restart {name}`"
            )),
        }
    }
}

/// What these files hold, and how they are used, as one text.
pub async fn of_inputs(dir: &Path, inputs: &PathSet, how: Vec<String>) -> Result<String, InputsError> {
    let (dir, inputs) = (dir.to_owned(), inputs.clone());
    match tokio::task::spawn_blocking(move || fingerprint(&dir, &inputs, &how)).await {
        Ok(done) => done,
        Err(error) => Err(InputsError::Interrupted(error)),
    }
}

/// The record, once it is on disk.
async fn kept(mut record: Record, path: &Path) -> Result<Record, Failure> {
    let path = path.to_owned();
    blocking(move || record.write(&path).map(|()| record).map_err(|error| unwritable(&path, &error))).await?
}

/// Not there, or a directory with nothing in it.
fn is_missing(path: &Path) -> bool {
    match std::fs::read_dir(path) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => !path.exists(),
    }
}

/// The account a build runs as when reeve is root: whoever owns the directory, so that what it writes is theirs.
fn owner_of(dir: &Path) -> Result<Option<super::accounts::Account>, Failure> {
    if !account::is_root() {
        return Ok(None);
    }
    let metadata = std::fs::metadata(dir).map_err(|error| Failure {
        kind: FailureKind::Permanent,
        message: format!("cannot build in {}: {error}", dir.display()),
        hint: Some("`cwd` of the build must exist".to_owned()),
    })?;
    if metadata.uid() == 0 {
        return Ok(None);
    }
    let named = User::from_uid(Uid::from_raw(metadata.uid())).ok().flatten();
    Ok(Some(match named {
        Some(user) => {
            let alone = Credentials { uid: metadata.uid(), gid: user.gid.as_raw(), groups: vec![user.gid.as_raw()] };
            let credentials = account::look_up(&user.name).unwrap_or(alone);
            super::accounts::Account { name: user.name, credentials, home: user.dir }
        }
        // An id without a name may own files, too.
        None => super::accounts::Account {
            name: metadata.uid().to_string(),
            credentials: Credentials { uid: metadata.uid(), gid: metadata.gid(), groups: vec![metadata.gid()] },
            home: dir.to_owned(),
        },
    }))
}

fn hold(dir: &Path, service: &str) -> Result<Lock, Failure> {
    // The upper one may become a data directory, which services pass through.
    let passage = if account::is_root() { 0o711 } else { 0o700 };
    let made = crate::volumes::disk::create_dir_all(dir.parent().unwrap_or(dir), passage)
        .and_then(|()| crate::volumes::disk::create_dir_all(dir, 0o700));
    made.map_err(|error| super::prepare::volume_failure(&error))?;
    let path = dir.join(format!("{service}.lock"));
    Lock::acquire(&path).map_err(|error| match error {
        LockError::Held { holder, .. } => {
            let holder = holder.map_or_else(String::new, |pid| format!(" by process {pid}"));
            transient(&format!("{service} is being built{holder} already"))
        }
        LockError::Io { path, source } => unwritable(&path, &source),
    })
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure { kind: FailureKind::Lasting, message: format!("cannot write {}: {error}", path.display()), hint: None }
}
