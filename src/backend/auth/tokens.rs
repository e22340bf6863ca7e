//! Access and refresh tokens: JSON web tokens, HS256, with the original's claims and three of ours.
//!
//! The original has `user_id`, `username`, `authority`, `iat`, `exp`; added are `sid` (the session, so that it can be
//! revoked), `jti` (no two tokens are alike) and `use` (a refresh token never passes as an access token, even when both
//! secrets are one word). Tokens of other makers are accepted as the original accepts them: without `exp`, with
//! `userId`, with nothing but an authority.
//!
//! There is no leeway on `exp`: a token is good for what it says and not a second longer, as in the original. Issuer and
//! judge are the same machine or share its clock, and a caller whose token just expired is refreshed transparently.

use std::fmt;

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::role::Role;

/// Seconds that an access token is good for.
pub const ACCESS_LIFE: i64 = 3600;
/// Seconds that a refresh token is good for, and with it a session.
pub const REFRESH_LIFE: i64 = 7 * 24 * 3600;

#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("a token could not be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

/// Whom tokens are made for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    pub user_id: i32,
    pub username: String,
    pub role: Role,
}

/// What a good token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    pub user_id: Option<i32>,
    pub username: Option<String>,
    /// `None`: none of the three, which is the caller's to refuse.
    pub role: Option<Role>,
    pub session: Option<Uuid>,
    /// Seconds since 1970; `None` never expires.
    pub expires: Option<i64>,
}

/// What a token is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    Valid(Claims),
    /// Genuine, and too old.
    Expired,
    Invalid,
}

#[derive(Clone)]
struct Pair {
    sign: EncodingKey,
    verify: DecodingKey,
}

impl Pair {
    fn new(secret: &str) -> Self {
        let secret = secret.as_bytes();
        Self { sign: EncodingKey::from_secret(secret), verify: DecodingKey::from_secret(secret) }
    }
}

/// Makes and judges tokens, with keys made ready once.
#[derive(Clone)]
pub struct Tokens {
    access: Pair,
    refresh: Pair,
    header: Header,
    validation: Validation,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Tokens")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Use {
    Access,
    Refresh,
}

#[derive(Serialize)]
struct Minted<'a> {
    user_id: i32,
    username: &'a str,
    authority: Role,
    iat: i64,
    exp: i64,
    sid: Uuid,
    jti: Uuid,
    #[serde(rename = "use")]
    kind: Use,
}

/// Any token, ours or not. A JSON number may be written with a fraction.
#[derive(Deserialize)]
struct Presented {
    user_id: Option<i32>,
    #[serde(rename = "userId")]
    user_id_of_others: Option<i32>,
    username: Option<String>,
    authority: Option<Value>,
    exp: Option<f64>,
    nbf: Option<f64>,
    sid: Option<Uuid>,
    #[serde(rename = "use")]
    kind: Option<Use>,
}

impl Tokens {
    pub fn new(access: &str, refresh: &str) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // The claims are looked at here, where the time is known.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        Self {
            access: Pair::new(access),
            refresh: Pair::new(refresh),
            header: Header::new(Algorithm::HS256),
            validation,
        }
    }

    /// `now`: seconds since 1970.
    pub fn access(&self, subject: &Subject, session: Uuid, now: i64) -> Result<String, TokenError> {
        self.sign(&self.access, subject, session, Use::Access, now, now + ACCESS_LIFE)
    }

    pub fn refresh(&self, subject: &Subject, session: Uuid, now: i64) -> Result<String, TokenError> {
        self.sign(&self.refresh, subject, session, Use::Refresh, now, now + REFRESH_LIFE)
    }

    fn sign(
        &self,
        pair: &Pair,
        subject: &Subject,
        session: Uuid,
        kind: Use,
        iat: i64,
        exp: i64,
    ) -> Result<String, TokenError> {
        let claims = Minted {
            user_id: subject.user_id,
            username: &subject.username,
            authority: subject.role,
            iat,
            exp,
            sid: session,
            jti: Uuid::new_v4(),
            kind,
        };
        jsonwebtoken::encode(&self.header, &claims, &pair.sign).map_err(TokenError::Sign)
    }

    pub fn judge_access(&self, token: &str, now: i64) -> Verdict {
        self.judge(&self.access, token, Use::Access, now)
    }

    pub fn judge_refresh(&self, token: &str, now: i64) -> Verdict {
        self.judge(&self.refresh, token, Use::Refresh, now)
    }

    fn judge(&self, pair: &Pair, token: &str, kind: Use, now: i64) -> Verdict {
        let Ok(data) = jsonwebtoken::decode::<Presented>(token, &pair.verify, &self.validation) else {
            return Verdict::Invalid;
        };
        let claims = data.claims;
        let now = now as f64;
        if claims.kind.is_some_and(|is| is != kind) || claims.nbf.is_some_and(|begin| begin > now) {
            return Verdict::Invalid;
        }
        if claims.exp.is_some_and(|end| end <= now) {
            return Verdict::Expired;
        }
        Verdict::Valid(Claims {
            user_id: claims.user_id.or(claims.user_id_of_others),
            username: claims.username,
            role: claims.authority.as_ref().and_then(Value::as_str).and_then(|role| role.parse().ok()),
            session: claims.sid,
            expires: claims.exp.map(|end| end as i64),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::json;

    use super::*;

    const ACCESS: &str = "the access secret of these tests";
    const REFRESH: &str = "the refresh secret of these tests";
    const NOW: i64 = 1_750_000_000;

    fn tokens() -> Tokens {
        Tokens::new(ACCESS, REFRESH)
    }

    fn anna() -> Subject {
        Subject { user_id: 7, username: "anna".to_owned(), role: Role::Developer }
    }

    fn foreign(claims: &Value) -> String {
        jsonwebtoken::encode(&Header::default(), claims, &EncodingKey::from_secret(ACCESS.as_bytes())).unwrap()
    }

    fn valid(verdict: Verdict) -> Claims {
        let Verdict::Valid(claims) = verdict else { panic!("{verdict:?}") };
        claims
    }

    #[test]
    fn a_token_says_who_it_was_made_for() {
        let session = Uuid::new_v4();
        let token = tokens().access(&anna(), session, NOW).unwrap();
        let claims = valid(tokens().judge_access(&token, NOW));
        let expected = Claims {
            user_id: Some(7),
            username: Some("anna".to_owned()),
            role: Some(Role::Developer),
            session: Some(session),
            expires: Some(NOW + ACCESS_LIFE),
        };
        assert_eq!(claims, expected);
        assert_ne!(token, tokens().access(&anna(), session, NOW).unwrap(), "no two are alike");
    }

    #[test]
    fn the_original_s_claims_have_their_names() {
        let token = tokens().refresh(&anna(), Uuid::nil(), NOW).unwrap();
        let mut open = Validation::new(Algorithm::HS256);
        open.validate_exp = false;
        let claims = jsonwebtoken::decode::<Value>(&token, &DecodingKey::from_secret(REFRESH.as_bytes()), &open);
        let mut claims = claims.unwrap().claims;
        claims.as_object_mut().unwrap().remove("jti");
        let expected = json!({
            "user_id": 7, "username": "anna", "authority": "DEVELOPER", "iat": NOW, "exp": NOW + REFRESH_LIFE,
            "sid": Uuid::nil(), "use": "refresh",
        });
        assert_eq!(claims, expected);
    }

    #[test]
    fn a_token_ends_at_its_second() {
        let token = tokens().access(&anna(), Uuid::nil(), NOW).unwrap();
        let _ = valid(tokens().judge_access(&token, NOW + ACCESS_LIFE - 1));
        assert_eq!(tokens().judge_access(&token, NOW + ACCESS_LIFE), Verdict::Expired);
        assert_eq!(tokens().judge_access(&foreign(&json!({ "exp": 1 })), NOW), Verdict::Expired);
        assert_eq!(tokens().judge_access(&foreign(&json!({ "nbf": NOW + 1 })), NOW), Verdict::Invalid);
    }

    #[test]
    fn a_refresh_token_is_no_access_token_even_with_one_secret() {
        let same = Tokens::new(ACCESS, ACCESS);
        let (access, refresh) =
            (same.access(&anna(), Uuid::nil(), NOW).unwrap(), same.refresh(&anna(), Uuid::nil(), NOW).unwrap());
        assert_eq!(same.judge_access(&refresh, NOW), Verdict::Invalid);
        assert_eq!(same.judge_refresh(&access, NOW), Verdict::Invalid);
        // However old: not even "expired", which would ask for a refresh.
        assert_eq!(same.judge_access(&refresh, NOW + 2 * REFRESH_LIFE), Verdict::Invalid);
        let _ = valid(same.judge_refresh(&refresh, NOW));
    }

    #[test]
    fn tokens_of_other_makers_need_only_an_authority() {
        let claims = valid(tokens().judge_access(&foreign(&json!({ "userId": 3, "authority": "ADMIN" })), NOW));
        assert_eq!((claims.user_id, claims.role, claims.expires), (Some(3), Some(Role::Admin), None));
        for authority in [json!("ROOT"), json!(null), json!(3), json!("admin")] {
            let claims = valid(tokens().judge_access(&foreign(&json!({ "authority": authority })), NOW));
            assert_eq!(claims.role, None, "{authority}");
        }
    }

    #[test]
    fn what_is_not_genuine_is_invalid() {
        let tokens = tokens();
        let good = tokens.access(&anna(), Uuid::nil(), NOW).unwrap();
        let claims = json!({ "authority": "ADMIN", "exp": NOW + 60 });
        let key = |secret: &str| EncodingKey::from_secret(secret.as_bytes());
        let stranger = jsonwebtoken::encode(&Header::default(), &claims, &key("another secret")).unwrap();
        let stronger = jsonwebtoken::encode(&Header::new(Algorithm::HS512), &claims, &key(ACCESS)).unwrap();
        // {"alg":"none","typ":"JWT"}
        let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", good.split('.').nth(1).unwrap());
        let cut = good[..good.len() - 1].to_owned();
        for bad in [stranger, stronger, unsigned, cut, String::new(), "a.b.c".to_owned(), "ü".to_owned()] {
            assert_eq!(tokens.judge_access(&bad, NOW), Verdict::Invalid, "{bad}");
        }
        assert_eq!(tokens.judge_access(&foreign(&json!({ "exp": "soon" })), NOW), Verdict::Invalid);
        assert_eq!(tokens.judge_access(&foreign(&json!({ "use": "other" })), NOW), Verdict::Invalid);
    }

    #[test]
    fn a_token_is_judged_quickly() {
        let tokens = tokens();
        let token = tokens.access(&anna(), Uuid::nil(), NOW).unwrap();
        let rounds = 2000;
        let began = Instant::now();
        for _ in 0..rounds {
            let _ = valid(tokens.judge_access(&token, NOW));
        }
        let each = began.elapsed() / rounds;
        // Optimised it is two microseconds; this build is not.
        assert!(each.as_micros() < 500, "{each:?} each");
    }

    #[test]
    fn nothing_shows_the_keys() {
        assert_eq!(format!("{:?}", tokens()), "Tokens");
    }
}
