//! Volumes and disks in trouble, and starts that are killed in the middle.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Stack, alive, eventually, is_root, kill, skip};

/// A small disk, for as long as it lives.
struct Disk(PathBuf);

impl Disk {
    /// `None`, said, where this account cannot mount.
    fn mount(at: &Path, options: &str) -> Option<Self> {
        if !is_root() {
            skip("only root can mount a small disk");
            return None;
        }
        std::fs::create_dir_all(at).expect("a mount point");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at).output().expect("mount");
        if !done.status.success() {
            skip(&format!("no disk can be mounted here: {}", String::from_utf8_lossy(&done.stderr)));
            return None;
        }
        Some(Self(at.to_owned()))
    }

    fn remount(&self, options: &str) {
        let done = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.0).status();
        assert!(done.expect("mount").success());
    }

    /// Takes what space there is.
    fn fill(&self) {
        use std::io::Write;
        let mut file = std::fs::File::create(self.0.join("filler")).expect("a file");
        while file.write_all(&[0; 512]).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).expect("the filler");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: the service that a failed test leaves may still be on it.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn one(more: &str, volume: &str) -> String {
    format!(
        r#"
[stack]
name = "volumes"
[services.one]
command = ["sleep", "1000"]
health = {{ delay = "0s" }}
volumes = {{ data = "data" }}
restart = {{ first = "50ms", cap = "300ms" }}
{more}
[volumes.data]
{volume}
"#
    )
}

#[test]
fn data_of_another_major_version_is_refused_and_left_as_it_is() {
    let stack = Stack::new(&one("data_format = \"16\"", ""));
    stack.up();
    stack.reeve(&["down"]).expect(0);
    let manifest = stack.read(".reeve/volumes/data/.reeve-volume.json");
    stack.write("services.toml", &one("data_format = \"17\"", ""));
    let done = stack.reeve(&["up", "-d"]).expect(1);
    for part in ["data", "version 16", "version 17"] {
        assert!(done.stderr.contains(part), "{part:?} in {}", done.stderr);
    }
    let why = stack.reeve(&["why", "one"]).expect(0).stdout;
    assert!(why.contains("export"), "what to do in {why}");
    assert_eq!(stack.read(".reeve/volumes/data/.reeve-volume.json"), manifest);
    stack.reeve(&["down"]).expect(0);
    stack.write("services.toml", &one("data_format = \"16\"", ""));
    stack.up();
}

#[test]
fn a_broken_or_newer_manifest_is_named_and_the_data_is_left_alone() {
    for (text, says) in [("", "broken"), ("{\"format\": 1, \"sta", "broken"), ("{\"format\": 999}", "newer reeve")] {
        let stack = Stack::new(&one("", ""));
        stack.up();
        stack.reeve(&["down"]).expect(0);
        stack.write(".reeve/volumes/data/precious", "mine");
        stack.write(".reeve/volumes/data/.reeve-volume.json", text);
        let done = stack.reeve(&["up", "-d"]).expect(1);
        assert!(done.stderr.contains(says) && done.stderr.contains(".reeve-volume.json"), "{}", done.stderr);
        let removed = stack.reeve(&["down", "--volumes", "--yes"]);
        assert_eq!(stack.read(".reeve/volumes/data/precious"), "mine", "{removed:?}");
    }
}

#[test]
fn two_reeves_never_write_the_same_volume() {
    let shared = Stack::new("");
    let path = format!("path = {:?}", shared.shared("area").join("data"));
    let (first, second) = (Stack::new(&one("", &path)), Stack::new(&one("", &path)));
    first.up();
    let done = second.reeve(&["up", "-d", "--timeout", "5s"]);
    assert_ne!(done.code, 0);
    let holder = first.daemon().expect("a daemon").to_string();
    assert!(done.stderr.contains("in use by") && done.stderr.contains(&holder), "the holder in {}", done.stderr);
    assert_eq!(second.service("one")["pid"], serde_json::Value::Null);
    // A service that is only restarted never lets go of it to the other.
    let old = first.pid("one");
    kill(old, 9);
    eventually("another one", || match first.service("one")["pid"].as_i64() {
        Some(pid) if pid != i64::from(old) => Ok(()),
        other => Err(other),
    });
    first.reeve(&["down"]).expect(0);
    second.reeve(&["start", "one"]);
    second.await_phase("one", "ready");
}

#[test]
fn a_full_disk_is_named_and_the_service_starts_once_there_is_space() {
    let stack = Stack::new("");
    let Some(disk) = Disk::mount(&stack.path().join("disk"), "size=64k,mode=0777") else { return };
    stack.write("services.toml", &one("", "path = \"disk/area/data\""));
    disk.fill();
    let done = stack.reeve(&["up", "-d", "--timeout", "2s"]);
    assert_ne!(done.code, 0);
    assert!(done.stderr.contains("No space left on device"), "{}", done.stderr);
    let why = stack.reeve(&["why", "one"]).expect(0).stdout;
    assert!(why.contains("free some"), "what to do in {why}");
    disk.free();
    stack.await_phase("one", "ready");
    stack.reeve(&["down"]).expect(0);
}

#[test]
fn a_read_only_volume_is_named_and_nothing_is_started_on_it() {
    let stack = Stack::new("");
    let Some(disk) = Disk::mount(&stack.path().join("disk"), "size=256k,mode=0777") else { return };
    stack.write("services.toml", &one("", "path = \"disk/area/data\""));
    stack.up();
    stack.reeve(&["down"]).expect(0);
    disk.remount("ro");
    let done = stack.reeve(&["up", "-d", "--timeout", "2s"]);
    assert_ne!(done.code, 0);
    assert!(done.stderr.contains("Read-only file system"), "{}", done.stderr);
    assert_eq!(stack.service("one")["pid"], serde_json::Value::Null);
    disk.remount("rw");
    stack.await_phase("one", "ready");
    stack.reeve(&["down"]).expect(0);
}

#[test]
fn a_service_outlives_a_full_log_disk_and_the_loss_is_stated_once() {
    // Case 53.
    let stack = Stack::new("");
    let out = stack.shared("out");
    stack.write(
        "services.toml",
        &format!(
            r#"
[stack]
name = "full"
[services.talk]
command = ["sh", "-c", "i=0; while :; do echo line $i; i=$((i+1)); echo $i > {out}/count; sleep 0.01; done"]
health = {{ delay = "0s" }}
"#,
            out = out.display()
        ),
    );
    let Some(disk) = Disk::mount(&stack.data().join("logs/talk"), "size=32k,mode=0700") else { return };
    disk.fill();
    stack.up();
    let pid = stack.pid("talk");
    let count = || stack.read("out/count").trim().parse::<u32>().unwrap_or(0);
    let before = count();
    eventually("it writes on", || if count() > before + 50 { Ok(()) } else { Err(count()) });
    let log = || stack.read(".reeve/logs/reeve.log");
    assert_eq!(log().matches("cannot be written").count(), 1, "{}", log());
    disk.free();
    eventually("the log goes on", || if log().contains("written again") { Ok(()) } else { Err(log()) });
    eventually("the loss is stated in the log itself", || {
        let text = stack.reeve(&["logs", "talk"]).expect(0).stdout;
        if text.contains("dropped") && text.contains("No space left") { Ok(()) } else { Err(text) }
    });
    let now = stack.service("talk");
    assert_eq!((now["pid"].as_i64(), &now["restarts"]), (Some(pid.into()), &0.into()), "{now}");
    stack.reeve(&["down"]).expect(0);
}

#[test]
fn a_stop_that_cannot_be_remembered_is_done_and_says_so() {
    let stack = Stack::new(&one("", "").replace("volumes = { data = \"data\" }", "").replace("[volumes.data]", ""));
    let Some(disk) = Disk::mount(&stack.data(), "size=256k,mode=0755") else { return };
    stack.up();
    disk.fill();
    let done = stack.reeve(&["stop", "one"]).expect(1);
    assert!(done.stderr.contains("will not survive"), "{}", done.stderr);
    assert_eq!(stack.service("one")["phase"], "stopped");
    disk.free();
    stack.reeve(&["stop", "one"]).expect(0);
    stack.kill_daemon();
    stack.up();
    assert_eq!(stack.service("one")["phase"], "stopped");
    stack.reeve(&["down"]).expect(0);
}

#[test]
fn a_start_killed_at_any_moment_leaves_nothing_doubled_and_nothing_half_made() {
    // Case 64, 25 times, with services that notice a second of their kind and a volume that is not whole.
    let stack = Stack::new("");
    let out = stack.shared("out");
    let service = |name: &str, after: &str| {
        format!(
            r#"
[services.{name}]
command = ["sh", "-c", '''
[ "$(cat $DATA/first)$(cat $DATA/second)" = onetwo ] || echo half made >> {out}/faults
for p in $(cat {out}/{name}.pid 2> /dev/null); do
  [ -e /proc/$p ] && [ "$(tr '\0' ' ' < /proc/$p/environ 2> /dev/null | grep -c {out})" != 0 ] && echo doubled {name} >> {out}/faults
done
echo $$$$ > {out}/{name}.pid
touch $DATA/up
setsid sleep 1000 &
exec sleep 1000
''']
env = {{ DATA = "${{self.volume.data}}", OUT = "{out}" }}
volumes = {{ data = "{name}" }}
depends_on = {{ {after} }}
health = {{ file = "${{self.volume.data}}/up" }}
stop = {{ grace = "100ms" }}
init = {{ volume = "data", steps = [
  {{ name = "first", exec = ["sh", "-c", "printf one > ${{self.volume.data}}/first"] }},
  {{ name = "second", exec = ["sh", "-c", "sleep 0.05; printf two > ${{self.volume.data}}/second"] }},
] }}
[volumes.{name}]
"#,
            out = out.display()
        )
    };
    let text = format!("[stack]\nname = \"rounds\"\n{}{}", service("base", ""), service("app", "base = \"ready\""));
    stack.write("services.toml", &text);
    let mut random: u32 = 0x9e37_79b9;
    for round in 0..25 {
        let mut up = stack.spawn(&["up"]);
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        let micros = u64::from(random % 600_000);
        let moment = std::time::Instant::now() + std::time::Duration::from_micros(micros);
        while std::time::Instant::now() < moment {
            std::thread::yield_now();
        }
        kill(up.pid(), 9);
        up.end();
        stack.reeve(&["up", "-d", "--timeout", "60s"]).expect(0);
        assert_eq!(stack.read("out/faults"), "", "round {round}, killed after {micros} µs");
        let (base, app) = (stack.pid("base"), stack.pid("app"));
        // Each has its leader and one child, which it makes after the file by which it is ready; an earlier run left that.
        eventually(&format!("four processes in round {round}, killed after {micros} µs"), || {
            let now = stack.processes();
            if now.len() == 4 { Ok(()) } else { Err(now) }
        });
        stack.kill_daemon();
        stack.reeve(&["up", "-d", "--timeout", "60s"]).expect(0);
        assert!(!alive(base) && !alive(app));
        assert_eq!(stack.read("out/faults"), "", "round {round}");
        if !stack.service("base")["limits"].is_null() {
            assert!(!stack.groups().is_empty(), "the groups are looked for where they are");
        }
        // Looked at before the data directory goes, whose name theirs is made of.
        stack.reeve(&["down"]).expect(0);
        assert_eq!(stack.processes(), Vec::<i32>::new(), "round {round}");
        assert_eq!(stack.groups(), Vec::<PathBuf>::new(), "round {round}");
        stack.reeve(&["down", "--volumes", "--yes"]).expect(0);
    }
}
