//! placeholder
use super::args::Global;
use super::exit::Exit;
use super::failure::Result;
use super::output::Output;
pub fn run(_json: bool, _global: &Global, _output: Output) -> Result {
    Ok(Exit::Done)
}
