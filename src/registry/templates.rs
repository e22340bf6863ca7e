//! Templates of agreements (`/templates`).

use std::sync::LazyLock;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::answer::{self, PLAIN};
use super::app::App;
use super::body::members;
use super::error::{Refusal, Shape};
use super::pointer;
use super::schemas::{Agreement, CodedError};
use crate::governify::body::JsonBody;

const SHAPE: Shape = Shape::Coded;

/// As the original prints it.
const ID: &str = r"/^(.*)-v(\d+)-(\d+)-(\d+)(-clone)?$/";

/// What a caller sends.
#[derive(Debug, serde::Serialize, ToSchema)]
pub struct TemplateBody {
    /// An agreement whose `id` ends in a version such as `-v1-0-0` and whose `type` is `template`. Local references
    /// (`{"$ref": "#/…"}`) are replaced by what they name.
    pub template: Agreement,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// A regular expression in which `*` is any text; all templates without it.
    id: Option<String>,
}

/// List templates of agreements.
///
/// All of them, or those whose id fits.
#[utoipa::path(get, path = "/templates", tag = "Templates", params(Wanted),
    responses((status = 200, body = [Agreement])))]
pub async fn list(State(app): State<App>, Query(wanted): Query<Wanted>) -> Result<Response, Refusal> {
    let pattern = wanted.id.filter(|id| !id.is_empty()).map_or_else(|| ".*".to_owned(), |id| id.replace('*', ".*"));
    let rows = app.store.templates(&pattern).await.map_err(SHAPE.store())?;
    answer::list(rows, PLAIN, SHAPE, None).await
}

/// Store a template of agreements.
///
/// 400: it has no id. 409: there is one with this id.
#[utoipa::path(post, path = "/templates", tag = "Templates", request_body = TemplateBody,
    responses((status = 200, body = Agreement), (status = 400, body = CodedError), (status = 409, body = CodedError)))]
pub async fn create(State(app): State<App>, body: JsonBody) -> Result<Response, Refusal> {
    let sent = members(&body).get("template").filter(|template| template.is_object());
    let sent = sent.ok_or_else(|| SHAPE.bad_request("The body must be {\"template\": {…}}"))?;
    let template = pointer::resolved(sent).map_err(|error| SHAPE.bad_request(error.to_string()))?;
    let Value::Object(template) = template else {
        return Err(SHAPE.bad_request("The template refers to something that is no object"));
    };
    let id = template.get("id");
    if !id.and_then(Value::as_str).is_some_and(is_versioned) {
        return Ok(bad_id(id));
    }
    if template.get("type").and_then(Value::as_str) != Some("template") {
        return Err(SHAPE.bad_request("Template must have: 'type':'template'"));
    }
    let stored = app.store.insert_template(&template).await.map_err(SHAPE.store())?;
    let stored = stored.ok_or_else(|| SHAPE.refuse(StatusCode::CONFLICT, "There is a template of that id"))?;
    answer::document(StatusCode::OK, &stored, SHAPE)
}

fn is_versioned(id: &str) -> bool {
    static PATTERN: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new("^(.*)-v([0-9]+)-([0-9]+)-([0-9]+)(-clone)?$").ok());
    PATTERN.as_ref().is_some_and(|pattern| pattern.is_match(id))
}

fn bad_id(id: Option<&Value>) -> Response {
    let mut body = Map::new();
    body.insert("error".to_owned(), "Bad formed id".into());
    body.insert("required pattern".to_owned(), ID.into());
    if let Some(id) = id {
        body.insert("your id".to_owned(), id.clone());
    }
    body.insert("example".to_owned(), "my-string-example-v0-002-012".into());
    (StatusCode::BAD_REQUEST, axum::Json(Value::Object(body))).into_response()
}

/// Get a template.
#[utoipa::path(get, path = "/templates/{templateId}", tag = "Templates", params(("templateId" = String, Path)),
    responses((status = 200, body = Agreement), (status = 404, body = CodedError)))]
pub async fn get(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Refusal> {
    let found = app.store.template(&id).await.map_err(SHAPE.store())?;
    let found = found.ok_or_else(|| SHAPE.not_found(format!("There is no template with id: {id}")))?;
    answer::document(StatusCode::OK, &found, SHAPE)
}

/// Delete a template.
#[utoipa::path(delete, path = "/templates/{templateId}", tag = "Templates", params(("templateId" = String, Path)),
    responses((status = 204), (status = 404, body = String, content_type = "text/html")))]
pub async fn delete(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Refusal> {
    if app.store.delete_template(&id).await.map_err(SHAPE.store())? {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    Err(Shape::Text.not_found(format!("Can't delete template with id {id}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_ends_in_its_version() {
        for good in ["my-string-example-v0-002-012", "-v1-2-3", "a-v1-2-3-clone", "a b-v1-2-3"] {
            assert!(is_versioned(good), "{good}");
        }
        for bad in ["", "a-v1-2", "a-v1-2-3-", "a-V1-2-3", "a-v1-2-3-cloned", "v1-2-3"] {
            assert!(!is_versioned(bad), "{bad}");
        }
    }
}
