//! Frames of a stream that are no JSON.

use super::provider_error::cut;
use crate::models::{ChatError, ErrorKind, Event, Sink};

/// After so many of them the body is something else than a stream of chunks; fewer are passed over
/// with a warning, so that one bad line does not cost the answer.
const MOST: u32 = 16;

/// How many of them an answer had.
#[derive(Debug, Default)]
pub struct Unreadable(u32);

impl Unreadable {
    /// Warns of one more, or gives the error that ends the answer.
    pub fn take(&mut self, data: &str, out: &mut dyn Sink) -> Result<(), ChatError> {
        self.0 = self.0.saturating_add(1);
        if data.starts_with('<') || self.0 >= MOST {
            return Err(ChatError::new(ErrorKind::Provider, "the provider's answer is not a stream of chunks"));
        }
        let warning = format!("a frame of the provider's stream could not be read and is left out: {}", cut(data, 80));
        out.event(Event::Warning(&warning));
        Ok(())
    }
}
