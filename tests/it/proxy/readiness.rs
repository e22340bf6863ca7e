//! What reeve says of services is believed at once: who is stopped gets no request, and the answer tells since when.

use super::harness::{Answer, Client, Proxy, one};
use super::upstream::Upstream;
use crate::support::{Stack, eventually, free_port};

/// Two proxies under reeve: `edge` in front, and behind it `api`, which serves a file.
fn stack(port: u16) -> Stack {
    let stack = Stack::new(&format!(
        r#"
[stack]
name = "readiness"

[services.api]
command = ["${{reeve}}", "serve", "proxy"]
ports = {{ http = "auto", metrics = "auto" }}
health = {{ http = "http://127.0.0.1:${{self.port.metrics}}/health/ready" }}
files = [{{ path = "${{self.run_dir}}/proxy.toml", content = "[[routes]]\npath = \"/\"\nfiles = \"${{stack.dir}}/web\"" }}]

[services.api.env]
PORT = "${{self.port.http}}"
PROXY_CONFIG = "${{self.run_dir}}/proxy.toml"
PROXY_METRICS = "127.0.0.1:${{self.port.metrics}}"

[services.ghost]
command = ["/bin/sh", "-c", "exit 3"]
ports = {{ http = "auto" }}
restart = "no"
required = false

[services.edge]
command = ["${{reeve}}", "serve", "proxy"]
control = "read"
ports = {{ http = {{ port = {port}, socket = true }}, metrics = "auto" }}
depends_on = {{ api = {{ condition = "ready", required = false }} }}
health = {{ http = "http://127.0.0.1:${{self.port.metrics}}/health/ready" }}

[services.edge.env]
PROXY_CONFIG = "${{self.run_dir}}/proxy.toml"
PROXY_METRICS = "127.0.0.1:${{self.port.metrics}}"

[[services.edge.files]]
path = "${{self.run_dir}}/proxy.toml"
content = '''
[[routes]]
path = "/"
service = "api"

[[routes]]
path = "/ghost"
service = "ghost"

[services.api]
addresses = ["127.0.0.1:${{service.api.port}}"]

[services.ghost]
addresses = ["127.0.0.1:${{service.ghost.port}}"]
'''
"#
    ));
    std::fs::create_dir(stack.path().join("web")).expect("a directory");
    stack.write("web/file.txt", "the file");
    stack.reeve(&["up", "-d"]);
    stack.await_phase("edge", "ready");
    stack
}

fn get(port: u16, path: &str, fields: &str) -> Answer {
    let mut client = Client::to(&format!("127.0.0.1:{port}"));
    client.send(format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{fields}\r\n"));
    client.answer()
}

fn log_of(stack: &Stack) -> String {
    stack.reeve(&["logs", "edge"]).stdout
}

#[test]
fn who_is_stopped_is_asked_nothing_and_the_answer_says_since_when() {
    let port = free_port();
    let stack = stack(port);
    eventually("reeve is heard", || {
        let log = log_of(&stack);
        if log.contains("hears from reeve") { Ok(()) } else { Err(log) }
    });
    assert_eq!(get(port, "/file.txt", "").expect(200).text(), "the file");
    stack.reeve(&["stop", "api"]).expect(0);
    // Told, and not found out: the first request already gets this answer.
    get(port, "/file.txt", "").expect(503);
    let answer = eventually("the last word is heard", || {
        let answer = get(port, "/file.txt", "").expect(503);
        if answer.json()["phase"] == "stopped" { Ok(answer) } else { Err(answer.text()) }
    });
    let json = answer.json();
    assert_eq!((json["service"].as_str(), json["message"].as_str()), (Some("api"), Some("api is stopped")));
    assert!(json["since"].as_str().is_some_and(|since| since.ends_with('Z')), "{json}");
    assert_eq!(answer.header("retry-after"), Some("30"));
    let page = get(port, "/file.txt", "accept: text/html\r\n").expect(503).text();
    assert!(page.contains("<p>api is stopped.</p><p>Since <time>"), "{page}");
    assert!(!log_of(&stack).contains("cannot connect"), "{}", log_of(&stack));
    stack.reeve(&["start", "api"]).expect(0);
    stack.await_phase("api", "ready");
    eventually("it is let in", || {
        let answer = get(port, "/file.txt", "");
        if answer.status == 200 { Ok(()) } else { Err(answer.text()) }
    });
    stack.reeve(&["down"]).expect(0);
}

#[test]
fn what_the_stack_can_do_without_says_why_it_is_missing() {
    let port = free_port();
    let stack = stack(port);
    stack.await_phase("ghost", "failed");
    let json = eventually("the reason is told", || {
        let json = get(port, "/ghost", "").expect(503).json();
        if json["phase"] == "failed" && json["message"] != "ghost has failed" { Ok(json) } else { Err(json) }
    });
    let message = json["message"].as_str().expect("a message");
    assert!(message.starts_with("ghost is not available: ") && message.contains("exit code 3"), "{message}");
    stack.reeve(&["down"]).expect(0);
}

#[test]
fn without_reeve_it_goes_by_what_it_sees() {
    let port = free_port();
    let stack = stack(port);
    get(port, "/file.txt", "").expect(200);
    stack.kill_daemon();
    // The services live on for a while, and so does the way to them.
    get(port, "/file.txt", "").expect(200);
    stack.reeve(&["up", "-d"]);
    stack.await_phase("edge", "ready");
    eventually("the next reeve is heard", || {
        let log = log_of(&stack);
        if log.matches("hears from reeve").count() >= 2 { Ok(()) } else { Err(log) }
    });
    stack.reeve(&["down"]).expect(0);
}

#[test]
fn a_socket_that_is_not_there_changes_nothing() {
    let upstream = Upstream::echo();
    let proxy = Proxy::with(&one(&[upstream.address], ""), &[("REEVE_CONTROL", "nowhere.sock")]);
    proxy.get("/").expect(200);
}
