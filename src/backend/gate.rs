//! The availability gate: a table of prefixes decides which part of the API may be used.
//!
//! Kept in memory, filled before the server listens, replaced when a row is changed. The rule is the original's: the
//! *first* row whose endpoint is part of the address, or of which the address is a part.

use std::sync::Arc;

use arc_swap::ArcSwap;

/// One row, as far as the gate needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub endpoint: String,
    pub available: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    Open,
    Closed,
    Unknown,
}

#[derive(Debug, Default)]
pub struct Gate {
    rules: ArcSwap<Vec<Rule>>,
}

impl Gate {
    pub fn replace(&self, rules: Vec<Rule>) {
        self.rules.store(Arc::new(rules));
    }

    /// `address`: path and query, as sent.
    pub fn verdict(&self, address: &str) -> Verdict {
        let rules = self.rules.load();
        let first = rules.iter().find(|rule| address.contains(&rule.endpoint) || rule.endpoint.contains(address));
        match first {
            None => Verdict::Unknown,
            Some(rule) if rule.available => Verdict::Open,
            Some(_) => Verdict::Closed,
        }
    }
}

/// The rows that must be there, in their order: the original's, then those of resources that it did not have.
pub fn seeds(prefix: &str) -> Vec<(String, i32)> {
    const NAMES: &[&str] = &[
        "config",
        "users",
        "scripts",
        "controls",
        "grafana",
        "thread",
        "catalogs",
        "assistant",
        "ghAccessToken",
        "getAuth",
        "computations",
        "points",
        "scopes",
    ];
    let limit = |name: &str| if name == "assistant" { 5 } else { 1 };
    let mut rows: Vec<(String, i32)> = NAMES.iter().map(|name| (format!("{prefix}/{name}"), limit(name))).collect();
    rows.extend(["docs", "api-docs"].map(|name| (name.to_owned(), 1)));
    // `point` and `threads` are covered by the rows above in the original's own way; `secrets` and `system` came later.
    rows.push((format!("{prefix}/point"), 1));
    rows.push((format!("{prefix}/secrets"), 1));
    rows.push((format!("{prefix}/system"), 1));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(rows: &[(&str, bool)]) -> Gate {
        let gate = Gate::default();
        let rule =
            |(endpoint, available): &(&str, bool)| Rule { endpoint: (*endpoint).to_owned(), available: *available };
        gate.replace(rows.iter().map(rule).collect());
        gate
    }

    #[test]
    fn the_first_row_that_fits_decides() {
        let gate = gate(&[("/api/v1/users", true), ("/api/v1/points", false), ("docs", true)]);
        assert_eq!(gate.verdict("/api/v1/users/signIn"), Verdict::Open);
        assert_eq!(gate.verdict("/api/v1/points?x=1"), Verdict::Closed);
        assert_eq!(gate.verdict("/api/v1/nothing"), Verdict::Unknown);
        // The query counts, and so does an address that is part of a row.
        assert_eq!(gate.verdict("/api/v1/nothing?next=/api/v1/users"), Verdict::Open);
        assert_eq!(gate.verdict("/api/v1"), Verdict::Open);
        // Case counts.
        assert_eq!(gate.verdict("/api/v1/Users"), Verdict::Unknown);
    }

    #[test]
    fn the_seeds_begin_with_the_originals_in_their_order() {
        let seeds = seeds("/api/v1");
        assert_eq!(seeds[0], ("/api/v1/config".to_owned(), 1));
        assert_eq!(seeds[7], ("/api/v1/assistant".to_owned(), 5));
        assert_eq!(seeds[14].0, "api-docs");
    }
}
