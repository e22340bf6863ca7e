//! Restart and back-off with real processes.

use std::time::Duration;

use serde_json::Value;

use crate::support::{Stack, eventually, kill};

fn wall(event: &Value) -> jiff::Timestamp {
    event["time"].as_str().and_then(|time| time.parse().ok()).unwrap_or_else(|| panic!("a time in {event}"))
}

/// A service that notes each of its starts in `out/NAME.starts` and then does `then`.
fn noting(out: &std::path::Path, name: &str, then: &str, more: &str) -> String {
    format!(
        "[services.{name}]\ncommand = [\"sh\", \"-c\", '''echo x >> {out}/{name}.starts; {then}''']\n{more}\n",
        out = out.display()
    )
}

fn starts(stack: &Stack, name: &str) -> usize {
    stack.read(&format!("out/{name}.starts")).lines().count()
}

#[test]
fn the_gaps_between_restarts_grow_as_documented() {
    // Case 19.
    let stack = Stack::new("");
    let out = stack.shared("out");
    let policy = r#"restart = { first = "100ms", factor = 2, cap = "800ms", jitter = 0, crash_loop = { failures = 4, window = "60s" } }"#;
    stack.write("services.toml", &format!("[stack]\nname = \"gaps\"\n{}", noting(&out, "crash", "exit 1", policy)));
    stack.reeve(&["up", "-d", "--timeout", "1s"]);
    let events = eventually("six lives", || {
        let events = stack.events("crash");
        let lives = events.iter().filter(|event| event["phase"] == "starting").count();
        if lives >= 6 { Ok(events) } else { Err(lives) }
    });
    let ends: Vec<_> = events.iter().filter(|event| event["phase"] == "backoff").map(wall).collect();
    let starts: Vec<_> = events.iter().filter(|event| event["phase"] == "starting").map(wall).collect();
    for (at, expected) in [100, 200, 400, 800, 800].into_iter().enumerate() {
        let gap = Duration::try_from(starts[at + 1].duration_since(ends[at])).expect("forward");
        let expected = Duration::from_millis(expected);
        // A busy machine may be late, never early.
        assert!(gap + Duration::from_millis(5) >= expected, "gap {at} is {gap:?}, not {expected:?}");
        assert!(gap < expected + Duration::from_millis(700), "gap {at} is {gap:?}, not {expected:?}");
    }
    assert!(events.iter().any(|event| event["kind"] == "crash-loop"), "{events:?}");
    assert_eq!(stack.service("crash")["crash_loop"], true);
}

#[test]
fn a_stop_during_the_backoff_is_final() {
    // Case 22.
    let stack = Stack::new("");
    let out = stack.shared("out");
    let services = noting(&out, "crash", "exit 1", "restart = { first = \"1s\", jitter = 0 }")
        + "[services.clock]\ncommand = [\"sleep\", \"1000\"]\nhealth = { delay = \"2s\" }\nautostart = false\n";
    stack.write("services.toml", &format!("[stack]\nname = \"final\"\n{services}"));
    stack.reeve(&["up", "-d", "--timeout", "100ms"]);
    stack.await_phase("crash", "backoff");
    stack.reeve(&["stop", "crash"]).expect(0);
    let before = starts(&stack, "crash");
    // Twice the back-off passes on the daemon's own clock.
    stack.reeve(&["start", "clock"]).expect(0);
    stack.await_phase("clock", "ready");
    assert_eq!(stack.service("crash")["phase"], "stopped");
    assert_eq!(starts(&stack, "crash"), before, "a later surprise");
}

#[test]
fn a_start_by_hand_after_the_limit_works_and_clears_the_counter() {
    // Case 20.
    let stack = Stack::new("");
    let out = stack.shared("out");
    let then = format!("[ -e {}/good ] && exec sleep 1000; exit 1", out.display());
    let policy = "restart = { first = \"10ms\", jitter = 0, max_restarts = 2 }\nhealth = { delay = \"50ms\" }";
    stack.write("services.toml", &format!("[stack]\nname = \"limit\"\n{}", noting(&out, "crash", &then, policy)));
    let up = stack.reeve(&["up", "-d"]).expect(1);
    assert!(up.stderr.contains("crash") && up.stderr.contains("exit code 1"), "{}", up.stderr);
    stack.await_phase("crash", "failed");
    assert_eq!(starts(&stack, "crash"), 3, "the first and two restarts");
    stack.write("out/good", "");
    stack.reeve(&["start", "crash"]).expect(0);
    stack.await_phase("crash", "ready");
    for life in 5..=6 {
        // As many restarts are allowed as at first.
        kill(stack.pid("crash"), 9);
        eventually("another life", || {
            let (service, starts) = (stack.service("crash"), starts(&stack, "crash"));
            if service["phase"] == "ready" && starts == life { Ok(()) } else { Err(service) }
        });
    }
}

#[test]
fn exit_codes_are_judged_by_the_policy() {
    // Cases 17 and 18.
    let stack = Stack::new("");
    let out = stack.shared("out");
    let fast = "first = \"10ms\", cap = \"50ms\", jitter = 0";
    let services = [
        noting(&out, "zero", "exit 0", &format!("restart = {{ policy = \"on-failure\", {fast} }}")),
        noting(
            &out,
            "listed",
            "exit 42",
            &format!("restart = {{ policy = \"on-failure\", success_exit_codes = [42], {fast} }}"),
        ),
        noting(
            &out,
            "unlisted",
            "exit 43",
            &format!("restart = {{ policy = \"on-failure\", success_exit_codes = [42], {fast} }}"),
        ),
        noting(&out, "again", "exit 0", &format!("restart = {{ policy = \"unless-stopped\", {fast} }}")),
        noting(&out, "never", "exit 1", &format!("required = false\nrestart = {{ policy = \"no\", {fast} }}")),
    ];
    stack.write("services.toml", &format!("[stack]\nname = \"codes\"\n{}", services.concat()));
    stack.reeve(&["up", "-d", "--timeout", "1s"]);
    for name in ["unlisted", "again"] {
        eventually("three lives", || if starts(&stack, name) >= 3 { Ok(()) } else { Err(stack.service(name)) });
    }
    stack.await_phase("zero", "completed");
    stack.await_phase("listed", "completed");
    let never = stack.await_phase("never", "failed");
    assert_eq!(never["last_exit"]["code"].as_i64().or_else(|| never["last_exit"].as_i64()), Some(1), "{never}");
    for name in ["zero", "listed", "never"] {
        assert_eq!(starts(&stack, name), 1, "{name}");
    }
}

#[test]
fn two_restarts_at_the_same_time_make_one_replacement_and_both_are_answered() {
    // Case 24.
    let stack = Stack::new("");
    let out = stack.shared("out");
    // It ends only when told so, after both wishes have arrived.
    let then = format!(
        "trap \"while [ ! -e {0}/go ]; do sleep 0.02; done; exit 0\" TERM; touch {0}/up; while :; do sleep 0.02; done",
        out.display()
    );
    let more = format!("health = {{ file = \"{}/up\" }}\nstop = {{ grace = \"50s\" }}", out.display());
    stack.write("services.toml", &format!("[stack]\nname = \"twice\"\n{}", noting(&out, "slow", &then, &more)));
    stack.up();
    let mut clients = [stack.spawn(&["restart", "slow"]), stack.spawn(&["restart", "slow"])];
    for client in &clients {
        client.has_asked(&stack);
    }
    stack.await_phase("slow", "stopping");
    stack.write("out/go", "");
    for client in &mut clients {
        assert_eq!(client.end(), 0);
    }
    stack.await_phase("slow", "ready");
    assert_eq!(starts(&stack, "slow"), 2);
}

#[test]
fn a_restart_while_waiting_for_a_dependency_is_exactly_one_start() {
    // Case 23.
    let stack = Stack::new("");
    let out = stack.shared("out");
    let services =
        noting(&out, "base", "exec sleep 1000", &format!("health = {{ file = \"{}/open\" }}", out.display()))
            + &noting(&out, "app", "exec sleep 1000", "depends_on = { base = \"ready\" }\nhealth = { delay = \"0s\" }");
    stack.write("services.toml", &format!("[stack]\nname = \"pending\"\n{services}"));
    stack.reeve(&["up", "-d", "--timeout", "100ms"]).expect(6);
    stack.await_phase("app", "waiting");
    let mut restart = stack.spawn(&["restart", "app"]);
    restart.has_asked(&stack);
    assert_eq!(stack.service("app")["phase"], "waiting");
    stack.write("out/open", "");
    assert_eq!(restart.end(), 0);
    stack.await_phase("app", "ready");
    assert_eq!((starts(&stack, "base"), starts(&stack, "app")), (1, 1));
}

#[test]
fn a_stop_while_a_restart_is_stopping_cancels_the_restart() {
    // Case 26.
    let stack = Stack::new("");
    let out = stack.shared("out");
    let then = format!(
        "trap \"while [ ! -e {0}/go ]; do sleep 0.02; done; exit 0\" TERM; touch {0}/up; while :; do sleep 0.02; done",
        out.display()
    );
    let more = format!("health = {{ file = \"{}/up\" }}\nstop = {{ grace = \"50s\" }}", out.display());
    stack.write("services.toml", &format!("[stack]\nname = \"cancel\"\n{}", noting(&out, "slow", &then, &more)));
    stack.up();
    let mut restart = stack.spawn(&["restart", "slow"]);
    stack.await_phase("slow", "stopping");
    let mut stop = stack.spawn(&["stop", "slow"]);
    eventually("the stop is there", || {
        let service = stack.service("slow");
        if service["desired"] == "stopped-by-hand" { Ok(()) } else { Err(service) }
    });
    stack.write("out/go", "");
    assert_eq!(stop.end(), 0);
    restart.end();
    assert_eq!(stack.service("slow")["phase"], "stopped");
    assert_eq!(starts(&stack, "slow"), 1);
}
