//! What a run used, attempt by attempt, and how it ended: for the ledger, and for the log.

use serde_json::{Value, json};

use super::Run;
use crate::costs::{Charge, Outcome, Receipt};
use crate::models::{ChatError, Usage};
use crate::platform::now_ms;
use crate::relay::End;
use crate::service::books::key_name;

impl Run {
    /// The provider declined, and so used nothing.
    pub fn decline(&self) {
        self.declined.set(true);
    }

    /// The attempt under way is over: notes what it used.
    pub fn charge(&self) {
        if !self.is_open.replace(false) || self.declined.get() {
            return;
        }
        let Some(usage) = self.with(|relay| relay.used()).flatten() else { return };
        let (provider, model) = self.asked();
        self.charges.borrow_mut().push(Charge { provider, model, usage });
    }

    /// What it used, and how it ended; and the same for the log.
    pub fn account(&self, outcome: &Result<(), ChatError>) -> (Receipt, Value) {
        // One that was let go in the middle of an attempt.
        self.charge();
        let end = match &self.joint {
            Some(joint) => joint.borrow().end().cloned(),
            None => self.with(|relay| relay.end().cloned()).flatten(),
        };
        let ended = match (outcome, &end) {
            (Err(error), _) | (_, Some(End::Failed(error))) => error.kind.as_str().to_owned(),
            (_, Some(End::Finished(finish))) => finish.as_str().to_owned(),
            (_, None) => "none".to_owned(),
        };
        let (provider, model, provider_request_id) = self.asked.take();
        let (charges, ms) = (self.charges.take(), self.elapsed_ms());
        let trail = self.ask.trail.borrow();
        let last = charges.last();
        let outcome = Outcome {
            provider: match last {
                Some(charge) => charge.provider.clone(),
                None if self.cache_word() == Some("hit") => "(cache)".to_owned(),
                None => String::new(),
            },
            model: last.map(|charge| charge.model.clone()).unwrap_or_default(),
            ended: ended.clone(),
            ms,
            first_token_ms: trail.first_token_ms(),
        };
        let sum = charges.iter().map(|charge| charge.usage).reduce(Usage::and);
        let line = json!({
            "event": "run", "run_id": self.id, "request_id": self.ask.trace.request_id,
            "traceparent": self.ask.trace.traceparent, "route": self.ask.route, "cache": self.cache_word(), "key": key_name(&self.ask.owner),
            "stream": self.ask.stream, "provider": provider, "model": model,
            "provider_request_id": provider_request_id, "end": ended, "tried": trail.to_json(), "usage": sum, "ms": ms,
            "first_token_ms": outcome.first_token_ms,
        });
        let (key, at_ms) = (key_name(&self.ask.owner), now_ms());
        (Receipt { id: self.id.clone(), at_ms, key, charges, outcome: Some(outcome) }, line)
    }

    /// The run must not go on. Gives the error that the client is still to hear of, or none where its stream has its
    /// ending.
    pub fn break_off(&self, error: ChatError) -> Result<(), ChatError> {
        self.abort_upstream();
        if self.is_joint() {
            if self.is_committed() {
                drop(self.take_leg());
                self.end(Err(&error));
                return Ok(());
            }
        } else if self.with(|relay| relay.end().is_none()).unwrap_or(false) {
            let told = self.conclude(Some(error));
            if let Err(error) = &told {
                self.tell(Err(error.clone()));
            }
            return told;
        } else if self.is_committed() {
            return Ok(());
        }
        self.tell(Err(error.clone()));
        Err(error)
    }
}
