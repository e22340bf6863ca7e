//! Bodies of requests: of which type they are, and the whole of one within a limit of bytes and of time.
//!
//! Never parses them, and never words an answer: [`BodyError`] says what happened and which status it deserves.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::BytesMut;
use http_body_util::BodyExt;

/// So much beyond a limit is still read.
const SURPLUS: usize = 2 << 20;

/// For a body to arrive.
const ARRIVAL: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the body could not be read")]
    Broken(#[source] axum::Error),
    #[error("the body did not arrive in time")]
    Late,
    #[error("the charset {0:?} is not supported, send UTF-8")]
    Charset(String),
}

impl BodyError {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Broken(_) => StatusCode::BAD_REQUEST,
            Self::Late => StatusCode::REQUEST_TIMEOUT,
            Self::Charset(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        }
    }
}

/// A body of no more than so many bytes.
pub async fn whole(body: Body, limit: usize) -> Result<BytesMut, BodyError> {
    match tokio::time::timeout(ARRIVAL, collect(body, limit)).await {
        Ok(Ok(Some(bytes))) => Ok(bytes),
        Ok(Ok(None)) => Err(BodyError::TooLarge(limit)),
        Ok(Err(error)) => Err(BodyError::Broken(error)),
        Err(_) => Err(BodyError::Late),
    }
}

/// The whole body, or `None` if it is too large. Some of what is too much is read and thrown away: a caller that is still
/// sending when the connection is closed never sees the answer.
async fn collect(mut body: Body, limit: usize) -> Result<Option<BytesMut>, axum::Error> {
    let mut bytes = BytesMut::new();
    let mut surplus = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if surplus > 0 || bytes.len() + data.len() > limit {
            bytes.clear();
            surplus += data.len();
            if surplus > SURPLUS {
                break;
            }
        } else {
            bytes.extend_from_slice(&data);
        }
    }
    Ok((surplus == 0).then_some(bytes))
}

/// Whether the body is of that type; then it is in UTF-8.
pub fn is_kind(headers: &HeaderMap, wanted: &str) -> Result<bool, BodyError> {
    let Some(kind) = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()) else { return Ok(false) };
    let (kind, parameters) = kind.split_once(';').unwrap_or((kind, ""));
    if !kind.trim().eq_ignore_ascii_case(wanted) {
        return Ok(false);
    }
    let charset = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("charset").then(|| value.trim().trim_matches('"').to_ascii_lowercase())
    });
    match charset {
        None => Ok(true),
        Some(charset) if matches!(charset.as_str(), "utf-8" | "utf8" | "us-ascii") => Ok(true),
        Some(charset) => Err(BodyError::Charset(charset)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_recognised_whatever_its_spelling_and_only_in_utf_8() {
        let kind = |kind: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, kind.parse().unwrap());
            is_kind(&headers, "application/json").map_err(|error| error.status().as_u16())
        };
        assert_eq!(kind("application/json"), Ok(true));
        assert_eq!(kind("Application/JSON; charset=\"UTF-8\""), Ok(true));
        assert_eq!(kind("text/plain"), Ok(false));
        assert_eq!(kind("application/json; charset=latin1"), Err(415));
    }

    #[tokio::test]
    async fn a_body_has_a_limit() {
        assert_eq!(whole(Body::from("abcd"), 4).await.unwrap(), "abcd");
        let refused = whole(Body::from("abcde"), 4).await.unwrap_err();
        assert_eq!((refused.status().as_u16(), refused.to_string().as_str()), (413, "the body is larger than 4 bytes"));
    }
}
