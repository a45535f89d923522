//! What was tried for one request, in order: for its log line and its `server-timing`.

use serde_json::{Value, json};

use crate::models::ChatError;

/// What was tried, and how long it took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trail {
    steps: Vec<Step>,
    queue_ms: Option<u64>,
    headers_ms: Option<u64>,
    first_token_ms: Option<u64>,
}

/// One target, and what came of it.
#[derive(Clone, Debug, PartialEq)]
struct Step {
    target: String,
    /// The error's type; `ok` where an answer came; `skipped` where it was not asked.
    outcome: &'static str,
    ms: u64,
}

impl Trail {
    /// A target is asked; `at_ms` counts from the request's arrival.
    pub fn asks(&mut self, at_ms: u64) {
        self.queue_ms.get_or_insert(at_ms);
    }

    /// A target was asked and failed, or was not asked because of this error.
    pub fn failed(&mut self, target: &str, error: &ChatError, ms: u64) {
        self.step(target, error.kind.as_str(), ms);
    }

    /// A target was passed over because it kept failing.
    pub fn skipped(&mut self, target: &str) {
        self.step(target, "skipped", 0);
    }

    /// A target's answer reaches the client.
    pub fn answers(&mut self, target: &str, ms: u64) {
        self.step(target, "ok", ms);
    }

    /// The answer's headers came so long after it was asked for.
    pub fn headers(&mut self, ms: u64) {
        self.headers_ms = Some(ms);
    }

    /// The first bytes for the client came so long after its request.
    pub fn first_token(&mut self, at_ms: u64) {
        self.first_token_ms.get_or_insert(at_ms);
    }

    /// When the first bytes for the client came.
    pub fn first_token_ms(&self) -> Option<u64> {
        self.first_token_ms
    }

    /// For the log.
    pub fn to_json(&self) -> Value {
        let step = |step: &Step| json!({"target": step.target, "outcome": step.outcome, "ms": step.ms});
        self.steps.iter().map(step).collect()
    }

    /// The header, in the order of events.
    ///
    /// ```
    /// use tributary::{models::{ChatError, ErrorKind}, providers::trail::Trail};
    /// let mut trail = Trail::default();
    /// trail.asks(2);
    /// trail.failed("openai/gpt-6-luna", &ChatError::new(ErrorKind::Overloaded, "down"), 30);
    /// trail.answers("anthropic/claude-haiku-5-5", 210);
    /// trail.first_token(250);
    /// assert_eq!(
    ///     trail.server_timing(),
    ///     "queue;dur=2, try1;dur=30;desc=\"openai/gpt-6-luna overloaded\", \
    ///      try2;dur=210;desc=\"anthropic/claude-haiku-5-5 ok\", first_token;dur=250"
    /// );
    /// ```
    pub fn server_timing(&self) -> String {
        let plain = |name: &str, ms: Option<u64>| ms.map(|ms| format!("{name};dur={ms}"));
        let tries = self.steps.iter().enumerate().map(|(at, step)| {
            format!("try{};dur={};desc=\"{} {}\"", at.saturating_add(1), step.ms, harmless(&step.target), step.outcome)
        });
        let all = plain("queue", self.queue_ms).into_iter().chain(tries);
        let all = all.chain(plain("upstream", self.headers_ms)).chain(plain("first_token", self.first_token_ms));
        all.collect::<Vec<_>>().join(", ")
    }

    fn step(&mut self, target: &str, outcome: &'static str, ms: u64) {
        self.steps.push(Step { target: target.to_owned(), outcome, ms });
    }
}

/// A model's name is the caller's word: only what may stand between quotes in a header, and not much of it.
fn harmless(target: &str) -> String {
    let legal = |char: &char| char.is_ascii_graphic() && !matches!(char, '"' | '\\');
    target.chars().filter(legal).take(100).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_words_cannot_leave_their_quotes() {
        let mut trail = Trail::default();
        trail.skipped("p/\"\\\r\nx: y\u{e9}");
        assert_eq!(trail.server_timing(), "try1;dur=0;desc=\"p/x:y skipped\"");
        assert_eq!(Trail::default().server_timing(), "");
    }
}
