//! Scope sets: the concrete scopes that a control is computed for (`/scopes/sets`).

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use mongodb::bson::oid::ObjectId;
use serde::{Serialize, Serializer};
use serde_json::{Number, Value};
use utoipa::ToSchema;

use super::app::App;
use super::error::{ApiError, Promise};
use super::extract::{Fields, Invalid, JsonBody, check_text};
use super::store::ScopeSetFields;

/// Scope name to value, in the order in which they were written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeMap(pub Vec<(String, String)>);

impl Serialize for ScopeMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// A scope set as the API shows it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ScopeSet {
    #[serde(rename = "_id")]
    #[schema(pattern = "^[0-9a-f]{24}$")]
    pub id: String,
    /// A number of JavaScript; never compared with the controls that there are.
    #[serde(rename = "controlId", serialize_with = "number")]
    pub control_id: f64,
    #[schema(value_type = BTreeMap<String, String>)]
    pub scopes: ScopeMap,
    #[serde(rename = "__v")]
    pub version: i32,
}

/// Up to here every integer is a double.
const INTEGERS: f64 = 9_007_199_254_740_992.0;

/// Whole numbers without a fraction, as JavaScript writes them.
fn number<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.fract() == 0.0 && value.abs() <= INTEGERS {
        serializer.serialize_i64(*value as i64)
    } else {
        serializer.serialize_f64(*value)
    }
}

/// What a caller writes.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScopeSetBody {
    /// A number, or a text that is one.
    #[serde(rename = "controlId")]
    #[schema(value_type = f64)]
    pub control_id: Number,
    /// Names without `.` and without `$` at their beginning; numbers, `true` and `false` become texts.
    pub scopes: Option<BTreeMap<String, String>>,
}

/// What of it a caller changes.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScopeSetChange {
    #[serde(rename = "controlId")]
    #[schema(value_type = Option<f64>)]
    pub control_id: Option<Number>,
    pub scopes: Option<BTreeMap<String, String>>,
}

const LIST: Promise = Promise::error("Failed to retrieve all scope sets");
const ONE: Promise = Promise::error("Failed to retrieve scope set by ID");
const OF_CONTROL: Promise = Promise::error("Failed to retrieve scope sets by control ID");
const CREATE: Promise = Promise::error("Failed to create scope set");
const UPDATE: Promise = Promise::error("Failed to update scope set by ID");

fn not_found() -> ApiError {
    ApiError::error(StatusCode::NOT_FOUND, "ScopeSet not found")
}

fn set_id(id: &str) -> Result<ObjectId, Invalid> {
    ObjectId::parse_str(id).map_err(|_| Invalid::new("id", "must be 24 hexadecimal digits"))
}

/// List all scope sets.
#[utoipa::path(get, path = "/scopes/sets", tag = "Scopes", responses((status = 200, body = [ScopeSet])))]
pub async fn list(State(app): State<App>) -> Result<Json<Vec<ScopeSet>>, ApiError> {
    app.scope_sets.all().await.map(Json).map_err(|error| LIST.fault(error))
}

/// Create a scope set for a control.
///
/// One concrete scope that the control is computed for: scope names with a value each, `*` for all of them. Whether
/// the control exists is not checked.
#[utoipa::path(post, path = "/scopes/sets", tag = "Scopes", request_body = ScopeSetBody,
    responses((status = 201, body = ScopeSet), (status = 400)))]
pub async fn create(State(app): State<App>, body: JsonBody) -> Result<Response, ApiError> {
    let ScopeSetFields { control_id, scopes } = read(body.fields()).map_err(|invalid| CREATE.fault(invalid))?;
    let control_id = control_id.ok_or_else(|| CREATE.fault(Invalid::new("controlId", "is required")))?;
    let set = app.scope_sets.insert(control_id, scopes.unwrap_or_default()).await;
    Ok((StatusCode::CREATED, Json(set.map_err(|error| CREATE.fault(error))?)).into_response())
}

/// Get a scope set.
#[utoipa::path(get, path = "/scopes/sets/{id}", tag = "Scopes", params(("id" = String, Path)),
    responses((status = 200, body = ScopeSet), (status = 400), (status = 404)))]
pub async fn get(State(app): State<App>, Path(id): Path<String>) -> Result<Json<ScopeSet>, ApiError> {
    let id = set_id(&id).map_err(|invalid| ONE.fault(invalid))?;
    let set = app.scope_sets.one(id).await.map_err(|error| ONE.fault(error))?;
    set.map(Json).ok_or_else(not_found)
}

/// Change a scope set.
///
/// What is not given stays; `scopes` replaces the whole map.
#[utoipa::path(put, path = "/scopes/sets/{id}", tag = "Scopes", params(("id" = String, Path)),
    request_body = ScopeSetChange, responses((status = 200, body = ScopeSet), (status = 400), (status = 404)))]
pub async fn update(
    State(app): State<App>,
    Path(id): Path<String>,
    body: JsonBody,
) -> Result<Json<ScopeSet>, ApiError> {
    let read = || Ok((set_id(&id)?, read(body.fields())?));
    let (id, fields) = read().map_err(|invalid: Invalid| UPDATE.fault(invalid))?;
    let set = app.scope_sets.update(id, fields).await.map_err(|error| UPDATE.fault(error))?;
    set.map(Json).ok_or_else(not_found)
}

/// List the scope sets of a control.
///
/// Empty when it has none, or when there is no such control.
#[utoipa::path(get, path = "/scopes/sets/control/{controlId}", tag = "Scopes", params(("controlId" = f64, Path)),
    responses((status = 200, body = [ScopeSet]), (status = 400)))]
pub async fn of_control(State(app): State<App>, Path(control): Path<String>) -> Result<Json<Vec<ScopeSet>>, ApiError> {
    let control = read_number(&control).map_err(|invalid| OF_CONTROL.fault(invalid))?;
    app.scope_sets.scope_sets_of(&[control]).await.map(Json).map_err(|error| OF_CONTROL.fault(error))
}

fn read(fields: Fields<'_>) -> Result<ScopeSetFields, Invalid> {
    let control_id = match fields.get("controlId") {
        None => None,
        Some(Value::Number(number)) => Some(read_number(&number.to_string())?),
        Some(Value::String(text)) => Some(read_number(text)?),
        Some(_) => return Err(not_a_number()),
    };
    let scopes = fields.object("scopes")?;
    let scopes = scopes.map(|map| map.iter().map(|(name, value)| scope(name, value)).collect::<Result<_, _>>());
    Ok(ScopeSetFields { control_id, scopes: scopes.transpose()?.map(ScopeMap) })
}

fn not_a_number() -> Invalid {
    Invalid::new("controlId", "must be a number")
}

fn read_number(text: &str) -> Result<f64, Invalid> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(not_a_number)
}

fn scope(name: &str, value: &Value) -> Result<(String, String), Invalid> {
    if name.contains('.') || name.starts_with('$') {
        return Err(Invalid::new("scopes", format_args!("must not have a name such as {name:?}")));
    }
    check_text("scopes", name, usize::MAX)?;
    let value = match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) if !number.is_f64() => number.to_string(),
        // Without the fraction `.0`, as JavaScript writes it.
        Value::Number(number) => number.as_f64().unwrap_or_default().to_string(),
        _ => return Err(Invalid::new(format!("scopes.{name}"), "must be a string, a number, true or false")),
    };
    Ok((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_body(body: Value) -> Result<ScopeSetFields, String> {
        read(JsonBody(body).fields()).map_err(|invalid| invalid.to_string())
    }

    #[test]
    fn values_become_texts_in_their_order() {
        let scopes = json!({ "z": "*", "a": 5, "m": 1.0, "n": 2.5, "t": true });
        let fields = read_body(json!({ "controlId": " 12 ", "scopes": scopes })).unwrap();
        assert_eq!(fields.control_id, Some(12.0));
        let text = serde_json::to_string(&fields.scopes.unwrap()).unwrap();
        assert_eq!(text, r#"{"z":"*","a":"5","m":"1","n":"2.5","t":"true"}"#);
    }

    #[test]
    fn what_cannot_be_kept_is_named() {
        for bad in ["x", "", "inf", "NaN", "1e999"] {
            assert_eq!(read_body(json!({ "controlId": bad })).unwrap_err(), "controlId must be a number", "{bad}");
        }
        for bad in [json!(true), json!([1]), json!({})] {
            assert_eq!(read_body(json!({ "controlId": bad })).unwrap_err(), "controlId must be a number");
        }
        for name in ["a.b", "$set"] {
            let error = read_body(json!({ "scopes": { name: "x" } })).unwrap_err();
            assert_eq!(error, format!("scopes must not have a name such as {name:?}"));
        }
        for value in [json!(null), json!([]), json!({})] {
            let error = read_body(json!({ "scopes": { "a": value } })).unwrap_err();
            assert_eq!(error, "scopes.a must be a string, a number, true or false");
        }
        assert_eq!(read_body(json!({ "scopes": "x" })).unwrap_err(), "scopes must be an object");
    }
}
