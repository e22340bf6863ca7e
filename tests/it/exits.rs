//! Exit codes and messages: what a person gets for a mistake.

use crate::support::Stack;

const ONE: &str =
    "[stack]\nname = \"one\"\n[services.one]\ncommand = [\"sleep\", \"1000\"]\nhealth = { delay = \"0s\" }\n";

#[test]
fn a_broken_file_is_code_5_with_place_and_hint_and_changes_nothing() {
    let stack = Stack::new("[stack]\nname = \"x\"\n[services.one]\ncomand = [\"sleep\", \"1\"]\n");
    let done = stack.reeve(&["up", "-d"]).expect(5);
    assert!(done.stderr.contains("services.toml:4:1"), "{}", done.stderr);
    assert!(done.stderr.contains("command"), "a suggestion in {}", done.stderr);
    assert!(!stack.data().exists(), "nothing was made");
    stack.reeve(&["config", "--check"]).expect(5);
}

#[test]
fn without_a_daemon_reading_commands_say_so_with_code_3() {
    let stack = Stack::new(ONE);
    for args in [&["ps"][..], &["stop", "one"], &["events"], &["why", "one"]] {
        let done = stack.reeve(args).expect(3);
        assert!(done.stderr.contains("reeve up"), "what to do next, in {}", done.stderr);
    }
    stack.reeve(&["down"]).expect(0);
}

#[test]
fn an_unknown_service_is_code_4_with_a_suggestion() {
    let stack = Stack::new(ONE);
    stack.up();
    for verb in ["start", "stop", "restart", "why", "logs"] {
        let done = stack.reeve(&[verb, "onn"]).expect(4);
        assert!(done.stderr.contains("one"), "{verb}: {}", done.stderr);
    }
    stack.reeve(&["up", "-d", "onn"]).expect(4);
}

#[test]
fn usage_errors_are_code_2() {
    let stack = Stack::new(ONE);
    stack.reeve(&["frobnicate"]).expect(2);
    stack.reeve(&["stop"]).expect(2);
    stack.reeve(&["signal", "one", "NOSUCHSIGNAL"]).expect(2);
    stack.reeve(&["up", "--timeout", "soon"]).expect(2);
    stack.reeve(&["logs", "--since", "yesterday"]).expect(2);
}

#[test]
fn what_simply_fails_is_code_1() {
    let stack = Stack::new(ONE);
    stack.reeve(&["presets", "nosuch"]).expect(1);
    let done = stack.reeve(&["--data-dir", "services.toml", "ps"]).expect(1);
    assert!(done.stderr.contains("is a file"), "{}", done.stderr);
}

#[test]
fn what_is_in_the_way_is_code_9() {
    let stack = Stack::new(ONE);
    let done = stack.reeve(&["init", "--example", "minimal"]).expect(9);
    assert!(done.stderr.contains("stays as it is"), "{}", done.stderr);
    stack.up();
    stack.reeve(&["up"]).expect(9);
}

#[test]
fn the_documented_codes_are_those_of_the_manual() {
    // Case 69.
    let stack = Stack::new(ONE);
    let man = stack.reeve(&["man"]).expect(0).stdout;
    let docs = include_str!("../../docs/exit-codes.md");
    for code in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "129", "130", "143"] {
        let row = |line: &str| line.split('|').nth(1).is_some_and(|cell| cell.split(',').any(|one| one.trim() == code));
        assert!(docs.lines().any(row), "{code} in docs/exit-codes.md");
        let entry = |line: &str| line.split(|c: char| !c.is_ascii_digit()).any(|number| number == code);
        assert!(man.lines().any(entry), "{code} in the manual");
    }
}

#[test]
fn waiting_in_vain_is_code_6_and_names_the_unready() {
    // Case 71.
    let stack = Stack::new(
        "[stack]\nname = \"slow\"\n[services.slow]\ncommand = [\"sleep\", \"1000\"]\nhealth = { file = \"/no/such/file\" }\n",
    );
    let done = stack.reeve(&["up", "-d", "--timeout", "1s"]).expect(6);
    assert!(done.stderr.contains("slow"), "{}", done.stderr);
    stack.reeve(&["status", "--check"]).expect(6);
}

#[test]
fn a_taken_port_names_its_holder_and_starts_nothing() {
    // Case 74.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let stack =
        Stack::new(&format!("{ONE}ports = {{ http = {port} }}\n[services.two]\ncommand = [\"sleep\", \"1000\"]\n"));
    let done = stack.reeve(&["up", "-d"]).expect(9);
    assert!(done.stderr.contains(&port.to_string()), "{}", done.stderr);
    assert!(done.stderr.contains(&std::process::id().to_string()), "the holder in {}", done.stderr);
    assert_eq!(stack.processes(), Vec::<i32>::new());
    stack.reeve(&["ps"]).expect(3);
}

#[test]
fn a_volume_that_is_not_ours_is_refused_and_left_alone() {
    let stack = Stack::new(&format!("{ONE}volumes = {{ data = \"stuff\" }}\n[volumes.stuff]\n"));
    stack.write(".reeve/volumes/stuff/precious", "mine");
    let done = stack.reeve(&["up", "-d", "--timeout", "5s"]);
    assert_ne!(done.code, 0);
    assert!(done.stderr.contains("stuff"), "{}", done.stderr);
    assert_eq!(stack.read(".reeve/volumes/stuff/precious"), "mine");
    let done = stack.reeve(&["down", "--volumes", "--yes"]).expect(7);
    assert!(done.stderr.contains("kept"), "{}", done.stderr);
    assert_eq!(stack.read(".reeve/volumes/stuff/precious"), "mine");
}

#[test]
fn down_with_volumes_asks_first_and_then_leaves_an_empty_data_directory() {
    let stack = Stack::new(&format!("{ONE}volumes = {{ data = \"stuff\" }}\n[volumes.stuff]\n"));
    stack.up();
    assert!(stack.data().join("volumes/stuff").is_dir());
    stack.reeve(&["down", "--volumes"]).expect(8);
    assert!(stack.data().join("volumes/stuff").is_dir());
    stack.reeve(&["down", "--volumes", "--yes"]).expect(0);
    let left: Vec<_> =
        std::fs::read_dir(stack.data()).map(|dir| dir.flatten().map(|e| e.file_name()).collect()).unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn every_json_answer_has_a_schema_version() {
    // Case 69.
    let stack = Stack::new(ONE);
    stack.up();
    for args in [
        &["ps", "--json"][..],
        &["why", "one", "--json"],
        &["config", "--json"],
        &["doctor", "--json"],
        &["credentials", "--json"],
    ] {
        let done = stack.reeve(args).expect(0);
        assert_eq!(done.json()["schema_version"], 1, "{args:?}");
    }
}

#[test]
fn the_control_socket_is_for_its_owner_alone() {
    // Case 67.
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    let stack = Stack::new(ONE);
    stack.up();
    let metadata = std::fs::metadata(stack.data().join("run/reeve.sock")).expect("the socket");
    assert!(metadata.file_type().is_socket());
    assert_eq!(metadata.mode() & 0o777, 0o600);
}
