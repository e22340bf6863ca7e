//! Whether the temporary server of an init answers.

use super::error::Cause;
use super::steps::Context;
use super::{mongo, sql};
use crate::spec::ProbeAction;

/// One try. Only what a server on a private socket can be asked is known here.
pub(super) async fn answers(context: &Context<'_>, probe: &ProbeAction) -> Result<(), Cause> {
    match probe {
        ProbeAction::Mongo { url } => mongo::run(context, &context.render(url)?, "admin", r#"{"ping": 1}"#).await,
        ProbeAction::Postgres { url } => sql::run(context, &context.render(url)?, "SELECT 1".to_owned()).await,
        ProbeAction::Unix { path } => {
            let path = context.render(path)?;
            connected(tokio::net::UnixStream::connect(&path).await.map(|_| ()), &path)
        }
        ProbeAction::Tcp { host, port } => {
            let address = format!("{host}:{}", context.render(port)?);
            connected(tokio::net::TcpStream::connect(&address).await.map(|_| ()), &address)
        }
        ProbeAction::File { path } => {
            let path = context.render(path)?;
            connected(tokio::fs::metadata(&path).await.map(|_| ()), &path)
        }
        ProbeAction::Delay { after } => {
            tokio::time::sleep(*after).await;
            Ok(())
        }
        ProbeAction::Exec { command } => {
            super::exec::run(context, command, &std::collections::BTreeMap::new(), None, std::time::Duration::MAX).await
        }
        ProbeAction::Http(_) | ProbeAction::Redis { .. } | ProbeAction::Log { .. } | ProbeAction::Notify => {
            Err(Cause::Refused(
                "`ready` of an init server must be mongo, postgres, unix, tcp, file, exec or delay".to_owned(),
            ))
        }
    }
}

fn connected(outcome: std::io::Result<()>, place: &str) -> Result<(), Cause> {
    outcome.map_err(|error| Cause::Connect(format!("{place}: {error}")))
}
