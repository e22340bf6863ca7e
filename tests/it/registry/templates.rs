//! Templates: an id with a version, local references, and a search by pattern.

use serde_json::json;

use super::harness::Registry;
use crate::support::eventually;

fn template(id: &str) -> serde_json::Value {
    json!({ "template": { "id": id, "type": "template", "context": {}, "terms": { "metrics": {} } } })
}

#[test]
fn a_template_is_stored_without_its_references_and_found_by_id_and_pattern() {
    let registry = Registry::start();
    registry.get("/templates").is(200, json!([]));
    let mut sent = template("gold-v1-0-0");
    sent["template"]["terms"] = json!({ "metrics": { "M": { "a": 1 } }, "again": { "$ref": "#/terms/metrics/M" } });
    let stored = registry.post("/templates", sent).expect(200).json();
    assert_eq!(stored["terms"], json!({ "metrics": { "M": { "a": 1 } }, "again": { "a": 1 } }));
    assert_eq!(stored["__v"], 0);
    registry.post("/templates", template("silver-v1-0-0")).expect(200);
    registry.post("/templates", template("gold-v1-0-1-clone")).expect(200);
    registry.get("/templates/gold-v1-0-0").is(200, stored);
    let found = |query: &str| {
        let all = registry.get(&format!("/templates{query}")).expect(200).json();
        let mut ids: Vec<_> =
            all.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(found(""), ["gold-v1-0-0", "gold-v1-0-1-clone", "silver-v1-0-0"]);
    assert_eq!(found("?id=gold*0"), ["gold-v1-0-0", "gold-v1-0-1-clone"]);
    assert_eq!(found("?id=v1-0-0"), ["gold-v1-0-0", "silver-v1-0-0"]);
    assert_eq!(found("?id=bronze"), Vec::<String>::new());
    assert_eq!(registry.get("/templates?id=(").expect(500).json()["code"], 500);
}

#[test]
fn what_is_no_template_is_refused() {
    let registry = Registry::start();
    registry.post("/templates", template("gold-v1")).is(
        400,
        json!({ "error": "Bad formed id", "required pattern": r"/^(.*)-v(\d+)-(\d+)-(\d+)(-clone)?$/",
            "your id": "gold-v1", "example": "my-string-example-v0-002-012" }),
    );
    let wrong = json!({ "template": { "id": "gold-v1-0-0", "type": "agreement" } });
    registry
        .post("/templates", wrong)
        .is(400, json!({ "code": 400, "message": "Template must have: 'type':'template'" }));
    for body in [json!({}), json!({ "template": 3 }), json!({ "template": { "$ref": "http://x/y" } }), json!([])] {
        assert_eq!(registry.post("/templates", body).expect(400).json()["code"], 400);
    }
    eventually("the unique index is there", || {
        let names = registry.stored("templatemodels", async |templates| templates.list_index_names().await);
        if names.as_ref().is_ok_and(|names| names.iter().any(|name| name == "id_1")) { Ok(()) } else { Err(names) }
    });
    registry.post("/templates", template("gold-v1-0-0")).expect(200);
    let again = registry.post("/templates", template("gold-v1-0-0")).expect(409);
    assert_eq!(again.json()["code"], 409);
}

#[test]
fn a_template_can_be_deleted_once() {
    let registry = Registry::start();
    registry.post("/templates", template("gold-v1-0-0")).expect(200);
    assert_eq!(registry.delete("/templates/gold-v1-0-0").expect(204).text, "");
    let gone = registry.delete("/templates/gold-v1-0-0").expect(404);
    assert_eq!(gone.text, "Can't delete template with id gold-v1-0-0");
    registry
        .get("/templates/gold-v1-0-0")
        .is(404, json!({ "code": 404, "message": "There is no template with id: gold-v1-0-0" }));
}
