//! Signing in, staying signed in, signing out.
//!
//! In: limits → user → password → second factor → Node-RED (for developers) → session, tokens, cookies. Until all of it
//! is settled nothing is stored. Out: the session is revoked on all replicas first, then its refresh token is forgotten.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::app::App;
use super::auth::carrier;
use super::auth::revocation::Mark;
use super::auth::role::Role;
use super::auth::sessions::{self, Session};
use super::auth::tokens::{Subject, TokenError, Verdict};
use super::clients::UpstreamError;
use super::error::{ApiError, Body, Fault, Promise};
use super::extract::{Fields, JsonBody};
use super::origin::Origin;
use super::settings::SignInErrors;
use super::store::User;
use super::throttle::Attempt;
use super::two_factor;
use super::users::{INTERNAL, user_not_found};
use crate::telemetry::wall_clock;

#[derive(Debug, Serialize, ToSchema)]
pub struct SignInBody {
    pub username: String,
    pub password: String,
    /// Six digits, of users with a second factor.
    #[serde(rename = "totpToken")]
    #[schema(pattern = "^[0-9]{6}$")]
    pub totp_token: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SignedIn {
    pub username: String,
    pub email: String,
    pub authority: Role,
    #[serde(rename = "accessToken")]
    pub access_token: String,
    #[serde(rename = "refreshToken")]
    pub refresh_token: String,
    /// Empty but for developers; absent for one whom Node-RED does not know.
    #[serde(rename = "nodeRedToken", skip_serializing_if = "Option::is_none")]
    pub node_red_token: Option<String>,
    /// `false`: a developer whom Node-RED does not know.
    #[serde(rename = "nodeRedAccess", skip_serializing_if = "Option::is_none")]
    pub node_red_access: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'static str>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct AccessToken {
    #[serde(rename = "accessToken")]
    pub access_token: String,
}

const NODE_RED_DENIED: &str = "Logged in successfully, but Node-RED access was denied. Check Node-RED credentials.";
const REFRESH: Promise = Promise::message("Failed to refresh access token");
const SIGN_OUT: Promise = Promise::both("Internal server error");

impl From<TokenError> for Fault {
    fn from(error: TokenError) -> Self {
        Self::internal("no token could be made", error)
    }
}

fn refused(status: StatusCode, text: &str) -> ApiError {
    ApiError::message(status, text)
}

/// Sign in with a user name and a password.
///
/// Answers with an access and a refresh token and sets both as cookies. A developer gets a token for Node-RED as
/// well. A user with a second factor also sends `totpToken`; without it the answer is 401 with `requires2FA`. 404: no
/// such user. 401: wrong password or code. 429: too many attempts, see `Retry-After`.
#[utoipa::path(post, path = "/users/signIn", tag = "Auth", request_body = SignInBody,
    responses((status = 200, body = SignedIn), (status = 400), (status = 401), (status = 404), (status = 429),
        (status = 500, description = "a developer's account at Node-RED cannot be asked for")))]
pub async fn sign_in(State(app): State<App>, origin: Origin, body: JsonBody) -> Result<Response, ApiError> {
    let (username, password) = credentials(body.fields())?;
    let attempt = Attempt::to_sign_in(&app, &origin, &username).await?;
    let user = known(&app, &username, &password).await?;
    let now = wall_clock().as_second();
    if user.has_second_factor {
        match code(body.fields())? {
            Some(code) if two_factor::accepts(&app, &user, &code, now).await? => {}
            Some(_) => return Err(second_factor("Invalid 2FA token. Please try again.")),
            None => {
                // The right password, and the web client asks for the code only now.
                attempt.give_back().await?;
                return Err(second_factor("Two-factor authentication required. Please provide your TOTP."));
            }
        }
    }
    let node_red = match node_red(&app, &user, &password).await {
        Ok(node_red) => node_red,
        Err(error) => {
            // The right password, and nothing that the caller could do better.
            attempt.give_back().await?;
            return Err(error);
        }
    };
    let session = Session::begin(user.id, origin.address.map(|ip| ip.to_string()), origin.agent.as_deref(), now);
    let subject = Subject { user_id: user.id, username: user.username, role: user.role };
    let access = app.auth.tokens.access(&subject, session.id, now).map_err(|error| INTERNAL.fault(error))?;
    let refresh = app.auth.tokens.refresh(&subject, session.id, now).map_err(|error| INTERNAL.fault(error))?;
    sessions::store(&app.cache, &session, now).await.map_err(|error| INTERNAL.fault(error))?;
    if !app.store.keep_refresh_token(user.id, &refresh).await.map_err(|error| INTERNAL.fault(error))? {
        return Err(user_not_found());
    }
    attempt.succeed().await?;
    let mut cookies = vec![app.auth.cookies.access(&access, now), app.auth.cookies.refresh(&refresh, now)];
    if let NodeRed::Granted(token) = &node_red {
        cookies.push(app.auth.cookies.node_red(token, now));
    }
    let (node_red_token, node_red_access, message) = match node_red {
        NodeRed::NotAsked => (Some(String::new()), None, None),
        NodeRed::Granted(token) => (Some(token), None, None),
        NodeRed::Denied => (None, Some(false), Some(NODE_RED_DENIED)),
        NodeRed::None => (None, Some(false), None),
    };
    let signed_in = SignedIn {
        username: subject.username,
        email: user.email,
        authority: subject.role,
        access_token: access,
        refresh_token: refresh,
        node_red_token,
        node_red_access,
        message,
    };
    Ok(with_cookies(cookies, Json(signed_in)))
}

/// What becomes of a developer's access to Node-RED.
enum NodeRed {
    NotAsked,
    Granted(String),
    /// It knows no such account.
    Denied,
    /// It gave none, or there is no Node-RED here.
    None,
}

/// A developer has the same name and password there.
async fn node_red(app: &App, user: &User, password: &str) -> Result<NodeRed, ApiError> {
    if user.role != Role::Developer {
        return Ok(NodeRed::NotAsked);
    }
    match app.clients.node_red.token(&user.username, password).await {
        Ok(Some(token)) => Ok(NodeRed::Granted(token)),
        Ok(None) | Err(UpstreamError::NotConfigured { .. }) => Ok(NodeRed::None),
        Err(error) if error.status() == Some(StatusCode::FORBIDDEN) => Ok(NodeRed::Denied),
        Err(error) => Err(INTERNAL.fault(error)),
    }
}

fn credentials(fields: Fields<'_>) -> Result<(String, String), ApiError> {
    let bad = |error: super::extract::Invalid| refused(StatusCode::BAD_REQUEST, &error.to_string());
    if !fields.is_truthy("username") || !fields.is_truthy("password") {
        return Err(refused(StatusCode::BAD_REQUEST, "Username and password are required"));
    }
    let text = |name| fields.required_text(name, usize::MAX).map_err(bad);
    Ok((text("username")?, text("password")?))
}

/// What is empty was not sent.
fn code(fields: Fields<'_>) -> Result<Option<String>, ApiError> {
    if !fields.is_truthy("totpToken") {
        return Ok(None);
    }
    let code = fields.text("totpToken", usize::MAX);
    code.map_err(|error| refused(StatusCode::BAD_REQUEST, &error.to_string()))
}

fn second_factor(text: &str) -> ApiError {
    let body = json!({ "requires2FA": true, "message": text });
    ApiError { status: StatusCode::UNAUTHORIZED, body: Body::Json(body) }
}

/// The user of that name and password. A name that nobody has takes as long as one with a wrong password.
async fn known(app: &App, username: &str, password: &str) -> Result<User, ApiError> {
    let user = app.store.user_named(username).await.map_err(|error| INTERNAL.fault(error))?;
    let hash = user.as_ref().map(|user| user.password.as_str());
    let is_right = app.auth.passwords.verify(password, hash).await.map_err(|error| INTERNAL.fault(error))?;
    match (user, app.settings.sign_in_errors) {
        (Some(user), _) if is_right => Ok(user),
        (_, SignInErrors::Uniform) => Err(refused(StatusCode::UNAUTHORIZED, "Invalid credentials")),
        (Some(_), SignInErrors::Exact) => Err(refused(StatusCode::UNAUTHORIZED, "Invalid password")),
        (None, SignInErrors::Exact) => Err(user_not_found()),
    }
}

/// Get a new access token for the refresh token.
///
/// The refresh token comes as the cookie `refreshToken`; the new access token is also set as a cookie. 400: no
/// refresh token. 403: one that is not good any more. Never 401.
#[utoipa::path(get, path = "/users/auth/refresh", tag = "Auth",
    responses((status = 200, body = AccessToken), (status = 400), (status = 403)))]
pub async fn refresh(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiError> {
    // Never 401: the web client takes one for another request that waits for this one.
    let token = carrier::of_refresh(&headers);
    let token = token.ok_or_else(|| refused(StatusCode::BAD_REQUEST, "Refresh token is required"))?;
    let now = wall_clock().as_second();
    let Verdict::Valid(claims) = app.auth.tokens.judge_refresh(token, now) else {
        return Err(refused(StatusCode::FORBIDDEN, "Invalid or expired refresh token"));
    };
    let invalid = || refused(StatusCode::FORBIDDEN, "Invalid refresh token");
    let id = claims.user_id.filter(|_| !app.auth.revocations.holds(&claims, token)).ok_or_else(invalid)?;
    let user = app.store.user_with_token(id, token).await.map_err(|error| REFRESH.fault(error))?;
    let user = user.ok_or_else(invalid)?;
    let subject = Subject { user_id: user.id, username: user.username, role: user.role };
    let session = claims.session.unwrap_or_else(uuid::Uuid::new_v4);
    let access_token = app.auth.tokens.access(&subject, session, now).map_err(|error| REFRESH.fault(error))?;
    let cookie = app.auth.cookies.access(&access_token, now);
    Ok(with_cookies(vec![cookie], Json(AccessToken { access_token })))
}

/// Sign out: end the session of the refresh token.
///
/// The refresh token comes as the cookie `refreshToken`. The cookies of the session are cleared. 400: no refresh
/// token. 404: nobody has it.
#[utoipa::path(get, path = "/users/signOut", tag = "Auth", responses((status = 204), (status = 400), (status = 404)))]
pub async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiError> {
    let token = carrier::cookie(&headers, carrier::REFRESH_COOKIE);
    let token = token.ok_or_else(|| refused(StatusCode::BAD_REQUEST, "No refresh token provided"))?;
    revoke(&app, &headers, token).await?;
    let found = app.store.forget_refresh_token(token).await.map_err(|error| SIGN_OUT.fault(error))?;
    let answer = if found {
        StatusCode::NO_CONTENT.into_response()
    } else {
        refused(StatusCode::NOT_FOUND, "No user found for provided refresh token").into_response()
    };
    Ok(with_cookies(app.auth.cookies.cleared().into(), answer))
}

/// The session of the refresh token, and whatever access token came along.
async fn revoke(app: &App, headers: &HeaderMap, refresh_token: &str) -> Result<(), ApiError> {
    let now = wall_clock().as_second();
    let mut marks = Vec::new();
    if let Verdict::Valid(claims) = app.auth.tokens.judge_refresh(refresh_token, now) {
        marks.push(Mark::of(&claims, refresh_token));
        if let (Some(user_id), Some(session)) = (claims.user_id, claims.session) {
            sessions::end(&app.cache, user_id, session).await.map_err(|error| SIGN_OUT.fault(error))?;
        }
    }
    if let Some(token) = carrier::of_user(headers)
        && let Verdict::Valid(claims) = app.auth.tokens.judge_access(token, now)
    {
        marks.push(Mark::of(&claims, token));
    }
    marks.dedup();
    app.auth.revocations.revoke(&app.cache, &marks, now).await.map_err(|error| SIGN_OUT.fault(error))
}

fn with_cookies(cookies: Vec<HeaderValue>, answer: impl IntoResponse) -> Response {
    (AppendHeaders(cookies.into_iter().map(|cookie| (header::SET_COOKIE, cookie))), answer).into_response()
}
