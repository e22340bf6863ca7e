//! `/grafana`, against a double of Grafana's HTTP API (`tests/doubles/grafana_http.rs`).

use serde_json::{Value, json};

use super::harness::{Answer, Backend};
use crate::doubles::grafana_http::{Grafana, PASSWORD, USER};

mod accounts;
mod dashboards;
mod failures;
mod folders;
mod panels;
mod queries;
mod search;

/// A backend and its Grafana.
struct Pair {
    backend: Backend,
    grafana: Grafana,
}

impl Pair {
    fn start() -> Self {
        let grafana = Grafana::start();
        let settings = [
            ("GRAFANA_URL", grafana.url()),
            ("GRAFANA_USER", USER.to_owned()),
            ("GRAFANA_PASSWORD", PASSWORD.to_owned()),
        ];
        let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
        Self { backend: Backend::with(&settings), grafana }
    }

    #[track_caller]
    fn get(&self, path: &str) -> Answer {
        self.backend.user("GET", &format!("/grafana{path}"), None)
    }

    #[track_caller]
    fn post(&self, path: &str, body: Value) -> Answer {
        self.backend.user("POST", &format!("/grafana{path}"), Some(body))
    }

    /// As the web client does it: with a body.
    #[track_caller]
    fn delete(&self, path: &str) -> Answer {
        self.backend.user("DELETE", &format!("/grafana{path}"), Some(json!({})))
    }

    /// The uid of a new folder.
    #[track_caller]
    fn folder(&self, title: &str) -> String {
        uid(&self.post("/folder", json!({ "title": title })).expect(201).json())
    }

    /// The uid of a new dashboard.
    #[track_caller]
    fn dashboard(&self, title: &str) -> String {
        uid(&self.post("/dashboard", json!({ "dashboard": { "title": title } })).expect(201).json())
    }
}

#[track_caller]
fn uid(object: &Value) -> String {
    object["uid"].as_str().unwrap_or_else(|| panic!("a uid in {object}")).to_owned()
}

/// The titles in a list.
#[track_caller]
fn titles(list: &Value) -> Vec<&str> {
    list.as_array().expect("a list").iter().map(|it| it["title"].as_str().expect("a title")).collect()
}
