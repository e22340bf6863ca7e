//! Logs under load, with strange bytes, with readers that do not read.

use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Running, Stack, eventually, is_root, kill, skip};

/// A service `talk` that runs `script`, in a directory `OUT` that it may write to.
fn talk(script: &str, more: &str) -> Stack {
    let stack = Stack::new("");
    let out = stack.shared("out");
    let text =
        format!("[stack]\nname = \"talk\"\n[services.talk]\ncommand = [\"sh\", \"-c\", '''{script}''']\n{more}\n");
    stack.write("services.toml", &text.replace("OUT", &out.to_string_lossy()));
    stack
}

/// Largest size of what a process had in memory so far, in KiB, without the pages of its program file: those are shared, given
/// up at need, and a debug build has many of them.
fn peak(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let size = |name: &str| -> u64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
        line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a size")
    };
    size("VmHWM:") - size("RssFile:")
}

/// What a service wrote, byte for byte, from its files on disk.
fn on_disk(stack: &Stack, stream: &str) -> Vec<u8> {
    let dir = stack.data().join("logs/talk");
    let mut names: Vec<_> = std::fs::read_dir(&dir).expect("logs").flatten().map(|entry| entry.path()).collect();
    // Rotated files carry their time; `current` sorts after digits.
    names.sort();
    let mut bytes = Vec::new();
    for name in names {
        let text = std::fs::read(name).expect("a log");
        for record in text.split_inclusive(|byte| *byte == b'\n') {
            let mut fields = record.strip_suffix(b"\n").expect("a whole record").splitn(4, |byte| *byte == b' ');
            let (_time, of) = (fields.next().expect("a time"), fields.next().expect("a stream"));
            let (tag, text) = (fields.next().expect("a tag"), fields.next().expect("a text"));
            if of == stream.as_bytes() {
                bytes.extend_from_slice(text);
                bytes.extend((tag == b"F").then_some(b'\n'));
            }
        }
    }
    bytes
}

#[test]
fn a_flood_is_kept_within_its_files_and_within_memory() {
    // Case 49, scaled down to 256 MiB.
    let stack = talk(
        "yes 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789 | head -c 268435456; echo; echo the end; exec sleep 1000",
        "health = { log = \"the end\", start_timeout = \"170s\" }\nlogs = { max_size = \"4MiB\", max_files = 3 }",
    );
    stack.reeve(&["up", "-d", "--timeout", "170s"]).expect(0);
    let daemon = stack.daemon().expect("a daemon");
    let peak = peak(daemon);
    assert!(peak < 48 << 10, "{peak} KiB");
    let files: Vec<u64> = std::fs::read_dir(stack.data().join("logs/talk"))
        .expect("logs")
        .flatten()
        .map(|entry| entry.metadata().expect("a file").len())
        .collect();
    assert!(files.len() <= 4 && files.iter().all(|size| *size <= 4 << 20), "{files:?}");
    let last = stack.reeve(&["logs", "-n", "1", "--no-prefix", "talk"]).expect(0).stdout;
    assert_eq!(last.trim(), "the end");
}

#[test]
fn a_long_line_and_strange_bytes_are_kept_exactly() {
    // Case 50.
    let stack = talk(
        r#"head -c 3000000 /dev/zero | tr "\0" a; printf "\377\376\000b\302\n"; printf "\000\n\n"; echo "the end" >&2; exec sleep 1000"#,
        "health = { log = \"the end\" }",
    );
    stack.up();
    let mut expected = vec![b'a'; 3_000_000];
    expected.extend_from_slice(b"\xff\xfe\0b\xc2\n\0\n\n");
    eventually("all of it is on the disk", || {
        let found = on_disk(&stack, "stdout");
        if found == expected { Ok(()) } else { Err(found.len()) }
    });
    let json = stack.reeve(&["logs", "--json", "talk"]).expect(0).stdout;
    for line in json.lines() {
        serde_json::from_str::<serde_json::Value>(line).expect("JSON");
    }
    let shown = stack.reeve(&["logs", "-n", "3", "talk"]).expect(0).stdout;
    assert!(!shown.contains('\0'), "a terminal gets no NUL");
}

#[test]
fn logs_that_are_deleted_under_its_hands_are_made_anew() {
    // Case 53.
    let stack = talk("i=0; while :; do echo line $i; i=$((i+1)); sleep 0.02; done", "health = { delay = \"0s\" }");
    stack.up();
    let pid = stack.pid("talk");
    let current = stack.data().join("logs/talk/current");
    let written = || std::fs::metadata(&current).map(|meta| meta.len()).map_err(|error| error.to_string());
    for whole_directory in [false, true] {
        eventually("it writes", || written().and_then(|size| if size > 200 { Ok(()) } else { Err(String::new()) }));
        match whole_directory {
            false => std::fs::remove_file(&current).expect("remove"),
            true => std::fs::remove_dir_all(stack.data().join("logs/talk")).expect("remove"),
        }
        eventually("it is there again", written);
    }
    assert_eq!(stack.pid("talk"), pid);
    assert_eq!(stack.service("talk")["restarts"], 0);
}

#[test]
fn a_log_directory_without_permission_does_not_hurt_the_service() {
    // Case 53.
    if is_root() {
        return skip("root may write anywhere; run as a plain user for this one");
    }
    use std::os::unix::fs::PermissionsExt;
    let stack =
        talk("i=0; while :; do echo line $i; echo x >> OUT/count; sleep 0.02; done", "health = { delay = \"0s\" }");
    let dir = stack.data().join("logs/talk");
    std::fs::create_dir_all(&dir).expect("a directory");
    let mode = |mode| std::fs::set_permissions(&dir, std::fs::Permissions::from_mode(mode)).expect("permissions");
    mode(0o500);
    stack.up();
    eventually("it runs", || if stack.read("out/count").lines().count() > 30 { Ok(()) } else { Err(()) });
    let own = stack.read(".reeve/logs/reeve.log");
    mode(0o700);
    assert_eq!(own.matches("cannot be written").count(), 1, "{own}");
    assert_eq!(stack.service("talk")["restarts"], 0);
}

#[test]
fn twenty_followers_that_stall_or_leave_hold_up_nobody() {
    // Case 55.
    let stack = talk(
        "i=0; while :; do echo \"line $i and some more to fill a pipe, and some more to fill a pipe\"; i=$((i+1)); [ $((i % 1000)) = 0 ] && echo $i > OUT/count; done",
        "health = { delay = \"0s\" }\nlogs = { max_size = \"1MiB\", max_files = 2 }",
    );
    stack.up();
    let pid = stack.pid("talk");
    let mut followers: Vec<Running> = (0..20)
        .map(|_| {
            let mut follow = stack.command(&["logs", "-f", "talk"]);
            follow.stdout(Stdio::piped()).stderr(Stdio::piped());
            Running::start(follow)
        })
        .collect();
    for (at, follower) in followers.iter_mut().enumerate() {
        let mut byte = [0];
        follower.0.stdout.as_mut().expect("stdout").read_exact(&mut byte).expect("a line");
        match at % 3 {
            // Leaves as `head -1` does.
            0 => drop(follower.0.stdout.take()),
            // Is killed.
            1 => kill(follower.pid(), 9),
            // Never reads again.
            _ => {}
        }
    }
    let count = || stack.read("out/count").trim().parse::<u64>().unwrap_or(0);
    let before = count();
    eventually("the service writes on", || if count() > before + 20_000 { Ok(()) } else { Err(count()) });
    let asked = Instant::now();
    let service = stack.service("talk");
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
    assert_eq!((&service["phase"], service["pid"].as_i64()), (&"ready".into(), Some(pid.into())), "{service}");
    let peak = peak(stack.daemon().expect("a daemon"));
    assert!(peak < 48 << 10, "{peak} KiB");
    for follower in followers.iter_mut().step_by(3) {
        let mut complaint = String::new();
        follower.end();
        follower.0.stderr.take().expect("stderr").read_to_string(&mut complaint).expect("stderr");
        assert!(!complaint.contains("panic") && !complaint.contains("roken pipe"), "{complaint}");
    }
    drop(followers);
    stack.reeve(&["down"]).expect(0);
}

#[test]
fn an_interrupt_is_honoured_although_nobody_reads_the_output() {
    // Case 9.
    let stack = talk(
        "while :; do echo flood flood flood flood flood flood flood; done",
        "health = { delay = \"0s\" }\nlogs = { max_size = \"1MiB\", max_files = 2 }",
    );
    let mut up = stack.command(&["up"]);
    up.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut up = Running::start(up);
    eventually("ready", || {
        let ps = stack.reeve(&["ps", "--json"]);
        if ps.code == 0 && ps.json()["services"][0]["phase"] == "ready" { Ok(()) } else { Err(ps) }
    });
    // Its output is a full pipe when no more than what the pipe holds has come out of it and it sleeps on it.
    let size = || std::fs::metadata(stack.data().join("logs/talk/current")).map_or(0, |meta| meta.len());
    eventually("more than a pipe holds", || if size() > 500_000 { Ok(()) } else { Err(size()) });
    let service = stack.pid("talk");
    kill(up.pid(), 2);
    assert_eq!(up.end(), 130);
    assert!(!crate::support::alive(service));
}
