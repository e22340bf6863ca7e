//! Users (`/users`): who there is, who one is oneself. Signing in and out is in [`super::sign_in`].

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use email_address::{EmailAddress, Options};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::app::App;
use super::auth::passwords::{self, PasswordError};
use super::auth::revocation::Mark;
use super::auth::role::Role;
use super::auth::sessions;
use super::error::{ApiError, Fault, Promise};
use super::extract::{Fields, Invalid, JsonBody};
use super::guard::Caller;
use super::store::{JsonRows, NewUser, RawJson, Taken};
use crate::telemetry::wall_clock;

/// Width of the columns, in characters.
const USERNAME: usize = 60;
const EMAIL: usize = 100;

/// ASCII letters and digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    pub fn new(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Invalid::new("username", "must be alphanumeric"));
        }
        if text.len() > USERNAME {
            return Err(Invalid::new("username", format_args!("must not be longer than {USERNAME} characters")));
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An address to which mail could be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    pub fn new(text: &str) -> Result<Self, Invalid> {
        let options = Options::default().with_required_tld().without_display_text().without_domain_literal();
        if EmailAddress::parse_with_options(text, options).is_err() || text.contains('\0') {
            return Err(Invalid::new("email", "must be a valid email address"));
        }
        if text.chars().count() > EMAIL {
            return Err(Invalid::new("email", format_args!("must not be longer than {EMAIL} characters")));
        }
        Ok(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A user as the API shows it.
#[derive(Debug, Serialize, ToSchema)]
pub struct User {
    pub id: i32,
    pub username: String,
    pub authority: Role,
    pub email: String,
    #[serde(rename = "createdAt")]
    pub created_at: String,
    #[serde(rename = "updatedAt")]
    pub updated_at: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SignUpBody {
    #[schema(max_length = 60, pattern = "^[A-Za-z0-9]+$")]
    pub username: String,
    #[schema(min_length = 1, max_length = 72)]
    pub password: String,
    #[schema(max_length = 100, format = "email")]
    pub email: String,
    pub authority: Option<Role>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Authority {
    pub authority: Role,
}

const SIGN_UP: Promise = Promise::message("Failed to create user, error");
pub(super) const INTERNAL: Promise = Promise::message("Internal server error");

pub(super) fn user_not_found() -> ApiError {
    ApiError::message(StatusCode::NOT_FOUND, "User not found")
}

impl From<PasswordError> for Fault {
    fn from(error: PasswordError) -> Self {
        match error {
            PasswordError::TooLong | PasswordError::NullByte | PasswordError::Empty => {
                Self::Invalid(format!("password {error}"))
            }
            PasswordError::Busy => Self::Busy("too many passwords are being checked"),
            other => Self::internal("passwords cannot be checked", other),
        }
    }
}

/// Create a user.
///
/// The role is `USER` unless `authority` says otherwise. 400: the name or the address is taken or not allowed.
#[utoipa::path(post, path = "/users/signUp", tag = "Auth", request_body = SignUpBody,
    responses((status = 201), (status = 400)))]
pub async fn sign_up(State(app): State<App>, body: JsonBody) -> Result<Response, ApiError> {
    let (new, password) = read(body.fields()).map_err(|error| SIGN_UP.fault(error))?;
    // Before the hash, which is the expensive part; the insertion decides.
    if let Some(taken) = app.store.taken(&new).await.map_err(|error| SIGN_UP.fault(error))? {
        return Err(is_taken(taken));
    }
    let hash = app.auth.passwords.hash(&password).await.map_err(|error| SIGN_UP.fault(error))?;
    if !app.store.insert_user(&new, &hash).await.map_err(|error| SIGN_UP.fault(error))? {
        let taken = app.store.taken(&new).await.map_err(|error| SIGN_UP.fault(error))?;
        return Err(is_taken(taken.unwrap_or(Taken::Username)));
    }
    let (name, role) = (new.username.as_str(), new.role);
    let message = format!("User {name} created successfully with authority {role}");
    Ok((StatusCode::CREATED, Json(json!({ "message": message }))).into_response())
}

fn read(fields: Fields<'_>) -> Result<(NewUser, String), Invalid> {
    let text = |name| fields.required_text(name, usize::MAX);
    let (username, email) = (Username::new(&text("username")?)?, Email::new(&text("email")?)?);
    let password = text("password")?;
    passwords::check(&password).map_err(|error| Invalid::new("password", error))?;
    let role = match fields.text("authority", usize::MAX)? {
        None => Role::User,
        Some(role) => role.parse().map_err(|error| Invalid::new("authority", error))?,
    };
    Ok((NewUser { username, email, role }, password))
}

fn is_taken(taken: Taken) -> ApiError {
    let text = match taken {
        Taken::Email => "Email already exists",
        Taken::Username => "Username already exists",
    };
    ApiError::message(StatusCode::BAD_REQUEST, text)
}

/// Tell the role of the caller.
///
/// As it stands in the token: `ADMIN`, `DEVELOPER` or `USER`.
#[utoipa::path(get, path = "/users/auth", tag = "Auth", responses((status = 200, body = Authority)))]
pub async fn authority(caller: Caller) -> Json<Authority> {
    Json(Authority { authority: caller.role })
}

/// Show the account of the caller.
///
/// Without the password and the tokens. 404: the account is gone.
#[utoipa::path(get, path = "/users/whoami", tag = "Auth", responses((status = 200, body = User), (status = 404)))]
pub async fn whoami(State(app): State<App>, caller: Caller) -> Result<RawJson, ApiError> {
    let user = app.store.shown_user(caller.user_id()?).await.map_err(|error| INTERNAL.fault(error))?;
    user.ok_or_else(user_not_found)
}

/// List all users.
///
/// Without their passwords and tokens.
#[utoipa::path(get, path = "/users", tag = "Auth", responses((status = 200, body = [User])))]
pub async fn list(State(app): State<App>) -> Result<JsonRows, ApiError> {
    app.store.users().await.map_err(|error| INTERNAL.fault(error))
}

/// Delete a user.
///
/// The user's threads stay and belong to nobody.
#[utoipa::path(delete, path = "/users/{id}", tag = "Auth", params(("id" = i32, Path)),
    responses((status = 200), (status = 404)))]
pub async fn delete(State(app): State<App>, Path(id): Path<String>) -> Result<Json<serde_json::Value>, ApiError> {
    let id: i32 = id.parse().map_err(|_| INTERNAL.fault(Invalid::new("id", "must be an integer")))?;
    // First: a deleted user must not go on with the tokens that are out.
    sign_out_everywhere(&app, id).await?;
    if app.store.delete_user(id).await.map_err(|error| INTERNAL.fault(error))? {
        Ok(Json(json!({ "message": "User deleted successfully" })))
    } else {
        Err(user_not_found())
    }
}

/// Ends all sessions of a user, on all replicas.
pub(super) async fn sign_out_everywhere(app: &App, user_id: i32) -> Result<(), ApiError> {
    let now = wall_clock().as_second();
    let sessions = sessions::of_user(&app.cache, user_id, now).await.map_err(|error| INTERNAL.fault(error))?;
    let marks: Vec<Mark> = sessions.iter().map(|session| Mark::Session(session.id)).collect();
    app.auth.revocations.revoke(&app.cache, &marks, now).await.map_err(|error| INTERNAL.fault(error))?;
    sessions::end_all(&app.cache, user_id, now).await.map_err(|error| INTERNAL.fault(error))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_name_is_of_letters_and_digits() {
        for good in ["a", "Anna1", "x".repeat(60).as_str()] {
            assert_eq!(Username::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "a b", "a-b", "ä", "a\0", "x".repeat(61).as_str()] {
            assert_eq!(Username::new(bad).unwrap_err().field, "username", "{bad}");
        }
    }

    #[test]
    fn an_address_has_a_name_and_a_domain() {
        for good in ["a@b.org", "a.b+c@d.e.org", "ä@bücher.de"] {
            assert!(Email::new(good).is_ok(), "{good}");
        }
        let long = format!("{}@b.org", "a".repeat(95));
        for bad in ["", "a", "a@", "@b.org", "a@b", "A <a@b.org>", "a@[127.0.0.1]", "a\0@b.org", long.as_str()] {
            assert_eq!(Email::new(bad).unwrap_err().field, "email", "{bad}");
        }
    }
}
