//! A stack in a temporary directory, driven through the real `reeve` binary.

pub mod cable;
pub mod pages;
pub mod role;
mod shipped;

pub use shipped::services;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
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
        let stack = Self::empty();
        stack.write("services.toml", services);
        stack
    }

    /// Nothing in it yet.
    pub fn empty() -> Self {
        let stack = Self { dir: tempfile::tempdir().expect("a temporary directory") };
        // Services run as another account when the tests run as root, and must reach what lies here.
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(stack.path(), std::fs::Permissions::from_mode(0o755)).expect("permissions");
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
        let mut command = Command::new(binary());
        command.current_dir(self.path()).args(args).stdin(Stdio::null()).env("NO_COLOR", "1");
        command
    }

    pub fn reeve(&self, args: &[&str]) -> Done {
        self.command(args).output().expect("reeve runs").into()
    }

    /// Starts `reeve` and does not wait for it. It is seen to its end when the child is dropped.
    pub fn spawn(&self, args: &[&str]) -> Running {
        let mut command = self.command(args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Running::start(command)
    }

    /// What happened to a service, oldest first.
    #[track_caller]
    pub fn events(&self, service: &str) -> Vec<Value> {
        let events = self.reeve(&["events", "--json"]).expect(0).stdout;
        let events = events.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        events.filter(|event| event["service"] == service).collect()
    }

    /// How often a service came into a phase.
    #[track_caller]
    pub fn times_in(&self, service: &str, phase: &str) -> usize {
        self.events(service).iter().filter(|event| event["kind"] == "phase" && event["phase"] == phase).count()
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

    /// Pid of the daemon, if it runs. Its lock outlives it, and its number may be another process's by then.
    pub fn daemon(&self) -> Option<i32> {
        let text = std::fs::read_to_string(self.data().join("run/lock")).ok()?;
        let pid: i32 = text.split_whitespace().next()?.parse().ok()?;
        let cmdline = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let named = String::from_utf8_lossy(&cmdline).contains(&*self.path().to_string_lossy());
        let here = || std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == self.path());
        (!cmdline.is_empty() && (named || here())).then_some(pid)
    }

    /// `kill -9` of the daemon itself, and its end.
    #[track_caller]
    pub fn kill_daemon(&self) {
        let pid = self.daemon().expect("a daemon");
        kill(pid, 9);
        eventually("the daemon is gone", || if self.daemon() == Some(pid) { Err(pid) } else { Ok(()) });
    }

    /// Control groups of this stack, in whatever hierarchy.
    pub fn groups(&self) -> Vec<PathBuf> {
        use sha2::Digest;
        let data = self.data().canonicalize().unwrap_or_else(|_| self.data());
        let hash = sha2::Sha256::digest(data.to_string_lossy().as_bytes());
        let name: String = hash.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let mut found = Vec::new();
        let mut open = vec![PathBuf::from("/sys/fs/cgroup")];
        while let Some(dir) = open.pop() {
            let below = std::fs::read_dir(&dir).into_iter().flatten().flatten();
            for entry in below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
                if entry.file_name().to_string_lossy().starts_with(&format!("reeve-{name}")) {
                    found.push(entry.path());
                } else {
                    open.push(entry.path());
                }
            }
        }
        found
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

/// What futures of a test are run on.
pub fn event_loop() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    event_loop().block_on(work)
}

/// A program under way; killed and waited for when the test ends before it does.
pub struct Running(pub Child);

impl Running {
    #[track_caller]
    pub fn start(mut command: Command) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the tests start reeve itself, and strangers to it")]
        let child = command.spawn();
        Self(child.unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    pub fn pid(&self) -> i32 {
        self.0.id() as i32
    }

    /// Waits until this client has put its request to the daemon of `stack` and waits for the answer.
    #[track_caller]
    pub fn has_asked(&self, stack: &Stack) {
        eventually("the client is connected", || {
            let fds = std::fs::read_dir(format!("/proc/{}/fd", self.pid())).map_err(|error| error.to_string())?;
            let mut links = fds.flatten().filter_map(|fd| std::fs::read_link(fd.path()).ok());
            if links.any(|link| link.to_string_lossy().starts_with("socket:")) { Ok(()) } else { Err(String::new()) }
        });
        // What was sent before these is taken before them.
        for _ in 0..3 {
            stack.reeve(&["ps"]).expect(0);
        }
    }

    /// Its exit code, `128+N` for an end by a signal.
    #[track_caller]
    pub fn end(&mut self) -> i32 {
        let status = eventually("its end", || match self.0.try_wait().expect("wait") {
            Some(status) => Ok(status),
            None => Err("it runs"),
        });
        use std::os::unix::process::ExitStatusExt;
        status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Ended already, or now.
        let _ = self.0.kill();
        let _ = self.0.wait();
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

/// The binary under test; a copy when another user runs the tests, who may not reach the original.
pub fn binary() -> PathBuf {
    std::env::var_os("TEST_REEVE_BINARY").map_or_else(|| env!("CARGO_BIN_EXE_reeve").into(), PathBuf::from)
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

/// Ended children of a process that it has not looked at.
pub fn zombies(parent: i32) -> Vec<i32> {
    let pids = std::fs::read_dir("/proc").expect("/proc").flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let mut fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
        fields.next() == Some("Z") && fields.next() == Some(&parent.to_string())
    })
    .collect()
}

/// A port that nobody has at this moment.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// For what this machine or account cannot do: said, not passed over in silence.
pub fn skip(reason: &str) {
    eprintln!("SKIPPED: {reason}");
}

pub fn kill(pid: i32, signal: i32) {
    let signal = nix::sys::signal::Signal::try_from(signal).expect("a signal");
    match nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal) {
        Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
        Err(error) => panic!("kill {pid}: {error}"),
    }
}
