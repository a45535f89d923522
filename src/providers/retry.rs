//! Whether and when to ask again: decisions only. Who sleeps and who asks is the shell's business.

use crate::models::{ChatError, ErrorKind};

/// The code of a timeout that the gateway itself declared.
pub const IDLE_TIMEOUT: &str = "idle_timeout";

/// How often and how patiently.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryPolicy {
    /// The most attempts in all.
    pub attempts: u32,
    /// The first backoff is at most this, in milliseconds; it doubles from try to try.
    pub base_ms: u64,
    /// No backoff is longer.
    pub cap_ms: u64,
    /// A provider that asks for more patience than this is not waited for: the client is told.
    pub retry_after_cap_ms: u64,
    /// From the request's start; no attempt begins later.
    pub deadline_ms: u64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy { attempts: 3, base_ms: 2_000, cap_ms: 8_000, retry_after_cap_ms: 20_000, deadline_ms: 60_000 }
    }
}

impl RetryPolicy {
    /// How long to wait before the next attempt, or nothing if there is to be none.
    ///
    /// `made` counts the attempts so far, `random` is in 0..1, `elapsed_ms` runs from the
    /// request's start.
    ///
    /// ```
    /// use tributary::{models::{ChatError, ErrorKind}, providers::retry::RetryPolicy};
    /// let down = ChatError::new(ErrorKind::Overloaded, "down");
    /// assert_eq!(RetryPolicy::default().delay(1, &down, 0.5, 0), Some(1_000));
    /// assert_eq!(RetryPolicy::default().delay(3, &down, 0.5, 0), None);
    /// ```
    pub fn delay(&self, made: u32, error: &ChatError, random: f64, elapsed_ms: u64) -> Option<u64> {
        // A provider that was silent may still be at work on the first request, and charge for both.
        if !error.retryable || made >= self.attempts || error.code.as_deref() == Some(IDLE_TIMEOUT) {
            return None;
        }
        let delay = match error.retry_after_ms {
            Some(asked) if asked > self.retry_after_cap_ms => return None,
            Some(asked) => asked,
            // Full jitter: anywhere between nothing and the step, so that clients spread out.
            None => (self.step(made) as f64 * random.clamp(0.0, 1.0)) as u64,
        };
        (elapsed_ms.saturating_add(delay) < self.deadline_ms).then_some(delay)
    }

    fn step(&self, made: u32) -> u64 {
        let doubled = 2u64.saturating_pow(made.saturating_sub(1)).saturating_mul(self.base_ms);
        doubled.min(self.cap_ms)
    }
}

/// The failure that the client is told of once no attempt is left. Our own loss of patience keeps
/// its word: the provider is perhaps not down.
pub fn spent(error: ChatError) -> ChatError {
    if error.code.as_deref() == Some(IDLE_TIMEOUT) {
        return error;
    }
    let down =
        matches!(error.kind, ErrorKind::Overloaded | ErrorKind::Provider | ErrorKind::Timeout | ErrorKind::Truncated);
    if !error.retryable || !down {
        return error;
    }
    ChatError { kind: ErrorKind::Overloaded, message: "AI service unavailable".to_owned(), ..error }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy =
        RetryPolicy { attempts: 5, base_ms: 2_000, cap_ms: 8_000, retry_after_cap_ms: 20_000, deadline_ms: 60_000 };

    fn down() -> ChatError {
        ChatError::new(ErrorKind::Overloaded, "down")
    }

    #[test]
    fn the_backoff_doubles_up_to_its_cap() {
        let longest: Vec<_> = (1..5).map(|made| POLICY.delay(made, &down(), 1.0, 0)).collect();
        assert_eq!(longest, [Some(2_000), Some(4_000), Some(8_000), Some(8_000)]);
        assert_eq!(POLICY.delay(2, &down(), 0.0, 0), Some(0));
    }

    #[test]
    fn the_providers_own_delay_counts_up_to_a_cap() {
        let after = |ms| ChatError { retry_after_ms: Some(ms), ..down() };
        assert_eq!(POLICY.delay(1, &after(7_000), 0.0, 0), Some(7_000));
        assert_eq!(POLICY.delay(1, &after(21_000), 0.0, 0), None);
    }

    #[test]
    fn no_attempt_begins_behind_the_deadline_or_against_the_error() {
        assert_eq!(POLICY.delay(1, &down(), 1.0, 58_000), None);
        assert_eq!(POLICY.delay(1, &ChatError::new(ErrorKind::ProviderAuth, "no"), 1.0, 0), None);
        assert_eq!(POLICY.delay(u32::MAX, &down(), 1.0, 0), None);
    }

    #[test]
    fn a_provider_that_stays_down_is_unavailable_and_others_keep_their_words() {
        assert_eq!(spent(ChatError::new(ErrorKind::Provider, "boom")).message, "AI service unavailable");
        assert_eq!(spent(ChatError::new(ErrorKind::RateLimited, "slow")).message, "slow");
        assert_eq!(spent(ChatError::new(ErrorKind::InvalidRequest, "bad")).message, "bad");
    }
}
