//! The whole way from a control to points, over the whole stack: backend, registry, Node-RED and the databases, as the docs
//! walk it.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Stack, automatic_ports, binary};

#[test]
fn the_walk_in_the_docs_goes_from_a_control_to_points() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let document = read("docs/governance.md");
    let script = document.split("```sh\n").nth(1).and_then(|rest| rest.split("\n```").next()).expect("the script");
    for tool in ["curl", "jq"] {
        let found = Command::new(tool).arg("--version").stdout(Stdio::null()).status();
        assert!(found.is_ok_and(|status| status.success()), "the walk needs {tool}");
    }
    let stack = Stack::new(&automatic_ports(&read("services.toml")));
    stack.reeve(&["up", "-d", "--wait", "--timeout", "900s"]).expect(0);
    for name in ["registry", "director"] {
        assert_eq!(stack.service(name)["phase"], "ready", "{name}");
    }
    let address = |service: &str| stack.service(service)["ports"]["http"].as_str().expect("an address").to_owned();
    let path = format!("{}:{}", binary().parent().expect("a folder").display(), std::env::var("PATH").expect("PATH"));
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", script]).current_dir(stack.path()).env("PATH", path);
    command.env("API", format!("http://{}/api/v1", address("status-backend")));
    command.env("NODE_RED", format!("http://{}", address("nodered")));
    let output = command.output().expect("bash");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let last = said.lines().rfind(|line| !line.is_empty()).unwrap_or_default();
    let expected = r#"{"guaranteeId":"CONSENT","guaranteeValue":50,"guaranteeResult":true,"scope":{"region":"north"}}"#;
    assert_eq!(last, expected, "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    stack.reeve(&["down"]).expect(0);
}
