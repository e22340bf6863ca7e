//! The stack's own state: parts, ports and who holds them, files.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use super::Finding;
use crate::cli::failure::Result;
use crate::cli::output::Output;
use crate::cli::stack::{Stack, find_parts};
use crate::platform::ports;

pub fn findings(stack: &Stack, running: bool, output: Output) -> Result<Vec<Finding>> {
    let mut findings = vec![Finding::good("config", format!("{} is valid", stack.file.display()))];
    for part in find_parts(stack, true, output)? {
        findings.push(match part.place {
            Ok(place) => Finding::good("part", format!("{} {} at {}", part.name, part.version, place.display())),
            Err(why) => {
                let hint = stack.spec.parts.get(&part.name).and_then(|spec| spec.hint.clone());
                let hint = hint.unwrap_or_else(|| "reeve install fetches it".to_owned());
                Finding::weak("part", format!("{} is missing: {why}", part.name), hint)
            }
        });
    }
    // What runs holds its own ports.
    if !running {
        findings.extend(stack.spec.services.iter().flat_map(|service| {
            service.ports.iter().filter_map(|port| {
                let address = SocketAddr::new(port.host, port.number?);
                Some(listen(&service.name, address))
            })
        }));
    }
    Ok(findings)
}

fn listen(service: &str, address: SocketAddr) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Finding::good("port", format!("{address} is free for {service}")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let who =
                ports::holder(address.port()).map_or_else(|| "another process".to_owned(), |holder| holder.to_string());
            Finding::bad(
                "port",
                format!("{address}, wanted by {service}, is held by {who}"),
                "stop it, or use --port-offset",
            )
        }
        Err(error) => {
            Finding::bad("port", format!("{address}, wanted by {service}, cannot be used: {error}"), "use another port")
        }
    }
}

/// What was left on disk by the last run.
pub fn files(data_dir: &Path) -> Vec<Finding> {
    let path = data_dir.join("state.json");
    match std::fs::read(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => vec![Finding::good("state", "none yet")],
        Err(error) => {
            vec![Finding::bad("state", format!("{} cannot be read: {error}", path.display()), "check its owner")]
        }
        Ok(text) => match serde_json::from_slice::<serde_json::Value>(&text) {
            Ok(_) => vec![Finding::good("state", format!("{} is whole", path.display()))],
            Err(error) => vec![Finding::bad(
                "state",
                format!("{} is broken: {error}", path.display()),
                "the next up goes on without it: services stopped by hand are started",
            )],
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    // semantics case 74
    #[test]
    fn the_holder_of_a_port_is_named() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let finding = listen("db", held.local_addr().unwrap());
        assert_eq!(finding.level, Level::Bad);
        assert!(finding.message.contains(&format!("pid {}", std::process::id())), "{}", finding.message);
    }

    // semantics case 66
    #[test]
    fn a_broken_state_file_is_found() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(files(dir.path())[0].level, Level::Good);
        std::fs::write(dir.path().join("state.json"), "{\"cut").unwrap();
        assert_eq!(files(dir.path())[0].level, Level::Bad);
    }
}
