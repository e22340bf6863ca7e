//! Signals to reeve itself, and a reader of its output that does not read.

use std::process::{Child, Stdio};

use crate::support::{Stack, alive, eventually, kill};

const SLEEPER: &str =
    "[stack]\nname = \"one\"\n[services.one]\ncommand = [\"sleep\", \"1000\"]\nhealth = { delay = \"0s\" }\n";

/// More than any pipe holds.
const FLOOD: u64 = 2 << 20;

fn foreground(stack: &Stack, stdout: Stdio) -> Child {
    let mut up = stack.command(&["up"]);
    up.stdout(stdout).stderr(Stdio::null());
    #[expect(clippy::disallowed_methods, reason = "the tests start reeve itself")]
    let child = up.spawn().expect("reeve");
    eventually("ready", || {
        let ps = stack.reeve(&["ps", "--json"]);
        if ps.code == 0 && ps.json()["services"][0]["phase"] == "ready" { Ok(()) } else { Err(ps) }
    });
    child
}

#[test]
fn an_interrupt_is_honoured_while_nobody_reads_the_output() {
    // Case 9.
    let stack = Stack::new(
        r#"
[stack]
name = "loud"
[services.loud]
command = ["sh", "-c", "while :; do echo a line of those that fill the pipe; done"]
health = { delay = "0s" }
"#,
    );
    let mut child = foreground(&stack, Stdio::piped());
    let unread = child.stdout.take().expect("stdout");
    let written = || std::fs::metadata(stack.data().join("logs/loud/current")).map_or(0, |log| log.len());
    let before = written();
    eventually("a full pipe", || match written() {
        now if now > before + FLOOD => Ok(()),
        now => Err(now),
    });
    let service = stack.pid("loud");
    kill(child.id() as i32, 2);
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    assert!(!alive(service));
    drop(unread);
}

#[test]
fn a_hangup_does_not_end_the_daemon() {
    // Case 10.
    let stack = Stack::new(SLEEPER);
    stack.up();
    let (daemon, service) = (stack.daemon().expect("a daemon"), stack.pid("one"));
    kill(daemon, 1);
    eventually("it is told in the log", || {
        let log = stack.read(".reeve/logs/reeve.log");
        if log.contains("reload") { Ok(()) } else { Err(log) }
    });
    assert!(alive(daemon));
    assert_eq!(stack.pid("one"), service);
}

#[test]
fn a_hangup_ends_a_foreground_up_in_order() {
    // Case 10: its terminal has gone.
    let stack = Stack::new(SLEEPER);
    let mut child = foreground(&stack, Stdio::null());
    let service = stack.pid("one");
    kill(child.id() as i32, 1);
    child.wait().expect("an end");
    assert!(!alive(service));
    stack.reeve(&["ps"]).expect(3);
}
