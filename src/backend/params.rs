//! Parameters as the original's shared validators look at them: in the path, then in the query, then in the body.

use std::borrow::Cow;

use axum::extract::Request;
use axum::http::StatusCode;
use serde_json::Value;

use super::error::ApiError;
use super::extract::JsonBody;

/// A check that a route names in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// A UUID, or a "Grafana UID".
    Uuid(&'static str),
}

impl Check {
    pub fn apply(self, pattern: &str, prefix: &str, request: &Request) -> Result<(), ApiError> {
        let Self::Uuid(name) = self;
        let path = request.uri().path().strip_prefix(prefix).unwrap_or_default();
        let in_path = || in_path(pattern, path, name).map(Cow::into_owned);
        let in_query = || in_query(request.uri().query().unwrap_or_default(), name);
        let in_body = || match request.extensions().get::<JsonBody>()?.0.get(name)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        };
        let value = in_path().or_else(in_query).or_else(in_body).filter(|value| !value.is_empty());
        let refuse = |text: String| ApiError::error(StatusCode::BAD_REQUEST, text);
        match value {
            None => Err(refuse(format!("Missing parameter: {name}"))),
            Some(value) if is_uid(&value) => Ok(()),
            Some(_) => Err(refuse(format!("Invalid UUID for parameter: {name}"))),
        }
    }
}

/// A UUID of any version, or 12 to 24 ASCII letters and digits, as Grafana makes them.
pub fn is_uid(text: &str) -> bool {
    let is_uuid = text.len() == 36 && uuid::Uuid::try_parse(text).is_ok();
    is_uuid || ((12..=24).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// The segment of `path` at the place of `{name}` in the pattern, decoded.
pub fn in_path<'a>(pattern: &str, path: &'a str, name: &str) -> Option<Cow<'a, str>> {
    let is_it = |part: &str| part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) == Some(name);
    let place = pattern.split('/').position(is_it)?;
    let segment = path.split('/').nth(place)?;
    percent_encoding::percent_decode_str(segment).decode_utf8().ok()
}

/// The first value of that name.
pub fn in_query(query: &str, name: &str) -> Option<String> {
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_is_a_uuid_or_grafana_s() {
        for good in ["b31c3627-d0ea-482a-91a0-05ae6755819a", "00000000-0000-0000-0000-000000000000", "ae08pn1m04lxcd"] {
            assert!(is_uid(good), "{good}");
        }
        for bad in ["", "short", "with-dash-in-it", "b31c3627d0ea482a91a005ae6755819a", "x".repeat(25).as_str()] {
            assert!(!is_uid(bad), "{bad}");
        }
    }

    #[test]
    fn a_parameter_is_found_by_its_place() {
        assert_eq!(in_path("/a/{x}/b/{y}", "/a/1/b/2%20", "y").unwrap(), "2 ");
        assert_eq!(in_path("/a/{x}", "/a/1", "y"), None);
        assert_eq!(in_query("a=1&b=2%2B&b=3", "b").unwrap(), "2+");
    }
}
