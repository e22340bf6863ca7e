//! Computes states: plan, ask the collectors, judge, write, in one request and without a task of its own.
//!
//! Results stand in the order that the original gives by working one after the other: guarantees, their elements, the
//! metrics of each. On a failure, what stands before it in that order is written, nothing else, and the failure is told;
//! the text for the client is [`SEQUENTIAL`], the cause is for the log.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Number, Value};

use super::agreement::{Agreement, Element, Guarantee};
use super::asked::GuaranteeQuery;
use super::collector::{Collector, CollectorError, Request};
use super::fetch::{Fetched, fetch};
use super::objective::{self, Bound, Js, ObjectiveError};
use super::period::{Period, PeriodError};
use super::query::{self, MetricQuery};
use super::request::Body;
use super::state::{Put, Record, StateType, States};
use super::{Clock, Map, calc, items, pricing};
use crate::governify::infrastructure::{Infrastructure, InfrastructureError};
use crate::telemetry::chain;

/// What clients are told of any failure while guarantees are computed.
pub const SEQUENTIAL: &str = "Error processing guarantees sequentially";
/// Collectors of this protocol, whatever follows. Others never gave an answer that the original could use; only theirs
/// are the requests for evidences, so there are none here.
const SUPPORTED: &str = "POST-GET-V1";
/// Its collector answers 404 until the first row of a computation is there.
const STATUS: &str = "POST-GET-V1-STATUS";

/// Why a metric has no states.
#[derive(Debug, thiserror::Error)]
pub enum MetricError {
    #[error("Metric {0} not found.")]
    Unknown(String),
    #[error("collectors of the type {0:?} are not supported, only those that begin with {SUPPORTED}")]
    CollectorType(String),
    #[error("the address of the collector is not known")]
    Infrastructure(#[from] InfrastructureError),
    #[error("the request cannot be written")]
    Request(#[source] serde_json::Error),
    #[error(transparent)]
    Collector(#[from] CollectorError),
}

#[derive(Debug, thiserror::Error)]
pub enum CalcError {
    #[error("the metric {metric} of {of} cannot be computed")]
    Metric {
        /// The guarantee or the agreement.
        of: String,
        metric: String,
        #[source]
        source: MetricError,
    },
    #[error("the guarantee {guarantee} cannot be judged")]
    Objective {
        guarantee: String,
        #[source]
        source: ObjectiveError,
    },
    #[error("there is no guarantee {0}")]
    UnknownGuarantee(String),
    #[error("the value of the metric {0} is no number that could be increased")]
    NotANumber(String),
    #[error(transparent)]
    Period(#[from] PeriodError),
    #[error("the states cannot be written")]
    Store(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What a computation works with.
#[derive(Debug)]
pub struct Context<'a, S> {
    pub collector: &'a Collector,
    pub infrastructure: &'a Infrastructure,
    pub states: &'a S,
    /// Of the caller, for the collectors.
    pub token: Option<&'a str>,
}

/// One element of a guarantee with the metrics it needs.
struct Step<'a> {
    guarantee: Guarantee<'a>,
    element: Element<'a>,
    scope: Map,
    window: Map,
    /// With the parameters of `with`.
    metrics: Vec<(&'a str, Option<&'a Map>)>,
    /// Whether the guarantee is complete with it.
    is_last: bool,
}

fn plan<'a>(agreement: Agreement<'a>, queries: &[GuaranteeQuery]) -> Result<Vec<Step<'a>>, CalcError> {
    let mut steps = Vec::new();
    for query in queries {
        let unknown = || CalcError::UnknownGuarantee(query.guarantee.clone());
        let guarantee = agreement.guarantee(&query.guarantee).ok_or_else(unknown)?;
        let Some(period) = &query.period else { continue };
        for element in guarantee.elements() {
            let with = element.with().into_iter().flatten();
            steps.push(Step {
                guarantee,
                element,
                scope: calc::effective_scope(guarantee, element),
                window: calc::metric_window(agreement, element, query, period),
                metrics: with.map(|(id, parameters)| (id.as_str(), parameters.as_object())).collect(),
                is_last: false,
            });
        }
        if let Some(step) = steps.last_mut() {
            step.is_last = true;
        }
    }
    Ok(steps)
}

fn request(
    infrastructure: &Infrastructure,
    agreement: Agreement<'_>,
    id: &str,
    scope: &Map,
    window: &Map,
    parameters: Option<&Map>,
) -> Result<Request, MetricError> {
    let metric = agreement.metric(id).ok_or_else(|| MetricError::Unknown(id.to_owned()))?;
    let kind = metric.collector_type();
    if !kind.starts_with(SUPPORTED) {
        return Err(MetricError::CollectorType(kind.to_owned()));
    }
    let base = infrastructure.url(metric.infrastructure_path())?;
    let body = Body { metric, scope, window, parameters }.to_bytes().map_err(MetricError::Request)?;
    let endpoint = metric.endpoint().to_owned();
    Ok(Request { base, endpoint, body: Bytes::from(body), patient: kind == STATUS })
}

/// The states of the guarantees that are asked for, in their order; written, with those of their metrics.
pub async fn guarantees<S: States>(
    context: &Context<'_, S>,
    agreement: Agreement<'_>,
    queries: &[GuaranteeQuery],
) -> Result<Vec<Put>, CalcError> {
    let steps = plan(agreement, queries)?;
    let requests = steps.iter().flat_map(|step| {
        let ask = |(id, parameters): &(&str, Option<&Map>)| {
            request(context.infrastructure, agreement, id, &step.scope, &step.window, *parameters)
        };
        step.metrics.iter().map(ask).collect::<Vec<_>>()
    });
    let fetched = fetch(context.collector, requests.collect(), context.token).await;
    let (puts, failure) = judged(agreement, &steps, fetched, Timestamp::now());
    let puts = written(context.states, puts, failure).await?;
    Ok(puts.into_iter().filter(|put| put.key.state_type == StateType::Guarantees).collect())
}

/// Everything that is to be written, in order, and what came instead of the rest.
fn judged(
    agreement: Agreement<'_>,
    steps: &[Step<'_>],
    fetched: Fetched,
    now: Timestamp,
) -> (Vec<Put>, Option<CalcError>) {
    let mut answers = fetched.answers.into_iter();
    let (mut puts, mut of_guarantee) = (Vec::new(), Vec::new());
    for step in steps {
        let mut states = Vec::new();
        for (id, _) in &step.metrics {
            let (Some(items), Some(metric)) = (answers.next(), agreement.metric(id)) else {
                puts.append(&mut states);
                let of = format!("the guarantee {}", step.guarantee.id());
                return (
                    puts,
                    fetched.failure.map(|source| CalcError::Metric { of, metric: (*id).to_owned(), source }),
                );
            };
            states.extend(items.into_iter().map(|item| items::put(agreement, id, metric, &step.window, item, now)));
        }
        let values = calc::judge(step.guarantee, step.element, &states, now);
        puts.append(&mut states);
        match values {
            Ok(values) => of_guarantee.extend(values),
            Err(source) => {
                return (puts, Some(CalcError::Objective { guarantee: step.guarantee.id().to_owned(), source }));
            }
        }
        if step.is_last {
            puts.append(&mut of_guarantee);
        }
    }
    (puts, None)
}

/// Writes all of it at once. A failure that came before stays the failure.
async fn written<S: States>(states: &S, puts: Vec<Put>, failure: Option<CalcError>) -> Result<Vec<Put>, CalcError> {
    let written = if puts.is_empty() { Ok(()) } else { states.put(&puts).await };
    match (failure, written) {
        (None, Ok(())) => Ok(puts),
        (None, Err(error)) => Err(CalcError::Store(Box::new(error))),
        (Some(failure), Ok(())) => Err(failure),
        (Some(failure), Err(error)) => {
            tracing::warn!(error = chain(&error), "states that were computed before a failure are not written");
            Err(failure)
        }
    }
}

/// The states of metrics, in their order; written.
pub async fn metrics<S: States>(
    context: &Context<'_, S>,
    agreement: Agreement<'_>,
    queries: &[(String, MetricQuery)],
) -> Result<Vec<Put>, CalcError> {
    let ask = |(id, query): &(String, MetricQuery)| {
        request(context.infrastructure, agreement, id, &query.scope, &query.window, Some(&query.parameters))
    };
    let fetched = fetch(context.collector, queries.iter().map(ask).collect(), context.token).await;
    let (now, mut answers) = (Timestamp::now(), fetched.answers.into_iter());
    let (mut puts, mut failure) = (Vec::new(), None);
    for (id, query) in queries {
        let (Some(items), Some(metric)) = (answers.next(), agreement.metric(id)) else {
            let of = format!("the agreement {}", agreement.id());
            failure = fetched.failure.map(|source| CalcError::Metric { of, metric: id.clone(), source });
            break;
        };
        puts.extend(items.into_iter().map(|item| items::put(agreement, id, metric, &query.window, item, now)));
    }
    written(context.states, puts, failure).await
}

/// The states of a whole agreement: its guarantees, then the metrics that are reloaded by default.
pub async fn whole<S: States>(
    context: &Context<'_, S>,
    agreement: Agreement<'_>,
    queries: &[GuaranteeQuery],
    clock: &Clock,
) -> Result<Vec<Put>, CalcError> {
    let mut puts = guarantees(context, agreement, queries).await?;
    puts.extend(metrics(context, agreement, &query::reloaded(agreement, clock)).await?);
    Ok(puts)
}

/// The lines of an agreement's penalties. Without penalties nothing is asked.
pub async fn penalties<S: States>(
    context: &Context<'_, S>,
    agreement: Agreement<'_>,
    window: Option<&Map>,
    clock: &Clock,
) -> Result<Vec<Value>, CalcError> {
    if agreement.penalties().is_empty() {
        return Ok(Vec::new());
    }
    let bound = |name: &str| window?.get(name)?.as_str().filter(|bound| !bound.is_empty()).map(str::to_owned);
    // As they were given: these bounds travel to the collectors.
    let period = match (bound("initial"), bound("end")) {
        (Some(from), Some(to)) => Period { from, to },
        _ => Period::any(),
    };
    let query = |guarantee: Guarantee<'_>| GuaranteeQuery {
        guarantee: guarantee.id().to_owned(),
        period: Some(period.clone()),
        extra: Map::new(),
    };
    let queries: Vec<_> = agreement.guarantees().map(query).collect();
    let states = guarantees(context, agreement, &queries).await?;
    let nothing = Map::new();
    Ok(pricing::lines(agreement, window.unwrap_or(&nothing), &states, clock)?)
}

/// Computes a metric and writes one more than its value.
pub async fn increase<S: States>(
    context: &Context<'_, S>,
    agreement: Agreement<'_>,
    id: &str,
    query: MetricQuery,
) -> Result<Vec<Put>, CalcError> {
    let puts = metrics(context, agreement, &[(id.to_owned(), query)]).await?;
    let more: Vec<Put> = puts.into_iter().map(|put| increased(id, put)).collect::<Result<_, _>>()?;
    written(context.states, more, None).await
}

fn increased(id: &str, put: Put) -> Result<Put, CalcError> {
    let value = match (put.record.value.as_i64(), objective::bind(id, &put.record.value)) {
        (Some(number), _) => number.checked_add(1).map(Number::from),
        (None, Ok(Bound::Value(Js::Number(number)))) => Number::from_f64(number + 1.0),
        _ => None,
    };
    let value = value.map(Value::Number).ok_or_else(|| CalcError::NotANumber(id.to_owned()))?;
    let record = Record { value, time: Timestamp::now(), metrics: None, evidences: None, parameters: None };
    Ok(Put { key: put.key, record })
}

/// Writes a value that a client tells for a metric: its `scope`, `window` and `value`.
pub async fn tell<S: States>(
    states: &S,
    agreement: Agreement<'_>,
    id: &str,
    body: &Map,
) -> Result<Vec<Put>, CalcError> {
    let member = |name: &str| body.get(name).and_then(Value::as_object).cloned();
    let key = super::StateKey {
        agreement_id: agreement.id().to_owned(),
        state_type: StateType::Metrics,
        id: id.to_owned(),
        scope: member("scope").unwrap_or_default(),
        period: None,
        window: member("window"),
    };
    let value = body.get("value").cloned().unwrap_or_default();
    let record = Record { value, time: Timestamp::now(), metrics: None, evidences: None, parameters: None };
    written(states, vec![Put { key, record }], None).await
}
