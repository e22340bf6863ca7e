//! Time-outs, repetition, circuit breaker, bounds, secrets and measurements of any call.

use std::error::Error;
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use reeve::backend::clients::UpstreamError;
use reeve::backend::clients::breaker::BreakerSpec;
use reeve::backend::clients::upstream::{Auth, Upstream, UpstreamSpec};
use reeve::serve::Secret;
use serde_json::{Value, json};

use super::{nowhere, run};
use crate::doubles::server::json as answer;
use crate::doubles::{Server, Trouble};

fn server() -> Server {
    let thing = async || answer(200, json!({ "is": "there" }));
    Server::start(Router::new().route("/thing", get(thing)).route("/things", post(thing)))
}

/// Never opens its breaker unless a test is about that.
fn spec(url: &str) -> UpstreamSpec {
    let breaker = BreakerSpec { failures: 1000, rest: Duration::from_secs(60) };
    UpstreamSpec { within: Duration::from_secs(10), breaker, ..UpstreamSpec::new("it", Some(url)) }
}

fn upstream(spec: UpstreamSpec) -> Upstream {
    reeve::serve::install_tls();
    Upstream::new(spec).expect("an upstream")
}

async fn read(upstream: &Upstream) -> Result<Value, UpstreamError> {
    upstream.get(&["thing"]).json().await
}

fn unavailable() -> Trouble {
    Trouble::Status(503, json!({ "message": "later" }))
}

#[test]
fn an_answer_is_read() {
    let server = server();
    let upstream = upstream(spec(&server.url()));
    assert_eq!(run(read(&upstream)).expect("an answer"), json!({ "is": "there" }));
    let query = [("a", "b c"), ("a", "&")];
    run(upstream.get(&["thing"]).query(query).token(Some("a.b.c")).done()).expect("an answer");
    let asked = server.last();
    assert_eq!((asked.query.as_str(), asked.header("x-access-token")), ("a=b+c&a=%26", Some("a.b.c")));
    assert!(asked.header("user-agent").is_some_and(|agent| agent.starts_with("reeve/")));
}

#[test]
fn who_does_not_answer_in_time_is_not_waited_for_and_not_asked_again() {
    let server = server();
    server.always("", Trouble::Hang);
    let upstream = upstream(UpstreamSpec { within: Duration::from_millis(200), ..spec(&server.url()) });
    let started = Instant::now();
    let error = run(read(&upstream)).expect_err("no answer");
    assert!(
        matches!(error, UpstreamError::TimedOut { within, .. } if within == Duration::from_millis(200)),
        "{error:?}"
    );
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(server.lines(), ["GET /thing"]);
    let error = run(upstream.get(&["thing"]).within(Duration::from_millis(1)).done()).expect_err("no answer");
    assert_eq!(error.to_string(), "it did not answer within 0.001 s");
}

#[test]
fn nobody_there_is_said_at_once() {
    let upstream = upstream(spec(&nowhere()));
    let started = Instant::now();
    let error = run(read(&upstream)).expect_err("no connection");
    assert!(matches!(error, UpstreamError::Unreachable { sent: false, .. }), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_connection_that_breaks_off_is_not_tried_again_since_the_request_may_have_arrived() {
    let server = server();
    server.next(1, "", Trouble::Close);
    let error = run(read(&upstream(spec(&server.url())))).expect_err("no answer");
    assert!(matches!(error, UpstreamError::Unreachable { sent: true, .. }), "{error:?}");
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn reading_is_tried_again_while_the_failure_passes() {
    for status in [502, 503, 504] {
        let server = server();
        server.next(2, "", Trouble::Status(status, Value::Null));
        assert_eq!(run(read(&upstream(spec(&server.url())))).expect("the third try"), json!({ "is": "there" }));
        assert_eq!(server.asked().len(), 3, "{status}");
    }
    let server = server();
    server.always("", unavailable());
    let error = run(read(&upstream(spec(&server.url())))).expect_err("three tries");
    assert_eq!((error.status(), error.told()), (Some(StatusCode::SERVICE_UNAVAILABLE), Some("later")));
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn what_is_no_outage_is_not_tried_again() {
    for status in [302, 400, 401, 404, 429, 500] {
        let server = server();
        server.always("", Trouble::Status(status, json!({ "message": "no" })));
        let error = run(read(&upstream(spec(&server.url())))).expect_err("an error");
        assert_eq!(error.status().map(|status| status.as_u16()), Some(status));
        assert_eq!(server.asked().len(), 1, "{status}");
    }
}

#[test]
fn writing_is_never_tried_again() {
    let server = server();
    server.always("", unavailable());
    let upstream = upstream(spec(&server.url()));
    let body = json!({});
    run(upstream.post(&["things"]).body(&body).done()).expect_err("refused");
    run(upstream.put(&["things"]).body(&body).done()).expect_err("refused");
    run(upstream.delete(&["things"]).done()).expect_err("refused");
    run(upstream.get(&["thing"]).once().done()).expect_err("refused");
    assert_eq!(server.lines(), ["POST /things", "PUT /things", "DELETE /things", "GET /thing"]);
}

#[test]
fn one_deadline_covers_all_tries() {
    let server = server();
    server.next(1, "", unavailable());
    server.always("", Trouble::Hang);
    let upstream = upstream(UpstreamSpec { within: Duration::from_millis(400), ..spec(&server.url()) });
    let started = Instant::now();
    let error = run(read(&upstream)).expect_err("no answer");
    assert!(matches!(error, UpstreamError::TimedOut { .. }), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    assert_eq!(server.asked().len(), 2);
}

fn sensitive_breaker(url: &str, rest: Duration) -> Upstream {
    upstream(UpstreamSpec { retries: 0, breaker: BreakerSpec { failures: 3, rest }, ..spec(url) })
}

#[test]
fn who_fails_repeatedly_is_left_alone() {
    let server = server();
    server.always("", unavailable());
    let upstream = sensitive_breaker(&server.url(), Duration::from_secs(600));
    run(async {
        for _ in 0..3 {
            assert!(matches!(read(&upstream).await, Err(UpstreamError::Status { .. })));
        }
        server.heal();
        for _ in 0..10 {
            assert!(matches!(read(&upstream).await, Err(UpstreamError::CircuitOpen { .. })));
        }
    });
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn tries_of_one_call_count_for_the_breaker_and_the_cause_is_told() {
    let server = server();
    server.always("", unavailable());
    let breaker = BreakerSpec { failures: 2, rest: Duration::from_secs(600) };
    let upstream = upstream(UpstreamSpec { breaker, retries: 5, ..spec(&server.url()) });
    assert!(matches!(run(read(&upstream)), Err(UpstreamError::Status { .. })));
    assert!(matches!(run(read(&upstream)), Err(UpstreamError::CircuitOpen { .. })));
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn who_refuses_is_there_and_does_not_count_as_failing() {
    let server = server();
    server.always("", Trouble::Status(500, Value::Null));
    let upstream = sensitive_breaker(&server.url(), Duration::from_secs(600));
    for _ in 0..10 {
        assert!(matches!(run(read(&upstream)), Err(UpstreamError::Status { .. })));
    }
    assert_eq!(server.asked().len(), 10);
}

/// Asks until the breaker lets something through again.
async fn after_the_rest(upstream: &Upstream) -> Result<Value, UpstreamError> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match read(upstream).await {
            Err(UpstreamError::CircuitOpen { .. }) if Instant::now() < deadline => tokio::task::yield_now().await,
            other => return other,
        }
    }
}

#[test]
fn after_a_rest_one_probe_decides() {
    let server = server();
    let upstream = sensitive_breaker(&server.url(), Duration::from_millis(50));
    run(async {
        server.always("", unavailable());
        for _ in 0..3 {
            read(&upstream).await.expect_err("refused");
        }
        let probe = after_the_rest(&upstream).await;
        assert!(matches!(probe, Err(UpstreamError::Status { .. })), "{probe:?}");
        assert_eq!(server.asked().len(), 4, "one failed probe opens it again");
        server.heal();
        after_the_rest(&upstream).await.expect("a good probe");
        for _ in 0..5 {
            read(&upstream).await.expect("closed again");
        }
    });
}

#[test]
fn a_probe_that_nobody_waits_for_leaves_its_place() {
    let server = server();
    let upstream = sensitive_breaker(&server.url(), Duration::from_millis(50));
    run(async {
        server.next(3, "", unavailable());
        for _ in 0..3 {
            read(&upstream).await.expect_err("refused");
        }
        server.next(1, "", Trouble::Hang);
        let waited = tokio::time::timeout(Duration::from_millis(500), after_the_rest(&upstream)).await;
        assert!(waited.is_err(), "the probe hangs: {waited:?}");
        read(&upstream).await.expect("the place is free");
    });
}

#[test]
fn a_flood_is_cut_off() {
    let server = server();
    server.always("GET", Trouble::Flood(64 * 1024 * 1024));
    let upstream = upstream(UpstreamSpec { answer: 100_000, ..spec(&server.url()) });
    let error = run(read(&upstream)).expect_err("too much");
    assert!(matches!(error, UpstreamError::TooLarge { limit: 100_000, .. }), "{error:?}");
    let long = Value::String("x".repeat(100_001));
    server.always("POST", Trouble::Status(400, long));
    let error = run(upstream.post(&["things"]).done()).expect_err("an error");
    assert_eq!((error.status(), error.body()), (Some(StatusCode::BAD_REQUEST), None), "its status is kept");
}

#[test]
fn what_is_no_json_is_a_bad_answer() {
    let server = server();
    server.always("", Trouble::Text("<html>"));
    let upstream = upstream(spec(&server.url()));
    let error = run(read(&upstream)).expect_err("no JSON");
    assert!(matches!(error, UpstreamError::BadAnswer { .. }), "{error:?}");
    run(upstream.get(&["thing"]).done()).expect("nobody asked for JSON");
}

#[test]
fn a_path_that_leads_elsewhere_is_not_asked_for() {
    let server = server();
    let upstream = upstream(spec(&server.url()));
    for odd in ["", ".", ".."] {
        let error = run(upstream.delete(&["folders", odd]).done()).expect_err(odd);
        assert!(matches!(error, UpstreamError::NoSuchPath { .. }), "{error:?}");
    }
    assert_eq!(server.lines(), [""; 0]);
}

#[test]
fn without_an_address_nothing_is_asked() {
    let upstream = upstream(UpstreamSpec::new("it", None));
    let error = run(read(&upstream)).expect_err("no address");
    assert_eq!(error.to_string(), "it is not configured");
}

#[test]
fn no_error_tells_a_secret() {
    let secret = "hunter2";
    let server = server();
    let with_user = |url: &str| url.replace("http://", &format!("http://someone:{secret}@"));
    let auths = || {
        let password = Secret::new(secret);
        [Auth::None, Auth::Basic { user: "admin".to_owned(), password }, Auth::Bearer(Secret::new(secret))]
    };
    for auth in auths() {
        for (url, trouble) in [
            (nowhere(), Trouble::Close),
            (server.url(), Trouble::Close),
            (server.url(), Trouble::Hang),
            (server.url(), unavailable()),
            (server.url(), Trouble::Flood(4_000_000)),
            (server.url(), Trouble::Text("no json")),
        ] {
            server.heal();
            server.always("", trouble);
            let within = Duration::from_millis(300);
            let auth = auth.clone();
            let upstream = upstream(UpstreamSpec { auth, within, answer: 1_000_000, ..spec(&with_user(&url)) });
            let call = upstream.post(&["things"]).query([("client_secret", secret)]).token(Some(secret));
            let error = run(call.json::<Value>()).expect_err("trouble");
            let mut text = format!("{upstream:?} {error} {error:?}");
            let mut cause = error.source();
            while let Some(next) = cause {
                text += &format!(" {next} {next:?}");
                cause = next.source();
            }
            assert!(!text.contains(secret), "{text}");
        }
    }
    let sent = server.asked();
    let header = |asked: &crate::doubles::Asked| asked.header("authorization").map(str::to_owned);
    assert!(sent.iter().all(|asked| header(asked).is_some()), "the credentials did arrive");
}

#[test]
fn calls_are_counted_by_outcome_and_timed() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    let server = server();
    metrics::with_local_recorder(&recorder, || {
        let upstream = upstream(spec(&server.url()));
        run(read(&upstream)).expect("an answer");
        server.next(1, "", unavailable());
        run(read(&upstream)).expect("a second try");
        server.next(1, "", Trouble::Status(404, Value::Null));
        run(read(&upstream)).expect_err("not there");
        server.next(1, "", Trouble::Text("no json"));
        run(read(&upstream)).expect_err("no JSON");
    });
    let text = recorder.handle().render();
    for line in [
        r#"upstream_requests_total{upstream="it",outcome="ok"} 2"#,
        r#"upstream_requests_total{upstream="it",outcome="client_error"} 1"#,
        r#"upstream_requests_total{upstream="it",outcome="bad_answer"} 1"#,
        r#"upstream_retries_total{upstream="it"} 1"#,
        r#"upstream_request_duration_seconds_count{upstream="it"} 4"#,
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
}
