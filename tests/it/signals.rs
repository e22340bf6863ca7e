//! Signals, both ways, and what becomes of whole trees of processes.

use std::time::{Duration, Instant};

use crate::support::{Stack, alive, eventually, kill, zombies};

const ONE: &str =
    "[stack]\nname = \"one\"\n[services.one]\ncommand = [\"sleep\", \"1000\"]\nhealth = { delay = \"0s\" }\n";

#[test]
fn each_stop_signal_arrives_exactly_once_and_only_at_the_leader() {
    // Case 7.
    let stack = Stack::new("");
    let out = stack.shared("out");
    let signals = ["HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "TERM", "WINCH"];
    let traps = |who: &str, name: &str| {
        signals.map(|s| format!("trap 'echo {s} >> {}/{name}.{who}' {s}\n", out.display())).concat()
    };
    let services = signals.map(|signal| {
        let name = signal.to_lowercase();
        let got = format!("{}/{name}.leader", out.display());
        format!(
            r#"
[services.{name}]
command = ["sh", "-c", """
({child_traps} touch {got}.child; while [ ! -e {got} ]; do sleep 0.02; done) &
{leader_traps}
while [ ! -e {got}.child ]; do sleep 0.02; done
touch {got}.ready
while [ ! -e {got} ]; do sleep 0.02; done
# A second one would come in this time.
for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.02; done
"""]
health = {{ file = "{got}.ready" }}
stop = {{ signal = "{signal}" }}
"#,
            child_traps = traps("child", &name),
            leader_traps = traps("leader", &name),
        )
    });
    stack.write("services.toml", &format!("[stack]\nname = \"signals\"\n{}", services.concat()));
    stack.up();
    stack.reeve(&["down"]).expect(0);
    for signal in signals {
        let name = signal.to_lowercase();
        assert_eq!(stack.read(&format!("out/{name}.leader")), format!("{signal}\n"));
        assert_eq!(stack.read(&format!("out/{name}.child")), "", "{signal} at the child");
    }
}

#[test]
fn a_hangup_makes_the_daemon_reload_and_ends_a_foreground_up() {
    // Case 10.
    let stack = Stack::new(ONE);
    stack.up();
    let (daemon, service) = (stack.daemon().expect("a daemon"), stack.pid("one"));
    kill(daemon, 1);
    eventually("the hangup is taken as a wish to reload", || {
        let log = stack.read(".reeve/logs/reeve.log");
        if log.contains("reload") { Ok(()) } else { Err(log) }
    });
    assert_eq!(stack.pid("one"), service);
    stack.reeve(&["down"]).expect(0);

    let mut up = stack.spawn(&["up"]);
    eventually("ready", || {
        let ps = stack.reeve(&["ps", "--json"]);
        if ps.code == 0 && ps.json()["services"][0]["phase"] == "ready" { Ok(()) } else { Err(ps) }
    });
    let service = stack.pid("one");
    kill(up.pid(), 1);
    assert_eq!(up.end(), 129);
    assert!(!alive(service));
}

#[test]
fn a_death_by_any_killing_signal_is_named_and_followed_by_a_new_start() {
    // Case 11.
    let stack = Stack::new("");
    let signals = [(11, "SIGSEGV"), (6, "SIGABRT"), (9, "SIGKILL"), (7, "SIGBUS"), (15, "SIGTERM")];
    let services = signals.map(|(_, name)| {
        let name = name.to_lowercase();
        format!(
            "[services.{name}]\ncommand = [\"sleep\", \"1000\"]\nhealth = {{ delay = \"0s\" }}\nrestart = {{ first = \"1ms\" }}\nlimits = {{ core = 0 }}\n"
        )
    });
    stack.write("services.toml", &format!("[stack]\nname = \"deaths\"\n{}", services.concat()));
    stack.up();
    for (signal, name) in signals {
        let service = name.to_lowercase();
        let first = stack.pid(&service);
        kill(first, signal);
        eventually("a new one", || {
            let now = stack.service(&service);
            if now["phase"] == "ready" && now["pid"] != first { Ok(()) } else { Err(now) }
        });
        let now = stack.service(&service);
        assert_eq!(now["restarts"], 1, "{now}");
        let why = stack.reeve(&["why", &service]).expect(0).stdout;
        assert!(why.contains(name), "{name} in {why}");
    }
    // A death by our own stop is no failure.
    stack.reeve(&["stop", "sigterm"]).expect(0);
    stack.reeve(&["start", "sigterm"]).expect(0);
    stack.await_phase("sigterm", "ready");
    assert_eq!(stack.times_in("sigterm", "backoff"), 1, "only the death before");
}

#[test]
fn orphans_that_fall_to_the_daemon_are_reaped_and_change_nothing() {
    // Case 12.
    let stack = Stack::new("");
    let out = stack.shared("out");
    stack.write(
        "services.toml",
        &format!(
            r#"
[stack]
name = "orphans"
[services.orphans]
command = ["sh", "-c", '''
i=0
while [ $i -lt 50 ]; do (setsid sh -c 'echo $$$$ >> {out}/pids' &); i=$((i+1)); done
while [ $(wc -l < {out}/pids) -lt 50 ]; do sleep 0.02; done
touch {out}/done
exec sleep 1000
''']
health = {{ file = "{out}/done" }}
"#,
            out = out.display()
        ),
    );
    stack.up();
    let daemon = stack.daemon().expect("a daemon");
    let orphans: Vec<i32> = stack.read("out/pids").lines().map(|line| line.parse().expect("a pid")).collect();
    assert_eq!(orphans.len(), 50);
    eventually("no zombie", || {
        let left = zombies(daemon);
        if left.is_empty() { Ok(()) } else { Err(left) }
    });
    let service = stack.service("orphans");
    assert_eq!((&service["phase"], &service["restarts"]), (&"ready".into(), &0.into()), "{service}");
}

#[test]
fn a_leader_that_ends_is_noticed_at_once_although_a_grandchild_holds_its_output() {
    // Case 1.
    let stack = Stack::new("");
    let out = stack.shared("out");
    stack.write(
        "services.toml",
        &format!(
            r#"
[stack]
name = "held"
[services.held]
command = ["sh", "-c", '''
[ -e {out}/straggler ] && exec sleep 1000
setsid sh -c "trap '' TERM; echo \$$$$ > {out}/straggler; while :; do sleep 1000 & wait; done" &
while [ ! -s {out}/straggler ]; do sleep 0.02; done
exit 3
''']
health = {{ delay = "0s" }}
restart = {{ first = "1ms" }}
"#,
            out = out.display()
        ),
    );
    let before = Instant::now();
    stack.reeve(&["up", "-d"]);
    eventually("the second life", || {
        let service = stack.service("held");
        if service["phase"] == "ready" && service["restarts"] == 1 { Ok(()) } else { Err(service) }
    });
    let straggler = stack.read("out/straggler").trim().parse().expect("a pid");
    assert!(!alive(straggler), "the straggler is gone before the next life");
    assert!(before.elapsed() < Duration::from_secs(15), "{:?}", before.elapsed());
}

#[test]
fn a_tree_that_forks_on_and_on_does_not_outrun_its_stop() {
    // Case 6: each process leaves one successor and ends; some successors are in sessions of their own.
    let stack = Stack::new(
        r#"
[stack]
name = "bomb"
[services.bomb]
command = ["sh", "-c", '''
trap "" TERM
roll() { ( roll ) & }
roll; roll; roll
while :; do (sleep 0.05 &); (setsid sh -c "trap '' TERM; sleep 0.05; sleep 0.05" &); sleep 0.01; done
''']
health = { delay = "300ms" }
stop = { grace = "300ms" }
"#,
    );
    stack.up();
    assert!(stack.processes().len() > 3, "it forks");
    let done = stack.reeve(&["stop", "bomb"]).expect(0);
    assert_eq!(stack.service("bomb")["phase"], "stopped", "{done:?}");
    assert_eq!(stack.processes(), Vec::<i32>::new(), "nothing escaped");
}

#[test]
fn fifty_processes_that_obey_are_gone_without_a_kill() {
    // Case 5.
    let stack = Stack::new("");
    let out = stack.shared("out");
    stack.write(
        "services.toml",
        &format!(
            r#"
[stack]
name = "fifty"
[services.fifty]
command = ["sh", "-c", '''
for i in 1 2 3 4 5 6 7; do
  sh -c 'for i in 1 2 3 4 5 6; do sleep 1000 & done; echo up >> {out}/up; exec sleep 1000' &
done
while [ $(wc -l < {out}/up) -lt 7 ]; do sleep 0.02; done
touch {out}/ready
exec sleep 1000
''']
health = {{ file = "{out}/ready" }}
stop = {{ scope = "group", grace = "50s" }}
"#,
            out = out.display()
        ),
    );
    stack.up();
    assert_eq!(stack.processes().len(), 50);
    let before = Instant::now();
    stack.reeve(&["stop", "fifty"]).expect(0);
    let took = before.elapsed();
    assert_eq!(stack.processes(), Vec::<i32>::new());
    assert!(took < Duration::from_secs(5), "{took:?}");
    let events = stack.events("fifty");
    assert!(events.iter().all(|event| event["kind"] != "killed"), "{events:?}");
}
