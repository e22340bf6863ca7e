//! PostgreSQL answers a query, as the user of the address.

use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use super::redact::{redact, scrub};
use super::{chain, socket};

/// One connection, one query, closed again.
pub(super) async fn ask(url: &str, statement: Option<&str>) -> Result<(), String> {
    // The parser's own message may quote the address.
    let options = PgConnectOptions::from_str(url).map_err(|_| format!("not a PostgreSQL address: {}", redact(url)))?;
    let options = options.disable_statement_logging().application_name("reeve");
    let mut connection = options.connect().await.map_err(|error| reason(&error, url))?;
    let statement = AssertSqlSafe(statement.unwrap_or("select 1").to_owned());
    let answer = sqlx::raw_sql(statement).execute(&mut connection).await;
    answer.map_err(|error| reason(&error, url))?;
    // The answer is there; a server that goes away during the goodbye is found by the next probe.
    let _ = connection.close().await;
    Ok(())
}

fn reason(error: &sqlx::Error, url: &str) -> String {
    let text = match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Io(error) => format!("{}: {}", redact(url), socket::short(error)),
        other => chain(other),
    };
    scrub(&text, url)
}
