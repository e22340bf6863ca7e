//! When a replica that fails is left alone, tried again, and back at its full share. Pure: the time is an argument.
//!
//! ```text
//! Closed ──failures in a row──▶ Open ──its time is over──▶ Trial ──success──▶ Closed, with a small share that grows
//!                                ▲─────────failure───────────┘
//! ```
//!
//! Only what says that nobody is there counts as a failure: no connection, a connection that breaks before the answer, an
//! answer that is none or does not come. A service that answers 500 is there.

use std::time::Duration;

/// Failures in a row until it is left alone. One may be bad luck, as may be two at once.
const FAILURES: u32 = 3;
/// For so long at first; a supervised process is back within a second.
const FIRST: Duration = Duration::from_millis(500);
/// And no longer than this: the time that a service which is back waits for its next request.
const LONGEST: Duration = Duration::from_secs(10);
/// Until the share is whole again.
const WARM_UP: Duration = Duration::from_secs(10);
/// What it begins with.
const LEAST_SHARE: f32 = 0.1;

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Closed {
        failures: u32,
        since: Option<Duration>,
    },
    Open {
        until: Duration,
        pause: Duration,
    },
    /// One request is out to see; `pause` is for the case that it fails.
    Trial {
        pause: Duration,
    },
}

/// What happened with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Answered,
    Failed,
    /// Given up for reasons of the client; says nothing.
    Abandoned,
}

/// Whether a request may go there.
#[derive(Debug, Clone, Copy, PartialEq)]
#[must_use]
pub enum Admission {
    Welcome {
        share: f32,
    },
    /// As the only one; [`Breaker::begin_trial`] must be called.
    Trial,
    Refused {
        wait: Duration,
    },
}

#[derive(Debug, Clone)]
pub struct Breaker(State);

impl Default for Breaker {
    fn default() -> Self {
        Self(State::Closed { failures: 0, since: None })
    }
}

impl Breaker {
    pub fn admission(&self, now: Duration) -> Admission {
        match self.0 {
            State::Closed { since: None, .. } => Admission::Welcome { share: 1.0 },
            State::Closed { since: Some(since), .. } => {
                let grown = now.saturating_sub(since).as_secs_f32() / WARM_UP.as_secs_f32();
                Admission::Welcome { share: grown.clamp(LEAST_SHARE, 1.0) }
            }
            State::Open { until, .. } if now >= until => Admission::Trial,
            State::Open { until, .. } => Admission::Refused { wait: until - now },
            State::Trial { pause } => Admission::Refused { wait: pause },
        }
    }

    // Open => Trial
    pub fn begin_trial(&mut self) {
        if let State::Open { pause, .. } = self.0 {
            self.0 = State::Trial { pause };
        }
    }

    pub fn step(&mut self, now: Duration, outcome: Outcome) {
        self.0 = match (self.0, outcome) {
            // Closed => Closed
            (State::Closed { since, .. }, Outcome::Answered) => {
                State::Closed { failures: 0, since: since.filter(|since| now.saturating_sub(*since) < WARM_UP) }
            }
            // Closed => (Closed | Open)
            (State::Closed { failures, .. }, Outcome::Failed) if failures + 1 >= FAILURES => {
                State::Open { until: now + FIRST, pause: FIRST }
            }
            (State::Closed { failures, since }, Outcome::Failed) => State::Closed { failures: failures + 1, since },
            // Trial => Closed
            (State::Trial { .. }, Outcome::Answered) => State::Closed { failures: 0, since: Some(now) },
            // Trial => Open, for longer
            (State::Trial { pause }, Outcome::Failed) => {
                let pause = (pause * 2).min(LONGEST);
                State::Open { until: now + pause, pause }
            }
            // Trial => Open, and the next request tries
            (State::Trial { pause }, Outcome::Abandoned) => State::Open { until: now, pause },
            // An answer of a request from before: it is there after all.
            (State::Open { .. }, Outcome::Answered) => State::Closed { failures: 0, since: Some(now) },
            (state @ (State::Closed { .. } | State::Open { .. }), _) => state,
        };
    }

    /// A process that has just been started, about which nothing of before counts.
    pub fn back(now: Duration) -> Self {
        Self(State::Closed { failures: 0, since: Some(now) })
    }

    /// Nothing to remember: welcome at its full share, and nothing failed.
    pub fn is_untroubled(&self) -> bool {
        matches!(self.0, State::Closed { failures: 0, since: None })
    }

    pub fn is_closed(&self) -> bool {
        matches!(self.0, State::Closed { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn tripped() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES {
            breaker.step(at(0), Outcome::Failed);
        }
        breaker
    }

    #[test]
    fn failures_in_a_row_trip_it_and_an_answer_between_does_not() {
        let mut breaker = Breaker::default();
        for outcome in [Outcome::Failed, Outcome::Failed, Outcome::Answered, Outcome::Failed, Outcome::Failed] {
            breaker.step(at(0), outcome);
            assert!(breaker.is_closed());
        }
        breaker.step(at(0), Outcome::Failed);
        assert_eq!(breaker.admission(at(100)), Admission::Refused { wait: at(400) });
    }

    #[test]
    fn one_request_tries_and_the_others_wait() {
        let mut breaker = tripped();
        assert_eq!(breaker.admission(at(500)), Admission::Trial);
        breaker.begin_trial();
        assert_eq!(breaker.admission(at(500)), Admission::Refused { wait: at(500) });
        breaker.step(at(600), Outcome::Failed);
        assert_eq!(breaker.admission(at(600)), Admission::Refused { wait: at(1000) });
        assert_eq!(breaker.admission(at(1600)), Admission::Trial);
    }

    #[test]
    fn the_pause_is_bounded() {
        let mut breaker = tripped();
        for _ in 0..20 {
            breaker.begin_trial();
            breaker.step(at(0), Outcome::Failed);
        }
        assert_eq!(breaker.admission(at(0)), Admission::Refused { wait: LONGEST });
    }

    #[test]
    fn who_is_back_begins_with_a_small_share() {
        let mut breaker = tripped();
        breaker.begin_trial();
        breaker.step(at(1000), Outcome::Answered);
        assert_eq!(breaker.admission(at(1000)), Admission::Welcome { share: LEAST_SHARE });
        assert_eq!(breaker.admission(at(6000)), Admission::Welcome { share: 0.5 });
        assert!(!breaker.is_untroubled());
        breaker.step(at(11_000), Outcome::Answered);
        assert!(breaker.is_untroubled());
    }

    #[test]
    fn a_trial_that_is_given_up_is_repeated_by_the_next() {
        let mut breaker = tripped();
        breaker.begin_trial();
        breaker.step(at(700), Outcome::Abandoned);
        assert_eq!(breaker.admission(at(700)), Admission::Trial);
    }

    #[test]
    fn a_late_answer_of_an_older_request_closes_it() {
        let mut breaker = tripped();
        breaker.step(at(10), Outcome::Answered);
        assert!(breaker.is_closed());
    }
}
