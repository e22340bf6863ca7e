//! Many requests to collectors at a time, with the result that one after the other would have.
//!
//! A slow collector holds nobody up but its own request. The first failure is the first in the order of the agreement,
//! not the first in time: what stands before it is still awaited, what stands after it is given up.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::calculate::MetricError;
use super::collector::{Collector, CollectorError, Request};
use super::items::Item;

/// Answers in order, up to the first failure.
#[derive(Debug)]
pub(super) struct Fetched {
    pub answers: Vec<Vec<Item>>,
    pub failure: Option<MetricError>,
}

/// Everything that is asked, no more than `at_once` requests at a time.
pub(super) async fn fetch(
    collector: &Collector,
    requests: Vec<Result<Request, MetricError>>,
    token: Option<&str>,
) -> Fetched {
    let (mut sendable, mut failure) = (Vec::with_capacity(requests.len()), None);
    for request in requests {
        match request {
            Ok(request) => sendable.push(request),
            // What stands behind it would never be asked.
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    let settings = collector.settings();
    let mut answers: Vec<Option<Vec<Item>>> = sendable.iter().map(|_| None).collect();
    let mut waiting = sendable.iter().enumerate();
    let mut running = FuturesUnordered::new();
    // The answers before `wanted` are needed, those before `there` have come.
    let (mut wanted, mut there, mut held) = (sendable.len(), 0, 0_usize);
    while there < wanted {
        while running.len() < settings.at_once.max(1) {
            let Some((place, request)) = waiting.next().filter(|(place, _)| *place < wanted) else { break };
            running.push(async move { (place, collector.ask(request, token).await) });
        }
        let Some((place, result)) = running.next().await else { break };
        let result = result.and_then(|answer| {
            held = held.saturating_add(answer.bytes);
            if held > settings.held { Err(CollectorError::TooLarge(settings.held)) } else { Ok(answer.items) }
        });
        match result {
            Ok(items) => answers[place] = Some(items),
            Err(error) if place < wanted => (wanted, failure) = (place, Some(error.into())),
            // One that stands before it has failed already.
            Err(_) => {}
        }
        while there < wanted && answers[there].is_some() {
            there += 1;
        }
    }
    Fetched { answers: answers.into_iter().take(there).flatten().collect(), failure }
}
