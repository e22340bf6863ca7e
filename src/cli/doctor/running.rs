//! What runs and is not as it should be: each service that is not ready, why, and where more is told.

use super::Finding;
use crate::cli::failure::Result;
use crate::cli::place::Place;
use crate::cli::table::clean;
use crate::control::wire::Service;
use crate::engine::Desired;

pub fn findings(place: &Place) -> Result<Vec<Finding>> {
    let Ok(client) = place.client() else { return Ok(Vec::new()) };
    let stack = crate::cli::block_on(async { Ok(client.stack().await?) })?;
    let troubled: Vec<_> = stack.services.iter().filter_map(service).collect();
    let wanted = stack.services.iter().filter(|service| service.desired == Desired::Running).count();
    Ok(match troubled.is_empty() {
        true => vec![Finding::good("services", format!("all {wanted} that are wanted are as they should be"))],
        false => troubled,
    })
}

fn service(service: &Service) -> Option<Finding> {
    if service.desired != Desired::Running || (service.is_settled() && !service.has_failed()) {
        return None;
    }
    let phase = service.phase.as_str();
    let reason = service.reason().map(|reason| format!(", {}", clean(&reason))).unwrap_or_default();
    let message = format!("{} is {phase}{reason}", service.name);
    let own = service.last_failure.as_ref().and_then(|failure| failure.hint.clone());
    let more = format!("reeve why {0} and reeve logs {0} tell more", service.name);
    let hint = own.map_or_else(|| more.clone(), |own| format!("{own}; {more}"));
    Some(if service.required {
        Finding::bad("services", message, hint)
    } else {
        Finding::weak("services", message, hint)
    })
}
