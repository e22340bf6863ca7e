//! Limits that really hold, by whichever mechanism this machine has.

use super::super::limits::{Enforcement, Limits, apply};
use super::*;

const HUNGRY: &str = "head -c 200000000 /dev/zero | tail -c 200000000 >/dev/null";

fn mechanism(what: &str, enforced: &[Enforcement]) -> Option<&'static str> {
    match &enforced[0].outcome {
        Ok(mechanism) => {
            let line = format!("{what} limit by {mechanism}\n");
            std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
            Some(mechanism)
        }
        Err(reason) => {
            skipped(&format!("{what} limit"), reason);
            None
        }
    }
}

#[tokio::test]
async fn too_much_memory_ends_in_a_kill() {
    for containment in rungs("memory") {
        let tree = containment.tree("svc", 1).unwrap();
        let enforced = apply(&tree, &Limits { memory_bytes: Some(64 << 20), ..Limits::default() });
        let Some(mechanism) = mechanism("memory", &enforced) else { return emptied(&tree).await };
        assert_eq!(enforced[0].to_string(), format!("memory 64 MiB by {mechanism}"));
        let (mut child, _out) = start(&tree, HUNGRY);
        assert_eq!(child.wait().await.unwrap(), ExitStatus::Code(128 + libc::SIGKILL), "by {mechanism}");
        emptied(&tree).await;
        // The same without a limit, so that it was the limit.
        let tree = containment.tree("svc", 2).unwrap();
        let (mut child, _out) = start(&tree, HUNGRY);
        assert_eq!(child.wait().await.unwrap(), ExitStatus::Code(0));
        emptied(&tree).await;
        containment.close().unwrap();
    }
}

#[tokio::test]
async fn too_many_processes_are_refused() {
    for containment in rungs("processes") {
        let tree = containment.tree("svc", 1).unwrap();
        let enforced = apply(&tree, &Limits { processes: Some(4), ..Limits::default() });
        if mechanism("process", &enforced).is_none() {
            return emptied(&tree).await;
        }
        let (mut child, out) = start(&tree, "exec 2>&1; for i in 1 2 3 4 5 6; do sleep 300 & done; echo all");
        assert_ne!(child.wait().await.unwrap(), ExitStatus::Code(0));
        assert_eq!(tree.pids().len(), 3);
        tree.kill().unwrap();
        emptied(&tree).await;
        assert!(!text(out).contains("all"));
        containment.close().unwrap();
    }
}

#[tokio::test]
async fn a_run_that_is_taken_over_gives_its_places_back() {
    for containment in rungs("taken") {
        let tree = containment.tree("svc", 3).unwrap();
        let enforced = apply(&tree, &Limits { cpu_percent: Some(50), processes: Some(9), memory_bytes: None });
        if mechanism("cpu", &enforced).is_none() {
            return emptied(&tree).await;
        }
        let (mut child, mut out) = start(&tree, "cat /proc/self/cgroup; echo up; exec sleep 300");
        let mut places = Vec::new();
        loop {
            let line = first_line(&mut out);
            if line == "up" {
                break;
            }
            places.push(line);
        }
        assert!(places.iter().any(|line| line.contains("svc-3")), "{places:?}");
        drop(tree);
        let tree = containment.reopen("svc", 3, Some((child.pid, child.start_time)));
        let groups: Vec<_> = tree.legacy_paths();
        tree.kill().unwrap();
        child.wait().await.unwrap();
        emptied(&tree).await;
        assert!(groups.iter().all(|path| !path.exists()), "{groups:?}");
        containment.close().unwrap();
    }
}

#[tokio::test]
async fn what_nothing_holds_is_said() {
    let said = Enforcement { what: "memory", amount: "400 MB".into(), outcome: Err("no memory controller".into()) };
    assert_eq!(said.to_string(), "memory not enforced: no memory controller");
    assert!(!said.holds());
    assert!(Limits::default().is_empty());
}
