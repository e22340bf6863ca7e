//! Which of a service's replicas gets a request: of two drawn at random, the one with less to do. Pure.
//!
//! Two draws are enough to keep the load even without asking everybody, and never send a crowd to whoever was the least
//! loaded a moment ago (Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing").

/// What is known of a replica.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Requests that it is answering.
    pub load: u32,
    /// How much of its usual share it gets, up to 1; nothing while it is away.
    pub share: f32,
}

impl Candidate {
    fn weight(self) -> f32 {
        // The one to come counts, so that an idle replica that has just come back is not a free one.
        (self.load.saturating_add(1)) as f32 / self.share
    }
}

/// The place of the chosen one. The draws are any two numbers.
pub fn choose(candidates: &[Candidate], draws: (u64, u64)) -> Option<usize> {
    let ready = candidates.iter().filter(|candidate| candidate.share > 0.0).count() as u64;
    if ready == 0 {
        return None;
    }
    let first = draws.0 % ready;
    // The second is another one, if there is one.
    let second = if ready == 1 { first } else { (first + 1 + draws.1 % (ready - 1)) % ready };
    let place = |wanted: u64| {
        let ready = candidates.iter().enumerate().filter(|(_, candidate)| candidate.share > 0.0);
        ready.map(|(place, _)| place).nth(wanted as usize)
    };
    let (first, second) = (place(first)?, place(second)?);
    Some(if candidates[second].weight() < candidates[first].weight() { second } else { first })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Replicas = &'static [(u32, f32)];

    fn of(list: &[(u32, f32)]) -> Vec<Candidate> {
        list.iter().map(|(load, share)| Candidate { load: *load, share: *share }).collect()
    }

    #[test]
    fn the_less_loaded_of_two_is_chosen() {
        let table: &[(Replicas, (u64, u64), Option<usize>)] = &[
            (&[], (0, 0), None),
            (&[(0, 0.0)], (5, 5), None),
            (&[(9, 1.0)], (5, 7), Some(0)),
            (&[(3, 1.0), (2, 1.0)], (0, 0), Some(1)),
            (&[(2, 1.0), (3, 1.0)], (1, 0), Some(0)),
            // The one that is away is never drawn.
            (&[(0, 0.0), (7, 1.0), (8, 1.0)], (0, 0), Some(1)),
            // A tenth of the share weighs as much as ten times the load.
            (&[(0, 0.1), (5, 1.0)], (0, 0), Some(1)),
            (&[(0, 0.1), (12, 1.0)], (0, 0), Some(0)),
            // As much to do: the first draw.
            (&[(1, 1.0), (1, 1.0), (1, 1.0)], (2, 0), Some(2)),
        ];
        for (candidates, draws, wanted) in table {
            assert_eq!(choose(&of(candidates), *draws), *wanted, "{candidates:?} {draws:?}");
        }
    }

    #[test]
    fn the_two_draws_are_two_replicas() {
        let candidates = of(&[(9, 1.0), (0, 1.0)]);
        // Whatever is drawn of two, the idle one wins.
        for draws in (0..4).flat_map(|first| (0..4).map(move |second| (first, second))) {
            assert_eq!(choose(&candidates, draws), Some(1), "{draws:?}");
        }
    }
}
