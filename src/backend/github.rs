//! Helpers of the original: a code of GitHub's sign-in page for a token, and the caller's `Authorization` as it arrived.

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::app::App;
use super::error::{ApiError, Promise};
use super::extract::Invalid;
use super::params::in_query;

/// Longer codes are not GitHub's.
const CODE: usize = 512;

#[derive(Debug, Serialize, ToSchema)]
pub struct Authorization {
    /// Absent without the header.
    #[serde(rename = "authorizationHeader", skip_serializing_if = "Option::is_none")]
    pub authorization_header: Option<String>,
}

/// The original's own words.
const FAILED: Promise = Promise::message("Error interno del servidor.");

/// Exchange a GitHub authorization code for an access token.
///
/// GitHub's JSON is passed on as it is: `access_token`, `token_type` and `scope`, or its error object.
#[utoipa::path(get, path = "/ghAccessToken", tag = "Auth", params(("code" = String, Query)),
    responses((status = 200), (status = 400), (status = 500, description = "GitHub is away or fails")))]
pub async fn access_token(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Value>, ApiError> {
    let code = in_query(query.as_deref().unwrap_or_default(), "code").filter(|code| !code.is_empty());
    let code = code.ok_or_else(|| FAILED.fault(Invalid::new("code", "is required")))?;
    if code.len() > CODE {
        return Err(FAILED.fault(Invalid::new("code", "is too long")));
    }
    app.clients.github.exchange(&code).await.map(Json).map_err(|error| FAILED.fault(error))
}

/// Echo the `Authorization` header of the request.
///
/// Without the header the answer is an empty object.
#[utoipa::path(get, path = "/getAuth", tag = "Auth", responses((status = 200, body = Authorization)))]
pub async fn authorization(headers: HeaderMap) -> Json<Authorization> {
    let value = headers.get(header::AUTHORIZATION);
    let authorization_header = value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    Json(Authorization { authorization_header })
}
