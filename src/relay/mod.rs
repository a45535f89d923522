//! One network chunk in, one output buffer out: framer, decoder and sinks in a row.
//!
//! **Invariant:** exactly one terminal event, always last, whatever the bytes; and right before it
//! exactly one settled usage.

mod cite;
mod fold;
mod joint;
mod row;

use std::rc::Rc;

use crate::dialects::{Decode, Encode};
use crate::framing::{FrameError, Framer, Framing, Limits};
use crate::guard::Output;
use crate::models::{ChatError, ErrorKind, Event, Finish, Price, Sink, Usage};
use row::Row;

pub use fold::{Folded, fold};
pub use joint::{Joint, Leg};
pub use row::clean;

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum End {
    /// With a finish.
    Finished(Finish),
    /// With an error.
    Failed(ChatError),
}

/// What a relay must know of its run.
pub struct RelayOptions {
    /// How the provider's body is divided.
    pub framing: Framing,
    /// Bounds on what is held.
    pub limits: Limits,
    /// The provider's name, for errors.
    pub provider: String,
    /// The provider's key, to be taken out of the provider's words.
    pub key: Option<String>,
    /// Bytes of the prompt, for an estimate where the provider gives no usage.
    pub input_bytes: u64,
    /// What the model's tokens cost, where that is known.
    pub price: Option<Price>,
    /// Whether a filtered answer is a failure to this client.
    pub filtered_is_error: bool,
    /// What the caller should know before anything else.
    pub warnings: Vec<String>,
    /// Whether all that is told is kept beside it.
    pub keep: bool,
    /// The most bytes of answer, for an encoder that must hold it all.
    pub most_output: Option<u64>,
    /// What the answer must not have. Then nothing of the provider's is given on as it is: what nobody looked at would
    /// leave.
    pub output: Option<Rc<Output>>,
    /// Writes once more what is told, to be given again; up to so many bytes. Then, too, all is translated: it may be
    /// given again in any language.
    pub record: Option<(Box<dyn Encode>, usize)>,
    /// Whether the provider speaks the client's own language and was asked in the client's own words:
    /// its frames are given on as they are.
    pub native: bool,
}

/// How long a provider may be silent just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// It thinks: that takes its time.
    Thinking,
    /// It answers.
    Answering,
}

/// One run on its way from a provider's bytes to a client's.
pub struct Relay {
    framer: Framer,
    framing: Framing,
    decoder: Box<dyn Decode>,
    row: Row,
    limits: Limits,
    framed: u64,
}

impl Relay {
    /// A relay for one body. The warnings come first in the output.
    pub fn new(options: RelayOptions, decoder: Box<dyn Decode>, encoder: Box<dyn Encode>) -> Self {
        let (framing, limits) = (options.framing, options.limits);
        Relay {
            framer: Framer::new(framing, limits),
            framing,
            decoder,
            limits,
            row: Row::new(options, encoder),
            framed: 0,
        }
    }

    /// Takes the next bytes from the provider and appends whole frames for the client.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if self.end().is_some() {
            return;
        }
        let Relay { framer, decoder, row, framed, .. } = self;
        let pushed = framer.push(bytes, &mut |frame| {
            // A ping is a comment that has a name.
            if frame.event != Some("ping") {
                *framed = framed.wrapping_add(1);
            }
            decoder.frame(frame, &mut row.to(out));
            row.give_on(frame, out);
        });
        if let Err(error @ FrameError::TooLarge { .. }) = pushed {
            let error = ChatError::lasting(ErrorKind::Provider, error.to_string());
            self.fail(error, out);
        }
    }

    /// The provider's body ended cleanly.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let Relay { framer, decoder, row, .. } = self;
        framer.finish(&mut |frame| {
            decoder.frame(frame, &mut row.to(out));
            row.give_on(frame, out);
        });
        decoder.finish(&mut row.to(out));
        row.end_native(out);
        if row.end().is_none() {
            row.to(out).event(Event::Error(&ChatError::new(ErrorKind::Truncated, "the provider's answer broke off")));
        }
    }

    /// The body broke, went silent or grew too large. What the provider had already finished stays
    /// finished; else the run ends with this error.
    pub fn fail(&mut self, error: ChatError, out: &mut Vec<u8>) {
        self.row.cause(error);
        self.finish(out);
    }

    /// The caller stopped the run.
    pub fn cancel(&mut self, out: &mut Vec<u8>) {
        self.row.to(out).event(Event::Finish { reason: Finish::Cancelled, raw: None });
        self.row.end_native(out);
    }

    /// Between two pushes, in a long silence: says that the run is alive.
    pub fn heartbeat(&mut self, out: &mut Vec<u8>) {
        self.row.heartbeat(out);
    }

    /// How the run ended, once it has.
    pub fn end(&self) -> Option<&End> {
        self.row.end()
    }

    /// Whether it ended because of what it had: the provider may be at work still, and nobody will listen.
    pub fn is_withheld(&self) -> bool {
        self.row.is_withheld()
    }

    /// What was told, where it was kept; the second time nothing.
    pub fn take_folded(&mut self) -> Option<Folded> {
        self.row.take_folded()
    }

    /// How the body is divided, now that its content type is known. Before the first push. A body of
    /// another kind than was asked for has to be translated.
    pub fn frame_as(&mut self, framing: Framing) {
        if self.framing != framing {
            self.row.translate();
        }
        self.framer = Framer::new(framing, self.limits);
    }

    /// The provider's id for the request, for errors in its stream.
    pub fn identify(&mut self, provider_request_id: Option<String>) {
        self.row.identify(provider_request_id);
    }

    /// Whether the provider has begun to answer: another attempt would be paid for twice.
    pub fn began(&self) -> bool {
        self.row.began()
    }

    /// What this answer used, as far as the provider is likely to charge for it: whoever leaves early pays for what was
    /// done, but nobody for a failure that came instead of an answer.
    pub fn used(&self) -> Option<Usage> {
        self.row.used()
    }

    /// What was recorded, of an answer that is complete; once.
    pub fn take_record(&mut self) -> Option<Vec<u8>> {
        self.row.take_record()
    }

    /// Whether the client is to be told something of the answer, and a failure only behind it.
    pub fn said(&self) -> bool {
        self.row.said()
    }

    /// How many frames the provider has sent: comments and pings do not count.
    pub fn frames(&self) -> u64 {
        self.framed
    }

    /// Whether the provider thinks just now.
    pub fn pace(&self) -> Pace {
        self.row.pace()
    }
}

/// How a body with this content type is divided, when a dialect's streams are `usual`; or why it
/// is no answer at all.
///
/// ```
/// use tributary::{framing::Framing, relay::framing_for};
/// assert_eq!(framing_for(Some("application/json; charset=utf-8"), Framing::Sse), Ok(Framing::Detect));
/// assert!(framing_for(Some("text/html"), Framing::Sse).is_err());
/// ```
pub fn framing_for(content_type: Option<&str>, usual: Framing) -> Result<Framing, ChatError> {
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/json" if usual == Framing::Sse => Ok(Framing::Detect),
        "text/event-stream" if usual == Framing::Whole => Ok(Framing::Sse),
        "application/x-ndjson" | "application/jsonl" => Ok(Framing::NdJson),
        "text/html" => {
            Err(ChatError::lasting(ErrorKind::Provider, "the provider answered with a web page, not with a stream"))
        }
        // Streams come with many labels and with none.
        _ => Ok(usual),
    }
}
