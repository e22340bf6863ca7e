//! Panels of a dashboard as the API shows them. A panel without a query or a display name shows `null` there.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::panel::PanelError;

/// A panel with its place.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PanelView {
    pub id: Value,
    pub title: Value,
    #[serde(rename = "type")]
    pub kind: Value,
    pub raw_sql: Value,
    pub display_name: Value,
    pub grid_pos: Value,
}

/// A panel's query.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueryView {
    pub id: Value,
    pub title: Value,
    pub display_name: Value,
    pub raw_sql: Value,
    #[serde(rename = "type")]
    pub kind: Value,
}

/// What Grafana knows of a panel that a control shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ControlPanelView {
    pub title: Value,
    #[serde(rename = "type")]
    pub kind: Value,
    pub sql_query: Value,
    pub table: Value,
    pub display_name: Value,
    pub grid_pos: Value,
}

impl PanelView {
    pub fn of(panel: &Value) -> Self {
        Self {
            id: at(panel, "/id"),
            title: at(panel, "/title"),
            kind: at(panel, "/type"),
            raw_sql: at(panel, "/targets/0/rawSql"),
            display_name: at(panel, "/fieldConfig/defaults/displayName"),
            grid_pos: at(panel, "/gridPos"),
        }
    }
}

impl QueryView {
    pub fn of(panel: &Value) -> Self {
        let PanelView { id, title, kind, raw_sql, display_name, .. } = PanelView::of(panel);
        Self { id, title, display_name, raw_sql, kind }
    }
}

impl ControlPanelView {
    /// Here the display name is the alias of the query.
    pub fn of(panel: &Value) -> Self {
        Self {
            title: at(panel, "/title"),
            kind: at(panel, "/type"),
            sql_query: at(panel, "/targets/0/rawSql"),
            table: at(panel, "/targets/0/table"),
            display_name: at(panel, "/targets/0/alias"),
            grid_pos: at(panel, "/gridPos"),
        }
    }
}

/// The panels in Grafana's reply to "dashboard by uid"; at least one.
pub fn panels(fetched: &Value) -> Result<&[Value], PanelError> {
    let found = fetched.pointer("/dashboard/panels").and_then(Value::as_array).map(Vec::as_slice);
    found.filter(|panels| !panels.is_empty()).ok_or(PanelError::NoPanels)
}

/// The panel of that id; not found also in a dashboard without panels.
pub fn find<'a>(fetched: &'a Value, id: &str) -> Result<&'a Value, PanelError> {
    let panels = panels(fetched).map_err(|_| PanelError::NotFound)?;
    panels.iter().find(|panel| same_id(panel, id)).ok_or(PanelError::NotFound)
}

/// Whether the panel has that id, be it a number or text.
pub fn same_id(panel: &Value, id: &str) -> bool {
    match panel.get("id") {
        Some(Value::String(text)) => text == id,
        Some(Value::Number(number)) => number.to_string() == id,
        _ => false,
    }
}

fn at(panel: &Value, pointer: &str) -> Value {
    panel.pointer(pointer).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn full() -> Value {
        json!({
            "id": 4, "title": "T", "type": "gauge", "gridPos": {"x": 1}, "extra": true,
            "fieldConfig": {"defaults": {"displayName": "D"}},
            "targets": [{"rawSql": "SELECT 1", "table": "t", "alias": "A"}],
        })
    }

    fn shown(view: impl Serialize) -> Value {
        serde_json::to_value(view).unwrap()
    }

    #[test]
    fn each_view_has_its_members() {
        let panel = full();
        let whole = json!({
            "id": 4, "title": "T", "type": "gauge", "rawSql": "SELECT 1", "displayName": "D", "gridPos": {"x": 1},
        });
        assert_eq!(shown(PanelView::of(&panel)), whole);
        let query = json!({"id": 4, "title": "T", "displayName": "D", "rawSql": "SELECT 1", "type": "gauge"});
        assert_eq!(shown(QueryView::of(&panel)), query);
        let of_control = json!({
            "title": "T", "type": "gauge", "sqlQuery": "SELECT 1", "table": "t", "displayName": "A", "gridPos": {"x": 1},
        });
        assert_eq!(shown(ControlPanelView::of(&panel)), of_control);
    }

    #[test]
    fn a_panel_without_targets_is_shown() {
        for panel in [json!({"id": 1}), json!({"id": 1, "targets": []}), json!({"id": 1, "targets": null})] {
            let view = PanelView::of(&panel);
            assert_eq!((view.id, view.raw_sql, view.display_name), (json!(1), Value::Null, Value::Null));
        }
    }

    #[test]
    fn a_panel_is_found_by_number_or_text() {
        let fetched = json!({"dashboard": {"panels": [full(), {"id": "5"}]}});
        assert_eq!(find(&fetched, "4"), Ok(&full()));
        assert_eq!(find(&fetched, "5"), Ok(&json!({"id": "5"})));
        assert_eq!(find(&fetched, "6"), Err(PanelError::NotFound));
        assert_eq!(panels(&fetched).unwrap().len(), 2);
        for none in [json!({}), json!({"dashboard": {"panels": []}})] {
            assert_eq!(find(&none, "4"), Err(PanelError::NotFound));
            assert_eq!(panels(&none), Err(PanelError::NoPanels));
        }
    }
}
