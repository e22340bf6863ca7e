//! What the set-up has to know, by the names that the backend uses.

use std::path::PathBuf;

use crate::serve::Secret;
use crate::serve::environment::{Lookup, Problems, Reader};

#[derive(Debug)]
pub struct Settings {
    /// The backend with its prefix, as in `http://127.0.0.1:3001/api/v1`.
    pub backend: String,
    pub admin: String,
    pub admin_password: Secret,
    pub grafana: String,
    pub grafana_user: String,
    pub grafana_password: Secret,
    /// The operator's own; nothing is made then.
    pub given_key: Option<Secret>,
    /// Where the key is kept.
    pub key_file: PathBuf,
}

impl Settings {
    pub fn read(lookup: Lookup<'_>) -> Result<Self, Problems> {
        let mut from = Reader::new(lookup);
        let base = |text: String| text.trim_end_matches('/').to_owned();
        let settings = Self {
            backend: base(from.required("BACKEND_URL", "the API with its prefix")),
            admin: from.text("ADMIN_USER", "admin"),
            admin_password: Secret::new(from.required("ADMIN_PASSWORD", "password of the administrator")),
            grafana: base(from.required("GRAFANA_URL", "Grafana's address")),
            grafana_user: from.text("GRAFANA_USER", "admin"),
            grafana_password: Secret::new(from.required("GRAFANA_PASSWORD", "password of Grafana's administrator")),
            // The original's set-up writes the word when it has failed.
            given_key: from.optional("GRAFANA_API_KEY").filter(|key| key != "null").map(Secret::new),
            key_file: from.required("GRAFANA_API_KEY_FILE", "where the key is kept").into(),
        };
        from.finish()?;
        Ok(settings)
    }
}
