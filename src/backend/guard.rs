//! Who may pass: the original's two checks, before the handlers of a route.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};

use super::app::App;
use super::error::ApiError;

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    Public,
    /// Signed in, whatever the role.
    User,
    /// `verifyAdmin` alone: the header goes first, no refresh.
    Admin,
    /// Both, in this order.
    UserThenAdmin,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Claims {
    #[serde(default, alias = "userId")]
    pub user_id: Option<i32>,
    #[serde(default)]
    pub username: Option<String>,
    pub authority: String,
}

/// The caller, for handlers behind a guard.
#[derive(Debug, Clone)]
pub struct Caller {
    pub claims: Claims,
    /// The token as sent: some upstream calls pass it on.
    pub token: String,
}

pub struct Keys {
    access: DecodingKey,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Keys")
    }
}

impl Keys {
    pub fn new(access: &str) -> Self {
        Self { access: DecodingKey::from_secret(access.as_bytes()) }
    }
}

/// What a passed check adds to the answer: the cookies of a refreshed session.
#[derive(Debug, Default)]
pub struct Admitted {
    cookies: Vec<HeaderValue>,
}

impl Admitted {
    pub fn apply(self, response: &mut Response) {
        for cookie in self.cookies {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
}

/// Lets a request pass, with its [`Caller`] in the extensions.
pub async fn admit(app: &App, guard: Guard, request: &mut Request) -> Result<Admitted, ApiError> {
    if guard != Guard::Public {
        let caller = caller(app, guard, request.headers())?;
        request.extensions_mut().insert(caller);
    }
    Ok(Admitted::default())
}

fn caller(app: &App, guard: Guard, headers: &HeaderMap) -> Result<Caller, ApiError> {
    let unauthorised = |text: &str| ApiError::message(StatusCode::UNAUTHORIZED, text);
    let cookie =
        headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok()).find_map(|all| {
            all.split(';').find_map(|pair| pair.trim().strip_prefix("accessToken=").map(str::to_owned))
        });
    let plain = headers.get("x-access-token").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|value| value.strip_prefix("Bearer ")).map(str::to_owned);
    let token = cookie.or(plain).or(bearer).filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| unauthorised("No token provided"))?;
    let mut validation = Validation::new(Algorithm::HS256);
    validation.required_spec_claims.clear();
    let claims = jsonwebtoken::decode::<Claims>(&token, &app.keys.access, &validation)
        .map_err(|_| unauthorised("Unauthorized"))?
        .claims;
    if matches!(guard, Guard::Admin | Guard::UserThenAdmin) && claims.authority != "ADMIN" {
        return Err(ApiError::message(StatusCode::FORBIDDEN, "Forbidden"));
    }
    Ok(Caller { claims, token })
}
