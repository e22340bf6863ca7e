//! Services that the API asks: what is answered when one is away, and what is measured of them and of the connections.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::data::data;
use super::harness::{Backend, PREFIX, answer};
use crate::doubles::Server;
use crate::support::{PATIENCE, eventually};

/// The address of a server that is no more.
fn nowhere() -> String {
    Server::start(axum::Router::new()).url()
}

/// The line of a measurement.
#[track_caller]
fn measured(backend: &Backend, name: &str) -> f64 {
    let text = backend.send(backend.request("GET", "/metrics")).expect(200).text;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let line = line.unwrap_or_else(|| panic!("{name} in\n{text}"));
    line.parse().expect("a number")
}

#[test]
fn a_service_that_is_away_is_500_in_the_words_of_the_endpoint() {
    let [grafana, node_red, registry, openai, github] = [(); 5].map(|()| nowhere());
    let backend = Backend::with(&[
        ("GRAFANA_URL", &grafana),
        ("NODE_RED_URL", &node_red),
        ("REGISTRY_URL", &registry),
        ("OPENAI_BASE_URL", &openai),
        ("GITHUB_URL", &github),
    ]);
    backend.sql(
        r#"INSERT INTO "Users" (id, username, password, authority, email, "createdAt", "updatedAt")
            VALUES (1, 'one', 'x', 'USER', 'one@x.org', now(), now());
        INSERT INTO "Threads" (gpt_id, name, run_id, "UserId", "createdAt", "updatedAt")
            VALUES ('thread_1', 'n', 'run_1', 1, now(), now());
        INSERT INTO catalog (name, "startDate", "tpaId") VALUES ('c', now(), 'tpa-1');
        INSERT INTO control (name, period) VALUES ('c', 'DAILY')"#,
    );
    let dashboard = json!({ "dashboardUid": "ae08pn1m04lxcd" });
    backend.user("POST", "/controls/1/panel/1", Some(dashboard)).expect(201);
    let metric = json!({ "endpoint": "/flow", "params": {}, "window": {} });
    let computation = json!({ "metric": metric, "config": { "backendUrl": "http://here/" } });
    let question = json!({ "assistantId": "a", "content": "Please explain this flow to me" });
    let message = |text: &str| json!({ "message": text });
    let error = |text: &str| json!({ "error": text });
    let both = |text: &str| json!({ "message": text, "error": "Grafana cannot be reached" });
    let cases: Vec<(&str, &str, Value, Value)> = vec![
        ("GET", "/grafana/folder", json!({}), both("Failed to retrieve folders in Grafana due to server error")),
        ("GET", "/controls/1/panels", json!({}), both("Failed to get panels from control, error in Grafana API")),
        (
            "POST",
            "/computations",
            computation,
            message("Failed to create computation, error: Node-RED cannot be reached"),
        ),
        (
            "GET",
            "/catalogs/tpa-1/points",
            json!({}),
            message("Failed to get points, error: the registry cannot be reached"),
        ),
        (
            "POST",
            "/assistant",
            json!({ "name": "x" }),
            message("Failed to create assistant, error: OpenAI cannot be reached"),
        ),
        ("POST", "/thread", question.clone(), error("Error al crear el hilo, error: Error: OpenAI cannot be reached")),
        ("POST", "/thread/thread_1", question, error("Error al crear el hilo")),
        ("DELETE", "/thread/thread_1", json!({}), message("Failed to delete thread, error: OpenAI cannot be reached")),
        (
            "GET",
            "/thread/thread_1",
            json!({}),
            error("Error al obtener mensajes del hilo. Error: Error: OpenAI cannot be reached"),
        ),
        ("GET", "/ghAccessToken?code=x", json!({}), message("Error interno del servidor.")),
    ];
    for (method, path, body, expected) in cases {
        let answer = backend.user(method, path, Some(body));
        assert_eq!((answer.status, answer.json()), (500, expected), "{method} {path}");
        assert!(!answer.headers.contains_key("retry-after"), "{method} {path}");
    }

    // Two questions of three tries each were more than the breaker of Grafana bears.
    let state = |name: &str, state: &str| {
        measured(&backend, &format!("upstream_breaker_state{{upstream=\"{name}\",state=\"{state}\"}}"))
    };
    assert_eq!(["closed", "open", "half_open"].map(|it| state("Grafana", it)), [0.0, 1.0, 0.0]);
    for name in ["Node-RED", "the registry", "GitHub"] {
        assert_eq!(["closed", "open", "half_open"].map(|it| state(name, it)), [1.0, 0.0, 0.0], "{name}");
    }
    let outcome = "{upstream=\"Grafana\",outcome=\"unreachable\"}";
    assert_eq!(measured(&backend, &format!("upstream_requests_total{outcome}")), 2.0);
    assert_eq!(measured(&backend, "upstream_request_duration_seconds_count{upstream=\"Node-RED\"}"), 1.0);
}

#[test]
fn the_pool_s_connections_are_measured() {
    use sqlx::{Connection, Executor};
    let backend = Backend::with(&[("DB_CONNECTIONS", "1"), ("DB_WAIT", "30")]);
    let pool = |backend: &Backend| {
        ["max_connections", "open_connections", "idle_connections", "waiting_requests"]
            .map(|name| measured(backend, &format!("postgres_pool_{name}")))
    };
    // Who has the answer may look before the connection is back.
    let is_idle = || match pool(&backend) {
        [1.0, 1.0, 1.0, 0.0] => Ok(()),
        other => Err(other),
    };
    backend.user("GET", "/scopes", None).expect(200);
    eventually("the connection is idle", is_idle);
    let text = backend.send(backend.request("GET", "/metrics")).expect(200).text;
    for name in ["postgres_pool_waiting_requests", "upstream_breaker_state"] {
        assert!(text.contains(&format!("# HELP {name} ")) && text.contains(&format!("# TYPE {name} gauge")), "{text}");
    }

    // Somebody holds the table: one request has the connection and waits for it, another one waits for the connection.
    backend.block_on(async {
        let mut other = sqlx::PgConnection::connect(&data().postgres_url(&backend.database)).await.expect("PostgreSQL");
        other.execute(r#"BEGIN; LOCK TABLE "Scopes""#).await.expect("a lock");
        let ask = || {
            let request = backend.request("GET", &format!("{PREFIX}/scopes"));
            tokio::spawn(answer(request.header("x-access-token", backend.token("USER"))))
        };
        let asked = [ask(), ask()];
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = answer(backend.request("GET", "/metrics")).await.expect(200).text;
            let has = |line: &str| text.lines().any(|it| it == line);
            if has("postgres_pool_waiting_requests 1") && has("postgres_pool_idle_connections 0") {
                break;
            }
            assert!(Instant::now() < deadline, "{text}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        other.execute("COMMIT").await.expect("unlocked");
        for asked in asked {
            asked.await.expect("an answer").expect(200);
        }
    });
    eventually("the connection is idle", is_idle);
}
