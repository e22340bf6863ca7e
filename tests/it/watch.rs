//! Watched services: a change rebuilds and restarts, a failed rebuild leaves what ran before alone.

use std::os::unix::fs::PermissionsExt;

use crate::support::{Stack, eventually};

fn program(word: &str) -> String {
    format!("#!/bin/sh\necho {word} >> starts\nexec sleep 1000\n")
}

/// The build copies the program's source into place; a source with `syntax` in it does not compile.
fn watched() -> Stack {
    let stack = Stack::new(
        r#"
[stack]
name = "watched"
modes = ["production", "development"]
[services.api]
command = ["./api"]
health = { delay = "10ms" }
stop = { grace = "1s" }
[mode.development.services.api]
watch = { paths = ["src", "api.toml"], build = ["sh", "-c", "echo compiling; ! grep -n 'syntax' src/api.sh && cp src/api.sh api.new && chmod 755 api.new && mv api.new api"] }
"#,
    );
    stack.write("src/api.sh", &program("one"));
    stack.write("api", &program("one"));
    // The service may run as another account.
    std::fs::set_permissions(stack.path().join("api"), std::fs::Permissions::from_mode(0o755)).expect("permissions");
    stack.write("starts", "");
    std::fs::set_permissions(stack.path().join("starts"), std::fs::Permissions::from_mode(0o666)).expect("permissions");
    stack
}

fn starts(stack: &Stack, wanted: &str) {
    eventually("the starts", || if stack.read("starts") == wanted { Ok(()) } else { Err(stack.read("starts")) });
}

/// What is changed before the files are looked at for the first time is no change.
fn is_watching(stack: &Stack) {
    let daemon = stack.daemon().expect("a daemon");
    eventually("the kernel watches", || {
        let fds = std::fs::read_dir(format!("/proc/{daemon}/fdinfo")).map_err(|error| error.to_string())?;
        let texts = fds.flatten().filter_map(|fd| std::fs::read_to_string(fd.path()).ok());
        let watches: usize =
            texts.map(|text| text.lines().filter(|line| line.starts_with("inotify wd:")).count()).sum();
        // `src`, and the directory of `api.toml`.
        if watches >= 2 { Ok(()) } else { Err(format!("{watches} watches")) }
    });
}

#[test]
fn a_change_is_built_and_then_runs() {
    let stack = watched();
    stack.reeve(&["up", "-d", "--mode", "development"]).expect(0);
    starts(&stack, "one\n");
    let first = stack.pid("api");
    is_watching(&stack);

    // The same content, and what does not count: no reason to do anything. The change after them is answered once.
    stack.write("src/api.sh", &program("one"));
    stack.write("src/node_modules/x.js", "x");
    stack.write("src/target/y", "y");
    stack.write("src/api.sh", &program("two"));
    starts(&stack, "one\ntwo\n");
    let second = stack.pid("api");
    assert_ne!(first, second);
    let kinds: Vec<String> = stack.events("api").iter().map(|event| event["kind"].to_string()).collect();
    assert!(kinds.iter().any(|kind| kind == "\"watch\""), "{kinds:?}");

    // A file in a directory that was not there, and one that was not there at all.
    stack.write("src/deep/er/more.txt", "more");
    starts(&stack, "one\ntwo\ntwo\n");
    stack.await_phase("api", "ready");
    stack.write("src/deep/er/more.txt", "even more");
    starts(&stack, "one\ntwo\ntwo\ntwo\n");
    stack.write("api.toml", "x");
    starts(&stack, "one\ntwo\ntwo\ntwo\ntwo\n");
    assert!(stack.reeve(&["logs", "api"]).expect(0).stdout.contains("compiling"));
    stack.reeve(&["down"]).expect(0);
}

#[test]
fn a_failed_rebuild_leaves_the_old_one_running_and_says_so() {
    let stack = watched();
    stack.reeve(&["up", "-d", "--mode", "development"]).expect(0);
    starts(&stack, "one\n");
    let first = stack.pid("api");
    is_watching(&stack);
    stack.write("src/api.sh", "syntax error here\n");
    let note = eventually("the failure is told", || {
        let api = stack.service("api");
        api["build"].as_str().filter(|text| text.contains("failed")).map(str::to_owned).ok_or(api.to_string())
    });
    assert!(note.contains("what ran before runs on") && note.contains("exit code 1"), "{note}");
    assert_eq!((stack.pid("api"), stack.service("api")["phase"].as_str()), (first, Some("ready")));
    assert!(stack.reeve(&["ps"]).expect(0).stdout.contains("the last rebuild failed"));
    let why = stack.reeve(&["why", "api"]).expect(0).stdout;
    assert!(why.contains("the last rebuild failed") && why.contains("syntax error here"), "{why}");
    assert!(stack.events("api").iter().any(|event| event["kind"] == "build-failed"));

    stack.write("src/api.sh", &program("three"));
    starts(&stack, "one\nthree\n");
    stack.await_phase("api", "ready");
    assert_eq!(stack.service("api")["build"], serde_json::Value::Null);
    // Stopped by hand, it is rebuilt and not started.
    stack.reeve(&["stop", "api"]).expect(0);
    stack.write("src/api.sh", &program("four"));
    eventually("the build", || if stack.read("api").contains("four") { Ok(()) } else { Err(stack.read("api")) });
    assert_eq!(stack.service("api")["phase"], "stopped");
    stack.reeve(&["start", "api"]).expect(0);
    starts(&stack, "one\nthree\nfour\n");
    stack.reeve(&["down"]).expect(0);
}

#[test]
fn nothing_is_watched_in_another_mode() {
    let stack = watched();
    stack.up();
    let daemon = stack.daemon().expect("a daemon");
    let fds = std::fs::read_dir(format!("/proc/{daemon}/fd")).expect("descriptors");
    let links: Vec<_> = fds.flatten().filter_map(|fd| std::fs::read_link(fd.path()).ok()).collect();
    assert!(!links.iter().any(|link| link.to_string_lossy().contains("inotify")), "{links:?}");
    stack.reeve(&["down"]).expect(0);
}
