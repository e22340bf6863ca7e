//! Rows as JSON texts, rendered by the database and passed on unread.
//!
//! A list is `SELECT row_to_json(row)::text FROM (SELECT … ) row`: the columns of the inner query are the members, in
//! their order. Short lists are one body; long ones are streamed in pieces, so that memory stays bounded however many
//! rows there are.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::stream::{BoxStream, StreamExt};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Postgres, Row};

use super::StoreError;
use super::pool::Pool;

/// A timestamp column as the API writes it.
macro_rules! instant {
    ($column:literal) => {
        concat!("to_char(", $column, " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')")
    };
}
pub(crate) use instant;

/// One JSON value in the database's own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawJson(pub String);

static JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

impl IntoResponse for RawJson {
    fn into_response(self) -> Response {
        (StatusCode::OK, [(header::CONTENT_TYPE, JSON.clone())], self.0).into_response()
    }
}

impl RawJson {
    pub fn from_row(row: &PgRow) -> Result<Self, StoreError> {
        Ok(Self(row.try_get::<String, _>(0)?))
    }

    /// The one row of `query`, a text column, if there is one.
    pub async fn find(pool: &Pool, query: Query<'_, Postgres, PgArguments>) -> Result<Option<Self>, StoreError> {
        let row = query.fetch_optional(pool).await?;
        row.as_ref().map(Self::from_row).transpose()
    }

    /// For the few places that must look inside.
    pub fn value(&self) -> Result<serde_json::Value, serde_json::Error> {
        serde_json::from_str(&self.0)
    }
}

/// So much is sent at a time.
const PIECE: usize = 32 << 10;

/// Somebody who reads a list slower than this gets no more of it: a connection to the database waits for it.
const STALL: Duration = Duration::from_secs(30);

type Rows = BoxStream<'static, Result<PgRow, sqlx::Error>>;

/// A list of rows, the first piece of it read already: an error before that is an answer, one after it cuts the body off.
pub struct JsonRows {
    first: BytesMut,
    rest: Option<Rows>,
}

impl std::fmt::Debug for JsonRows {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("JsonRows").field("first", &self.first.len()).field("whole", &self.rest.is_none()).finish()
    }
}

impl JsonRows {
    /// `query`: rows of one text column.
    pub async fn read(pool: &Pool, query: Query<'static, Postgres, PgArguments>) -> Result<Self, StoreError> {
        let mut rows = pool.rows(query);
        let mut first = BytesMut::with_capacity(512);
        first.put_u8(b'[');
        let more = fill(&mut rows, &mut first).await?;
        Ok(Self { first, rest: more.then_some(rows) })
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_none() && &self.first[..] == b"[]"
    }

    /// The whole list, for callers that work on it.
    pub async fn text(self) -> Result<String, StoreError> {
        let Self { mut first, rest } = self;
        if let Some(mut rows) = rest {
            while fill(&mut rows, &mut first).await? {}
        }
        // PostgreSQL sends UTF-8; sqlx has asked for it.
        String::from_utf8(first.into()).map_err(|error| StoreError::Failed(sqlx::Error::Decode(Box::new(error))))
    }
}

/// Appends rows until a piece is full. `false`: that was the last one, the list is closed.
async fn fill(rows: &mut Rows, into: &mut BytesMut) -> Result<bool, StoreError> {
    let begin = into.len();
    while into.len() - begin < PIECE {
        match rows.next().await {
            Some(row) => {
                let row = row?;
                let text: &str = row.try_get(0)?;
                if into.last() != Some(&b'[') || into.len() > 1 {
                    into.put_u8(b',');
                }
                into.put_slice(text.as_bytes());
            }
            None => {
                into.put_u8(b']');
                return Ok(false);
            }
        }
    }
    Ok(true)
}

impl IntoResponse for JsonRows {
    fn into_response(self) -> Response {
        let headers = [(header::CONTENT_TYPE, JSON.clone())];
        let Some(rows) = self.rest else {
            return (StatusCode::OK, headers, Body::from(self.first.freeze())).into_response();
        };
        // A task of its own reads ahead by one piece; when the receiver is gone it ends, and frees its connection.
        let (send, receive) = tokio::sync::mpsc::channel::<Result<Bytes, StoreError>>(1);
        let first = self.first.freeze();
        tokio::spawn(async move {
            if let Err(error) = pump(rows, first, &send).await {
                tracing::warn!(%error, "a list was cut off");
                let _ = send.try_send(Err(error));
            }
        });
        let pieces = futures_util::stream::unfold(receive, |mut receive| async move {
            receive.recv().await.map(|piece| (piece, receive))
        });
        (StatusCode::OK, headers, Body::from_stream(pieces)).into_response()
    }
}

async fn pump(
    mut rows: Rows,
    first: Bytes,
    send: &tokio::sync::mpsc::Sender<Result<Bytes, StoreError>>,
) -> Result<(), StoreError> {
    let mut piece = first;
    loop {
        match tokio::time::timeout(STALL, send.send(Ok(piece))).await {
            Ok(Ok(())) => {}
            // Gone, or too slow: nobody waits for the rest.
            Ok(Err(_)) | Err(_) => return Ok(()),
        }
        let mut next = BytesMut::with_capacity(PIECE + (4 << 10));
        let more = fill(&mut rows, &mut next).await?;
        piece = next.freeze();
        if !more {
            let _ = tokio::time::timeout(STALL, send.send(Ok(piece))).await;
            return Ok(());
        }
    }
}
