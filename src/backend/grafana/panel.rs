//! Adding, changing and removing a panel of a dashboard, as rewrites of what Grafana gave.
//!
//! `fetched` is Grafana's reply to "dashboard by uid" (`{dashboard, meta}`); what comes out is the body that stores the
//! dashboard again, in its folder. Nothing else of the dashboard is touched. Its version is the one that was fetched, and
//! nothing is overwritten: Grafana counts it up, or refuses when somebody else has stored another one meanwhile. (The
//! original counted itself and overwrote, and so lost what the other one did.)

use serde_json::{Value, json};

use super::gauge;
use super::panel_view::same_id;

/// Rows that a new panel pushes the others down by: its own height.
const SHIFT: i64 = 8;
const TABLE: &str = "Computations";

/// What a caller wants of a panel. What is absent stays, or is the template's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Wish {
    pub title: Option<String>,
    pub kind: Option<String>,
    pub raw_sql: Option<String>,
    pub table: Option<String>,
    pub display_name: Option<String>,
    pub position: Option<Value>,
}

/// A new panel, and the body that stores it.
#[derive(Debug, Clone, PartialEq)]
pub struct Added {
    pub id: i64,
    pub panel: Value,
    pub body: Value,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PanelError {
    #[error("Panel type not supported: {0}")]
    Kind(String),
    #[error("Panel not found in dashboard")]
    NotFound,
    #[error("No panels found in dashboard")]
    NoPanels,
    #[error("Grafana's reply holds no dashboard")]
    NoDashboard,
}

/// Puts a new panel at the top.
pub fn add(fetched: &Value, wish: &Wish) -> Result<Added, PanelError> {
    let mut dashboard = dashboard(fetched)?;
    let mut panels = taken(&mut dashboard);
    let id = panels.iter().filter_map(highest_id).max().map_or(0, |id| id.saturating_add(1));
    for panel in &mut panels {
        if let Some(position) = panel.get_mut("gridPos").and_then(Value::as_object_mut) {
            let row = position.get("y").and_then(Value::as_i64).unwrap_or(0);
            position.insert("y".to_owned(), json!(row.saturating_add(SHIFT)));
        }
    }
    let wish = Wish { table: wish.table.clone().or_else(|| Some(TABLE.to_owned())), ..wish.clone() };
    let panel = made(json!(id), wish.kind.as_deref().unwrap_or_default(), &wish)?;
    panels.push(panel.clone());
    let mut body = stored(fetched, dashboard, panels);
    body["message"] = "Panel added successfully".into();
    Ok(Added { id, panel, body })
}

/// Rebuilds a panel from the template; what is not wished for keeps its value, its place too.
pub fn update(fetched: &Value, id: &str, wish: &Wish) -> Result<Value, PanelError> {
    let mut dashboard = dashboard(fetched)?;
    let mut panels = some(taken(&mut dashboard))?;
    let old = panels.iter_mut().find(|panel| same_id(panel, id)).ok_or(PanelError::NotFound)?;
    let text = |at: &str| old.pointer(at).and_then(Value::as_str).map(str::to_owned);
    let kept = |wished: &Option<String>, at: &str| wished.clone().or_else(|| text(at));
    let merged = Wish {
        title: kept(&wish.title, "/title"),
        kind: kept(&wish.kind, "/type"),
        raw_sql: kept(&wish.raw_sql, "/targets/0/rawSql"),
        table: kept(&wish.table, "/targets/0/table"),
        display_name: kept(&wish.display_name, "/fieldConfig/defaults/displayName"),
        position: wish.position.clone().or_else(|| old.get("gridPos").cloned()),
    };
    *old = made(old["id"].clone(), merged.kind.as_deref().unwrap_or_default(), &merged)?;
    Ok(stored(fetched, dashboard, panels))
}

/// Takes a panel out.
pub fn remove(fetched: &Value, id: &str) -> Result<Value, PanelError> {
    let mut dashboard = dashboard(fetched)?;
    let mut panels = some(taken(&mut dashboard))?;
    let at = panels.iter().position(|panel| same_id(panel, id)).ok_or(PanelError::NotFound)?;
    panels.remove(at);
    Ok(stored(fetched, dashboard, panels))
}

fn dashboard(fetched: &Value) -> Result<Value, PanelError> {
    fetched.get("dashboard").filter(|found| found.is_object()).cloned().ok_or(PanelError::NoDashboard)
}

fn taken(dashboard: &mut Value) -> Vec<Value> {
    match dashboard["panels"].take() {
        Value::Array(panels) => panels,
        _ => Vec::new(),
    }
}

fn some(panels: Vec<Value>) -> Result<Vec<Value>, PanelError> {
    if panels.is_empty() { Err(PanelError::NoPanels) } else { Ok(panels) }
}

/// Of a panel and of those that a collapsed row holds.
fn highest_id(panel: &Value) -> Option<i64> {
    let inner = panel.get("panels").and_then(Value::as_array).into_iter().flatten();
    inner.filter_map(highest_id).chain(panel.get("id").and_then(Value::as_i64)).max()
}

fn made(id: Value, kind: &str, wish: &Wish) -> Result<Value, PanelError> {
    if kind != "gauge" {
        return Err(PanelError::Kind(kind.to_owned()));
    }
    let mut panel = gauge::template();
    panel["id"] = id;
    panel["gridPos"] = wish.position.clone().filter(Value::is_object).unwrap_or_else(gauge::position);
    if let Some(title) = &wish.title {
        panel["title"] = json!(title);
    }
    if let Some(name) = &wish.display_name {
        panel["fieldConfig"]["defaults"]["displayName"] = json!(name);
    }
    if let Some(sql) = &wish.raw_sql {
        panel["targets"][0]["rawSql"] = json!(sql);
    }
    if let Some(table) = &wish.table {
        panel["targets"][0]["table"] = json!(table);
    }
    Ok(panel)
}

fn stored(fetched: &Value, mut dashboard: Value, panels: Vec<Value>) -> Value {
    dashboard["panels"] = Value::Array(panels);
    let mut body = json!({"dashboard": dashboard, "overwrite": false});
    if let Some(folder) = fetched.pointer("/meta/folderUid") {
        body["folderUid"] = folder.clone();
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(panels: Value) -> Value {
        json!({
            "dashboard": {"id": 5, "uid": "u", "title": "T", "version": 3, "panels": panels, "refresh": "5s"},
            "meta": {"folderUid": "folder"},
        })
    }

    fn gauge_wish() -> Wish {
        Wish {
            title: Some("New".into()),
            kind: Some("gauge".into()),
            raw_sql: Some("SELECT 1".into()),
            ..Wish::default()
        }
    }

    #[test]
    fn the_first_panel_has_id_0() {
        for panels in [json!([]), json!(null)] {
            let added = add(&fetched(panels), &gauge_wish()).unwrap();
            assert_eq!((added.id, &added.panel["id"]), (0, &json!(0)));
            assert_eq!(added.panel["gridPos"], gauge::position());
            assert_eq!(added.panel["targets"][0]["table"], "Computations");
            assert_eq!(added.panel["targets"][0]["rawSql"], "SELECT 1");
            assert_eq!(added.body["dashboard"]["panels"], json!([added.panel]));
        }
    }

    #[test]
    fn a_panel_pushes_the_others_down() {
        let row = json!({"id": 2, "type": "row", "gridPos": {"x": 1, "y": 4, "w": 3, "h": 2}, "panels": [{"id": 11}]});
        let added = add(&fetched(json!([row, {"id": 7, "title": "bare"}])), &gauge_wish()).unwrap();
        assert_eq!(added.id, 12);
        let made = &added.body["dashboard"];
        assert_eq!(made["panels"][0]["gridPos"], json!({"x": 1, "y": 12, "w": 3, "h": 2}));
        assert_eq!(made["panels"][1], json!({"id": 7, "title": "bare"}));
        assert_eq!(made["panels"].as_array().unwrap().len(), 3);
        assert_eq!((&made["version"], &made["refresh"], &made["uid"]), (&json!(3), &json!("5s"), &json!("u")));
        assert_eq!(added.body["message"], "Panel added successfully");
        assert_eq!((&added.body["overwrite"], &added.body["folderUid"]), (&json!(false), &json!("folder")));
    }

    #[test]
    fn only_gauges_are_known() {
        let of =
            |kind: Option<&str>| add(&fetched(json!([])), &Wish { kind: kind.map(str::to_owned), ..Wish::default() });
        assert_eq!(of(Some("table")).unwrap_err().to_string(), "Panel type not supported: table");
        assert!(matches!(of(None), Err(PanelError::Kind(_))));
        let other = fetched(json!([{"id": 1, "type": "table"}]));
        assert_eq!(update(&other, "1", &Wish::default()), Err(PanelError::Kind("table".into())));
        assert!(update(&other, "1", &gauge_wish()).is_ok());
    }

    #[test]
    fn an_update_keeps_what_it_does_not_name() {
        let place = json!({"x": 3, "y": 9, "w": 6, "h": 4});
        let wish = Wish {
            position: Some(place.clone()),
            table: Some("t".into()),
            display_name: Some("d".into()),
            ..gauge_wish()
        };
        let before = fetched(json!([{"id": 9}, add(&fetched(json!([])), &wish).unwrap().panel]));
        let body = update(&before, "0", &Wish { title: Some("Other".into()), ..Wish::default() }).unwrap();
        let panel = &body["dashboard"]["panels"][1];
        let mut expected = before["dashboard"]["panels"][1].clone();
        expected["title"] = json!("Other");
        assert_eq!(panel, &expected);
        assert_eq!(panel["gridPos"], place);
        assert_eq!(body["dashboard"]["panels"][0], json!({"id": 9}));
        assert_eq!((&body["dashboard"]["version"], &body["folderUid"]), (&json!(3), &json!("folder")));
        let moved = update(&before, "0", &Wish { position: Some(gauge::position()), ..Wish::default() }).unwrap();
        assert_eq!(moved["dashboard"]["panels"][1]["gridPos"], gauge::position());
    }

    #[test]
    fn a_panel_is_taken_out() {
        let before = fetched(json!([{"id": 1}, {"id": "2"}]));
        let body = remove(&before, "2").unwrap();
        assert_eq!(body["dashboard"]["panels"], json!([{"id": 1}]));
        assert_eq!(body["dashboard"]["version"], 3);
    }

    #[test]
    fn what_is_not_there_is_said() {
        let wish = Wish::default();
        for (panels, error) in [(json!([]), PanelError::NoPanels), (json!([{"id": 1}]), PanelError::NotFound)] {
            assert_eq!(update(&fetched(panels.clone()), "5", &wish), Err(error.clone()));
            assert_eq!(remove(&fetched(panels), "5"), Err(error));
        }
        assert_eq!(remove(&json!({}), "5"), Err(PanelError::NoDashboard));
    }
}
