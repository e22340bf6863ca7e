//! What would disturb other tests: each in a process of its own, which is this program again.

use std::os::fd::AsRawFd;
use std::process::Command;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use super::*;

fn arguments(name: &str) -> Vec<String> {
    let path = format!("platform::tests::isolated::{name}");
    ["--exact", &path, "--ignored", "--nocapture", "--test-threads=1"].map(str::to_owned).to_vec()
}

fn run(mut command: Command) {
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

fn isolated(name: &str) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(arguments(name));
    run(command);
}

#[test]
fn orphans_are_reaped_and_children_left_alone() {
    isolated("inside_orphans");
}

#[tokio::test]
#[ignore = "run by the test above"]
async fn inside_orphans() {
    // semantics case 12
    reaper::become_subreaper().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut plan = shell("(setsid sh -c 'exit 3' &) ; echo up; exit 5");
    plan.stdout = Some(OwnedFd::from(writer));
    let mut child = spawn(&plan).unwrap();
    drop(plan);
    assert_eq!(text(reader), "up\n");
    eventually("the leader has ended", || identity::stat(child.pid).unwrap().is_dead()).await;
    let mut reaped = 0;
    eventually("the orphan is reaped", || {
        reaped += reaper::reap_orphans();
        reaped == 1
    })
    .await;
    assert_eq!(reaper::reap_orphans(), 0);
    assert_eq!(child.wait().await.unwrap(), ExitStatus::Code(5), "nobody took its status");
    // A dropped child is an orphan from then on.
    let child = spawn(&shell("exit 0")).unwrap();
    let pid = child.pid;
    drop(child);
    eventually("the dropped child is reaped", || {
        reaper::reap_orphans();
        identity::stat(pid).is_none()
    })
    .await;
    // Helpers by other means keep their status too.
    #[expect(clippy::disallowed_methods, reason = "a child that is not in the registry is what is tested")]
    let mut helper = Command::new("/bin/sh").args(["-c", "exit 4"]).spawn().unwrap();
    let pid = helper.id() as i32;
    eventually("the helper has ended", || identity::stat(pid).unwrap().is_dead()).await;
    assert_eq!(reaper::reap_orphans(), 0);
    assert_eq!(helper.wait().unwrap().code(), Some(4));
}

#[test]
fn probes_that_leave_children_leave_no_zombies() {
    isolated("inside_probes");
}

#[tokio::test]
#[ignore = "run by the test above"]
async fn inside_probes() {
    // semantics case 13
    for containment in rungs("probes") {
        for number in 0..100 {
            let tree = containment.tree("probe", number).unwrap();
            let (mut child, out) = start(&tree, "setsid sleep 300 & exit 1");
            assert_eq!(child.wait().await.unwrap(), ExitStatus::Code(1));
            tree.kill().unwrap();
            emptied(&tree).await;
            drop(out);
            reaper::reap_orphans();
        }
        eventually("no zombie is left", || {
            reaper::reap_orphans();
            let own = std::process::id() as i32;
            !identity::processes().iter().any(|s| s.parent == own)
        })
        .await;
        containment.close().unwrap();
    }
}

#[test]
fn running_out_of_descriptors_is_survived() {
    isolated("inside_descriptors");
}

#[test]
#[ignore = "run by the test above"]
fn inside_descriptors() {
    // semantics case 16: EMFILE
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    let _first_opens_dev_null = spawn(&shell("true")).unwrap().wait_blocking().unwrap();
    let next = OwnedFd::from(std::fs::File::open("/dev/null").unwrap()).as_raw_fd();
    setrlimit(Resource::RLIMIT_NOFILE, next as u64, hard).unwrap();
    let error = spawn(&shell("true")).unwrap_err();
    assert!(error.errno == libc::EMFILE && error.is_transient(), "{error:?}");
    assert!(error.to_string().starts_with("cannot start a process for /bin/sh: Too many"), "{error}");
    setrlimit(Resource::RLIMIT_NOFILE, soft, hard).unwrap();
    assert!(spawn(&shell("true")).unwrap().wait_blocking().unwrap().success());
}

#[test]
fn more_files_for_us_are_not_more_for_children() {
    isolated("inside_raise");
}

#[test]
#[ignore = "run by the test above"]
fn inside_raise() {
    setrlimit(Resource::RLIMIT_NOFILE, 512, 1024).unwrap();
    assert_eq!(descriptors::raise().unwrap(), (512, 1024));
    assert_eq!(descriptors::raise().unwrap(), (512, 1024), "the first is remembered");
    assert_eq!(getrlimit(Resource::RLIMIT_NOFILE).unwrap(), (1024, 1024));
    let child = |rlimits| {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut plan = shell("ulimit -S -n; ulimit -H -n");
        plan.rlimits = rlimits;
        plan.stdout = Some(OwnedFd::from(writer));
        let mut child = spawn(&plan).unwrap();
        drop(plan);
        assert!(child.wait_blocking().unwrap().success());
        text(reader)
    };
    // Descriptors above the child's limit are in use while it starts.
    let _many: Vec<_> = (0..700).map(|_| std::fs::File::open("/dev/null").unwrap()).collect();
    assert_eq!(child(Vec::new()), "512\n1024\n");
    assert_eq!(child(vec![Rlimit { resource: libc::RLIMIT_NOFILE, soft: 300, hard: 400 }]), "300\n400\n");
}

#[test]
fn closed_standard_streams_do_not_get_in_the_way() {
    isolated("inside_closed_streams");
}

#[test]
#[ignore = "run by the test above"]
fn inside_closed_streams() {
    // semantics case 72: descriptors 0-2 closed
    // SAFETY: nothing else runs in this process; the three are put back before anybody else uses them.
    let saved = unsafe { [0, 1, 2].map(|fd| libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 100)) };
    // SAFETY: as above.
    unsafe {
        for fd in 0..3 {
            libc::close(fd);
        }
    }
    let outcome = std::panic::catch_unwind(|| {
        let (input, feed) = std::io::pipe().unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        assert!(input.as_raw_fd() == 0 && reader.as_raw_fd() == 2);
        std::io::Write::write_all(&mut &feed, b"word\n").unwrap();
        drop(feed);
        let mut plan = shell("read w; echo got $w; echo error >&2");
        plan.stdin = Some(input.into());
        plan.stderr = Some(OwnedFd::from(writer.try_clone().unwrap()));
        plan.stdout = Some(writer.into());
        let mut child = spawn(&plan).unwrap();
        drop(plan);
        (text(reader), child.wait_blocking().unwrap())
    });
    // SAFETY: as above.
    unsafe {
        for (fd, copy) in (0..).zip(saved) {
            libc::dup2(copy, fd);
        }
    }
    let (said, status) = outcome.map_err(|e| e.downcast::<String>().unwrap()).unwrap();
    assert_eq!(said, "got word\nerror\n");
    assert!(status.success());
}

#[test]
fn as_the_first_process() {
    // semantics case 72: PID 1
    let unshare = ["/usr/bin/unshare", "/bin/unshare"].into_iter().find(|p| std::path::Path::new(p).exists());
    let (Some(unshare), true) = (unshare, account::is_root()) else {
        return skipped("PID 1", "needs root and unshare(1)");
    };
    let mut trial = Command::new(unshare);
    if !trial.args(["--pid", "--fork", "--mount-proc", "true"]).status().is_ok_and(|s| s.success()) {
        return skipped("PID 1", "no namespaces here");
    }
    let mut command = Command::new(unshare);
    command.args(["--pid", "--fork", "--mount-proc"]).arg(std::env::current_exe().unwrap());
    command.args(arguments("inside_pid_one"));
    run(command);
}

#[tokio::test]
#[ignore = "run by the test above"]
async fn inside_pid_one() {
    assert_eq!(std::process::id(), 1);
    let containment = Containment::forced("first", Rung::Subreaper).unwrap();
    let tree = containment.tree("svc", 1).unwrap();
    let (mut child, mut out) = start(&tree, "setsid sh -c 'setsid sleep 300 & echo up' & exit 6");
    assert_eq!(first_line(&mut out), "up");
    assert_eq!(child.wait().await.unwrap(), ExitStatus::Code(6));
    tree.kill().unwrap();
    emptied(&tree).await;
    eventually("everybody is reaped", || {
        reaper::reap_orphans();
        identity::processes().len() == 1
    })
    .await;
}

#[test]
fn what_our_parent_ignores_children_do_not() {
    // semantics case 73, as under nohup
    let mut command = Command::new("/bin/sh");
    command.args(["-c", "trap '' HUP INT USR1; exec \"$@\"", "sh"]).arg(std::env::current_exe().unwrap());
    command.args(arguments("inside_ignoring"));
    run(command);
}

#[test]
#[ignore = "run by the test above"]
fn inside_ignoring() {
    let (reader, writer) = std::io::pipe().unwrap();
    let mut plan = SpawnPlan::new("/bin/grep").args(["SigIgn", "/proc/self/status"]);
    plan.stdout = Some(OwnedFd::from(writer));
    let mut child = spawn(&plan).unwrap();
    drop(plan);
    assert!(child.wait_blocking().unwrap().success());
    assert_eq!(text(reader), "SigIgn:\t0000000000000000\n");
}
