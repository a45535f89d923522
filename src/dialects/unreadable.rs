//! Frames that are no JSON: how much of that an answer survives.

use super::provider_error::cut;
use crate::models::{ChatError, ErrorKind, Event, Sink};

/// After so many frames that are no JSON the body is something else than a stream of chunks; fewer
/// are passed over with a warning, so that one bad line does not cost the answer.
const MOST: u32 = 16;

/// The unreadable frames of one answer.
#[derive(Debug, Default)]
pub struct Unreadable {
    count: u32,
}

impl Unreadable {
    /// Takes one more, and gives the error that the answer ends with if that was too much.
    pub fn take(&mut self, data: &str, out: &mut dyn Sink) -> Option<ChatError> {
        self.count = self.count.saturating_add(1);
        if data.starts_with('<') || self.count >= MOST {
            return Some(ChatError::new(ErrorKind::Provider, "the provider's answer is not a stream of chunks"));
        }
        let warning = format!("a frame of the provider's stream could not be read and is left out: {}", cut(data, 80));
        out.event(Event::Warning(&warning));
        None
    }
}
