//! How far a start has come: done, failed, or still on its way.

use std::collections::BTreeSet;

use crate::control::wire::{Service, Stack};
use crate::engine::{Desired, Phase};

/// Where the asked-for services are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    Under,
    /// Everything asked for is ready; the names are those that are not and need not be.
    Done {
        missing: Vec<String>,
    },
    /// A required service cannot come up by itself: its name and reason.
    Failed(Vec<String>),
}

/// `wanted` empty: everything that is wanted by the stack.
pub fn progress(stack: &Stack, wanted: &[String]) -> Progress {
    let asked = asked(stack, wanted);
    let failed = asked.iter().filter(|service| service.required && service.has_failed()).collect::<Vec<_>>();
    if !failed.is_empty() {
        return Progress::Failed(failed.iter().map(|service| line(service)).collect());
    }
    // Just started: the engine has not taken the wish yet.
    let is_fresh = asked.iter().all(|service| service.desired == Desired::Off);
    let held = held(stack);
    let is_under = |service: &&Service| !service.is_settled() && !held.contains(service.name.as_str());
    if (is_fresh && !stack.services.is_empty()) || asked.iter().any(is_under) {
        return Progress::Under;
    }
    let missing = asked.iter().filter(|service| service.has_failed() || held.contains(service.name.as_str()));
    Progress::Done { missing: missing.map(|service| line(service)).collect() }
}

/// Those that wait for what somebody has stopped by hand: they come up when that is started, not before.
fn held(stack: &Stack) -> BTreeSet<&str> {
    let by_hand = stack.services.iter().filter(|service| service.desired == Desired::StoppedByHand);
    let mut off: BTreeSet<&str> = by_hand.map(|service| service.name.as_str()).collect();
    let mut held = BTreeSet::new();
    loop {
        let waits = |service: &&Service| {
            let is_held = service.blocked_by.iter().any(|blocker| off.contains(blocker.service.as_str()));
            service.phase == Phase::Waiting && is_held && !held.contains(service.name.as_str())
        };
        let Some(next) = stack.services.iter().find(waits) else { return held };
        held.insert(&next.name);
        off.insert(&next.name);
    }
}

/// The unready ones and why, for the end of a wait that took too long.
pub fn unready(stack: &Stack, wanted: &[String]) -> Vec<String> {
    asked(stack, wanted).into_iter().filter(|service| !service.is_settled()).map(line).collect()
}

fn asked<'s>(stack: &'s Stack, wanted: &[String]) -> Vec<&'s Service> {
    stack.services.iter().filter(|service| wanted.is_empty() || wanted.contains(&service.name)).collect()
}

fn line(service: &Service) -> String {
    let phase = service.phase.as_str();
    let Some(reason) = service.reason() else { return format!("{}: {phase}", service.name) };
    let hint = service.last_failure.as_ref().filter(|_| service.has_failed()).and_then(|failure| failure.hint.as_ref());
    // The last lines of a failed build are lines.
    let between = if reason.contains('\n') { "\n" } else { "; " };
    let hint = hint.map(|hint| format!("{between}{hint}")).unwrap_or_default();
    let text = format!("{reason}{hint}");
    let lines = text.lines().map(crate::cli::table::clean).collect::<Vec<_>>();
    format!("{}: {phase}, {}", service.name, lines.join("\n  "))
}

/// Addresses of what is up, and how to get in.
pub fn addresses(stack: &Stack) -> Vec<String> {
    use crate::cli::table::{self, Cell};
    use anstyle::Style;
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for service in stack.services.iter().filter(|service| service.phase == Phase::Ready) {
        let labelled = service.addresses.iter().map(|(label, address)| (label.clone(), address.clone()));
        let ports = service.ports.iter().map(|(name, address)| (name.clone(), address.to_string()));
        let shown: Vec<_> = if service.addresses.is_empty() { ports.collect() } else { labelled.collect() };
        for (index, (label, address)) in shown.into_iter().enumerate() {
            let name = if index == 0 { service.name.clone() } else { String::new() };
            rows.push(vec![Cell::styled(name, Style::new().bold()), label.into(), address.into()]);
        }
    }
    if rows.is_empty() {
        return Vec::new();
    }
    let mut lines = table::lines(&["", "", ""], &rows, None);
    lines.push("reeve credentials shows the accounts and passwords".to_owned());
    lines
}

#[cfg(test)]
mod tests {
    use super::super::render::tests::{service, stack};
    use super::*;
    use crate::engine::snapshot::Blocker;

    // semantics case 71
    #[test]
    fn a_start_is_done_when_every_asked_service_is_ready() {
        let both = stack(vec![service("a", Phase::Ready), service("b", Phase::Starting)]);
        assert_eq!(progress(&both, &[]), Progress::Under);
        assert_eq!(progress(&both, &["a".to_owned()]), Progress::Done { missing: Vec::new() });
        assert_eq!(unready(&both, &[]), ["b: starting"]);
    }

    #[test]
    fn who_waits_for_a_service_stopped_by_hand_is_told_and_not_waited_for() {
        let mut off = service("db", Phase::Stopped);
        off.desired = Desired::StoppedByHand;
        let waits_for = |name: &str, dependency: &str| {
            let mut waiting = service(name, Phase::Waiting);
            let phase = Phase::Stopped;
            waiting.blocked_by = vec![Blocker { service: dependency.to_owned(), condition: "ready".to_owned(), phase }];
            waiting
        };
        let all = vec![off.clone(), waits_for("api", "db"), waits_for("web", "api"), service("other", Phase::Ready)];
        let Progress::Done { missing } = progress(&stack(all), &[]) else { panic!("a start that goes on") };
        assert_eq!(missing.len(), 2, "{missing:?}");
        assert!(missing[0].starts_with("api: waiting") && missing[1].starts_with("web: waiting"), "{missing:?}");
        let elsewhere = vec![off, waits_for("api", "other"), service("other", Phase::Starting)];
        assert_eq!(progress(&stack(elsewhere), &[]), Progress::Under);
    }

    // semantics case 36
    #[test]
    fn a_required_failure_ends_the_wait_an_optional_one_is_told() {
        let mut optional = service("grafana", Phase::Failed);
        optional.required = false;
        let up = stack(vec![service("a", Phase::Ready), optional]);
        assert_eq!(progress(&up, &[]), Progress::Done { missing: vec!["grafana: failed".to_owned()] });
        let down = stack(vec![service("a", Phase::Starting), service("b", Phase::Skipped)]);
        assert_eq!(progress(&down, &[]), Progress::Failed(vec!["b: skipped".to_owned()]));
    }

    #[test]
    fn a_stack_that_was_not_asked_for_yet_is_under_way() {
        let mut off = service("a", Phase::Stopped);
        off.desired = Desired::Off;
        assert_eq!(progress(&stack(vec![off]), &[]), Progress::Under);
    }

    #[test]
    fn what_was_stopped_by_hand_is_not_waited_for() {
        let mut stopped = service("nodered", Phase::Stopped);
        stopped.desired = Desired::StoppedByHand;
        let stack = stack(vec![service("a", Phase::Ready), stopped]);
        assert_eq!(progress(&stack, &[]), Progress::Done { missing: Vec::new() });
    }
}
