//! Scripts as processes of Node.js: the engine that published scripts are written for.
//!
//! Everything the process needs arrives on its standard input, so that neither its arguments nor files show a script or
//! its configuration. The modules we bring stand in for those that are not installed where the tasks live.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use super::environment::environment;
use super::process::{Command, start};
use super::{Limits, Report, Script};
use crate::governify::infrastructure::Infrastructure;
use crate::platform::limits as tree_limits;
use crate::platform::{Containment, Credentials, identity};

/// Reads the input and hands over to the bootstrap that is part of it.
const LOADER: &str =
    "const i=JSON.parse(require('fs').readFileSync(0,'utf8'));new Function('require','input',i.bootstrap)(require,i)";
const BOOTSTRAP: &str = include_str!("bootstrap.js");
const AXIOS: &str = include_str!("axios.js");
const COMMONS: &str = include_str!("commons.js");

/// Where the processes run and what they see.
#[derive(Debug)]
pub struct NodeSetup {
    pub program: PathBuf,
    pub directory: PathBuf,
    /// Names of variables that scripts see besides the usual ones.
    pub listed: Vec<String>,
    /// The account of the processes, when we may choose it.
    pub credentials: Option<Credentials>,
    /// The folder of tasks: names the place of the processes of this director, also after a crash.
    pub key: String,
    /// For the commons stand-in.
    pub infrastructure: Infrastructure,
}

#[derive(Debug)]
pub struct NodeRunner {
    setup: NodeSetup,
    environment: Vec<(OsString, OsString)>,
    containment: Arc<Containment>,
    /// Of this process, unlike those of others that use the same folder.
    family: String,
    next: AtomicU64,
}

#[derive(Serialize)]
struct Input<'a> {
    bootstrap: &'static str,
    axios: &'static str,
    commons: &'static str,
    infrastructure: &'a Value,
    label: &'a str,
    script: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<&'a Value>,
}

impl NodeRunner {
    /// Finds out how processes can be held together here, and ends those that a killed director left. Blocks.
    pub fn new(setup: NodeSetup, limits: Limits) -> Self {
        let containment = Containment::detect(&setup.key);
        let environment = environment(&setup.listed, |name| std::env::var_os(name));
        let pid = std::process::id() as i32;
        let family = family(pid, identity::start_time(pid).unwrap_or(0));
        let runner = Self { setup, environment, containment: Arc::new(containment), family, next: AtomicU64::new(1) };
        runner.clear_leftovers();
        tracing::info!(
            node = %runner.setup.program.display(),
            containment = %runner.containment.rung(),
            memory_mib = limits.memory >> 20,
            "scripts run in Node.js"
        );
        runner
    }

    pub(super) fn start(&self, script: Script, limits: Limits, report: Report, stop: watch::Receiver<bool>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let containment = Arc::clone(&self.containment);
        let family = self.family.clone();
        let command = self.command(limits);
        let input = self.input(&script);
        tokio::spawn(async move {
            let tree = tokio::task::spawn_blocking(move || {
                let tree = containment.tree(&family, number)?;
                for enforcement in tree_limits::apply(&tree, &of_tree(limits)) {
                    tracing::debug!(%enforcement, "limit of a script");
                }
                Ok(tree)
            });
            let tree = tree.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
            match start(command, tree, limits).await {
                Ok(process) => process.attend(input, &script.label, limits, report, stop).await,
                Err(error) => {
                    // Whoever asked may be gone.
                    let _ = report.answer.send(Err(error));
                }
            }
        });
    }

    /// Gives the place of all processes back; it must be empty.
    pub fn close(&self) {
        if let Err(error) = self.containment.close() {
            tracing::debug!(%error, "another director still uses this folder's group");
        }
    }

    fn command(&self, limits: Limits) -> Command {
        // Half for objects, the rest for buffers, threads and the program itself.
        let heap = (limits.memory >> 21).max(16);
        let args = [format!("--max-old-space-size={heap}"), "-e".to_owned(), LOADER.to_owned()];
        Command {
            program: self.setup.program.clone(),
            args: args.map(OsString::from).to_vec(),
            environment: self.environment.clone(),
            directory: self.setup.directory.clone(),
            credentials: self.setup.credentials.clone(),
        }
    }

    fn input(&self, script: &Script) -> Vec<u8> {
        let input = Input {
            bootstrap: BOOTSTRAP,
            axios: AXIOS,
            commons: COMMONS,
            infrastructure: &self.setup.infrastructure.tree(),
            label: &script.label,
            script: &script.text,
            config: script.config.as_ref(),
        };
        // Texts and JSON values always have a text.
        serde_json::to_vec(&input).unwrap_or_default()
    }

    fn clear_leftovers(&self) {
        for (name, tree) in self.containment.leftovers() {
            let is_ours = name.rsplit_once('-').and_then(|(family, _)| living(family));
            if is_ours != Some(false) {
                continue;
            }
            tracing::warn!(group = name, "ends the scripts of a director that was killed");
            if let Err(error) = tree.kill() {
                tracing::warn!(%error, group = name, "cannot end them");
            }
        }
    }
}

fn of_tree(limits: Limits) -> tree_limits::Limits {
    tree_limits::Limits { memory_bytes: Some(limits.memory), cpu_percent: None, processes: Some(limits.processes) }
}

fn family(pid: i32, start_time: u64) -> String {
    format!("director-{pid}-{start_time}")
}

/// Whether the director that named this family still lives; `None` for names that are not of a director.
fn living(family: &str) -> Option<bool> {
    let (pid, start_time) = family.strip_prefix("director-")?.split_once('-')?;
    Some(identity::is_same(pid.parse().ok()?, start_time.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_known_by_its_director() {
        let pid = std::process::id() as i32;
        let start_time = identity::start_time(pid).unwrap();
        assert_eq!(living(&family(pid, start_time)), Some(true));
        assert_eq!(living(&family(pid, start_time + 1)), Some(false));
        assert_eq!(living("other-1-2"), None);
    }
}
