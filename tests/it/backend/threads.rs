//! `/thread`, with a double of OpenAI.

use serde_json::{Value, json};

use super::harness::{Answer, Backend, now, token};
use crate::doubles::Trouble;
use crate::doubles::openai::{KEY, ORGANISATION, OpenAi};

const QUESTION: &str = "Please explain this flow to me";

/// A backend with two users and an assistant, whose id at OpenAI is known.
struct Talk {
    double: OpenAi,
    backend: Backend,
    assistant: String,
}

impl Talk {
    fn start() -> Self {
        let double = OpenAi::start();
        let url = double.url();
        let settings = [("OPENAI_BASE_URL", url.as_str()), ("AI_API_KEY", KEY), ("AI_ORG_ID", ORGANISATION)];
        let backend = Backend::with(&settings);
        backend.sql(
            r#"INSERT INTO "Users" (id, username, password, authority, email, "createdAt", "updatedAt")
            VALUES (1, 'one', 'x', 'USER', 'one@x.org', now(), now()), (2, 'two', 'x', 'USER', 'two@x.org', now(), now())"#,
        );
        backend.user("POST", "/assistant", Some(json!({ "name": "helper" }))).expect(201);
        let assistant = backend.rows(r#"SELECT "assistantId" FROM "Assistants""#).remove(0);
        Self { double, backend, assistant }
    }

    fn as_user(&self, id: i32, method: &str, path: &str, body: Option<Value>) -> Answer {
        let claims = json!({ "user_id": id, "username": "x", "authority": "USER", "exp": now() + 3600 });
        self.backend.call(method, path, Some(&token(claims)), body)
    }

    fn question(&self) -> Option<Value> {
        Some(json!({ "assistantId": self.assistant, "content": QUESTION }))
    }

    fn begin(&self, user: i32) -> String {
        let created = self.as_user(user, "POST", "/thread", self.question()).expect(201).json();
        assert_eq!(created["message"], "Hilo creado exitosamente");
        created["id"].as_str().expect("an id").to_owned()
    }

    fn count(&self, table: &str) -> String {
        self.backend.rows(&format!("SELECT count(*)::text FROM \"{table}\"")).remove(0)
    }
}

#[test]
fn a_thread_is_begun_answered_continued_renamed_and_deleted() {
    let talk = Talk::start();
    let (backend, double) = (&talk.backend, &talk.double);
    let id = talk.begin(1);
    let path = format!("/thread/{id}");
    let rows = backend.user("GET", "/thread", None).expect(200).json();
    let keys: Vec<_> = rows[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["id", "gpt_id", "name", "run_id", "createdAt", "updatedAt", "UserId"]);
    assert_eq!(
        (&rows[0]["gpt_id"], &rows[0]["name"], &rows[0]["UserId"]),
        (&json!(id), &json!("Nuevo Hilo"), &json!(1))
    );
    let waiting = json!({ "message": "Run not completed yet" });
    backend.user("GET", &path, None).is(200, waiting.clone());
    double.complete_runs();
    let list = backend.user("GET", &path, None).expect(200).json();
    assert_eq!((&list["object"], &list["data"][0]["content"][0]["text"]["value"]), (&json!("list"), &json!("Hello!")));
    assert_eq!(list["data"][1]["content"][0]["text"]["value"], QUESTION);
    let added = json!({ "message": "Mensaje agregado exitosamente" });
    backend.user("POST", &path, talk.question()).is(201, added);
    // The new run counts, not the first.
    backend.user("GET", &path, None).is(200, waiting);
    double.complete_runs();
    assert_eq!(backend.user("GET", &path, None).expect(200).json()["data"].as_array().unwrap().len(), 4);
    let linked = r#"SELECT content FROM "Messages" JOIN "Threads" ON "Threads".id = "ThreadId""#;
    assert_eq!(backend.rows(linked), [QUESTION, QUESTION]);
    let renamed = json!({ "message": format!("Thread {id} name updated successfully") });
    backend.user("PUT", &path, Some(json!({ "name": "Flows" }))).is(200, renamed);
    assert_eq!(backend.user("GET", "/thread", None).json()[0]["name"], "Flows");
    let deleted = json!({ "message": format!("Thread {id} deleted successfully") });
    backend.user("DELETE", &path, Some(json!({}))).is(200, deleted);
    assert_eq!((double.threads(), talk.count("Threads"), talk.count("Messages")), (0, "0".into(), "0".into()));
    let missing = json!({ "message": format!("Thread {id} not found") });
    backend.user("DELETE", &path, None).is(404, missing.clone());
    backend.user("PUT", &path, Some(json!({ "name": "x" }))).is(404, missing);
}

#[test]
fn users_have_their_own_threads() {
    let talk = Talk::start();
    let (one, two) = (talk.begin(1), talk.begin(2));
    let ids = |answer: Answer| {
        let rows = answer.expect(200).json();
        rows.as_array().unwrap().iter().map(|row| row["gpt_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(talk.as_user(1, "GET", "/thread", None)), [one.as_str()]);
    assert_eq!(ids(talk.as_user(2, "GET", "/thread", None)), [two.as_str()]);
    assert_eq!(ids(talk.as_user(1, "GET", "/threads", None)), [one.as_str(), two.as_str()]);
    talk.as_user(1, "DELETE", "/thread", None).is(200, json!({ "message": "Threads deleted successfully" }));
    assert_eq!(ids(talk.as_user(1, "GET", "/threads", None)), [two.as_str()]);
    assert_eq!(talk.count("Messages"), "1");
    // A token that names nobody, or somebody who is gone.
    let unauthorized = json!({ "error": "Unauthorized" });
    talk.as_user(77, "POST", "/thread", talk.question()).is(401, unauthorized.clone());
    let nobody = token(json!({ "authority": "USER" }));
    talk.backend.call("POST", "/thread", Some(&nobody), talk.question()).is(401, unauthorized);
    talk.backend.call("GET", "/thread", Some(&nobody), None).expect(401);
    talk.backend.call("GET", "/thread", None, None).is(401, json!({ "message": "No token provided" }));
}

#[test]
fn whoever_is_signed_in_and_knows_a_thread_can_do_everything_with_it() {
    let talk = Talk::start();
    let (id, other) = (talk.begin(1), talk.begin(1));
    let path = format!("/thread/{id}");
    talk.double.complete_runs();
    talk.as_user(2, "GET", &path, None).expect(200);
    talk.as_user(2, "POST", &path, talk.question()).expect(201);
    talk.as_user(2, "PUT", &path, Some(json!({ "name": "theirs" }))).expect(200);
    // It stays its owner's.
    assert_eq!(talk.as_user(1, "GET", "/thread", None).expect(200).json()[0]["name"], "theirs");
    talk.as_user(2, "DELETE", &path, None).expect(200);
    // All of them at once: only one's own.
    talk.as_user(2, "DELETE", "/thread", None).expect(200);
    let left = talk.as_user(1, "GET", "/thread", None).expect(200).json();
    assert_eq!((left.as_array().unwrap().len(), &left[0]["gpt_id"]), (1, &json!(other)));
}

#[test]
fn what_cannot_be_is_refused() {
    let talk = Talk::start();
    let id = talk.begin(1);
    let asked = talk.double.server.asked().len();
    let backend = &talk.backend;
    let path = format!("/thread/{id}");
    let short = |text: &str| json!({ "error": text });
    let brief = Some(json!({ "assistantId": "a", "content": "too short a question" }));
    let (new, more) = ("Por favor, haz el mensaje un poco más detallado", "El mensaje debe tener al menos 15 palabras");
    for body in [brief, None, Some(json!([])), Some(json!({ "assistantId": "a", "content": null }))] {
        backend.user("POST", "/thread", body.clone()).is(400, short(new));
        backend.user("POST", &path, body).is(400, short(more));
    }
    for body in [
        json!({ "content": QUESTION }),
        json!({ "content": QUESTION, "assistantId": 3 }),
        json!({ "content": 5, "assistantId": "a" }),
        json!({ "content": format!("{QUESTION}\u{0}"), "assistantId": "a" }),
    ] {
        let answer = backend.user("POST", "/thread", Some(body.clone())).expect(400).json();
        assert!(answer["error"].as_str().unwrap().starts_with("Error al crear el hilo, error: "), "{answer}");
        assert_eq!(backend.user("POST", &path, Some(body)).expect(400).json()["error"], "Error al crear el hilo");
    }
    for name in [json!(null), json!(3), json!("x".repeat(101)), json!("\u{0}")] {
        let answer = backend.user("PUT", &path, Some(json!({ "name": name }))).expect(400).json();
        assert!(answer["message"].as_str().unwrap().starts_with("Failed to update thread name, error: "));
    }
    let missing = backend.user("GET", "/thread/unknown';--", None).expect(404).json();
    assert!(missing["error"].as_str().unwrap().starts_with("Error al obtener mensajes del hilo. Error: "));
    assert_eq!(
        backend.user("POST", "/thread/x", talk.question()).expect(404).json()["error"],
        "Error al crear el hilo"
    );
    for method in ["GET", "PUT", "DELETE"] {
        backend.user(method, "/thread/a%00b", Some(json!({ "name": "x" }))).expect(400);
    }
    assert_eq!(talk.double.server.asked().len(), asked);
}

#[test]
fn what_openai_refuses_leaves_nothing_behind() {
    let talk = Talk::start();
    let backend = &talk.backend;
    let stranger = Some(json!({ "assistantId": "asst_x", "content": QUESTION }));
    let answer = backend.user("POST", "/thread", stranger).expect(400).json();
    assert_eq!(answer["error"], "Error al crear el hilo, error: Error: No assistant found with id 'asst_x'.");
    assert_eq!(talk.count("Threads"), "0");
    // What cannot be written down is removed there again.
    backend.sql(r#"ALTER TABLE "Messages" ADD CHECK (content <> 'never never never never never never')"#);
    let never = json!({ "assistantId": talk.assistant, "content": "never never never never never never" });
    backend.user("POST", "/thread", Some(never)).expect(400);
    assert_eq!((talk.double.threads(), talk.count("Threads")), (0, "0".into()));
    let id = talk.begin(1);
    let path = format!("/thread/{id}");
    // The first run is still going.
    let busy = backend.user("POST", &path, talk.question()).expect(400).json();
    assert_eq!(busy["error"], "Error al crear el hilo");
    assert_eq!(talk.count("Messages"), "1");
    // A thread that OpenAI cannot delete now stays, one that is gone there goes.
    talk.double.server.always("DELETE", Trouble::Status(503, json!({})));
    let away = backend.user("DELETE", &path, None);
    away.is(500, json!({ "message": "Failed to delete thread, error: OpenAI answered 503" }));
    assert_eq!(talk.count("Threads"), "1");
    talk.double.server.heal();
    talk.double.server.always("DELETE", Trouble::Status(404, json!({})));
    backend.user("DELETE", &path, None).expect(200);
    assert_eq!((talk.count("Threads"), talk.count("Messages")), ("0".into(), "0".into()));
}
