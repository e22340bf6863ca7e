//! The second factor of a user (`/users/2fa`): set up, confirmed with a code, asked for at sign-in, removed.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::app::App;
use super::auth::replay;
use super::auth::totp::SecondFactor;
use super::error::{ApiError, Fault, Promise};
use super::extract::{Fields, JsonBody};
use super::guard::Caller;
use super::store::User;
use super::throttle::Attempt;
use super::users::{INTERNAL, user_not_found};
use crate::telemetry::wall_clock;

#[derive(Debug, Serialize, ToSchema)]
pub struct SecondFactorStatus {
    pub twofa_enabled: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Setup {
    /// A PNG as a data URL.
    #[serde(rename = "qrCode")]
    pub qr_code: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CodeBody {
    #[serde(rename = "totpToken")]
    #[schema(pattern = "^[0-9]{6}$")]
    pub totp_token: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DisableBody {
    pub password: String,
    #[serde(rename = "totpToken")]
    #[schema(pattern = "^[0-9]{6}$")]
    pub totp_token: String,
}

const SETUP: Promise = Promise::message("Failed to setup 2FA");
const VERIFY: Promise = Promise::message("Failed to verify 2FA");

fn refused(status: StatusCode, text: &str) -> ApiError {
    ApiError::message(status, text)
}

/// The caller's row, which may have been deleted since the token was made.
async fn owner(app: &App, caller: &Caller, promise: Promise) -> Result<User, ApiError> {
    let user = app.store.user(caller.user_id()?).await.map_err(|error| promise.fault(error))?;
    user.ok_or_else(user_not_found)
}

/// Tell whether the caller's second factor is enabled.
#[utoipa::path(get, path = "/users/2fa/status", tag = "Auth", responses((status = 200, body = SecondFactorStatus)))]
pub async fn status(State(app): State<App>, caller: Caller) -> Result<Json<SecondFactorStatus>, ApiError> {
    let user = owner(&app, &caller, INTERNAL).await?;
    Ok(Json(SecondFactorStatus { twofa_enabled: user.has_second_factor }))
}

/// Begin to set up a second factor for the caller.
///
/// Answers with a QR code for an authenticator app, as a data URL. It is not asked for at the sign-in until a code of
/// it is verified. 400: one is enabled already and has to be disabled first.
#[utoipa::path(post, path = "/users/2fa/setup", tag = "Auth", responses((status = 200, body = Setup), (status = 400)))]
pub async fn setup(State(app): State<App>, caller: Caller) -> Result<Json<Setup>, ApiError> {
    let user = owner(&app, &caller, SETUP).await?;
    let broken = |error| SETUP.fault(Fault::internal("the second factor cannot be made", error));
    let factor = SecondFactor::generate(&user.email).map_err(broken)?;
    let encrypted = app.auth.cipher.encrypt(&factor.to_base32());
    let encrypted = encrypted.map_err(|error| SETUP.fault(Fault::internal("it cannot be encrypted", error)))?;
    // Drawing takes milliseconds of a core.
    let drawn = tokio::task::spawn_blocking(move || factor.qr_code()).await;
    let drawn = drawn.map_err(|error| SETUP.fault(Fault::internal("the picture was not drawn", error)))?;
    let qr_code = drawn.map_err(broken)?;
    // Not over one that is enabled: whoever stole a token could replace it.
    if app.store.prepare_second_factor(user.id, &encrypted).await.map_err(|error| SETUP.fault(error))? {
        Ok(Json(Setup { qr_code }))
    } else {
        Err(refused(StatusCode::BAD_REQUEST, "2FA is already enabled"))
    }
}

/// Enable the second factor with a first code.
///
/// 400: none was set up. 401: wrong code. 429: too many codes.
#[utoipa::path(post, path = "/users/2fa/verify", tag = "Auth", request_body = CodeBody,
    responses((status = 200), (status = 400), (status = 401), (status = 429)))]
pub async fn verify(State(app): State<App>, caller: Caller, body: JsonBody) -> Result<Json<Value>, ApiError> {
    let code = required(body.fields(), "totpToken", "totpToken is required")?;
    let user = owner(&app, &caller, VERIFY).await?;
    let not_set_up = || refused(StatusCode::BAD_REQUEST, "2FA not set up");
    let encrypted = user.second_factor.as_deref().ok_or_else(not_set_up)?;
    if !accepts(&app, &user, &code, wall_clock().as_second()).await? {
        return Err(refused(StatusCode::UNAUTHORIZED, "Invalid 2FA token"));
    }
    if app.store.enable_second_factor(user.id, encrypted).await.map_err(|error| VERIFY.fault(error))? {
        Ok(Json(json!({ "message": "2FA enabled successfully" })))
    } else {
        Err(not_set_up())
    }
}

/// Disable the second factor.
///
/// Needs the password and a code. 400: one of them is missing, or no second factor is enabled. 401: one of them is
/// wrong. 429: too many attempts.
#[utoipa::path(post, path = "/users/2fa/disable", tag = "Auth", request_body = DisableBody,
    responses((status = 200), (status = 400), (status = 401), (status = 429)))]
pub async fn disable(State(app): State<App>, caller: Caller, body: JsonBody) -> Result<Json<Value>, ApiError> {
    let both = "Password and 2FA totpToken are required";
    let password = required(body.fields(), "password", both)?;
    let code = required(body.fields(), "totpToken", both)?;
    let user = owner(&app, &caller, INTERNAL).await?;
    if !user.has_second_factor {
        return Err(refused(StatusCode::BAD_REQUEST, "2FA is not enabled for this user"));
    }
    let attempt = Attempt::with_password(&app, user.id).await?;
    let is_right = app.auth.passwords.verify(&password, Some(&user.password)).await;
    if !is_right.map_err(|error| INTERNAL.fault(error))? {
        return Err(refused(StatusCode::UNAUTHORIZED, "Invalid password"));
    }
    attempt.succeed().await?;
    if !accepts(&app, &user, &code, wall_clock().as_second()).await? {
        return Err(refused(StatusCode::UNAUTHORIZED, "Invalid 2FA totpToken"));
    }
    app.store.remove_second_factor(user.id).await.map_err(|error| INTERNAL.fault(error))?;
    Ok(Json(json!({ "message": "2FA has been disabled successfully" })))
}

fn required(fields: Fields<'_>, name: &str, missing: &str) -> Result<String, ApiError> {
    if !fields.is_truthy(name) {
        return Err(refused(StatusCode::BAD_REQUEST, missing));
    }
    let text = fields.required_text(name, usize::MAX);
    text.map_err(|error| refused(StatusCode::BAD_REQUEST, &error.to_string()))
}

/// Whether the code is the user's, of now, and was not used before.
pub async fn accepts(app: &App, user: &User, code: &str, now: i64) -> Result<bool, ApiError> {
    let Some(encrypted) = &user.second_factor else { return Ok(false) };
    let attempt = Attempt::with_code(app, user.id).await?;
    let broken = |what| move |error| INTERNAL.fault(Fault::internal(what, error));
    let secret = app.auth.cipher.decrypt(encrypted).map_err(broken("a second factor cannot be decrypted"))?;
    let factor = SecondFactor::from_base32(&secret, &user.email)
        .map_err(|error| INTERNAL.fault(Fault::internal("a second factor cannot be read", error)))?;
    let Some(step) = factor.matching_step(code, now) else { return Ok(false) };
    if !replay::claim(&app.cache, user.id, step).await.map_err(|error| INTERNAL.fault(error))? {
        return Ok(false);
    }
    attempt.succeed().await?;
    Ok(true)
}
