//! Bodies that create a dashboard in Grafana: from a dashboard as sent, or from the short form of the web client.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The body that creates a dashboard. `sent` is the whole request, `dashboard` its member of that name.
pub fn creation(sent: &Map<String, Value>, dashboard: &Map<String, Value>) -> Value {
    let mut body = import(sent, dashboard);
    body["message"] = "Dashboard created successfully".into();
    body
}

/// The body that imports a dashboard.
pub fn import(sent: &Map<String, Value>, dashboard: &Map<String, Value>) -> Value {
    let mut made = Map::new();
    let defaults = [
        ("annotations", json!({"list": []})),
        ("templating", json!({"list": []})),
        ("fiscalYearStartMonth", json!(0)),
        ("graphTooltip", json!(0)),
        ("version", json!(0)),
        ("schemaVersion", json!(16)),
        ("tags", json!([])),
        ("time", json!({"from": "now-6h", "to": "now"})),
        ("timepicker", json!({})),
        ("timezone", json!("browser")),
        ("weekStart", json!("")),
    ];
    for key in ["title", "panels"] {
        if let Some(value) = dashboard.get(key) {
            made.insert(key.to_owned(), value.clone());
        }
    }
    for (key, default) in defaults {
        made.insert(key.to_owned(), said(dashboard, key).cloned().unwrap_or(default));
    }
    // Always Grafana's choice, whatever was sent: a new, editable dashboard.
    made.insert("editable".to_owned(), json!(true));
    made.insert("id".to_owned(), Value::Null);
    made.insert("links".to_owned(), json!([]));
    let mut body = json!({
        "dashboard": made,
        "overwrite": true,
        "inputs": said(sent, "inputs").cloned().unwrap_or_else(|| json!([])),
    });
    if let Some(folder) = sent.get("folderUid") {
        body["folderUid"] = folder.clone();
    }
    body
}

fn said<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    object.get(key).filter(|value| !value.is_null())
}

/// A dashboard without panels, as the web client's form asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Template {
    pub name: Option<String>,
    pub folder: Option<String>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

impl Template {
    pub fn body(&self) -> Value {
        let name = self.name.as_deref().filter(|name| !name.is_empty());
        let instant =
            |time: Option<Timestamp>, or: &str| time.map_or_else(|| or.to_owned(), |time| format!("{time:.3}"));
        json!({
            "dashboard": {
                "title": name.unwrap_or("New Dashboard Template"),
                "tags": [],
                "timezone": "browser",
                "schemaVersion": 27,
                "version": 0,
                "panels": [],
                "editable": true,
                "fiscalYearStartMonth": 0,
                "graphTooltip": 0,
                "time": {"from": instant(self.from, "now-6h"), "to": instant(self.to, "now")},
                "timepicker": null,
                "weekStart": "",
                "annotations": {"list": []},
                "templating": {"list": []},
            },
            "overwrite": false,
            "inputs": [{}],
            "folderUid": self.folder,
        })
    }
}

/// The folder of the short form: `folderUid` before `folderId`. The web client's placeholders `1`, `2` and `3` mean none.
pub fn template_folder(sent: &Map<String, Value>) -> Option<String> {
    let text = |key| match sent.get(key)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    text("folderUid").or_else(|| text("folderId")).filter(|uid| !matches!(uid.as_str(), "1" | "2" | "3"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_bare_dashboard_gets_the_defaults() {
        let sent = object(json!({"dashboard": {"title": "T"}}));
        let dashboard = sent["dashboard"].as_object().unwrap();
        let expected = json!({
            "dashboard": {
                "title": "T", "annotations": {"list": []}, "templating": {"list": []}, "editable": true,
                "fiscalYearStartMonth": 0, "graphTooltip": 0, "version": 0, "schemaVersion": 16, "tags": [],
                "time": {"from": "now-6h", "to": "now"}, "timepicker": {}, "timezone": "browser", "weekStart": "",
                "id": null, "links": [],
            },
            "overwrite": true, "inputs": [],
        });
        assert_eq!(import(&sent, dashboard), expected);
        let mut created = expected;
        created["message"] = json!("Dashboard created successfully");
        assert_eq!(creation(&sent, dashboard), created);
    }

    #[test]
    fn what_was_sent_is_kept_but_for_what_grafana_chooses() {
        let sent = object(json!({
            "dashboard": {
                "title": "T", "panels": [{"id": 1}], "tags": ["a"], "version": 7, "schemaVersion": 39, "timezone": "utc",
                "time": {"from": "a", "to": "b"}, "editable": false, "uid": "mine", "id": 9, "links": [1], "weekStart": null,
            },
            "overwrite": false, "inputs": [{"name": "x"}], "folderUid": "f",
        }));
        let dashboard = sent["dashboard"].as_object().unwrap();
        let body = creation(&sent, dashboard);
        let made = &body["dashboard"];
        for kept in ["title", "panels", "tags", "version", "schemaVersion", "timezone", "time"] {
            assert_eq!(made[kept], dashboard[kept], "{kept}");
        }
        assert_eq!((&made["editable"], &made["id"], &made["links"]), (&json!(true), &Value::Null, &json!([])));
        assert_eq!((&made["weekStart"], made.get("uid")), (&json!(""), None));
        assert_eq!(body["overwrite"], true);
        assert_eq!(body["folderUid"], "f");
        assert_eq!(body["inputs"], json!([{"name": "x"}]));
    }

    #[test]
    fn a_template_has_the_promised_body() {
        let body = Template::default().body();
        assert_eq!(body["dashboard"]["title"], "New Dashboard Template");
        assert_eq!(body["dashboard"]["time"], json!({"from": "now-6h", "to": "now"}));
        assert_eq!((&body["overwrite"], &body["inputs"]), (&json!(false), &json!([{}])));
        assert_eq!((&body["folderUid"], &body["dashboard"]["timepicker"]), (&Value::Null, &Value::Null));
        assert_eq!(body["dashboard"].get("id"), None);
        let wish = Template {
            name: Some("Mine".into()),
            folder: Some("f".into()),
            from: Some("2024-06-01T00:00:00Z".parse().unwrap()),
            to: Some("2024-07-01T00:00:00.5Z".parse().unwrap()),
        };
        let body = wish.body();
        assert_eq!(body["dashboard"]["title"], "Mine");
        assert_eq!(
            body["dashboard"]["time"],
            json!({"from": "2024-06-01T00:00:00.000Z", "to": "2024-07-01T00:00:00.500Z"})
        );
        assert_eq!(body["folderUid"], "f");
    }

    #[test]
    fn placeholders_are_no_folder() {
        let table = [
            (json!({}), None),
            (json!({"folderId": "1"}), None),
            (json!({"folderId": 2}), None),
            (json!({"folderId": "abc"}), Some("abc")),
            (json!({"folderId": "abc", "folderUid": "def"}), Some("def")),
            (json!({"folderId": "abc", "folderUid": ""}), Some("abc")),
            (json!({"folderId": null}), None),
        ];
        for (sent, expected) in table {
            assert_eq!(template_folder(&object(sent.clone())).as_deref(), expected, "{sent}");
        }
    }
}
