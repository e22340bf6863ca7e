//! Real processes on every rung that this machine has.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use super::*;

mod isolated;
mod limits;
mod notify;
mod plan;
mod stop;

/// What cannot be tested here is said aloud, not passed over.
fn skipped(what: &str, reason: &str) {
    let line = format!("SKIPPED {what}: {reason}\n");
    std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
}

/// Until it holds, or panics.
async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn text(mut reader: std::io::PipeReader) -> String {
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    text
}

fn shell(script: &str) -> SpawnPlan {
    let mut plan = SpawnPlan::new("/bin/sh").args(["-c", script]);
    plan.env.push(("PATH".into(), "/usr/bin:/bin".into()));
    plan
}

/// The rungs to test.
fn rungs(name: &str) -> Vec<Containment> {
    let mut found = vec![Containment::forced(name, Rung::Subreaper).unwrap()];
    match Containment::forced(name, Rung::Cgroup) {
        Ok(containment) => found.push(containment),
        Err(reason) => skipped("cgroup rung", &reason),
    }
    found
}

fn start(tree: &Tree, script: &str) -> (Child, std::io::PipeReader) {
    let (reader, writer) = std::io::pipe().unwrap();
    let mut plan = shell(script);
    let (name, value) = tree.environment();
    plan.env.push((name.into(), value.into()));
    plan.stdout = Some(OwnedFd::from(writer));
    plan.cgroup = tree.placement();
    plan.join = tree.joins().unwrap();
    let child = spawn(&plan).unwrap();
    tree.set_leader(child.pid, child.start_time);
    (child, reader)
}

fn first_line(reader: &mut std::io::PipeReader) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while reader.read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap()
}

async fn emptied(tree: &Tree) {
    tokio::time::timeout(Duration::from_secs(10), tree.wait_empty()).await.expect("still populated").unwrap();
    assert!(tree.pids().is_empty());
    tree.remove().unwrap();
}

#[tokio::test]
async fn exit_codes_and_signals_are_told_apart() {
    let mut child = spawn(&shell("exit 7")).unwrap();
    assert_eq!(child.wait().await.unwrap(), ExitStatus::Code(7));
    assert!(!child.signal(libc::SIGTERM).unwrap(), "semantics case 14");
    let mut child = spawn(&shell("kill -9 $$")).unwrap();
    assert_eq!(child.wait().await.unwrap(), ExitStatus::Signal { signal: 9, core: false });
}

#[test]
fn refusals_name_step_and_path() {
    // semantics case 15
    let error = spawn(&SpawnPlan::new("/nonexistent/x")).unwrap_err();
    assert_eq!(error.to_string(), "cannot run /nonexistent/x: No such file or directory");
    let mut plan = shell("true");
    plan.cwd = Some("/nonexistent".into());
    assert_eq!(
        spawn(&plan).unwrap_err().to_string(),
        "cannot change to directory /nonexistent: No such file or directory"
    );
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("s");
    durable::write(&script, b"#!/no/such/sh\n", 0o755).unwrap();
    let error = spawn(&SpawnPlan::new(&script)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot run {}: its interpreter /no/such/sh does not exist", script.display())
    );
}

#[test]
fn a_child_inherits_nothing() {
    // semantics case 73
    let leak = std::fs::File::open("/dev/null").unwrap();
    nix::fcntl::fcntl(&leak, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::empty())).unwrap();
    let (mut reader, writer) = std::io::pipe().unwrap();
    let mut plan = shell("cd /proc/self/fd; echo *; exec grep -E '^Sig(Blk|Ign)' /proc/self/status");
    plan.stdout = Some(OwnedFd::from(writer));
    let mut child = spawn(&plan).unwrap();
    drop(plan);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert!(child.wait_blocking().unwrap().success());
    let mut lines = text.lines();
    // A directory that the shell reads for the pattern may show as 3.
    assert!(matches!(lines.next(), Some("0 1 2" | "0 1 2 3")), "{text}");
    assert!(lines.all(|l| l.ends_with("\t0000000000000000")), "{text}");
}

#[tokio::test]
async fn a_session_of_its_own_does_not_escape() {
    // semantics cases 1 and 4
    for containment in rungs("escape") {
        let tree = containment.tree("svc", 1).unwrap();
        let (mut child, mut out) = start(&tree, "setsid sh -c 'setsid sleep 300 & echo up; exec sleep 300' & exit 0");
        assert_eq!(first_line(&mut out), "up");
        assert!(child.wait().await.unwrap().success(), "noticed although the pipe is held");
        assert!(!tree.is_empty().unwrap(), "{:?}", containment.rung());
        tree.kill().unwrap();
        emptied(&tree).await;
        containment.close().unwrap();
    }
}

#[tokio::test]
async fn a_fork_bomb_ends() {
    // semantics case 6
    for containment in rungs("bomb") {
        let tree = containment.tree("svc", 2).unwrap();
        let (mut child, mut out) = start(&tree, "echo up; while :; do (true) & (true); done");
        assert_eq!(first_line(&mut out), "up");
        let began = Instant::now();
        tree.kill().unwrap();
        child.wait().await.unwrap();
        emptied(&tree).await;
        containment.close().unwrap();
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}
