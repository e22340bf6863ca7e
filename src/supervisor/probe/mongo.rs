//! MongoDB answers `ping` through the driver, authenticated when the address has a user.

use mongodb::bson::doc;
use mongodb::error::{Error, ErrorKind};
use mongodb::options::{ClientOptions, ServerAddress, ServerMonitoringMode};

use super::redact::{redact, scrub};
use super::{chain, socket};

/// One client to this one server, `ping`, shut down again with its monitors.
pub(super) async fn ask(url: &str) -> Result<(), String> {
    // The parser's own message may quote the address.
    let mut options =
        ClientOptions::parse(url).await.map_err(|_| format!("not a MongoDB address: {}", redact(url)))?;
    // The driver tries for long before it says that nobody listens; this says it at once.
    match options.hosts.first() {
        Some(ServerAddress::Tcp { host, port }) => {
            socket::connect(host, port.unwrap_or(27017)).await?;
        }
        Some(_) | None => {}
    }
    options.direct_connection = Some(true);
    options.max_pool_size = Some(1);
    options.min_pool_size = None;
    options.server_monitoring_mode = Some(ServerMonitoringMode::Poll);
    options.app_name = Some("reeve".to_owned());
    let database = options.default_database.clone().unwrap_or_else(|| "admin".to_owned());
    let client = mongodb::Client::with_options(options).map_err(|error| reason(&error, url))?;
    let answer = client.database(&database).run_command(doc! { "ping": 1 }).await;
    client.shutdown().immediate(true).await;
    answer.map(drop).map_err(|error| reason(&error, url))
}

fn reason(error: &Error, url: &str) -> String {
    let text = match error.kind.as_ref() {
        ErrorKind::Authentication { message, .. } => format!("authentication failed: {message}"),
        ErrorKind::Command(command) => command.message.clone(),
        ErrorKind::ServerSelection { message, .. } => message.clone(),
        ErrorKind::Io(error) => socket::short(error),
        _ => chain(error),
    };
    scrub(&text, url)
}
