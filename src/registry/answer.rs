//! Answers: one document, a list of any length, and the two spellings of `OK`.
//!
//! A list that is short goes out whole, so that it can fail as a whole. Of a long one the head is sent first and the rest
//! is read from the database as fast as the caller takes it: the memory does not grow with the list.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use mongodb::bson::RawDocument;
use serde::Serialize;

use super::error::{Refusal, Shape};
use super::store::{Batch, Rows, StoreError, json};
use crate::telemetry::chain;

static JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

/// What is put together before the first byte goes out; then pieces of this size follow.
const PIECE: usize = 64 << 10;
/// A document more than a piece usually has; a buffer need not grow for it.
const ROOM: usize = PIECE + (16 << 10);

/// What stands between the elements of a list.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    open: &'static str,
    between: &'static str,
    close: &'static str,
}

/// As `JSON.stringify` writes it.
pub const PLAIN: Layout = Layout { open: "[", between: ",", close: "]" };
/// As the original streams it.
pub const STREAM: Layout = Layout { open: "[\n", between: "\n,\n", close: "\n]\n" };

/// Status-only success: the text `OK`.
pub fn ok() -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "OK").into_response()
}

/// A plain text as the original sends it.
pub fn text(text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response()
}

/// JSON that is text already.
pub fn json_text(status: StatusCode, text: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, JSON.clone())], Bytes::from(text)).into_response()
}

/// A document as it is stored.
pub fn document(status: StatusCode, document: &RawDocument, shape: Shape) -> Result<Response, Refusal> {
    // Names and numbers get a little longer than they are in BSON.
    let mut text = Vec::with_capacity(document.as_bytes().len() + 64);
    json::document(&mut text, document).map_err(|error| shape.failed(&error.into()))?;
    Ok(json_text(status, text))
}

/// What was computed here.
pub fn computed<T: Serialize>(items: &[T], layout: Layout, shape: Shape) -> Result<Response, Refusal> {
    let mut text = Vec::with_capacity(256 * (items.len() + 1));
    text.extend_from_slice(layout.open.as_bytes());
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.extend_from_slice(layout.between.as_bytes());
        }
        json::append(&mut text, item).map_err(|error| {
            tracing::error!(error = chain(&error), "an answer cannot be written");
            shape.refuse(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
        })?;
    }
    text.extend_from_slice(layout.close.as_bytes());
    Ok(json_text(StatusCode::OK, text))
}

/// A short list of documents as they are stored.
pub fn stored(documents: &[&[u8]], layout: Layout, shape: Shape) -> Result<Response, Refusal> {
    let mut text = Text::new(layout);
    for document in documents {
        text.add(document).map_err(shape.store())?;
    }
    text.bytes.extend_from_slice(layout.close.as_bytes());
    Ok(json_text(StatusCode::OK, text.bytes))
}

/// How many elements came before, and what is not sent yet.
struct Text {
    layout: Layout,
    bytes: Vec<u8>,
    count: usize,
}

impl Text {
    fn new(layout: Layout) -> Self {
        // One that is full holds the document that filled it.
        let mut bytes = Vec::with_capacity(PIECE + PIECE / 4);
        bytes.extend_from_slice(layout.open.as_bytes());
        Self { layout, bytes, count: 0 }
    }

    fn add(&mut self, document: &[u8]) -> Result<(), StoreError> {
        if self.count > 0 {
            self.bytes.extend_from_slice(self.layout.between.as_bytes());
        }
        self.count += 1;
        Ok(json::bytes(&mut self.bytes, document)?)
    }

    fn take(&mut self) -> Bytes {
        std::mem::replace(&mut self.bytes, Vec::with_capacity(ROOM)).into()
    }
}

/// Everything that a query found. Nothing is found: `nothing`, if that is an answer of its own.
pub async fn list(mut rows: Rows, layout: Layout, shape: Shape, nothing: Option<Refusal>) -> Result<Response, Refusal> {
    let mut text = Text::new(layout);
    loop {
        let Some(batch) = rows.next().await.map_err(shape.store())? else {
            if let (0, Some(nothing)) = (text.count, nothing) {
                return Err(nothing);
            }
            text.bytes.extend_from_slice(layout.close.as_bytes());
            return Ok(json_text(StatusCode::OK, text.bytes));
        };
        let mut at = 0;
        if piece(&batch, &mut at, &mut text).map_err(shape.store())? {
            let body = Body::from_stream(rest(rows, batch, at, text));
            return Ok(([(header::CONTENT_TYPE, JSON.clone())], body).into_response());
        }
    }
}

/// What is there already, and what follows. An error ends the connection, so that nobody takes half a list for a whole one.
fn rest(
    mut rows: Rows,
    mut batch: Batch,
    mut at: usize,
    mut text: Text,
) -> impl futures_util::Stream<Item = Result<Bytes, StoreError>> {
    async_stream::stream! {
        yield Ok(text.take());
        loop {
            match piece(&batch, &mut at, &mut text) {
                Ok(true) => {
                    yield Ok(text.take());
                    continue;
                }
                Ok(false) => {}
                Err(error) => {
                    yield Err(ended(error));
                    return;
                }
            }
            match rows.next().await {
                Ok(Some(next)) => (batch, at) = (next, 0),
                Ok(None) => break,
                Err(error) => {
                    yield Err(ended(error));
                    return;
                }
            }
        }
        text.bytes.extend_from_slice(text.layout.close.as_bytes());
        yield Ok(text.take());
    }
}

fn ended(error: StoreError) -> StoreError {
    tracing::error!(error = chain(&error), "a list ended early");
    error
}

/// Adds documents of the batch from place `at` on until there is enough to send; `false` at the end of the batch.
fn piece(batch: &Batch, at: &mut usize, text: &mut Text) -> Result<bool, StoreError> {
    for document in batch.documents()?.skip(*at) {
        text.add(document?)?;
        *at += 1;
        if text.bytes.len() >= PIECE {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use serde_json::{Value, json};

    use super::*;

    #[tokio::test]
    async fn lists_have_the_layout_of_the_original() {
        let cases = [
            (vec![], "[\n\n]\n"),
            (vec![json!({ "a": 1.0 })], "[\n{\"a\":1}\n]\n"),
            (vec![json!({}), json!({ "b": [] })], "[\n{}\n,\n{\"b\":[]}\n]\n"),
        ];
        for (items, wanted) in cases {
            let items: Vec<Value> = items;
            let response = computed(&items, STREAM, Shape::Coded).unwrap();
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json; charset=utf-8");
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), wanted);
        }
        let plain = computed(&[json!(1), json!(2)], PLAIN, Shape::Coded).unwrap();
        assert_eq!(plain.into_body().collect().await.unwrap().to_bytes(), "[1,2]");
    }
}
