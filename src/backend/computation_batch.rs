//! A batch of computations as flows post it: every member checked before the first row is written. Pure.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::extract::{Fields, Invalid, check_json};
use super::instant;

/// What is written, in the form that the database reads: a JSON object per row.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewComputation<'a> {
    pub id: Uuid,
    pub computation_group: Option<Uuid>,
    value: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'a Map<String, Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidences: Option<&'a [Value]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    period: Option<&'a Map<String, Value>>,
    control_id: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<Timestamp>,
}

/// The rows of a body's `computations`, each with an id of its own; a refusal names the place.
pub fn read(computations: &[Value]) -> Result<Vec<NewComputation<'_>>, Invalid> {
    computations
        .iter()
        .enumerate()
        .map(|(place, value)| {
            one(value).map_err(|Invalid { field, why }| {
                let dot = if field.is_empty() { "" } else { "." };
                Invalid { field: format!("computations[{place}]{dot}{field}"), why }
            })
        })
        .collect()
}

fn one(value: &Value) -> Result<NewComputation<'_>, Invalid> {
    let Value::Object(map) = value else { return Err(Invalid::new("", "must be an object")) };
    let fields = Fields(map);
    Ok(NewComputation {
        id: fields.uuid("id")?.unwrap_or_else(Uuid::new_v4),
        computation_group: fields.uuid("computationGroup")?,
        value: fields.flag("value")?,
        scope: fields.object("scope")?,
        evidences: evidences(fields)?,
        period: fields.object("period")?,
        control_id: fields.id("controlId")?,
        created_at: fields.get("createdAt").map(|value| instant::from_json("createdAt", value)).transpose()?,
        updated_at: fields.get("updatedAt").map(|value| instant::from_json("updatedAt", value)).transpose()?,
    })
}

fn evidences<'a>(fields: Fields<'a>) -> Result<Option<&'a [Value]>, Invalid> {
    let Some(value) = fields.get("evidences") else { return Ok(None) };
    let Value::Array(items) = value else { return Err(Invalid::new("evidences", "must be an array of objects")) };
    if let Some(place) = items.iter().position(|item| !item.is_object()) {
        return Err(Invalid::new(format!("evidences[{place}]"), "must be an object"));
    }
    check_json("evidences", value)?;
    Ok(Some(items))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const GROUP: &str = "7b9ff8d2-4a5c-4d5a-8f5d-5f1f3f0a9b1c";

    fn refused(row: Value) -> String {
        read(&[json!({}), row]).unwrap_err().to_string()
    }

    #[test]
    fn what_is_read_is_what_was_sent() {
        let sent = json!([{
            "computationGroup": GROUP, "value": true, "scope": { "z": "1", "a": "2" },
            "evidences": [{ "result": true, "deep": [[1]] }], "period": { "from": "x" }, "controlId": "7", "other": 1,
        }]);
        let rows = read(sent.as_array().unwrap()).unwrap();
        let mut written = serde_json::to_value(&rows).unwrap();
        assert!(written[0].as_object_mut().unwrap().shift_remove("id").is_some());
        assert_eq!(
            written.to_string(),
            format!(r#"[{{"computationGroup":"{GROUP}","value":true,"scope":{{"z":"1","a":"2"}},"#,)
                + r#""evidences":[{"result":true,"deep":[[1]]}],"period":{"from":"x"},"controlId":7}]"#
        );
    }

    #[test]
    fn a_refusal_names_the_place() {
        assert_eq!(refused(json!(3)), "computations[1] must be an object");
        assert_eq!(refused(json!({ "value": "yes" })), "computations[1].value must be true or false");
        assert_eq!(refused(json!({ "computationGroup": "x" })), "computations[1].computationGroup must be a UUID");
        assert_eq!(refused(json!({ "scope": [] })), "computations[1].scope must be an object");
        assert_eq!(refused(json!({ "evidences": {} })), "computations[1].evidences must be an array of objects");
        assert_eq!(refused(json!({ "evidences": [{}, [1]] })), "computations[1].evidences[1] must be an object");
        assert_eq!(
            refused(json!({ "evidences": [{ "a": ["\0"] }] })),
            "computations[1].evidences must not contain a null byte"
        );
        assert_eq!(refused(json!({ "createdAt": "x" })), "computations[1].createdAt must be an ISO date");
        assert_eq!(refused(json!({ "controlId": 1.5 })), "computations[1].controlId must be an integer");
    }
}
