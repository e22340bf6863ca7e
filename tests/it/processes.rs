//! Process trees, signals, restarts: cases 1–27 of the semantics as a user meets them.

use std::time::{Duration, Instant};

use crate::support::{Stack, alive, eventually, kill};

const SLEEPER: &str = r#"
[stack]
name = "sleeper"
[services.one]
command = ["sleep", "1000"]
health = { delay = "0s" }
"#;

#[test]
fn a_killed_service_runs_again_and_tells_why() {
    // Case 11.
    let stack = Stack::new(SLEEPER);
    stack.up();
    let first = stack.pid("one");
    kill(first, 9);
    let second = eventually("a new process", || match stack.service("one")["pid"].as_i64() {
        Some(pid) if pid as i32 != first && stack.service("one")["phase"] == "ready" => Ok(pid as i32),
        other => Err(other),
    });
    assert!(alive(second));
    let why = stack.reeve(&["why", "one"]).expect(0);
    assert!(why.stdout.contains("SIGKILL"), "{}", why.stdout);
    let events = stack.reeve(&["events"]).expect(0);
    assert!(events.stdout.contains("SIGKILL"), "{}", events.stdout);
}

#[test]
fn down_leaves_no_process_not_even_one_in_a_session_of_its_own() {
    // Cases 3 and 4: a child that ignores TERM, a double fork in a session of its own.
    let stack = Stack::new("");
    let out = stack.shared("out");
    stack.write(
        "services.toml",
        &format!(
            r#"
[stack]
name = "tree"
[services.tree]
command = ["sh", "-c", '''
(trap "" TERM; while :; do sleep 1000 & wait $!; done) & echo $! >> {out}/pids
setsid sh -c "trap '' TERM; echo \$$$$ >> {out}/pids; while :; do sleep 1000 & wait; done" &
while [ $(wc -l < {out}/pids) -lt 2 ]; do sleep 0.01; done
touch {out}/ready
exec sleep 1000
''']
health = {{ file = "{out}/ready" }}
stop = {{ grace = "1s" }}
"#,
            out = out.display()
        ),
    );
    stack.up();
    let pids: Vec<i32> = stack.read("out/pids").lines().map(|line| line.parse().expect("a pid")).collect();
    assert_eq!(pids.len(), 2);
    assert!(pids.iter().all(|pid| alive(*pid)));
    stack.reeve(&["down"]).expect(0);
    assert!(pids.iter().all(|pid| !alive(*pid)), "{pids:?} still run");
    assert_eq!(stack.processes(), Vec::<i32>::new());
}

#[test]
fn a_service_that_ignores_its_stop_signal_is_killed_at_the_end_of_its_grace() {
    // Case 2.
    let stack = Stack::new(
        r#"
[stack]
name = "deaf"
[services.deaf]
command = ["sh", "-c", "trap '' TERM; while :; do sleep 1000 & wait; done"]
health = { delay = "300ms" }
stop = { grace = "1s" }
"#,
    );
    stack.up();
    let before = Instant::now();
    let done = stack.reeve(&["stop", "deaf"]).expect(0);
    assert!(before.elapsed() >= Duration::from_secs(1), "{:?}", before.elapsed());
    assert!(format!("{}{}", done.stdout, done.stderr).contains("killed"), "{done:?}");
    assert_eq!(stack.service("deaf")["phase"], "stopped");
}

#[test]
fn a_command_that_does_not_exist_is_named_with_its_error_and_not_retried_in_a_hurry() {
    // Case 15.
    let stack = Stack::new(
        r#"
[stack]
name = "missing"
[services.ghost]
command = ["/no/such/program"]
"#,
    );
    let done = stack.reeve(&["up", "-d", "--timeout", "3s"]);
    assert_ne!(done.code, 0);
    assert!(done.stderr.contains("/no/such/program"), "{}", done.stderr);
    assert!(done.stderr.contains("No such file or directory"), "{}", done.stderr);
}

#[test]
fn a_crash_loop_is_called_by_its_name_and_stop_ends_it() {
    // Cases 19 and 22.
    let stack = Stack::new(
        r#"
[stack]
name = "crashing"
[services.crash]
command = ["sh", "-c", "echo dying; exit 3"]
restart = { policy = "unless-stopped", first = "1ms", cap = "5ms" }
"#,
    );
    stack.reeve(&["up", "-d", "--timeout", "2s"]);
    eventually("a crash loop", || {
        let service = stack.service("crash");
        if service["crash_loop"] == true { Ok(()) } else { Err(service.to_string()) }
    });
    stack.reeve(&["stop", "crash"]).expect(0);
    assert_eq!(stack.service("crash")["phase"], "stopped");
    let why = stack.reeve(&["why", "crash"]).expect(0);
    assert!(why.stdout.contains("exit code 3") || why.stdout.contains("stopped by hand"), "{}", why.stdout);
    assert!(why.stdout.contains("dying"), "the lines of the log are in {}", why.stdout);
}

#[test]
fn the_order_of_start_and_stop_follows_the_dependencies() {
    // Cases 31 and 39, and 32: a diamond.
    let stack = Stack::new("");
    let out = stack.shared("out");
    let service = |name: &str, after: &str| {
        format!(
            r#"
[services.{name}]
command = ["sh", "-c", '''trap "echo stop {name} >> {out}/order; exit 0" TERM; echo start {name} >> {out}/order; touch {out}/{name}; while :; do sleep 1000 & wait; done''']
health = {{ file = "{out}/{name}" }}
depends_on = {{ {after} }}
"#,
            out = out.display()
        )
    };
    stack.write(
        "services.toml",
        &format!(
            "[stack]\nname = \"diamond\"\n{}{}{}{}",
            service("top", ""),
            service("left", "top = \"ready\""),
            service("right", "top = \"ready\""),
            service("bottom", "left = \"ready\", right = \"ready\"")
        ),
    );
    stack.up();
    stack.reeve(&["down"]).expect(0);
    let order = stack.read("out/order");
    let lines: Vec<&str> = order.lines().collect();
    assert_eq!(lines.len(), 8, "{order}");
    let at = |line: &str| lines.iter().position(|other| *other == line).unwrap_or_else(|| panic!("{line} in {order}"));
    for (first, then) in [("top", "left"), ("top", "right"), ("left", "bottom"), ("right", "bottom")] {
        assert!(at(&format!("start {first}")) < at(&format!("start {then}")), "{order}");
        assert!(at(&format!("stop {then}")) < at(&format!("stop {first}")), "{order}");
    }
}

#[test]
fn starting_one_service_brings_its_dependencies_and_no_siblings() {
    // Case 40.
    let stack = Stack::new(
        r#"
[stack]
name = "subset"
[services.base]
command = ["sleep", "1000"]
health = { delay = "0s" }
[services.wanted]
command = ["sleep", "1000"]
health = { delay = "0s" }
depends_on = { base = "ready" }
[services.sibling]
command = ["sleep", "1000"]
health = { delay = "0s" }
"#,
    );
    stack.reeve(&["up", "-d", "wanted"]).expect(0);
    assert_eq!(stack.service("base")["phase"], "ready");
    assert_eq!(stack.service("wanted")["phase"], "ready");
    assert_eq!(stack.service("sibling")["phase"], "stopped");
}

#[test]
fn a_child_has_a_clean_house() {
    // Case 73: no descriptor but 0 to 2, no blocked or ignored signal, the promised environment. The shell redirects
    // itself by `exec`: for the length of a redirected command it would hold a copy of its own stdout as well. It reads its
    // status itself: while it starts a program, it blocks all signals.
    let stack = Stack::new("");
    let out = stack.shared("out");
    stack.write(
        "services.toml",
        &format!(
            r#"
[stack]
name = "clean"
[services.child]
oneshot = true
command = ["sh", "-c", "exec > {out}/fds; ls /proc/$$$$/fd; exec > {out}/status; while read -r line; do echo \"$$line\"; done < /proc/$$$$/status; exec > {out}/env; tr '\\0' '\\n' < /proc/$$$$/environ; exec > {out}/stdin; readlink /proc/$$$$/fd/0"]
env = {{ GREETING = "hello world" }}
"#,
            out = out.display()
        ),
    );
    let mut up = stack.command(&["up", "-d"]);
    up.env("LEAKED", "must not arrive");
    assert!(up.status().expect("reeve").success());
    stack.await_phase("child", "completed");
    let fds: Vec<String> = stack.read("out/fds").lines().map(str::to_owned).collect();
    assert!(fds.iter().all(|fd| ["0", "1", "2"].contains(&fd.as_str())), "{fds:?}");
    let status = stack.read("out/status");
    for field in ["SigBlk", "SigIgn"] {
        let line = status.lines().find(|line| line.starts_with(field)).expect(field);
        assert!(line.ends_with("0000000000000000"), "{line}");
    }
    let env = stack.read("out/env");
    assert!(env.contains("GREETING=hello world"), "{env}");
    let mut real: Vec<&str> = env.lines().collect();
    real.sort_unstable();
    let told = stack.reeve(&["env", "child"]).expect(0).stdout;
    assert_eq!(real, told.lines().collect::<Vec<_>>(), "as `reeve env` tells it");
    assert!(!env.contains("LEAKED"), "{env}");
    assert_eq!(stack.read("out/stdin").trim(), "/dev/null");
}

#[test]
fn a_failed_oneshot_skips_its_dependents_and_up_fails() {
    // Case 36.
    let stack = Stack::new(
        r#"
[stack]
name = "migrate"
[services.migrate]
oneshot = true
command = ["sh", "-c", "echo broken >&2; exit 1"]
[services.app]
command = ["sleep", "1000"]
depends_on = { migrate = "completed_successfully" }
"#,
    );
    let done = stack.reeve(&["up", "-d", "--timeout", "20s"]);
    assert_ne!(done.code, 0, "{done:?}");
    assert!(done.stderr.contains("migrate"), "{done:?}");
    assert_eq!(stack.service("app")["phase"], "skipped");
}

#[test]
fn foreground_up_ends_with_130_after_interrupt_and_143_after_terminate() {
    // Case 8.
    for (signal, code) in [(2, 130), (15, 143)] {
        let stack = Stack::new(SLEEPER);
        let mut up = stack.command(&["up"]);
        up.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        #[expect(clippy::disallowed_methods, reason = "the tests start reeve itself")]
        let mut child = up.spawn().expect("reeve");
        eventually("ready", || {
            let ps = stack.reeve(&["ps", "--json"]);
            if ps.code == 0 && ps.json()["services"][0]["phase"] == "ready" { Ok(()) } else { Err(ps) }
        });
        let service = stack.pid("one");
        kill(child.id() as i32, signal);
        assert_eq!(child.wait().expect("an end").code(), Some(code));
        assert!(!alive(service));
    }
}

#[test]
fn a_second_interrupt_kills_at_once() {
    // Case 8.
    let stack = Stack::new(
        r#"
[stack]
name = "slow"
[services.slow]
command = ["sh", "-c", "trap '' TERM; while :; do sleep 1000 & wait; done"]
health = { delay = "300ms" }
stop = { grace = "100s" }
"#,
    );
    let mut up = stack.command(&["up"]);
    up.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    #[expect(clippy::disallowed_methods, reason = "the tests start reeve itself")]
    let mut child = up.spawn().expect("reeve");
    eventually("ready", || {
        let ps = stack.reeve(&["ps", "--json"]);
        if ps.code == 0 && ps.json()["services"][0]["phase"] == "ready" { Ok(()) } else { Err(ps) }
    });
    let before = Instant::now();
    kill(child.id() as i32, 2);
    stack.await_phase("slow", "stopping");
    kill(child.id() as i32, 2);
    assert_eq!(child.wait().expect("an end").code(), Some(130));
    assert!(before.elapsed() < Duration::from_secs(50));
    assert_eq!(stack.processes(), Vec::<i32>::new());
}
