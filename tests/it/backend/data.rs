//! The data services of these tests: one stack for the whole run, made by reeve itself, ended when the run ends.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Condvar, Mutex, OnceLock};

use crate::support::{Stack, binary};

const SERVICES: &str = r#"
[stack]
name = "backend-tests"

[volumes.postgres]
[volumes.mongo]
[volumes.valkey]

[services.postgres]
preset = "postgresql"
ports = { sql = "auto" }
volumes = { data = "postgres" }
env = { POSTGRES_DB = "statusdb", POSTGRES_USER = "statususer", POSTGRES_READER = "grafanauser" }
credentials = { postgres = "${secret.db_admin_password}", port = "${self.port}" }

[services.mongo]
preset = "mongodb"
ports = { mongo = "auto" }
volumes = { data = "mongo" }
credentials = { root = "${secret.mongo_admin_password}", port = "${self.port}" }

[services.valkey]
preset = "valkey"
ports = { redis = "auto" }
volumes = { data = "valkey" }
credentials = { password = "${secret.cache_password}", port = "${self.port}" }
"#;

/// Valkey has so many numbered databases; a test has one to itself.
const CACHES: i64 = 16;

pub struct Data {
    pub postgres_port: u16,
    pub postgres_password: String,
    pub mongo_port: u16,
    pub mongo_password: String,
    pub valkey_port: u16,
    pub valkey_password: String,
    free: Mutex<Vec<i64>>,
    returned: Condvar,
}

/// A numbered database of the cache, empty; given back when dropped.
pub struct CacheNumber(pub i64);

impl Drop for CacheNumber {
    fn drop(&mut self) {
        let data = data();
        data.free.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(self.0);
        data.returned.notify_one();
    }
}

impl Data {
    pub fn cache(&self) -> CacheNumber {
        let free = self.free.lock().expect("the numbers");
        let mut free = self.returned.wait_while(free, |free| free.is_empty()).expect("the numbers");
        let number = free.pop().expect("one is free");
        drop(free);
        let url = self.cache_url(number);
        let mut connection = redis::Client::open(url).expect("a URL").get_connection().expect("Valkey");
        let () = redis::cmd("FLUSHDB").query(&mut connection).expect("FLUSHDB");
        CacheNumber(number)
    }

    pub fn cache_url(&self, number: i64) -> String {
        format!("redis://:{}@127.0.0.1:{}/{number}", self.valkey_password, self.valkey_port)
    }

    /// As the superuser, who alone can make databases.
    pub fn postgres_url(&self, database: &str) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/{database}", self.postgres_password, self.postgres_port)
    }

    pub fn mongo_url(&self, database: &str) -> String {
        let (password, port) = (&self.mongo_password, self.mongo_port);
        format!("mongodb://root:{password}@127.0.0.1:{port}/{database}?authSource=admin&directConnection=true")
    }
}

/// Started by the first test that asks.
pub fn data() -> &'static Data {
    static DATA: OnceLock<Data> = OnceLock::new();
    DATA.get_or_init(|| {
        // Never dropped: statics are not. Whoever waits for the end of this process cleans up.
        let stack = Box::leak(Box::new(Stack::new(SERVICES)));
        clean_up_afterwards(stack);
        stack.reeve(&["up", "-d", "--timeout", "900s"]).expect(0);
        let all = stack.reeve(&["credentials", "--json"]).expect(0).json();
        let text = |service: &str, label: &str| {
            all["services"][service][label]
                .as_str()
                .unwrap_or_else(|| panic!("{label} of {service} in {all}"))
                .to_owned()
        };
        let port = |service: &str| text(service, "port").parse().expect("a port");
        Data {
            postgres_port: port("postgres"),
            postgres_password: text("postgres", "postgres"),
            mongo_port: port("mongo"),
            mongo_password: text("mongo", "root"),
            valkey_port: port("valkey"),
            valkey_password: text("valkey", "password"),
            free: Mutex::new((0..CACHES).collect()),
            returned: Condvar::new(),
        }
    })
}

/// A shell that reads from a pipe whose other end only this process holds: it goes on when this process ends, however.
fn clean_up_afterwards(stack: &'static Stack) {
    let mut command = Command::new("sh");
    let script = r#"read -r _; cd "$1" && "$2" down > /dev/null 2>&1; cd / && rm -rf "$1""#;
    command.args(["-c", script, "sh"]).arg(stack.path()).arg(binary());
    command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    #[expect(clippy::disallowed_methods, clippy::zombie_processes, reason = "it has to outlive this process")]
    let child = command.spawn().expect("a shell");
    let mut pipe = child.stdin.expect("its input");
    pipe.flush().expect("its input");
    std::mem::forget(pipe);
}
