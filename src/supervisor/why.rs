//! The story behind a service's state: from the service down the chain of what it waits for, in sentences.

use super::handle::{TailLine, View, WhyReport};
use super::history::History;
use crate::engine::{Desired, Phase, ServiceSnapshot};

/// Lines of output shown with a report.
pub const LOG_LINES: usize = 20;
/// Events shown with a report.
const EVENTS: usize = 30;

pub(super) fn report(view: &View, service: &str, history: &History, log: Vec<TailLine>) -> WhyReport {
    let mut chain = Vec::new();
    let mut seen = Vec::new();
    follow(view, service, &mut chain, &mut seen);
    // The cause often lies in another service: its last words belong to the story.
    let mut events = seen.iter().flat_map(|name| history.of(name, EVENTS)).collect::<Vec<_>>();
    events.sort_by_key(|line| line.sequence);
    let surplus = events.len().saturating_sub(EVENTS);
    events.drain(..surplus);
    WhyReport { service: service.to_owned(), chain, events, log }
}

fn follow<'v>(view: &'v View, name: &'v str, chain: &mut Vec<String>, seen: &mut Vec<&'v str>) {
    if seen.contains(&name) {
        return;
    }
    seen.push(name);
    let Some((service, extra)) = view.service(name) else { return };
    let build = extra.build.as_ref().map(|build| format!("; {build}")).unwrap_or_default();
    chain.push(format!("{}{build}", sentence(view, service)));
    for blocker in &service.blocked_by {
        follow(view, &blocker.service, chain, seen);
    }
}

fn sentence(view: &View, service: &ServiceSnapshot) -> String {
    let name = &service.name;
    let since = span(view.age(service.since));
    let blockers = service
        .blocked_by
        .iter()
        .map(|blocker| format!("{} to be {}", blocker.service, blocker.condition))
        .collect::<Vec<_>>()
        .join(" and ");
    let mut text = match service.phase {
        Phase::Stopped if service.desired == Desired::StoppedByHand => {
            format!("{name} was stopped by hand and stays stopped until it is started")
        }
        Phase::Stopped if service.desired == Desired::Off => format!("{name} was never asked for"),
        Phase::Stopped => format!("{name} is stopped"),
        Phase::Waiting if blockers.is_empty() => format!("{name} waits for its turn, for {since}"),
        Phase::Waiting => format!("{name} waits for {blockers}, for {since}"),
        Phase::Preparing => format!("{name} is being prepared (volumes, files, ports), for {since}"),
        Phase::Starting => format!("{name} was started {since} ago and is not ready yet"),
        Phase::Bootstrapping => format!("{name} runs and its bootstrap steps are under way, for {since}"),
        Phase::Ready => format!("{name} is ready, for {since}"),
        Phase::Unready => format!("{name} runs but its readiness probe has failed, for {since}"),
        Phase::Stopping => format!("{name} is being stopped, for {since}"),
        Phase::Backoff => match service.next_start {
            Some(next) => format!("{name} has ended and starts again in {}", span(next.since(view.now()))),
            None => format!("{name} has ended and will be started again"),
        },
        Phase::Completed => format!("{name} ran to its end {since} ago"),
        Phase::Failed => format!("{name} has failed and is not started again by itself"),
        Phase::Skipped if blockers.is_empty() => format!("{name} was skipped: a dependency failed"),
        Phase::Skipped => format!("{name} was skipped: it needs {blockers}"),
        Phase::Stuck => format!("{name} has processes that cannot be killed; nothing is started on its data"),
    };
    if service.crash_loop {
        text.push_str(&format!("; it is in a crash loop ({} restarts)", service.restarts));
    }
    if let Some(reason) = &service.probe_failure {
        text.push_str(&format!("; last probe: {reason}"));
    }
    if !matches!(service.phase, Phase::Ready | Phase::Completed) || service.restarts > 0 {
        if let Some(failure) = &service.last_failure {
            text.push_str(&format!("; {}", failure.message));
            if let Some(hint) = &failure.hint {
                text.push_str(&format!(" (hint: {hint})"));
            }
        }
        if let Some(exit) = &service.last_exit {
            text.push_str(&format!("; its last process ended with {exit}"));
        }
    }
    if let Some(status) = &service.status_text {
        text.push_str(&format!("; it says: {status}"));
    }
    text
}

/// A span for people: `420 ms`, `3.2 s`, `4 min 5 s`, `2 h 3 min`, `5 d 6 h`.
pub fn span(span: std::time::Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0 => format!("{} ms", span.as_millis()),
        1..10 => format!("{:.1} s", span.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::super::handle::tests::{service, view};
    use super::*;
    use crate::engine::snapshot::Blocker;
    use crate::engine::{Exit, Failure, FailureKind};

    #[test]
    fn the_chain_leads_to_the_cause() {
        let mut backend = service("backend", Phase::Waiting);
        backend.blocked_by =
            vec![Blocker { service: "postgres".to_owned(), condition: "ready".to_owned(), phase: Phase::Failed }];
        let mut postgres = service("postgres", Phase::Failed);
        postgres.last_exit = Some(Exit::Code(1));
        postgres.last_failure = Some(Failure {
            kind: FailureKind::Permanent,
            message: "the data is of version 16".to_owned(),
            hint: Some("use postgresql 16".to_owned()),
        });
        let report = report(&view(vec![backend, postgres]), "backend", &History::default(), Vec::new());
        assert!(report.chain[0].starts_with("backend waits for postgres to be ready, for "));
        assert_eq!(
            report.chain[1],
            "postgres has failed and is not started again by itself; the data is of version 16 (hint: use postgresql 16); \
             its last process ended with exit code 1"
        );
        assert_eq!(report.chain.len(), 2);
    }

    #[test]
    fn spans_read_well() {
        use std::time::Duration;
        let texts = [420, 3_200, 42_000, 245_000, 7_380_000, 453_600_000].map(|ms| span(Duration::from_millis(ms)));
        assert_eq!(texts, ["420 ms", "3.2 s", "42 s", "4 min 5 s", "2 h 3 min", "5 d 6 h"]);
    }
}
