//! The stack that the repository ships, as the tests start it: on ports of its own, with a double where no registry carries the part.

use std::path::{Path, PathBuf};

use super::Stack;

/// The repository's own `services.toml`.
pub fn services() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("services.toml");
    std::fs::read_to_string(file).expect("services.toml")
}

impl Stack {
    pub fn shipped() -> Self {
        Self::new(&automatic_ports(&services()))
    }

    /// What `reeve credentials` shows under this label.
    #[track_caller]
    pub fn credential(&self, service: &str, label: &str) -> String {
        let all = self.reeve(&["credentials", service, "--json"]).expect(0).json();
        all["services"][service][label].as_str().unwrap_or_else(|| panic!("{label} of {service} in {all}")).to_owned()
    }

    /// The double of Grafana as a part, for `REEVE_PART_GRAFANA`. Copied, since the service's account may not be able to read
    /// the source tree.
    pub fn grafana_part(&self) -> PathBuf {
        let part = self.shared("grafana");
        let double = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/doubles/grafana/bin/grafana");
        std::fs::create_dir_all(part.join("bin")).expect("a directory");
        std::fs::copy(double, part.join("bin/grafana")).expect("the double");
        part
    }
}

/// A `services.toml` whose every fixed port is one that is chosen at the first start.
fn automatic_ports(text: &str) -> String {
    let mut document: toml_edit::DocumentMut = text.parse().expect("TOML");
    for (_, service) in document["services"].as_table_mut().expect("services").iter_mut() {
        let Some(ports) = service.get_mut("ports").and_then(toml_edit::Item::as_table_like_mut) else { continue };
        for (_, port) in ports.iter_mut() {
            match port.as_table_like_mut() {
                Some(table) => table.insert("port", toml_edit::value("auto")),
                None => Some(std::mem::replace(port, toml_edit::value("auto"))),
            };
        }
    }
    document.to_string()
}
