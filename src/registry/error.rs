//! From what went wrong to the body that the contract promises.
//!
//! The original has four shapes of error, and every endpoint its own; a handler names the shape and this makes the answer.
//! Causes are logged here; the caller gets a text. What the caller sent wrong is 4xx, what is away is 503, what we did
//! wrong is 500.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::store::StoreError;
use crate::telemetry::chain;

/// After so many seconds it is worth another try when MongoDB was away.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// How an endpoint tells of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `{"code": 404, "message": …}`
    Coded,
    /// `{"error": …}`
    Error,
    /// `{"message": …}`
    Message,
    /// The text alone.
    Text,
}

/// A refused or failed request, ready to be sent.
#[derive(Debug)]
pub struct Refusal {
    pub status: StatusCode,
    shape: Shape,
    message: Value,
}

impl Shape {
    pub fn refuse(self, status: StatusCode, message: impl Into<Value>) -> Refusal {
        Refusal { status, shape: self, message: message.into() }
    }

    pub fn not_found(self, message: impl Into<Value>) -> Refusal {
        self.refuse(StatusCode::NOT_FOUND, message)
    }

    pub fn bad_request(self, message: impl Into<Value>) -> Refusal {
        self.refuse(StatusCode::BAD_REQUEST, message)
    }

    /// There is no agreement of that id.
    pub fn no_agreement(self, id: &str) -> Refusal {
        self.not_found(format!("There is no agreement with id: {id}"))
    }

    /// For `map_err`: what the store could not do.
    pub fn store(self) -> impl Fn(StoreError) -> Refusal {
        move |error| self.failed(&error)
    }

    pub fn failed(self, error: &StoreError) -> Refusal {
        if error.is_unavailable() {
            tracing::warn!(error = chain(error), "MongoDB is away");
            return self.refuse(StatusCode::SERVICE_UNAVAILABLE, error.to_string());
        }
        match error {
            StoreError::Cast(_) => tracing::debug!(error = chain(error), "a field cannot hold what was sent"),
            _ => tracing::error!(error = chain(error), "the database could not do what was asked for"),
        }
        self.refuse(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self { status, shape, message } = self;
        let body = match shape {
            Shape::Coded => json!({ "code": status.as_u16(), "message": message }).to_string(),
            Shape::Error => json!({ "error": message }).to_string(),
            Shape::Message => json!({ "message": message }).to_string(),
            Shape::Text => message.as_str().map_or_else(|| message.to_string(), str::to_owned),
        };
        let kind = if shape == Shape::Text { "text/html; charset=utf-8" } else { "application/json; charset=utf-8" };
        let mut response = (status, [(header::CONTENT_TYPE, kind)], body).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn every_shape_is_the_contracts() {
        let shapes = [
            (Shape::Coded, r#"{"code":404,"message":"There is no agreement with id: a"}"#),
            (Shape::Error, r#"{"error":"There is no agreement with id: a"}"#),
            (Shape::Message, r#"{"message":"There is no agreement with id: a"}"#),
            (Shape::Text, "There is no agreement with id: a"),
        ];
        for (shape, wanted) in shapes {
            let response = shape.no_agreement("a").into_response();
            assert_eq!(response.status(), 404);
            assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), wanted);
        }
    }

    #[test]
    fn without_the_database_it_is_worth_another_try() {
        let response = Shape::Message.failed(&StoreError::Silent).into_response();
        assert_eq!((response.status().as_u16(), &response.headers()[header::RETRY_AFTER]), (503, &RETRY_AFTER));
        let response = Shape::Message.failed(&StoreError::Restless).into_response();
        assert_eq!((response.status().as_u16(), response.headers().get(header::RETRY_AFTER)), (500, None));
    }
}
