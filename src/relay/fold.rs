use crate::dialects::{DecodeOptions, ToProvider};
use crate::framing::{Framer, Limits};
use crate::models::{Answer, ChatError, Event, Sink};

/// What a kept stream adds up to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Folded {
    /// All that came.
    pub answer: Answer,
    /// How it failed, if it did. A stream without an end is `truncated`.
    pub error: Option<ChatError>,
}

impl Folded {
    /// Whether it has its end.
    pub fn is_whole(&self) -> bool {
        self.error.is_some() || self.answer.finish.is_some()
    }
}

impl Sink for Folded {
    fn event(&mut self, event: Event<'_>) {
        if let Event::Error(error) = event {
            self.error = Some(error.clone());
        }
        self.answer.event(event);
    }
}

/// Reads a kept stream from its beginning.
pub fn fold(reader: &dyn ToProvider, pieces: impl IntoIterator<Item = Vec<u8>>) -> Folded {
    let mut folded = Folded::default();
    let mut framer = Framer::new(reader.framing(), Limits::default());
    let mut decoder = reader.decoder(DecodeOptions::default());
    for piece in pieces {
        // What we wrote ourselves is within every bound; what is not is not ours, and ends what can be read.
        if framer.push(&piece, &mut |frame| decoder.frame(frame, &mut folded)).is_err() {
            break;
        }
    }
    framer.finish(&mut |frame| decoder.frame(frame, &mut folded));
    decoder.finish(&mut folded);
    folded
}
