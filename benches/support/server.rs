//! A service of ours as a process of its own, asked by `wrk`, and what that costs it.

use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::{REEVE, eventually};

pub struct Server {
    pub process: Child,
    pub address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // Ended already, or now.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What `wrk` saw, and what the server spent.
pub struct Load {
    pub rate: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub cpu_us: f64,
}

impl Server {
    /// `reeve serve ROLE` with nothing in its environment but what is given; it listens already.
    #[expect(clippy::disallowed_methods, reason = "a bench is no supervisor: it waits for this child itself")]
    pub fn start(role: &str, work: &Path, environment: &[(&str, String)]) -> Self {
        let log = work.join(format!("{role}.log"));
        let output = std::fs::File::create(&log).expect("a log");
        let mut command = Command::new(REEVE);
        command.args(["serve", role]).env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(work).stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
        let process = command.spawn().expect("the server starts");
        let mut address = String::new();
        eventually("the server listens", Duration::from_secs(20), || {
            let text = std::fs::read_to_string(&log).expect("the log");
            let found = text.split("address=").nth(1).and_then(|rest| rest.split_whitespace().next());
            address = found.unwrap_or_default().to_owned();
            !address.is_empty()
        });
        Self { process, address }
    }

    /// Milliseconds from exec to the first good answer about readiness.
    pub fn timed_start(role: &str, work: &Path, environment: &[(&str, String)]) -> f64 {
        Self::timed_start_at(role, work, environment, "/health/ready")
    }

    pub fn timed_start_at(role: &str, work: &Path, environment: &[(&str, String)], path: &str) -> f64 {
        let begun = Instant::now();
        let server = Self::start(role, work, environment);
        let request = format!("GET {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n");
        eventually("the server is ready", Duration::from_secs(20), || server.ask(&request).starts_with("HTTP/1.1 200"));
        begun.elapsed().as_secs_f64() * 1e3
    }

    /// All its threads on one processor.
    pub fn pin(&self, core: &str) {
        let mut command = Command::new("taskset");
        command.args(["-a", "-p", "-c", core, &self.process.id().to_string()]).stdout(Stdio::null());
        let pinned = command.status().expect("taskset, of util-linux");
        assert!(pinned.success(), "cannot be pinned to processor {core}");
    }

    /// Waits until what only the start needed has been given back, three seconds after it.
    pub fn settle(&self) {
        let begun = Instant::now();
        eventually("the server settles", Duration::from_secs(10), || begun.elapsed() > Duration::from_secs(5));
    }

    /// The whole answer to a request as it goes over the wire; empty when there is none.
    pub fn ask(&self, request: &str) -> String {
        let Ok(mut stream) = std::net::TcpStream::connect(&self.address) else { return String::new() };
        let mut answer = Vec::new();
        let asked =
            std::io::Write::write_all(&mut stream, request.as_bytes()).and_then(|()| stream.read_to_end(&mut answer));
        asked.map(|_| String::from_utf8_lossy(&answer).into_owned()).unwrap_or_default()
    }

    pub fn wrk(&self, path: &str, connections: u32, seconds: u32, options: &[String]) -> Child {
        self.asked_by(Command::new("wrk"), path, connections, seconds, options)
    }

    #[expect(clippy::disallowed_methods, reason = "a bench is no supervisor: it waits for this child itself")]
    fn asked_by(&self, mut command: Command, path: &str, connections: u32, seconds: u32, options: &[String]) -> Child {
        command.args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}"), "--latency", "--timeout", "30s"]);
        command.args(options);
        command.arg(format!("http://{}{path}", self.address)).stdout(Stdio::piped()).stderr(Stdio::inherit());
        command.spawn().expect("wrk, from the package of that name")
    }

    pub fn load(&self, path: &str, connections: u32, seconds: u32, options: &[String]) -> Load {
        self.measured(path, || self.wrk(path, connections, seconds, options))
    }

    /// Asked from one processor.
    pub fn pinned_load(&self, path: &str, connections: u32, seconds: u32, options: &[String], core: &str) -> Load {
        let mut command = Command::new("taskset");
        command.args(["-c", core, "wrk"]);
        self.measured(path, || self.asked_by(command, path, connections, seconds, options))
    }

    fn measured(&self, path: &str, begin: impl FnOnce() -> Child) -> Load {
        let before = self.cpu();
        let output = begin().wait_with_output().expect("wrk ends");
        let spent = self.cpu() - before;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!text.contains("Non-2xx"), "{path}: {text}");
        let number = |after: &str| {
            let rest = text.split(after).nth(1).unwrap_or_else(|| panic!("{after} in {text}"));
            rest.split_whitespace().next().expect("a number").to_owned()
        };
        // Lines of the latency distribution; the statistics of the threads above it have percentages too.
        let percentile = |name: &str| {
            let line = text.lines().find_map(|line| line.trim_start().strip_prefix(name));
            ms(line.unwrap_or_else(|| panic!("{name} in {text}")).trim())
        };
        let line = text.lines().find(|line| line.contains("requests in")).expect("a count");
        let count: f64 = line.split_whitespace().next().and_then(|count| count.parse().ok()).expect("a count");
        Load {
            rate: number("Requests/sec:").parse().expect("a rate"),
            p50_ms: percentile("50%"),
            p99_ms: percentile("99%"),
            cpu_us: spent / count * 1e6,
        }
    }

    /// Seconds of processor time so far, of the server and of the kernel for it.
    pub fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).expect("stat");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        let ticks: f64 = [11, 12].into_iter().map(|at: usize| fields[at].parse::<f64>().expect("ticks")).sum();
        // USER_HZ of every Linux that this runs on.
        ticks / 100.0
    }

    /// MiB.
    pub fn resident(&self) -> f64 {
        resident(u64::from(self.process.id()))
    }
}

/// MiB of a process.
pub fn resident(pid: u64) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<f64>().ok()).expect("KiB") / 1024.0
}

/// A time as `wrk` prints it.
fn ms(text: &str) -> f64 {
    let (digits, unit) = text.split_at(text.find(|letter: char| letter.is_ascii_alphabetic()).expect("a unit"));
    let scale = match unit {
        "us" => 1e-3,
        "ms" => 1.0,
        "s" => 1e3,
        _ => 60e3,
    };
    digits.parse::<f64>().expect("a time") * scale
}
