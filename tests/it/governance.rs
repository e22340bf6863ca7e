//! The whole way from a control to points, over the whole stack: backend, registry, Node-RED and the databases, as the docs
//! walk it.

use crate::support::Stack;
use crate::support::pages::Page;

#[test]
fn the_walk_in_the_docs_goes_from_a_control_to_points() {
    let stack = Stack::shipped();
    stack.reeve(&["up", "-d", "--wait", "--timeout", "900s"]).expect(0);
    for name in ["registry", "director"] {
        assert_eq!(stack.service(name)["phase"], "ready", "{name}");
    }
    let address = |service: &str| stack.service(service)["ports"]["http"].as_str().expect("an address").to_owned();
    let (api, nodered) =
        (format!("http://{}/api/v1", address("status-backend")), format!("http://{}", address("nodered")));
    let walk =
        Page::read("docs/governance.md").run(stack.path(), 0, &[("API", &api), ("NODE_RED", &nodered)]).expect(0);
    let last = walk.stdout.lines().rfind(|line| !line.is_empty()).unwrap_or_default();
    let expected = r#"{"guaranteeId":"CONSENT","guaranteeValue":50,"guaranteeResult":true,"scope":{"region":"north"}}"#;
    assert_eq!(last, expected, "{walk:?}");
    stack.reeve(&["down"]).expect(0);
}
