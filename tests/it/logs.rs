//! What a service writes, as its user finds it.

use std::io::Read;
use std::process::Stdio;

use crate::support::{Stack, eventually, kill};

#[test]
fn the_log_of_a_crash_is_still_there_after_the_restart_and_ends_with_its_last_words() {
    // Cases 51 and 54.
    let stack = Stack::new("");
    let out = stack.shared("out");
    stack.write(
        "services.toml",
        &format!(
            r#"
[stack]
name = "talk"
[services.talk]
command = ["sh", "-c", '''echo hello; if [ ! -e {out}/second ]; then touch {out}/second; printf "last words"; exit 7; fi; sleep 1000''']
restart = {{ policy = "unless-stopped", first = "1ms" }}
health = {{ delay = "100ms" }}
"#,
            out = out.display()
        ),
    );
    stack.up();
    let logs = eventually("both lives in the log", || {
        let logs = stack.reeve(&["logs", "talk"]).expect(0).stdout;
        if logs.matches("hello").count() == 2 { Ok(logs) } else { Err(logs) }
    });
    assert!(logs.contains("last words"), "{logs}");
}

#[test]
fn logs_come_as_json_with_time_stream_and_service() {
    let stack = Stack::new(
        r#"
[stack]
name = "json"
[services.both]
oneshot = true
command = ["sh", "-c", "echo out; echo err >&2"]
"#,
    );
    stack.up();
    let lines = eventually("two lines", || {
        let logs = stack.reeve(&["logs", "--json", "both"]).expect(0).stdout;
        let lines: Vec<serde_json::Value> =
            logs.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let own: Vec<_> = lines.into_iter().filter(|line| line["stream"] != "reeve").collect();
        if own.len() == 2 { Ok(own) } else { Err(own) }
    });
    for (stream, text) in [("stdout", "out"), ("stderr", "err")] {
        let line = lines.iter().find(|line| line["stream"] == stream).expect(stream);
        assert_eq!(line["text"], text);
        assert_eq!(line["service"], "both");
        line["time"].as_str().expect("a time").parse::<jiff::Timestamp>().expect("RFC 3339");
        assert_eq!(line["schema_version"], 1);
    }
}

#[test]
fn following_goes_on_over_rotation_and_a_reader_that_leaves_hurts_nobody() {
    // Cases 52 and 55.
    let stack = Stack::new(
        r#"
[stack]
name = "flood"
[services.flood]
command = ["sh", "-c", "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; echo the end; exec sleep 1000"]
health = { log = "the end" }
logs = { max_size = "100KiB", max_files = 20 }
"#,
    );
    let mut up = stack.command(&["up"]);
    up.stdout(Stdio::null()).stderr(Stdio::null());
    #[expect(clippy::disallowed_methods, reason = "the tests start reeve itself")]
    let mut daemon = up.spawn().expect("reeve");
    eventually("ready", || {
        let ps = stack.reeve(&["ps", "--json"]);
        if ps.code == 0 && ps.json()["services"][0]["phase"] == "ready" { Ok(()) } else { Err(ps) }
    });
    // What has been seen of a service may still be on its way to the file.
    let logs = eventually("all of it is on the disk", || {
        let logs = stack.reeve(&["logs", "--no-prefix", "-n", "100000", "flood"]).expect(0).stdout;
        let count = logs.lines().filter(|line| line.starts_with("line ")).count();
        if count == 20000 { Ok(logs) } else { Err(count) }
    });
    let numbers: Vec<&str> = logs.lines().filter(|line| line.starts_with("line ")).collect();
    for (at, line) in numbers.iter().enumerate() {
        assert_eq!(*line, format!("line {at}"));
    }
    let mut follow = stack.command(&["logs", "-f", "flood"]);
    follow.stdout(Stdio::piped()).stderr(Stdio::piped());
    #[expect(clippy::disallowed_methods, reason = "the tests start reeve itself")]
    let mut reader = follow.spawn().expect("reeve");
    let mut byte = [0];
    reader.stdout.take().expect("stdout").read_exact(&mut byte).expect("a line");
    // Its output is closed now, as by `head -1`; a new line must not make it complain.
    kill(stack.pid("flood"), 9);
    let status = reader.wait().expect("an end");
    let mut complaint = String::new();
    reader.stderr.take().expect("stderr").read_to_string(&mut complaint).expect("stderr");
    assert!(!complaint.contains("panic") && !complaint.contains("roken pipe"), "{status:?} {complaint}");
    stack.await_phase("flood", "ready");
    stack.reeve(&["down"]).expect(0);
    daemon.wait().expect("an end");
}
