//! Every request has an id: the caller's when it is a sane one, otherwise a fresh one; it is in the answer and in the logs.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Longer ones are somebody's attempt at something else.
const LONGEST: usize = 128;

/// The caller's id, if it is short and plain, or a random one.
pub fn of(headers: &HeaderMap) -> HeaderValue {
    let sane = |value: &&HeaderValue| {
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte);
        !value.is_empty() && value.len() <= LONGEST && value.as_bytes().iter().all(plain)
    };
    headers.get(HEADER).filter(sane).cloned().unwrap_or_else(fresh)
}

fn fresh() -> HeaderValue {
    let mut text = [0_u8; uuid::fmt::Simple::LENGTH];
    let text = uuid::Uuid::new_v4().simple().encode_lower(&mut text);
    // Hexadecimal digits are a valid header value.
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sane_id_is_kept_and_any_other_replaced() {
        let with = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, value.parse().unwrap());
            of(&headers)
        };
        assert_eq!(with("0af7-651916cd"), "0af7-651916cd");
        assert_eq!(with("a b").len(), 32);
        assert_eq!(with(&"x".repeat(129)).len(), 32);
        assert_ne!(of(&HeaderMap::new()), of(&HeaderMap::new()));
    }
}
