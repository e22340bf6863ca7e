//! Scripts that hang, flood, fork, crash or eat memory: each gets its end, nothing of it is left, others do not notice.

use std::time::{Duration, Instant};

use serde_json::json;

use super::harness::{Answer, Director, answer, named};
use crate::support::eventually;

/// Runs a script beside a good one; the good one must not notice.
#[track_caller]
fn beside_a_good_one(director: &Director, script: &str) -> Answer {
    let test = |script: &str| {
        let body = json!({ "scriptText": script, "scriptConfig": 1 });
        answer(director.request("POST", "/api/v1/tasks/test").json(&body))
    };
    let (bad, good) = director.block_on(async { tokio::join!(test(script), test("exports.main = () => 'good'")) });
    assert_eq!(good.expect(200).text, "\"good\"");
    bad
}

#[track_caller]
fn fails(director: &Director, script: &str, told: &str) {
    let body = beside_a_good_one(director, script).expect(500).json();
    assert!(body["message"].as_str().expect("a message").contains(told), "{script}: {body}");
}

#[test]
fn a_script_that_hangs_is_ended() {
    let director = Director::with(&[("DIRECTOR_SCRIPT_TIMEOUT", "2")]);
    for script in [
        "exports.main = () => { for (;;); }",
        "for (;;);",
        "exports.main = () => new Promise(done => setTimeout(done, 1e6))",
        "process.on('SIGTERM', () => {}); exports.main = () => new Promise(() => setInterval(() => {}, 1000))",
    ] {
        let began = Instant::now();
        fails(&director, script, "did not end within 2 s");
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
    director.await_no_scripts();
}

#[test]
fn a_script_that_waits_for_nothing_ends_by_itself() {
    let director = Director::start();
    fails(&director, "exports.main = () => new Promise(() => {})", "ended before its main function");
    director.await_no_scripts();
}

#[test]
fn a_script_that_floods_is_ended() {
    let director = Director::with(&[("DIRECTOR_SCRIPT_OUTPUT", "100000"), ("DIRECTOR_SCRIPT_RESULT", "1000")]);
    fails(&director, "exports.main = () => { for (;;) console.log('x'.repeat(1000)) }", "wrote more than");
    fails(&director, "exports.main = () => { for (;;) process.stderr.write('x'.repeat(1e6)) }", "wrote more than");
    fails(&director, "exports.main = () => 'x'.repeat(2000)", "result is larger");
    fails(&director, "require('fs').writeSync(3, 'R7fffffff' + 'x'.repeat(1e6))", "result is larger");
    fails(&director, "require('fs').writeSync(3, 'nonsense of some length'); for (;;);", "without a result");
    assert!(director.log().len() < 600_000, "{}", director.log().len());
    director.await_no_scripts();
}

#[test]
fn a_script_that_crashes_is_told_of() {
    let director = Director::start();
    for (script, told) in [
        ("process.abort()", "abort"),
        ("process.exit(0)", "ended before its main function"),
        ("exports.main = () => process.exit(7)", "ended before its main function"),
        ("process.kill(process.pid, 'SIGKILL')", "killed"),
        ("process.kill(process.pid, 'SIGSEGV')", "signal 11"),
        (
            "setTimeout(() => { throw new Error('later') }, 1); exports.main = () => new Promise(() => {})",
            "ended before",
        ),
        ("require('fs').closeSync(3); exports.main = () => 1", "without a result"),
    ] {
        fails(&director, script, told);
    }
    director.await_no_scripts();
}

#[test]
fn a_script_that_eats_memory_is_ended() {
    let director = Director::with(&[("DIRECTOR_SCRIPT_MEMORY", "192"), ("DIRECTOR_SCRIPT_TIMEOUT", "60")]);
    fails(&director, "const a = []; exports.main = () => { for (;;) a.push(Buffer.alloc(1 << 20, 1)) }", "");
    fails(&director, "const a = []; exports.main = () => { for (;;) a.push({ a: 'x' + a.length }) }", "memory");
    director.await_no_scripts();
}

#[test]
fn whatever_a_script_starts_ends_with_it() {
    let director = Director::start();
    let mark = 100_000 + std::process::id();
    let spawn = "const { spawn } = require('child_process');
        const start = (...a) => spawn(a[0], a.slice(1), { detached: true, stdio: 'ignore' }).unref();";
    for (rest, code) in [
        (format!("start('sleep', '{mark}'); exports.main = () => 1"), 200),
        (format!("start('setsid', 'setsid', 'sleep', '{mark}'); exports.main = () => 1"), 200),
        (
            format!("start('sh', '-c', 'trap \"\" TERM; sleep {mark} & sleep {mark} & wait'); exports.main = () => 1"),
            200,
        ),
        (format!("start('sleep', '{mark}'); process.abort()"), 500),
        // It keeps the pipe of the result open.
        (format!("spawn('sleep', ['{mark}'], {{ stdio: 'inherit' }}); process.exit(1)"), 500),
    ] {
        beside_a_good_one(&director, &format!("{spawn}{rest}")).expect(code);
        eventually("nothing that it started is left", || {
            let left = named(&format!("sleep {mark}"));
            if left.is_empty() { Ok(()) } else { Err(left) }
        });
    }
    director.await_no_scripts();
    let zombies = crate::support::zombies(director.pid());
    eventually("no zombie is left", || {
        if crate::support::zombies(director.pid()).is_empty() { Ok(()) } else { Err(&zombies) }
    });
}

#[test]
fn what_a_script_leaves_unfinished_may_end() {
    let director = Director::start();
    let script = "exports.main = () => { setTimeout(() => require('fs').writeFileSync('later', 'x'), 300); return 1 }";
    assert_eq!(director.test(script, json!(1)).expect(200).text, "1");
    assert!(!director.path("later").exists());
    eventually("it is finished", || if director.path("later").exists() { Ok(()) } else { Err("not yet") });
    director.await_no_scripts();
}

#[test]
fn whoever_goes_away_ends_the_run() {
    let director = Director::with(&[("DIRECTOR_SCRIPT_CONCURRENCY", "1")]);
    for script in ["exports.main = () => { for (;;); }", "exports.main = () => new Promise(d => setTimeout(d, 1e6))"] {
        let body = json!({ "scriptText": script });
        director.block_on(async {
            let request = answer(director.request("POST", "/api/v1/tasks/test").json(&body));
            let seen = async {
                while director.scripts().is_empty() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            tokio::select! {
                answer = request => panic!("{answer:?}"),
                () = seen => {}
            }
            // The client closes its connection only while its runtime runs.
            let gone = async {
                while !director.scripts().is_empty() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            tokio::time::timeout(crate::support::PATIENCE, gone).await.expect("nothing of the script is left");
        });
        // The only place is free again.
        director.test("exports.main = () => 1", json!(1)).expect(200);
    }
}

#[test]
fn a_killed_director_s_scripts_are_ended_by_the_next() {
    let mut director = Director::start();
    let body = json!({ "scriptText": "exports.main = () => { for (;;); }" });
    let has_cgroups = director.log().contains("cgroup v2");
    director.block_on(async {
        let request = answer(director.request("POST", "/api/v1/tasks/test").json(&body));
        let seen = async {
            while director.scripts().is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            _ = request => {}
            () = seen => {}
        }
        // The connection is still open.
        crate::support::kill(director.pid(), 9);
    });
    director.process.take().expect("a process").end();
    if !has_cgroups {
        crate::support::skip("without cgroups nobody knows the scripts of a director that was killed");
        director.scripts().into_iter().for_each(|pid| crate::support::kill(pid, 9));
        return;
    }
    director.launch();
    director.await_no_scripts();
}
