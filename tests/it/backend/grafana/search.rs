//! Search: the filters in every spelling, and folders that Grafana does not find by their uid.

use serde_json::json;

use super::{Pair, titles};
use crate::doubles::Trouble;

#[test]
fn filters_are_read_in_every_spelling() {
    let pair = Pair::start();
    let folder = pair.folder("Folder");
    let one = json!({ "dashboard": { "title": "One", "tags": ["a", "b"] }, "folderUid": folder });
    pair.post("/dashboard", one).expect(201);
    pair.dashboard("Two");
    let find = |query: &str| {
        let found = pair.get(&format!("/search{query}")).expect(200).json();
        titles(&found).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(find(""), ["Folder", "One", "Two"]);
    assert_eq!(pair.grafana.server.last().query, "limit=1000&page=1");
    for query in [
        format!("?folderUIDs={folder}"),
        format!("?folderUIDs[]={folder}"),
        format!("?folderUIDs%5B%5D={folder}"),
        format!("?folderUIDs=nobody,{folder}"),
        format!("?folderUIDs=nobody&folderUIDs={folder}"),
        "?tag=a&tag[]=b".to_owned(),
        "?query=ONE".to_owned(),
    ] {
        assert_eq!(find(&query), ["One"], "{query}");
    }
    assert_eq!(find("?type=dash-db&limit=1&page=2"), ["Two"]);
    assert_eq!(find("?type=&query=&limit=x&page=0&starred=maybe"), ["Folder", "One", "Two"]);
    assert_eq!(find("?starred=true"), [""; 0]);
    // The web client wraps some filters twice; they never had an effect.
    assert_eq!(find(&format!("?params[folderUid]={folder}&params[limit]=1")), ["Folder", "One", "Two"]);
    find("?limit=9999");
    assert_eq!(pair.grafana.server.last().query, "limit=5000&page=1");
    let text = "Failed to search in Grafana due to server error";
    let null = json!({ "message": text, "error": "query must not contain a null byte" });
    pair.get("/search?query=%00").is(400, null);
}

#[test]
fn a_folder_is_found_by_its_uid_whatever_grafana_thinks_of_that() {
    let pair = Pair::start();
    let made = pair.post("/folder", json!({ "title": "Folder", "description": "d" })).expect(201).json();
    let folder = super::uid(&made);
    // This Grafana finds folders by the filter.
    let found = pair.get(&format!("/search?dashboardUIDs[]={folder}")).expect(200).json();
    assert_eq!((found[0]["uid"].as_str(), found[0]["title"].as_str()), (Some(&*folder), Some("Folder")));
    // Another one does not.
    pair.grafana.server.always("GET /api/search", Trouble::Status(200, json!([])));
    let query = format!("/search?dashboardUIDs[]={folder}&dashboardUIDs[]=nobody&dashboardUIDs[]=..");
    let found = pair.get(&query).expect(200).json();
    assert_eq!(titles(&found), ["Folder"]);
    assert_eq!((&found[0]["uid"], &found[0]["description"]), (&json!(folder), &json!("d")));
    assert_eq!(found[0]["type"], "dash-folder");
    // Who looks for something narrower has found nothing.
    let asked = pair.grafana.server.asked().len();
    pair.get(&format!("/search?dashboardUIDs={folder}&type=dash-db")).is(200, json!([]));
    pair.get(&format!("/search?folderUIDs={folder}")).is(200, json!([]));
    assert_eq!(pair.grafana.server.asked().len(), asked + 2);
    // That a folder cannot be asked for is no empty result.
    pair.grafana.server.always("GET /api/folders", Trouble::Status(500, json!({ "message": "broken" })));
    pair.get(&format!("/search?dashboardUIDs={folder}")).is(500, json!({ "message": "broken" }));
}
