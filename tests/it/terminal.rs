//! A foreground `up` and whoever looks at it.

use std::process::Stdio;

use crate::support::{Running, Stack, alive, eventually, kill};

/// More than any pipe holds.
const FLOOD: u64 = 2 << 20;

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
    let mut command = stack.command(&["up"]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut up = Running::start(command);
    let unread = up.0.stdout.take().expect("stdout");
    let written = || std::fs::metadata(stack.data().join("logs/loud/current")).map_or(0, |log| log.len());
    eventually("a full pipe", || match written() {
        now if now > FLOOD => Ok(()),
        now => Err(now),
    });
    let service = stack.pid("loud");
    kill(up.pid(), 2);
    assert_eq!(up.end(), 130);
    assert!(!alive(service));
    drop(unread);
}
