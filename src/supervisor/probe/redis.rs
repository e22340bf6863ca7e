//! Redis, Valkey or Dragonfly answers `PING` with `PONG`, after authentication where the address has a password.

use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult};

use super::chain;
use super::redact::{redact, scrub};

/// One connection, `AUTH`, `PING`, closed again.
pub(super) async fn ask(url: &str) -> Result<(), String> {
    // The parser's own message may quote the address.
    let client = Client::open(url).map_err(|_| format!("not a Redis address: {}", redact(url)))?;
    // The probe's own timeout bounds it all; the library's would cut it short.
    let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
    let connection = client.get_multiplexed_async_connection_with_config(&config).await;
    let mut connection = connection.map_err(|error| reason(&error, url))?;
    let answer: RedisResult<String> = redis::cmd("PING").query_async(&mut connection).await;
    match answer {
        Ok(pong) if pong == "PONG" => Ok(()),
        Ok(other) => Err(format!("PING was answered with `{}`", other.chars().take(100).collect::<String>())),
        Err(error) => Err(reason(&error, url)),
    }
}

fn reason(error: &RedisError, url: &str) -> String {
    let text = match (error.code(), error.detail()) {
        (Some(code), Some(detail)) => format!("{code} {detail}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => {
            let text = chain(error);
            let text = text.split(" (os error").next().unwrap_or(&text);
            format!("{}: {text}", redact(url))
        }
    };
    scrub(&text, url)
}
