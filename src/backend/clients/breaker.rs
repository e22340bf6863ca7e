//! When to stop asking an upstream that does not answer: a circuit breaker, pure.
//!
//! Owns the count of consecutive failures and who may ask next. Never sleeps or looks at a clock: the time is passed in.
//!
//! ```text
//!            failures in a row                    after the rest
//!   Closed ────────────────────▶ Open ────────────────────────────▶ HalfOpen (one probe)
//!     ▲                           ▲   probe failed                      │
//!     │                           └─────────────────────────────────────┤
//!     └──────────────────────────────────── probe succeeded ────────────┘
//! ```

use std::time::{Duration, Instant};

/// How patient a breaker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerSpec {
    /// Failures in a row that open it. At least one.
    pub failures: u32,
    /// So long nothing is asked once it is open.
    pub rest: Duration,
}

/// Leave to ask once. Every ticket is handed back by [`Breaker::report`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// What is reported of an earlier state counts no more.
    generation: u64,
}

/// What became of a call that was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The upstream answered, whatever it said.
    Answered,
    Failed,
    /// Nobody waited for the answer; it says nothing about the upstream.
    Abandoned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Admission {
    Go(Ticket),
    Refused,
}

/// What a report changed, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Change {
    None,
    Opened,
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant },
    HalfOpen,
}

/// The state without what belongs to it, for measurements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    Closed,
    Open,
    HalfOpen,
}

impl Position {
    pub const ALL: [Self; 3] = [Self::Closed, Self::Open, Self::HalfOpen];

    pub fn label(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

#[derive(Debug)]
pub struct Breaker {
    spec: BreakerSpec,
    state: State,
    generation: u64,
}

impl Breaker {
    pub fn new(spec: BreakerSpec) -> Self {
        Self { spec, state: State::Closed { failures: 0 }, generation: 0 }
    }

    /// Open until somebody probes, however long ago the rest ended.
    pub fn position(&self) -> Position {
        match self.state {
            State::Closed { .. } => Position::Closed,
            State::Open { .. } => Position::Open,
            State::HalfOpen => Position::HalfOpen,
        }
    }

    /// Whether a call may be made now. The first one after the rest is the probe; the others wait for its result.
    pub fn admit(&mut self, now: Instant) -> Admission {
        match self.state {
            State::Closed { .. } => {}
            // Open => HalfOpen
            State::Open { until } if now >= until => self.enter(State::HalfOpen),
            State::Open { .. } | State::HalfOpen => return Admission::Refused,
        }
        Admission::Go(Ticket { generation: self.generation })
    }

    pub fn report(&mut self, now: Instant, ticket: Ticket, outcome: Outcome) -> Change {
        if ticket.generation != self.generation {
            return Change::None;
        }
        match (self.state, outcome) {
            (State::Closed { .. }, Outcome::Answered) => {
                self.state = State::Closed { failures: 0 };
                Change::None
            }
            // Closed => (Closed | Open)
            (State::Closed { failures }, Outcome::Failed) if failures + 1 < self.spec.failures => {
                self.state = State::Closed { failures: failures + 1 };
                Change::None
            }
            // (Closed | HalfOpen) => Open
            (State::Closed { .. } | State::HalfOpen, Outcome::Failed) => {
                self.enter(State::Open { until: now + self.spec.rest });
                Change::Opened
            }
            // HalfOpen => Closed
            (State::HalfOpen, Outcome::Answered) => {
                self.enter(State::Closed { failures: 0 });
                Change::Closed
            }
            // HalfOpen => Open, but the next caller may probe at once
            (State::HalfOpen, Outcome::Abandoned) => {
                self.enter(State::Open { until: now });
                Change::None
            }
            // Nobody holds a ticket of an open breaker's generation.
            (State::Closed { .. }, Outcome::Abandoned) | (State::Open { .. }, _) => Change::None,
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const REST: Duration = Duration::from_secs(5);

    fn breaker(failures: u32) -> (Breaker, Instant) {
        (Breaker::new(BreakerSpec { failures, rest: REST }), Instant::now())
    }

    #[track_caller]
    fn go(breaker: &mut Breaker, now: Instant) -> Ticket {
        match breaker.admit(now) {
            Admission::Go(ticket) => ticket,
            Admission::Refused => panic!("refused in {breaker:?}"),
        }
    }

    fn call(breaker: &mut Breaker, now: Instant, outcome: Outcome) -> Change {
        let ticket = go(breaker, now);
        breaker.report(now, ticket, outcome)
    }

    #[test]
    fn opens_at_the_last_of_so_many_failures_in_a_row() {
        let (mut it, now) = breaker(3);
        assert_eq!(call(&mut it, now, Outcome::Failed), Change::None);
        assert_eq!(call(&mut it, now, Outcome::Failed), Change::None);
        assert_eq!(call(&mut it, now, Outcome::Failed), Change::Opened);
        assert_eq!(it.admit(now), Admission::Refused);
        assert_eq!(it.admit(now + REST - Duration::from_nanos(1)), Admission::Refused);
    }

    #[test]
    fn an_answer_in_between_starts_the_count_anew() {
        let (mut it, now) = breaker(2);
        for _ in 0..5 {
            assert_eq!(call(&mut it, now, Outcome::Failed), Change::None);
            assert_eq!(call(&mut it, now, Outcome::Answered), Change::None);
        }
    }

    #[test]
    fn an_abandoned_call_neither_counts_nor_forgives() {
        let (mut it, now) = breaker(2);
        assert_eq!(call(&mut it, now, Outcome::Failed), Change::None);
        assert_eq!(call(&mut it, now, Outcome::Abandoned), Change::None);
        assert_eq!(call(&mut it, now, Outcome::Failed), Change::Opened);
    }

    #[test]
    fn one_probe_decides_for_all() {
        let (mut it, now) = breaker(1);
        assert_eq!(call(&mut it, now, Outcome::Failed), Change::Opened);
        let later = now + REST;
        assert_eq!(it.position(), Position::Open, "nobody has probed yet");
        let probe = go(&mut it, later);
        assert_eq!(it.position(), Position::HalfOpen);
        assert_eq!(it.admit(later), Admission::Refused, "a second probe");
        assert_eq!(it.report(later, probe, Outcome::Failed), Change::Opened);
        assert_eq!(it.admit(later + REST / 2), Admission::Refused, "the rest starts anew");
        assert_eq!(call(&mut it, later + REST, Outcome::Answered), Change::Closed);
        let _ = (go(&mut it, later + REST), go(&mut it, later + REST));
        assert_eq!(it.position(), Position::Closed);
    }

    #[test]
    fn an_abandoned_probe_leaves_its_place_to_the_next() {
        let (mut it, now) = breaker(1);
        assert_eq!(call(&mut it, now, Outcome::Failed), Change::Opened);
        assert_eq!(call(&mut it, now + REST, Outcome::Abandoned), Change::None);
        assert_eq!(call(&mut it, now + REST, Outcome::Answered), Change::Closed);
    }

    #[test]
    fn late_news_of_an_earlier_state_is_ignored() {
        let (mut it, now) = breaker(1);
        let (slow, slower) = (go(&mut it, now), go(&mut it, now));
        assert_eq!(call(&mut it, now, Outcome::Failed), Change::Opened);
        assert_eq!(it.report(now, slow, Outcome::Answered), Change::None);
        assert_eq!(it.admit(now), Admission::Refused, "an old answer must not close it");
        assert_eq!(call(&mut it, now + REST, Outcome::Answered), Change::Closed);
        assert_eq!(it.report(now + REST, slower, Outcome::Failed), Change::None, "an old failure must not open it");
    }

    #[derive(Debug, Clone)]
    enum Step {
        Admit,
        /// Of the open tickets, the one at this place (modulo their number).
        Report(usize, Outcome),
        Wait(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let outcome = prop_oneof![Just(Outcome::Answered), Just(Outcome::Failed), Just(Outcome::Abandoned)];
        let step = prop_oneof![
            4 => Just(Step::Admit),
            4 => (any::<usize>(), outcome).prop_map(|(which, outcome)| Step::Report(which, outcome)),
            1 => (0_u64..8000).prop_map(Step::Wait),
        ];
        proptest::collection::vec(step, 0..200)
    }

    proptest! {
        /// Whatever the order of calls, reports and pauses: between opening and the end of the rest nothing passes; never
        /// more than one probe at a time; fewer failures than the limit never open; and once every ticket is back and the
        /// rest is over, a call always passes, so that no breaker stays shut for ever.
        #[test]
        fn promises_hold_in_any_order(limit in 1_u32..5, steps in steps()) {
            let (mut it, start) = breaker(limit);
            let mut now = start;
            let mut tickets: Vec<Ticket> = Vec::new();
            let mut resting: Option<Instant> = None;
            let mut probe: Option<Ticket> = None;
            let mut failures = 0_u32;
            for step in steps {
                match step {
                    Step::Wait(millis) => now += Duration::from_millis(millis),
                    Step::Admit => match it.admit(now) {
                        Admission::Go(ticket) => {
                            if let Some(until) = resting {
                                prop_assert!(now >= until, "passed while it rests");
                                prop_assert_eq!(probe.replace(ticket), None, "two probes");
                            }
                            tickets.push(ticket);
                        }
                        Admission::Refused => prop_assert!(resting.is_some(), "refused while closed"),
                    },
                    Step::Report(which, outcome) => {
                        if tickets.is_empty() {
                            continue;
                        }
                        let ticket = tickets.swap_remove(which % tickets.len());
                        failures += u32::from(outcome == Outcome::Failed);
                        let change = it.report(now, ticket, outcome);
                        if probe == Some(ticket) {
                            probe = None;
                            let expected = match outcome {
                                Outcome::Answered => Change::Closed,
                                Outcome::Failed => Change::Opened,
                                Outcome::Abandoned => Change::None,
                            };
                            prop_assert_eq!(change, expected);
                        }
                        match change {
                            Change::Opened => {
                                prop_assert!(resting.is_some() || failures >= limit, "opened too early");
                                resting = Some(now + REST);
                                failures = 0;
                            }
                            Change::Closed => {
                                resting = None;
                                failures = 0;
                            }
                            Change::None => {}
                        }
                    }
                }
            }
            for ticket in tickets {
                let _ = it.report(now, ticket, Outcome::Abandoned);
            }
            prop_assert!(matches!(it.admit(now + REST), Admission::Go(_)), "shut for ever");
        }
    }
}
