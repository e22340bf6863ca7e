//! The whole set-up, killed at random moments: the next `up` finishes it, and what is made is made once.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::{Status, rest};
use crate::support::{Running, eventually, kill};

/// Moments at which it is killed.
const ROUNDS: u32 = 25;

/// What the set-up is about, and no more than that: the rest would only take time.
const SERVICES: [&str; 4] = ["up", "--timeout", "900s", "setup"];

#[test]
fn a_set_up_that_is_killed_at_any_moment_is_finished_by_the_next_and_done_once() {
    let status = Status::new();
    let finish = || {
        let mut command = status.command(&SERVICES);
        let done: crate::support::Done = command.arg("-d").output().expect("reeve").into();
        let done = done.expect(0);
        assert_eq!(status.stack.service("setup")["phase"], "completed", "{}", done.stderr);
        status.is_set_up_once();
    };
    let began = Instant::now();
    finish();
    let whole = began.elapsed();
    let mut seed = u64::from(std::process::id()) | 1;
    eprintln!("{ROUNDS} rounds of at most {whole:?}, seed {seed}");
    for round in 0..ROUNDS {
        status.stack.reeve(&["down", "--volumes", "--yes"]).expect(0);
        // Numerical Recipes' generator: any spread will do.
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = (seed >> 33) as f64 / f64::from(1u32 << 31);
        let moment = whole.mul_f64(share).max(Duration::from_millis(20));
        let mut command = status.command(&SERVICES);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let began = Instant::now();
        let mut up = Running::start(command);
        rest(began + moment);
        let phase = status.stack.reeve(&["ps"]).stdout;
        kill(up.pid(), 9);
        up.end();
        eprintln!("round {round}: killed after {moment:?}\n{phase}");
        eventually("reeve is gone", || if status.stack.daemon().is_some() { Err(()) } else { Ok(()) });
        finish();
    }
    status.stack.reeve(&["down"]).expect(0);
}
