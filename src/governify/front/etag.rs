//! Weak entity tags, as the originals' framework puts on every answer that is whole, and 304 for who has it already.
//!
//! Never looks into a stream: only an answer whose length is known beforehand is one piece of memory anyhow.

use std::hash::{DefaultHasher, Hasher};

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;

/// Around the router, within compression: the tag is that of the plain text.
pub async fn tagged(request: Request, next: Next) -> Response {
    // Others are not asked for again, and the head of an answer comes without what the tag is made of.
    if request.method() != Method::GET {
        return next.run(request).await;
    }
    let known = request.headers().get(header::IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    let is_whole = response.body().size_hint().exact().is_some();
    if response.status() != StatusCode::OK || !is_whole || response.headers().contains_key(header::ETAG) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // A body in memory does not fail.
    let Ok(bytes) = body.collect().await.map(http_body_util::Collected::to_bytes) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let tag = tag(&bytes);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, tag);
    }
    if known.is_some_and(|known| names(&known, &tag)) {
        let mut headers = HeaderMap::new();
        headers.extend(parts.headers.remove(header::ETAG).map(|tag| (header::ETAG, tag)));
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    Response::from_parts(parts, Body::from(bytes))
}

fn tag(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("W/\"{:x}-{:016x}\"", bytes.len(), hasher.finish())
}

/// Whether a list of tags, or a star, names this one; weakly, as RFC 9110 compares here.
fn names(known: &HeaderValue, tag: &str) -> bool {
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    known.to_str().is_ok_and(|known| known.split(',').any(|one| one.trim() == "*" || strong(one) == strong(tag)))
}
