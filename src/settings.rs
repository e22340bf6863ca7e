//! Every environment variable that reeve reads for itself. Names only: who needs a value asks here, so that one list
//! is complete for the manual.

/// A setting taken from the environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    pub name: &'static str,
    pub about: &'static str,
}

impl Setting {
    const fn new(name: &'static str, about: &'static str) -> Self {
        Self { name, about }
    }

    /// Its value, when it is set, not empty and valid Unicode.
    pub fn get(self) -> Option<String> {
        std::env::var(self.name).ok().filter(|value| !value.is_empty())
    }
}

pub const FILE: Setting = Setting::new("REEVE_FILE", "the services.toml to use, as --file");
pub const DATA_DIR: Setting = Setting::new("REEVE_DATA_DIR", "the data directory, as --data-dir");
pub const MODE: Setting = Setting::new("REEVE_MODE", "the mode, as --mode");
pub const PORT_OFFSET: Setting = Setting::new("REEVE_PORT_OFFSET", "added to every declared port, as --port-offset");
pub const LOG: Setting = Setting::new("REEVE_LOG", "what reeve logs about itself: a level or a tracing filter");
pub const LOG_FORMAT: Setting = Setting::new("REEVE_LOG_FORMAT", "text or json");
pub const PARTS_DIR: Setting = Setting::new("REEVE_PARTS_DIR", "where third-party binaries are kept");
pub const OFFLINE: Setting = Setting::new("REEVE_OFFLINE", "1: never use the network, as install --offline");
/// Tells the copy that `up -d` starts what it is. Not for people, so not in the manual.
pub const DETACHED: Setting = Setting::new("REEVE_DETACHED", "set by up -d for its copy in the background");

/// Set in the environment of every process of a service, so that none is lost: `<data directory>/<service>/<run>`. Never
/// read from reeve's own.
pub const RUN: Setting = Setting::new("REEVE_RUN", "names the run of a service in the environment of its processes");

/// The socket of the control API, for a service that was granted it.
pub const CONTROL: Setting = Setting::new("REEVE_CONTROL", "where a service that was granted it asks the control API");

/// Those that are for people.
pub const ALL: &[Setting] = &[FILE, DATA_DIR, MODE, PORT_OFFSET, LOG, LOG_FORMAT, PARTS_DIR, OFFLINE];

/// Where a part lies, ahead of every other place: `REEVE_PART_NODE_RED` for `node-red`.
pub fn part(name: &str) -> String {
    format!("REEVE_PART_{}", name.to_uppercase().replace(['-', '.'], "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_the_prefix_and_is_unique() {
        let names = ALL.iter().map(|setting| setting.name).collect::<std::collections::BTreeSet<_>>();
        assert_eq!(names.len(), ALL.len());
        assert!(names.iter().all(|name| name.starts_with("REEVE_")));
    }
}
