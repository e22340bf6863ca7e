//! Start, end and reaping of 500 children, by two threads: `platform::spawn`, each child in a cgroup of its own that is made
//! and removed (where the machine allows it), against `posix_spawn` of the same program.
//!
//! The sides alternate in one run and every second round begins with the other one; the ratio is that of their medians.
//! Two programs: a static one, which starts as fast as a program can, and a dynamic one, as most are.
//! `REEVE_BENCH_SAMPLES` (20) changes the number of rounds.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a bench talks, and ends when it cannot go on")]

use std::ffi::{CString, c_char};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use reeve::platform::{Containment, SpawnPlan, spawn};

const CHILDREN: usize = 500;
const THREADS: usize = 2;
const CHILD: &str = "int main(void) { return 0; }\n";

fn main() {
    let dir = tempfile::tempdir().expect("a directory");
    let samples = std::env::var("REEVE_BENCH_SAMPLES").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let containment = Containment::detect(&dir.path().display().to_string());
    println!("containment: {}", containment.rung());
    let programs = [("static", compile(dir.path())), ("dynamic", Some(PathBuf::from("/bin/true")))];
    for (kind, program) in programs {
        let Some(program) = program else {
            println!("{kind}: SKIPPED, no C compiler");
            continue;
        };
        compare(kind, &program, &containment, samples);
    }
    containment.close().expect("every group is empty");
}

fn compare(kind: &str, program: &Path, containment: &Containment, samples: usize) {
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for sample in 0..=samples {
        let mut one = (Duration::ZERO, Duration::ZERO);
        for side in 0..2 {
            if (sample + side) % 2 == 0 {
                one.0 = measure(|thread| by_reeve(program, containment, (sample * THREADS + thread) as u64));
            } else {
                one.1 = measure(|_| by_posix_spawn(program));
            }
        }
        // The first round warms up.
        if sample > 0 {
            ours.push(one.0);
            bare.push(one.1);
        }
    }
    let (a, b) = (median(&mut ours), median(&mut bare));
    println!(
        "{kind}: reeve {:.1} ms ({:.1}–{:.1}), posix_spawn {:.1} ms ({:.1}–{:.1}), ratio {:.2}, n={samples}",
        millis(a),
        millis(ours[0]),
        millis(ours[ours.len() - 1]),
        millis(b),
        millis(bare[0]),
        millis(bare[bare.len() - 1]),
        a.as_secs_f64() / b.as_secs_f64(),
    );
}

/// The time that all threads take together.
fn measure(work: impl Fn(usize) + Sync) -> Duration {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let work = &work;
            scope.spawn(move || work(thread));
        }
    });
    begun.elapsed()
}

fn by_reeve(program: &Path, containment: &Containment, round: u64) {
    let mut running = Vec::with_capacity(CHILDREN / THREADS);
    for number in 0..CHILDREN / THREADS {
        let tree = containment.tree(&format!("c{number}"), round).expect("a place");
        let mut plan = SpawnPlan::new(program);
        let (name, value) = tree.environment();
        plan.env.push((name.into(), value.into()));
        plan.cgroup = tree.placement();
        let child = spawn(&plan).expect("a child");
        tree.set_leader(child.pid, child.start_time);
        running.push((tree, child));
    }
    for (tree, mut child) in running {
        assert!(child.wait_blocking().expect("its end").success());
        tree.remove().expect("an empty group");
    }
}

#[expect(unsafe_code, reason = "the C library's own call is what is compared with")]
fn by_posix_spawn(program: &Path) {
    let path = CString::new(program.as_os_str().as_encoded_bytes()).expect("no NUL");
    let variable = CString::new("REEVE_RUN=bench/child/1").expect("no NUL");
    let argv = [path.as_ptr().cast_mut(), std::ptr::null_mut::<c_char>()];
    let envp = [variable.as_ptr().cast_mut(), std::ptr::null_mut::<c_char>()];
    let mut pids = Vec::with_capacity(CHILDREN / THREADS);
    for _ in 0..CHILDREN / THREADS {
        let mut pid = 0;
        // SAFETY: the strings and both null-terminated lists live until the call returns.
        let code = unsafe {
            let (nothing, no_wishes) = (std::ptr::null(), std::ptr::null());
            libc::posix_spawn(&raw mut pid, path.as_ptr(), nothing, no_wishes, argv.as_ptr(), envp.as_ptr())
        };
        assert_eq!(code, 0, "posix_spawn");
        pids.push(pid);
    }
    for pid in pids {
        let mut status = 0;
        // SAFETY: waits for a child of ours and stores its status in a live variable.
        let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
        assert!(waited == pid && status == 0, "a child failed");
    }
}

fn compile(dir: &Path) -> Option<PathBuf> {
    let (source, binary) = (dir.join("child.c"), dir.join("child"));
    std::fs::write(&source, CHILD).expect("the source is written");
    let compiled = Command::new("cc").args(["-O2", "-static", "-o"]).arg(&binary).arg(&source).status();
    compiled.is_ok_and(|status| status.success()).then_some(binary)
}

/// Sorts.
fn median(values: &mut [Duration]) -> Duration {
    values.sort();
    values[values.len() / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
