//! `/api-docs`, the OpenAPI document, and `/docs/`, a page to read and try it.

use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::serve::documents::Documents;

/// As the original names its API; `/info` repeats it.
pub const TITLE: &str = "Task list";

/// For the canonical spelling.
pub const PATHS: &[&str] = &["/api-docs", "/docs", "/docs/", "/docs/{*file}"];

pub fn router() -> Router {
    Router::new().route("/api-docs", get(async || Json(document()))).merge(Documents::of("/api-docs").router("/docs"))
}

/// The whole document, in the version that the original spoke.
pub fn document() -> Value {
    json!({
        "openapi": "3.0.0",
        "info": {
            "title": TITLE,
            "version": "1.0.0",
            "license": { "name": "Apache 2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": {
            "/api/v1/tasks": {
                "get": operation("listTasks", "All tasks, or those whose members have these texts", json!({
                    "200": answer("the tasks, in the order of their files", json!({ "type": "array", "items": task() })),
                    "500": fault("the folder of tasks cannot be read"),
                })),
                "post": with_body("createTask", "Stores a task; without an id it gets one", task(), json!({
                    "200": answer("the task as stored", task()),
                    "400": fault("a task with all these members exists, or this cannot be one"),
                    "413": fault("the body is too large"),
                    "500": fault("it could not be stored"),
                })),
            },
            "/api/v1/tasks/test": {
                "post": with_body("testScript", "Runs a script and stores nothing", script(), json!({
                    "200": result(),
                    "403": fault("switched off"),
                    "413": fault("the body is too large"),
                    "500": fault("the script failed"),
                })),
            },
            "/api/v1/tasks/{id}": {
                "parameters": [parameter("id")],
                "get": operation("getTask", "One task", json!({
                    "200": answer("the task", task()), "404": missing(),
                })),
                "put": with_body("replaceTask", "Replaces a task; another id renames it", task(), json!({
                    "200": answer("replaced; the code is 201", message()),
                    "400": fault("this cannot be a task"),
                    "404": missing(),
                    "500": fault("it could not be stored"),
                })),
                "delete": operation("deleteTask", "Removes a task", json!({
                    "202": answer("removed", message()), "404": missing(), "500": fault("it could not be removed"),
                })),
            },
            "/api/v1/tasks/{id}/status": {
                "parameters": [parameter("id")],
                "get": operation("getStatus", "Whether a task runs, and when it is due next", json!({
                    "200": answer("its status", status()), "404": missing(),
                })),
            },
            "/api/v1/tasks/{id}/status/{action}": {
                "parameters": [parameter("id"), {
                    "name": "action", "in": "path", "required": true,
                    "schema": { "type": "string", "enum": ["start", "stop", "switch"] },
                }],
                "post": operation("changeStatus", "Starts or stops a task", json!({
                    "200": answer("the task as it is now", task()),
                    "400": fault("it is so already, or there is no such action"),
                    "404": missing(),
                    "500": fault("it could not be stored"),
                })),
            },
            "/api/v1/tasks/{id}/badge": {
                "parameters": [parameter("id")],
                "get": operation("getBadge", "A picture of whether a task runs", json!({
                    "200": {
                        "description": "the badge",
                        "content": { "image/svg+xml": { "schema": { "type": "string" } } },
                    },
                    "404": missing(),
                })),
            },
            "/api/v1/tasks/{id}/run": {
                "parameters": [parameter("id")],
                "post": operation("runTask", "Runs a task's script now and waits for its result", json!({
                    "200": result(), "404": missing(), "500": fault("the script could not be fetched, or failed"),
                })),
            },
        },
        "components": { "schemas": { "Task": schema_of_task(), "Error": message() } },
    })
}

fn operation(id: &str, summary: &str, responses: Value) -> Value {
    json!({ "operationId": id, "summary": summary, "tags": ["Tasks"], "responses": responses })
}

fn with_body(id: &str, summary: &str, schema: Value, responses: Value) -> Value {
    let mut operation = operation(id, summary, responses);
    operation["requestBody"] = json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    operation
}

fn answer(description: &str, schema: Value) -> Value {
    json!({ "description": description, "content": { "application/json": { "schema": schema } } })
}

fn fault(description: &str) -> Value {
    answer(description, json!({ "$ref": "#/components/schemas/Error" }))
}

fn missing() -> Value {
    fault("there is no such task")
}

fn result() -> Value {
    answer("what the script gave, as JSON", json!({}))
}

fn parameter(name: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
}

fn task() -> Value {
    json!({ "$ref": "#/components/schemas/Task" })
}

fn script() -> Value {
    json!({
        "type": "object",
        "required": ["scriptText"],
        "properties": {
            "scriptText": { "type": "string", "description": "a CommonJS module that exports a function main" },
            "scriptConfig": { "description": "what main is given" },
        },
    })
}

fn status() -> Value {
    json!({
        "type": "object",
        "properties": {
            "id": { "type": "string" },
            "running": { "type": "boolean" },
            "nextExecution": {
                "type": "string",
                "description": "milliseconds since 1970, when it is due within ten seconds",
            },
        },
    })
}

fn message() -> Value {
    json!({
        "type": "object",
        "required": ["code", "message"],
        "properties": { "code": { "type": "integer" }, "message": { "type": "string" } },
    })
}

fn schema_of_task() -> Value {
    let date = |description: &str| json!({ "type": "string", "description": description });
    json!({
        "type": "object",
        "required": ["script", "config", "interval"],
        "properties": {
            "id": { "type": "string", "description": "made when it is missing" },
            "script": { "type": "string", "description": "the address from which the script is fetched at each run" },
            "running": { "type": "boolean", "description": "whether it is scheduled" },
            "config": { "type": "object", "description": "what the script's main is given" },
            "init": date("the first occurrence"),
            "interval": { "type": "number", "description": "milliseconds between occurrences" },
            "end": date("occurrences are earlier than this; then the task is removed"),
            "overlap": { "type": "boolean", "description": "whether its runs may overlap" },
        },
        "additionalProperties": true,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::routes;
    use super::*;

    #[test]
    fn the_document_and_the_table_agree() {
        let document = document();
        let mut documented = BTreeSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            // The table says why this one has no line.
            let path = path.replace("/tasks/test", "/tasks/{id}");
            let methods = item.as_object().unwrap().keys().filter(|key| *key != "parameters");
            documented.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
        }
        let routes = routes::table().iter().map(|route| format!("{route:?}")).collect::<BTreeSet<_>>();
        assert_eq!(documented, routes);
        assert_eq!(
            (&document["openapi"], &document["info"]["title"], &document["info"]["version"]),
            (&json!("3.0.0"), &json!("Task list"), &json!("1.0.0"))
        );
    }

    #[test]
    fn every_operation_has_its_own_id() {
        let document = document();
        let items = document["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values());
        let ids: Vec<_> = items.filter_map(|operation| operation["operationId"].as_str()).collect();
        assert_eq!((ids.len(), ids.iter().collect::<BTreeSet<_>>().len()), (10, 10));
    }
}
