//! What is left after `kill -9` of reeve itself, and what the next `up` makes of it.

use crate::support::{Stack, alive, eventually, kill};

const PAIR: &str = r#"
[stack]
name = "pair"
[services.one]
command = ["sleep", "1000"]
health = { delay = "0s" }
[services.two]
command = ["sleep", "1000"]
health = { delay = "0s" }
"#;

#[test]
fn after_a_kill_of_reeve_nothing_is_doubled_and_a_stopped_service_stays_stopped() {
    // Cases 64 and 65.
    let stack = Stack::new(PAIR);
    stack.up();
    stack.reeve(&["stop", "two"]).expect(0);
    let one = stack.pid("one");
    stack.kill_daemon();
    stack.reeve(&["ps"]).expect(3);
    stack.up();
    assert!(!alive(one), "the old process was cleared");
    let fresh = stack.pid("one");
    assert!(alive(fresh));
    assert_eq!(stack.processes(), vec![fresh]);
    assert_eq!(stack.service("two")["phase"], "stopped");
    assert_eq!(stack.service("two")["desired"], "stopped-by-hand");
}

#[test]
fn down_clears_what_a_killed_reeve_left_and_says_so() {
    // Case 64.
    let stack = Stack::new(PAIR);
    stack.up();
    let pids = [stack.pid("one"), stack.pid("two")];
    stack.kill_daemon();
    let done = stack.reeve(&["down"]).expect(0);
    assert!(done.stderr.contains("one, two"), "{done:?}");
    assert!(!pids.iter().any(|pid| alive(*pid)));
    assert_eq!(stack.processes(), Vec::<i32>::new());
    let again = stack.reeve(&["down"]).expect(0);
    assert!(again.stderr.contains("nothing runs"), "{again:?}");
}

#[test]
fn a_stranger_with_a_pid_of_ours_is_left_alone() {
    let stack = Stack::new(PAIR);
    stack.up();
    stack.kill_daemon();
    let stranger = {
        #[expect(clippy::disallowed_methods, reason = "a process that is not reeve's")]
        std::process::Command::new("sleep").arg("1000").spawn()
    };
    let mut stranger = stranger.expect("a stranger");
    let leases = stack.read(".reeve/run/leases");
    let forged: String = leases
        .lines()
        .map(|line| {
            let mut lease: serde_json::Value = serde_json::from_str(line).expect("a lease");
            if lease.get("pid").is_some() {
                // The leftover is ended by hand; its lease now names the stranger, but not its start time.
                let pid = lease["pid"].as_i64().expect("a pid") as i32;
                kill(pid, 9);
                lease["pid"] = stranger.id().into();
            }
            format!("{lease}\n")
        })
        .collect();
    stack.write(".reeve/run/leases", &forged);
    stack.up();
    assert!(alive(stranger.id() as i32));
    stranger.kill().expect("kill");
    stranger.wait().expect("wait");
}

#[test]
fn a_second_up_on_the_same_data_directory_is_refused_or_joins() {
    // Case 63.
    let stack = Stack::new(PAIR);
    stack.up();
    let pid = stack.pid("one");
    let second = stack.reeve(&["up"]).expect(9);
    assert!(second.stderr.contains("already"), "{second:?}");
    stack.reeve(&["up", "-d"]).expect(0);
    assert_eq!(stack.pid("one"), pid);
}

#[test]
fn two_starts_at_the_same_instant_leave_exactly_one() {
    // Case 63.
    let stack = Stack::new(PAIR);
    let starts: Vec<_> = (0..2)
        .map(|_| {
            let mut up = stack.command(&["up"]);
            up.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
            #[expect(clippy::disallowed_methods, reason = "the tests start reeve itself")]
            up.spawn().expect("reeve")
        })
        .collect();
    stack_ready(&stack);
    let mut starts = starts;
    let codes: Vec<i32> = eventually("one of them is gone", || {
        let ended: Vec<i32> = starts.iter_mut().filter_map(|child| child.try_wait().expect("wait")?.code()).collect();
        if ended.len() == 1 { Ok(ended) } else { Err(ended) }
    });
    assert_eq!(codes, vec![9]);
    stack.reeve(&["down"]).expect(0);
    for mut child in starts {
        child.wait().expect("an end");
    }
}

fn stack_ready(stack: &Stack) {
    eventually("ready", || {
        let ps = stack.reeve(&["ps", "--json"]);
        if ps.code == 0 && ps.json()["services"][0]["phase"] == "ready" { Ok(()) } else { Err(ps) }
    });
}

#[test]
fn a_broken_state_file_is_told_and_its_copy_is_used() {
    // Case 66.
    for broken in ["", "{\"schema_version\": 1, \"stopped_by", "{\"schema_version\": 999}"] {
        let stack = Stack::new(PAIR);
        stack.up();
        stack.reeve(&["stop", "two"]).expect(0);
        stack.reeve(&["stop", "one"]).expect(0);
        stack.reeve(&["start", "one"]).expect(0);
        stack.reeve(&["down"]).expect(0);
        stack.write(".reeve/state.json", broken);
        stack.up();
        assert_eq!(stack.service("two")["phase"], "stopped", "after {broken:?}");
        let log = stack.read(".reeve/logs/reeve.log");
        assert!(log.contains("state.json"), "{log}");
    }
}

#[test]
fn a_wiped_run_directory_does_not_hide_what_still_runs() {
    let stack = Stack::new(PAIR);
    stack.up();
    let old = stack.pid("one");
    stack.kill_daemon();
    std::fs::remove_file(stack.data().join("run/leases")).expect("leases");
    stack.up();
    assert!(!alive(old), "found by its cgroup or its marker");
}
