//! Builds of services: when they run, what a failure does, and that none outlives its stop.

use crate::support::{Stack, alive, eventually};

/// A service whose program is built from `src/`; each build adds a line to `count`.
const SITE: &str = r#"
[stack]
name = "built"

[services.site]
command = ["sh", "-c", "cat out/page; exec sleep 1000"]
health = { delay = "10ms" }

[services.site.build]
command = ["sh", "-c", "echo once >> ../count; mkdir -p ../out; cat *.txt > ../out/page; echo made a page"]
cwd = "src"
inputs = ["src", "!src/notes"]
outputs = ["out"]
"#;

fn site(text: &str) -> Stack {
    let stack = Stack::new(text);
    stack.write("src/a.txt", "one");
    stack.write("src/notes/draft", "nothing");
    stack
}

fn count(stack: &Stack) -> usize {
    stack.read("count").lines().count()
}

#[test]
fn a_build_runs_when_the_content_of_its_inputs_has_changed() {
    let stack = site(SITE);
    let again = |args: &[&str]| {
        let up = stack.reeve(&[&["up", "-d"], args].concat()).expect(0);
        stack.reeve(&["down"]).expect(0);
        up
    };
    again(&[]);
    assert_eq!((count(&stack), stack.read("out/page").as_str()), (1, "one"));
    again(&[]);
    // Written anew with the same content, and what does not count.
    stack.write("src/a.txt", "one");
    stack.write("src/notes/draft", "something");
    again(&[]);
    assert_eq!(count(&stack), 1);

    stack.write("src/b.txt", "two");
    again(&["--no-build"]);
    assert_eq!((count(&stack), stack.read("out/page").as_str()), (1, "one"));
    again(&[]);
    assert_eq!((count(&stack), stack.read("out/page").as_str()), (2, "onetwo"));
    again(&["--build"]);
    assert_eq!(count(&stack), 3);
    std::fs::remove_dir_all(stack.path().join("out")).expect("removed");
    again(&[]);
    assert_eq!(count(&stack), 4);
    stack.write("services.toml", &SITE.replace("made a page", "made the page"));
    again(&[]);
    assert_eq!(count(&stack), 5);
    let log = stack.reeve(&["logs", "site", "--no-prefix"]).expect(0).stdout;
    assert!(log.contains("made the page") && log.contains("building build (out is missing)"), "{log}");
    assert!(
        log.contains("building build (what it is made from has changed)") && log.contains("built build in "),
        "{log}"
    );

    // What is made lies beside the file and not in the data: another stack over it finds it made.
    stack.reeve(&["up", "-d", "--data-dir", "other"]).expect(0);
    let log = stack.reeve(&["logs", "site", "--data-dir", "other"]).expect(0).stdout;
    stack.reeve(&["down", "--volumes", "--yes", "--data-dir", "other"]).expect(0);
    assert!(!log.contains("building"), "{log}");
    assert_eq!(count(&stack), 5);

    stack.reeve(&["down", "--volumes", "--yes"]).expect(0);
    assert!(!stack.data().join("builds").exists());
}

#[test]
fn a_failed_build_is_told_and_nothing_old_is_started() {
    let stack = site(SITE);
    stack.up();
    stack.write("src/a.txt", "two");
    let broken = "cat *.txt > ../out/page; echo the third line is wrong >&2; exit 3";
    stack.reeve(&["down"]).expect(0);
    stack.write("services.toml", &SITE.replace("cat *.txt > ../out/page", broken));
    let up = stack.reeve(&["up", "-d"]).expect(1);
    assert!(up.stderr.contains("the build build of site failed (exit code 3)"), "{up:?}");
    assert!(up.stderr.contains("the third line is wrong") && up.stderr.contains("reeve build site"), "{up:?}");
    assert_eq!(stack.service("site")["phase"], "failed");
    let why = stack.reeve(&["why", "site"]).expect(0).stdout;
    assert!(why.contains("the third line is wrong") && why.contains("site: building build"), "{why}");
    // Nothing has changed since, but what has failed is not taken for built.
    stack.reeve(&["restart", "site"]);
    assert_eq!(
        eventually("the second failure", || match stack.times_in("site", "failed") {
            2 => Ok(stack.service("site")["phase"].clone()),
            other => Err(other),
        }),
        "failed"
    );
    stack.reeve(&["down"]).expect(0);
    stack.write("services.toml", SITE);
    stack.up();
    assert_eq!(stack.read("out/page"), "two");
    stack.reeve(&["down"]).expect(0);
}

#[test]
fn builds_run_in_order_each_for_its_own_inputs() {
    let text = r#"
[stack]
name = "steps"
[services.all]
oneshot = true
[[services.all.build]]
name = "deps"
command = ["sh", "-c", "echo deps >> order; mkdir -p deps; cp lock deps/lock"]
inputs = ["lock"]
outputs = ["deps"]
[[services.all.build]]
name = "app"
command = ["sh", "-c", "echo app >> order; cat deps/lock src/*.txt > app"]
inputs = ["src/*.txt", "lock"]
outputs = ["app"]
[[services.all.build]]
name = "docs"
if_exists = "docs/index.md"
command = ["sh", "-c", "echo docs >> order"]
inputs = ["docs"]
[services.last]
command = ["sleep", "1000"]
depends_on = { all = "completed_successfully" }
"#;
    let stack = Stack::new(text);
    stack.write("lock", "1");
    stack.write("src/a.txt", "a");
    let build = |args: &[&str]| stack.reeve(&[&["build"], args].concat());
    let first = build(&[]).expect(0);
    assert!(first.stderr.contains("nothing to build docs from, docs/index.md is not there"), "{first:?}");
    assert_eq!((stack.read("order").as_str(), stack.read("app").as_str()), ("deps\napp\n", "1a"));
    let second = build(&["all"]).expect(0);
    assert!(second.stderr.contains("all: app is up to date"), "{second:?}");
    stack.write("src/a.txt", "b");
    // A stack that starts builds what a build by hand would.
    stack.up();
    assert_eq!((stack.read("order").as_str(), stack.read("app").as_str()), ("deps\napp\napp\n", "1b"));
    assert_eq!(stack.service("all")["phase"], "completed");
    stack.write("docs/index.md", "");
    stack.write("lock", "2");
    let third = build(&[]).expect(0);
    assert!(third.stderr.contains("reeve restart"), "it runs: {third:?}");
    assert_eq!(stack.read("order").lines().count(), 6);
    build(&["last"]).expect(1);
    build(&["al"]).expect(4);
    assert_eq!(stack.read("order").lines().count(), 6);
    build(&["--force"]).expect(0);
    assert_eq!(stack.read("order").lines().count(), 9);
    stack.reeve(&["down"]).expect(0);
}

#[test]
fn a_build_is_seen_while_it_runs_and_ends_with_its_stop() {
    let slow = "echo $$$$ > ../pid; sleep 1000 & echo $! > ../child; while [ ! -e ../go ]; do sleep 0.05; done; cat *.txt > ../out/page";
    let stack = site(&SITE.replace("cat *.txt > ../out/page", slow));
    let up = stack.spawn(&["up"]);
    let pids = || -> Result<Vec<i32>, String> {
        let text = stack.read("pid") + &stack.read("child");
        let pids: Vec<i32> = text.lines().filter_map(|line| line.parse().ok()).collect();
        if pids.len() == 2 { Ok(pids) } else { Err(text) }
    };
    let started = eventually("the build runs", pids);
    let site = stack.service("site");
    assert_eq!(site["phase"], "preparing");
    assert!(site["build"].as_str().is_some_and(|text| text.starts_with("building build")), "{site}");
    assert!(stack.reeve(&["ps"]).expect(0).stdout.contains("building build (out is missing)"));
    let why = stack.reeve(&["why", "site"]).expect(0).stdout;
    assert!(why.contains("building build"), "{why}");
    let busy = stack.reeve(&["build", "site"]).expect(1);
    assert!(busy.stderr.contains("is being built"), "{busy:?}");
    stack.reeve(&["stop", "site"]).expect(0);
    eventually("nothing of it is left", || started.iter().all(|pid| !alive(*pid)).then_some(()).ok_or(&started));
    // What was called off begins anew.
    std::fs::remove_file(stack.path().join("pid")).expect("removed");
    stack.write("go", "");
    stack.reeve(&["start", "site"]).expect(0);
    stack.await_phase("site", "ready");
    assert_eq!(stack.service("site")["build"], serde_json::Value::Null);
    stack.reeve(&["down"]).expect(0);
    drop(up);
    assert_eq!(stack.processes(), Vec::<i32>::new());
}

#[test]
fn a_build_by_hand_ends_with_an_interrupt_and_one_that_takes_too_long_is_killed() {
    let slow = "echo $$$$ > ../pid; sleep 1000";
    let stack = site(&SITE.replace("cat *.txt > ../out/page", slow));
    let mut build = stack.spawn(&["build"]);
    let pid = eventually("the build runs", || stack.read("pid").trim().parse::<i32>());
    crate::support::kill(build.pid(), 2);
    assert_eq!(build.end(), 130);
    eventually("its command is gone", || if alive(pid) { Err(pid) } else { Ok(()) });
    let timed = SITE.replace("cat *.txt > ../out/page", slow) + "timeout = \"200ms\"\n";
    stack.write("services.toml", &timed);
    let late = stack.reeve(&["build"]).expect(1);
    assert!(late.stderr.contains("failed (killed after 200 ms)"), "{late:?}");
    eventually("nothing is left", || {
        let left = stack.processes();
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
}

#[test]
fn the_doctor_names_what_a_build_lacks() {
    let stack = site(
        &SITE.replace("command = [\"sh\", \"-c\", \"echo once", "command = [\"no-such-tool\", \"-c\", \"echo once"),
    );
    let found = stack.reeve(&["doctor"]).expect(1).stdout;
    assert!(found.contains("no-such-tool, which") && found.contains("of site is built with"), "{found}");
    stack.write("services.toml", SITE);
    let found = stack.reeve(&["doctor"]).stdout;
    assert!(found.contains("sh is there to build site"), "{found}");
}
