//! `reeve populate` on a whole stack: what it writes, that it can be run again, and what it refuses.

use serde_json::json;

use crate::support::role::ask;
use crate::support::{Stack, binary};

#[test]
fn the_initial_data_is_written_once_and_new_rows_get_numbers_beyond_it() {
    assert!(binary().exists());
    let stack = Stack::shipped();
    // Nothing runs yet.
    let early = stack.reeve(&["populate"]).expect(3);
    assert!(early.stderr.contains("no reeve runs"), "{}", early.stderr);
    stack.reeve(&["up", "-d", "--timeout", "900s", "status-backend"]).expect(0);
    let first = stack.reeve(&["populate", "--demo"]).expect(0).stderr;
    // The start has written what everybody has.
    for line in [
        "scopes: 0 made",
        "demo catalogs: 6 made",
        "demo controls: 5 made",
        "demo scope sets: 18 made",
        "user admin: there already, left as it is",
    ] {
        assert!(first.contains(line), "{line} in {first}");
    }
    let again = stack.reeve(&["populate", "--demo"]).expect(0).stderr;
    for line in ["scopes: 0 made", "demo catalogs: 0 made", "demo scope sets: 0 made", "user admin: there already"] {
        assert!(again.contains(line), "{line} in {again}");
    }
    assert!(!first.contains("admin123"), "{first}");
    let address = stack.service("status-backend")["ports"]["http"].as_str().expect("an address").to_owned();
    let api = |path: &str| format!("http://{address}/api/v1{path}");
    let all = stack.reeve(&["credentials", "status-backend", "--json"]).expect(0).json();
    let password = all["services"]["status-backend"]["administrator"].as_str().expect("a password").to_owned();
    let body = json!({ "username": "admin", "password": password });
    let session = ask("POST", api("/users/signIn"), None, Some(body)).expect(200).json();
    let token = session["accessToken"].as_str().expect("a token");
    let catalog = json!({ "name": "own", "startDate": "2024-01-01", "endDate": "2024-12-31" });
    let made = ask("POST", api("/catalogs"), Some(token), Some(catalog)).expect(201).json();
    assert_eq!(made["id"], 9, "{made}");
    let sets = ask("GET", api("/scopes/sets/control/20"), Some(token), None).expect(200).json();
    assert_eq!(sets[0]["scopes"], json!({ "country": "Spain", "city": "Seville", "declaration": "*" }));
    stack.reeve(&["down"]).expect(0);
}

#[test]
fn known_passwords_are_refused_where_others_can_reach_them() {
    let stack = Stack::new(
        "[stack]\nname = \"open\"\n[services.status-backend]\ncommand = [\"true\"]\nports = { http = { port = 23999, host = \"0.0.0.0\" } }\n",
    );
    let refused = stack.reeve(&["populate", "--demo"]).expect(8);
    assert!(refused.stderr.contains("status-backend is reached from outside"), "{}", refused.stderr);
}
