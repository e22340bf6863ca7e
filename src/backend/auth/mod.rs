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
use std::num::NonZeroUsize;

use super::settings::{Mode, Settings};

/// Why nobody could sign in here.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    #[error("{0} {1}")]
    WeakSecret(&'static str, strength::Weakness),
    #[error("SECRET_ENCRYPTION_KEY cannot be used")]
    Key(#[source] cipher::CipherError),
    #[error("passwords cannot be checked")]
    Passwords(#[source] passwords::PasswordError),
}

/// All of it, as the settings have it.
#[derive(Debug)]
pub struct Auth {
    pub tokens: tokens::Tokens,
    pub cookies: cookies::Cookies,
    pub passwords: passwords::Passwords,
    pub cipher: cipher::Cipher,
    pub limits: limits::Limits,
    pub revocations: revocation::Revocations,
}

impl Auth {
    /// Refuses weak secrets in production and warns of them elsewhere.
    pub fn new(settings: &Settings) -> Result<Self, AuthError> {
        let (access, refresh) = (settings.tokens.access.expose(), settings.tokens.refresh.expose());
        for finding in strength::judge(access, refresh, settings.mode) {
            if finding.is_fatal {
                return Err(AuthError::WeakSecret(finding.variable, finding.weakness));
            }
            let refused = if settings.mode == Mode::Production { "" } else { "; production would refuse it" };
            tracing::warn!("{} {}{refused}", finding.variable, finding.weakness);
        }
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Ok(Self {
            tokens: tokens::Tokens::new(access, refresh),
            cookies: cookies::Cookies::new(
                settings.mode,
                settings.tokens.access_cookie,
                settings.tokens.refresh_cookie,
            ),
            passwords: passwords::Passwords::start(cores).map_err(AuthError::Passwords)?,
            cipher: cipher::Cipher::new(settings.encryption_key.expose()).map_err(AuthError::Key)?,
            limits: limits::Limits::new(access),
            revocations: revocation::Revocations::default(),
        })
    }
}

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
