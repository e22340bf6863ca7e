//! `reeve up`: in the foreground with everything to see, or detached.

use super::args::{Global, Up};
use super::exit::Exit;
use super::failure::{Failure, Result};
use super::output::Output;
use super::place::Place;
use super::stack::{Stack, open_stack_to_run};
use super::status_env::known_words;
use super::supervise::{Launch, supervise};
use crate::control::client::Client;
use crate::settings;
use crate::supervisor::Ended;

mod background;
mod live;
mod progress;
mod render;
mod screen;

pub use progress::unready;
pub use screen::waiting_for;

pub fn is_detached() -> bool {
    settings::DETACHED.get().is_some()
}

pub fn run(up: &Up, global: &Global, output: Output) -> Result {
    let is_copy = is_detached();
    if is_copy {
        // Fails only for a group leader, and a copy that somebody starts by hand with this set may be one.
        let _ = nix::unistd::setsid();
    }
    let stack = open_stack_to_run(global, output)?;
    stack.check_names(&up.services)?;
    if !is_copy {
        for name in known_words(&stack.spec, &stack.env) {
            output.warn(&format!(
                "WARNING: {name} has a value that everybody knows (the original ships it); change it before others can \
                 reach this machine"
            ));
        }
        match running(&Place::find(global)?)? {
            Some((_, pid)) if up.detach && up.build => {
                return Err(conflict(pid).hint("reeve build, then reeve restart, for what runs already"));
            }
            Some((client, pid)) if up.detach => return background::join(&client, pid, up, output),
            Some((_, pid)) => return Err(conflict(pid)),
            None if up.detach => return background::start(&stack, up, global, output),
            None => {}
        }
    }
    foreground(stack, up, output, is_copy)
}

fn running(place: &Place) -> Result<Option<(Client, u32)>> {
    let found = super::block_on(async { Ok(Client::running(&place.data_dir).await?) })?;
    Ok(found.map(|(client, stack)| (client, stack.pid)))
}

fn conflict(pid: u32) -> Failure {
    Failure::message(Exit::Conflict, format!("reeve (pid {pid}) runs this stack already"))
        .hint("reeve up -d starts what is missing, reeve down stops it")
}

fn foreground(stack: Stack, up: &Up, output: Output, is_copy: bool) -> Result {
    let launch =
        Launch { services: up.services.clone(), offline: up.offline, build: up.policy(), foreground: !is_copy };
    let mut screen = None;
    let ended = supervise(stack, &launch, output, |handle, lines| {
        if !is_copy {
            screen = screen::Screen::start(handle, lines, up.clone(), output);
        }
    });
    let gave_up = screen.is_some_and(screen::Screen::finish);
    verdict(&ended?, gave_up, output)
}

fn verdict(ended: &Ended, gave_up: bool, output: Output) -> Result {
    if !ended.left.is_empty() {
        output.warn(&format!("these could not be cleared away: {}", ended.left.join(", ")));
    }
    Ok(match ended.signal {
        _ if gave_up => Exit::NotReady,
        Some(libc::SIGHUP) => Exit::HungUp,
        Some(libc::SIGINT) => Exit::Interrupted,
        Some(libc::SIGTERM) => Exit::Terminated,
        _ if !ended.left.is_empty() => Exit::Partly,
        _ => Exit::Done,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // semantics case 8
    #[test]
    fn the_signal_decides_the_exit_code() {
        let output = Output::new(anstream::ColorChoice::Never, true);
        let ended = |signal| Ended { signal, left: Vec::new() };
        assert_eq!(verdict(&ended(Some(libc::SIGINT)), false, output).unwrap(), Exit::Interrupted);
        assert_eq!(verdict(&ended(Some(libc::SIGTERM)), false, output).unwrap(), Exit::Terminated);
        assert_eq!(verdict(&ended(None), false, output).unwrap(), Exit::Done);
        assert_eq!(verdict(&ended(None), true, output).unwrap(), Exit::NotReady);
    }
}
