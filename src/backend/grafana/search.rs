//! Search over folders and dashboards (`/grafana/search`).

use axum::extract::{RawQuery, State};
use axum::response::Json;
use serde_json::{Map, Value, json};

use super::TEXT;
use super::failure::{Cause, Failure, Refusal};
use crate::backend::app::App;
use crate::backend::clients::UpstreamError;
use crate::backend::error::ApiError;
use crate::backend::extract::{Invalid, check_text};

const SEARCH: Failure = Failure::pass("Failed to search in Grafana");

/// Grafana's own default and limit.
const LIMIT: u32 = 1000;
const MAX_LIMIT: u32 = 5000;
/// So many folders are asked for one by one. The web client asks for one.
const FOLDERS: usize = 20;

/// Search for dashboards and folders in Grafana.
///
/// A list may be repeated names or one text with commas. Up to 1000 hits to a page unless `limit` says otherwise, and
/// never more than 5000.
#[utoipa::path(get, path = "/grafana/search", tag = "Grafana",
    params(
        ("query" = Option<String>, Query), ("type" = Option<String>, Query, description = "`dash-db` or `dash-folder`"),
        ("tag" = Option<Vec<String>>, Query), ("dashboardUIDs" = Option<Vec<String>>, Query),
        ("folderUIDs" = Option<Vec<String>>, Query), ("starred" = Option<bool>, Query),
        ("limit" = Option<u32>, Query, maximum = 5000), ("page" = Option<u32>, Query),
    ),
    responses((status = 200, body = [Value]), Refusal))]
pub async fn search(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Value>, ApiError> {
    let wanted = Search::read(query.as_deref().unwrap_or_default()).map_err(|invalid| SEARCH.of(invalid))?;
    found(&app, &wanted).await.map(Json).map_err(|cause| SEARCH.of(cause))
}

async fn found(app: &App, wanted: &Search) -> Result<Value, Cause> {
    let pairs = wanted.pairs();
    let hits = app.clients.grafana.search(pairs.iter().map(|(name, value)| (*name, value.as_str()))).await?;
    if wanted.may_mean_folders() && hits.as_array().is_some_and(Vec::is_empty) {
        return Ok(Value::Array(folders(app, &wanted.dashboards).await?));
    }
    Ok(hits)
}

/// The folders among these. Not every version of Grafana finds a folder by `dashboardUIDs`, as the web client wants to.
async fn folders(app: &App, uids: &[String]) -> Result<Vec<Value>, UpstreamError> {
    let mut hits = Vec::new();
    for uid in uids.iter().take(FOLDERS) {
        match app.clients.grafana.folder(uid).await {
            Ok(Value::Object(folder)) => hits.push(hit(folder)),
            Ok(_) | Err(UpstreamError::NoSuchPath { .. }) => {}
            // No such folder, or no uid at all.
            Err(error) if error.status().is_some_and(|status| status.is_client_error()) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(hits)
}

/// A folder as a search shows one.
fn hit(mut folder: Map<String, Value>) -> Value {
    if let Some(parent) = folder.get("parentUid").cloned() {
        folder.entry("folderUid").or_insert(parent);
    }
    let members = [
        ("uri", json!("")),
        ("slug", json!("")),
        ("type", json!("dash-folder")),
        ("tags", json!([])),
        ("isStarred", json!(false)),
        ("sortMeta", json!(0)),
    ];
    for (name, value) in members {
        folder.entry(name).or_insert(value);
    }
    Value::Object(folder)
}

/// What a caller looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Search {
    query: Option<String>,
    kind: Option<String>,
    tags: Vec<String>,
    dashboards: Vec<String>,
    folders: Vec<String>,
    starred: Option<bool>,
    limit: u32,
    page: u32,
}

impl Search {
    /// A name may have brackets behind it, and a list may be one text with commas. Other names do not matter.
    fn read(query: &str) -> Result<Self, Invalid> {
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes()).collect();
        let values = |name: &'static str| {
            pairs
                .iter()
                .filter(move |(key, _)| key.strip_suffix("[]").unwrap_or(key) == name)
                .map(|(_, value)| &**value)
        };
        let one = |name| values(name).find(|value| !value.is_empty()).map(str::to_owned);
        let list = |name| {
            let parts = values(name).flat_map(|value| value.split(',')).map(str::trim);
            parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        let number = |name, or| values(name).find_map(|value| value.parse().ok()).filter(|it| *it > 0).unwrap_or(or);
        for (name, value) in &pairs {
            check_text(name, value, TEXT)?;
        }
        Ok(Self {
            query: one("query"),
            kind: one("type"),
            tags: list("tag"),
            dashboards: list("dashboardUIDs"),
            folders: list("folderUIDs"),
            starred: values("starred").find_map(|value| value.parse().ok()),
            limit: number("limit", LIMIT).min(MAX_LIMIT),
            page: number("page", 1),
        })
    }

    /// As Grafana reads it.
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        pairs.extend(self.query.clone().map(|text| ("query", text)));
        pairs.extend(self.kind.clone().map(|kind| ("type", kind)));
        for (name, list) in [("tag", &self.tags), ("dashboardUIDs", &self.dashboards), ("folderUIDs", &self.folders)] {
            pairs.extend(list.iter().map(|value| (name, value.clone())));
        }
        pairs.extend(self.starred.map(|starred| ("starred", starred.to_string())));
        pairs.push(("limit", self.limit.to_string()));
        pairs.push(("page", self.page.to_string()));
        pairs
    }

    /// Whether nothing but uids says what is looked for, so that a folder of such a uid is what is meant.
    fn may_mean_folders(&self) -> bool {
        let kind = self.kind.as_deref().unwrap_or("dash-folder");
        let is_narrowed = self.query.is_some() || self.starred == Some(true) || self.page > 1;
        kind == "dash-folder" && !is_narrowed && self.tags.is_empty() && self.folders.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(query: &str) -> Vec<(&'static str, String)> {
        Search::read(query).unwrap().pairs()
    }

    fn asked(query: &str) -> String {
        pairs(query).iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
    }

    #[test]
    fn lists_come_in_three_spellings() {
        for query in ["tag=a&tag=b", "tag=a,b", "tag[]=a&tag%5B%5D=b", "tag=a,&tag=%20b", "tag=a&params[tag]=c&tag[]=b"]
        {
            assert_eq!(asked(query), "tag=a&tag=b&limit=1000&page=1", "{query}");
        }
        assert_eq!(asked("params[folderUid]=x&other=1"), "limit=1000&page=1");
        assert_eq!(
            asked("folderUIDs=x&dashboardUIDs[]=y&query=q&type=dash-db"),
            "query=q&type=dash-db&dashboardUIDs=y&folderUIDs=x&limit=1000&page=1"
        );
    }

    #[test]
    fn what_is_no_number_or_flag_is_as_if_not_said() {
        for (query, asked_for) in [
            ("limit=x&page=", "limit=1000&page=1"),
            ("limit=0&page=0", "limit=1000&page=1"),
            ("limit=-3&page=-1", "limit=1000&page=1"),
            ("limit=5001&page=7", "limit=5000&page=7"),
            ("limit=12", "limit=12&page=1"),
            ("starred=true", "starred=true&limit=1000&page=1"),
            ("starred=false", "starred=false&limit=1000&page=1"),
            ("starred=1&query=&type=", "limit=1000&page=1"),
        ] {
            assert_eq!(asked(query), asked_for, "{query}");
        }
        assert_eq!(Search::read("query=a%00").unwrap_err().field, "query");
    }

    #[test]
    fn only_bare_uids_may_mean_folders() {
        let means = |query: &str| Search::read(query).unwrap().may_mean_folders();
        for query in ["dashboardUIDs=a", "dashboardUIDs[]=a,b&type=dash-folder&limit=5&starred=false"] {
            assert!(means(query), "{query}");
        }
        for narrowed in ["type=dash-db", "query=x", "tag=t", "folderUIDs=f", "starred=true", "page=2"] {
            assert!(!means(&format!("dashboardUIDs=a&{narrowed}")), "{narrowed}");
        }
    }

    #[test]
    fn a_folder_becomes_a_hit() {
        let folder = json!({ "id": 3, "uid": "f", "title": "T", "url": "/f", "description": "d", "parentUid": "p" });
        let hit = hit(folder.as_object().unwrap().clone());
        assert_eq!((&hit["uid"], &hit["description"], &hit["folderUid"]), (&json!("f"), &json!("d"), &json!("p")));
        assert_eq!((&hit["type"], &hit["tags"], &hit["isStarred"]), (&json!("dash-folder"), &json!([]), &json!(false)));
    }
}
