//! Data sources of Grafana (`/grafana/datasource`).

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Json;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::failure::{Failure, Refusal};
use super::{Created, TEXT};
use crate::backend::app::App;
use crate::backend::error::ApiError;
use crate::backend::extract::{Fields, Invalid, JsonBody};

/// A data source to be.
#[derive(Debug, Serialize, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct SourceBody {
    pub datasource_name: String,
    #[schema(rename = "type")]
    pub kind: String,
    pub url: String,
    pub access: String,
    pub database: Option<String>,
    pub user: Option<String>,
    pub basic_auth: Option<bool>,
    pub is_default: Option<bool>,
    pub json_data: Option<Map<String, Value>>,
}

const LIST: Failure = Failure::dump("Failed to retrieve datasources in Grafana");
const CREATE: Failure = Failure::wrap("Failed to create datasource in Grafana");

/// List the data sources of Grafana.
#[utoipa::path(get, path = "/grafana/datasource", tag = "Grafana", responses((status = 200, body = [Value]), Refusal))]
pub async fn list(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    app.clients.grafana.data_sources().await.map(Json).map_err(|error| LIST.of(error))
}

/// Create a data source in Grafana.
#[utoipa::path(post, path = "/grafana/datasource", tag = "Grafana", request_body = SourceBody,
    responses((status = 201, body = Value), Refusal))]
pub async fn create(State(app): State<App>, body: JsonBody) -> Created {
    let mut wanted = wanted(body.fields()).map_err(|invalid| CREATE.of(invalid))?;
    wanted["uid"] = Uuid::new_v4().to_string().into();
    if let Some(user) = &app.settings.grafana.user {
        wanted["basicAuthUser"] = user.as_str().into();
    }
    let made = app.clients.grafana.create_data_source(&wanted).await;
    Ok((StatusCode::CREATED, Json(made.map_err(|error| CREATE.of(error))?)))
}

fn wanted(fields: Fields<'_>) -> Result<Value, Invalid> {
    let mut body = json!({
        "name": fields.required_text("datasourceName", TEXT)?,
        "type": fields.required_text("type", TEXT)?,
        "url": fields.required_text("url", TEXT)?,
        "access": fields.required_text("access", TEXT)?,
        "withCredentials": true,
    });
    for name in ["database", "user"] {
        if let Some(text) = fields.text(name, TEXT)? {
            body[name] = text.into();
        }
    }
    for name in ["basicAuth", "isDefault"] {
        if let Some(flag) = fields.flag(name)? {
            body[name] = flag.into();
        }
    }
    if let Some(data) = fields.object("jsonData")? {
        body["jsonData"] = Value::Object(data.clone());
    }
    Ok(body)
}
