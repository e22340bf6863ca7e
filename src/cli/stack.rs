//! From the place of a stack to the stack: reads its file with everything it depends on, and hands it to the supervisor.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::args::Global;
use super::exit::Exit;
use super::failure::{Failure, Result, is_denied};
use super::output::Output;
use super::place::Place;
use super::progress::Bars;
use crate::parts::{self, PartsEnv, PartsLock};
use crate::spec::{self, Expanded, Inputs, Merged, PartSpec, Problems, StackSpec};
use crate::supervisor::journal::State;
use crate::supervisor::layout::Layout;
use crate::supervisor::{Sources, select, volume_paths};

/// A loaded stack and where it lies.
#[derive(Debug)]
pub struct Stack {
    pub file: PathBuf,
    pub data_dir: PathBuf,
    pub spec: StackSpec,
    /// reeve's environment over `.env`.
    pub env: BTreeMap<String, String>,
    /// The files that it was read from.
    pub sources: Sources,
    merged: Merged,
}

/// Everything that was wrong, drawn.
#[derive(Debug)]
pub struct Broken {
    pub file: PathBuf,
    pub problems: Problems,
}

/// Reads the stack; its warnings are said, its errors are the failure.
pub fn open_stack(global: &Global, output: Output) -> Result<Stack> {
    let place = Place::find(global)?;
    let (state, _told_at_the_start) = State::read(&Layout::new(&place.data_dir).state());
    open(global, output, &place, &state.auto_ports)
}

/// The same for `up`, which chooses the automatic ports itself.
pub fn open_stack_to_run(global: &Global, output: Output) -> Result<Stack> {
    open(global, output, &Place::find(global)?, &BTreeMap::new())
}

fn open(global: &Global, output: Output, place: &Place, auto_ports: &BTreeMap<String, u16>) -> Result<Stack> {
    said(read_stack(global, place, auto_ports)?, output)
}

/// Says the warnings; the errors are the failure.
pub fn said(read: Read, output: Output) -> Result<Stack> {
    match read {
        Ok((stack, warnings)) => {
            for warning in warnings {
                output.say(&format!("warning: {warning}"));
            }
            Ok(stack)
        }
        Err(broken) => {
            output.warn(broken.problems.render(output.stderr_color()).trim_end());
            let message = format!("{} is invalid", broken.file.display());
            Err(Failure::message(Exit::ConfigInvalid, message))
        }
    }
}

pub type Read = std::result::Result<(Stack, Vec<spec::Problem>), Broken>;

/// The outer result: the file cannot even be read.
pub fn read_stack(global: &Global, place: &Place, auto_ports: &BTreeMap<String, u16>) -> Result<Read> {
    read_stack_in(global, place, auto_ports, &environment())
}

/// The same in an environment that may be another's.
pub fn read_stack_in(
    global: &Global,
    place: &Place,
    auto_ports: &BTreeMap<String, u16>,
    env: &BTreeMap<String, String>,
) -> Result<Read> {
    let file = place.file()?.to_owned();
    let text = std::fs::read(&file).map_err(|error| {
        let exit = if is_denied(&error) { Exit::Refused } else { Exit::ConfigInvalid };
        Failure::new(exit, anyhow::Error::new(error).context(format!("cannot read {}", file.display())))
    })?;
    let sources = RefCell::new(Sources::default());
    sources.borrow_mut().note(&file, &Ok(text.clone()));
    let read = |path: &std::path::Path| {
        let read = std::fs::read(path);
        sources.borrow_mut().note(path, &read);
        read
    };
    let mut inputs = Inputs::new(file.clone(), &text, env, &read);
    let beside = global.mode.is_none().then(|| mode_beside(&file)).flatten();
    inputs.mode = global.mode.as_deref().or(beside.as_deref());
    inputs.auto_ports = auto_ports;
    inputs.port_offset = global.port_offset.unwrap_or(0);
    let loaded = spec::load(&inputs);
    let sources = sources.take();
    Ok(match loaded {
        Ok(loaded) => {
            let data_dir = place.data_dir.clone();
            let mut spec = loaded.stack;
            for part in spec.parts.values_mut() {
                if let Some(path) = env.get(&crate::settings::part(&part.name)) {
                    part.path = Some(PathBuf::from(path));
                }
            }
            let stack = Stack { file, data_dir, spec, env: loaded.env, sources, merged: loaded.merged };
            Ok((stack, loaded.warnings))
        }
        Err(problems) => Err(Broken { file, problems }),
    })
}

/// `REEVE_MODE` of the `.env` beside the file. What is wrong with that file is told when it is read as a whole.
fn mode_beside(file: &std::path::Path) -> Option<String> {
    let text = std::fs::read_to_string(file.with_file_name(".env")).ok()?;
    let (entries, _) = spec::env_file::parse(&text);
    let mode = entries.into_iter().rfind(|entry| entry.name == crate::settings::MODE.name)?;
    Some(mode.value).filter(|mode| !mode.is_empty())
}

impl Stack {
    /// The merged file with the origin of every value.
    pub fn expanded(&self) -> Expanded {
        self.merged.expanded(&self.spec)
    }

    /// Refuses names that the stack does not have.
    pub fn check_names(&self, names: &[String]) -> Result<()> {
        let known = self.spec.services.iter().map(|service| service.name.as_str());
        for name in names {
            if !known.clone().any(|known| known == name) {
                let failure = Failure::message(Exit::UnknownService, format!("no service {name:?} in this stack"));
                return Err(match spec::error::suggest(name, known) {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                });
            }
        }
        Ok(())
    }
}

/// reeve's own environment. Names and values that are no Unicode cannot be referred to, and are left out.
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// A part of the stack: where it lies, or why it cannot be had.
#[derive(Debug, Clone)]
pub struct PartState {
    pub name: String,
    pub version: String,
    pub place: std::result::Result<PathBuf, Missing>,
}

/// Why a part cannot be had, and what a person can do.
#[derive(Debug, Clone)]
pub struct Missing {
    pub why: String,
    pub hint: Option<String>,
    /// It was only not looked for elsewhere.
    pub may_be_fetched: bool,
}

/// Where parts are kept and may come from.
pub fn parts_env(layout: &Layout, offline: bool, output: Output) -> Result<PartsEnv> {
    let cache = match crate::settings::PARTS_DIR.get() {
        Some(dir) => PathBuf::from(dir),
        None => parts::default_cache(crate::platform::account::is_root(), |name| std::env::var(name).ok())
            .ok_or_else(|| Failure::message(Exit::Failed, "no place to keep parts in: HOME is not set"))?,
    };
    let offline = offline || crate::settings::OFFLINE.get().is_some_and(|value| value == "1");
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    let mut env = PartsEnv::new(cache, path, Arc::new(Bars::new(output)));
    env.offline = offline;
    let lock = PartsLock::load(&layout.parts_lock()).map_err(anyhow::Error::new)?;
    env.lock = Some(Arc::new(lock));
    Ok(env)
}

/// Brings what `up` will need, with its progress to see, before anything goes to the background.
pub fn bring_parts(stack: &Stack, offline: bool, output: Output) -> Result<()> {
    let layout = Layout::new(&stack.data_dir);
    let env = parts_env(&layout, offline, output)?;
    let mut spec = stack.spec.clone();
    let volumes = volume_paths(&spec, &layout);
    // What cannot be had is told by the copy, where it also decides.
    super::block_on(async { Ok(select(&mut spec, &volumes, &env, &|_| {}).await) })?;
    Ok(())
}

/// Finds every part, and unless `offline` fetches what is missing.
/// `only` empty: all of them.
pub fn find_parts(stack: &Stack, only: &[String], offline: bool, output: Output) -> Result<Vec<PartState>> {
    let env = parts_env(&Layout::new(&stack.data_dir), offline, output)?;
    let wanted = stack.spec.parts.values().filter(|part| only.is_empty() || only.contains(&part.name));
    let found = super::block_on(async { Ok(parts::install_all(wanted, &env).await) })?;
    let state = |(spec, found): (&PartSpec, std::result::Result<parts::Resolved, parts::PartError>)| PartState {
        name: spec.name.clone(),
        version: found.as_ref().map_or_else(|_| spec.version.clone(), |found| found.version.clone()),
        place: found.map(|found| found.dir).map_err(|error| Missing {
            why: crate::telemetry::chain(&error),
            hint: error.hint(),
            may_be_fetched: matches!(error, parts::PartError::Offline { .. }),
        }),
    };
    Ok(found.into_iter().map(state).collect())
}
