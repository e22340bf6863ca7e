//! `sql`, `sql_dir`: statements on PostgreSQL, as one simple query.

use std::fs;
use std::io;
use std::path::Path;
use std::str::FromStr;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::error::Cause;
use super::steps::Context;

pub(super) async fn run(context: &Context<'_>, url: &str, statements: String) -> Result<(), Cause> {
    let mut connection = connect(context, url).await?;
    // The operator's own statements: there is nothing to bind, and the simple protocol takes several at once.
    let outcome = sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut connection).await;
    let outcome = outcome.map(|_| ()).map_err(|error| failure(context, &error));
    // The statements count; a connection that does not close well changes nothing about them.
    let _ = connection.close().await;
    outcome
}

pub(super) async fn connect(context: &Context<'_>, url: &str) -> Result<PgConnection, Cause> {
    let options = PgConnectOptions::from_str(url).map_err(|error| Cause::Url(context.redacted(error)))?;
    options.disable_statement_logging().connect().await.map_err(|error| failure(context, &error))
}

fn failure(context: &Context<'_>, error: &sqlx::Error) -> Cause {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => Cause::Connect(context.redacted(error)),
        // 57P03: the database system is starting up (or shutting down).
        sqlx::Error::Database(database) if database.code().as_deref() == Some("57P03") => {
            Cause::Connect(context.redacted(database.message()))
        }
        sqlx::Error::Database(database) => {
            let code = database.code().map(|code| format!(" (SQLSTATE {code})")).unwrap_or_default();
            Cause::Refused(context.redacted(format!("{}{code}", database.message())))
        }
        other => Cause::Refused(context.redacted(other)),
    }
}

/// The `.sql` files of a directory, in name order, and what is in them.
pub(super) fn files(dir: &Path) -> Result<Vec<(String, String)>, Cause> {
    let read = |source| Cause::Read { path: dir.display().to_string(), source };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(read(error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(read)?.path();
        if path.extension().is_none_or(|extension| extension != "sql") || !path.is_file() {
            continue;
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text =
            fs::read_to_string(&path).map_err(|source| Cause::Read { path: path.display().to_string(), source })?;
        files.push((name, text));
    }
    files.sort();
    Ok(files)
}
