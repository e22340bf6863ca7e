//! `mongo`: a command document, through the driver.

use std::time::Duration;

use mongodb::Client;
use mongodb::bson::Document;
use mongodb::error::ErrorKind;
use mongodb::options::ClientOptions;

use super::error::Cause;
use super::steps::Context;

/// One try to reach the server; the step's own time limit bounds the tries together.
const SELECTION_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) async fn run(context: &Context<'_>, url: &str, database: &str, command: &str) -> Result<(), Cause> {
    let command = document(context, command)?;
    let client = client(context, url).await?;
    let outcome = client.database(database).run_command(command).await;
    // Otherwise its monitors go on in the background and a temporary server waits for them when it stops.
    client.shutdown().immediate(true).await;
    outcome.map(|_| ()).map_err(|error| match *error.kind {
        ErrorKind::ServerSelection { .. } | ErrorKind::Io(_) => Cause::Connect(context.redacted(error)),
        _ => Cause::Refused(context.redacted(error)),
    })
}

async fn client(context: &Context<'_>, url: &str) -> Result<Client, Cause> {
    let invalid = |error: mongodb::error::Error| Cause::Url(context.redacted(error));
    let mut options = ClientOptions::parse(url).await.map_err(invalid)?;
    options.server_selection_timeout = Some(SELECTION_TIMEOUT);
    options.direct_connection = Some(true);
    Client::with_options(options).map_err(invalid)
}

/// Relaxed extended JSON, the order of the keys kept: the first one names the command.
fn document(context: &Context<'_>, text: &str) -> Result<Document, Cause> {
    serde_json::from_str(text).map_err(|error| Cause::Document(context.redacted(error)))
}
