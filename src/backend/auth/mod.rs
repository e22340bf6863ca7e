//! What signing in is made of: tokens, cookies, passwords, second factors, encryption at rest, and what replicas have to
//! agree on (sessions, revocation, replays, limits), which is kept in the cache under `auth:`.
//!
//! Knows nothing of routes and answers: those are [`super::guard`] and the resources. Time is an argument.

pub mod carrier;
pub mod cipher;
pub mod cookies;
pub mod limits;
pub mod passwords;
pub mod replay;
pub mod revocation;
pub mod role;
pub mod sessions;
pub mod strength;
pub mod tokens;
pub mod totp;

use std::fmt::Write;

/// Lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes that pairs of hexadecimal digits stand for, if they are nothing else.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? << 4 | digit(*low)?).ok();
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}
