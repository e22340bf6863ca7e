//! The query of a panel as clients describe it, and its SQL text.
//!
//! The text is stored in Grafana and never executed here. Identifiers, functions and operators stand in it as sent;
//! values cannot break out of their quotes, because quotes inside them are doubled (the original did not).

use std::fmt::Write as _;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

const TABLE: &str = "computation";
const LOGIC: &str = "AND";
/// Where the original's tables are said to be; part of the promised text.
pub const QUALIFIER: &str = "statusdb.";

/// A query: what the builder takes and the parser gives. `null` and absence are the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Query {
    #[serde(deserialize_with = "or_default")]
    #[schema(value_type = Option<Vec<Aggregation>>)]
    pub aggregations: Vec<Aggregation>,
    #[serde(deserialize_with = "or_default")]
    #[schema(value_type = Option<Vec<String>>)]
    pub columns: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    #[schema(value_type = Option<Vec<Condition>>)]
    pub where_conditions: Vec<Condition>,
    #[serde(deserialize_with = "or_logic")]
    #[schema(value_type = Option<String>)]
    pub where_logic: String,
    pub group_by: Option<String>,
    pub order_by_attr: Option<String>,
    pub order_direction: Option<String>,
    #[serde(deserialize_with = "or_table")]
    #[schema(value_type = Option<String>)]
    pub table: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Aggregation {
    pub func: String,
    pub attr: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Condition {
    pub key: String,
    pub operator: String,
    pub value: Value,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            aggregations: Vec::new(),
            columns: Vec::new(),
            where_conditions: Vec::new(),
            where_logic: LOGIC.to_owned(),
            group_by: None,
            order_by_attr: None,
            order_direction: None,
            table: TABLE.to_owned(),
        }
    }
}

fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

fn or_logic<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let sent = Option::<String>::deserialize(from)?.filter(|text| !text.is_empty());
    Ok(sent.unwrap_or_else(|| LOGIC.to_owned()))
}

fn or_table<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let sent = Option::<String>::deserialize(from)?.filter(|text| !text.is_empty());
    Ok(sent.unwrap_or_else(|| TABLE.to_owned()))
}

impl Query {
    /// The SQL text.
    pub fn build(&self) -> String {
        let calls = self.aggregations.iter().map(|call| format!("{}({})", call.func, call.attr));
        let list: Vec<_> = calls.chain(self.columns.iter().cloned()).collect();
        let list = if list.is_empty() { "*".to_owned() } else { list.join(", ") };
        let mut sql = format!("SELECT {list} FROM {QUALIFIER}{}", self.table);
        let mut clause = |text: String| sql.push_str(&text);
        if !self.where_conditions.is_empty() {
            let conditions: Vec<_> = self.where_conditions.iter().map(Condition::sql).collect();
            clause(format!(" WHERE ({})", conditions.join(&format!(" {} ", self.where_logic))));
        }
        if let Some(attr) = said(&self.group_by) {
            clause(format!(" GROUP BY {attr}"));
        }
        if let Some(attr) = said(&self.order_by_attr) {
            let descends = self.order_direction.as_deref().is_some_and(|word| word.eq_ignore_ascii_case("DESC"));
            clause(format!(" ORDER BY {attr} {}", if descends { "DESC" } else { "ASC" }));
        }
        sql
    }
}

fn said(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

impl Condition {
    fn sql(&self) -> String {
        let mut sql = format!("{} {} ", self.key, self.operator);
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        // Writing to a string cannot fail.
        let _ = match &self.value {
            Value::Number(_) | Value::Bool(_) => write!(sql, "{}", self.value),
            Value::String(text) => write!(sql, "{}", quoted(text)),
            other => write!(sql, "{}", quoted(&other.to_string())),
        };
        sql
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn built(query: Value) -> String {
        serde_json::from_value::<Query>(query).unwrap().build()
    }

    #[test]
    fn the_promised_texts() {
        let table = [
            (json!({}), "SELECT * FROM statusdb.computation"),
            (json!({"columns": ["id", "name"]}), "SELECT id, name FROM statusdb.computation"),
            (json!({"aggregations": [{"func": "COUNT", "attr": "*"}]}), "SELECT COUNT(*) FROM statusdb.computation"),
            (
                json!({"aggregations": [{"func": "AVG", "attr": "value"}], "columns": ["timestamp"]}),
                "SELECT AVG(value), timestamp FROM statusdb.computation",
            ),
            (
                json!({"whereConditions": [
                    {"key": "status", "operator": "=", "value": "active"},
                    {"key": "value", "operator": ">", "value": 10},
                ]}),
                "SELECT * FROM statusdb.computation WHERE (status = 'active' AND value > 10)",
            ),
            (
                json!({"whereLogic": "OR", "whereConditions": [
                    {"key": "type", "operator": "=", "value": "error"},
                    {"key": "level", "operator": "=", "value": "critical"},
                ]}),
                "SELECT * FROM statusdb.computation WHERE (type = 'error' OR level = 'critical')",
            ),
            (
                json!({"whereConditions": [
                    {"key": "isActive", "operator": "=", "value": true},
                    {"key": "count", "operator": ">=", "value": 5},
                    {"key": "name", "operator": "!=", "value": "test"},
                ]}),
                "SELECT * FROM statusdb.computation WHERE (isActive = true AND count >= 5 AND name != 'test')",
            ),
            (json!({"orderByAttr": "timestamp"}), "SELECT * FROM statusdb.computation ORDER BY timestamp ASC"),
            (
                json!({
                    "aggregations": [{"func": "MAX", "attr": "score"}], "columns": ["userId"],
                    "whereConditions": [{"key": "gameId", "operator": "=", "value": 123}],
                    "groupBy": "userId", "orderByAttr": "score", "orderDirection": "desc", "table": "scores",
                }),
                "SELECT MAX(score), userId FROM statusdb.scores WHERE (gameId = 123) \
                 GROUP BY userId ORDER BY score DESC",
            ),
        ];
        for (query, sql) in table {
            assert_eq!(built(query.clone()), sql, "{query}");
        }
    }

    #[test]
    fn null_and_empty_are_absent() {
        let query = json!({
            "aggregations": null, "columns": null, "whereConditions": null, "whereLogic": null, "groupBy": null,
            "orderByAttr": "", "orderDirection": null, "table": "",
        });
        assert_eq!(built(query), "SELECT * FROM statusdb.computation");
    }

    #[test]
    fn a_value_stays_in_its_quotes() {
        let one = |value: Value| built(json!({"whereConditions": [{"key": "k", "operator": "=", "value": value}]}));
        assert!(one(json!("x' OR '1' = '1")).ends_with("(k = 'x'' OR ''1'' = ''1')"));
        assert!(one(json!(null)).ends_with("(k = 'null')"));
        assert!(one(json!(["it's"])).ends_with("(k = '[\"it''s\"]')"));
    }

    #[test]
    fn a_condition_without_its_parts_is_refused() {
        for bad in [json!({"whereConditions": [{"key": "k"}]}), json!({"aggregations": ["COUNT"]}), json!({"table": 1})]
        {
            assert!(serde_json::from_value::<Query>(bad.clone()).is_err(), "{bad}");
        }
    }
}
