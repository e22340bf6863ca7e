//! Schedules as they are seen from outside: which occurrences run, and which do not any more.

use serde_json::{Value, json};

use super::harness::{Director, Scripts, now};
use crate::support::eventually;

/// Text of a script that is done at once.
const QUICK: &str = "exports.main = () => 1";

const FAR: &str = "2100-01-01T00:00:00Z";

fn every(id: &str, script: &str, interval: i64) -> Value {
    json!({ "id": id, "script": script, "running": true, "config": {}, "init": 0, "interval": interval, "end": FAR })
}

/// The occurrences of a task that fired, from the log.
fn fired(log: &str, id: &str) -> Vec<i64> {
    let task = format!("task=\"{id}\"");
    let lines = log.lines().filter(|line| line.contains(" fires ") && line.contains(&task));
    let time = |line: &str| line.split("at=").nth(1)?.split(' ').next()?.parse().ok();
    lines.map(|line| time(line).expect("a time")).collect()
}

#[track_caller]
fn await_fired(director: &Director, id: &str, times: usize) -> Vec<i64> {
    eventually(&format!("{id} fires {times} times"), || {
        let fired = fired(&director.log(), id);
        if fired.len() >= times { Ok(fired) } else { Err(fired) }
    })
}

#[test]
fn occurrences_lie_on_the_grid_and_do_not_drift() {
    let scripts = Scripts::start();
    let director = Director::embedded();
    let mut task = every("a", &scripts.put("a.js", QUICK), 250);
    task["init"] = json!(7);
    director.create(&task);
    let times = await_fired(&director, "a", 12);
    // A machine that is busy for longer than the interval misses one; the next is on the grid again.
    assert!(times.windows(2).all(|pair| pair[1] > pair[0] && (pair[1] - pair[0]) % 250 == 0), "{times:?}");
    assert!(times.iter().all(|time| (time - 7) % 250 == 0), "{times:?}");
    assert!(scripts.fetched("a.js") >= 11);
}

#[test]
fn the_first_is_at_init_and_a_text_is_a_number() {
    let scripts = Scripts::start();
    let director = Director::embedded();
    let init = now() + 1500;
    let mut task = every("a", &scripts.put("a.js", QUICK), 0);
    task["interval"] = json!("400");
    task["init"] = json!(init);
    director.create(&task);
    assert_eq!(await_fired(&director, "a", 3)[..3], [init, init + 400, init + 800]);
}

#[test]
fn what_is_stopped_deleted_or_replaced_does_not_run_any_more() {
    let scripts = Scripts::start();
    let director = Director::embedded();
    director.create(&every("clock", &scripts.put("clock.js", QUICK), 50));
    for (name, method, path, body) in [
        ("stopped", "POST", "/stopped/status/stop", None),
        ("deleted", "DELETE", "/deleted", None),
        ("replaced", "PUT", "/replaced", Some(every("replaced", &scripts.put("new.js", QUICK), 50))),
        ("renamed", "PUT", "/renamed", Some(json!({ "id": "other", "running": false }))),
    ] {
        let file = format!("{name}.js");
        director.create(&every(name, &scripts.put(&file, QUICK), 50));
        scripts.await_fetched(&file, 3);
        let answer = director.call(method, path, body.as_ref());
        assert!(answer.status < 300, "{}", answer.text);
        // The one fetch that was on its way may still arrive.
        let before = scripts.fetched(&file);
        let clock = scripts.fetched("clock.js");
        scripts.await_fetched("clock.js", clock + 10);
        assert!(scripts.fetched(&file) <= before + 1, "{name}");
    }
    scripts.await_fetched("new.js", 2);
}

#[test]
fn what_is_stopped_while_its_script_is_fetched_does_not_run() {
    let scripts = Scripts::start();
    let director = Director::embedded();
    let script = scripts.put("late.js", "exports.main = () => console.log('it ran')");
    director.create(&every("a", &script, 1000));
    scripts.await_fetched("late.js", 1);
    director.call("POST", "/a/status/stop", None).expect(200);
    director.await_log("not run: it was stopped, deleted or changed");
    assert!(!director.log().contains("it ran"));
}

#[test]
fn an_edit_of_the_file_is_as_good_as_a_request() {
    let scripts = Scripts::start();
    let director = Director::embedded();
    let mut task = every("a", &scripts.put("a.js", QUICK), 50);
    director.write("tasks/a.json", &task.to_string());
    director.create(&every("clock", &scripts.put("clock.js", QUICK), 50));
    scripts.await_fetched("a.js", 3);
    task["running"] = json!(false);
    director.write("tasks/a.json", &task.to_string());
    // The edit is heard of within moments.
    scripts.await_fetched("clock.js", scripts.fetched("clock.js") + 3);
    let before = scripts.fetched("a.js");
    scripts.await_fetched("clock.js", scripts.fetched("clock.js") + 8);
    assert_eq!(scripts.fetched("a.js"), before);
}

#[test]
fn schedules_survive_a_restart_and_nothing_is_caught_up() {
    let scripts = Scripts::start();
    let mut director = Director::embedded();
    director.create(&every("a", &scripts.put("a.js", QUICK), 200));
    director.create(&every("minutely", &scripts.put("minutely.js", QUICK), 86_400_000));
    for orderly in [true, false] {
        await_fired(&director, "a", 3);
        if orderly {
            assert_eq!(director.stop(), 0);
        } else {
            director.kill();
        }
        let away = now();
        director.launch();
        let times = await_fired(&director, "a", 3);
        assert!(times[0] > away && times.windows(2).all(|pair| pair[1] - pair[0] == 200), "{times:?} after {away}");
        assert!(times.iter().all(|time| time % 200 == 0));
        assert!(!director.log().contains("missed"));
    }
    assert_eq!(scripts.fetched("minutely.js"), 0);
}

#[test]
fn a_task_is_removed_after_its_end_if_it_runs() {
    let scripts = Scripts::start();
    let director = Director::embedded();
    let script = scripts.put("a.js", QUICK);
    let end = now() + 1200;
    let ending = |id: &str, running: bool, end: Value| {
        let mut task = every(id, &script, 300);
        task["running"] = json!(running);
        task["end"] = end;
        task
    };
    director.create(&ending("running", true, json!(end)));
    director.create(&ending("stopped", false, json!(end)));
    director.create(&ending("invalid", true, json!("24/06/2022")));
    // As in JavaScript, null is 1970.
    director.create(&ending("null", true, json!(null)));
    let mut bare = json!({ "id": "bare", "running": true, "end": 5 });
    director.create(&bare);
    eventually("the ended ones are gone", || {
        let names = director.names();
        if names == ["invalid.json", "stopped.json"] { Ok(()) } else { Err(names) }
    });
    assert!(now() > end);
    assert!(fired(&director.log(), "running").iter().all(|time| *time < end));
    // What is ended is removed as soon as it is started.
    bare["running"] = json!(false);
    director.create(&bare);
    director.call("POST", "/bare/status/start", None).expect(200);
    eventually("it is gone", || if director.file("bare").exists() { Err("there") } else { Ok(()) });
}

#[test]
fn runs_of_a_task_overlap_only_when_asked() {
    let scripts = Scripts::start();
    let director = Director::embedded();
    let slow = scripts.put("slow.js", "exports.main = () => new Promise(done => setTimeout(() => done(1), 450))");
    director.create(&every("alone", &slow, 100));
    let mut many = every("many", &slow, 100);
    many["overlap"] = json!(true);
    director.create(&many);
    let many = await_fired(&director, "many", 12);
    let alone = fired(&director.log(), "alone");
    assert!(many.windows(2).all(|pair| pair[1] - pair[0] == 100), "{many:?}");
    assert!(alone.windows(2).all(|pair| pair[1] - pair[0] >= 450), "{alone:?}");
    assert!(director.metric("director_occurrences_total", "overlaps") >= 3.0);
    assert!(director.log().contains("the run before is still going on"));
}

#[test]
fn a_task_that_can_never_be_due_is_told_of_once() {
    let director = Director::embedded();
    for interval in [json!(0), json!(-5), json!("x"), json!(null)] {
        let mut task = every(&format!("i{interval}").replace('"', ""), "http://127.0.0.1:1/x.js", 1);
        task["interval"] = interval;
        director.create(&task);
    }
    director.create(&every("good", "http://127.0.0.1:1/x.js", 50));
    await_fired(&director, "good", 5);
    let log = director.log();
    assert_eq!(log.lines().filter(|line| line.contains("never be due")).count(), 4, "{log}");
    assert!(fired(&log, "i0").is_empty());
}

#[test]
fn a_script_that_fails_is_logged_and_runs_again() {
    let scripts = Scripts::start();
    let director = Director::start();
    director.create(&every("bad", &scripts.put("bad.js", "exports.main = () => { throw new Error('always') }"), 300));
    director.create(&every("gone", "http://127.0.0.1:1/x.js", 300));
    await_fired(&director, "bad", 3);
    await_fired(&director, "gone", 3);
    director.await_log("Error: always");
    director.await_log("the script cannot be fetched");
    director.get("").expect(200);
    director.await_log("a scheduled script failed");
}

#[test]
fn scripts_that_hang_do_not_keep_others_away() {
    let scripts = Scripts::start();
    let director = Director::with(&[("DIRECTOR_SCRIPT_TIMEOUT", "1"), ("DIRECTOR_SCRIPT_CONCURRENCY", "4")]);
    let hang = scripts.put("hang.js", "exports.main = () => { for (;;); }");
    for number in 0..3 {
        director.create(&every(&format!("hang{number}"), &hang, 500));
    }
    director.create(&every("good", &scripts.put("good.js", "exports.main = () => console.log('fine')"), 500));
    eventually("the good one runs", || {
        let log = director.log();
        let runs = log.lines().filter(|line| line.contains("fine")).count();
        if runs >= 4 { Ok(()) } else { Err(runs) }
    });
    director.await_log("did not end within 1 s");
}
