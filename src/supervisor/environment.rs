//! The environment of a service, as the kernel gets it: the one place that puts it together, for the start of a service and
//! for whoever wants to see it.

use std::collections::BTreeMap;

use super::accounts::Account;
use super::facts::ServiceFacts;
use crate::spec::{ProbeAction, RenderError, ServiceSpec};

/// Where programs are looked for when reeve's own environment does not say.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Passed on from reeve's own environment to every service, beside what it names in `env_pass`.
const PASSED: [&str; 4] = ["PATH", "LANG", "LC_ALL", "TZ"];

/// Where a service that was granted it finds the control API.
const CONTROL: &str = "REEVE_CONTROL";
/// Passed on to builds as well.
const PROXIES: [&str; 7] =
    ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE"];

/// What a service finds before the mark of its run is added. `own` is reeve's own environment.
pub fn environment(
    facts: &ServiceFacts<'_>,
    own: &BTreeMap<String, String>,
    account: Option<&Account>,
) -> Result<BTreeMap<String, String>, RenderError> {
    let spec = facts.service;
    let mut env = base(spec, own, account);
    for (name, template) in &spec.env {
        env.insert(name.clone(), template.render(facts)?);
    }
    if wants_notify(spec) {
        env.insert("NOTIFY_SOCKET".to_owned(), facts.run_dir.join("notify").to_string_lossy().into_owned());
    }
    if spec.control.is_some() {
        env.insert(CONTROL.to_owned(), facts.stack.control.to_string_lossy().into_owned());
    }
    Ok(env)
}

/// What a build of the service finds before its own `env` is laid over it: nothing of the service's, which may be secret.
pub(super) fn builder_environment(
    spec: &ServiceSpec,
    own: &BTreeMap<String, String>,
    account: Option<&Account>,
) -> BTreeMap<String, String> {
    let mut env = base(spec, own, account);
    // Package managers ask for these where a network can be reached no other way.
    for name in PROXIES {
        if let Some(value) = own.get(name) {
            env.insert(name.to_owned(), value.clone());
        }
    }
    env
}

/// What every service finds before its own `env` is laid over it.
fn base(spec: &ServiceSpec, own: &BTreeMap<String, String>, account: Option<&Account>) -> BTreeMap<String, String> {
    let mut env = BTreeMap::from([("PATH".to_owned(), PATH.to_owned())]);
    let mut pass = |name: &str| {
        if let Some(value) = own.get(name) {
            env.insert(name.to_owned(), value.clone());
        }
    };
    PASSED.into_iter().chain(spec.env_pass.iter().map(String::as_str)).for_each(&mut pass);
    match account {
        None => ["HOME", "USER", "LOGNAME"].into_iter().for_each(pass),
        Some(account) => {
            env.insert("HOME".to_owned(), account.home.to_string_lossy().into_owned());
            env.insert("USER".to_owned(), account.name.clone());
            env.insert("LOGNAME".to_owned(), account.name.clone());
        }
    }
    env
}

pub(super) fn wants_notify(spec: &ServiceSpec) -> bool {
    matches!(spec.readiness.action, ProbeAction::Notify)
        || spec.command.iter().chain(spec.env.values()).any(|t| t.facts().any(|fact| fact == "self.notify_socket"))
}
