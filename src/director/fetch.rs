//! Fetching a task's script: anew for each run, as text whatever its type, within limits.

use std::time::Duration;

use axum::http::header;
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use tokio::sync::Semaphore;

/// As the original names itself; script servers may look at it.
const USER_AGENT: &str = "request";

/// Of the original.
const REDIRECTS: usize = 10;

/// For a connection; a server that is away is noticed soon.
const CONNECT: Duration = Duration::from_secs(5);

/// Of a script. Published ones have some kilobytes; with its modules bundled one may have hundreds.
pub const LARGEST: usize = 2 << 20;

#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    #[error("the client for scripts cannot be set up")]
    Client(#[source] reqwest::Error),
    #[error("the task names no script")]
    None,
    #[error("the address of the script is no http or https address")]
    Address,
    #[error("the script cannot be fetched")]
    Request(#[source] reqwest::Error),
    #[error("the script's server answered {0}")]
    Status(u16),
    #[error("the script is larger than {LARGEST} bytes")]
    TooLarge,
}

/// Fetches at a time: each is a descriptor, of which a process has a thousand, and callers need some of them.
const AT_A_TIME: usize = 256;

#[derive(Debug)]
pub struct Fetcher {
    client: Client,
    turns: Semaphore,
}

impl Fetcher {
    /// `time` is for a whole script, from the first connection to the last byte.
    pub fn new(time: Duration) -> Result<Self, FetchError> {
        let builder = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(Policy::limited(REDIRECTS))
            .connect_timeout(CONNECT)
            .timeout(time);
        let client = builder.build().map_err(FetchError::Client)?;
        Ok(Self { client, turns: Semaphore::new(AT_A_TIME) })
    }

    pub async fn script(&self, address: &str) -> Result<String, FetchError> {
        let url = Url::parse(address).map_err(|_| FetchError::Address)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(FetchError::Address);
        }
        // Never closed.
        let _turn = self.turns.acquire().await.ok();
        // The address may carry a password, and errors are logged.
        let told = |error: reqwest::Error| FetchError::Request(error.without_url());
        let mut response = self.client.get(url).header(header::ACCEPT, "*/*").send().await.map_err(told)?;
        let status = response.status();
        if !status.is_success() {
            return Err(FetchError::Status(status.as_u16()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(told)? {
            if bytes.len() + chunk.len() > LARGEST {
                return Err(FetchError::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}
