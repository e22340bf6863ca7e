//! The stack as it runs, or as it would: for commands that show what reeve knows without asking it for a secret.
//!
//! Where a reeve runs, its mode, its ports and its environment count, not ours. Nothing is made and nothing is fetched.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::Context;

use super::args::Global;
use super::failure::Result;
use super::output::Output;
use super::place::Place;
use super::stack::{Stack, environment, parts_env, read_stack_in, said};
use crate::control::client::{Client, ClientError};
use crate::control::{socket, wire};
use crate::supervisor::journal::State;
use crate::supervisor::layout::Layout;
use crate::supervisor::{StackFacts, select, volume_paths};
use crate::volumes::Secrets;

/// The stack with its facts.
#[derive(Debug)]
pub struct Known {
    pub stack: Stack,
    pub facts: StackFacts,
    /// reeve's own environment: of the one that runs, if one does.
    pub environment: BTreeMap<String, String>,
    pub running: Option<wire::Stack>,
}

impl Known {
    pub fn open(global: &Global, output: Output) -> Result<Self> {
        let place = Place::find(global)?;
        let running = running(&place)?;
        let environment = running.as_ref().and_then(|stack| environment_of(stack.pid)).unwrap_or_else(environment);
        let mut global = global.clone();
        if let Some(running) = &running {
            global.mode = Some(running.mode.clone());
        }
        let layout = Layout::new(&place.data_dir);
        let (state, _told_at_the_start) = State::read(&layout.state());
        let stack = said(read_stack_in(&global, &place, &state.auto_ports, &environment)?, output)?;
        let facts = StackFacts {
            name: stack.spec.name.clone(),
            mode: stack.spec.mode.clone(),
            dir: stack.spec.dir.clone(),
            data_dir: stack.data_dir.clone(),
            control: socket::services_place(&layout.services_socket()),
            reeve: std::env::current_exe().context("cannot tell where reeve itself lies")?,
            ports: ports(&stack, running.as_ref()),
            volumes: volume_paths(&stack.spec, &layout),
            parts: BTreeMap::new(),
            secrets: secrets(&stack, &layout)?,
        };
        Ok(Self { stack, facts, environment, running })
    }

    /// Also looks for the parts on this machine, and settles which alternative each service is.
    pub fn with_parts(mut self, output: Output) -> Result<Self> {
        let layout = Layout::new(&self.stack.data_dir);
        let env = parts_env(&layout, true, output)?;
        let (spec, volumes) = (&mut self.stack.spec, &self.facts.volumes);
        let selection = super::block_on(async { Ok(select(spec, volumes, &env, &|_| {}).await) })?;
        self.facts.parts = selection.parts;
        Ok(self)
    }

    pub fn running(&self, service: &str) -> Option<&wire::Service> {
        self.running.as_ref()?.services.iter().find(|running| running.name == service)
    }
}

fn running(place: &Place) -> Result<Option<wire::Stack>> {
    match Client::connect(&place.data_dir) {
        Ok(client) => Ok(Some(super::block_on(async { Ok(client.stack().await?) })?)),
        Err(ClientError::NoDaemon { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What a process of ours was started with.
fn environment_of(pid: u32) -> Option<BTreeMap<String, String>> {
    let bytes = std::fs::read(format!("/proc/{pid}/environ")).ok()?;
    let entries = bytes.split(|byte| *byte == 0).filter_map(|entry| std::str::from_utf8(entry).ok()?.split_once('='));
    Some(entries.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

fn ports(stack: &Stack, running: Option<&wire::Stack>) -> BTreeMap<String, Vec<(String, SocketAddr)>> {
    let mut all = BTreeMap::new();
    for service in &stack.spec.services {
        let live = running.and_then(|stack| stack.services.iter().find(|live| live.name == service.name));
        let address = |port: &crate::spec::PortSpec| match live.and_then(|live| live.ports.get(&port.name)) {
            Some(address) => Some((port.name.clone(), *address)),
            None => Some((port.name.clone(), SocketAddr::new(port.host, port.number?))),
        };
        all.insert(service.name.clone(), service.ports.iter().filter_map(address).collect());
    }
    all
}

/// Those that are there. The first `up` makes the others; until then a text with one of them in it cannot be told.
fn secrets(stack: &Stack, layout: &Layout) -> Result<Secrets> {
    let path = layout.secrets();
    if !path.try_exists().with_context(|| format!("cannot look at {}", path.display()))? {
        return Ok(Secrets::default());
    }
    let (secrets, warnings) = Secrets::read(&path, stack.spec.secrets.values(), |name| stack.env.get(name).cloned())?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    Ok(secrets)
}
