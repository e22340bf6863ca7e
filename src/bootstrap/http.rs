//! `http`: one request to a service of the stack.

use reqwest::{Client, Method};

use super::error::Cause;
use super::steps::Context;

/// As much of an answer as helps to see why it was no success.
const BODY_CHARS: usize = 300;

pub(super) async fn run(
    context: &Context<'_>,
    method: &str,
    url: &str,
    headers: &[(&str, String)],
    body: Option<String>,
    status: (u16, u16),
) -> Result<(), Cause> {
    let failed = |error: reqwest::Error| Cause::Request(context.redacted(crate::telemetry::chain(&error)));
    // Only the first one of a process counts; whoever was first chose the same.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().map_err(failed)?;
    let method = Method::from_bytes(method.as_bytes()).map_err(|error| Cause::Request(error.to_string()))?;
    let mut request = client.request(method, url);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    if let Some(body) = body {
        request = request.body(body);
    }
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) if error.is_connect() => {
            return Err(Cause::Connect(context.redacted(crate::telemetry::chain(&error))));
        }
        Err(error) => return Err(failed(error)),
    };
    let code = answer.status().as_u16();
    if (status.0..=status.1).contains(&code) {
        return Ok(());
    }
    let body = answer.text().await.unwrap_or_default();
    let body: String = body.chars().take(BODY_CHARS).collect();
    Err(Cause::Status { url: context.redacted(url), status: code, body: context.redacted(body) })
}
