//! `reeve populate`: the initial data of STATUS, written in the environment that the backend has.

use super::args::{Global, Populate};
use super::env;
use super::exit::Exit;
use super::failure::{Failure, Result};
use super::known::Known;
use super::output::Output;
use crate::backend::populate::{PopulateError, populate, populate_once};
use crate::control::client::Client;
use crate::engine::Phase;
use crate::spec::StackSpec;

pub fn run(args: &Populate, global: &Global, output: Output) -> Result {
    if args.step {
        return step(output);
    }
    let known = Known::open(global, output)?;
    known.stack.check_names(std::slice::from_ref(&args.service))?;
    if args.demo
        && let Some(exposed) = exposed(&known.stack.spec)
    {
        let message =
            format!("{exposed} is reached from outside, and everybody knows the passwords of the demonstration");
        return Err(
            Failure::message(Exit::Refused, message).hint("let everything listen on 127.0.0.1, or leave --demo out")
        );
    }
    let known = known.with_parts(output)?;
    super::block_on(async {
        // The backend makes the tables when it starts.
        let client = Client::connect(&known.stack.data_dir)?;
        let backend = client.service(&args.service).await?;
        if backend.phase != Phase::Ready {
            let message = format!("{} is not ready but {}", args.service, backend.phase.as_str());
            return Err(Failure::message(Exit::NotReady, message).hint("reeve up -d --wait starts it"));
        }
        let environment = env::of_service(&known, &args.service, true)?;
        let report = populate(&|name| environment.get(name).cloned(), args.demo).await.map_err(refused)?;
        for line in report.lines {
            output.say(&line);
        }
        output.say(&format!("reeve credentials {} shows who may sign in", args.service));
        Ok(Exit::Done)
    })
}

/// A step of the backend's own start: it has the backend's environment, and nobody can be asked for another.
fn step(output: Output) -> Result {
    super::block_on(async {
        let report = populate_once(&crate::serve::environment::process).await.map_err(refused)?;
        report.lines.iter().for_each(|line| output.say(line));
        Ok(Exit::Done)
    })
}

fn refused(error: PopulateError) -> Failure {
    match error {
        PopulateError::Settings(_) => Failure::new(Exit::ConfigInvalid, error)
            .hint("ADMIN_USER is USER_STATUS of .env, ADMIN_PASSWORD is PASS_STATUS"),
        other => Failure::from(other),
    }
}

/// A service that listens on more than loopback.
fn exposed(spec: &StackSpec) -> Option<&str> {
    let is_open = |host: &std::net::IpAddr| !host.is_loopback();
    let services = &spec.services;
    services.iter().find(|service| service.ports.iter().any(|port| is_open(&port.host))).map(|service| &*service.name)
}
