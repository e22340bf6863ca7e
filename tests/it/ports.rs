//! Ports: taken by a stranger, by what we left ourselves, chosen and remembered, moved together.

use std::net::{TcpListener, TcpStream};
use std::process::Command;

use crate::support::{Running, Stack, alive, eventually, free_port, kill, skip};

/// Listens on `PORT` and accepts what comes.
pub const LISTENER: &str = r#"
import os, socket
s = socket.socket(socket.AF_INET6 if ':' in os.environ.get('HOST', '') else socket.AF_INET)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind((os.environ.get('HOST', '127.0.0.1'), int(os.environ['PORT'])))
s.listen(16)
while True:
    s.accept()[0].close()
"#;

/// Python, which plays the servers of these tests. `None` is said.
pub fn python() -> Option<String> {
    // A version manager's shim needs its own environment, which services do not get.
    let found = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output();
    let found = found.ok().filter(|output| output.status.success());
    let path = found.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    // The services' account must be able to run it.
    let path = ["/usr/bin/python3".to_owned()].into_iter().chain(path).find(|path| std::path::Path::new(path).exists());
    if path.is_none() {
        skip("python3 is not on this machine");
    }
    path
}

fn listener(python: &str, name: &str, port: &str) -> String {
    format!(
        "[services.{name}]\ncommand = [{python:?}, \"listen.py\"]\nports = {{ main = {port} }}\nenv = {{ PORT = \"${{self.port}}\" }}\nhealth = {{ tcp = \"main\" }}\nrestart = {{ first = \"50ms\", cap = \"200ms\" }}\n"
    )
}

fn stack(services: &str) -> Stack {
    let stack = Stack::new(&format!("[stack]\nname = \"ports\"\n{services}"));
    stack.write("listen.py", LISTENER);
    stack
}

fn port_of(stack: &Stack, name: &str) -> u16 {
    let address = stack.service(name)["ports"]["main"].as_str().expect("an address").to_owned();
    address.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port")
}

#[test]
fn a_port_that_our_own_leftover_holds_is_cleared_and_used_again() {
    // Case 74.
    let Some(python) = python() else { return };
    let port = free_port();
    let stack = stack(&listener(&python, "web", &port.to_string()));
    stack.up();
    let old = stack.pid("web");
    stack.kill_daemon();
    assert!(TcpStream::connect(("127.0.0.1", port)).is_ok(), "the leftover still listens");
    stack.up();
    assert!(!alive(old));
    assert_eq!(stack.service("web")["phase"], "ready");
    TcpStream::connect(("127.0.0.1", port)).expect("the new one listens");
}

#[test]
fn automatic_ports_are_the_same_after_a_restart_unless_they_were_taken_meanwhile() {
    let Some(python) = python() else { return };
    let stack = stack(&(listener(&python, "a", "\"auto\"") + &listener(&python, "b", "\"auto\"")));
    stack.up();
    let (a, b) = (port_of(&stack, "a"), port_of(&stack, "b"));
    assert_ne!(a, b);
    stack.reeve(&["down"]).expect(0);
    stack.up();
    assert_eq!((port_of(&stack, "a"), port_of(&stack, "b")), (a, b));
    stack.reeve(&["down"]).expect(0);
    let _taken = TcpListener::bind(("127.0.0.1", a)).expect("the port is free now");
    stack.up();
    assert_ne!(port_of(&stack, "a"), a);
    assert_eq!(port_of(&stack, "b"), b);
}

#[test]
fn two_stacks_of_one_file_live_side_by_side_with_a_port_offset() {
    // Case 74.
    let Some(python) = python() else { return };
    // Two free ports of a known distance.
    let (port, offset) = eventually("two ports", || {
        let (one, two) = (free_port(), free_port());
        if two > one { Ok((one, two - one)) } else { Err((one, two)) }
    });
    let services = listener(&python, "web", &port.to_string());
    let (first, second) = (stack(&services), stack(&services));
    first.up();
    let refused = second.reeve(&["up", "-d"]).expect(9);
    assert!(refused.stderr.contains(&first.pid("web").to_string()), "the holder in {}", refused.stderr);
    assert!(refused.stderr.contains("--port-offset"), "what to do in {}", refused.stderr);
    second.reeve(&["up", "-d", "--port-offset", &offset.to_string()]).expect(0);
    for port in [port, port + offset] {
        TcpStream::connect(("127.0.0.1", port)).expect("both listen");
    }
    second.reeve(&["down"]).expect(0);
    TcpStream::connect(("127.0.0.1", port)).expect("the first is untouched");
}

#[test]
fn a_service_whose_port_was_taken_while_it_was_down_waits_for_it_and_says_who_has_it() {
    // Case 74.
    let Some(python) = python() else { return };
    let port = free_port();
    let stack = stack(&listener(&python, "web", &port.to_string()));
    stack.up();
    stack.reeve(&["stop", "web"]).expect(0);
    stack.write("stranger.py", LISTENER);
    let mut stranger = Command::new(&python);
    stranger.arg("stranger.py").current_dir(stack.path()).env("PORT", port.to_string());
    let mut stranger = Running::start(stranger);
    eventually("the stranger listens", || TcpStream::connect(("127.0.0.1", port)));
    stack.reeve(&["start", "web"]);
    eventually("it says who has the port", || {
        let why = stack.reeve(&["why", "web"]).expect(0).stdout;
        let names = why.contains(&port.to_string()) && why.contains(&stranger.pid().to_string());
        if names { Ok(()) } else { Err(why) }
    });
    assert_eq!(stack.service("web")["pid"], serde_json::Value::Null, "no process is started against a taken port");
    kill(stranger.pid(), 9);
    stranger.end();
    stack.await_phase("web", "ready");
}
