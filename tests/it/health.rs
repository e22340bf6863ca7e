//! Health and readiness with real processes.

use std::net::TcpStream;

use crate::ports::python;
use crate::support::{Stack, eventually, free_port, skip, zombies};

/// A stack of one service `one` with a directory `out` that it may write to; `OUT` in the text stands for it.
fn one(text: &str) -> Stack {
    let stack = Stack::new("");
    let out = stack.shared("out");
    let text = text.replace("OUT", &out.to_string_lossy());
    stack.write("services.toml", &format!("[stack]\nname = \"health\"\n[services.one]\n{text}"));
    stack
}

fn count(stack: &Stack, name: &str) -> usize {
    stack.read(&format!("out/{name}")).lines().count()
}

#[test]
fn failures_between_successes_do_nothing_and_only_so_many_in_a_row_make_it_unready() {
    // Case 42.
    let stack = one(r#"
command = ["sleep", "1000"]
health = { exec = ["sh", "-c", '''
echo x >> OUT/n
case $(wc -l < OUT/n) in 2|3|5|6|8|9) echo short; exit 1;; 11|12|13) echo long; exit 1;; esac
'''], every = "50ms", failures = 3, recover_successes = 2 }
"#);
    stack.up();
    eventually(
        "it was unready",
        || if stack.times_in("one", "unready") > 0 { Ok(()) } else { Err(count(&stack, "n")) },
    );
    assert!(count(&stack, "n") >= 13, "three in a row come only at the 13th, this was {}", count(&stack, "n"));
    eventually("ready again", || if stack.times_in("one", "ready") == 2 { Ok(()) } else { Err(count(&stack, "n")) });
    assert!(count(&stack, "n") >= 15, "two successes were asked for");
    assert_eq!(stack.times_in("one", "unready"), 1);
    let service = stack.service("one");
    assert_eq!(service["restarts"], 0, "readiness restarts nothing");
}

#[test]
fn the_wanted_number_of_successes_counts_in_a_row() {
    // Case 43: the third fails, so the sixth is the third in a row.
    let stack = one(r#"
command = ["sleep", "1000"]
health = { exec = ["sh", "-c", "echo x >> OUT/n; [ $(wc -l < OUT/n) != 3 ]"], every = "100s", successes = 3 }
"#);
    stack.up();
    assert_eq!(count(&stack, "n"), 6);
}

#[test]
fn a_hanging_probe_is_killed_at_its_timeout_and_never_overlaps_the_next() {
    // Case 41.
    let stack = one(r#"
command = ["sleep", "1000"]
health = { exec = ["sh", "-c", '''
for p in $(cat OUT/pids 2> /dev/null); do [ -e /proc/$p ] && echo $p >> OUT/overlaps; done
echo $$$$ >> OUT/pids
[ $(wc -l < OUT/pids) = 1 ] && exit 0
sleep 1000
'''], every = "50ms", timeout = "200ms", failures = 3 }
"#);
    stack.up();
    let service = stack.await_phase("one", "unready");
    assert!(service["probe_failure"].as_str().is_some_and(|why| why.contains("killed after 0.2 s")), "{service}");
    eventually("eight probes", || if count(&stack, "pids") >= 8 { Ok(()) } else { Err(count(&stack, "pids")) });
    assert_eq!(stack.read("out/overlaps"), "");
}

#[test]
fn a_hundred_probes_that_leave_a_child_leave_nothing() {
    // Case 13.
    let stack = one(r#"
command = ["sleep", "1000"]
health = { exec = ["sh", "-c", "(setsid sleep 1000 &); sleep 1000 & echo x >> OUT/n"], every = "10ms" }
"#);
    stack.up();
    eventually("a hundred", || if count(&stack, "n") >= 100 { Ok(()) } else { Err(count(&stack, "n")) });
    let daemon = stack.daemon().expect("a daemon");
    eventually("no zombie", || {
        let left = zombies(daemon);
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
    // The service and one probe under way.
    let now = stack.processes();
    assert!(now.len() <= 5, "{now:?}");
    stack.reeve(&["down"]).expect(0);
    assert_eq!(stack.processes(), Vec::<i32>::new());
}

#[test]
fn a_stop_in_the_middle_of_probes_leaves_nothing_of_them() {
    let probe = r#"health = { exec = ["sh", "-c", "(setsid sleep 1000 &); sleep 1000 &"], every = "5ms" }"#;
    let services: String =
        (0..4).map(|n| format!("[services.s{n}]\ncommand = [\"sleep\", \"1000\"]\n{probe}\n")).collect();
    let stack = Stack::new(&format!("[stack]\nname = \"health\"\n{services}"));
    for round in 0..5 {
        stack.up();
        stack.reeve(&["down"]).expect(0);
        assert_eq!(stack.processes(), Vec::<i32>::new(), "round {round}");
    }
}

#[test]
fn localhost_means_both_loopback_addresses() {
    // Case 44.
    let Some(python) = python() else { return };
    for host in ["127.0.0.1", "::1"] {
        if std::net::TcpListener::bind((host, 0)).is_err() {
            skip(&format!("this machine has no {host}"));
            continue;
        }
        let port = free_port();
        let stack = one(&format!(
            "command = [{python:?}, \"listen.py\"]\nenv = {{ PORT = \"{port}\", HOST = \"{host}\" }}\nhealth = {{ tcp = \"localhost:{port}\", start_timeout = \"30s\" }}\n"
        ));
        stack.write("listen.py", crate::ports::LISTENER);
        stack.up();
        TcpStream::connect((host, port)).expect("it listens");
    }
}

#[test]
fn a_log_line_is_recognised_however_it_arrives() {
    // Case 46.
    for print in [
        // In two writes, with colours, and no newline.
        r#"printf "\033[1mserver is \033[32mre"; sleep 0.2; printf "ady\033[0m""#,
        // As the first bytes.
        r#"printf "server is ready""#,
        // After a megabyte of noise.
        r#"yes noise | head -c 1000000; echo "server is ready""#,
    ] {
        let stack = one(&format!(
            "command = [\"sh\", \"-c\", '''{print}; exec sleep 1000''']\nhealth = {{ log = \"server is ready\", start_timeout = \"30s\" }}\n"
        ));
        stack.up();
    }
    let stack = one(
        "command = [\"sh\", \"-c\", \"echo server is not; exec sleep 1000\"]\nhealth = { log = \"server is ready\" }\n",
    );
    stack.reeve(&["up", "-d", "--timeout", "1s"]).expect(6);
}

#[test]
fn a_grandchild_may_say_ready_and_nonsense_is_passed_over() {
    // Case 47.
    let Some(python) = python() else { return };
    let stack = one(&format!(
        r#"
command = ["sh", "-c", "{python} notify.py & wait"]
health = {{ notify = true, start_timeout = "30s" }}
"#
    ));
    stack.write(
        "notify.py",
        r#"
import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
say = lambda text: s.sendto(text, os.environ['NOTIFY_SOCKET'])
say(b'\xff\xfe garbage')
say(b'READY')
say(b'READY=2\nREADY=')
try:
    say(b'READY=1\n' + b'x' * 70000)
except OSError:
    pass
say(b'STATUS=half way\nUNKNOWN=1\nMAINPID=1')
while not os.path.exists('out/go'):
    time.sleep(0.02)
say(b'MAINPID=1\nSTATUS=all there\nREADY=1')
time.sleep(1000)
"#,
    );
    let mut up = stack.spawn(&["up", "-d"]);
    eventually("its status is shown", || {
        let ps = stack.reeve(&["ps", "--json"]);
        if ps.stdout.contains("half way") { Ok(()) } else { Err(ps) }
    });
    assert_eq!(stack.service("one")["phase"], "starting");
    stack.write("out/go", "");
    assert_eq!(up.end(), 0);
    assert_eq!(stack.service("one")["phase"], "ready");
}

#[test]
fn failures_while_it_starts_are_shown_and_not_counted() {
    // Case 48.
    let stack = one(r#"
command = ["sleep", "1000"]
health = { exec = ["sh", "-c", "echo x >> OUT/n; [ -e OUT/open ] || { echo not yet; exit 1; }"], failures = 1, restart_on_unready = 1 }
"#);
    stack.reeve(&["up", "-d", "--timeout", "100ms"]).expect(6);
    let service = eventually("its failures are shown", || {
        let service = stack.service("one");
        let shown = service["probe_failure"].as_str().is_some_and(|why| why.contains("not yet"));
        if shown && count(&stack, "n") >= 4 { Ok(service) } else { Err(service) }
    });
    assert_eq!((&service["phase"], &service["restarts"]), (&"starting".into(), &0.into()), "{service}");
    stack.write("out/open", "");
    stack.await_phase("one", "ready");
    assert_eq!(stack.service("one")["restarts"], 0);
}

#[test]
fn a_start_that_takes_too_long_is_stopped_and_tried_again_while_dependents_wait() {
    // Case 28.
    let stack = one(r#"
command = ["sleep", "1000"]
health = { file = "OUT/never", start_timeout = "300ms" }
restart = { first = "10ms", cap = "20ms" }
[services.two]
command = ["sleep", "1000"]
depends_on = { one = "ready" }
"#);
    stack.reeve(&["up", "-d", "--timeout", "200ms"]).expect(6);
    eventually("it is tried again", || {
        let service = stack.service("one");
        if service["restarts"].as_u64() >= Some(2) { Ok(()) } else { Err(service) }
    });
    let two = stack.service("two");
    assert_eq!((&two["phase"], &two["run"]), (&"waiting".into(), &serde_json::Value::Null), "{two}");
}

#[test]
fn without_a_check_it_is_ready_when_its_own_processes_listen_on_its_ports() {
    // Semantics 1.4.
    let Some(python) = python() else { return };
    let port = free_port();
    let service = |command: &str| {
        one(&format!("command = {command}\nports = {{ main = {port} }}\nenv = {{ PORT = \"{port}\" }}\n"))
    };
    let stack =
        service(&format!("[\"sh\", \"-c\", '''while [ ! -e out/go ]; do sleep 0.02; done; {python} listen.py''']"));
    stack.write("listen.py", crate::ports::LISTENER);
    stack.reeve(&["up", "-d", "--timeout", "2s"]).expect(6);
    let why = stack.service("one")["probe_failure"].to_string();
    assert!(why.contains(&port.to_string()), "{why}");
    stack.write("out/go", "");
    stack.await_phase("one", "ready");
    TcpStream::connect(("127.0.0.1", port)).expect("it listens");
}
