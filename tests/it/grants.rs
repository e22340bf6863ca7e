//! Services that ask the control API: each gets what `services.toml` grants it, and nobody else anything.

use std::process::Command;

use serde_json::Value;

use crate::support::{Done, Stack, eventually};

/// A service that asks by this script once it runs, and leaves the answers in `out`.
fn asking(name: &str, grant: &str, script: &str) -> String {
    format!(
        r#"
[services.{name}]
command = ["sh", "-c", '''
ask() {{ curl -sS --max-time 20 --unix-socket "$SOCKET" "$@"; }}
tell() {{ cat > "$OUT/{name}.$1.part"; mv "$OUT/{name}.$1.part" "$OUT/{name}.$1"; }}
{script}
exec sleep 1000
''']
{grant}
env = {{ SOCKET = "${{stack.control}}", OUT = "${{stack.dir}}/out" }}
depends_on = ["plain"]
health = {{ delay = "0s" }}
"#
    )
}

fn stack(services: &[String]) -> Stack {
    let plain = r#"
[stack]
name = "grants"
[services.plain]
description = "says its password"
command = ["sh", "-c", 'echo "the word is $WORD"; exec sleep 1000']
env = { WORD = "${secret.word}" }
health = { log = "the word" }
"#;
    let stack = Stack::new(&(plain.to_owned() + &services.concat()));
    stack.shared("out");
    stack.up();
    stack
}

/// What the service was answered.
#[track_caller]
fn told(stack: &Stack, name: &str) -> String {
    eventually(name, || match stack.read(&format!("out/{name}")) {
        text if text.is_empty() => Err(stack.reeve(&["logs"]).stdout),
        text => Ok(text),
    })
}

#[track_caller]
fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

const STOP: &str = r#"ask -d '{"services":["plain"]}' http://reeve/v1/stop | tell stop"#;

#[test]
fn who_may_read_sees_the_stack_and_stops_nothing() {
    let script = format!(
        "{STOP}\nask http://reeve/v1/stack?usage=true | tell stack\nask http://reeve/v1/services/plain/logs?lines=5 | tell logs\n\
         echo \"$REEVE_CONTROL\" | tell socket"
    );
    let stack = stack(&[asking("reader", "control = \"read\"", &script)]);
    let pid = stack.pid("plain");
    assert_eq!(told(&stack, "reader.socket").trim(), stack.data().join("services.sock").to_string_lossy());

    let refused = json(&told(&stack, "reader.stop"));
    assert_eq!(refused["error"]["kind"], "forbidden");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("`control = \"manage\"` in [services.reader]"), "{message}");
    assert_eq!(stack.pid("plain"), pid);

    let seen = json(&told(&stack, "reader.stack"));
    assert_eq!(seen["caller"], "reader");
    let find = |name: &str| seen["services"].as_array().unwrap().iter().find(|it| it["name"] == name).unwrap().clone();
    assert_eq!(find("plain")["description"], "says its password");
    assert!(find("plain")["memory_bytes"].as_u64().unwrap() > 0);
    assert_eq!(find("reader")["control"], "read");
    assert_eq!(find("reader")["depends_on"][0]["service"], "plain");

    let logs = json(&told(&stack, "reader.logs"));
    let texts = logs["lines"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap());
    assert!(texts.clone().any(|text| text == "the word is [secret]"), "{:?}", texts.collect::<Vec<_>>());
}

#[test]
fn who_manages_restarts_a_service_and_the_history_tells_for_whom() {
    let script = r#"
ask -d '{"services":["plain"],"by":"anna\u0007"}' http://reeve/v1/restart | tell restart
ask -d '{"signal":"HUP"}' http://reeve/v1/services/plain/signal | tell signal
ask -X POST http://reeve/v1/shutdown | tell shutdown
ask -N --max-time 3 "http://reeve/v1/services/plain/logs?follow=true&lines=10" | tell follow
"#;
    let stack = stack(&[asking("manager", "control = \"manage\"", script)]);
    assert_eq!(json(&told(&stack, "manager.restart"))["outcome"], "done");
    for refused in ["signal", "shutdown"] {
        let refused = json(&told(&stack, &format!("manager.{refused}")));
        assert_eq!(refused["error"]["kind"], "forbidden", "{refused}");
    }
    let asked = stack.events("plain").into_iter().find(|event| event["kind"] == "asked").expect("a line of history");
    assert_eq!(asked["message"], "restart of plain was asked for by anna through manager");
    // Both lives of it, as lines of their own, without the password.
    let followed = told(&stack, "manager.follow");
    let lines = followed.lines().map(json).filter(|line| line["stream"] == "stdout").collect::<Vec<_>>();
    assert_eq!(lines.len(), 2, "{followed}");
    assert!(lines.iter().all(|line| line["text"] == "the word is [secret]"), "{followed}");
}

#[test]
fn who_was_granted_nothing_is_refused_and_so_is_everybody_else() {
    let script = "ask http://reeve/v1/stack | tell stack; echo \"x$REEVE_CONTROL\" | tell socket";
    let other = asking("other", "control = \"manage\"", "ask http://reeve/health | tell health");
    let stack = stack(&[asking("nobody", "", script), other]);
    assert_eq!(told(&stack, "nobody.socket").trim(), "x");
    let refused = json(&told(&stack, "nobody.stack"));
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("nobody was not granted"), "{message}");
    assert_ne!(told(&stack, "other.health"), "");
    // We are no service of the stack, whatever our account.
    let socket = stack.data().join("services.sock");
    let mut ask = Command::new("curl");
    ask.args(["-sS", "--unix-socket"]).arg(&socket).arg("http://reeve/v1/stack");
    let answer = Done::from(ask.output().expect("curl")).expect(0).stdout;
    assert!(answer.contains("belongs to no service of this stack"), "{answer}");
    stack.reeve(&["down"]).expect(0);
    assert!(!socket.exists());
}

#[test]
fn without_a_grant_there_is_no_such_socket() {
    let stack = stack(&[]);
    assert!(!stack.data().join("services.sock").exists());
    let refused = Stack::new("[services.x]\ncommand = [\"true\"]\ncontrol = \"all\"\n").reeve(&["config", "--check"]);
    assert_eq!(refused.code, 5);
    assert!(refused.stderr.contains("manage"), "{}", refused.stderr);
}
