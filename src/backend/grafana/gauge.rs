//! The gauge: the one kind of panel that has a template.
//!
//! Its datasource is the PostgreSQL that Grafana is provisioned with (the original named MySQL, under the same uid).

use serde_json::{Value, json};

/// The uid that Grafana gives to the provisioned `STATUS datasource`.
pub const DATASOURCE_UID: &str = "P5E4ECD82955BB660";
pub const DATASOURCE_TYPE: &str = "grafana-postgresql-datasource";

/// A gauge as it is before anything is wished of it.
pub fn template() -> Value {
    let step = |colour: &str, value: Value| json!({"color": colour, "value": value});
    json!({
        "datasource": {"default": true, "type": DATASOURCE_TYPE, "uid": DATASOURCE_UID},
        "description": "",
        "fieldConfig": {
            "defaults": {
                "color": {"mode": "thresholds"},
                "custom": {"neutral": 0},
                "decimals": 1,
                "displayName": "Control name",
                "mappings": [],
                "max": 100,
                "min": 0,
                "thresholds": {
                    "mode": "percentage",
                    "steps": [
                        step("red", Value::Null),
                        step("orange", json!(50)),
                        step("yellow", json!(70)),
                        step("green", json!(80)),
                    ],
                },
            },
            "overrides": [],
        },
        "gridPos": position(),
        "id": 1,
        "options": {
            "minVizHeight": 75,
            "minVizWidth": 75,
            "orientation": "auto",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": false},
            "showThresholdLabels": true,
            "showThresholdMarkers": true,
            "sizing": "auto",
            "text": {},
        },
        "pluginVersion": "11.2.1",
        "targets": [target()],
        "title": "Panel Title",
        "type": "gauge",
    })
}

/// Where a panel goes when nothing else is said.
pub fn position() -> Value {
    json!({"h": 8, "w": 12, "x": 0, "y": 0})
}

fn target() -> Value {
    let parameter = json!({"type": "functionParameter", "name": "limit"});
    let rule = json!({
        "id": "a9bb8898-0123-4456-b89a-b1926e1f7a5c",
        "properties": {
            "field": "limit",
            "fieldSrc": "field",
            "operator": "equal",
            "value": [1],
            "valueError": [null],
            "valueSrc": ["value"],
            "valueType": ["number"],
        },
        "type": "rule",
    });
    json!({
        "dataset": "statusdb",
        "datasource": {"type": DATASOURCE_TYPE, "uid": DATASOURCE_UID},
        "editorMode": "builder",
        "format": "table",
        "rawQuery": true,
        "rawSql": "SELECT COUNT(`limit`) FROM statusdb.Configurations WHERE `limit` = 1 LIMIT 50 ",
        "refId": "A",
        "sql": {
            "columns": [{"type": "function", "name": "COUNT", "parameters": [parameter]}],
            "groupBy": [],
            "limit": 50,
            "whereJsonTree": {
                "children1": [rule],
                "id": "b9999998-cdef-4012-b456-71926e1f7a5c",
                "properties": {"conjunction": "AND"},
                "type": "group",
            },
            "whereString": "`limit` = 1",
        },
        "table": "Configurations",
    })
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn the_pinned_facts() {
        let gauge = template();
        assert_eq!((&gauge["type"], &gauge["title"]), (&json!("gauge"), &json!("Panel Title")));
        let defaults = &gauge["fieldConfig"]["defaults"];
        assert_eq!((&defaults["min"], &defaults["max"]), (&json!(0), &json!(100)));
        assert_eq!(
            defaults["thresholds"]["steps"],
            json!([
                {"color": "red", "value": null}, {"color": "orange", "value": 50},
                {"color": "yellow", "value": 70}, {"color": "green", "value": 80},
            ])
        );
        let targets = gauge["targets"].as_array().unwrap();
        assert_eq!(targets.len(), 1);
        assert_eq!(targets[0]["rawQuery"], true);
        assert_eq!(targets[0]["sql"]["columns"][0]["type"], "function");
        assert_eq!(targets[0]["datasource"]["uid"], gauge["datasource"]["uid"]);
        assert_eq!(gauge["gridPos"], json!({"x": 0, "y": 0, "w": 12, "h": 8}));
    }

    #[test]
    fn the_uid_is_what_grafana_derives_from_the_name() {
        let digest = Sha256::digest("STATUS datasource");
        let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02X}")).collect();
        assert_eq!(DATASOURCE_UID, format!("P{hex}"));
    }
}
