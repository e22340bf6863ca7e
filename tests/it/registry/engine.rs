//! What the tests of the engine share: an agreement, states in memory, a context of both and a collector.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use reeve::governify::infrastructure::Infrastructure;
use reeve::registry::engine::asked::{Asked, GuaranteeQuery, queries};
use reeve::registry::engine::{Agreement, CalcError, Clock, Collector, CollectorSettings, Context, Put, States};
use serde_json::{Value, json};

use crate::doubles::collector::{self, Collector as Double};

/// States as they were put, in order.
#[derive(Debug, Default)]
pub struct Memory {
    puts: Mutex<Vec<Put>>,
    calls: Mutex<usize>,
    pub broken: bool,
}

#[derive(Debug, thiserror::Error)]
#[error("the disk is full")]
pub struct Full;

impl States for Memory {
    type Error = Full;

    async fn put(&self, puts: &[Put]) -> Result<(), Full> {
        *lock(&self.calls) += 1;
        if self.broken {
            return Err(Full);
        }
        lock(&self.puts).extend_from_slice(puts);
        Ok(())
    }
}

fn lock<T>(it: &Mutex<T>) -> MutexGuard<'_, T> {
    it.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    /// Type and id of everything that was put, as in `metrics UPTIME_METRIC`.
    pub fn written(&self) -> Vec<String> {
        let name = |put: &Put| format!("{} {}", put.key.state_type.name(), put.key.id);
        lock(&self.puts).iter().map(name).collect()
    }

    pub fn all(&self) -> Vec<Put> {
        lock(&self.puts).clone()
    }

    pub fn calls(&self) -> usize {
        *lock(&self.calls)
    }
}

/// A collector, a double of it, and states.
#[derive(Debug)]
pub struct Bench {
    pub double: Double,
    pub collector: Collector,
    pub infrastructure: Infrastructure,
    pub memory: Memory,
    pub token: Option<String>,
}

/// Short enough for tests, in the proportions of the real ones.
pub fn quick() -> CollectorSettings {
    CollectorSettings {
        wait: Duration::from_millis(10),
        budget: Duration::from_millis(100),
        not_found_grace: Duration::from_millis(50),
        ..CollectorSettings::default()
    }
}

impl Bench {
    pub fn new(settings: CollectorSettings) -> Self {
        reeve::serve::install_tls();
        let double = Double::start();
        let infrastructure = Infrastructure::from_tree(json!({
            "status-backend": { "default": double.url(), "standard": double.url() },
        }));
        let collector = Collector::new(settings).expect("a client");
        Self { double, collector, infrastructure, memory: Memory::default(), token: Some("TOK".into()) }
    }

    pub fn context(&self) -> Context<'_, Memory> {
        Context {
            collector: &self.collector,
            infrastructure: &self.infrastructure,
            states: &self.memory,
            token: self.token.as_deref(),
        }
    }

    /// The guarantees of an agreement for January, as a client sees them.
    pub fn guarantees(&self, agreement: &Value) -> Result<Vec<Value>, CalcError> {
        let found = crate::registry::run(async {
            let asked = january(agreement);
            reeve::registry::engine::calculate::guarantees(&self.context(), Agreement::new(agreement), &asked).await
        })?;
        Ok(found.iter().map(Put::view).collect())
    }
}

pub fn clock() -> Clock {
    Clock { now: "2024-02-01T09:00:00Z".parse().expect("a time"), local: TimeZone::UTC }
}

pub fn january(agreement: &Value) -> Vec<GuaranteeQuery> {
    let asked = Asked {
        from: Some("2024-01-01".into()),
        to: Some("2024-01-31T10:00:00Z".into()),
        widen: false,
        ..Asked::default()
    };
    queries(Agreement::new(agreement), &asked, &clock()).expect("queries")
}

/// As STATUS builds it: for each name a metric and a guarantee, with one element per scope.
pub fn agreement(guarantees: &[(&str, &[&str])]) -> Value {
    let metric = |name: &str| {
        json!({
            "collector": {
                "infrastructurePath": "status-backend", "endpoint": collector::ENDPOINT, "type": "POST-GET-V1-STATUS",
                "config": { "backendUrl": "http://status-backend:3001/api/v1/computations/bulk" },
            },
            "measure": { "endpoint": format!("/{}", name.to_lowercase()), "params": {}, "scope": {} },
        })
    };
    let element = |name: &str, project: &str| {
        json!({
            "scope": { "project": project },
            "objective": format!("{name}_METRIC >= 80.00"),
            "with": { format!("{name}_METRIC"): {} },
            "window": { "type": "static", "initial": "2022-01-01", "period": "daily" },
        })
    };
    let guarantee = |(name, projects): &(&str, &[&str])| {
        json!({
            "id": name, "notes": "", "description": "",
            "scope": { "project": { "name": "project", "description": "", "type": "string", "default": "" } },
            "of": projects.iter().map(|project| element(name, project)).collect::<Vec<_>>(),
        })
    };
    let metrics: serde_json::Map<String, Value> =
        guarantees.iter().map(|(name, _)| (format!("{name}_METRIC"), metric(name))).collect();
    json!({
        "id": "tpa-1", "version": "1.0.0", "type": "agreement",
        "context": {
            "validity": { "initial": "2022-01-01", "timeZone": "America/Los_Angeles" },
            "definitions": { "schemas": {}, "scopes": {} },
        },
        "terms": { "metrics": metrics, "guarantees": guarantees.iter().map(guarantee).collect::<Vec<_>>() },
    })
}
