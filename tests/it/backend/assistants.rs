//! `/assistant`, with a double of OpenAI.

use serde_json::{Value, json};

use super::harness::{Backend, PREFIX, answer};
use crate::doubles::openai::{KEY, ORGANISATION, OpenAi};
use crate::doubles::{Trouble, openai};

fn start(double: &OpenAi, settings: &[(&str, &str)]) -> Backend {
    let url = double.url();
    let mut all = vec![("OPENAI_BASE_URL", url.as_str()), ("AI_API_KEY", KEY), ("AI_ORG_ID", ORGANISATION)];
    all.extend(settings);
    Backend::with(&all)
}

fn own() -> Value {
    json!({ "name": "Mine", "instructions": "Be brief.", "model": "gpt-4o", "tools": [{ "type": "file_search" }] })
}

fn openai_id(created: &Value) -> String {
    let text = created["message"].as_str().expect("a message");
    let id = text.split_whitespace().rev().nth(2).expect("an id");
    assert!(text.ends_with(&format!("with id {id} created successfully")), "{text}");
    id.to_owned()
}

#[test]
fn an_assistant_is_created_read_instructed_and_deleted() {
    let double = openai::OpenAi::start();
    let backend = start(&double, &[]);
    let created = backend.user("POST", "/assistant", Some(json!({ "name": "Flow helper" }))).expect(201).json();
    let id = openai_id(&created);
    assert_eq!(created["message"], format!("Assistant Flow helper with id {id} created successfully"));
    let there = double.assistant(&id).expect("at OpenAI");
    assert_eq!(
        (&there["model"], &there["tools"]),
        (&json!("gpt-3.5-turbo-0125"), &json!([{ "type": "code_interpreter" }]))
    );
    let rows = backend.user("GET", "/assistant", None).expect(200).json();
    let row = rows[0].clone();
    let keys: Vec<_> = row.as_object().unwrap().keys().cloned().collect();
    let wanted = ["id", "assistantId", "name", "instructions", "tools", "model", "status", "createdAt", "updatedAt"];
    assert_eq!(keys, wanted);
    assert_eq!((&row["assistantId"], &row["status"]), (&json!(id), &json!("INACTIVE")));
    assert_eq!(row["tools"], r#"[{"type":"code_interpreter"}]"#);
    let path = format!("/assistant/{}", row["id"]);
    backend.user("GET", &path, None).is(200, row.clone());
    let instructions = format!("{path}/instructions");
    backend.user("GET", &instructions, None).is(200, json!({ "instructions": row["instructions"] }));
    let done = json!({ "message": "Assistant instructions updated successfully}" });
    let body = json!({ "instructions": "Be kind." });
    backend.user("PUT", &instructions, Some(body.clone())).is(200, done.clone());
    backend.user("GET", &instructions, None).is(200, body.clone());
    assert_eq!(double.assistant(&id).unwrap()["instructions"], "Be kind.");
    // Also of nobody, and also when OpenAI fails.
    backend.user("PUT", "/assistant/999/instructions", Some(body.clone())).is(200, done.clone());
    double.server.always("POST", Trouble::Status(500, json!({})));
    backend.user("PUT", &instructions, Some(body)).is(200, done);
    backend.user("DELETE", &path, Some(json!({}))).is(200, json!({ "message": "Assistant deleted successfully" }));
    backend.user("DELETE", &path, None).expect(200);
    assert_eq!(backend.user("GET", &path, None).expect(200).text, "null");
    assert_eq!(double.assistants(), 1);
}

#[test]
fn an_administrator_makes_one_of_their_own() {
    let double = openai::OpenAi::start();
    let backend = start(&double, &[]);
    backend.user("POST", "/assistant/admin", Some(own())).is(403, json!({ "message": "Forbidden" }));
    let id = openai_id(&backend.admin("POST", "/assistant/admin", Some(own())).expect(201).json());
    let there = double.assistant(&id).unwrap();
    for field in ["name", "instructions", "model", "tools"] {
        assert_eq!(there[field], own()[field], "{field}");
    }
    let all = json!({ "message": "All assistants deleted successfully" });
    backend.user("DELETE", "/assistant", None).is(200, all);
    backend.user("GET", "/assistant", None).is(200, json!([]));
}

#[test]
fn there_are_never_more_than_the_limit_however_many_come_at_once() {
    let double = openai::OpenAi::start();
    let backend = start(&double, &[("RATE_LIMIT_ASSISTANT", "1000")]);
    backend.admin("PUT", "/config/assistant/limit/3", None).expect(200);
    let statuses: Vec<u16> = backend.block_on(async {
        let ask = || {
            let request = backend.request("POST", &format!("{PREFIX}/assistant"));
            let request = request.header("x-access-token", backend.token("USER"));
            tokio::spawn(answer(request.json(&json!({ "name": "x" }))))
        };
        let all: Vec<_> = (0..24).map(|_| ask()).collect();
        let mut statuses = Vec::new();
        for one in all {
            statuses.push(one.await.expect("an answer").status);
        }
        statuses
    });
    let count = |status: u16| statuses.iter().filter(|it| **it == status).count();
    assert_eq!((count(201), count(429)), (3, 21), "{statuses:?}");
    // What was too much is not left at OpenAI either.
    assert_eq!(double.assistants(), 3);
    assert_eq!(backend.rows(r#"SELECT count(*)::text FROM "Assistants""#), ["3"]);
    let full = backend.user("POST", "/assistant", Some(json!({ "name": "x" }))).expect(429);
    assert_eq!(full.text, "Limit reached");
    assert!(full.headers["content-type"].to_str().unwrap().starts_with("text/html"));
}

#[test]
fn an_assistant_that_cannot_be_written_down_is_removed_at_openai() {
    let double = openai::OpenAi::start();
    let backend = start(&double, &[]);
    backend.sql(r#"ALTER TABLE "Assistants" ADD CHECK (name <> 'never')"#);
    let refused = backend.user("POST", "/assistant", Some(json!({ "name": "never" }))).expect(400).json();
    assert!(refused["message"].as_str().unwrap().starts_with("Failed to create assistant, error: "), "{refused}");
    assert_eq!(double.assistants(), 0);
    assert!(double.server.last().line().starts_with("DELETE /v1/assistants/"));
    backend.user("POST", "/assistant", Some(json!({ "name": "ever" }))).expect(201);
}

#[test]
fn what_cannot_be_is_refused_before_openai_is_asked() {
    let double = openai::OpenAi::start();
    let backend = start(&double, &[]);
    let refused = |method: &str, path: &str, body: Option<Value>, prefix: &str| {
        let answer = backend.admin(method, path, body).expect(400).json();
        assert!(answer["message"].as_str().unwrap().starts_with(prefix), "{answer}");
    };
    let create = "Failed to create assistant, error: ";
    for name in [json!(null), json!(""), json!(3), json!("x".repeat(101)), json!("a\u{0}"), json!(["x"])] {
        refused("POST", "/assistant", Some(json!({ "name": name })), create);
    }
    refused("POST", "/assistant", None, create);
    for (field, value) in [
        ("name", json!(1)),
        ("instructions", json!(null)),
        ("instructions", json!([])),
        ("model", json!("")),
        ("model", json!("m".repeat(101))),
        ("tools", json!(null)),
        ("tools", json!("code_interpreter")),
        ("tools", json!(["code_interpreter"])),
        ("tools", json!([{ "type": "a\u{0}" }])),
    ] {
        let mut body = own();
        body[field] = value;
        refused("POST", "/assistant/admin", Some(body), create);
    }
    let instruct = "Failed to update assistant instructions, error: ";
    refused("PUT", "/assistant/1/instructions", Some(json!({})), instruct);
    refused("PUT", "/assistant/1/instructions", Some(json!({ "instructions": 5 })), instruct);
    refused("PUT", "/assistant/x/instructions", Some(json!({ "instructions": "i" })), instruct);
    refused("GET", "/assistant/x", None, "Failed to get assistants, error: ");
    refused("GET", "/assistant/99999999999", None, "Failed to get assistants, error: ");
    refused("GET", "/assistant/x/instructions", None, "Failed to get assistant instructions, error: ");
    refused("DELETE", "/assistant/1;--", None, "Failed to delete the assistant, error: ");
    refused("DELETE", "/assistant/undefined", None, "Assistant id is required");
    let missing = json!({ "message": "Failed to get assistant instructions, error: assistant 7 not found" });
    backend.user("GET", "/assistant/7/instructions", None).is(404, missing);
    assert!(double.server.asked().is_empty());
}

#[test]
fn what_openai_answers_becomes_an_answer_of_ours() {
    let double = openai::OpenAi::start();
    let backend = start(&double, &[("RATE_LIMIT_ASSISTANT", "0")]);
    let create = |trouble: Trouble| {
        double.server.next(1, "POST /v1/assistants", trouble);
        let answer = backend.user("POST", "/assistant", Some(json!({ "name": "x" })));
        (answer.status, answer.json()["message"].as_str().unwrap().to_owned())
    };
    let told = json!({ "error": { "message": "The requested model does not exist." } });
    let text = "Failed to create assistant, error: The requested model does not exist.";
    assert_eq!(create(Trouble::Status(400, told)), (400, text.to_owned()));
    assert_eq!(create(Trouble::Status(429, json!({}))).0, 500);
    assert_eq!(create(Trouble::Status(401, json!({}))).0, 500);
    assert_eq!(create(Trouble::Close).0, 500);
    assert_eq!(create(Trouble::Text("no JSON")).0, 500);
    backend.user("GET", "/assistant", None).is(200, json!([]));
    assert!(!backend.log().contains(KEY));
}

#[test]
fn too_many_calls_of_one_user_are_refused_for_a_while() {
    let double = openai::OpenAi::start();
    let backend = start(&double, &[("RATE_LIMIT_ASSISTANT", "2"), ("RATE_LIMIT_ASSISTANT_WINDOW", "600")]);
    for name in ["a", "b"] {
        backend.user("POST", "/assistant", Some(json!({ "name": name }))).expect(201);
    }
    let refused = backend.user("POST", "/assistant", Some(json!({ "name": "c" }))).expect(429);
    assert!(refused.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap() > 1);
    assert_eq!(refused.json(), json!({ "message": "Too many questions, try again later" }));
    // To look costs nothing.
    backend.user("GET", "/assistant", None).expect(200);
    assert_eq!(double.assistants(), 2);
}
