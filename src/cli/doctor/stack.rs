//! The stack's own state: parts, ports and who holds them, files.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use super::Finding;
use crate::cli::failure::Result;
use crate::cli::install::lacking;
use crate::cli::output::Output;
use crate::cli::stack::{PartState, Stack, find_parts};
use crate::parts::lacking_client;
use crate::platform::ports;
use crate::spec::{BuildSpec, Piece, ServiceSpec};
use crate::supervisor::find_program;

pub fn findings(stack: &Stack, running: bool, output: Output) -> Result<Vec<Finding>> {
    let mut findings = vec![Finding::good("config", format!("{} is valid", stack.file.display()))];
    let parts = find_parts(stack, &[], true, output)?;
    let has = |part: &PartState| match &part.place {
        Ok(_) => true,
        Err(missing) => missing.may_be_fetched && client_for(stack, part).is_none(),
    };
    let lacking = lacking(&stack.spec.services, &parts, has);
    findings.extend(parts.iter().map(|part| self::part(stack, part, &lacking)));
    findings.extend(stack.spec.services.iter().flat_map(|service| tools(stack, service)));
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

/// The package client that is needed to fetch a part and not there.
fn client_for(stack: &Stack, part: &PartState) -> Option<&'static str> {
    let path = stack.env.get("PATH").map_or("", String::as_str);
    stack.spec.parts.get(&part.name).and_then(|spec| lacking_client(spec, path.as_ref()))
}

/// A part that is missing matters to the services that cannot be run in any other way.
fn part(stack: &Stack, part: &PartState, lacking: &[&ServiceSpec]) -> Finding {
    let missing = match &part.place {
        Ok(place) => return Finding::good("part", format!("{} {} at {}", part.name, part.version, place.display())),
        Err(missing) => missing,
    };
    let client = client_for(stack, part);
    let name = format!("{} {}", part.name, part.version);
    let message = match client {
        None if missing.may_be_fetched => {
            return Finding::weak(
                "part",
                format!("{name} is not on this machine yet"),
                "reeve up fetches it when it is needed, reeve install now",
            );
        }
        Some(client) if missing.may_be_fetched => format!("{name} is not on this machine, nor {client} to fetch it"),
        _ => missing.why.clone(),
    };
    let ways = |service: &&&ServiceSpec| {
        std::iter::once(**service).chain(&service.alternatives).any(|way| way.parts.contains(&part.name))
    };
    let users: Vec<_> = lacking.iter().filter(ways).collect();
    let hint = match client {
        Some(client) => format!("install {client}, then: reeve install {}", part.name),
        None => missing.hint.clone().unwrap_or_else(|| "reeve install tells more".to_owned()),
    };
    let names = users.iter().map(|service| service.name.as_str()).collect::<Vec<_>>().join(", ");
    match users.iter().any(|service| service.required) {
        _ if users.is_empty() => Finding::good("part", format!("{message}; another one does its work")),
        true => Finding::bad("part", format!("{message}: {names} cannot run"), hint),
        false => Finding::weak("part", format!("{message}: {names} is left out"), hint),
    }
}

/// Programs of this machine, none of a part, that a service is built with.
fn tools(stack: &Stack, service: &ServiceSpec) -> Vec<Finding> {
    let path = stack.env.get("PATH").cloned().unwrap_or_default();
    let env = BTreeMap::from([("PATH".to_owned(), path)]);
    let is_there = |build: &&BuildSpec| build.if_exists.as_ref().is_none_or(|path| stack.spec.dir.join(path).exists());
    let wanted = service.builds.iter().filter(is_there).filter_map(|build| match build.command.first()?.pieces() {
        [Piece::Literal(program)] if !program.contains('/') => Some((build, program)),
        _ => None,
    });
    wanted
        .map(|(build, program)| match find_program(program, &env, &stack.spec.dir) {
            Ok(found) => Finding::good("build", format!("{} is there to build {}", found.display(), service.name)),
            Err(_) => Finding::bad(
                "build",
                format!("{program}, which {} of {} is built with, is not in PATH", build.name, service.name),
                format!("install {program}; reeve up --no-build does without it where all is built already"),
            ),
        })
        .collect()
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
