//! The compliance object of a computation group: what the Registry takes as one measurement.

use serde_json::{Map, Value, json};

/// Why rows do not make a compliance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    #[error("a computation of the group has no evidences")]
    Evidences,
    #[error("the first computation of the group has no scope")]
    Scope,
}

/// The array of the reply: one object, or none where there are no rows. `rows` are whole computation rows, in the order
/// of the database.
pub fn compliances(group: &str, rows: &[Value]) -> Result<Vec<Value>, GroupError> {
    let Some(first) = rows.first() else { return Ok(Vec::new()) };
    let evidences: Vec<_> = rows.iter().map(|row| row["evidences"].as_array()).collect();
    let evidences = evidences.into_iter().collect::<Option<Vec<_>>>().ok_or(GroupError::Evidences)?;
    let all = evidences.iter().map(|of_row| of_row.len()).sum();
    let good = evidences.into_iter().flatten().filter(|evidence| evidence["result"] == true).count();
    let scope = first["scope"].as_object().ok_or(GroupError::Scope)?;
    Ok(vec![json!({
        "id": group,
        "value": percentage(good, all),
        "scope": coarser(scope),
        "evidences": rows,
        "period": first["period"],
        "controlId": first["controlId"],
    })])
}

/// Rounded, halves up; of nothing it is 0.
fn percentage(good: usize, all: usize) -> usize {
    (200 * good + all).checked_div(2 * all).unwrap_or(0)
}

/// A scope without its last, finest key.
fn coarser(scope: &Map<String, Value>) -> Map<String, Value> {
    let kept = scope.len().saturating_sub(1);
    scope.iter().take(kept).map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(results: &[Value]) -> Value {
        let evidences: Vec<_> = results.iter().map(|result| json!({"result": result})).collect();
        json!({
            "id": "r", "evidences": evidences, "scope": {"year": "1", "area": "2", "declaration": "3"},
            "period": {"from": "a", "to": "b"}, "controlId": 4,
        })
    }

    #[test]
    fn one_object_for_a_group() {
        let (yes, no) = (json!(true), json!(false));
        let mut second = row(&[no]);
        second["scope"] = Value::Null;
        second["period"] = json!("other");
        let rows = [row(&[yes.clone(), yes]), second];
        let made = compliances("g", &rows).unwrap();
        let expected = json!([{
            "id": "g", "value": 67, "scope": {"year": "1", "area": "2"}, "evidences": rows,
            "period": {"from": "a", "to": "b"}, "controlId": 4,
        }]);
        assert_eq!(serde_json::to_string(&made).unwrap(), expected.to_string());
    }

    #[test]
    fn halves_go_up_and_nothing_is_0() {
        let table = [
            (0, 0, 0),
            (0, 3, 0),
            (3, 3, 100),
            (1, 8, 13),
            (3, 8, 38),
            (1, 3, 33),
            (2, 3, 67),
            (1, 200, 1),
            (1, 201, 0),
        ];
        for (good, all, expected) in table {
            assert_eq!(percentage(good, all), expected, "{good} of {all}");
        }
    }

    #[test]
    fn only_true_is_good() {
        let rows = [row(&[json!(true), json!("true"), json!(1), json!(null)])];
        assert_eq!(compliances("g", &rows).unwrap()[0]["value"], 25);
        assert_eq!(compliances("g", &[row(&[])]).unwrap()[0]["value"], 0);
    }

    #[test]
    fn rows_that_lack_something() {
        assert_eq!(compliances("g", &[]), Ok(vec![]));
        let without = |key: &str| {
            let mut row = row(&[]);
            row[key] = Value::Null;
            compliances("g", &[row])
        };
        assert_eq!(without("evidences"), Err(GroupError::Evidences));
        assert_eq!(without("scope"), Err(GroupError::Scope));
        assert!(without("period").is_ok());
        let mut bare = row(&[]);
        bare["scope"] = json!({});
        assert_eq!(compliances("g", &[bare]).unwrap()[0]["scope"], json!({}));
    }
}
