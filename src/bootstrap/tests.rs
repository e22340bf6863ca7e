//! Steps against real programs and a real PostgreSQL.

#![expect(clippy::print_stderr, reason = "a test that cannot run here says so")]

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::spec::service::InitServer;
use crate::spec::{BootstrapStep, InitSpec, Piece, ProbeAction, StepAction, StopScope, StopSpec, Template};
use crate::volumes::{FreshVolume, Owner, PreparedVolume, StepRecord, VolumeRequest, prepare};

/// Runs programs as an unprivileged account when the tests are root: PostgreSQL refuses root.
struct TestRunner {
    owner: Option<Owner>,
    pids: Mutex<Vec<u32>>,
}

struct TestProcess {
    child: tokio::process::Child,
    pid: i32,
    output: Arc<Mutex<Vec<u8>>>,
    readers: Vec<tokio::task::JoinHandle<()>>,
}

impl Runner for TestRunner {
    fn spawn(&self, line: CommandLine) -> Work<'_, io::Result<Box<dyn Process>>> {
        Box::pin(async move {
            let mut command = tokio::process::Command::new(&line.program);
            command.args(&line.args).env_clear().envs(&line.env).process_group(0).kill_on_drop(true);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            if let Some(cwd) = &line.cwd {
                command.current_dir(cwd);
            }
            if let Some(owner) = self.owner {
                command.uid(owner.uid).gid(owner.gid);
            }
            let mut child = command.spawn()?;
            let pid = child.id().unwrap();
            self.pids.lock().unwrap().push(pid);
            let mut stdin = child.stdin.take().unwrap();
            let input = line.stdin.unwrap_or_default();
            tokio::spawn(async move { stdin.write_all(&input).await });
            let output = Arc::new(Mutex::new(Vec::new()));
            let readers = vec![
                collect(child.stdout.take().unwrap(), output.clone()),
                collect(child.stderr.take().unwrap(), output.clone()),
            ];
            let pid = i32::try_from(pid).unwrap();
            Ok(Box::new(TestProcess { child, pid, output, readers }) as Box<dyn Process>)
        })
    }
}

fn collect(
    mut from: impl tokio::io::AsyncRead + Send + Unpin + 'static,
    into: Arc<Mutex<Vec<u8>>>,
) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let mut buffer = [0; 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            into.lock().unwrap().extend_from_slice(&buffer[..count]);
        }
    })
}

impl Process for TestProcess {
    fn wait(&mut self) -> Work<'_, io::Result<ExitStatus>> {
        Box::pin(self.child.wait())
    }

    fn signal(&mut self, signal: i32, _: StopScope) -> io::Result<()> {
        let signal = nix::sys::signal::Signal::try_from(signal)?;
        Ok(nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.pid), signal)?)
    }

    fn kill(&mut self) -> Work<'_, ()> {
        Box::pin(async move {
            let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(self.pid), nix::sys::signal::Signal::SIGKILL);
            let _ = self.child.wait().await;
            for reader in self.readers.drain(..) {
                reader.await.unwrap();
            }
        })
    }

    fn output(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().unwrap()).into_owned()
    }
}

#[derive(Debug, Default)]
struct Memory(Mutex<BTreeMap<String, String>>);

impl StepRecord for Memory {
    fn is_done(&self, step: &str, sha256: &str) -> bool {
        self.0.lock().unwrap().get(step).is_some_and(|done| done == sha256)
    }

    fn done(&self, step: &str, sha256: &str) -> Result<(), crate::volumes::VolumeError> {
        self.0.lock().unwrap().insert(step.to_owned(), sha256.to_owned());
        Ok(())
    }
}

const SECRET: &str = "s3cretVALUE";

struct World {
    dir: tempfile::TempDir,
    runner: TestRunner,
    env: BTreeMap<String, String>,
    record: Arc<dyn StepRecord>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("rv").tempdir_in("/tmp").unwrap();
        let owner = nix::unistd::geteuid().is_root().then_some(Owner { uid: 65534, gid: 65534 });
        if let Some(owner) = owner {
            std::os::unix::fs::chown(dir.path(), Some(owner.uid), Some(owner.gid)).unwrap();
        }
        let env = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
        let runner = TestRunner { owner, pids: Mutex::default() };
        Self { dir, runner, env, record: Arc::new(Memory::default()) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    async fn with<T>(&self, work: impl AsyncFnOnce(&Context<'_>) -> T) -> T {
        let facts = |name: &str| (name == "secret.x").then(|| SECRET.to_owned());
        let redact = |text: &str| text.replace(SECRET, "[secret]");
        let context = Context {
            service: "svc",
            facts: &facts,
            env: &self.env,
            cwd: self.dir.path(),
            owner: self.runner.owner,
            runner: &self.runner,
            redact: &redact,
        };
        work(&context).await
    }

    async fn run(&self, steps: &[BootstrapStep]) -> Result<(), StepError> {
        self.with(async |context| run_steps(context, steps, &self.record).await).await
    }

    fn nothing_runs(&self) {
        for pid in self.runner.pids.lock().unwrap().iter() {
            assert!(!Path::new(&format!("/proc/{pid}/exe")).exists(), "{pid} still runs");
        }
    }
}

fn step(name: &str, action: StepAction) -> BootstrapStep {
    BootstrapStep { name: name.to_owned(), action, timeout: Duration::from_secs(30), always: false }
}

fn text(text: impl Into<String>) -> Template {
    Template::literal(text)
}

fn words(words: &[&str]) -> Vec<Template> {
    words.iter().map(|word| text(*word)).collect()
}

fn shell(script: &str, stdin: Option<Template>) -> StepAction {
    StepAction::Exec { command: words(&["/bin/sh", "-c", script]), env: BTreeMap::new(), stdin }
}

fn secret() -> Template {
    Template::new(vec![Piece::Fact { name: "secret.x".to_owned(), filter: None }])
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

#[tokio::test]
async fn a_done_step_is_not_repeated_and_a_changed_one_is() {
    let world = World::new();
    let first = step("count", shell("echo x >> out", None));
    world.run(std::slice::from_ref(&first)).await.unwrap();
    world.run(&[first]).await.unwrap();
    assert_eq!(fs::read_to_string(world.path("out")).unwrap(), "x\n");
    let mut changed = step("count", shell("echo y >> out", None));
    world.run(std::slice::from_ref(&changed)).await.unwrap();
    changed.always = true;
    world.run(&[changed]).await.unwrap();
    assert_eq!(fs::read_to_string(world.path("out")).unwrap(), "x\ny\ny\n");
}

#[tokio::test]
async fn a_failed_step_says_why_without_secrets_and_is_not_recorded() {
    let world = World::new();
    let failing = step("fails", shell("cat; echo; exit 3", Some(secret())));
    let error = world.run(&[failing, step("later", shell("echo x > later", None))]).await.unwrap_err();
    let said = format!("{} {error:?}", chain(&error));
    assert!(said.contains("\"fails\" of svc") && said.contains("exit status: 3"), "{said}");
    assert!(said.contains("[secret]") && !said.contains(SECRET), "{said}");
    assert!(error.hint().unwrap().contains("reeve logs svc"));
    assert!(!world.path("later").exists());
}

#[tokio::test]
async fn a_step_that_hangs_is_killed_with_its_children() {
    let world = World::new();
    let mut hanging = step("hangs", shell("sleep 1000 & echo $! > child; wait", None));
    hanging.timeout = Duration::from_millis(300);
    let error = world.run(&[hanging]).await.unwrap_err();
    assert!(matches!(error.cause, Cause::Timeout { .. }), "{error:?}");
    world.nothing_runs();
    let child = fs::read_to_string(world.path("child")).unwrap();
    let gone = || fs::read_link(format!("/proc/{}/exe", child.trim())).is_err();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    while !gone() {
        assert!(tokio::time::Instant::now() < deadline, "the child {child} lives on");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let world = World::new();
    let action = StepAction::Exec { command: words(&["/no/such/program"]), env: BTreeMap::new(), stdin: None };
    let error = world.run(&[step("missing", action)]).await.unwrap_err();
    assert!(chain(&error).contains("cannot run /no/such/program: No such file"), "{}", chain(&error));
}

#[tokio::test]
async fn copies_and_rendered_files_are_made_once() {
    let world = World::new();
    fs::create_dir_all(world.path("from/sub")).unwrap();
    fs::write(world.path("from/sub/file"), "1").unwrap();
    let name = |name: &str| text(world.path(name).to_str().unwrap());
    let steps = [
        step("copy", StepAction::Copy { from: name("from"), to: name("to/deep") }),
        step("render", StepAction::Render { content: secret(), to: name("made/file"), mode: 0o640 }),
    ];
    world.run(&steps).await.unwrap();
    assert_eq!(fs::read_to_string(world.path("to/deep/sub/file")).unwrap(), "1");
    assert_eq!(fs::read_to_string(world.path("made/file")).unwrap(), SECRET);
    fs::write(world.path("made/file"), "changed by the service").unwrap();
    let again = World { record: Arc::new(Memory::default()), ..world };
    again.run(&steps).await.unwrap();
    assert_eq!(fs::read_to_string(again.path("made/file")).unwrap(), "changed by the service");
}

#[tokio::test]
async fn a_request_is_judged_by_its_status() {
    let world = World::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = text(format!("http://{}/x", listener.local_addr().unwrap()));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).await.unwrap();
            let asked = String::from_utf8_lossy(&buffer[..count]).into_owned();
            let status = if asked.contains("x-token: s3cretVALUE") { "201 Created" } else { "401 Unauthorized" };
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let http = |headers| StepAction::Http {
        method: "POST".to_owned(),
        url: url.clone(),
        headers,
        body: Some(text("{}")),
        status: (200, 299),
    };
    world.run(&[step("good", http(vec![("x-token".to_owned(), secret())]))]).await.unwrap();
    let error = world.run(&[step("bad", http(vec![]))]).await.unwrap_err();
    assert!(matches!(error.cause, Cause::Status { status: 401, .. }), "{error:?}");
}

#[tokio::test]
async fn a_server_that_never_comes_is_waited_for_only_so_long() {
    let world = World::new();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for action in [
        StepAction::Sql {
            url: text(format!("postgres://a:{SECRET}@{closed}/x?sslmode=disable")),
            statements: text("SELECT 1"),
        },
        StepAction::Http {
            method: "GET".to_owned(),
            url: text(format!("http://{closed}/")),
            headers: vec![],
            body: None,
            status: (200, 299),
        },
    ] {
        let mut waiting = step("waits", action);
        waiting.timeout = Duration::from_millis(600);
        let error = world.run(&[waiting]).await.unwrap_err();
        let said = format!("{} {error:?}", chain(&error));
        assert!(matches!(error.cause, Cause::Connect(_) | Cause::Timeout { .. }), "{said}");
        assert_eq!(error.retry(), crate::volumes::Retry::Transient);
        assert!(!said.contains(SECRET), "{said}");
    }
}

/// Where a PostgreSQL server is found, of whatever version, or `None` (said loudly).
fn postgres_bin() -> Option<PathBuf> {
    let cache = std::env::var("XDG_CACHE_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cache")));
    let listed = |dir: PathBuf| fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path().join("bin"));
    let mut found: Vec<PathBuf> = listed(PathBuf::from("/usr/lib/postgresql"))
        .chain(listed(PathBuf::from(cache.unwrap_or_default()).join("reeve/parts")))
        .chain(std::env::var("REEVE_TEST_POSTGRES_BIN").map(PathBuf::from))
        .filter(|bin| bin.join("initdb").exists() && bin.join("postgres").exists())
        .collect();
    found.sort();
    let bin = found.pop();
    if bin.is_none() {
        eprintln!("SKIPPED: no PostgreSQL server here; set REEVE_TEST_POSTGRES_BIN to its bin directory");
    }
    bin
}

fn fresh(world: &World) -> FreshVolume {
    let request = VolumeRequest {
        stack: "test".to_owned(),
        volume: "pg".to_owned(),
        service: "svc".to_owned(),
        preset: None,
        data_format: None,
        part: None,
        path: world.path("volumes/pg"),
        mode: 0o700,
        owner: world.runner.owner,
    };
    match prepare(&request).unwrap() {
        PreparedVolume::Fresh(fresh) => fresh,
        PreparedVolume::Ready(_) => panic!("it was not there"),
    }
}

fn data() -> Piece {
    Piece::Fact { name: "self.volume.data".to_owned(), filter: None }
}

/// A PostgreSQL on a socket in the world's directory only.
fn postgres_init(world: &World, bin: &Path, steps: Vec<BootstrapStep>) -> (InitSpec, Template) {
    let pgdata = Template::new(vec![data(), Piece::Literal("/pgdata".to_owned())]);
    let socket = world.dir.path().to_str().unwrap().to_owned();
    let program = |name: &str| text(bin.join(name).to_str().unwrap());
    let url = text(format!("postgres://postgres@localhost/postgres?host={socket}&sslmode=disable"));
    let initdb = vec![program("initdb"), text("-D"), pgdata.clone(), text("-Upostgres"), text("-N")];
    let mut server = vec![program("postgres"), text("-D"), pgdata];
    server.extend(words(&["-h", "", "-k", &socket, "-F"]));
    let init = InitSpec {
        volume: "data".to_owned(),
        steps: vec![step("initdb", StepAction::Exec { command: initdb, env: BTreeMap::new(), stdin: None })],
        server: Some(InitServer {
            command: server,
            ready: ProbeAction::Postgres { url: url.clone() },
            ready_timeout: Duration::from_secs(60),
            steps,
            stop: StopSpec { signal: 2, grace: Duration::from_secs(60), ..StopSpec::default() },
        }),
    };
    (init, url)
}

/// semantics case 45: the server of the first start is private, and gone before the volume is in its place.
#[tokio::test]
async fn an_init_with_a_temporary_postgres_leaves_a_whole_volume_and_no_process() {
    let Some(bin) = postgres_bin() else { return };
    let world = World::new();
    let sql = world.path("sql");
    fs::create_dir(&sql).unwrap();
    fs::write(sql.join("2.sql"), "INSERT INTO t VALUES (2);").unwrap();
    fs::write(sql.join("1.sql"), "CREATE TABLE t (i int); INSERT INTO t VALUES (1);").unwrap();
    fs::write(sql.join("notes.txt"), "no SQL").unwrap();
    let dir_step = |url: Template| step("hook", StepAction::SqlDir { url, dir: text(sql.to_str().unwrap()) });
    let (mut init, url) = postgres_init(&world, &bin, vec![]);
    if let Some(server) = &mut init.server {
        server.steps.push(dir_step(url.clone()));
    }
    let volume = fresh(&world);
    world.with(async |context| run_init(context, &init, &volume).await).await.unwrap();
    world.nothing_runs();
    let volume = volume.commit().unwrap();
    let steps: Vec<_> = volume.manifest().steps.into_keys().collect();
    assert_eq!(steps, ["hook/1.sql", "hook/2.sql", "initdb"]);
    assert!(volume.path().join("pgdata/PG_VERSION").exists());
    assert!(!volume.path().join("pgdata/postmaster.pid").exists(), "it was not stopped in order");
}

#[tokio::test]
async fn a_failed_init_stops_its_server_and_leaves_no_volume() {
    let Some(bin) = postgres_bin() else { return };
    let world = World::new();
    let (mut init, url) = postgres_init(&world, &bin, vec![]);
    let bad = format!("SELECT '{SECRET}'; SELEKT 1");
    if let Some(server) = &mut init.server {
        server.steps.push(step("bad", StepAction::Sql { url, statements: text(bad) }));
    }
    let volume = fresh(&world);
    let error = world.with(async |context| run_init(context, &init, &volume).await).await.unwrap_err();
    let said = format!("{} {error:?}", chain(&error));
    assert!(said.contains("SELEKT") && said.contains("42601"), "{said}");
    assert!(!said.contains(SECRET), "{said}");
    world.nothing_runs();
    drop(volume);
    assert!(!world.path("volumes/pg").exists());
}

#[tokio::test]
async fn an_init_server_that_ends_early_is_reported_with_its_words() {
    let world = World::new();
    let init = InitSpec {
        volume: "data".to_owned(),
        steps: vec![],
        server: Some(InitServer {
            command: words(&["/bin/sh", "-c", "echo cannot lock memory >&2; exit 7"]),
            ready: ProbeAction::Unix { path: text("/no/such/socket") },
            ready_timeout: Duration::from_secs(20),
            steps: vec![],
            stop: StopSpec::default(),
        }),
    };
    let volume = fresh(&world);
    let error = world.with(async |context| run_init(context, &init, &volume).await).await.unwrap_err();
    let said = chain(&error);
    assert!(said.contains("did not become ready") && said.contains("exit status: 7"), "{said}");
}

fn mongod() -> Option<PathBuf> {
    let cache = std::env::var("XDG_CACHE_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cache")));
    let parts = PathBuf::from(cache.unwrap_or_default()).join("reeve/parts");
    let cached = fs::read_dir(parts).into_iter().flatten().flatten().map(|entry| entry.path().join("bin/mongod"));
    let found = cached.chain(std::env::var("REEVE_TEST_MONGOD").map(PathBuf::from)).find(|path| path.exists());
    if found.is_none() {
        eprintln!("SKIPPED: no MongoDB server here; set REEVE_TEST_MONGOD to its program");
    }
    found
}

#[tokio::test]
async fn an_init_with_a_temporary_mongodb_makes_its_users() {
    let Some(mongod) = mongod() else { return };
    let world = World::new();
    let socket = world.path("init.sock").to_str().unwrap().to_owned();
    let db = Template::new(vec![data(), Piece::Literal("/db".to_owned())]);
    let keep = Template::new(vec![data(), Piece::Literal("/db/.keep".to_owned())]);
    let url = text(format!("mongodb://{}/?directConnection=true", socket.replace('/', "%2F")));
    let mut command = vec![text(mongod.to_str().unwrap()), text("--dbpath"), db];
    command.extend(words(&["--bind_ip", &socket, "--nounixsocket", "--wiredTigerCacheSizeGB", "0.25"]));
    let run = |name: &str, command: &str| {
        let command = Template::new(vec![
            Piece::Literal(command.split("SECRET").next().unwrap_or_default().to_owned()),
            Piece::Fact { name: "secret.x".to_owned(), filter: Some(crate::spec::Filter::Json) },
            Piece::Literal(command.split("SECRET").nth(1).unwrap_or_default().to_owned()),
        ]);
        step(name, StepAction::Mongo { url: url.clone(), database: text("admin"), command })
    };
    let user = r#"{"createUser": "app", "pwd": SECRET, "roles": [{"role": "readWrite", "db": "app"}]}"#;
    let mut init = InitSpec {
        volume: "data".to_owned(),
        steps: vec![step("dir", StepAction::Render { content: text(""), to: keep, mode: 0o600 })],
        server: Some(InitServer {
            command,
            ready: ProbeAction::Mongo { url: url.clone() },
            ready_timeout: Duration::from_secs(60),
            steps: vec![run("user", user)],
            stop: StopSpec { grace: Duration::from_secs(60), ..StopSpec::default() },
        }),
    };
    let volume = fresh(&world);
    world.with(async |context| run_init(context, &init, &volume).await).await.unwrap();
    world.nothing_runs();

    // The user is there for good: making it again is refused, without its password in the words.
    if let Some(server) = &mut init.server {
        server.steps = vec![run("again", user)];
    }
    let error = world.with(async |context| run_init(context, &init, &volume).await).await.unwrap_err();
    let said = format!("{} {error:?}", chain(&error));
    assert!(said.contains("already exists"), "{said}");
    assert!(!said.contains(SECRET), "{said}");
    world.nothing_runs();
}
