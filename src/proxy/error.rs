//! What can go wrong with a request, which status it deserves, and what the client is told. Wording only; [`super::page`]
//! makes an answer of it.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use jiff::Timestamp;

use super::body::BodyFault;
use super::upstream::Told;

/// A service that did not do its part.
#[derive(Debug, Clone)]
pub struct Blame {
    pub service: String,
    pub since: Option<Timestamp>,
    /// What reeve says of it.
    pub told: Option<Arc<Told>>,
}

impl Blame {
    fn state(&self) -> String {
        let Some(told) = &self.told else { return format!("{} is away", self.service) };
        let reason = told.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{} {}{reason}", self.service, told.state())
    }
}

#[derive(Debug, Clone)]
pub enum Fault {
    /// The request itself cannot be.
    Request(&'static str),
    /// A name that is not ours.
    Host,
    NotFound,
    Method,
    TooLarge(u64),
    BodyLate,
    BodyBroken,
    TooMany(Duration),
    /// No connection to be had.
    Unreachable(Blame),
    /// Nobody is asked, because the last ones were not answered.
    Away(Blame, Duration),
    /// Connected, and then no answer, or none that is one.
    BadAnswer(Blame),
    Late(Blame),
    /// The web application is neither in the directory nor part of the binary.
    NotBuilt,
    /// A file that is there and cannot be read.
    File,
}

/// A service that is being restarted is back by then.
const RETRY: Duration = Duration::from_secs(1);

impl Fault {
    pub fn of_body(fault: BodyFault, limit: u64) -> Self {
        match fault {
            BodyFault::TooLarge => Self::TooLarge(limit),
            BodyFault::Late => Self::BodyLate,
            BodyFault::Broken => Self::BodyBroken,
        }
    }

    pub fn status(&self) -> StatusCode {
        match self {
            Self::Request(_) | Self::BodyBroken => StatusCode::BAD_REQUEST,
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyLate => StatusCode::REQUEST_TIMEOUT,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unreachable(_) | Self::Away(..) | Self::NotBuilt => StatusCode::SERVICE_UNAVAILABLE,
            Self::BadAnswer(_) => StatusCode::BAD_GATEWAY,
            Self::Late(_) => StatusCode::GATEWAY_TIMEOUT,
            Self::File => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    pub fn blame(&self) -> Option<&Blame> {
        match self {
            Self::Unreachable(blame) | Self::Away(blame, _) | Self::BadAnswer(blame) | Self::Late(blame) => Some(blame),
            _ => None,
        }
    }

    /// When it is worth another try.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooMany(wait) | Self::Away(_, wait) => Some(*wait),
            Self::Unreachable(_) | Self::BadAnswer(_) => Some(RETRY),
            _ => None,
        }
    }

    /// Whether the rest of what the client sends is of no use, so that the connection is closed.
    pub fn closes(&self) -> bool {
        matches!(self, Self::Request(_) | Self::TooLarge(_) | Self::BodyLate | Self::BodyBroken)
    }

    pub fn message(&self) -> String {
        match self {
            Self::Request(what) => (*what).to_owned(),
            Self::Host => "this server does not answer to that name".to_owned(),
            Self::NotFound => "there is nothing at this address".to_owned(),
            Self::Method => "files can be read with GET and HEAD only".to_owned(),
            Self::TooLarge(limit) => format!("the body is larger than {limit} bytes"),
            Self::BodyLate => "the body did not arrive in time".to_owned(),
            Self::BodyBroken => "the body broke off, or is not framed as it should be".to_owned(),
            Self::TooMany(_) => "too many requests from this address; slow down and try again".to_owned(),
            Self::Unreachable(blame) => format!("{} cannot be reached", blame.service),
            Self::Away(blame, _) => blame.state(),
            Self::BadAnswer(blame) => format!("{} did not answer as it should", blame.service),
            Self::Late(blame) => format!("{} did not answer in time", blame.service),
            Self::NotBuilt => "the web application is not here: it has not been built, and this binary was built without \
                               it. Beside services.toml, `reeve build` makes it from web/ (with Node.js 20 or newer and \
                               npm); the binary of a release has it already"
                .to_owned(),
            Self::File => "the file cannot be read".to_owned(),
        }
    }
}
