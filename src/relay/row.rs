//! The sinks behind the decoder, in a row: redaction, meter, the one ending, the encoder.

use super::{End, Folded, Pace, RelayOptions};
use crate::dialects::Encode;
use crate::dialects::provider_error::{cut, redact};
use crate::framing::Frame;
use crate::guard::{CODE, Screen, Screened, withheld};
use crate::models::{ChatError, ErrorKind, Event, Finish, Sink, Usage};

/// Frames that promise an answer are few and short: more than this is given on as it comes.
const MOST_PROMISES: usize = 64 * 1024;

/// An answer that is to be given again.
struct Record {
    encoder: Box<dyn Encode>,
    bytes: Vec<u8>,
    most: usize,
}

/// The sinks' state; it outlives the output buffers that come and go with the network chunks.
pub struct Row {
    options: RelayOptions,
    encoder: Box<dyn Encode>,
    meter: Meter,
    /// All that was told, for whoever keeps it.
    folded: Option<Box<Folded>>,
    provider_request_id: Option<String>,
    /// Why the body broke off, where the transport knows better than the decoder.
    cause: Option<ChatError>,
    pace: Pace,
    /// How much an encoder holds that must hold it all.
    held: u64,
    /// Of an answer that is given on as it is: frames that only promise one. They wait for something of it,
    /// because until then a failure can still be told by a status, or another attempt be made.
    promises: Vec<u8>,
    /// Something of it came.
    speaks: bool,
    /// What was told, written once more.
    record: Option<Record>,
    /// Looks at all that is told.
    screen: Option<Screen>,
    /// It had what it must not have.
    withheld: bool,
    /// Something of it was told.
    told: bool,
    /// How it ended.
    finish: Option<(Finish, Option<String>)>,
    end: Option<End>,
}

impl Row {
    pub fn new(mut options: RelayOptions, encoder: Box<dyn Encode>) -> Self {
        let screen = options.output.take().map(Screen::new);
        let record = options.record.take().map(|(encoder, most)| Record { encoder, bytes: Vec::new(), most });
        options.native &= screen.is_none() && record.is_none();
        let meter = Meter { input_bytes: options.input_bytes, ..Meter::default() };
        Row {
            folded: options.keep.then(Box::default),
            options,
            encoder,
            meter,
            provider_request_id: None,
            cause: None,
            pace: Pace::Answering,
            held: 0,
            promises: Vec::new(),
            speaks: false,
            record,
            screen,
            withheld: false,
            told: false,
            finish: None,
            end: None,
        }
    }

    /// The row, with a place to write to.
    pub fn to<'a>(&'a mut self, out: &'a mut Vec<u8>) -> Writer<'a> {
        Writer { row: self, out }
    }

    pub fn identify(&mut self, provider_request_id: Option<String>) {
        self.provider_request_id = provider_request_id;
    }

    pub fn cause(&mut self, error: ChatError) {
        self.cause = Some(error);
    }

    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    pub fn pace(&self) -> Pace {
        self.pace
    }

    pub fn began(&self) -> bool {
        self.meter.output_bytes > 0
    }

    pub fn heartbeat(&mut self, out: &mut Vec<u8>) {
        if self.end.is_none() {
            out.append(&mut self.promises);
            self.encoder.heartbeat(out);
        }
    }

    fn take(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        if self.end.is_some() {
            return;
        }
        if !self.options.native {
            self.warn_before(&event, out);
        }
        self.meter.see(&event);
        self.speaks |= !matches!(event, Event::Start { .. } | Event::Warning(_) | Event::Usage(_) | Event::Error(_));
        match event {
            Event::Usage(_) => {}
            Event::Error(error) => self.fail(error, out),
            Event::Finish { reason, raw } if self.options.native => {
                self.finish = Some((reason, raw.map(str::to_owned)))
            }
            Event::Finish { reason: Finish::ContentFilter, raw } if self.options.filtered_is_error => {
                let mut error =
                    ChatError::new(ErrorKind::ContentFilter, "the provider's content filter withheld the answer");
                error.code = raw.map(str::to_owned);
                self.fail(&error, out);
            }
            Event::Finish { reason, .. } => {
                if self.look_back(out) {
                    return;
                }
                self.settle(out);
                self.tell(event, out);
                self.end = Some(End::Finished(reason));
            }
            event => {
                if self.options.most_output.is_some() {
                    self.held = self.held.saturating_add(weight(&event));
                }
                self.pace = match event {
                    Event::Reasoning(_) => Pace::Thinking,
                    Event::Start { .. } | Event::Warning(_) => self.pace,
                    _ => Pace::Answering,
                };
                if !self.options.native {
                    self.tell_screened(event, out);
                    self.bound(out);
                }
            }
        }
    }

    /// Tells what may be told. An answer that has what it must not have ends here.
    fn tell_screened(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        let Some(mut screen) = self.screen.take() else { return self.tell(event, out) };
        let screened = screen.event(event, &mut |event| self.tell(event, out));
        if screened == Screened::Ended {
            return self.withhold(out);
        }
        self.screen = Some(screen);
    }

    /// Before the end: tells what still waited. True if that was something that ends the answer.
    fn look_back(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(mut screen) = self.screen.take() else { return false };
        let ended = screen.finish(&mut |event| self.tell(event, out)) == Screened::Ended;
        if ended {
            self.withhold(out);
        }
        ended
    }

    fn withhold(&mut self, out: &mut Vec<u8>) {
        self.withheld = true;
        if self.options.filtered_is_error {
            return self.fail(&withheld(), out);
        }
        self.settle(out);
        self.tell(Event::Finish { reason: Finish::ContentFilter, raw: Some(CODE) }, out);
        self.end = Some(End::Finished(Finish::ContentFilter));
    }

    /// Whether the client was given anything of the answer, of one that was withheld; of all others it is enough that
    /// there was anything.
    pub fn said(&self) -> bool {
        if self.withheld { self.told } else { self.began() }
    }

    pub fn is_withheld(&self) -> bool {
        self.withheld
    }

    /// To the client, and to whoever keeps it.
    fn tell(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        if let Some(record) = &mut self.record {
            record.encoder.event(event.clone(), &mut record.bytes);
            if record.bytes.len() > record.most {
                self.record = None;
            }
        }
        self.told |= !matches!(event, Event::Start { .. } | Event::Warning(_) | Event::Usage(_) | Event::Error(_));
        if let Some(folded) = &mut self.folded {
            folded.event(event.clone());
        }
        self.encoder.event(event, out);
    }

    /// What was recorded, where the answer is complete: one that failed, was stopped or was filtered is none.
    pub fn take_record(&mut self) -> Option<Vec<u8>> {
        let is_complete = matches!(self.end, Some(End::Finished(Finish::Stop | Finish::Length | Finish::ToolCalls)));
        self.record.take().filter(|_| is_complete).map(|record| record.bytes)
    }

    /// What was told, once and for all.
    pub fn take_folded(&mut self) -> Option<Folded> {
        self.folded.take().map(|folded| *folded)
    }

    /// A frame whose events have been seen goes to the client as it is, unless it was a failure: that is
    /// told in our words, without whatever stands in the provider's.
    pub fn give_on(&mut self, frame: Frame<'_>, out: &mut Vec<u8>) {
        if !self.options.native || self.end.is_some() || (frame.cut && !is_complete(frame.data)) {
            return;
        }
        self.speaks |= self.promises.len() > MOST_PROMISES;
        if self.speaks {
            out.append(&mut self.promises);
            self.encoder.native(frame, out);
        } else {
            self.encoder.native(frame, &mut self.promises);
        }
        self.end_native(out);
    }

    /// Behind the frame that ended an answer: what a client of this language is still owed.
    pub fn end_native(&mut self, out: &mut Vec<u8>) {
        let Some((reason, raw)) = self.finish.take().filter(|_| self.end.is_none()) else { return };
        out.append(&mut self.promises);
        self.settle(out);
        self.tell(Event::Finish { reason, raw: raw.as_deref() }, out);
        self.end = Some(End::Finished(reason));
    }

    /// The frames are not what the client expects: they are translated after all.
    pub fn translate(&mut self) {
        self.options.native = false;
    }

    /// The request's warnings come before the first event that the client sees. Not sooner: as
    /// long as nothing was written, a failure can still be retried.
    fn warn_before(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if matches!(event, Event::Start { .. } | Event::Usage(_) | Event::Error(_)) {
            return;
        }
        for warning in std::mem::take(&mut self.options.warnings) {
            self.tell(Event::Warning(&warning), out);
        }
    }

    fn bound(&mut self, out: &mut Vec<u8>) {
        if let Some(most) = self.options.most_output.filter(|most| self.held > *most) {
            let words = format!("the answer is larger than {most} bytes, the most that can be told whole");
            let error = ChatError::lasting(ErrorKind::Provider, words);
            self.fail(&error, out);
        }
    }

    fn fail(&mut self, error: &ChatError, out: &mut Vec<u8>) {
        let error = match self.cause.take() {
            Some(cause) if error.kind == ErrorKind::Truncated => cause,
            _ => in_our_words(error),
        };
        let mut error = clean(error, self.options.key.as_deref());
        if !self.withheld {
            error = error.from_provider(&self.options.provider);
        }
        error.provider_request_id = error.provider_request_id.or(self.provider_request_id.take());
        out.append(&mut self.promises);
        if self.look_back(out) {
            return;
        }
        self.settle(out);
        self.tell(Event::Error(&error), out);
        self.end = Some(End::Failed(error));
    }

    fn settle(&mut self, out: &mut Vec<u8>) {
        self.tell(Event::Usage(self.usage()), out);
    }

    fn usage(&self) -> Usage {
        let usage = self.meter.settle();
        match &self.options.price {
            Some(price) => Usage { cost: Some(price.of(&usage)), ..usage },
            None => usage,
        }
    }

    pub fn used(&self) -> Option<Usage> {
        let is_charged = match &self.end {
            _ if self.meter.reported.is_some() || self.meter.output_bytes > 0 => true,
            // It may have been at work when nobody waited for it any more.
            Some(End::Failed(error)) => matches!(error.kind, ErrorKind::Timeout | ErrorKind::Cancelled),
            Some(End::Finished(_)) | None => true,
        };
        is_charged.then(|| self.usage())
    }
}

/// How many bytes of an event belong to its answer.
fn weight(event: &Event<'_>) -> u64 {
    let bytes = match event {
        Event::Text(text) | Event::Reasoning(text) | Event::Refusal(text) | Event::Warning(text) => text.len(),
        Event::Tool(call) => call.arguments.len().saturating_add(call.name.map_or(0, str::len)),
        Event::Citation(source) => source.url.len().saturating_add(source.title.as_ref().map_or(0, String::len)),
        // Rare, and never long: one signature a block.
        Event::Opaque(state) => state.data.to_string().len(),
        _ => 0,
    };
    bytes as u64
}

/// Whether what stands at the end of a body is whole, though nothing closes it.
fn is_complete(data: &str) -> bool {
    data.starts_with("[DONE]") || serde_json::from_str::<serde::de::IgnoredAny>(data).is_ok()
}

/// A provider that refuses a key in mid-stream quotes it, masked or not: its words are not given on.
fn in_our_words(error: &ChatError) -> ChatError {
    let mut error = error.clone();
    if error.kind == ErrorKind::ProviderAuth {
        "the provider refused the key".clone_into(&mut error.message);
    }
    error
}

/// The row while a network chunk is worked on.
pub struct Writer<'a> {
    row: &'a mut Row,
    out: &'a mut Vec<u8>,
}

impl Sink for Writer<'_> {
    fn event(&mut self, event: Event<'_>) {
        self.row.take(event, self.out);
    }
}

/// An error in words that may leave the house. Cut only after it was cleaned: half a key would not be
/// recognised.
pub fn clean(mut error: ChatError, key: Option<&str>) -> ChatError {
    if error.kind == ErrorKind::ProviderAuth {
        // Providers echo the key, whole or in parts.
        error.raw = None;
    }
    error.message = cut(&redact(&error.message, key), ChatError::MAX_MESSAGE).to_owned();
    error.raw = error.raw.map(|raw| cut(&redact(&raw, key), ChatError::MAX_RAW).to_owned());
    error
}

/// Tokens: the provider's own figures, else a guess by length.
#[derive(Debug, Default)]
struct Meter {
    input_bytes: u64,
    output_bytes: u64,
    reported: Option<Usage>,
}

impl Meter {
    fn see(&mut self, event: &Event<'_>) {
        let bytes = match event {
            Event::Text(text) | Event::Reasoning(text) | Event::Refusal(text) => text.len(),
            Event::Tool(call) => call.arguments.len().saturating_add(call.name.map_or(0, str::len)),
            Event::Usage(usage) => {
                self.reported = Some(*usage);
                return;
            }
            _ => return,
        };
        self.output_bytes = self.output_bytes.saturating_add(bytes as u64);
    }

    /// A side that the provider counted as nothing though there was something is estimated. One that
    /// broke off may have counted only the prompt by then, and leaving early must not be free; one
    /// that cached the prompt may not count it.
    fn settle(&self) -> Usage {
        let guess = Usage::estimate(self.input_bytes, self.output_bytes);
        let Some(mut usage) = self.reported else { return guess };
        let sides = [(&mut usage.input_tokens, guess.input_tokens), (&mut usage.output_tokens, guess.output_tokens)];
        for (counted, guessed) in sides {
            if *counted == 0 && guessed > 0 {
                *counted = guessed;
                usage.estimated = true;
            }
        }
        if usage.estimated {
            usage.total_tokens = usage.input_tokens.saturating_add(usage.output_tokens);
        }
        usage
    }
}
