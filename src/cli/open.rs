//! `reeve open [SERVICE]`: where a service is found, and on a desktop the browser there.

use std::process::{Command, Stdio};

use super::args::{Global, Open};
use super::exit::Exit;
use super::failure::{Failure, Result};
use super::known::Known;
use super::output::{Output, table_width};
use crate::control::wire::SCHEMA_VERSION;
use crate::engine::Phase;
use crate::spec::ServiceSpec;
use crate::supervisor::ServiceFacts;
use crate::supervisor::layout::Layout;

/// Opens an address with whatever the desktop has for it.
const OPENER: &str = "xdg-open";

pub fn run(args: &Open, global: &Global, output: Output) -> Result {
    let known = Known::open(global, output)?;
    known.stack.check_names(args.service.as_slice())?;
    let services = &known.stack.spec.services;
    let is_door = |service: &&ServiceSpec| !service.addresses.is_empty();
    let service = match &args.service {
        Some(name) => services.iter().find(|service| service.name == *name),
        // The one that nothing depends on and that was written last is what people come for.
        None => services.iter().rev().find(is_door),
    };
    let Some(service) = service else {
        return Err(Failure::message(Exit::Failed, "no service of this stack has an address"));
    };
    let run_dir = Layout::new(&known.stack.data_dir).service(&service.name);
    let facts = ServiceFacts { stack: &known.facts, service, run_dir: &run_dir };
    let Some((label, address)) = service.addresses.first_key_value() else {
        let message = format!("{} has no address to open", service.name);
        return Err(Failure::message(Exit::Failed, message).hint("reeve ps shows its ports"));
    };
    let address = address.render(&facts).map_err(|error| Failure::new(Exit::Failed, error))?;
    let is_ready = known.running(&service.name).is_some_and(|live| live.phase == Phase::Ready);
    if args.json.json {
        let answer = serde_json::json!({
            "schema_version": SCHEMA_VERSION, "service": service.name, "label": label, "address": address,
            "ready": is_ready,
        });
        output.json(&answer)?;
        return Ok(Exit::Done);
    }
    output.line(&address)?;
    if !is_ready {
        output.say(&format!("{} is not ready; reeve up -d starts it", service.name));
    } else if !args.print && address.starts_with("http") && is_desktop() && table_width().is_some() {
        open(&address, output);
    }
    Ok(Exit::Done)
}

fn is_desktop() -> bool {
    ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// The address has been told; a desktop that cannot show it is worth a word, not a failure.
fn open(address: &str, output: Output) {
    let mut command = Command::new(OPENER);
    command.arg(address).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[expect(clippy::disallowed_methods, reason = "the browser outlives us: it is no child of a supervisor")]
    let opened = command.spawn();
    match opened {
        Ok(mut child) => {
            // It hands the address over and ends.
            if let Ok(status) = child.wait()
                && !status.success()
            {
                output.say(&format!("{OPENER} could not open it ({status})"));
            }
        }
        Err(error) => output.say(&format!("cannot run {OPENER}: {error}")),
    }
}
