//! A stack in a temporary directory, driven through the real `reeve` binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longest that any single thing in these tests may take; far above what it takes on a slow machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A directory with a `services.toml`, and the promise that nothing of it outlives the test.
pub struct Stack {
    dir: tempfile::TempDir,
}

/// What a finished command left.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}:\n{}", self.stdout))
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        use std::os::unix::process::ExitStatusExt;
        Self {
            code: output.status.code().unwrap_or_else(|| 128 + output.status.signal().unwrap_or(0)),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Stack {
    pub fn new(services: &str) -> Self {
        let stack = Self { dir: tempfile::tempdir().expect("a temporary directory") };
        // Services run as another account when the tests run as root, and must reach what lies here.
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(stack.path(), std::fs::Permissions::from_mode(0o755)).expect("permissions");
        stack.write("services.toml", services);
        stack
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn data(&self) -> PathBuf {
        self.path().join(".reeve")
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        std::fs::write(path, text).expect("a file");
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }

    /// A directory that services may write to, whatever account they run as.
    pub fn shared(&self, name: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.path().join(name);
        std::fs::create_dir_all(&path).expect("a directory");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).expect("permissions");
        path
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reeve"));
        command.current_dir(self.path()).args(args).stdin(Stdio::null()).env("NO_COLOR", "1");
        command
    }

    pub fn reeve(&self, args: &[&str]) -> Done {
        self.command(args).output().expect("reeve runs").into()
    }

    /// `up -d` to ready.
    #[track_caller]
    pub fn up(&self) -> Done {
        self.reeve(&["up", "-d"]).expect(0)
    }

    #[track_caller]
    pub fn service(&self, name: &str) -> Value {
        let ps = self.reeve(&["ps", "--json"]).expect(0).json();
        let services = ps["services"].as_array().expect("services").clone();
        services.into_iter().find(|service| service["name"] == name).unwrap_or_else(|| panic!("{name} in {ps}"))
    }

    #[track_caller]
    pub fn pid(&self, name: &str) -> i32 {
        let service = self.service(name);
        service["pid"].as_i64().unwrap_or_else(|| panic!("a pid in {service}")) as i32
    }

    #[track_caller]
    pub fn await_phase(&self, name: &str, phase: &str) -> Value {
        eventually(&format!("{name} is {phase}"), || {
            let service = self.service(name);
            if service["phase"] == phase { Ok(service) } else { Err(service.to_string()) }
        })
    }

    /// Pid of the daemon.
    pub fn daemon(&self) -> Option<i32> {
        let text = std::fs::read_to_string(self.data().join("run/lock")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    }

    /// `kill -9` of the daemon itself, and its end.
    #[track_caller]
    pub fn kill_daemon(&self) {
        let pid = self.daemon().expect("a daemon");
        kill(pid, 9);
        eventually("the daemon is gone", || if alive(pid) { Err(pid) } else { Ok(()) });
    }

    /// Processes that belong to this stack: they carry its marker or run below its directory.
    pub fn processes(&self) -> Vec<i32> {
        let needle = self.path().to_string_lossy().into_owned();
        let daemon = self.daemon();
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").expect("/proc").flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
            if Some(pid) == daemon || pid == std::process::id() as i32 {
                continue;
            }
            let environ = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            if String::from_utf8_lossy(&environ).contains(&needle) && alive(pid) {
                found.push(pid);
            }
        }
        found
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let output = self.command(&["down"]).output();
        if let Some(pid) = self.daemon().filter(|pid| alive(*pid)) {
            if let Ok(output) = output {
                eprintln!("down left the daemon: {}", String::from_utf8_lossy(&output.stderr));
            }
            kill(pid, 9);
        }
        if std::thread::panicking() {
            eprintln!("reeve.log:\n{}", self.read(".reeve/logs/reeve.log"));
        }
    }
}

/// Tries until it holds; fails with the last answer when patience ends.
#[track_caller]
pub fn eventually<T, E: std::fmt::Debug>(what: &str, mut attempt: impl FnMut() -> Result<T, E>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match attempt() {
            Ok(value) => return value,
            Err(error) if Instant::now() > deadline => panic!("not in {PATIENCE:?}: {what}; last: {error:?}"),
            Err(_) => pause(),
        }
    }
}

/// Between two looks at something that has no event to wait for.
fn pause() {
    let (reader, _writer) = std::io::pipe().expect("a pipe");
    use std::os::fd::AsFd;
    let mut fds = [nix::poll::PollFd::new(reader.as_fd(), nix::poll::PollFlags::POLLIN)];
    nix::poll::poll(&mut fds, 20u8).expect("poll");
}

pub fn alive(pid: i32) -> bool {
    match std::fs::read_to_string(format!("/proc/{pid}/stat")) {
        // A zombie has ended; whoever started it has only not looked yet.
        Ok(stat) => stat.rsplit(')').next().is_some_and(|rest| !rest.trim_start().starts_with('Z')),
        Err(_) => false,
    }
}

pub fn kill(pid: i32, signal: i32) {
    let signal = nix::sys::signal::Signal::try_from(signal).expect("a signal");
    match nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal) {
        Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
        Err(error) => panic!("kill {pid}: {error}"),
    }
}
