//! One answer to events.
//!
//! A second `message_start` (proxies that try again in mid-stream send one): what was given cannot be
//! taken back. The same message announced twice is one message. Behind a message that gave its stop
//! reason, another one is too late. Else it is read instead of the first as long as nothing but thinking
//! was given; behind text or a tool call it is the sign that the first one broke off, because to go on
//! would give the text twice, and a call with half its arguments.

use serde_json::{Value, json};

use super::DIALECT;
use super::calls::{Calls, Input};
use super::event::{Block, Delta, Line, Message, Source, StopDetails, Totals};
use crate::dialects::lenient::tidied;
use crate::dialects::provider_error::{Fault, cut};
use crate::dialects::unreadable::Unreadable;
use crate::dialects::{Decode, DecodeOptions};
use crate::framing::Frame;
use crate::models::{ChatError, Citation, ErrorKind, Event, Finish, OpaqueDelta, Sink, Usage};

pub struct Decoder {
    /// The id of the message that is read, once it began; empty where it has none.
    message: Option<String>,
    /// The blocks that have begun and not ended, by their index. One at a time, as far as was seen.
    open: Vec<(u64, Open)>,
    calls: Calls,
    totals: Totals,
    /// Text or a call was given: it cannot be taken back.
    said: bool,
    /// Bytes of thinking that were kept to go back whole.
    kept: usize,
    stop_reason: Option<String>,
    explanation: Option<String>,
    unreadable: Unreadable,
    ended: bool,
}

/// A block that has begun.
enum Open {
    Text,
    Thinking {
        text: String,
        signature: String,
    },
    Call {
        at: usize,
        begun: bool,
        input: Input,
    },
    /// What came whole, and what is none of the caller's: the provider's own tools, and whatever is
    /// not known.
    Other,
}

/// No answer's thinking is longer; what is, is given as text all the same, but not back.
const MOST_KEPT: usize = 1 << 20;

impl Decoder {
    pub fn new(options: DecodeOptions) -> Self {
        Decoder {
            message: None,
            open: Vec::new(),
            calls: Calls::new(options.run_id),
            totals: Totals::default(),
            said: false,
            kept: 0,
            stop_reason: None,
            explanation: None,
            unreadable: Unreadable::default(),
            ended: false,
        }
    }
}

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, out: &mut dyn Sink) {
        let data = frame.data.trim();
        // Some gateways end their streams as another vendor does.
        if self.ended || data.is_empty() || data.starts_with("[DONE]") {
            return;
        }
        if frame.event == Some("error") {
            return self.fail(data, out);
        }
        // An array is no event, though serde would read one as an event's fields in order.
        if data.starts_with('{') {
            if let Ok(line) = serde_json::from_str::<Line<'_>>(data) {
                return self.line(&line, data, out);
            }
            if let Some(tidy) = tidied(data)
                && let Ok(line) = serde_json::from_str::<Line<'_>>(&tidy)
            {
                return self.line(&line, &tidy, out);
            }
        }
        if frame.cut {
            return;
        }
        if let Some(error) = self.unreadable.take(data, out) {
            self.close(true, out);
            out.event(Event::Error(&error));
        }
    }

    fn finish(&mut self, out: &mut dyn Sink) {
        // The last word may have come without the sign behind it.
        self.end("the provider's answer broke off", out);
    }
}

impl Decoder {
    fn line(&mut self, line: &Line<'_>, data: &str, out: &mut dyn Sink) {
        let index = line.index.0;
        match line.kind.filled() {
            Some("message_start") => self.start(line.message.0.as_ref(), out),
            Some("content_block_start") => {
                if let Some(block) = &line.content_block.0 {
                    self.start_block(index, block, out);
                }
            }
            Some("content_block_delta") => {
                if let Some(delta) = &line.delta.0 {
                    self.delta(index, delta, out);
                }
            }
            Some("content_block_stop") => self.stop_block(index, out),
            Some("message_delta") => {
                if let Some(delta) = &line.delta.0 {
                    self.hold(delta.stop_reason.filled(), delta.stop_details.0.as_ref());
                }
                give_usage(line.usage.0.as_ref().and_then(|usage| self.totals.merge(usage)), out);
            }
            Some("message_stop") => self.end("the provider ended without a stop reason", out),
            Some("message") if self.message.is_none() => match serde_json::from_str(data) {
                Ok(message) => self.whole(&message, out),
                Err(_) => self.whole(&serde_json::from_str(&tidied(data).unwrap_or_default()).unwrap_or_default(), out),
            },
            Some("error") => self.fail(data, out),
            // A proxy's refusal under a 200.
            None if line.error.is_none() && !Fault::read(data).message.is_empty() => self.fail(data, out),
            // Pings, and what is not known.
            _ => {}
        }
        // Last, so that what stands beside the error is not lost.
        if line.error.is_some() && !self.ended {
            self.fail(data, out);
        }
    }

    fn start(&mut self, message: Option<&Message<'_>>, out: &mut dyn Sink) {
        let id = message.and_then(|message| message.id.filled()).unwrap_or_default();
        match &self.message {
            None => {
                if let Some(model) = message.and_then(|message| message.model.filled()) {
                    out.event(Event::Start { model });
                }
            }
            Some(known) if known == id || id.is_empty() => {}
            Some(_) if self.stop_reason.is_some() => return self.end("", out),
            Some(_) if self.said => {
                self.close(true, out);
                let words = "the provider's answer broke off, and another one began in its place";
                return out.event(Event::Error(&ChatError::new(ErrorKind::Truncated, words)));
            }
            Some(_) => self.open.clear(),
        }
        if !id.is_empty() || self.message.is_none() {
            self.message = Some(id.to_owned());
        }
        let usage = message.and_then(|message| message.usage.0.as_ref());
        give_usage(usage.and_then(|usage| self.totals.begin(usage)), out);
    }

    /// An answer that did not stream.
    fn whole(&mut self, message: &Message<'_>, out: &mut dyn Sink) {
        self.start(Some(message), out);
        for block in message.content.0.iter().filter_map(|block| block.0.as_ref()) {
            self.start_block(None, block, out);
            self.stop_block(None, out);
        }
        self.hold(message.stop_reason.filled(), message.stop_details.0.as_ref());
        self.end("the provider ended without a stop reason", out);
    }

    fn start_block(&mut self, index: Option<u64>, block: &Block<'_>, out: &mut dyn Sink) {
        let index = index.unwrap_or(u64::MAX);
        self.stop_block(Some(index), out);
        self.calls.settle(false, out);
        let open = match block.kind.filled() {
            Some("text") | None => {
                self.text(block.text.filled(), out);
                block.citations.0.iter().filter_map(|source| source.0.as_ref()).for_each(|source| cite(source, out));
                Open::Text
            }
            Some("thinking") => {
                let text = self.think(block.thinking.filled(), out).to_owned();
                let signature = block.signature.filled().unwrap_or_default().to_owned();
                Open::Thinking { text, signature }
            }
            Some("redacted_thinking") => {
                if let Some(data) = block.data.filled().filter(|data| self.keeps(data.len(), out)) {
                    give_opaque(&json!({"type": "redacted_thinking", "data": data}), out);
                }
                Open::Other
            }
            Some("tool_use") => {
                self.said = true;
                let at = self.calls.open(block.id.filled(), block.name.filled(), out);
                Open::Call { at, begun: false, input: Input::new(block.input.map(|raw| raw.get())) }
            }
            Some("fallback") => {
                if let Some(model) = block.to.0.as_ref().and_then(|to| to.model.filled()) {
                    out.event(Event::Warning(&format!("the provider went on with another model: {}", cut(model, 80))));
                }
                Open::Other
            }
            _ => Open::Other,
        };
        self.open.push((index, open));
    }

    fn delta(&mut self, index: Option<u64>, delta: &Delta<'_>, out: &mut dyn Sink) {
        let at = match index {
            Some(index) => self.open.iter().position(|(known, _)| *known == index),
            None => self.open.len().checked_sub(1),
        };
        let kind = delta.kind.filled();
        match (kind, at.and_then(|at| self.open.get_mut(at)).map(|(_, open)| open)) {
            (_, Some(Open::Other)) => {}
            (Some("text_delta"), _) => self.text(delta.text.filled(), out),
            (Some("thinking_delta"), _) => {
                let more = self.think(delta.thinking.filled(), out);
                if let Some((_, Open::Thinking { text, .. })) = at.and_then(|at| self.open.get_mut(at)) {
                    text.push_str(more);
                }
            }
            (Some("signature_delta"), Some(Open::Thinking { signature, .. })) => {
                delta.signature.filled().unwrap_or_default().clone_into(signature);
            }
            (Some("input_json_delta"), Some(Open::Call { at, begun, .. })) => {
                // The first piece is often empty; some servers send nothing else for a call without
                // arguments.
                if let Some(piece) = delta.partial_json.filled() {
                    *begun = true;
                    self.calls.extend(*at, piece, out);
                }
            }
            (Some("citations_delta"), _) => {
                if let Some(source) = &delta.citation.0 {
                    cite(source, out);
                }
            }
            _ => {}
        }
    }

    fn stop_block(&mut self, index: Option<u64>, out: &mut dyn Sink) {
        let at = match index {
            Some(index) => self.open.iter().position(|(known, _)| *known == index),
            None => self.open.len().checked_sub(1),
        };
        if let Some(at) = at {
            let (_, open) = self.open.remove(at);
            self.over(open, out);
        }
    }

    /// A block is over: gives what was owed for it.
    fn over(&mut self, open: Open, out: &mut dyn Sink) {
        match open {
            Open::Thinking { text, signature } if self.keeps(signature.len(), out) && !signature.is_empty() => {
                give_opaque(&json!({"type": "thinking", "thinking": text, "signature": signature}), out);
            }
            Open::Call { at, begun: false, input } => self.calls.close_bare(at, input, out),
            _ => {}
        }
    }

    fn text(&mut self, text: Option<&str>, out: &mut dyn Sink) {
        if let Some(text) = text {
            self.said = true;
            out.event(Event::Text(text));
        }
    }

    /// Gives thinking, and says what of it is to be kept.
    fn think<'a>(&mut self, text: Option<&'a str>, out: &mut dyn Sink) -> &'a str {
        let Some(text) = text else { return "" };
        out.event(Event::Reasoning(text));
        if self.keeps(text.len(), out) { text } else { "" }
    }

    /// Whether so many bytes more can be kept. One that is too much ends all keeping: thinking goes
    /// back whole, or it is refused.
    fn keeps(&mut self, bytes: usize, out: &mut dyn Sink) -> bool {
        let before = self.kept;
        self.kept = before.saturating_add(bytes);
        if before <= MOST_KEPT && self.kept > MOST_KEPT {
            out.event(Event::Warning("the thinking is too long to go back to the provider with the next turn"));
        }
        self.kept <= MOST_KEPT
    }

    fn hold(&mut self, stop_reason: Option<&str>, details: Option<&StopDetails<'_>>) {
        if let Some(reason) = stop_reason {
            self.stop_reason = Some(reason.to_owned());
            self.explanation = details.and_then(|details| details.explanation.filled()).map(str::to_owned);
        }
    }

    fn fail(&mut self, data: &str, out: &mut dyn Sink) {
        self.close(true, out);
        out.event(Event::Error(&Fault::read(data).into_error(None, data)));
    }

    /// The answer is over. Without a reason it has broken off, in these words.
    fn end(&mut self, without: &str, out: &mut dyn Sink) {
        if self.ended {
            return;
        }
        let Some(raw) = self.stop_reason.take() else {
            self.close(true, out);
            // Never a stop that nobody said.
            return out.event(Event::Error(&ChatError::new(ErrorKind::Truncated, without)));
        };
        let reason = unified(&raw);
        self.close(matches!(reason, Some(Finish::Length | Finish::Refusal)), out);
        give_usage(self.totals.end(), out);
        if let Some(words) = self.explanation.take().filter(|_| reason == Some(Finish::Refusal)) {
            out.event(Event::Refusal(&words));
        }
        if reason.is_none() {
            let words = format!("the provider ended with a reason that is not known: {}", cut(&raw, 80));
            out.event(Event::Warning(&words));
        }
        let reason = match reason.unwrap_or(Finish::Stop) {
            Finish::Stop if !self.calls.is_empty() => Finish::ToolCalls,
            reason => reason,
        };
        out.event(Event::Finish { reason, raw: Some(&raw) });
    }

    /// Gives what is held back; nothing comes after this but the ending.
    fn close(&mut self, cut_off: bool, out: &mut dyn Sink) {
        self.ended = true;
        for (_, open) in std::mem::take(&mut self.open) {
            self.over(open, out);
        }
        self.calls.settle(cut_off, out);
    }
}

fn unified(raw: &str) -> Option<Finish> {
    match raw {
        "end_turn" | "stop_sequence" => Some(Finish::Stop),
        "max_tokens" | "model_context_window_exceeded" => Some(Finish::Length),
        "tool_use" => Some(Finish::ToolCalls),
        "refusal" => Some(Finish::Refusal),
        "pause_turn" | "compaction" => Some(Finish::Pause),
        _ => None,
    }
}

/// A source without any address is left out: there is nothing to show.
fn cite(source: &Source<'_>, out: &mut dyn Sink) {
    let Some(url) = source.url.filled().or(source.source.filled()) else { return };
    let title = source.title.filled().or(source.document_title.filled());
    let citation = Citation { url: url.to_owned(), title: title.map(str::to_owned), ..Citation::default() };
    out.event(Event::Citation(&citation));
}

fn give_usage(usage: Option<Usage>, out: &mut dyn Sink) {
    if let Some(usage) = usage {
        out.event(Event::Usage(usage));
    }
}

fn give_opaque(data: &Value, out: &mut dyn Sink) {
    out.event(Event::Opaque(OpaqueDelta { dialect: DIALECT, call: None, data }));
}
