//! A thousand tasks at once: how late they fire, what that costs.

use serde_json::json;

use super::harness::{Director, Scripts};
use crate::support::eventually;

const TASKS: usize = 1000;
const INTERVAL: i64 = 10_000;

#[test]
fn a_thousand_tasks_fire_in_time() {
    let scripts = Scripts::start();
    let script = scripts.put("quick.js", "exports.main = () => 1");
    let director = Director::prepared(&[("DIRECTOR_RUNNER", "embedded"), ("GOV_LOG_LEVEL", "debug")]);
    for number in 0..TASKS {
        // Ten to a moment, a hundred moments.
        let init = (number as i64 / 10) * (INTERVAL / 100);
        let task = json!({
            "id": format!("t{number:04}"), "script": script, "running": true, "config": { "n": number },
            "init": init, "interval": INTERVAL, "end": "2100-01-01",
        });
        director.write(&format!("tasks/t{number:04}.json"), &task.to_string());
    }
    let mut director = director;
    director.launch();
    let mut delays: Vec<i64> = eventually("every task has fired", || {
        let log = director.log();
        let lines: Vec<_> = log.lines().filter(|line| line.contains(" fires ")).collect();
        let tasks: std::collections::BTreeSet<_> =
            lines.iter().filter_map(|line| line.split("task=").nth(1)?.split(' ').next()).collect();
        if tasks.len() < TASKS {
            return Err(tasks.len());
        }
        Ok(lines.iter().map(|line| line.split("delay_us=").nth(1).unwrap().trim().parse().unwrap()).collect())
    });
    delays.sort_unstable();
    let at = |share: f64| delays[((delays.len() - 1) as f64 * share) as usize] as f64 / 1000.0;
    let status = std::fs::read_to_string(format!("/proc/{}/status", director.pid())).unwrap();
    let memory = status.lines().find(|line| line.starts_with("RssAnon")).unwrap_or_default();
    eprintln!(
        "{} firings of {TASKS} tasks, late by ms: median {:.3}, 99 % {:.3}, worst {:.3}; {memory}",
        delays.len(),
        at(0.5),
        at(0.99),
        at(1.0),
    );
    // Generous: the machine has other things to do.
    assert!(at(0.5) < 250.0 && at(1.0) < 3000.0);
    assert!(delays.iter().all(|delay| *delay >= 0), "never early");
    assert_eq!(director.metric("director_occurrences_total", "missed"), 0.0);
    let list = director.get("").expect(200).json();
    assert_eq!(list.as_array().map(Vec::len), Some(TASKS));
}
