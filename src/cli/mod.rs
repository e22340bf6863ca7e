//! The command line: one verb, one file. Reads arguments, asks the running reeve or the files, prints through
//! [`output`], and turns every failure into words and an exit code here and nowhere else.

use std::process::ExitCode;

use anstream::ColorChoice;
use clap::Parser;

mod args;
mod build;
mod completions;
mod config;
mod control;
mod credentials;
mod doctor;
mod down;
mod env;
mod events;
pub mod exit;
mod failure;
mod init;
mod install;
mod known;
mod lines;
mod logs;
mod man;
mod open;
mod output;
mod place;
mod populate;
mod presets;
mod progress;
mod ps;
mod serve;
mod stack;
mod status;
mod status_env;
mod supervise;
mod table;
mod up;
mod why;

use args::{Cli, Color, Global, Verb};
use exit::Exit;
use failure::{Failure, Result};
use output::Output;

use crate::settings;

pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let global = cli.global();
    let choice = match global.color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    };
    let output = Output::new(choice, global.quiet);
    let level = ["info", "debug", "trace"][usize::from(global.verbose.min(2))];
    // A foreground command says by itself what people need; its log starts at warnings unless more is asked for.
    let is_quiet = global.verbose == 0 && !up::is_detached() && !matches!(cli.verb, Verb::Serve(_));
    let own = serve::level(&cli.verb).filter(|_| global.verbose == 0);
    let level = own.unwrap_or(if is_quiet { "warn" } else { level });
    let (filter, format) = (settings::LOG.get(), settings::LOG_FORMAT.get());
    let done = serve::layers(&cli.verb, level, filter.as_deref())
        .and_then(|layers| {
            crate::telemetry::init(level, filter.as_deref(), format.as_deref(), output.stderr_color(), layers).map_err(
                |error| {
                    let names = format!("see {} and {}", settings::LOG.name, settings::LOG_FORMAT.name);
                    Failure::new(Exit::Usage, error).hint(names)
                },
            )
        })
        .and_then(|()| run(&cli.verb, &global, output));
    match done {
        Ok(exit) => exit.into(),
        Err(failure) => {
            output.failure(&failure);
            failure.exit.into()
        }
    }
}

fn run(verb: &Verb, global: &Global, output: Output) -> Result {
    match verb {
        Verb::Up(args) => up::run(args, global, output),
        Verb::Down(args) => down::run(args, global, output),
        Verb::Ps(args) => ps::run(args.json, global, output),
        Verb::Logs(args) => logs::run(args, global, output),
        Verb::Start(args) => control::run(control::Change::Start, args, global, output),
        Verb::Stop(args) => control::run(control::Change::Stop, args, global, output),
        Verb::Restart(args) => control::restart(args, global, output),
        Verb::Signal(args) => control::signal(args, global, output),
        Verb::Status(args) => status::run(args, global, output),
        Verb::Why(args) => why::run(args, global, output),
        Verb::Events(args) => events::run(args, global, output),
        Verb::Build(args) => build::run(args, global, output),
        Verb::Config(args) => config::run(args, global, output),
        Verb::Presets(args) => presets::run(args, output),
        Verb::Install(args) => install::run(args, global, output),
        Verb::Init(args) => init::run(args, global, output),
        Verb::Doctor(args) => doctor::run(args.json, global, output),
        Verb::Credentials(args) => credentials::run(args, global, output),
        Verb::Open(args) => open::run(args, global, output),
        Verb::Env(args) => env::run(args, global, output),
        Verb::Populate(args) => populate::run(args, global, output),
        Verb::Serve(args) => serve::run(args.role, output),
        Verb::Completions(args) => completions::run(args, output),
        Verb::Man => man::run(output),
    }
}

/// Help and version are data and a success; anything else is a wrong usage.
fn usage(error: &clap::Error) -> ExitCode {
    // clap writes to the right stream itself; a reader that has gone is no matter.
    let _ = error.print();
    if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() }
}

/// For a verb that talks over the socket: one thread, until it is done.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| anyhow::Error::new(error).context("cannot set up the event loop"))?;
    runtime.block_on(work)
}
