//! Everything that can be typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::control::wire::parse_signal;
use crate::supervisor::BuildPolicy;

/// Runs a whole stack of services as native processes: installed, started in order, kept running.
#[derive(Debug, Parser)]
#[command(name = "reeve", version, about, max_term_width = 100, propagate_version = true)]
pub struct Cli {
    /// Same as --file, before the command (some commands have an -f of their own)
    #[arg(short = 'f', value_hint = ValueHint::FilePath, value_name = "FILE")]
    file_first: Option<PathBuf>,
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

impl Cli {
    pub fn global(&self) -> Global {
        let mut global = self.global.clone();
        if let Some(file) = &self.file_first {
            global.file = Some(file.clone());
        }
        global
    }
}

#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The stack's file [default: services.toml here or above, then /etc/reeve/services.toml]
    #[arg(long, global = true, env = "REEVE_FILE", value_hint = ValueHint::FilePath, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Where data, logs and state are kept [default: .reeve beside the stack's file]
    #[arg(long, global = true, env = "REEVE_DATA_DIR", value_hint = ValueHint::DirPath, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// One of the stack's modes [default: its first]
    #[arg(long, global = true, env = "REEVE_MODE")]
    pub mode: Option<String>,
    /// Added to every declared port, so that several stacks live side by side
    #[arg(long, global = true, env = "REEVE_PORT_OFFSET", value_name = "N")]
    pub port_offset: Option<u16>,
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", help = "Colour in the output")]
    pub color: Color,
    /// Only data and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Say more about what reeve does; twice for everything
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Start the stack, or the named services with what they need, and keep it running
    Up(Up),
    /// Stop the whole stack in order
    Down(Down),
    /// Show the services
    Ps(Json),
    /// Show the output of services
    Logs(Logs),
    /// Start services with what they need; they stay wanted
    Start(Services),
    /// Stop services and what depends on them; they stay stopped, also after a reboot
    Stop(Services),
    /// Stop services and start them again
    Restart(Restart),
    /// Send a signal to a service's main process
    Signal(Signal),
    /// Show whether every wanted service is ready
    Status(Status),
    /// Tell the story behind a service's state
    Why(Why),
    /// Show what has happened
    Events(Events),
    /// Build what services are built from, where it has changed
    Build(Build),
    /// Check or show the stack's file, fully expanded
    Config(Config),
    /// List the built-in presets, or print one
    Presets(Presets),
    /// Fetch every part (third-party binary) that the stack needs
    Install(Install),
    /// Ask for what STATUS needs and write .env, beside services.toml (which is written if there is none)
    Init(Init),
    /// Check the machine, the parts and the state for trouble
    Doctor(Json),
    /// Show the generated credentials
    Credentials(Credentials),
    /// Tell the address of a service, and on a desktop open it; without a name that of the whole
    Open(Open),
    /// Show the environment that a service gets
    Env(Env),
    /// Write the initial data of STATUS into the running stack; what is there is left as it is
    Populate(Populate),
    /// Run one of reeve's own services in the foreground, as `reeve up` does
    Serve(Serve),
    /// Print a completion script
    Completions(Completions),
    /// Print the manual page
    Man,
}

#[derive(Debug, Clone, Args)]
pub struct Json {
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct Up {
    /// In the background; returns when everything is ready
    #[arg(long, short)]
    pub detach: bool,
    /// With --detach, wait until everything is ready (the default); in the foreground, end with 6 when it takes too long
    #[arg(long)]
    pub wait: bool,
    /// How long to wait for everything to be ready
    #[arg(long, value_parser = duration, default_value = "10m", value_name = "TIME")]
    pub timeout: Duration,
    /// Never touch the network: every part must be there
    #[arg(long, env = "REEVE_OFFLINE", value_parser = clap::builder::FalseyValueParser::new(), num_args = 0, default_missing_value = "true")]
    pub offline: bool,
    /// Build what services are built from, also where nothing has changed
    #[arg(long)]
    pub build: bool,
    /// Start with what was built last
    #[arg(long, conflicts_with = "build")]
    pub no_build: bool,
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
}

impl Up {
    pub fn policy(&self) -> BuildPolicy {
        match (self.build, self.no_build) {
            (true, _) => BuildPolicy::Always,
            (_, true) => BuildPolicy::Never,
            _ => BuildPolicy::Changed,
        }
    }
}

#[derive(Debug, Clone, Args)]
pub struct Build {
    /// Also what has not changed
    #[arg(long)]
    pub force: bool,
    /// Never touch the network for parts
    #[arg(long)]
    pub offline: bool,
    /// Only these [default: all that have a build]
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub struct Down {
    /// Also delete the volumes, with all their data
    #[arg(long)]
    pub volumes: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Kill what has not stopped after this time
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub timeout: Option<Duration>,
}

#[derive(Debug, Clone, Args)]
pub struct Logs {
    /// Go on with what comes
    #[arg(long, short)]
    pub follow: bool,
    /// Only the last N lines
    #[arg(long, short = 'n', value_name = "N")]
    pub lines: Option<usize>,
    /// Only lines since then: a time such as 2026-01-31T12:00:00Z, or a span such as 10m
    #[arg(long, value_name = "WHEN")]
    pub since: Option<String>,
    #[command(flatten)]
    pub json: Json,
    /// Without the service's name before each line
    #[arg(long)]
    pub no_prefix: bool,
    #[arg(value_name = "SERVICE")]
    pub services: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub struct Services {
    #[arg(value_name = "SERVICE", required = true)]
    pub services: Vec<String>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct Restart {
    #[arg(value_name = "SERVICE", required_unless_present = "stale")]
    pub services: Vec<String>,
    /// Those whose program was replaced since they were started, of all services or of those named
    #[arg(long)]
    pub stale: bool,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct Signal {
    pub service: String,
    /// A name such as HUP, or a number
    #[arg(value_parser = signal)]
    pub signal: String,
}

#[derive(Debug, Clone, Args)]
pub struct Status {
    /// Say nothing; the exit code is 0 only if every wanted service is ready, else 6
    #[arg(long)]
    pub check: bool,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, Clone, Args)]
pub struct Why {
    pub service: String,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, Clone, Args)]
pub struct Events {
    /// Go on with what comes
    #[arg(long, short)]
    pub follow: bool,
    #[command(flatten)]
    pub json: Json,
    /// Start at this sequence number
    #[arg(long, value_name = "N")]
    pub from: Option<u64>,
}

#[derive(Debug, Clone, Args)]
#[group(id = "what", multiple = false)]
pub struct Config {
    /// Only say whether it is valid
    #[arg(long)]
    pub check: bool,
    /// The JSON Schema of services.toml, for editors
    #[arg(long)]
    pub schema: bool,
    /// The dependency graph
    #[arg(long, value_name = "FORMAT")]
    pub graph: Option<Graph>,
    /// As JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Graph {
    Mermaid,
}

#[derive(Debug, Clone, Args)]
pub struct Presets {
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, Clone, Args)]
pub struct Install {
    /// Never touch the network: only say what is there and what is missing
    #[arg(long)]
    pub offline: bool,
    #[command(flatten)]
    pub json: Json,
    /// Only these parts, not all that the stack needs
    #[arg(value_name = "PART")]
    pub parts: Vec<String>,
}

#[derive(Debug, Clone, Args)]
pub struct Init {
    /// Which starter to write
    #[arg(long, value_name = "NAME", default_value = "status")]
    pub example: Example,
    /// Ask nothing: what is not given gets its usual value, the password is generated and shown once
    #[arg(long)]
    pub defaults: bool,
    /// Ask nothing: take the answers from a file with lines as in .env
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub answers: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Example {
    /// The STATUS stack
    Status,
    /// One service, to begin with
    Minimal,
}

#[derive(Debug, Clone, Args)]
pub struct Credentials {
    pub service: Option<String>,
    #[command(flatten)]
    pub json: Json,
    /// Show the values (the default)
    #[arg(long, overrides_with = "hide")]
    pub show: bool,
    /// Show only the names
    #[arg(long)]
    pub hide: bool,
}

#[derive(Debug, Clone, Args)]
pub struct Open {
    pub service: Option<String>,
    /// Only print it
    #[arg(long)]
    pub print: bool,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, Clone, Args)]
pub struct Env {
    pub service: String,
    /// Show the values of secrets, too
    #[arg(long)]
    pub show: bool,
    #[command(flatten)]
    pub json: Json,
}

#[derive(Debug, Clone, Args)]
pub struct Populate {
    /// Also a demonstration, with accounts whose passwords are known; only where everything listens on loopback
    #[arg(long)]
    pub demo: bool,
    /// As the step of the backend's own start: in the environment that this process has, and once only
    #[arg(long, conflicts_with = "demo")]
    pub step: bool,
    /// The backend among the services
    #[arg(long, value_name = "NAME", default_value = "status-backend")]
    pub service: String,
}

#[derive(Debug, Clone, Args)]
pub struct Serve {
    /// Its settings come from the environment
    #[arg(value_enum)]
    pub role: Role,
}

/// A service of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// The REST API of STATUS
    Backend,
    /// The Governify registry: agreements and the states of their guarantees
    Registry,
    /// The Governify director: scripts at fixed intervals
    Director,
    /// The reverse proxy in front of all of them, and the web application
    Proxy,
    /// What is set up across services once they run; ends when it is done
    Setup,
}

#[derive(Debug, Clone, Args)]
pub struct Completions {
    pub shell: clap_complete::Shell,
}

/// Only checked: it is the running reeve that takes it.
fn signal(text: &str) -> Result<String, String> {
    match parse_signal(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err("no such signal: a name such as HUP or SIGHUP, or a number from 1 to 64, is wanted".to_owned()),
    }
}

/// `10s`, `5m`, `1h30m`, or a number of seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let span = text.parse::<jiff::SignedDuration>();
    let span = span.map_err(|_| "a time such as 90s, 5m or 1h30m is wanted".to_owned())?;
    Duration::try_from(span).map_err(|_| "a time cannot be negative".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_variable_is_a_known_setting() {
        let command = Cli::command();
        let verbs = command.get_subcommands().flat_map(clap::Command::get_arguments);
        for variable in command.get_arguments().chain(verbs).filter_map(clap::Arg::get_env) {
            assert!(crate::settings::ALL.iter().any(|setting| variable == setting.name), "{variable:?}");
        }
    }

    #[test]
    fn times_are_read_with_and_without_units() {
        assert_eq!(duration("90"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1m 30s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
        assert!(duration("-5s").is_err() && duration("soon").is_err());
    }

    #[test]
    fn global_options_may_follow_the_verb() {
        let cli =
            Cli::try_parse_from(["reeve", "-f", "x.toml", "up", "-d", "--mode", "development", "a", "b"]).unwrap();
        assert_eq!(cli.global().mode.as_deref(), Some("development"));
        assert_eq!(cli.global().file.as_deref(), Some(std::path::Path::new("x.toml")));
        assert!(matches!(cli.verb, Verb::Up(up) if up.detach && up.services == ["a", "b"]));
    }
}
