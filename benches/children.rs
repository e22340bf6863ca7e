//! reeve against bare loops over the same child, alternating in one run: start and stop of 500 children, a respawn after
//! SIGKILL, and what 500 idle children cost. The child is a static C program of a few system calls, so that what is
//! measured is the supervisor: its first act is to append its pid and its CLOCK_MONOTONIC time, in one write, to a file.

#![expect(clippy::expect_used, reason = "a bench that cannot measure stops")]

#[allow(dead_code, reason = "each bench uses its part")]
mod support;

use std::ffi::CString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use support::{Row, Stack, eventually, print, report};

const CHILDREN: usize = 500;
const SAMPLES: usize = 10;
const RESPAWNS: usize = 20;
const PEER_SAMPLES: usize = 3;
const IDLE: Duration = Duration::from_secs(20);
const LIMIT: Duration = Duration::from_secs(60);
/// Ready at once and stable soon, so that every end counts as the first, which is answered at once.
const NO_BACKOFF: &str = "health = { delay = \"0s\" }
restart = { policy = \"unless-stopped\", first = \"0s\", stable_after = \"1ms\" }";
/// Long enough to be stable.
const STABLE: Duration = Duration::from_millis(50);

const CHILD: &str = r#"
#include <fcntl.h>
#include <time.h>
#include <unistd.h>
struct record { long long pid, nanoseconds; };
int main(int count, char **argument) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    struct record it = { getpid(), now.tv_sec * 1000000000LL + now.tv_nsec };
    int file = open(argument[1], O_WRONLY | O_APPEND | O_CREAT, 0666);
    if (file < 0 || write(file, &it, sizeof it) != sizeof it) return 1;
    close(file);
    for (;;) pause();
}
"#;

fn main() {
    let chosen: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |section: &str| chosen.is_empty() || chosen.iter().any(|name| name == section);
    let work = tempfile::tempdir().expect("a temporary directory");
    open_to_all(work.path());
    let child = compile(work.path());
    let mut rows = Vec::new();
    if wanted("start") {
        let (mut start, mut bare_start, mut stop, mut bare_stop) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for sample in 0..SAMPLES {
            let (a, b) = reeve_start_stop(&child, &folder(work.path(), &format!("reeve-{sample}")));
            let (c, d) = bare_start_stop(&child, &folder(work.path(), &format!("bare-{sample}")));
            start.push(a);
            stop.push(b);
            bare_start.push(c);
            bare_stop.push(d);
        }
        rows.push(Row::ratio(
            "start of 500 children ÷ posix_spawn loop on two threads",
            &start,
            &bare_start,
            "ms",
            Some(1.5),
        ));
        rows.push(Row::ratio("stop of 500 children ÷ kill-and-wait loop", &stop, &bare_stop, "ms", Some(1.5)));
    }
    if wanted("respawn") {
        let (respawn, bare) = respawns(&child, &folder(work.path(), "respawn"));
        rows.push(Row::ratio("SIGKILL to first instruction ÷ wait-and-respawn loop", &respawn, &bare, "ms", Some(1.5)));
    }
    if wanted("idle") {
        rows.extend(idle(&child, &folder(work.path(), "idle")));
    }
    if wanted("peers") {
        rows.extend(peers(&child, work.path()));
    }
    // A part of the rows is for whoever works on that part: only a whole run is written down.
    if chosen.is_empty() {
        report("children", &rows);
    } else {
        print(&rows);
    }
}

/// As root the children run as another account, which must reach these files.
fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o1777)).expect("the directory is ours");
}

fn folder(work: &Path, name: &str) -> PathBuf {
    let path = work.join(name);
    fs::create_dir(&path).expect("a new directory");
    open_to_all(&path);
    path
}

fn compile(work: &Path) -> PathBuf {
    let (source, binary) = (work.join("child.c"), work.join("child"));
    fs::write(&source, CHILD).expect("the source is written");
    let status = Command::new("cc").args(["-O2", "-static", "-o"]).arg(&binary).arg(&source).status().expect("cc runs");
    assert!(status.success(), "cc: {status}");
    binary
}

fn now() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live timespec, which the call fills. `Instant` hides its origin, which the children's
    // times must be compared with.
    #[expect(unsafe_code, reason = "the clock of the children, by its number")]
    let code = unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    assert_eq!(code, 0, "clock_gettime");
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// Pid and milliseconds of every first instruction so far.
fn records(path: &Path) -> Vec<(Pid, f64)> {
    let bytes = fs::read(path).unwrap_or_default();
    let number = |bytes: &[u8]| i64::from_ne_bytes(bytes.try_into().expect("eight bytes"));
    let pairs = bytes.chunks_exact(16).map(|record| (number(&record[..8]), number(&record[8..])));
    pairs.map(|(pid, time)| (Pid::from_raw(i32::try_from(pid).expect("a pid")), time as f64 / 1e6)).collect()
}

fn wait_for(path: &Path, count: usize) -> Vec<(Pid, f64)> {
    // The file's length is enough to wait with; reading all of it each time would disturb what is measured.
    let bytes = count as u64 * 16;
    eventually("first instructions", LIMIT, || fs::metadata(path).is_ok_and(|file| file.len() >= bytes));
    records(path)
}

fn last(records: &[(Pid, f64)]) -> f64 {
    records.iter().map(|record| record.1).fold(0.0, f64::max)
}

fn gone(pids: &[Pid]) -> bool {
    pids.iter().all(|pid| kill(*pid, None).is_err())
}

fn stack_of(child: &Path, dir: &Path, count: usize, extra: &str) -> Stack {
    let mut text = String::from("[stack]\nname = \"bench\"\n");
    for index in 0..count {
        text += &format!(
            "\n[services.c{index}]\ncommand = [{:?}, {:?}]\n{extra}\n",
            child.display().to_string(),
            dir.join("times").display().to_string(),
        );
    }
    let file = dir.join("services.toml");
    fs::write(&file, text).expect("services.toml is written");
    Stack::new(file, dir.join("data"), 0)
}

/// From the daemon's start to the last first instruction; from `SIGTERM` to the daemon until the last child is gone.
fn reeve_start_stop(child: &Path, dir: &Path) -> (f64, f64) {
    let stack = stack_of(child, dir, CHILDREN, "");
    let begun = now();
    let mut daemon = stack.spawn(&[]);
    let records = wait_for(&dir.join("times"), CHILDREN);
    let started = last(&records) - begun;
    let pids: Vec<Pid> = records.iter().map(|record| record.0).collect();
    let begun = now();
    kill(Pid::from_raw(i32::try_from(daemon.id()).expect("a pid")), Signal::SIGTERM).expect("the daemon lives");
    eventually("children are gone", LIMIT, || gone(&pids));
    let stopped = now() - begun;
    daemon.wait().expect("the daemon ends");
    (started, stopped)
}

fn spawn_bare(child: &Path, times: &Path) -> Pid {
    let text = |path: &Path| CString::new(path.as_os_str().as_encoded_bytes()).expect("no NUL in a path");
    let (program, argument) = (text(child), text(times));
    let arguments = [program.as_ptr().cast_mut(), argument.as_ptr().cast_mut(), std::ptr::null_mut()];
    let environment = [std::ptr::null_mut()];
    let mut pid = 0;
    // SAFETY: program and argument live until after the call, both lists end with a null pointer, and null stands for
    // default file actions and attributes.
    #[expect(unsafe_code, reason = "the bare side is posix_spawn itself")]
    let code = unsafe {
        libc::posix_spawn(
            &mut pid,
            program.as_ptr(),
            std::ptr::null(),
            std::ptr::null(),
            arguments.as_ptr(),
            environment.as_ptr(),
        )
    };
    assert_eq!(code, 0, "posix_spawn");
    Pid::from_raw(pid)
}

fn bare_start_stop(child: &Path, dir: &Path) -> (f64, f64) {
    let times = dir.join("times");
    let begun = now();
    let pids: Vec<Pid> = std::thread::scope(|scope| {
        let half = || (0..CHILDREN / 2).map(|_| spawn_bare(child, &times)).collect::<Vec<Pid>>();
        let halves = [scope.spawn(half), scope.spawn(half)];
        halves.into_iter().flat_map(|thread| thread.join().expect("spawning does not panic")).collect()
    });
    let started = last(&wait_for(&times, CHILDREN)) - begun;
    let begun = now();
    for pid in &pids {
        kill(*pid, Signal::SIGTERM).expect("the child lives");
    }
    for pid in &pids {
        waitpid(*pid, None).expect("the child is ours");
    }
    (started, now() - begun)
}

/// Kill to first instruction, both sides in turn.
#[expect(clippy::disallowed_methods, reason = "being stable is a matter of time")]
fn respawns(child: &Path, dir: &Path) -> (Vec<f64>, Vec<f64>) {
    let stack = stack_of(child, dir, 1, NO_BACKOFF);
    let mut daemon = stack.spawn(&[]);
    let (ours, theirs) = (dir.join("times"), dir.join("bare"));
    wait_for(&ours, 1);
    let mut bare = spawn_bare(child, &theirs);
    wait_for(&theirs, 1);
    let (mut reeve, mut loops) = (Vec::new(), Vec::new());
    for round in 1..=RESPAWNS {
        std::thread::sleep(STABLE);
        let victim = records(&ours).last().expect("a first instruction").0;
        let begun = now();
        kill(victim, Signal::SIGKILL).expect("the child lives");
        reeve.push(last(&wait_for(&ours, round + 1)) - begun);
        let begun = now();
        kill(bare, Signal::SIGKILL).expect("the child lives");
        waitpid(bare, None).expect("the child is ours");
        bare = spawn_bare(child, &theirs);
        loops.push(last(&wait_for(&theirs, round + 1)) - begun);
    }
    kill(bare, Signal::SIGKILL).expect("the child lives");
    waitpid(bare, None).expect("the child is ours");
    kill(Pid::from_raw(i32::try_from(daemon.id()).expect("a pid")), Signal::SIGTERM).expect("the daemon lives");
    daemon.wait().expect("the daemon ends");
    (reeve, loops)
}

/// Memory, context switches and CPU ticks of a process, all its threads together.
fn usage(pid: u32) -> (f64, u64, u64) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("the daemon lives");
    let field = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a field of /proc/PID/status");
        line.trim_matches([':', '\t', ' '])
            .split_whitespace()
            .next()
            .and_then(|n| n.parse::<u64>().ok())
            .expect("a number")
    };
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("the daemon lives").flatten();
    let switches = tasks.filter_map(|task| fs::read_to_string(task.path().join("status")).ok());
    let switches = switches.map(|text| field(&text, "voluntary_ctxt_switches")).sum();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the daemon lives");
    let after = stat.rsplit_once(')').expect("a name in parentheses").1;
    let ticks = after.split_whitespace().skip(11).take(2).map(|n| n.parse::<u64>().expect("a number")).sum();
    (field(&status, "VmRSS") as f64 / 1024.0, switches, ticks)
}

#[expect(clippy::disallowed_methods, reason = "idling is what is measured")]
fn idle(child: &Path, dir: &Path) -> Vec<Row> {
    let stack = stack_of(child, dir, CHILDREN, "");
    let mut daemon = stack.spawn(&[]);
    wait_for(&dir.join("times"), CHILDREN);
    // The default readiness is one second alive; then the start is over.
    std::thread::sleep(Duration::from_secs(5));
    let (_, switches, ticks) = usage(daemon.id());
    std::thread::sleep(IDLE);
    let (memory, more_switches, more_ticks) = usage(daemon.id());
    kill(Pid::from_raw(i32::try_from(daemon.id()).expect("a pid")), Signal::SIGTERM).expect("the daemon lives");
    daemon.wait().expect("the daemon ends");
    vec![
        Row::value("memory with 500 idle children", memory, "MiB", Some(12.0)),
        Row::value("wake-ups over 20 s", (more_switches - switches) as f64, "", Some(0.0)),
        Row::value("CPU ticks over 20 s", (more_ticks - ticks) as f64, "", Some(0.0)),
    ]
}

/// Start of the same children by other supervisors, where they are installed.
fn peers(child: &Path, work: &Path) -> Vec<Row> {
    let found = |name: &str| {
        std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(name).is_file()))
    };
    let mut rows = Vec::new();
    for (name, start) in
        [("runsvdir", runit as fn(&Path, &Path) -> Command), ("supervisord", supervisord), ("dinit", dinit)]
    {
        if !found(name) {
            continue;
        }
        let (mut samples, mut bare) = (Vec::new(), Vec::new());
        for sample in 0..PEER_SAMPLES {
            samples.push(peer(child, &folder(work, &format!("{name}-{sample}")), start));
            bare.push(bare_start_stop(child, &folder(work, &format!("{name}-bare-{sample}"))).0);
        }
        rows.push(Row::ratio(&format!("for comparison: {name} starts 500"), &samples, &bare, "ms", None));
    }
    rows
}

#[expect(clippy::disallowed_methods, reason = "a bench is no supervisor: it waits for this child itself")]
fn peer(child: &Path, dir: &Path, command: fn(&Path, &Path) -> Command) -> f64 {
    let mut command = command(child, dir);
    let begun = now();
    let mut peer = command.spawn().expect("the peer starts");
    let records = wait_for(&dir.join("times"), CHILDREN);
    let taken = last(&records) - begun;
    peer.kill().expect("the peer lives");
    peer.wait().expect("the peer ends");
    // What it left is ours to end; runit's own small supervisors end with their control directories.
    for process in fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let inside = fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(dir));
        if inside || records.iter().any(|record| record.0.as_raw() == pid) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
            let _ = waitpid(Pid::from_raw(pid), Some(WaitPidFlag::WNOHANG)).unwrap_or(WaitStatus::StillAlive);
        }
    }
    taken
}

fn runit(child: &Path, dir: &Path) -> Command {
    use std::os::unix::fs::PermissionsExt;
    for index in 0..CHILDREN {
        let service = dir.join(format!("services/c{index}"));
        fs::create_dir_all(&service).expect("a service directory");
        let run = service.join("run");
        fs::write(&run, format!("#!/bin/sh\nexec {} {}\n", child.display(), dir.join("times").display())).expect("run");
        fs::set_permissions(&run, fs::Permissions::from_mode(0o755)).expect("run is ours");
    }
    let mut command = Command::new("runsvdir");
    command.arg(dir.join("services")).current_dir(dir);
    command
}

fn supervisord(child: &Path, dir: &Path) -> Command {
    let mut text = format!(
        "[supervisord]\nnodaemon=true\nminfds=4096\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile={}\n",
        dir.join("pid").display()
    );
    for index in 0..CHILDREN {
        text += &format!("[program:c{index}]\ncommand={} {}\n", child.display(), dir.join("times").display());
    }
    fs::write(dir.join("supervisord.conf"), text).expect("the configuration is written");
    let mut command = Command::new("supervisord");
    command.arg("-c").arg(dir.join("supervisord.conf")).current_dir(dir).stdout(std::process::Stdio::null());
    command
}

fn dinit(child: &Path, dir: &Path) -> Command {
    let services = dir.join("services");
    fs::create_dir(&services).expect("a new directory");
    let mut boot = String::from("type = internal\n");
    for index in 0..CHILDREN {
        let text = format!("type = process\ncommand = {} {}\n", child.display(), dir.join("times").display());
        fs::write(services.join(format!("c{index}")), text).expect("a service description");
        boot += &format!("depends-on = c{index}\n");
    }
    fs::write(services.join("boot"), boot).expect("the boot service");
    let mut command = Command::new("dinit");
    command.args(["--user", "-q", "-d"]).arg(&services).arg("-p").arg(dir.join("control")).current_dir(dir);
    command
}
