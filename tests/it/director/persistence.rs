//! The folder under trouble: kill -9 in the middle of writes, files that are no tasks, edits from outside, a lost folder.

use std::cell::Cell;
use std::time::Duration;

use serde_json::{Value, json};

use super::harness::Director;
use crate::support::{eventually, kill};

/// Rounds of writes that a SIGKILL ends.
const ROUNDS: usize = 30;

#[test]
fn a_kill_in_the_middle_of_writes_leaves_every_file_whole() {
    let mut director = Director::prepared(&[("WORKERS", "2"), ("DIRECTOR_RUNNER", "embedded")]);
    let padding = "x".repeat(60_000);
    let mut answered = 0;
    for round in 0..ROUNDS {
        director.launch();
        let acknowledged = director.block_on(async {
            let answers = Cell::new(0);
            let writers = (0..4).map(|writer| {
                let (director, padding, answers) = (&director, &padding, &answers);
                async move {
                    let mut acknowledged = Vec::new();
                    for turn in 0.. {
                        let id = format!("{writer}-{}", turn % 3);
                        let body =
                            json!({ "id": id, "n": format!("{round}-{turn}"), "padding": padding, "running": false });
                        let request = match turn % 9 {
                            0..3 => director.request("POST", "/api/v1/tasks").json(&body),
                            3..6 => director.request("PUT", &format!("/api/v1/tasks/{id}")).json(&body),
                            _ => director.request("POST", &format!("/api/v1/tasks/{id}/status/switch")),
                        };
                        match request.send().await {
                            Ok(response) if response.status() == 200 => {
                                let n = if turn % 9 < 6 { Some(format!("{round}-{turn}")) } else { None };
                                acknowledged.push((id, n));
                                answers.set(answers.get() + 1);
                            }
                            Ok(response) => panic!("{}", response.status()),
                            Err(_) => break,
                        }
                    }
                    acknowledged
                }
            });
            let killer = async {
                // Later in each round, and at any moment between two answers.
                while answers.get() < 4 + round {
                    tokio::time::sleep(Duration::from_micros(300)).await;
                }
                tokio::time::sleep(Duration::from_micros((round as u64 * 7919) % 4000)).await;
                kill(director.pid(), 9);
            };
            tokio::join!(futures_util::future::join_all(writers), killer).0
        });
        director.process.take().expect("a process").end();
        for (writer, acknowledged) in acknowledged.into_iter().enumerate() {
            answered += acknowledged.len();
            for id in (0..3).map(|number| format!("{writer}-{number}")) {
                let last = acknowledged.iter().rev().find_map(|(written, n)| n.clone().filter(|_| *written == id));
                let Some(last) = last else { continue };
                let text = std::fs::read_to_string(director.file(&id)).expect("what was answered is there");
                let task: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("round {round}: {error}"));
                // This one, or the one that was being written.
                let turn = |n: &str| n.split('-').map(|part| part.parse::<u64>().unwrap()).collect::<Vec<_>>();
                assert!(turn(task["n"].as_str().unwrap()) >= turn(&last), "round {round}: {} after {last}", task["n"]);
            }
        }
        for name in director.names().iter().filter(|name| name.ends_with(".json")) {
            let text = std::fs::read_to_string(director.tasks().join(name)).expect("a file");
            let task: Value =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name} in round {round}: {error}"));
            assert_eq!(task["padding"].as_str().map(str::len), Some(padding.len()));
        }
    }
    director.launch();
    assert!(director.names().iter().all(|name| name.ends_with(".json")), "{:?}", director.names());
    eprintln!("{ROUNDS} kills, {answered} answered writes, none lost or torn");
    assert!(answered > ROUNDS);
}

#[test]
fn a_reader_never_sees_none_or_two_while_a_task_is_renamed() {
    let director = Director::with(&[("WORKERS", "2")]);
    director.create(&json!({ "id": "a", "marker": "one" }));
    director.block_on(async {
        let renames = async {
            for turn in 0..60 {
                let (from, to) = if turn % 2 == 0 { ("a", "b") } else { ("b", "a") };
                let body = json!({ "id": to, "marker": "one" });
                let put = director.request("PUT", &format!("/api/v1/tasks/{from}")).json(&body);
                assert_eq!(put.send().await.expect("an answer").status(), 200);
            }
        };
        let mut reads = 0;
        let reader = async {
            loop {
                let list = director.request("GET", "/api/v1/tasks?marker=one").send().await.expect("an answer");
                let list: Value = list.json().await.expect("JSON");
                assert_eq!(list.as_array().map(Vec::len), Some(1), "{list}");
                reads += 1;
            }
        };
        tokio::select! {
            () = renames => {}
            () = reader => {}
        }
        assert!(reads > 10, "{reads}");
    });
}

#[test]
fn edits_from_outside_are_seen_at_once() {
    let director = Director::start();
    for turn in 0..50 {
        director.write("tasks/a.json", &format!(r#"{{"id":"a","n":{}}}"#, turn % 10));
        assert_eq!(director.get("/a").expect(200).json()["n"], turn % 10);
    }
    std::fs::remove_file(director.file("a")).unwrap();
    director.get("/a").expect(404);
    director.write("tasks/.keep", "");
    director.write("tasks/b.txt", r#"{"id":"b"}"#);
    assert_eq!(director.get("").expect(200).text, "[]");
}

#[test]
fn a_file_that_is_no_task_hurts_nobody_and_is_told_once() {
    let director = Director::start();
    for (name, text) in [("broken", "{\"id\":"), ("list", "[1]"), ("empty", "")] {
        director.write(&format!("tasks/{name}.json"), text);
    }
    director.create(&json!({ "id": "good" }));
    for _ in 0..5 {
        assert_eq!(director.get("").expect(200).text, r#"[{"id":"good"}]"#);
    }
    let log = director.log();
    for name in ["broken", "list", "empty"] {
        let told = log.lines().filter(|line| line.contains("not a task") && line.contains(name)).count();
        assert_eq!(told, 1, "{name} in {log}");
    }
    director.write("tasks/broken.json", r#"{"id":"broken"}"#);
    director.get("/broken").expect(200);
}

#[test]
fn what_cannot_be_written_is_an_error_and_changes_nothing() {
    let director = Director::start();
    // The name is taken by a folder that is not empty: the rename fails, also for root.
    director.write("tasks/taken.json/inside", "");
    let answer = director.call("POST", "", Some(&json!({ "id": "taken" })));
    answer.is(500, json!({ "code": 500, "message": "Error when storing task..." }));
    director.create(&json!({ "id": "a", "n": 1 }));
    director.call("PUT", "/a", Some(&json!({ "id": "taken", "n": 2 }))).expect(500);
    assert_eq!(director.names(), ["a.json", "taken.json"]);
    assert!(director.log().contains("cannot be written"));
}

#[test]
fn a_folder_that_is_gone_is_made_again() {
    let director = Director::start();
    director.create(&json!({ "id": "a" }));
    std::fs::remove_dir_all(director.tasks()).unwrap();
    assert_eq!(director.get("").expect(200).text, "[]");
    director.create(&json!({ "id": "a" }));
    assert!(director.file("a").exists());
    // Changes of the new folder are heard of as well.
    let task = json!({ "id": "b", "running": true, "script": "x", "init": 0, "interval": 50, "end": "2100-01-01" });
    director.write("tasks/b.json", &task.to_string());
    director.await_log("task=\"b\"");
}

#[test]
fn another_folder_can_be_named() {
    let director = Director::with(&[("DIRECTOR_TASKS", "elsewhere/deep")]);
    director.create(&json!({ "id": "a" }));
    assert!(director.path("elsewhere/deep/a.json").exists());
    eventually("it is ready", || match director.send(director.request("GET", "/health/ready")).status {
        200 => Ok(()),
        other => Err(other),
    });
}
