//! The web application in a browser, through the proxy, over the whole stack: the walk of `web/tests/browser/walk.mjs`.
//!
//! Owns what the walk needs: the stack with a double of Grafana, its first users, the built application, a browser. What is
//! done in the browser, and what must hold there, stands in the walk. Pictures of every page are left in `web/shots`, or
//! where `WALK_SHOTS` says.

mod application;
mod build;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::doubles::grafana_http::{self, Grafana};
use crate::support::{Stack, skip};

/// The repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_browser_walks_through_the_whole_platform() {
    let Some(browser) = browser() else {
        skip(
            "no Chromium (chromium, chromium-browser, google-chrome, or CHROMIUM); the walk through the web application was not made",
        );
        return;
    };
    application::build();
    let grafana = Grafana::start();
    let stack = Stack::shipped();
    application::copy(&root().join("web/dist"), &stack.path().join("web/dist"));
    let part = part(&stack, &grafana);
    let mut up = stack.command(&["up", "-d", "--wait", "--timeout", "900s"]);
    let done: crate::support::Done = up.env("REEVE_PART_GRAFANA", &part).output().expect("reeve").into();
    done.expect(0);
    for name in ["reverse-proxy", "status-backend", "nodered", "registry", "grafana"] {
        assert_eq!(stack.service(name)["phase"], "ready", "{name}");
    }
    // The administrator with the generated password first; the demonstration leaves who is there as they are.
    stack.reeve(&["populate"]).expect(0);
    stack.reeve(&["populate", "--demo"]).expect(0);
    let credentials = stack.reeve(&["credentials", "--json"]).expect(0).stdout;

    let proxy = stack.service("reverse-proxy")["ports"]["http"].as_str().expect("an address").to_owned();
    let output = walk(&browser, &format!("http://{proxy}"), &credentials);
    let said = String::from_utf8_lossy(&output.stdout);
    eprintln!("{said}");
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    // What the walk made came to Grafana, and is gone again.
    let asked = grafana.server.asked();
    for line in ["POST /api/folders", "POST /api/dashboards/db", "DELETE /api/dashboards/uid/"] {
        assert!(asked.iter().any(|it| it.line().starts_with(line)), "{line}");
    }
    assert_eq!(grafana.dashboards(), 0);
    stack.reeve(&["down"]).expect(0);
}

/// The double as the part `grafana`: its process refuses a wrong configuration, and hands on to the one that keeps things.
fn part(stack: &Stack, grafana: &Grafana) -> PathBuf {
    let part = stack.grafana_part();
    let mut api = reqwest::Url::parse(&grafana.url()).expect("an address");
    api.set_username(grafana_http::USER).expect("a user");
    api.set_password(Some(grafana_http::PASSWORD)).expect("a password");
    std::fs::write(part.join("bin/api"), api.as_str()).expect("a file");
    part
}

fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let named = std::env::var_os("CHROMIUM").map(PathBuf::from);
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = std::env::split_paths(&path).flat_map(|dir| names.map(|name| dir.join(name)));
    named.into_iter().chain(found).find(|file| file.is_file())
}

/// Passwords go by standard input.
fn walk(browser: &Path, address: &str, credentials: &str) -> Output {
    let mut command = Command::new("node");
    command.arg("tests/browser/walk.mjs").current_dir(root().join("web"));
    command.env("STATUS_URL", address).env("CHROMIUM", browser);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[expect(clippy::disallowed_methods, reason = "the tests start the walk themselves")]
    let mut child = command.spawn().expect("node");
    child.stdin.take().expect("its input").write_all(credentials.as_bytes()).expect("the credentials");
    child.wait_with_output().expect("the end of the walk")
}
