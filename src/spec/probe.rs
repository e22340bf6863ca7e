//! Health probes: what is asked, how often, and how many answers count.

use std::time::Duration;

use serde::Serialize;

use super::template::Template;

/// A readiness or liveness probe of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProbeSpec {
    pub action: ProbeAction,
    /// Pause between the end of one probe and the next while the service runs; 10 s unless set.
    pub every: Duration,
    /// A probe that takes longer is killed and counts as a failure; 3 s unless set.
    pub timeout: Duration,
    /// Failures in a row until the service is unready (or, for liveness, restarted); 3 unless set.
    pub failures: u32,
    /// Successes in a row until it is ready for the first time; 1 unless set.
    pub successes: u32,
    /// Successes in a row until it is ready again after it was unready; 2 unless set.
    pub recover_successes: u32,
    /// Not ready this long after the spawn: the start has failed; 60 s unless set.
    pub start_timeout: Duration,
    /// Unready for this many probes in a row beyond `failures`: restart. `None`: never (readiness only gates).
    pub restart_on_unready: Option<u32>,
}

/// What a probe does. Templates are rendered with the facts of the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProbeAction {
    /// Exit code 0 is success. Runs as the service's user, in its environment and directory.
    Exec {
        command: Vec<Template>,
    },
    Http(HttpProbe),
    /// A connection to any address of the name succeeds.
    Tcp {
        host: String,
        port: Template,
    },
    /// A connection to the socket succeeds.
    Unix {
        path: Template,
    },
    /// A query over TCP (or the given URL) succeeds as that user.
    Postgres {
        url: Template,
    },
    /// `PING` answers `PONG` after authentication.
    Redis {
        url: Template,
    },
    /// `ping` through the driver, authenticated.
    Mongo {
        url: Template,
    },
    /// A line of output matches; once seen it holds for the run.
    Log {
        pattern: String,
    },
    /// The service says `READY=1` on `$NOTIFY_SOCKET`.
    Notify,
    /// The file exists.
    File {
        path: Template,
    },
    /// Assumed ready after this time alive, and when ports are declared, once they listen.
    Delay {
        after: Duration,
    },
}

/// An HTTP probe; never through a proxy of the environment, redirects are not followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HttpProbe {
    pub url: Template,
    pub method: String,
    pub headers: Vec<(String, Template)>,
    /// Inclusive range of accepted statuses; 200–299 unless set.
    pub status: (u16, u16),
    /// The body must match this regular expression.
    pub body: Option<String>,
    /// Verify the certificate of an https address; true unless set.
    pub tls_verify: bool,
}
