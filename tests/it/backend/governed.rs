//! A backend with the registry it works with in a stack: a process of the test's own, on a database of its own, which asks
//! this backend as its collector. Only Node-RED is a double.

use serde_json::Value;

use super::data::data;
use super::harness::Backend;
use crate::doubles::node_red::{self, NodeRed};
use crate::support::cable::Cable;
use crate::support::eventually;
use crate::support::role::{Answer, Role, answer};

/// `reeve serve registry`, reached through a cable.
pub struct Registry {
    role: Role,
    pub cable: Cable,
    database: String,
}

impl Registry {
    /// It knows of no backend yet.
    pub fn start() -> Self {
        Self::with(&[])
    }

    pub fn with(settings: &[(&str, &str)]) -> Self {
        let mut role = Role::new("registry");
        let database = format!("registry_{}", uuid::Uuid::new_v4().simple());
        std::fs::write(role.path("infrastructure.yaml"), "{}\n").expect("a file");
        role.set("GOV_INFRASTRUCTURE", "./infrastructure.yaml");
        role.set("MONGO_URI", &data().mongo_url(&database));
        role.set_all(settings);
        role.launch();
        let port = role.address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        let registry = Self { role, cable: Cable::to(port), database };
        // Its indexes keep agreements apart that come at the same time.
        eventually("the registry is ready", || match registry.call("GET", "/api/v6/agreements", None) {
            answer if answer.status == 200 => Ok(()),
            answer => Err(answer.text),
        });
        registry
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.cable.port)
    }

    /// From now on this is `status-backend`, as in a stack: by its infrastructure file.
    #[track_caller]
    pub fn asks(&self, backend: &str) {
        let file = format!("status-backend:\n  default: standard\n  standard: {backend}\n");
        std::fs::write(self.role.path("infrastructure.yaml"), file).expect("a file");
        self.call("POST", "/commons/infrastructure/update", None).expect(200);
    }

    #[track_caller]
    pub fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self.role.http.request(method, format!("{}{path}", self.url()));
        self.role.block_on(answer(body.into_iter().fold(request, |request, body| request.json(&body))))
    }

    /// As it keeps it.
    #[track_caller]
    pub fn agreement(&self, id: &str) -> Value {
        self.call("GET", &format!("/api/v6/agreements/{id}"), None).expect(200).json()
    }

    pub fn kill(&mut self) {
        self.role.kill();
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // Before its database goes: it would make it again.
        self.role.process = None;
        self.role.block_on(async {
            let client = mongodb::Client::with_uri_str(data().mongo_url(&self.database)).await.expect("MongoDB");
            client.database(&self.database).drop().await.expect("dropped");
        });
    }
}

/// The three that make points.
pub struct Governed {
    pub backend: Backend,
    pub registry: Registry,
    pub flows: NodeRed,
}

impl Governed {
    pub fn start() -> Self {
        Self::with(&[], &[])
    }

    /// With settings of the backend and of the registry.
    pub fn with(backend: &[(&str, &str)], registry: &[(&str, &str)]) -> Self {
        let (registry, flows) = (Registry::with(registry), NodeRed::start());
        let (registry_url, flows_url) = (registry.url(), flows.server.url());
        let mut settings = vec![
            ("REGISTRY_URL", registry_url.as_str()),
            ("NODE_RED_URL", &flows_url),
            ("USER_STATUS", node_red::USER),
            ("PASS_STATUS", node_red::PASSWORD),
        ];
        settings.extend(backend);
        let backend = Backend::with(&settings);
        registry.asks(&backend.address);
        Self { backend, registry, flows }
    }
}
