//! Secrets in a metric: `params.secretRefs` is replaced by what it names, when the flow is asked and not earlier.
//!
//! A reference names one of the caller's own secrets by id or by name, and may say under which name the flow expects it.

use serde_json::{Map, Value};

use super::app::App;
use super::error::Fault;
use super::extract::{Fields, Invalid, check_text};
use super::guard::Caller;

const KEY: &str = "secretRefs";
/// A flow that needs more does not exist; each is a question to the database.
const MOST: usize = 32;

/// One reference, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
struct SecretRef {
    id: Option<i32>,
    name: Option<String>,
    environment: Option<String>,
    /// The parameter that it becomes; the secret's name otherwise.
    parameter: Option<String>,
}

/// Puts the secrets among the metric's parameters, in place of the references.
pub async fn resolve(app: &App, caller: &Caller, metric: &mut Map<String, Value>) -> Result<(), Fault> {
    let Some(params) = metric.get_mut("params").and_then(Value::as_object_mut) else { return Ok(()) };
    let Some(sent) = params.shift_remove(KEY) else { return Ok(()) };
    for (place, wanted) in read(&sent)?.into_iter().enumerate() {
        let unknown = || Invalid::new(field(place), "names no secret of yours");
        let owner = caller.claims.user_id.ok_or_else(unknown)?;
        let found =
            app.store.encrypted_secret(owner, wanted.id, wanted.name.as_deref(), wanted.environment.as_deref()).await?;
        let (name, encrypted) = found.ok_or_else(unknown)?;
        let plain = app.auth.cipher.decrypt(&encrypted);
        let plain = plain.map_err(|error| Fault::internal("a secret cannot be decrypted", error))?;
        params.insert(wanted.parameter.unwrap_or(name), Value::from(plain.as_str()));
    }
    Ok(())
}

fn field(place: usize) -> String {
    format!("metric.params.{KEY}[{place}]")
}

fn read(sent: &Value) -> Result<Vec<SecretRef>, Invalid> {
    let whole = |why: String| Invalid::new(format!("metric.params.{KEY}"), why);
    let list = match sent {
        Value::Null => return Ok(Vec::new()),
        Value::Array(list) if list.len() <= MOST => list,
        Value::Array(_) => return Err(whole(format!("must not have more than {MOST} members"))),
        _ => return Err(whole("must be an array".to_owned())),
    };
    let one = |(place, value): (usize, &Value)| {
        read_one(value).map_err(|Invalid { field: member, why }| {
            let dot = if member.is_empty() { "" } else { "." };
            Invalid { field: format!("{}{dot}{member}", field(place)), why }
        })
    };
    list.iter().enumerate().map(one).collect()
}

fn read_one(value: &Value) -> Result<SecretRef, Invalid> {
    let Value::Object(members) = value else { return Err(Invalid::new("", "must be an object")) };
    let fields = Fields(members);
    let text = |name| fields.text(name, usize::MAX).map(|text| text.filter(|text| !text.is_empty()));
    let wanted = SecretRef {
        id: fields.id("id")?,
        name: text("name")?,
        environment: text("environment")?,
        parameter: text("as")?,
    };
    if wanted.id.is_none() && wanted.name.is_none() {
        return Err(Invalid::new("", "must have an id or a name"));
    }
    wanted.parameter.as_deref().map_or(Ok(()), |name| check_text("as", name, 255))?;
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_reference_has_an_id_or_a_name() {
        let wanted =
            read(&json!([{ "id": "3", "as": "key" }, { "name": "n", "environment": "test", "as": "" }])).unwrap();
        let (name, environment) = (Some("n".to_owned()), Some("test".to_owned()));
        assert_eq!(
            wanted,
            [
                SecretRef { id: Some(3), name: None, environment: None, parameter: Some("key".to_owned()) },
                SecretRef { id: None, name, environment, parameter: None },
            ]
        );
        assert_eq!(read(&Value::Null), Ok(Vec::new()));
    }

    #[test]
    fn a_refusal_names_the_place() {
        let refused = |refs: Value| read(&refs).unwrap_err().to_string();
        assert_eq!(refused(json!("x")), "metric.params.secretRefs must be an array");
        assert_eq!(refused(json!([{ "id": 1 }, 3])), "metric.params.secretRefs[1] must be an object");
        assert_eq!(refused(json!([{ "as": "x" }])), "metric.params.secretRefs[0] must have an id or a name");
        assert_eq!(refused(json!([{ "id": "x" }])), "metric.params.secretRefs[0].id must be an integer");
        assert_eq!(refused(json!([{ "name": [] }])), "metric.params.secretRefs[0].name must be a string");
        let many = vec![json!({ "id": 1 }); MOST + 1];
        assert_eq!(refused(json!(many)), "metric.params.secretRefs must not have more than 32 members");
    }
}
