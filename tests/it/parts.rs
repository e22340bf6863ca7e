//! Parts through the real binary, from a server of the test's own.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};

use sha2::{Digest, Sha256};

use crate::ports::python;
use crate::support::{Done, Running, Stack, eventually, kill};

/// A web server on loopback. An answer can be held up in the middle.
struct Server {
    address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    files: Mutex<HashMap<String, Vec<u8>>>,
    /// Path and first byte asked for.
    requests: Mutex<Vec<(String, Option<usize>)>>,
    /// How many bytes of a file are sent before it waits to be let go.
    hold: Mutex<Option<usize>>,
    let_go: Condvar,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Arc::new(State::default());
        let serving = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&serving);
                // Whoever asked may go away in the middle.
                std::thread::spawn(move || state.answer(stream).is_ok());
            }
        });
        Self { address, state }
    }

    fn put(&self, path: &str, bytes: &[u8]) -> String {
        self.state.files.lock().expect("files").insert(path.to_owned(), bytes.to_vec());
        format!("{}{path}", self.address)
    }

    fn requests(&self) -> Vec<(String, Option<usize>)> {
        self.state.requests.lock().expect("requests").clone()
    }

    fn hold_after(&self, bytes: Option<usize>) {
        *self.state.hold.lock().expect("hold") = bytes;
        self.state.let_go.notify_all();
    }
}

impl State {
    fn answer(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut head = Vec::new();
        let mut reader = BufReader::new(stream.try_clone()?);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? <= 2 {
                break;
            }
            head.push(line.trim_end().to_owned());
        }
        let path = head.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
        let start = head.iter().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let range = name.eq_ignore_ascii_case("range").then(|| value.strip_prefix("bytes="))??;
            range.trim_end_matches('-').parse::<usize>().ok()
        });
        self.requests.lock().expect("requests").push((path.clone(), start));
        let Some(bytes) = self.files.lock().expect("files").get(&path).cloned() else {
            return stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        };
        let body = &bytes[start.unwrap_or(0)..];
        let status = match start {
            Some(start) => {
                let (last, total) = (bytes.len() - 1, bytes.len());
                format!("206 Partial Content\r\ncontent-range: bytes {start}-{last}/{total}")
            }
            None => "200 OK".to_owned(),
        };
        let length = body.len();
        write!(stream, "HTTP/1.1 {status}\r\netag: \"one\"\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n")?;
        let hold = *self.hold.lock().expect("hold");
        let first = hold.unwrap_or(length).min(length);
        stream.write_all(&body[..first])?;
        let mut hold = self.hold.lock().expect("hold");
        while first < length && hold.is_some() {
            hold = self.let_go.wait(hold).expect("hold");
        }
        drop(hold);
        stream.write_all(&body[first..])
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The archive of a part `tool`: a program that sleeps, and bytes that do not compress.
fn archive() -> Vec<u8> {
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let noise: Vec<u8> = (0..30_000u32).flat_map(|n| Sha256::digest(n.to_le_bytes()).to_vec()).collect();
    let program = b"#!/bin/sh\necho \"tool runs\"\nexec sleep 1000\n".to_vec();
    for (name, mode, content) in [("tool-1.2/bin/reeve-it-tool", 0o755, program), ("tool-1.2/noise", 0o644, noise)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        builder.append_data(&mut header, name, &content[..]).expect("an archive");
    }
    builder.into_inner().expect("an archive").finish().expect("an archive")
}

fn services(url: &str, sum: &str, more: &str) -> String {
    format!(
        r#"
[stack]
name = "parts"
[parts.tool]
version = "1.2"
binaries = ["bin/reeve-it-tool"]
hint = "ask a friend for the tool"
sources = [{{ kind = "url", url = "{url}", sha256 = "{sum}", strip = 1 }}]
[services.tool]
parts = ["tool"]
command = ["${{part.tool.bin}}/reeve-it-tool"]
health = {{ log = "tool runs" }}
{more}
[services.rest]
command = ["sleep", "1000"]
health = {{ delay = "0s" }}
"#
    )
}

/// Runs `reeve` with its parts in the test's own directory.
fn reeve(stack: &Stack, args: &[&str], env: &[(&str, &str)]) -> Done {
    let mut command = stack.command(args);
    command.env("REEVE_PARTS_DIR", cache(stack)).env_remove("REEVE_OFFLINE").env("no_proxy", "*");
    command.envs(env.iter().copied());
    command.output().expect("reeve runs").into()
}

fn cache(stack: &Stack) -> PathBuf {
    stack.path().join("parts")
}

/// Names in the cache, without the lock files.
fn cached(stack: &Stack) -> Vec<String> {
    let entries = std::fs::read_dir(cache(stack)).map(|dir| dir.flatten().collect()).unwrap_or_else(|_| Vec::new());
    let mut names: Vec<String> = entries.iter().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.starts_with(".lock-"));
    names.sort();
    names
}

fn part_name() -> String {
    format!("tool-1.2-{}", std::env::consts::ARCH)
}

#[test]
fn a_missing_part_of_a_required_service_fails_the_start_and_tells_what_would_bring_it() {
    let server = Server::start();
    let stack = Stack::new(&services(&format!("{}/nowhere.tgz", server.address), &sha256(b"x"), ""));
    let done = reeve(&stack, &["up", "-d"], &[]).expect(1);
    assert!(done.stderr.contains("ask a friend for the tool"), "{}", done.stderr);
    let why = reeve(&stack, &["why", "tool"], &[]).stdout;
    for part in ["tool", "nowhere.tgz", "404", "ask a friend for the tool"] {
        assert!(why.contains(part), "{part:?} in {why}");
    }
    assert_eq!(stack.service("tool")["phase"], "failed");
    let doctor = reeve(&stack, &["doctor"], &[]);
    assert!(doctor.stdout.contains("ask a friend"), "{doctor:?}");
    assert_eq!(cached(&stack), Vec::<String>::new());
}

#[test]
fn without_a_part_that_is_not_required_the_rest_comes_up_and_one_line_says_so() {
    let server = Server::start();
    let url = format!("{}/nowhere.tgz", server.address);
    let stack = Stack::new(&services(&url, &sha256(b"x"), "required = false"));
    let done = reeve(&stack, &["up", "-d"], &[]).expect(0);
    let lines: Vec<&str> = done.stderr.lines().filter(|line| line.contains("not available")).collect();
    assert_eq!(lines.len(), 1, "{}", done.stderr);
    for part in ["404", "ask a friend for the tool"] {
        assert!(lines[0].contains(part), "{part:?} in {}", lines[0]);
    }
    assert_eq!(stack.service("rest")["phase"], "ready");
}

#[test]
fn a_wrong_checksum_names_both_sums_and_leaves_nothing() {
    let server = Server::start();
    let archive = archive();
    let (right, wrong) = (sha256(&archive), sha256(b"something else"));
    let url = server.put("/tool.tgz", &archive);
    let stack = Stack::new(&services(&url, &wrong, ""));
    for args in [&["install"][..], &["up", "-d"]] {
        let done = reeve(&stack, args, &[]).expect(1);
        let said = format!("{}{}", done.stdout, done.stderr);
        assert!(said.contains(&right) && said.contains(&wrong), "both sums in {said}");
    }
    assert_eq!(cached(&stack), Vec::<String>::new());
    // Even where another source would do: somebody has touched the first.
    stack.reeve(&["down"]).expect(0);
    let two = services(&url, &wrong, "").replace(
        "strip = 1 }]",
        &format!("strip = 1 }}, {{ kind = \"url\", url = \"{url}\", sha256 = \"{right}\", strip = 1 }}]"),
    );
    stack.write("services.toml", &two);
    reeve(&stack, &["install"], &[]).expect(1);
    assert_eq!(cached(&stack), Vec::<String>::new());
}

#[test]
fn an_install_killed_in_the_middle_is_continued_by_the_next() {
    let server = Server::start();
    let archive = archive();
    let stack = Stack::new(&services(&server.put("/tool.tgz", &archive), &sha256(&archive), ""));
    server.hold_after(Some(archive.len() / 2));
    let mut install = stack.command(&["install"]);
    install.env("REEVE_PARTS_DIR", cache(&stack)).stdout(std::process::Stdio::null());
    let mut install = Running::start(install);
    let partial = eventually("half of it is on the disk", || {
        let entries = std::fs::read_dir(cache(&stack)).map_err(|error| error.to_string())?.flatten();
        let large = entries.map(|entry| (entry.path(), entry.metadata().map_or(0, |meta| meta.len())));
        large.into_iter().find(|(_, length)| *length > 100_000).ok_or("nothing".to_owned())
    });
    kill(install.pid(), 9);
    assert_eq!(install.end(), 137);
    assert!(!cached(&stack).contains(&part_name()), "nothing half made has its name");
    server.hold_after(None);
    reeve(&stack, &["up", "-d"], &[]).expect(0);
    let ranges: Vec<Option<usize>> = server.requests().into_iter().map(|(_, start)| start).collect();
    assert_eq!(ranges.len(), 2, "{ranges:?}");
    assert!(ranges[1] >= Some(partial.1 as usize), "{ranges:?} after {partial:?}");
    assert_eq!(cached(&stack), vec![part_name()], "no temporary file is left");
    assert_eq!(stack.service("tool")["phase"], "ready");
}

#[test]
fn offline_never_asks_the_network_and_uses_what_is_there() {
    let server = Server::start();
    let archive = archive();
    let stack = Stack::new(&services(&server.put("/tool.tgz", &archive), &sha256(&archive), ""));
    type Attempt<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)]);
    let attempts: [Attempt; 3] = [
        (&["install", "--offline"], &[]),
        (&["up", "-d", "--offline"], &[]),
        (&["up", "-d"], &[("REEVE_OFFLINE", "1")]),
    ];
    for (args, env) in attempts {
        let done = reeve(&stack, args, env).expect(1);
        let said = format!("{}{}", done.stdout, done.stderr);
        assert!(said.contains("tool") && said.contains("reeve install"), "what to do in {said}");
        if args[0] == "up" {
            stack.reeve(&["down"]).expect(0);
        }
    }
    assert_eq!(server.requests(), vec![], "the network was asked");
    reeve(&stack, &["install"], &[]).expect(0);
    assert_eq!(server.requests().len(), 1);
    reeve(&stack, &["up", "-d", "--offline"], &[]).expect(0);
    assert_eq!(server.requests().len(), 1);
    assert_eq!(stack.service("tool")["phase"], "ready");
}

#[test]
fn a_named_directory_comes_before_everything_else() {
    let server = Server::start();
    let url = server.put("/tool.tgz", &archive());
    for by_file in [true, false] {
        let stack = Stack::new("");
        let program = "#!/bin/sh\necho \"by hand\"\necho \"tool runs\"\nexec sleep 1000\n";
        stack.write("own/bin/reeve-it-tool", program);
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(stack.path().join("own/bin/reeve-it-tool"), mode).expect("permissions");
        let own = stack.path().join("own").to_string_lossy().into_owned();
        let text = services(&url, &sha256(b"x"), "");
        let (text, env) = match by_file {
            true => (text.replace("version = \"1.2\"", &format!("version = \"1.2\"\npath = \"{own}\"")), vec![]),
            false => (text, vec![("REEVE_PART_TOOL", own.as_str())]),
        };
        stack.write("services.toml", &text);
        reeve(&stack, &["up", "-d"], &env).expect(0);
        let log = stack.reeve(&["logs", "tool"]).expect(0).stdout;
        assert!(log.contains("by hand"), "{log}");
    }
    assert_eq!(server.requests(), vec![]);
    // A directory without the program is an error with its path, and not the next best thing.
    let stack = Stack::new(&services(&url, &sha256(b"x"), ""));
    let empty = stack.shared("empty").to_string_lossy().into_owned();
    let done = reeve(&stack, &["up", "-d"], &[("REEVE_PART_TOOL", &empty)]).expect(1);
    assert!(done.stderr.contains(&empty) && done.stderr.contains("reeve-it-tool"), "{}", done.stderr);
}

/// Answers every command of the Redis protocol.
const CACHE: &str = r#"#!PYTHON
import re, socket, sys
conf = open(sys.argv[-1].split('=')[-1]).read()
port = int(re.search(r'^(?:--)?port[ =](\d+)', conf, re.M).group(1))
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(('127.0.0.1', port))
server.listen(16)
while True:
    peer = server.accept()[0]
    while True:
        data = peer.recv(65536)
        if not data:
            break
        for command in re.split(rb'(?m)^\*\d+\r\n', data)[1:]:
            peer.sendall(b'+PONG\r\n' if b'PING' in command else b'+OK\r\n')
"#;

#[test]
fn the_first_alternative_that_can_be_had_stands_in_and_its_data_keeps_it_there() {
    let Some(python) = python() else { return };
    let stack = Stack::new(
        r#"
[stack]
name = "cache"
[services.cache]
preset = "dragonfly"
ports = { main = "auto" }
volumes = { data = "cache" }
[volumes.cache]
"#,
    );
    for name in ["dragonfly", "valkey", "redis"] {
        let binary = if name == "dragonfly" { name.to_owned() } else { format!("{name}-server") };
        let path = format!("{name}/bin/{binary}");
        stack.write(&path, &CACHE.replace("PYTHON", &python));
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(stack.path().join(&path), std::fs::Permissions::from_mode(0o755))
            .expect("permissions");
    }
    let dir = |name: &str| stack.path().join(name).to_string_lossy().into_owned();
    let (dragonfly, valkey, redis) = (dir("dragonfly"), dir("valkey"), dir("redis"));
    let two = [("REEVE_PART_VALKEY", valkey.as_str()), ("REEVE_PART_REDIS", redis.as_str())];
    let three = [two[0], two[1], ("REEVE_PART_DRAGONFLY", dragonfly.as_str())];
    reeve(&stack, &["up", "-d", "--offline"], &two).expect(0);
    assert_eq!(stack.service("cache")["alternative"], "valkey");
    let log = stack.read(".reeve/logs/reeve.log");
    assert!(log.contains("valkey in place of dragonfly"), "{log}");
    // The data is valkey's now.
    stack.reeve(&["down"]).expect(0);
    reeve(&stack, &["up", "-d", "--offline"], &three).expect(0);
    assert_eq!(stack.service("cache")["alternative"], "valkey");
    // On a new volume the first choice wins.
    stack.reeve(&["down", "--volumes", "--yes"]).expect(0);
    reeve(&stack, &["up", "-d", "--offline"], &three).expect(0);
    assert_eq!(stack.service("cache")["alternative"], serde_json::Value::Null);
}

#[test]
fn the_servers_of_these_tests_tell_the_truth() {
    let server = Server::start();
    server.put("/file", b"0123456789");
    let ask = |range: &str| {
        let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).expect("a connection");
        write!(stream, "GET /file HTTP/1.1\r\n{range}\r\n").expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    };
    assert!(ask("").ends_with("\r\n\r\n0123456789"));
    assert!(ask("Range: bytes=4-\r\n").ends_with("\r\n\r\n456789"));
}
