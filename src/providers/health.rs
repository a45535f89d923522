//! Which targets of an alias keep failing, and for how long they are passed over. Decisions only:
//! the time comes in.

use std::collections::HashMap;

use crate::models::{ChatError, ErrorKind};

/// After so many failures in a row a target is passed over.
const PATIENCE: u32 = 3;
/// The first time for so long; the time doubles with each further failure.
const FIRST_MS: u64 = 30_000;
/// And never longer than this: it is asked again then, be it by one request that falls back.
const LONGEST_MS: u64 = 300_000;

/// What is remembered of each target. Only the operator's aliases come in here, so it stays small.
#[derive(Debug, Default)]
pub struct Health {
    records: HashMap<String, Record>,
}

#[derive(Debug, Default)]
struct Record {
    failures: u32,
    until_ms: u64,
}

impl Health {
    /// Whether a target is passed over just now.
    pub fn is_skipped(&self, target: &str, now_ms: u64) -> bool {
        self.records.get(target).is_some_and(|record| now_ms < record.until_ms)
    }

    /// A target answered.
    pub fn worked(&mut self, target: &str) {
        self.records.remove(target);
    }

    /// A target failed. What the request itself was to blame for does not count against it.
    ///
    /// ```
    /// use tributary::{models::{ChatError, ErrorKind}, providers::health::Health};
    /// let (mut health, down) = (Health::default(), ChatError::new(ErrorKind::Overloaded, "down"));
    /// (0..3).for_each(|_| health.failed("openai/gpt-6-luna", &down, 1_000));
    /// assert!(health.is_skipped("openai/gpt-6-luna", 30_999));
    /// assert!(!health.is_skipped("openai/gpt-6-luna", 31_000));
    /// ```
    pub fn failed(&mut self, target: &str, error: &ChatError, now_ms: u64) {
        if !is_its_fault(error.kind) {
            return;
        }
        let record = self.records.entry(target.to_owned()).or_default();
        record.failures = record.failures.saturating_add(1);
        let doublings = record.failures.checked_sub(PATIENCE);
        let pause = doublings.map(|count| FIRST_MS.saturating_mul(2u64.saturating_pow(count)));
        // A provider that says when it will be back is believed the first time.
        let pause = pause.max(error.retry_after_ms).unwrap_or(0).min(LONGEST_MS);
        record.until_ms = record.until_ms.max(now_ms.saturating_add(pause));
    }
}

fn is_its_fault(kind: ErrorKind) -> bool {
    kind.is_transient()
        || matches!(
            kind,
            // A key that was withdrawn, an empty purse, a model that was retired: the next request meets
            // them again.
            ErrorKind::ProviderAuth
                | ErrorKind::BudgetExceeded
                | ErrorKind::PermissionDenied
                | ErrorKind::NotFound
                | ErrorKind::ModelNotSupported
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(health: &mut Health, times: u32, now: u64) {
        (0..times).for_each(|_| health.failed("a", &ChatError::new(ErrorKind::Provider, "boom"), now));
    }

    #[test]
    fn the_pause_doubles_up_to_its_longest() {
        let mut health = Health::default();
        fail(&mut health, 2, 0);
        assert!(!health.is_skipped("a", 0));
        for longest in [30_000, 60_000, 120_000, 240_000, 300_000, 300_000] {
            fail(&mut health, 1, 1_000_000);
            assert!(health.is_skipped("a", 1_000_000 + longest - 1) && !health.is_skipped("a", 1_000_000 + longest));
        }
        assert!(!health.is_skipped("b", 1_000_000));
    }

    #[test]
    fn one_answer_makes_up_for_all_failures() {
        let mut health = Health::default();
        fail(&mut health, 9, 0);
        health.worked("a");
        fail(&mut health, 2, 0);
        assert!(!health.is_skipped("a", 0));
    }

    #[test]
    fn a_provider_that_says_when_it_is_back_is_believed_up_to_a_bound() {
        let mut health = Health::default();
        let after = |ms| ChatError { retry_after_ms: Some(ms), ..ChatError::new(ErrorKind::RateLimited, "slow") };
        health.failed("a", &after(7_000), 0);
        assert!(health.is_skipped("a", 6_999) && !health.is_skipped("a", 7_000));
        health.failed("a", &after(u64::MAX), 10_000);
        assert!(health.is_skipped("a", 309_999) && !health.is_skipped("a", 310_000));
    }

    #[test]
    fn a_request_that_is_wrong_counts_for_nothing() {
        let mut health = Health::default();
        (0..9).for_each(|_| health.failed("a", &ChatError::invalid("x", "no"), 0));
        assert!(!health.is_skipped("a", 0));
    }
}
