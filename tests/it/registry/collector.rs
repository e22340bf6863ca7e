//! Guarantees, metrics and prices over a collector that behaves, and over one that does not.

use std::time::{Duration, Instant};

use reeve::registry::engine::calculate::{self, MetricError, SEQUENTIAL};
use reeve::registry::engine::collector::CollectorError;
use reeve::registry::engine::objective::ObjectiveError;
use reeve::registry::engine::{Agreement, CalcError, CollectorSettings, query};
use serde_json::{Value, json};

use super::engine::{Bench, agreement, clock, january, quick};
use super::run;
use crate::doubles::Trouble;
use crate::doubles::collector::{Behaviour, ENDPOINT};

/// Whether a failure is the one that a trouble should lead to.
type Wanted = fn(&CollectorError) -> bool;

/// The reason why a metric failed, or whatever else happened.
fn reason(result: Result<Vec<Value>, CalcError>) -> Result<CollectorError, String> {
    match result {
        Err(CalcError::Metric { source: MetricError::Collector(error), .. }) => Ok(error),
        other => Err(format!("{other:?}")),
    }
}

#[test]
fn the_exchange_of_the_contract() {
    let bench = Bench::new(quick());
    bench.double.admit("TOK");
    let row = |value: u8, group: &str| {
        let row = json!({ "value": value, "scope": { "project": "p1" }, "period": { "from": "a", "to": "b" },
                          "evidences": [{ "computationGroup": group }] });
        Behaviour::rows(json!([row]))
    };
    bench.double.when("/uptime", row(87, "g"));
    bench.double.when("/other", row(12, "h"));
    let found = bench.guarantees(&agreement(&[("UPTIME", &["p1"]), ("OTHER", &["p1"])])).unwrap();
    let texts: Vec<String> = found.iter().map(Value::to_string).collect();
    assert_eq!(
        texts,
        [
            r#"{"stateType":"guarantees","agreementId":"tpa-1","id":"UPTIME","scope":{"project":"p1"},"period":{"from":"a","to":"b"},"value":true,"metrics":{"UPTIME_METRIC":87},"evidences":[{"computationGroup":"g"}]}"#,
            r#"{"stateType":"guarantees","agreementId":"tpa-1","id":"OTHER","scope":{"project":"p1"},"period":{"from":"a","to":"b"},"value":false,"metrics":{"OTHER_METRIC":12},"evidences":[{"computationGroup":"h"}]}"#,
        ]
    );
    let asked = bench.double.server.asked();
    let body = String::from_utf8(asked[0].body.to_vec()).unwrap();
    assert_eq!(
        body,
        r#"{"config":{"backendUrl":"http://status-backend:3001/api/v1/computations/bulk"},"metric":{"endpoint":"/uptime","params":{},"scope":{"project":"p1"},"window":{"type":"static","initial":"2024-01-01T00:00:00.000Z","period":"daily","from":"2024-01-01","end":"2024-01-31T10:00:00.000Z","timeZone":"America/Los_Angeles"}}}"#
    );
    for request in &asked {
        assert_eq!(request.header("cookie"), Some("accessToken=TOK"), "{}", request.line());
        assert_eq!(request.header("x-access-token"), None);
    }
    assert_eq!(asked[0].header("content-type"), Some("application/json"));
    let written = ["metrics UPTIME_METRIC", "guarantees UPTIME", "metrics OTHER_METRIC", "guarantees OTHER"];
    assert_eq!((bench.memory.written().as_slice(), bench.memory.calls()), (written.map(String::from).as_slice(), 1));
    let first = &bench.memory.all()[0];
    let window = first.key.window.clone().map(Value::Object).unwrap();
    assert_eq!(window, bench.double.bodies()[0]["metric"]["window"]);
    assert_eq!(first.record.parameters, None);
}

#[test]
fn without_a_token_no_cookie_is_sent() {
    let mut bench = Bench::new(quick());
    bench.token = None;
    assert_eq!(bench.guarantees(&agreement(&[("UPTIME", &["p1"])])).unwrap().len(), 1);
    assert!(bench.double.server.asked().iter().all(|asked| asked.header("cookie").is_none()));
    bench.double.admit("TOK");
    let error = reason(bench.guarantees(&agreement(&[("UPTIME", &["p1"])]))).unwrap();
    assert_eq!(error.to_string(), "the collector answered 401 to the request: No token provided");
}

#[test]
fn what_is_late_missing_or_in_pieces_is_awaited() {
    let bench = Bench::new(quick());
    bench.double.when("p-late", Behaviour { late: 3, ..Behaviour::default() });
    bench.double.when("p-missing", Behaviour { missing: 3, ..Behaviour::default() });
    bench.double.when("p-both", Behaviour { missing: 2, late: 2, ..Behaviour::default() });
    bench.double.when("p-pieces", Behaviour { pieces: Some(7), ..Behaviour::default() });
    bench.double.when("p-slow", Behaviour::delay(Duration::from_millis(150)));
    let projects = ["p-late", "p-missing", "p-both", "p-pieces", "p-slow", "p-now"];
    let found = bench.guarantees(&agreement(&[("UPTIME", &projects)])).unwrap();
    let scopes: Vec<_> = found.iter().map(|state| state["scope"]["project"].as_str().unwrap()).collect();
    assert_eq!(scopes, projects, "results stand in the order of the agreement");
    assert!(found.iter().all(|state| state["value"] == true));
}

#[test]
fn what_never_comes_is_given_up_after_the_budget() {
    let bench = Bench::new(quick());
    bench.double.when("p1", Behaviour { late: usize::MAX, ..Behaviour::default() });
    let error = reason(bench.guarantees(&agreement(&[("UPTIME", &["p1"])]))).unwrap();
    assert_eq!(error.to_string(), "Retries time exceeded TTL.");
    // The budget holds ten waits: eleven questions after the POST.
    assert_eq!(bench.double.server.lines().len(), 12);
}

#[test]
fn not_found_is_a_failure_after_the_grace_and_for_other_collectors_at_once() {
    let bench = Bench::new(quick());
    bench.double.when("p1", Behaviour { missing: 100, ..Behaviour::default() });
    let mut stored = agreement(&[("UPTIME", &["p1"])]);
    let told = "the collector answered 404 to the question for its result: Computation not found";
    assert_eq!(reason(bench.guarantees(&stored)).unwrap().to_string(), told);
    assert_eq!(bench.double.server.lines().len(), 7);
    stored["terms"]["metrics"]["UPTIME_METRIC"]["collector"]["type"] = json!("POST-GET-V1");
    assert_eq!(reason(bench.guarantees(&stored)).unwrap().to_string(), told);
    assert_eq!(bench.double.server.lines().len(), 9);
}

#[test]
fn every_kind_of_wrong_answer_fails_with_its_cause() {
    let line = |method: &str| format!("{method} {ENDPOINT}");
    let settings = || CollectorSettings { answer: Duration::from_millis(300), longest: 200_000, ..quick() };
    let table: [(&str, Trouble, Wanted); 12] = [
        ("POST", Trouble::Status(500, json!({ "message": "no" })), |it| {
            it.to_string().ends_with("answered 500 to the request: no")
        }),
        ("POST", Trouble::Status(404, json!({})), |it| matches!(it, CollectorError::Status { status: 404, .. })),
        ("POST", Trouble::Status(200, json!({ "computation": 1 })), |it| {
            matches!(it, CollectorError::NotUnderstood { .. })
        }),
        ("POST", Trouble::Text("<html>"), |it| matches!(it, CollectorError::NotUnderstood { .. })),
        ("POST", Trouble::Close, |it| matches!(it, CollectorError::Unreachable(_))),
        ("POST", Trouble::Hang, |it| matches!(it, CollectorError::TimedOut(_))),
        ("GET", Trouble::Status(200, json!({ "computations": [] })), |it| {
            it.to_string() == "Metric not processed correctly"
        }),
        ("GET", Trouble::Status(200, json!({ "computations": {} })), |it| {
            matches!(it, CollectorError::NotUnderstood { .. })
        }),
        ("GET", Trouble::Status(204, json!({})), |it| matches!(it, CollectorError::Status { status: 204, .. })),
        ("GET", Trouble::Text("{\"computations\": [{]"), |it| matches!(it, CollectorError::NotUnderstood { .. })),
        ("GET", Trouble::Hang, |it| matches!(it, CollectorError::TimedOut(_))),
        ("GET", Trouble::Flood(10_000_000), |it| matches!(it, CollectorError::TooLarge(200_000))),
    ];
    for (method, trouble, is_wanted) in table {
        let bench = Bench::new(settings());
        bench.double.server.always(&line(method), trouble.clone());
        let error = reason(bench.guarantees(&agreement(&[("UPTIME", &["p1"])]))).unwrap();
        assert!(is_wanted(&error), "{method} {trouble:?}: {error:?}");
        assert_eq!(bench.memory.calls(), 0, "nothing is written");
    }
}

#[test]
fn a_computation_of_another_host_is_not_fetched() {
    let bench = Bench::new(quick());
    for path in ["http://evil.example/x", "//evil.example/x", "@evil.example/x"] {
        bench.double.server.next(1, "POST", Trouble::Status(201, json!({ "computation": path })));
        bench.double.server.next(1, "GET", Trouble::Status(410, json!({})));
        let error = reason(bench.guarantees(&agreement(&[("UPTIME", &["p1"])]))).unwrap();
        // It is a path below our own collector, whatever it looks like.
        assert!(matches!(error, CollectorError::Status { status: 410, .. }), "{path}: {error:?}");
        bench.double.server.heal();
    }
}

#[test]
fn what_cannot_be_asked_fails_by_name() {
    let bench = Bench::new(quick());
    let stored = agreement(&[("UPTIME", &["p1"])]);
    let with = |pointer: &str, value: Value| {
        let mut changed = stored.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        bench.guarantees(&changed).unwrap_err()
    };
    let cause = |error: &CalcError| std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    let collector = "/terms/metrics/UPTIME_METRIC/collector";
    for kind in ["GET-V1", "PPINOT-V1", "x", "post-get-v1"] {
        let error = with(&format!("{collector}/type"), json!(kind));
        assert_eq!(error.to_string(), "the metric UPTIME_METRIC of the guarantee UPTIME cannot be computed");
        assert!(cause(&error).contains("not supported"), "{error:?}");
    }
    assert!(cause(&with(&format!("{collector}/infrastructurePath"), json!("internal.none"))).contains("address"));
    assert_eq!(cause(&with("/terms/metrics", json!({}))), "Metric UPTIME_METRIC not found.");
    let error = with("/terms/guarantees/0/of/0/objective", json!("X >= 1"));
    assert!(
        matches!(&error, CalcError::Objective { source: ObjectiveError::Unknown(name), .. } if name == "X"),
        "{error:?}"
    );
    assert_eq!(SEQUENTIAL, "Error processing guarantees sequentially");
}

#[test]
fn a_failure_leaves_what_stands_before_it() {
    let bench = Bench::new(quick());
    // What stands before the failure is slower than it, what stands after it never comes.
    bench.double.when("/first", Behaviour::delay(Duration::from_millis(100)));
    bench.double.when("p-bad", Behaviour::rows(json!([])));
    bench.double.when("/last", Behaviour { late: usize::MAX, ..Behaviour::default() });
    let stored = agreement(&[("FIRST", &["p1", "p2"]), ("SECOND", &["p1", "p-bad", "p3"]), ("LAST", &["p1"])]);
    let error = bench.guarantees(&stored).unwrap_err();
    assert!(
        matches!(&error, CalcError::Metric { of, source: MetricError::Collector(CollectorError::Empty), .. } if of == "the guarantee SECOND"),
        "{error:?}"
    );
    let written = [
        "metrics FIRST_METRIC",
        "metrics FIRST_METRIC",
        "guarantees FIRST",
        "guarantees FIRST",
        "metrics SECOND_METRIC",
    ];
    assert_eq!(bench.memory.written(), written);
}

#[test]
fn of_two_failures_the_first_in_the_agreement_is_told() {
    let bench = Bench::new(quick());
    let slow = Behaviour {
        rows: Some(json!([{ "value": "broken" }])),
        delay: Duration::from_millis(80),
        ..Behaviour::default()
    };
    bench.double.when("/first", slow);
    bench.double.when("/second", Behaviour::rows(json!([])));
    let error = bench.guarantees(&agreement(&[("FIRST", &["p1"]), ("SECOND", &["p1"])])).unwrap_err();
    assert!(matches!(error, CalcError::Objective { source: ObjectiveError::NotANumber(_), .. }), "{error:?}");
    assert_eq!(bench.memory.written(), ["metrics FIRST_METRIC"]);
}

#[test]
fn a_store_that_fails_is_a_failure() {
    let mut bench = Bench::new(quick());
    bench.memory.broken = true;
    let error = bench.guarantees(&agreement(&[("UPTIME", &["p1"])])).unwrap_err();
    assert!(matches!(error, CalcError::Store(_)), "{error:?}");
    // A failure before it stays the one that is told.
    bench.double.when("/second", Behaviour::rows(json!([])));
    let error = bench.guarantees(&agreement(&[("UPTIME", &["p1"]), ("SECOND", &["p1"])])).unwrap_err();
    assert!(matches!(error, CalcError::Metric { .. }), "{error:?}");
}

#[test]
fn parameters_of_one_element_do_not_reach_the_next() {
    let bench = Bench::new(quick());
    let mut stored = agreement(&[("UPTIME", &["p1", "p2"])]);
    stored["terms"]["metrics"]["UPTIME_METRIC"]["measure"]["params"] = json!({ "a": 1 });
    stored["terms"]["guarantees"][0]["of"][0]["with"]["UPTIME_METRIC"] = json!({ "b": 2 });
    bench.guarantees(&stored).unwrap();
    let mut params: Vec<String> =
        bench.double.bodies().iter().map(|body| body["metric"]["params"].to_string()).collect();
    params.sort();
    assert_eq!(params, [r#"{"a":1,"b":2}"#, r#"{"a":1}"#]);
}

#[test]
fn a_guarantee_over_several_rows_and_metrics() {
    let bench = Bench::new(quick());
    let mut stored = agreement(&[("UP", &["p1"]), ("DOWN", &[])]);
    stored["terms"]["guarantees"][0]["of"][0]["with"] = json!({ "UP_METRIC": {}, "DOWN_METRIC": {} });
    stored["terms"]["guarantees"][0]["of"][0]["objective"] = json!("UP_METRIC > DOWN_METRIC && UP_METRIC < 90");
    let row = |day: u8, value: Value| json!({ "value": value, "scope": { "p": 1 }, "period": { "from": day, "to": day }, "evidences": [day] });
    bench.double.when(
        "/up",
        Behaviour::rows(json!([row(1, json!(50)), row(2, json!("95.0")), row(3, json!("NaN")), row(4, json!(60))])),
    );
    bench.double.when("/down", Behaviour::rows(json!([row(2, json!(1)), row(1, json!(2))])));
    let found = bench.guarantees(&stored).unwrap();
    let shown: Vec<String> = found
        .iter()
        .map(|it| format!("{} {} {} {}", it["period"]["from"], it["value"], it["metrics"], it["evidences"]))
        .collect();
    assert_eq!(
        shown,
        [
            r#"1 true {"UP_METRIC":50,"DOWN_METRIC":2} [1,1]"#,
            r#"2 false {"UP_METRIC":"95.0","DOWN_METRIC":1} [2,2]"#,
            r#"4 true {"UP_METRIC":60,"DOWN_METRIC":0} [4]"#,
        ]
    );
    assert_eq!(bench.memory.all().len(), 6 + 3);
}

#[test]
fn a_client_that_goes_away_ends_the_questions() {
    let bench = Bench::new(quick());
    bench.double.when("p", Behaviour::delay(Duration::from_secs(30)));
    let stored = agreement(&[("UPTIME", &["p1", "p2", "p3"])]);
    let asked = january(&stored);
    run(async {
        let context = bench.context();
        let work = calculate::guarantees(&context, Agreement::new(&stored), &asked);
        tokio::time::timeout(Duration::from_millis(300), work).await.expect_err("still waiting");
    });
    assert_eq!((bench.double.busiest(), bench.double.answered(), bench.memory.calls()), (3, 0, 0));
}

#[test]
fn metrics_are_asked_for_as_the_query_says() {
    let bench = Bench::new(quick());
    let stored = agreement(&[("UP", &["p1"]), ("DOWN", &["p1"])]);
    let shared = Agreement::new(&stored);
    let groups =
        query::groups("scope.project=p9&window.initial=i&window.period=daily&window.type=static&window.timeZone=UTC");
    let ask = |id: &str| (id.to_owned(), query::metric(id, shared.metric(id).unwrap(), &groups).unwrap());
    let puts = run(calculate::metrics(&bench.context(), shared, &[ask("UP_METRIC"), ask("DOWN_METRIC")])).unwrap();
    let shown: Vec<String> = puts.iter().map(|put| put.view().to_string()).collect();
    let wanted = |id: &str| {
        format!(
            r#"{{"stateType":"metrics","agreementId":"tpa-1","id":"{id}","scope":{{"project":"p9"}},"period":{{"from":"i","to":null}},"window":{{"initial":"i","period":"daily","type":"static","timeZone":"UTC"}},"value":87,"evidences":[{{"computationGroup":"g","value":true}}]}}"#
        )
    };
    assert_eq!(shown, [wanted("UP_METRIC"), wanted("DOWN_METRIC")]);
    let (id, one) = ask("UP_METRIC");
    let more = run(calculate::increase(&bench.context(), shared, &id, one)).unwrap();
    assert_eq!((more[0].record.value.clone(), more[0].key.clone()), (json!(88), puts[0].key.clone()));
    let body = json!({ "scope": { "project": "p1" }, "window": { "type": "static" }, "value": "7" });
    let told = run(calculate::tell(&bench.memory, shared, "UP_METRIC", body.as_object().unwrap())).unwrap();
    let wanted = r#"{"stateType":"metrics","agreementId":"tpa-1","id":"UP_METRIC","scope":{"project":"p1"},"window":{"type":"static"},"value":"7"}"#;
    assert_eq!(told[0].view().to_string(), wanted);
    assert_eq!(bench.memory.written().len(), 2 + 2 + 1);
}

#[test]
fn a_whole_agreement_and_its_penalties() {
    let bench = Bench::new(quick());
    let mut stored = agreement(&[("UP", &["p1"]), ("DOWN", &["p1"])]);
    stored["terms"]["metrics"]["DOWN_METRIC"]["defaultStateReload"] = json!(true);
    let asked = january(&stored);
    let puts = run(calculate::whole(&bench.context(), Agreement::new(&stored), &asked, &clock())).unwrap();
    let names: Vec<String> = puts.iter().map(|put| format!("{} {}", put.key.state_type.name(), put.key.id)).collect();
    assert_eq!(names, ["guarantees UP", "guarantees DOWN", "metrics DOWN_METRIC"]);
    assert_eq!(bench.double.bodies()[2]["metric"]["scope"], json!({ "priority": "P2" }));
    // Without penalties nobody is asked.
    let before = bench.double.server.lines().len();
    let lines =
        |stored: &Value| run(calculate::penalties(&bench.context(), Agreement::new(stored), None, &clock())).unwrap();
    assert!(lines(&stored).is_empty() && bench.double.server.lines().len() == before);
    stored["terms"]["pricing"] = json!({ "billing": { "penalties": [{ "over": { "P": {} }, "groupBy": {} }] } });
    let period = json!({ "from": "2022-01-01T00:00:00.000Z", "to": "2024-02-01T09:00:00.000Z" });
    assert_eq!(lines(&stored), [json!({ "scope": {}, "period": period, "value": 0, "penalty": "P" })]);
    let window = &bench.double.bodies().pop().unwrap()["metric"]["window"];
    assert_eq!((&window["initial"], &window["end"]), (&json!("*"), &json!("*")));
}

#[test]
fn scopes_are_asked_for_at_once_within_the_bound() {
    let bench = Bench::new(CollectorSettings { at_once: 50, ..CollectorSettings::default() });
    let delay = Duration::from_millis(50);
    bench.double.when("", Behaviour::delay(delay));
    let names: Vec<String> = (0..200).map(|number| format!("p{number}")).collect();
    let projects: Vec<&str> = names.iter().map(String::as_str).collect();
    let stored = agreement(&[("UPTIME", &projects)]);
    let started = Instant::now();
    let found = bench.guarantees(&stored).unwrap();
    let took = started.elapsed();
    let scopes: Vec<_> = found.iter().map(|state| state["scope"]["project"].as_str().unwrap()).collect();
    assert_eq!(scopes, projects);
    assert_eq!((bench.double.busiest() <= 50, bench.memory.calls()), (true, 1));
    // Four rounds of two exchanges each: 400 ms at the least, where one after the other would be 20 s.
    assert!(took < delay * 2 * 4 * 3, "{took:?}");
    eprintln!("200 scopes over 50 ms, 50 at once: {took:?}, busiest {}", bench.double.busiest());
}

#[test]
fn one_that_never_answers_holds_up_nobody_else() {
    let bench = Bench::new(CollectorSettings { at_once: 4, answer: Duration::from_millis(800), ..quick() });
    bench.double.when("p-never", Behaviour::delay(Duration::from_secs(30)));
    let names: Vec<String> = (0..60).map(|number| format!("p{number}")).collect();
    let mut projects = vec!["p-never"];
    projects.extend(names.iter().map(String::as_str));
    let error = reason(bench.guarantees(&agreement(&[("UPTIME", &projects)]))).unwrap();
    assert!(matches!(error, CollectorError::TimedOut(_)));
    // All others have been asked and answered meanwhile, although they stand behind it.
    assert_eq!(bench.double.answered(), 60);
}

/// Processor time of this thread so far. The double has a thread of its own.
fn on_processor() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells it");
    let nanoseconds = text.split_whitespace().next().and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.expect("a number"))
}

#[test]
fn five_guarantees_cost_little_of_the_processor() {
    let bench = Bench::new(CollectorSettings::default());
    let stored = agreement(&["A", "B", "C", "D", "E"].map(|name| (name, &["p1"][..])));
    let asked = january(&stored);
    const TIMES: u32 = 50;
    let cost = run(async {
        let context = bench.context();
        let once = async || calculate::guarantees(&context, Agreement::new(&stored), &asked).await.expect("states");
        assert_eq!(once().await.len(), 5);
        let before = on_processor();
        for _ in 0..TIMES {
            once().await;
        }
        (on_processor() - before) / TIMES
    });
    eprintln!("5 guarantees: {cost:?} of processor time, without optimisation");
    assert!(cost < Duration::from_millis(20), "{cost:?}");
}
