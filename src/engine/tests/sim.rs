//! The seeded simulation: random stacks in a hostile world, every step checked against a shadow model.
//!
//! Replay one: `REEVE_SIM_SEED=7 REEVE_SIM_STEPS=100000 cargo test --lib engine::tests::sim::replay -- --nocapture`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::world::World;

const SEEDS: u64 = 250;
const STEPS: u64 = 1_000_000;

/// Runs one stack through its troubles to its end. Returns the steps taken and a hash of every effect.
fn simulate(seed: u64, steps: u64) -> (u64, u64) {
    let mut world = World::new(seed);
    let outcome = catch_unwind(AssertUnwindSafe(|| world.live(steps)));
    if let Err(panic) = outcome {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default();
        panic!(
            "seed {seed}, step {}: {text}\nreplay: REEVE_SIM_SEED={seed} REEVE_SIM_STEPS={steps}\n{}",
            world.steps,
            world.tail()
        );
    }
    (world.steps, world.hash)
}

#[test]
fn a_million_steps_of_trouble_break_no_promise() {
    let mut total = 0;
    let mut seed = 0;
    while seed < SEEDS || total < STEPS {
        let (steps, _) = simulate(seed, STEPS / SEEDS);
        total += steps;
        seed += 1;
        assert!(seed < SEEDS * 4, "only {total} steps after {seed} stacks: they end too early");
    }
    assert!(total >= STEPS, "{total} steps");
}

#[test]
fn the_same_seed_gives_the_same_effects() {
    for seed in [3, 5, 8] {
        assert_eq!(simulate(seed, 3000), simulate(seed, 3000));
    }
    assert_ne!(simulate(3, 3000).1, simulate(5, 3000).1);
}

#[test]
fn replay() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("REEVE_SIM_SEED").unwrap_or(1);
    let (steps, _) = simulate(seed, number("REEVE_SIM_STEPS").unwrap_or(2000));
    assert!(steps > 0);
}
