//! `reeve completions`: a script for the shell.

use clap::CommandFactory;

use super::args::{Cli, Completions};
use super::exit::Exit;
use super::failure::Result;
use super::output::Output;

pub fn run(args: &Completions, output: Output) -> Result {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "reeve", &mut script);
    output.bytes(&script)?;
    Ok(Exit::Done)
}
