//! Limits: those that hold do hold, those that cannot are said.

use crate::ports::python;
use crate::support::{Stack, eventually};

#[test]
fn a_memory_limit_holds_or_is_said_not_to() {
    let Some(python) = python() else { return };
    let stack = Stack::new(&format!(
        r#"
[stack]
name = "memory"
[services.eater]
command = [{python:?}, "-c", "import sys, time; print('begins', flush=True); data = b'x' * (256 << 20); print('has it all', flush=True); time.sleep(1000)"]
health = {{ log = "begins" }}
limits = {{ memory = "48MiB" }}
restart = {{ policy = "no" }}
"#
    ));
    stack.reeve(&["up", "-d"]);
    let limits = eventually("it is told what became of the limit", || {
        let service = stack.service("eater");
        service["limits"].as_str().map(str::to_owned).ok_or(service)
    });
    assert!(limits.contains("memory"), "{limits}");
    let log = || stack.reeve(&["logs", "eater"]).expect(0).stdout;
    if limits.contains("not enforced") {
        eventually("nothing stops it", || if log().contains("has it all") { Ok(()) } else { Err(log()) });
        let doctor = stack.reeve(&["doctor"]).stdout;
        assert!(doctor.contains("cgroup"), "{doctor}");
    } else {
        assert!(limits.contains("48 MiB by cgroup"), "{limits}");
        assert!(!stack.groups().is_empty());
        let service = stack.await_phase("eater", "failed");
        assert!(service["last_exit"].to_string().contains('9'), "killed by the kernel: {service}");
        assert!(!log().contains("has it all"));
    }
    stack.reeve(&["down"]).expect(0);
    assert_eq!(stack.groups(), Vec::<std::path::PathBuf>::new());
}

#[test]
fn limits_of_processes_reach_the_service_and_its_children() {
    let stack = Stack::new("");
    let out = stack.shared("out");
    stack.write(
        "services.toml",
        &format!(
            r#"
[stack]
name = "rlimits"
[services.asks]
oneshot = true
command = ["sh", "-c", "(ulimit -n; ulimit -Hn; ulimit -c; nice; cat /proc/self/oom_score_adj) > {}/limits"]
limits = {{ open_files = 123, core = 0, nice = 5, oom_score_adj = 200 }}
[services.plain]
oneshot = true
command = ["sh", "-c", "ulimit -n > {}/plain"]
"#,
            out.display(),
            out.display()
        ),
    );
    stack.up();
    stack.await_phase("asks", "completed");
    assert_eq!(stack.read("out/limits").split_whitespace().collect::<Vec<_>>(), ["123", "123", "0", "5", "200"]);
    stack.await_phase("plain", "completed");
    // reeve raises its own limit; a service gets the one that reeve was started with.
    let own = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).expect("a limit").0;
    let plain = stack.read("out/plain").trim().to_owned();
    assert!(plain == own.to_string() || plain == "1024", "{plain}, ours is {own}");
}
