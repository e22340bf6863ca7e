//! The README's walk through the API is run as it stands there.

use crate::support::Stack;
use crate::support::pages::Page;

#[test]
fn the_walk_in_the_readme_goes_from_nothing_to_a_result() {
    let readme = Page::read("README.md");
    // Arguments are seen by every account of the machine.
    let shown: Vec<&str> =
        readme.text.lines().filter(|line| line.contains(" -d ") && line.contains("assword")).collect();
    assert!(shown.iter().all(|line| line.contains("-d @-")), "a password is an argument: {shown:?}");
    let stack = Stack::shipped();
    stack.reeve(&["up", "-d", "--timeout", "900s", "status-backend"]).expect(0);
    let address = stack.service("status-backend")["ports"]["http"].as_str().expect("an address").to_owned();
    let said = readme.run(stack.path(), 0, &[("API", &format!("http://{address}/api/v1"))]).expect(0).stdout;
    assert!(said.contains("User ada created successfully with authority USER"), "{said}");
    assert!(said.contains("\"name\":\"region\""), "{said}");
    // Half of the evidences hold; the finest dimension of the scope is left out.
    let result: String = said.split_whitespace().collect();
    assert!(result.contains(r#"{"value":50,"scope":{"region":"north"}}"#), "{said}");
    assert!(result.ends_with("[]"), "no points are stored yet, and signing out says nothing: {said}");
    stack.reeve(&["down"]).expect(0);
}
