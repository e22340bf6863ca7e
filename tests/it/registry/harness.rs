//! One registry for one test: its process, its database in the real MongoDB, a collector, and a client.

use std::ops::{Deref, DerefMut};

use mongodb::Collection;
use mongodb::bson::{Document, doc};
use serde_json::{Value, json};

use crate::backend::data::data;
use crate::doubles::collector::{Collector, ENDPOINT};
use crate::support::role::{Answer, Role};

pub const PREFIX: &str = "/api/v6";

pub struct Registry {
    role: Role,
    pub database: String,
    pub collector: Collector,
}

impl Deref for Registry {
    type Target = Role;

    fn deref(&self) -> &Role {
        &self.role
    }
}

impl DerefMut for Registry {
    fn deref_mut(&mut self) -> &mut Role {
        &mut self.role
    }
}

impl Registry {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With settings of its own; an empty value unsets one.
    pub fn with(settings: &[(&str, &str)]) -> Self {
        let mut registry = Self::prepared(settings);
        registry.launch();
        registry
    }

    /// Its database is reached through that port.
    pub fn through(port: u16, settings: &[(&str, &str)]) -> Self {
        let mut registry = Self::prepared(settings);
        let address = data().mongo_url(&registry.database).replace(&data().mongo_port.to_string(), &port.to_string());
        registry.set("MONGO_URI", &address);
        registry.launch();
        registry
    }

    /// Everything but the process.
    pub fn prepared(settings: &[(&str, &str)]) -> Self {
        let mut role = Role::new("registry");
        let database = format!("registry_{}", uuid::Uuid::new_v4().simple());
        let collector = Collector::start();
        let url = collector.url();
        let infrastructure = format!("status-backend:\n  default: standard\n  standard: {url}\n");
        std::fs::write(role.path("infrastructure.yaml"), infrastructure).expect("a file");
        role.set("MONGO_URI", &data().mongo_url(&database));
        role.set("GOV_INFRASTRUCTURE", "./infrastructure.yaml");
        role.set_all(settings);
        Self { role, database, collector }
    }

    /// A request below the prefix, and its answer.
    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.request(method, &format!("{PREFIX}{path}"));
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.send(request)
    }

    #[track_caller]
    pub fn get(&self, path: &str) -> Answer {
        self.call("GET", path, None)
    }

    #[track_caller]
    pub fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, Some(body))
    }

    #[track_caller]
    pub fn put(&self, path: &str, body: Value) -> Answer {
        self.call("PUT", path, Some(body))
    }

    #[track_caller]
    pub fn delete(&self, path: &str) -> Answer {
        self.call("DELETE", path, None)
    }

    /// A collection of this test's database, past the registry.
    pub fn stored<T>(&self, collection: &str, work: impl AsyncFnOnce(Collection<Document>) -> T) -> T {
        self.block_on(async {
            let client = mongodb::Client::with_uri_str(data().mongo_url(&self.database)).await.expect("MongoDB");
            work(client.database(&self.database).collection(collection)).await
        })
    }

    /// Every document of a collection, in the order of the database.
    pub fn documents(&self, collection: &str) -> Vec<Document> {
        self.stored(collection, async |collection| {
            let mut cursor = collection.find(doc! {}).await.expect("documents");
            let mut all = Vec::new();
            while cursor.advance().await.expect("documents") {
                all.push(cursor.deserialize_current().expect("a document"));
            }
            all
        })
    }

    pub fn insert(&self, collection: &str, documents: Vec<Document>) {
        self.stored(collection, async |collection| {
            collection.insert_many(documents).await.expect("inserted");
        });
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // Before its database goes: it would make it again.
        self.process = None;
        self.block_on(async {
            let client = mongodb::Client::with_uri_str(data().mongo_url(&self.database)).await.expect("MongoDB");
            client.database(&self.database).drop().await.expect("dropped");
        });
    }
}

/// An agreement as STATUS builds it, of so many guarantees with one metric each.
pub fn agreement(id: &str, guarantees: usize) -> Value {
    let collector = json!({
        "infrastructurePath": "status-backend",
        "endpoint": ENDPOINT,
        "type": "POST-GET-V1-STATUS",
        "config": { "backendUrl": "http://status-backend:3001/api/v1/computations/bulk" },
    });
    let names: Vec<String> = (1..=guarantees).map(|number| format!("UPTIME_{number}")).collect();
    let metric = |name: &String| {
        let measure = json!({ "endpoint": format!("/{name}"), "params": {}, "scope": {} });
        (format!("{name}_METRIC"), json!({ "collector": collector, "measure": measure }))
    };
    let guarantee = |name: &String| {
        json!({
            "id": name,
            "notes": "",
            "description": "how long it was up",
            "scope": { "project": { "name": "project", "description": "", "type": "string", "default": "*" } },
            "of": [{
                "scope": { "project": "p1" },
                "objective": format!("{name}_METRIC >= 80"),
                "with": { format!("{name}_METRIC"): {} },
                "window": { "type": "static", "initial": "2022-01-01", "period": "daily" },
            }],
        })
    };
    json!({
        "id": id,
        "version": "1.0.0",
        "type": "agreement",
        "context": {
            "validity": { "initial": "2022-01-01", "timeZone": "America/Los_Angeles" },
            "definitions": { "schemas": {}, "scopes": {} },
        },
        "terms": {
            "metrics": names.iter().map(metric).collect::<serde_json::Map<_, _>>(),
            "guarantees": names.iter().map(guarantee).collect::<Vec<_>>(),
        },
    })
}
