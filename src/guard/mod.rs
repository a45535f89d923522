//! Guardrails: what prompts and answers must not have. In: texts, whole or in pieces. Out: what a hit means for a run.
//!
//! **Invariant:** what is banned does not leave, however it is cut into pieces; what is not banned leaves byte for
//! byte, and waits only as long as it may still turn out to be the beginning of something banned.

mod escape;
mod normal;
mod patterns;
mod scan;
mod screen;
mod settings;
mod terms;
mod trail;

pub use screen::{CODE, Screen, Screened, withheld};
pub use settings::{Guardrails, Input, OnHit, Output, banned};

use patterns::Patterns;
use terms::Terms;

/// Terms and patterns that are banned.
#[derive(Debug)]
pub struct Rules {
    terms: Terms,
    patterns: Patterns,
}

impl Rules {
    /// Whether a whole text has any of them.
    pub fn hits(&self, text: &str) -> bool {
        let mut scan = scan::Scan::new(scan::Form::Plain);
        let mut out = String::new();
        scan.push(self, text, true, &mut out) || scan.finish(self, true, &mut out)
    }

    fn is_empty(&self) -> bool {
        self.terms.is_empty() && self.patterns.is_empty()
    }
}
