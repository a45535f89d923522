//! What the holder of a key has asked and spent, against the limits of the key.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::Limits;
use super::day::{month_of, until_next_month};
use crate::models::{ChatError, Cost, ErrorKind};

/// A run under way says so in time, or is taken for lost: whoever carried it out may have been stopped.
pub const LEASE_MS: u64 = 120_000;

/// So many requests may come at once, before anybody is told how they left the account.
const BURST: usize = 64;

/// Requests are counted over this long.
const WINDOW: u64 = 60;

/// An account. A request is let in or refused by [`Account::enter`]; what it cost is told by [`Account::leave`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// Requests by the second in which they came, as far as they count. A second, and not a millisecond, so that an
    /// account stays small: so a minute counts for up to a second longer, never for less.
    #[serde(default)]
    seconds: VecDeque<(u64, u32)>,
    /// Runs under way, and until when each is taken for that.
    #[serde(default)]
    leases: BTreeMap<String, u64>,
    /// What was spent in a month.
    #[serde(default)]
    spent: Option<(String, Cost)>,
}

impl Account {
    /// Lets a request in, or says why not. What is refused does not count. A second time for the same run is the
    /// first.
    pub fn enter(&mut self, run: Option<&str>, limits: &Limits, now_ms: u64) -> Result<(), ChatError> {
        if run.is_some_and(|run| self.leases.contains_key(run)) {
            return Ok(());
        }
        self.check_budget(limits, now_ms)?;
        self.check_runs(run, limits, now_ms)?;
        self.check_rate(limits, now_ms)?;
        if limits.requests_per_minute.is_some() {
            let second = now_ms / 1000;
            match self.seconds.back_mut().filter(|(at, _)| *at >= second) {
                Some((_, count)) => *count = count.saturating_add(1),
                None => self.seconds.push_back((second, 1)),
            }
        }
        if let Some(run) = run.filter(|_| limits.concurrent_runs.is_some()) {
            self.leases.insert(run.to_owned(), now_ms.saturating_add(LEASE_MS));
        }
        Ok(())
    }

    /// Lets several runs in, all or none.
    pub fn enter_all<'a>(
        &mut self,
        runs: impl IntoIterator<Item = &'a str>,
        limits: &Limits,
        now_ms: u64,
    ) -> Result<(), ChatError> {
        let before = self.clone();
        let entered = runs.into_iter().try_for_each(|run| self.enter(Some(run), limits, now_ms));
        if entered.is_err() {
            *self = before;
        }
        entered
    }

    /// Whether it is far from all limits: the next requests will be let in, though many should come at once.
    pub fn has_room(&self, limits: &Limits, now_ms: u64) -> bool {
        let is_far = |count: usize, most: Option<u32>| {
            most.is_none_or(|most| count.saturating_mul(2).saturating_add(BURST) <= most as usize)
        };
        let requests = self.seconds.iter().fold(0usize, |sum, (_, count)| sum.saturating_add(*count as usize));
        let half = |budget: Cost| budget.dollars() / 2.0;
        is_far(requests, limits.requests_per_minute)
            && is_far(self.runs(now_ms), limits.concurrent_runs)
            && limits.monthly_budget_usd.is_none_or(|budget| self.spent(now_ms).dollars() < half(budget))
    }

    /// Runs that are still under way.
    pub fn renew(&mut self, run: &str, now_ms: u64) {
        if let Some(until) = self.leases.get_mut(run) {
            *until = now_ms.saturating_add(LEASE_MS);
        }
    }

    /// A run is over, at this cost.
    pub fn leave(&mut self, run: &str, cost: Cost, now_ms: u64) {
        self.leases.remove(run);
        let month = month_of(now_ms);
        if let Some((known, spent)) = &mut self.spent {
            // A run that began in the month before counts where it ends.
            *spent = if *known == month { spent.and(cost) } else { cost };
            *known = month;
        }
    }

    /// Whether what was spent in the month of a moment is known.
    pub fn knows_spending(&self) -> bool {
        self.spent.is_some()
    }

    /// What was spent before anybody counted here.
    pub fn learn_spending(&mut self, cost: Cost, now_ms: u64) {
        self.spent.get_or_insert((month_of(now_ms), cost));
    }

    /// What was spent in the month of a moment.
    pub fn spent(&self, now_ms: u64) -> Cost {
        let month = month_of(now_ms);
        self.spent.as_ref().filter(|(known, _)| *known == month).map_or(Cost::ZERO, |(_, spent)| *spent)
    }

    /// Whether a run has a place here.
    pub fn has(&self, run: &str) -> bool {
        self.leases.contains_key(run)
    }

    /// How many runs are under way.
    pub fn runs(&self, now_ms: u64) -> usize {
        self.leases.values().filter(|until| **until > now_ms).count()
    }

    fn check_budget(&self, limits: &Limits, now_ms: u64) -> Result<(), ChatError> {
        let Some(budget) = limits.monthly_budget_usd.filter(|budget| self.spent(now_ms) >= *budget) else {
            return Ok(());
        };
        let words = format!("the key's budget of {} US dollars for {} is spent", budget.dollars(), month_of(now_ms));
        Err(ChatError {
            retry_after_ms: Some(until_next_month(now_ms)),
            ..ChatError::lasting(ErrorKind::BudgetExceeded, words)
        })
    }

    fn check_runs(&mut self, run: Option<&str>, limits: &Limits, now_ms: u64) -> Result<(), ChatError> {
        let Some(most) = limits.concurrent_runs.filter(|_| run.is_some()) else { return Ok(()) };
        self.leases.retain(|_, until| *until > now_ms);
        if self.leases.len() < most as usize {
            return Ok(());
        }
        let words = format!("the key has {most} runs under way, as many as it may have at once");
        // Nobody knows when one ends; a second is soon enough to ask again.
        Err(ChatError {
            retry_after_ms: Some(1000),
            code: Some(TOO_MANY_RUNS.to_owned()),
            ..ChatError::new(ErrorKind::RateLimited, words)
        })
    }

    fn check_rate(&mut self, limits: &Limits, now_ms: u64) -> Result<(), ChatError> {
        let Some(most) = limits.requests_per_minute else { return Ok(()) };
        let second = now_ms / 1000;
        while self.seconds.front().is_some_and(|(at, _)| at.saturating_add(WINDOW) < second) {
            self.seconds.pop_front();
        }
        let count = self.seconds.iter().fold(0u32, |sum, (_, count)| sum.saturating_add(*count));
        if count < most {
            return Ok(());
        }
        let oldest = self.seconds.front().map_or(second, |(at, _)| *at);
        let wait = oldest.saturating_add(WINDOW).saturating_add(1).saturating_mul(1000).saturating_sub(now_ms);
        let words = format!("the key may ask {most} times a minute");
        Err(ChatError { retry_after_ms: Some(wait), ..ChatError::new(ErrorKind::RateLimited, words) })
    }
}

/// The code of a refusal that may be over in a moment.
pub const TOO_MANY_RUNS: &str = "too_many_runs";

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_737_600_000; // 2026-11-27

    fn limits(requests: Option<u32>, runs: Option<u32>, dollars: Option<f64>) -> Limits {
        Limits {
            requests_per_minute: requests,
            concurrent_runs: runs,
            monthly_budget_usd: dollars.map(Cost::from_dollars),
        }
    }

    #[test]
    fn never_more_than_so_many_in_any_minute() {
        let (mut account, limits) = (Account::default(), limits(Some(3), None, None));
        let mut admitted: Vec<u64> = Vec::new();
        for ms in (0..300_000).step_by(700) {
            if account.enter(None, &limits, NOW + ms).is_ok() {
                admitted.push(ms);
            }
        }
        assert!(admitted.windows(4).all(|four| four[3] - four[0] > 60_000), "{admitted:?}");
        assert!(admitted.len() >= 13, "and hardly less: {admitted:?}");
        let mut account = Account::default();
        (0..3).for_each(|_| account.enter(None, &limits, NOW + 500).unwrap());
        let error = account.enter(None, &limits, NOW + 2_500).unwrap_err();
        let wait = error.retry_after_ms.unwrap();
        assert_eq!((error.kind, wait), (ErrorKind::RateLimited, 58_500));
        assert!(account.enter(None, &limits, NOW + 2_500 + wait).is_ok(), "who waits as told is let in");
    }

    #[test]
    fn several_are_let_in_or_none() {
        let (mut account, limits) = (Account::default(), limits(Some(9), Some(3), None));
        assert!(account.enter_all(["a", "b"], &limits, NOW).is_ok());
        let before = account.clone();
        assert!(account.enter_all(["c", "d"], &limits, NOW).is_err());
        assert_eq!(account, before);
        assert!(account.enter_all(["b", "c"], &limits, NOW).is_ok() && account.runs(NOW) == 3);
    }

    #[test]
    fn a_lost_run_gives_its_place_free_in_the_end() {
        let (mut account, limits) = (Account::default(), limits(None, Some(2), None));
        assert!(account.enter(Some("a"), &limits, NOW).is_ok() && account.enter(Some("b"), &limits, NOW).is_ok());
        assert!(account.enter(Some("a"), &limits, NOW).is_ok(), "it is in");
        assert_eq!(account.enter(Some("c"), &limits, NOW).unwrap_err().code.as_deref(), Some(TOO_MANY_RUNS));
        assert!(account.enter(None, &limits, NOW).is_ok(), "what is no run takes no place");
        account.leave("b", Cost::ZERO, NOW);
        assert!(account.enter(Some("c"), &limits, NOW + 1000).is_ok());
        account.renew("c", NOW + 100_000);
        assert_eq!((account.runs(NOW + 1), account.runs(NOW + LEASE_MS)), (2, 1));
        assert!(account.enter(Some("d"), &limits, NOW + LEASE_MS).is_ok());
    }

    #[test]
    fn who_has_room_is_far_from_each_limit() {
        let (mut account, all) = (Account::default(), limits(Some(100), Some(100), Some(1.0)));
        account.learn_spending(Cost::ZERO, NOW);
        assert!(account.has_room(&all, NOW) && account.has_room(&limits(None, None, None), NOW));
        assert!(!account.has_room(&limits(Some(63), None, None), NOW), "a burst would not fit");
        for run in 0..18 {
            account.enter(Some(&run.to_string()), &all, NOW).unwrap();
        }
        assert!(account.has_room(&all, NOW));
        account.enter(None, &all, NOW).unwrap();
        assert!(!account.has_room(&all, NOW) && account.has_room(&limits(None, Some(100), Some(1.0)), NOW));
        account.enter(Some("last"), &limits(None, Some(100), None), NOW).unwrap();
        assert!(!account.has_room(&limits(None, Some(100), None), NOW));
        account.leave("last", Cost::from_dollars(0.5), NOW);
        assert!(!account.has_room(&limits(None, None, Some(1.0)), NOW));
    }

    #[test]
    fn a_budget_is_a_months() {
        let (mut account, limits) = (Account::default(), limits(None, None, Some(1.0)));
        account.learn_spending(Cost::from_dollars(0.25), NOW);
        account.learn_spending(Cost::from_dollars(9.0), NOW);
        assert!(account.enter(Some("a"), &limits, NOW).is_ok());
        account.leave("a", Cost::from_dollars(0.75), NOW);
        let error = account.enter(Some("b"), &limits, NOW).unwrap_err();
        assert_eq!((error.kind, error.retryable), (ErrorKind::BudgetExceeded, false));
        assert_eq!(error.message, "the key's budget of 1 US dollars for 2026-11 is spent");
        let december = NOW + error.retry_after_ms.unwrap();
        assert_eq!(account.spent(december), Cost::ZERO);
        assert!(account.enter(Some("b"), &limits, december).is_ok());
        account.leave("b", Cost::from_dollars(0.5), december);
        assert_eq!((account.spent(december), account.spent(NOW)), (Cost::from_dollars(0.5), Cost::ZERO));
    }

    #[test]
    fn what_is_kept_is_pinned() {
        let mut account = Account::default();
        account.learn_spending(Cost::from_dollars(0.5), NOW);
        account.enter(Some("r_1"), &limits(Some(5), Some(5), None), NOW).unwrap();
        let kept = serde_json::to_string(&account).unwrap();
        assert_eq!(kept, r#"{"seconds":[[1795737600,1]],"leases":{"r_1":1795737720000},"spent":["2026-11",0.5]}"#);
        assert_eq!(serde_json::from_str::<Account>(&kept).unwrap(), account);
        assert_eq!(serde_json::from_str::<Account>("{}").unwrap(), Account::default());
    }
}
