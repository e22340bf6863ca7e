//! Ending a run: signals, late comers, what an earlier reeve left.

use super::*;

#[tokio::test]
async fn who_ignores_the_stop_signal_keeps_the_tree_occupied() {
    // semantics case 3
    for containment in rungs("stubborn") {
        let tree = containment.tree("svc", 1).unwrap();
        let script = "trap 'exit 0' TERM; (trap '' TERM; echo up; exec sleep 300) & wait";
        let (mut child, mut out) = start(&tree, script);
        assert_eq!(first_line(&mut out), "up");
        assert_eq!(tree.signal(Scope::Leader, libc::SIGTERM).unwrap(), 1);
        assert_eq!(child.wait().await.unwrap(), ExitStatus::Code(0));
        assert!(!tree.is_empty().unwrap(), "{}", containment.rung());
        eventually("the survivor is named", || tree.survivors()[0].to_string().contains("(sleep 300)")).await;
        tree.kill().unwrap();
        emptied(&tree).await;
        containment.close().unwrap();
    }
}

#[tokio::test]
async fn a_deep_tree_that_obeys_is_gone_quickly() {
    // semantics case 5
    for containment in rungs("deep") {
        let tree = containment.tree("svc", 1).unwrap();
        let script = "sh -c 'sh -c \"echo up; sleep 300; true\"; true'; true";
        let (mut child, mut out) = start(&tree, script);
        assert_eq!(first_line(&mut out), "up");
        eventually("four processes", || tree.pids().len() == 4).await;
        let began = Instant::now();
        assert_eq!(tree.signal(Scope::Tree, libc::SIGTERM).unwrap(), 4);
        child.wait().await.unwrap();
        emptied(&tree).await;
        assert!(began.elapsed() < Duration::from_millis(500), "{}: {:?}", containment.rung(), began.elapsed());
        containment.close().unwrap();
    }
}

#[tokio::test]
async fn each_stop_signal_arrives_once_at_the_leader() {
    // semantics case 7
    let signals =
        [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGUSR1, libc::SIGUSR2, libc::SIGWINCH, 37];
    for containment in rungs("signals") {
        for (run, signal) in signals.into_iter().enumerate() {
            let tree = containment.tree("svc", run as u64).unwrap();
            let script = format!(
                "trap 'echo {signal}' {signal}; \
                 sh -c 'trap \"echo child\" {signal}; echo up; while :; do sleep 0.01; done' & while :; do wait; done"
            );
            let (mut child, mut out) = start(&tree, &script);
            assert_eq!(first_line(&mut out), "up");
            assert_eq!(tree.signal(Scope::Leader, signal).unwrap(), 1);
            assert_eq!(first_line(&mut out), signal.to_string());
            tree.kill().unwrap();
            child.wait().await.unwrap();
            emptied(&tree).await;
            assert_eq!(text(out), "", "nobody else, and not twice");
        }
        containment.close().unwrap();
    }
}

#[tokio::test]
async fn who_shows_up_after_the_kill_is_killed_too() {
    let containment = Containment::forced("late", Rung::Subreaper).unwrap();
    let tree = containment.tree("svc", 1).unwrap();
    let (mut child, mut out) = start(&tree, "echo up; exec sleep 300");
    assert_eq!(first_line(&mut out), "up");
    tree.kill().unwrap();
    child.wait().await.unwrap();
    assert!(tree.is_empty().unwrap());
    let mut plan = shell("exec sleep 300");
    let (name, value) = tree.environment();
    plan.env.push((name.into(), value.into()));
    let mut late = spawn(&plan).unwrap();
    emptied(&tree).await;
    assert_eq!(late.wait().await.unwrap(), ExitStatus::Signal { signal: 9, core: false });
}

#[tokio::test]
async fn the_process_group_rung_holds_the_group_and_no_more() {
    let containment = Containment::forced("group", Rung::ProcessGroup).unwrap();
    let tree = containment.tree("svc", 1).unwrap();
    let script = "setsid sh -c 'echo $$; exec sleep 300' & sleep 300 & wait";
    let (mut child, mut out) = start(&tree, script);
    let escaped: i32 = first_line(&mut out).parse().unwrap();
    assert!(!tree.pids().contains(&escaped), "or this rung is better than it says");
    tree.kill().unwrap();
    child.wait().await.unwrap();
    emptied(&tree).await;
    let start = identity::start_time(escaped).unwrap();
    assert!(identity::signal_exact(escaped, start, libc::SIGKILL).unwrap());
}

#[tokio::test]
async fn what_an_earlier_reeve_left_is_found_by_lease_or_group() {
    for containment in rungs("leftover") {
        let earlier = containment.tree("svc", 7).unwrap();
        let (mut child, mut out) = start(&earlier, "setsid sleep 300 & echo up; wait");
        assert_eq!(first_line(&mut out), "up");
        let leader = (child.pid, child.start_time);
        drop(earlier);
        let again = Containment::forced("leftover", containment.rung()).unwrap();
        if again.rung() != Rung::Subreaper {
            let found = again.leftovers();
            assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["svc-7"]);
            assert!(found[0].1.pids().contains(&child.pid));
        }
        let tree = again.reopen("svc", 7, Some(leader));
        eventually("both are seen", || tree.pids().len() == 2).await;
        assert_eq!(tree.signal(Scope::Leader, 0).unwrap(), 1);
        tree.kill().unwrap();
        child.wait().await.unwrap();
        emptied(&tree).await;
        assert!(again.leftovers().is_empty());
        let nobody = again.reopen("svc", 7, Some((leader.0, leader.1 + 1)));
        assert!(nobody.is_empty().unwrap(), "a number used again is nobody of ours");
        again.close().unwrap();
    }
}

#[test]
fn people_can_read_it() {
    assert_eq!(Rung::Cgroup.to_string(), "cgroup v2 (hybrid, without controllers)");
    let survivor = Survivor { pid: 12, command: "sleep 1000".into(), waiting_in: "do_sys_poll".into() };
    assert_eq!(survivor.to_string(), "pid 12 (sleep 1000) waits in do_sys_poll");
}
