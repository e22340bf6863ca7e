//! The README's walk through the API is run as it stands there.

use std::process::{Command, Stdio};

use crate::support::{Stack, automatic_ports, binary};

#[test]
fn the_walk_in_the_readme_goes_from_nothing_to_a_result() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |name: &str| std::fs::read_to_string(root.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let readme = read("README.md");
    let section = readme.split("\n## The API\n").nth(1).expect("the section");
    let script = section.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("the script");
    // Arguments are seen by every account of the machine.
    let shown: Vec<&str> = script.lines().filter(|line| line.contains(" -d ") && line.contains("assword")).collect();
    assert!(shown.iter().all(|line| line.contains("-d @-")), "a password is an argument: {shown:?}");
    for tool in ["curl", "jq"] {
        let found = Command::new(tool).arg("--version").stdout(Stdio::null()).status();
        assert!(found.is_ok_and(|status| status.success()), "the README's walk needs {tool}");
    }
    let stack = Stack::new(&automatic_ports(&read("services.toml")));
    stack.reeve(&["up", "-d", "--timeout", "900s", "status-backend"]).expect(0);
    let address = stack.service("status-backend")["ports"]["http"].as_str().expect("an address").to_owned();
    let path = format!("{}:{}", binary().parent().expect("a folder").display(), std::env::var("PATH").expect("PATH"));
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", script]).current_dir(stack.path()).env("PATH", path);
    let output = command.env("API", format!("http://{address}/api/v1")).output().expect("bash");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("User ada created successfully with authority USER"), "{said}");
    assert!(said.contains("\"name\":\"region\""), "{said}");
    // Half of the evidences hold; the finest dimension of the scope is left out.
    let result: String = said.split_whitespace().collect();
    assert!(result.contains(r#"{"value":50,"scope":{"region":"north"}}"#), "{said}");
    assert!(result.ends_with("[]"), "no points are stored yet, and signing out says nothing: {said}");
    stack.reeve(&["down"]).expect(0);
}
