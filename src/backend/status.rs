//! Draft or finalized: the state of catalogs and controls.

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::error::ApiError;
use super::extract::{Fields, Invalid};
use super::params::in_query;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Draft,
    Finalized,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Finalized => "finalized",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Draft, Self::Finalized].into_iter().find(|status| status.as_str() == text)
    }

    /// Of a body; `null` counts as absent.
    pub fn of_fields(fields: Fields<'_>) -> Result<Option<Self>, Invalid> {
        let Some(value) = fields.get("status") else { return Ok(None) };
        let status = value.as_str().and_then(Self::read);
        status.map(Some).ok_or_else(|| Invalid::new("status", "must be draft or finalized"))
    }

    /// The filter of a list.
    pub fn of_query(query: Option<&str>) -> Result<Option<Self>, ApiError> {
        let Some(text) = in_query(query.unwrap_or_default(), "status") else { return Ok(None) };
        let refuse = || {
            let value = Value::from(text.as_str());
            let text = format!("Invalid value for \"status\": {value}. Allowed values are draft or finalized.");
            ApiError::error(StatusCode::BAD_REQUEST, text)
        };
        Self::read(&text).map(Some).ok_or_else(refuse)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::backend::extract::JsonBody;

    #[test]
    fn only_the_two_are_accepted() {
        let of = |status: Value| Status::of_fields(JsonBody(json!({ "status": status })).fields());
        assert_eq!(of(json!("draft")), Ok(Some(Status::Draft)));
        assert_eq!(of(json!("finalized")), Ok(Some(Status::Finalized)));
        assert_eq!(of(Value::Null), Ok(None));
        for bad in [json!("Draft"), json!(""), json!(1), json!(["draft"])] {
            assert_eq!(of(bad).unwrap_err().to_string(), "status must be draft or finalized");
        }
    }

    #[test]
    fn a_filter_is_one_of_them_or_absent() {
        assert_eq!(Status::of_query(None).unwrap(), None);
        assert_eq!(Status::of_query(Some("a=b&status=draft")).unwrap(), Some(Status::Draft));
        assert!(Status::of_query(Some("status=")).is_err());
        assert!(Status::of_query(Some("status=draft'")).is_err());
    }
}
