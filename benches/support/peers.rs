//! Other proxies beside ours: nginx, HAProxy and Caddy, as they are packaged, with one worker and no access log each.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::eventually;
use super::server::Server;

/// Where one proxy runs; what asks and what answers share the other processor.
pub const PROXY_CORE: &str = "0";
pub const OTHER_CORE: &str = "1";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    Nginx,
    HaProxy,
    Caddy,
}

impl Peer {
    fn program(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::HaProxy => "haproxy",
            Self::Caddy => "caddy",
        }
    }

    /// In front of `upstream`, with the files of `web` below /web/; nothing where it is not installed.
    pub fn start(self, work: &Path, upstream: &str, web: &Path) -> Option<Server> {
        let program = found(self.program())?;
        let place = work.join(self.program());
        fs::create_dir_all(&place).expect("a directory");
        let address = free_address();
        let file = place.join("config");
        let (place_text, web) = (place.display(), web.display());
        let (text, arguments) = match self {
            Self::Nginx => (
                format!(
                    "{}upstream up {{ server {upstream}; keepalive 128; keepalive_requests 100000000; }}\n\
                     server {{ listen {address}; location / {{ proxy_pass http://up; proxy_http_version 1.1; \
                     proxy_set_header Connection \"\"; proxy_set_header Host $host; \
                     proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; }}\n\
                     location /web/ {{ alias {web}/; expires 30d; }} }} }}\n",
                    nginx_head(&place)
                ),
                vec!["-c".to_owned(), file.display().to_string(), "-e".to_owned(), format!("{place_text}/error")],
            ),
            Self::HaProxy => (
                format!(
                    "global\n  nbthread 1\n  maxconn 4096\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  \
                     timeout server 60s\n  http-reuse always\n  option forwardfor\nfrontend f\n  bind {address}\n  \
                     default_backend b\nbackend b\n  server s {upstream}\n"
                ),
                vec!["-f".to_owned(), file.display().to_string()],
            ),
            Self::Caddy => (
                format!("{{\n\tadmin off\n\tauto_https off\n}}\nhttp://{address} {{\n\treverse_proxy {upstream}\n}}\n"),
                ["run", "--adapter", "caddyfile", "--config"]
                    .map(str::to_owned)
                    .into_iter()
                    .chain([file.display().to_string()])
                    .collect(),
            ),
        };
        fs::write(&file, text).expect("a configuration");
        Some(pinned(&program, &arguments, &place, PROXY_CORE, address))
    }
}

/// nginx as the service behind all of them, which serves the files of `root`.
pub fn upstream(work: &Path, root: &Path) -> Option<Server> {
    let program = found("nginx")?;
    let place = work.join("upstream");
    fs::create_dir_all(&place).expect("a directory");
    let address = free_address();
    let file = place.join("config");
    let text = format!("{}server {{ listen {address}; root {}; }} }}\n", nginx_head(&place), root.display());
    fs::write(&file, text).expect("a configuration");
    let arguments =
        ["-c".to_owned(), file.display().to_string(), "-e".to_owned(), format!("{}/error", place.display())];
    Some(pinned(&program, &arguments, &place, OTHER_CORE, address))
}

/// One process, as the account that started it, with everything it writes below `place`.
fn nginx_head(place: &Path) -> String {
    let place = place.display();
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {place}/{name}; "))
        .concat();
    format!(
        "daemon off; master_process off; pid {place}/pid; error_log {place}/error;\nevents {{ worker_connections 4096; }}\n\
         http {{ access_log off; sendfile on; keepalive_requests 100000000; keepalive_timeout 600s; {paths}\n"
    )
}

#[expect(clippy::disallowed_methods, reason = "a bench is no supervisor: it waits for this child itself")]
fn pinned(program: &Path, arguments: &[String], place: &Path, core: &str, address: String) -> Server {
    let output = fs::File::create(place.join("output")).expect("a log");
    let mut command = Command::new("taskset");
    command.args(["-c", core]).arg(program).args(arguments).env("GOMAXPROCS", "1").env("HOME", place);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
    let process = command.spawn().expect("taskset, of util-linux");
    let server = Server { process, address };
    eventually("it listens", Duration::from_secs(20), || TcpStream::connect(&server.address).is_ok());
    server
}

/// Somebody else may take it meanwhile; then the bench stops.
fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port").to_string()
}

fn found(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    // Where Debian keeps servers is not on everybody's path.
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into()])
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}
