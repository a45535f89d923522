//! Bytes to frames and back. In: server-sent events, NDJSON, one whole JSON body. Out: what the
//! frames mean (see `dialects`).
//!
//! **Invariant:** the frames of a body do not depend on where the network cut it, and no body can
//! make a framer hold more than [`Limits::frame`] bytes.

mod json;
mod ndjson;
mod sse;
mod whole;

pub use json::{write_str as write_json_str, write_value as write_json_value};
pub use sse::write_event as write_sse_event;

/// One frame of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The event's name, where the framing has names and the frame gave one.
    pub event: Option<&'a str>,
    /// The payload; several `data` lines are joined with LF.
    pub data: &'a str,
    /// The body ended inside this frame: its payload may be cut.
    pub cut: bool,
}

/// How a body is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `text/event-stream`.
    Sse,
    /// One JSON value a line.
    NdJson,
    /// The whole body is one value.
    Whole,
    /// One value if it starts like JSON, else server-sent events: for bodies whose label is in doubt.
    Detect,
}

/// Bounds on what a framer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes in one frame.
    pub frame: usize,
    /// The most bytes in a body that is one frame.
    pub whole: usize,
}

impl Default for Limits {
    fn default() -> Self {
        // 1 MB holds the largest frames that were seen (an image in base64, a whole response
        // repeated in its last event: 100 KB and more), with a tenth of a worker's 128 MB left
        // for the other streams of the isolate even when twelve such frames meet. A whole answer
        // of 4 MB is about a million tokens.
        Limits { frame: 1 << 20, whole: 4 << 20 }
    }
}

/// Why a body cannot be framed any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A frame is larger than the limit.
    #[error("a frame of the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
}

/// Divides a body into frames, whatever its cuts.
///
/// ```
/// use tributary::framing::{Framer, Framing, Limits};
/// let mut framer = Framer::new(Framing::Sse, Limits::default());
/// let mut seen = Vec::new();
/// for piece in ["data: Hel", "lo\r", "\n\r\n"] {
///     framer.push(piece.as_bytes(), &mut |frame| seen.push(frame.data.to_owned())).unwrap();
/// }
/// assert_eq!(seen, ["Hello"]);
/// ```
#[derive(Debug)]
pub struct Framer(Kind);

#[derive(Debug)]
enum Kind {
    Sse(sse::Decoder),
    NdJson(ndjson::Decoder),
    Whole(whole::Decoder),
    Detect(Limits),
}

impl Framer {
    /// A framer for one body.
    pub fn new(framing: Framing, limits: Limits) -> Self {
        Framer(match framing {
            Framing::Sse => Kind::Sse(sse::Decoder::new(limits.frame)),
            Framing::NdJson => Kind::NdJson(ndjson::Decoder::new(limits.frame)),
            Framing::Whole => Kind::Whole(whole::Decoder::new(limits.whole)),
            Framing::Detect => Kind::Detect(limits),
        })
    }

    /// Takes the next bytes of the body and gives the frames that they complete.
    ///
    /// After an error the framer is spent: it takes nothing more and gives nothing more.
    pub fn push(&mut self, mut bytes: &[u8], out: &mut impl FnMut(Frame<'_>)) -> Result<(), FrameError> {
        if let Kind::Detect(limits) = self.0 {
            // White space before the start is left out in any case: else what comes first would depend
            // on the cuts.
            bytes = bytes.trim_ascii_start();
            let Some(first) = bytes.first() else { return Ok(()) };
            let framing = if matches!(first, b'{' | b'[') { Framing::Whole } else { Framing::Sse };
            *self = Framer::new(framing, limits);
        }
        match &mut self.0 {
            Kind::Sse(decoder) => decoder.push(bytes, out),
            Kind::NdJson(decoder) => decoder.push(bytes, out),
            Kind::Whole(decoder) => decoder.push(bytes),
            Kind::Detect(_) => Ok(()),
        }
    }

    /// The body ended: gives what is still held.
    pub fn finish(&mut self, out: &mut impl FnMut(Frame<'_>)) {
        match &mut self.0 {
            Kind::Sse(decoder) => decoder.finish(out),
            Kind::NdJson(decoder) => decoder.finish(out),
            Kind::Whole(decoder) => decoder.finish(out),
            Kind::Detect(_) => {}
        }
    }
}

/// Gives complete lines as text: UTF-8 is decoded only per line, so that no character is ever cut,
/// and invalid bytes become U+FFFD as the encoding standard asks.
fn with_text<R>(line: &[u8], take: impl FnOnce(&str) -> R) -> R {
    match std::str::from_utf8(line) {
        Ok(text) => take(text),
        Err(_) => take(&String::from_utf8_lossy(line)),
    }
}
