//! Who may pass: the original's two checks, before the handlers of a route.
//!
//! `verifyAuth`: any role; an access token that is merely too old is renewed on the way if a good refresh token comes
//! along, and the answer sets the new cookie. `verifyAdmin`: the administrator's role, no renewal. Where each looks for
//! its token is said in [`super::auth::carrier`].

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::app::App;
use super::auth::carrier;
use super::auth::role::Role;
pub use super::auth::tokens::Claims;
use super::auth::tokens::{ACCESS_LIFE, Subject, Verdict};
use super::error::{ApiError, Fault, Promise};
use crate::telemetry::wall_clock;

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

/// The caller, for handlers behind a guard.
#[derive(Debug, Clone)]
pub struct Caller {
    pub claims: Claims,
    pub role: Role,
    /// The token as sent, or the one it was renewed with: some upstream calls pass it on.
    pub token: String,
}

impl Caller {
    /// Tokens of other makers may name nobody.
    pub fn user_id(&self) -> Result<i32, ApiError> {
        self.claims.user_id.ok_or_else(|| unauthorised("Unauthorized: No user in request"))
    }
}

/// Handlers of guarded routes have one; behind no guard nobody is known.
impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| unauthorised("No token provided"))
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

const REFRESH: Promise = Promise::message("Internal server error");

fn unauthorised(text: &str) -> ApiError {
    ApiError::message(StatusCode::UNAUTHORIZED, text)
}

fn forbidden() -> ApiError {
    ApiError::message(StatusCode::FORBIDDEN, "Forbidden")
}

/// Lets a request pass, with its [`Caller`] in the extensions.
pub async fn admit(app: &App, guard: Guard, request: &mut Request) -> Result<Admitted, ApiError> {
    let now = wall_clock().as_second();
    let headers = request.headers();
    let (caller, cookies) = match guard {
        Guard::Public => return Ok(Admitted::default()),
        Guard::User => user(app, headers, now).await?,
        Guard::Admin => (administrator(app, headers, now)?, Vec::new()),
        Guard::UserThenAdmin => match user(app, headers, now).await? {
            (caller, cookies) if cookies.is_empty() => {
                drop(caller);
                (administrator(app, headers, now)?, cookies)
            }
            // The token that came along is too old for the second check; what it was renewed with is not.
            (caller, cookies) if caller.role == Role::Admin => (caller, cookies),
            _ => return Err(forbidden()),
        },
    };
    request.extensions_mut().insert(caller);
    Ok(Admitted { cookies })
}

/// `verifyAuth`.
async fn user(app: &App, headers: &HeaderMap, now: i64) -> Result<(Caller, Vec<HeaderValue>), ApiError> {
    let token = carrier::of_user(headers).ok_or_else(|| unauthorised("No token provided"))?;
    match app.auth.tokens.judge_access(token, now) {
        Verdict::Valid(claims) if !app.auth.revocations.holds(&claims, token) => {
            let role = claims.role.ok_or_else(forbidden)?;
            Ok((Caller { claims, role, token: token.to_owned() }, Vec::new()))
        }
        Verdict::Expired => renewed(app, headers, now).await,
        Verdict::Valid(_) | Verdict::Invalid => Err(unauthorised("Unauthorized")),
    }
}

/// The caller by the refresh token, and the cookie of the access token that was made of it.
async fn renewed(app: &App, headers: &HeaderMap, now: i64) -> Result<(Caller, Vec<HeaderValue>), ApiError> {
    let token = carrier::of_refresh(headers).ok_or_else(|| unauthorised("Refresh token not provided"))?;
    let claims = match app.auth.tokens.judge_refresh(token, now) {
        Verdict::Valid(claims) if !app.auth.revocations.holds(&claims, token) => claims,
        _ => return Err(unauthorised("Invalid refresh token")),
    };
    let nobody = || unauthorised("Invalid user in refresh token");
    let id = claims.user_id.ok_or_else(nobody)?;
    let user = app.store.user(id).await.map_err(|error| REFRESH.fault(error))?.ok_or_else(nobody)?;
    if user.username.is_empty() || user.password.is_empty() {
        return Err(ApiError::message(StatusCode::BAD_REQUEST, "User credentials missing"));
    }
    let subject = Subject { user_id: user.id, username: user.username, role: user.role };
    let session = claims.session.unwrap_or_else(uuid::Uuid::new_v4);
    let token = app.auth.tokens.access(&subject, session, now);
    let token = token.map_err(|error| REFRESH.fault(Fault::internal("no token could be made", error)))?;
    let cookie = app.auth.cookies.access(&token, now);
    let claims = Claims {
        user_id: Some(subject.user_id),
        username: Some(subject.username),
        role: Some(subject.role),
        session: Some(session),
        expires: Some(now + ACCESS_LIFE),
    };
    Ok((Caller { claims, role: subject.role, token }, vec![cookie]))
}

/// `verifyAdmin`.
fn administrator(app: &App, headers: &HeaderMap, now: i64) -> Result<Caller, ApiError> {
    let token = carrier::of_admin(headers).ok_or_else(|| unauthorised("No token provided"))?;
    match app.auth.tokens.judge_access(token, now) {
        Verdict::Valid(claims) if !app.auth.revocations.holds(&claims, token) => match claims.role {
            Some(Role::Admin) => Ok(Caller { claims, role: Role::Admin, token: token.to_owned() }),
            _ => Err(forbidden()),
        },
        _ => Err(unauthorised("Unauthorized: Invalid token")),
    }
}
