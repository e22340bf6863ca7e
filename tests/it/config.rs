//! Files as people and editors write them, and the ways in which reeve itself may be started.

use std::process::{Command, Stdio};

use crate::support::{Stack, binary, eventually, skip};

const ONE: &str =
    "[stack]\nname = \"one\"\n[services.one]\ncommand = [\"sleep\", \"1000\"]\nhealth = { delay = \"0s\" }\n";

#[test]
fn the_ways_of_editors_are_no_error() {
    // Case 70: CRLF, a byte order mark, tabs, unicode, a megabyte.
    let long = format!("{ONE}{}", "# a comment that says nothing at all, and says it at some length\n".repeat(16_000));
    assert!(long.len() > 1_000_000);
    let texts = [
        ONE.replace('\n', "\r\n"),
        format!("\u{feff}{ONE}"),
        ONE.replace(" = ", "\t=\t"),
        format!("{ONE}description = \"Zürich, 東京, 🚀\"\n"),
        long,
    ];
    for text in texts {
        let stack = Stack::new(&text);
        let start: String = text.chars().take(80).collect();
        let done = stack.reeve(&["config", "--check"]);
        assert_eq!(done.code, 0, "{start:?}: {done:?}");
    }
}

#[test]
fn what_cannot_be_is_refused_with_its_place_and_never_with_a_panic() {
    // Case 70.
    let service = |name: &str| format!("[services.{name}]\ncommand = [\"true\"]\n");
    let deep = format!("[services.x]\ncommand = {}{}\n", "[".repeat(100_000), "]".repeat(100_000));
    let texts: Vec<(Vec<u8>, &str)> = vec![
        (service("\"a/b\"").into(), "services.toml:1"),
        (service("\"..\"").into(), "services.toml:1"),
        (service("\"a b\"").into(), "services.toml:1"),
        (service("\"\"").into(), "services.toml:1"),
        ((service("a") + &service("a")).into(), "services.toml:3"),
        (format!("{ONE}restrat = \"no\"\n").into(), "restart"),
        (b"[services.x]\ncommand = [\"\xff\"]\n".to_vec(), "services.toml"),
        (b"[services.x]\ncommand = [\"\0\"]\n".to_vec(), "services.toml:2"),
        (b"\0\0\0\0".to_vec(), "services.toml:1"),
        (deep.into(), "services.toml"),
        (b"[services.x]\r\ncommand = 7\r\n".to_vec(), "services.toml:2"),
    ];
    for (text, says) in texts {
        let stack = Stack::new("");
        std::fs::write(stack.path().join("services.toml"), &text).expect("a file");
        for args in [&["config", "--check"][..], &["up", "-d"]] {
            let done = stack.reeve(args);
            let start = String::from_utf8_lossy(&text[..text.len().min(80)]).into_owned();
            assert_eq!(done.code, 5, "{start:?}: {done:?}");
            assert!(done.stderr.contains(says), "{says:?} for {start:?} in {}", done.stderr);
            assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
        }
        assert!(!stack.data().exists());
    }
}

#[test]
fn it_works_with_its_own_streams_closed() {
    // Case 72.
    for closed in ["0<&-", "0<&- 1>&-", "0<&- 1>&- 2>&-", "2>&-", "1>&-"] {
        let stack = Stack::new(ONE);
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec \"$0\" up -d {closed}")]).arg(binary()).current_dir(stack.path());
        let status = shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().expect("sh");
        assert_eq!(status.code(), Some(0), "{closed}");
        let pid = stack.pid("one");
        let fds: Vec<_> = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("fds").flatten().collect();
        assert_eq!(fds.len(), 3, "{closed}: the service has its three streams and no more");
        stack.reeve(&["down"]).expect(0);
    }
}

#[test]
fn a_terminal_gets_its_table_and_the_daemon_outlives_it() {
    // Case 72.
    if Command::new("script").arg("--version").output().is_err() {
        return skip("script(1) is not on this machine");
    }
    let stack = Stack::new(ONE);
    let binary = binary().to_string_lossy().into_owned();
    let in_terminal = |args: &str| {
        let mut script = Command::new("script");
        script.args(["-qec", &format!("{binary} {args}"), "/dev/null"]).current_dir(stack.path()).env("TERM", "xterm");
        let output = script.stdin(Stdio::null()).output().expect("script");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, said) = in_terminal("up -d");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(stack.service("one")["phase"], "ready", "the daemon has its own session");
    let (code, said) = in_terminal("ps");
    assert_eq!(code, Some(0));
    assert!(said.contains("one") && said.contains('\u{1b}'), "colour in {said:?}");
    stack.reeve(&["down"]).expect(0);

    // A foreground `up` whose terminal closes stops the stack: the other half of case 10.
    let Some(mut script) = with_hangups("script") else {
        return skip("hang-ups are ignored here (nohup?), and this machine's env(1) cannot undo that");
    };
    script.args(["-qec", &format!("{binary} up"), "/dev/null"]).current_dir(stack.path());
    script.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut script = crate::support::Running::start(script);
    eventually("ready", || {
        let ps = stack.reeve(&["ps", "--json"]);
        if ps.code == 0 && ps.json()["services"][0]["phase"] == "ready" { Ok(()) } else { Err(ps) }
    });
    let (daemon, service) = (stack.daemon().expect("a daemon"), stack.pid("one"));
    crate::support::kill(script.pid(), 9);
    script.end();
    for pid in [service, daemon] {
        eventually("gone with the terminal", || if crate::support::alive(pid) { Err(pid) } else { Ok(()) });
    }
}

/// A command to which SIGHUP means what it usually does, also when these tests run under nohup: what is ignored is
/// inherited. `None`: that cannot be had here.
fn with_hangups(program: &str) -> Option<Command> {
    const SIGHUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).expect("a mask");
    let ignored = u64::from_str_radix(ignored.trim(), 16).expect("a mask in hexadecimal digits");
    if ignored >> (SIGHUP - 1) & 1 == 0 {
        return Some(Command::new(program));
    }
    let reset = || {
        let mut env = Command::new("env");
        env.arg("--default-signal=HUP");
        env
    };
    let works = reset().arg("true").stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    works.then(|| {
        let mut env = reset();
        // It becomes the program, so the process is the same.
        env.arg(program);
        env
    })
}
