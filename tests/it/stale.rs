//! Programs that are replaced under their running services, and files that change under reeve.

use crate::support::Stack;

/// Two services of programs of their own, copies of `sleep` in `out`.
fn two() -> Stack {
    let stack = Stack::new("");
    let out = stack.shared("out");
    for name in ["first", "second"] {
        std::fs::copy("/bin/sleep", out.join(name)).expect("a program");
    }
    let service = |name: &str| format!("[services.{name}]\ncommand = [\"{}/{name}\", \"1000\"]\n", out.display());
    stack.write("services.toml", &format!("[stack]\nname = \"stale\"\n{}{}", service("first"), service("second")));
    stack
}

fn replace(stack: &Stack, name: &str) {
    let out = stack.shared("out");
    std::fs::copy("/bin/sleep", out.join("new")).expect("a program");
    std::fs::rename(out.join("new"), out.join(name)).expect("replaced");
}

fn pids(stack: &Stack) -> [u64; 2] {
    ["first", "second"].map(|name| stack.service(name)["pid"].as_u64().expect("a pid"))
}

#[test]
fn only_whose_program_was_replaced_is_restarted() {
    let stack = two();
    stack.up();
    let before = pids(&stack);
    let none = stack.reeve(&["restart", "--stale"]).expect(0);
    assert!(none.stderr.contains("nothing was changed"), "{none:?}");
    assert_eq!(pids(&stack), before);

    replace(&stack, "first");
    let ps = stack.reeve(&["ps"]).expect(0).stdout;
    assert_eq!(ps.matches("stale").count(), 2, "a note with the command for one of the two: {ps}");
    let one = stack.reeve(&["restart", "--stale"]).expect(0);
    assert!(one.stderr.contains("out/first was replaced") && !one.stderr.contains("second"), "{one:?}");
    let after = pids(&stack);
    assert_ne!(after[0], before[0]);
    assert_eq!(after[1], before[1]);
    assert!(!stack.reeve(&["ps"]).expect(0).stdout.contains("stale"));

    // Of those named only.
    replace(&stack, "first");
    replace(&stack, "second");
    stack.reeve(&["restart", "--stale", "second"]).expect(0);
    assert_eq!(pids(&stack)[0], after[0]);
    assert_ne!(pids(&stack)[1], after[1]);
    stack.reeve(&["restart", "--stale", "third"]).expect(4);
    stack.reeve(&["restart"]).expect(2);
}

#[test]
fn whose_program_is_gone_is_named_and_left_running() {
    let stack = two();
    stack.up();
    let before = pids(&stack);
    std::fs::remove_file(stack.shared("out").join("second")).expect("removed");
    let done = stack.reeve(&["restart", "--stale"]).expect(0);
    assert!(done.stderr.contains("second") && done.stderr.contains("is gone"), "{done:?}");
    assert_eq!(pids(&stack), before);
}

#[test]
fn a_changed_file_is_told_wherever_a_change_would_be_looked_for() {
    let stack = two();
    stack.up();
    let told = |args: &[&str]| stack.reeve(args).expect(0).stderr.contains("changed since reeve was started");
    assert!(!told(&["ps"]) && !told(&["up", "-d"]));
    stack.write(".env", "NEW=1\n");
    for args in [["ps"].as_slice(), &["up", "-d"], &["restart", "--stale"]] {
        assert!(told(args), "{args:?}");
    }
    let ps = stack.reeve(&["ps"]).expect(0);
    assert!(ps.stderr.contains(".env has changed"), "{}", ps.stderr);
    std::fs::remove_file(stack.path().join(".env")).expect("removed");
    assert!(!told(&["ps"]));
}
