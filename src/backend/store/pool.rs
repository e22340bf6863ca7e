//! Connections to PostgreSQL: as many as allowed, each used by one statement or transaction at a time.
//!
//! The library's own pool asks every connection, each time it comes back, whether it is still good: a second round trip
//! for every statement, a third of all work for a short one. Here a connection is known to be good when what was asked
//! of it was answered to the end; any other is closed, so an abandoned request never leaves half an answer, or half a
//! transaction, to the next one. A connection that has rested, or one of a time before an outage, is asked first.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use deadpool::managed::{self, Manager as _, Metrics, PoolError, RecycleError, RecycleResult, Timeouts};
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, Stream, StreamExt, TryStreamExt};
use sqlx::postgres::{
    PgArguments, PgConnectOptions, PgConnection, PgQueryResult, PgRow, PgStatement, PgTypeInfo, Postgres,
};
use sqlx::query::Query;
use sqlx::{Connection, Either, Error, Execute, Executor, SqlStr};

/// The server ends a statement that takes longer, the sending of its rows to a slow reader included.
pub const STATEMENT: Duration = Duration::from_secs(30);

/// No statement of ours thinks for so long before its next row: nobody is at the other end any more.
const SILENCE: Duration = Duration::from_secs(5);

/// A connection that has rested for longer may have been closed meanwhile.
const RESTED: Duration = Duration::from_secs(1);

struct Session {
    connection: PgConnection,
    /// What was asked last has been answered to the end.
    is_clean: bool,
    /// The outages that the pool had seen when this was opened.
    outages: u64,
}

struct Connector {
    options: PgConnectOptions,
    outages: Arc<AtomicU64>,
}

impl managed::Manager for Connector {
    type Type = Session;
    type Error = Error;

    async fn create(&self) -> Result<Session, Error> {
        let outages = self.outages.load(Ordering::Relaxed);
        let connection = PgConnection::connect_with(&self.options).await?;
        Ok(Session { connection, is_clean: true, outages })
    }

    async fn recycle(&self, session: &mut Session, metrics: &Metrics) -> RecycleResult<Error> {
        if !session.is_clean {
            return Err(RecycleError::message("left in the middle of an answer"));
        }
        let outages = self.outages.load(Ordering::Relaxed);
        if metrics.last_used() > RESTED || session.outages != outages {
            session.connection.ping().await?;
            session.outages = outages;
        }
        Ok(())
    }
}

/// A handle; all clones share the connections.
#[derive(Clone)]
pub struct Pool {
    inner: managed::Pool<Connector>,
    outages: Arc<AtomicU64>,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Pool({:?})", self.inner.status())
    }
}

impl Pool {
    /// Opens a connection when the first statement needs it. `wait`: for a free one, and for a new one to be made.
    pub fn new(options: PgConnectOptions, connections: u32, wait: Duration) -> Self {
        let outages = Arc::<AtomicU64>::default();
        let connector = Connector { options, outages: outages.clone() };
        let timeouts = Timeouts { wait: Some(wait), create: Some(wait), recycle: Some(wait) };
        let builder = managed::Pool::builder(connector).max_size(connections.max(1) as usize).timeouts(timeouts);
        let builder = builder.runtime(deadpool::Runtime::Tokio1).queue_mode(managed::QueueMode::Lifo);
        // Refused only without a runtime for the time-outs.
        let inner = builder.build().unwrap_or_else(|error| unreachable!("a pool with its runtime: {error}"));
        describe();
        Self { inner, outages }
    }

    pub fn close(&self) {
        self.inner.close();
    }

    /// How the connections are used, for whoever reads the measurements now.
    pub fn measure(&self) {
        let status = self.inner.status();
        metrics::gauge!("postgres_pool_max_connections").set(status.max_size as f64);
        metrics::gauge!("postgres_pool_open_connections").set(status.size as f64);
        metrics::gauge!("postgres_pool_idle_connections").set(status.available as f64);
        metrics::gauge!("postgres_pool_waiting_requests").set(status.waiting as f64);
    }

    async fn lease(&self) -> Result<Lease, Error> {
        let session = self.inner.get().await.map_err(|error| match error {
            PoolError::Backend(error) => error,
            PoolError::Closed => Error::PoolClosed,
            PoolError::Timeout(_) | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => Error::PoolTimedOut,
        });
        let mut lease = Lease { session: session?, outages: self.outages.clone() };
        lease.session.is_clean = false;
        Ok(lease)
    }

    /// A connection outside of the pool, for work that may take its time.
    pub async fn dedicated(&self) -> Result<PgConnection, Error> {
        let mut connection = self.inner.manager().create().await?;
        connection.connection.execute("SET statement_timeout = 0").await?;
        Ok(connection.connection)
    }

    /// A transaction that is undone unless it is committed.
    pub async fn begin(&self) -> Result<Transaction, Error> {
        let mut lease = self.lease().await?;
        lease.ask(|connection| Box::pin(connection.execute("BEGIN"))).await?;
        // Until it has ended, nobody else may have the connection.
        lease.session.is_clean = false;
        Ok(Transaction { lease })
    }
}

/// One connection in use.
struct Lease {
    session: managed::Object<Connector>,
    outages: Arc<AtomicU64>,
}

impl Lease {
    /// One question and its whole answer.
    async fn ask<T>(
        &mut self,
        question: impl for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, Error>>,
    ) -> Result<T, Error> {
        let answer = tokio::time::timeout(SILENCE, question(&mut self.session.connection)).await;
        let answer = answer.unwrap_or_else(|_| Err(silent()));
        self.judge(answer.as_ref().err());
        answer
    }

    /// The connection can be used again after an answer, an error of the database included.
    fn judge(&mut self, error: Option<&Error>) {
        match error {
            None | Some(Error::Database(_) | Error::RowNotFound) => self.session.is_clean = true,
            Some(Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::WorkerCrashed) => {
                self.outages.fetch_add(1, Ordering::Relaxed);
            }
            Some(_) => {}
        }
    }
}

fn describe() {
    metrics::describe_gauge!("postgres_pool_max_connections", "connections to PostgreSQL that there may be");
    metrics::describe_gauge!("postgres_pool_open_connections", "connections to PostgreSQL that there are");
    metrics::describe_gauge!("postgres_pool_idle_connections", "connections to PostgreSQL that nobody uses");
    metrics::describe_gauge!("postgres_pool_waiting_requests", "requests that wait for a connection to PostgreSQL");
}

fn silent() -> Error {
    Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "the database does not answer"))
}

impl Pool {
    /// The rows as they come; the connection is free again after the last one.
    fn steps<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> impl Stream<Item = Result<Either<PgQueryResult, PgRow>, Error>> + Send + 'e
    where
        E: 'q + Execute<'q, Postgres>,
    {
        async_stream::try_stream! {
            let mut lease = self.lease().await?;
            let mut steps = lease.session.connection.fetch_many(query);
            let end = loop {
                match tokio::time::timeout(SILENCE, steps.next()).await {
                    Ok(Some(Ok(step))) => yield step,
                    Ok(Some(Err(error))) => break Err(error),
                    Ok(None) => break Ok(()),
                    Err(_) => break Err(silent()),
                }
            };
            drop(steps);
            lease.judge(end.as_ref().err());
            end?;
        }
    }

    /// The same for whoever outlives this handle.
    pub fn rows(&self, query: Query<'static, Postgres, PgArguments>) -> BoxStream<'static, Result<PgRow, Error>> {
        let steps = self.clone().steps(query);
        Box::pin(steps.try_filter_map(async |step| Ok(step.right())))
    }
}

impl<'p> Executor<'p> for &'p Pool {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Either<PgQueryResult, PgRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(self.clone().steps(query))
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<PgRow>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        Box::pin(async move {
            let mut lease = self.lease().await?;
            let answer = tokio::time::timeout(SILENCE, lease.session.connection.fetch_optional(query)).await;
            let answer = answer.unwrap_or_else(|_| Err(silent()));
            lease.judge(answer.as_ref().err());
            answer
        })
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [PgTypeInfo]) -> BoxFuture<'e, Result<PgStatement, Error>>
    where
        'p: 'e,
    {
        Box::pin(async move {
            let mut lease = self.lease().await?;
            let answer = lease.session.connection.prepare_with(sql, parameters).await;
            lease.judge(answer.as_ref().err());
            answer
        })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<sqlx::Describe<Postgres>, Error>>
    where
        'p: 'e,
    {
        Box::pin(async move {
            let mut lease = self.lease().await?;
            let answer = lease.session.connection.describe(sql).await;
            lease.judge(answer.as_ref().err());
            answer
        })
    }
}

/// Used as the connection that it is. Dropped, the connection is closed, and with it the transaction undone.
pub struct Transaction {
    lease: Lease,
}

impl std::fmt::Debug for Transaction {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Transaction")
    }
}

impl Transaction {
    pub async fn commit(mut self) -> Result<(), Error> {
        self.lease.ask(|connection| Box::pin(connection.execute("COMMIT"))).await?;
        Ok(())
    }

    /// The same as to drop it, but the connection is kept.
    pub async fn rollback(mut self) -> Result<(), Error> {
        self.lease.ask(|connection| Box::pin(connection.execute("ROLLBACK"))).await?;
        Ok(())
    }
}

impl Deref for Transaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.lease.session.connection
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.lease.session.connection
    }
}
