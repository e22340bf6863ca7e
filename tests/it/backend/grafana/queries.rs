//! SQL texts and the queries they stand for. Nobody asks Grafana.

use serde_json::json;

use super::Pair;

#[test]
fn a_query_becomes_a_text_and_again_a_query() {
    let pair = Pair::start();
    let query = json!({
        "aggregations": [{ "func": "MAX", "attr": "score" }], "columns": ["userId"],
        "whereConditions": [{ "key": "name", "operator": "=", "value": "x'; DROP TABLE y; --" }], "whereLogic": "AND",
        "groupBy": "userId", "orderByAttr": "score", "orderDirection": "DESC", "table": "scores",
    });
    let sql = "SELECT MAX(score), userId FROM statusdb.scores WHERE (name = 'x''; DROP TABLE y; --') \
               GROUP BY userId ORDER BY score DESC";
    let built = json!({ "message": "SQL query created successfully", "query": sql });
    pair.post("/sql/build", query.clone()).is(200, built);
    let parsed = json!({ "message": "SQL query parsed successfully", "sql": query });
    pair.post("/sql/parse", json!({ "rawSql": sql })).is(200, parsed);
    let bare = json!({ "message": "SQL query created successfully", "query": "SELECT * FROM statusdb.computation" });
    pair.post("/sql/build", json!({})).is(200, bare.clone());
    // An absent body is an empty one.
    pair.backend.user("POST", "/grafana/sql/build", None).is(200, bare);
    assert!(pair.grafana.server.asked().is_empty());
}

#[test]
fn what_is_no_query_is_refused() {
    let pair = Pair::start();
    for body in [
        json!([]),
        json!([[], ["id"]]),
        json!({ "columns": "id" }),
        json!({ "columns": [1] }),
        json!({ "columns": ["a\u{0}"] }),
        json!({ "aggregations": [{ "func": "MAX" }] }),
        json!({ "whereConditions": [{}] }),
        json!({ "table": 1 }),
    ] {
        let refused = pair.post("/sql/build", body.clone()).expect(400).json();
        assert_eq!(refused["message"], "Failed to create SQL query", "{body}");
        assert!(refused["error"].as_str().is_some_and(|text| text.starts_with("body ")), "{refused}");
    }
    for (body, detail) in [
        (json!({}), "rawSql is required"),
        (json!([]), "rawSql is required"),
        (json!({ "rawSql": 1 }), "rawSql must be a string"),
        (json!({ "rawSql": "\u{0}" }), "rawSql must not contain a null byte"),
    ] {
        pair.post("/sql/parse", body).is(400, json!({ "message": "Failed to parse SQL query", "error": detail }));
    }
}
