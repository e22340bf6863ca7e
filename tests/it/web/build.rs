//! The web application as the shipped stack builds and serves it, with the real npm and Vite.

use std::path::Path;
use std::process::Command;

use crate::support::{Stack, eventually, services};

/// The repository's stack with a copy of `web/` beside it, as a fresh clone has it.
fn clone() -> Stack {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = services();
    // Only the application runs here, wherever there is room.
    let alone = text
        .replace("ports = { http = 3000 }\ndepends_on = { status-backend = \"ready\" }", "ports = { http = \"auto\" }");
    assert_ne!(alone, text, "the development mode has changed its shape");
    let alone = alone.replace(
        "[mode.development.services.status-frontend]",
        "[mode.development.services.status-frontend]\nautostart = true",
    );
    let stack = Stack::new(&alone);
    let mut copy = Command::new("tar");
    copy.args(["-C"]).arg(root).args(["--exclude=node_modules", "--exclude=dist", "-cf", "-", "web"]);
    let packed = copy.output().expect("tar").stdout;
    std::fs::write(stack.path().join("web.tar"), packed).expect("a file");
    let unpacked = Command::new("tar").args(["-xf", "web.tar"]).current_dir(stack.path()).status().expect("tar");
    assert!(unpacked.success());
    stack
}

fn get(address: &str, path: &str) -> Result<String, String> {
    // Without a provider nobody can say whether TLS would be possible; plain HTTP is all that is asked here.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = crate::support::event_loop();
    runtime.block_on(async {
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let answer = client.get(format!("http://{address}{path}")).send().await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| error.to_string())?;
        if status.is_success() { Ok(text) } else { Err(format!("{status}: {text}")) }
    })
}

#[test]
fn it_is_built_once_and_a_change_of_its_sources_is_seen_at_once_in_development() {
    let stack = clone();
    let first = stack.reeve(&["build", "status-frontend"]).expect(0);
    assert!(first.stderr.contains("built dependencies") && first.stderr.contains("built application"), "{first:?}");
    let dist = stack.path().join("web/dist");
    let assets: Vec<String> = std::fs::read_dir(dist.join("assets"))
        .expect("assets")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    let script = assets.iter().find(|name| name.starts_with("index-") && name.ends_with(".js")).expect("the script");
    for ending in [".br", ".gz"] {
        assert!(assets.contains(&format!("{script}{ending}")), "{script}{ending} in {assets:?}");
    }
    assert!(!dist.join("config.json.br").exists(), "what operators edit has no second form");
    let second = stack.reeve(&["build", "status-frontend"]).expect(0);
    assert!(second.stderr.contains("application is up to date"), "{second:?}");

    // Vite from the same directory; its modules are those of the sources as they are now.
    stack.reeve(&["up", "-d", "--mode", "development", "--timeout", "300s", "status-frontend"]).expect(0);
    let address = stack.service("status-frontend")["ports"]["http"].as_str().expect("an address").to_owned();
    assert!(get(&address, "/").expect("the page").contains("/@vite/client"), "hot reload is there");
    assert!(!get(&address, "/src/main.tsx").expect("the module").contains("changed-by-hand"));
    let source = stack.read("web/src/main.tsx");
    stack.write("web/src/main.tsx", &format!("{source}\nexport const marker = 'changed-by-hand';\n"));
    eventually("the change is served", || match get(&address, "/src/main.tsx") {
        Ok(text) if text.contains("changed-by-hand") => Ok(()),
        other => Err(other),
    });
    stack.reeve(&["down"]).expect(0);
}
