//! The services that the backend asks over HTTP, one typed client each.
//!
//! Owns time-outs, repetition, circuit breakers and measurements of these calls ([`upstream`]), and what is asked where.
//! Never knows an endpoint of ours: what an upstream's answer means to our caller is decided in its handler.
//!
//! A client of a service that is not configured can be made; its calls fail with [`UpstreamError::NotConfigured`].

pub mod breaker;
mod call;
mod error;
pub mod github;
pub mod grafana;
mod kept_key;
pub mod node_red;
pub mod openai;
pub mod registry;
pub mod upstream;

pub use call::Call;
pub use error::UpstreamError;
pub use github::GitHub;
pub use grafana::Grafana;
pub use node_red::NodeRed;
pub use openai::OpenAi;
pub use registry::Registry;
pub use upstream::ClientError;

use super::settings::Settings;

/// All of them.
#[derive(Debug)]
pub struct Clients {
    pub grafana: Grafana,
    pub node_red: NodeRed,
    pub registry: Registry,
    pub openai: OpenAi,
    pub github: GitHub,
}

impl Clients {
    pub fn new(settings: &Settings) -> Result<Self, ClientError> {
        Ok(Self {
            grafana: Grafana::new(&settings.grafana)?,
            node_red: NodeRed::new(&settings.node_red)?,
            registry: Registry::new(settings.registry_url.as_deref())?,
            openai: OpenAi::new(&settings.openai)?,
            github: GitHub::new(&settings.github)?,
        })
    }

    /// What is measured only when somebody reads it.
    pub fn measure(&self) {
        let Self { grafana, node_red, registry, openai, github } = self;
        for upstream in [&grafana.upstream, &node_red.upstream, &registry.upstream, &openai.upstream, &github.upstream]
        {
            upstream.measure();
        }
    }
}
