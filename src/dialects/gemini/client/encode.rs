//! Events to responses: one after another, or one for all.

use serde_json::{Value, json};

use super::answer::{Piece, State};
use super::error;
use crate::dialects::gemini::SIGNATURE;
use crate::dialects::{Encode, ReplyOptions};
use crate::framing::{Frame, write_json_str, write_json_value};
use crate::models::{ChatError, ErrorKind, Event, Finish};

/// How the responses of a stream are divided.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Server-sent events, as with `alt=sse`.
    Events,
    /// The elements of one array.
    Array,
}

/// The answer as a stream of responses. There are no heartbeats: one of the SDKs drops the event behind a
/// comment, another one breaks at it.
pub struct Stream {
    state: State,
    page: Page,
    /// The responses are the provider's own, and have said why they end.
    native: bool,
    told: bool,
    over: bool,
}

impl Stream {
    pub fn new(reply: ReplyOptions, thoughts: bool, form: Form) -> Self {
        let page = Page { form, tail: tail(&reply), begun: false };
        Stream { state: State::new(reply, thoughts), page, native: false, told: false, over: false }
    }

    fn finish(&mut self, reason: Finish, raw: Option<&str>, out: &mut Vec<u8>) {
        if !self.native {
            let Stream { state, page, .. } = self;
            let mut warnings = std::mem::take(&mut state.warnings);
            let said = state.end(reason, raw, &mut |piece| page.piece(&piece, &mut warnings, out));
            state.warnings.append(&mut warnings);
            page.open(out);
            // The SDKs' chats take an answer for valid only if every response of it has a part.
            state.write_last(vec![json!({"text": ""})], said, out);
            page.close(out);
        }
        self.end(out);
    }

    /// The newest JavaScript SDK raises an error in an event and passes over a bare one, the one for Go
    /// does the opposite, Python's takes either; the vendor sends a bare one.
    fn error(&mut self, error: &ChatError, out: &mut Vec<u8>) {
        // The provider's last word, as the client has it, says the same.
        let known = self.native && self.told && error.kind == ErrorKind::Provider && error.code.is_some();
        if !known {
            let value = error::value(error);
            self.page.open(out);
            write_json_value(out, &value);
            self.page.close(out);
            if self.page.form == Form::Events {
                write_json_value(out, &value);
                out.extend_from_slice(b"\r\n");
            }
        }
        self.end(out);
    }

    /// Nothing comes behind it.
    fn end(&mut self, out: &mut Vec<u8>) {
        self.over = true;
        if self.page.form == Form::Array {
            out.extend_from_slice(if self.page.begun { b"]" } else { b"[]" });
        }
    }
}

impl Encode for Stream {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match event {
            Event::Finish { reason, raw } => return self.finish(reason, raw, out),
            Event::Error(error) => return self.error(error, out),
            _ => {}
        }
        let Stream { state, page, .. } = self;
        let mut warnings = std::mem::take(&mut state.warnings);
        let taken = state.take(&event, &mut |piece| page.piece(&piece, &mut warnings, out));
        state.warnings.splice(0..0, warnings);
        if matches!(event, Event::Start { .. }) {
            page.tail = tail(&state.reply);
        }
        if let Err(error) = taken {
            self.error(&error, out);
        }
    }

    fn native(&mut self, frame: Frame<'_>, out: &mut Vec<u8>) {
        let data = frame.data.trim();
        if self.over || !data.starts_with('{') {
            return;
        }
        self.native = true;
        // In a text its quotes are escaped.
        self.told |= data.contains("\"finishReason\"");
        self.page.open(out);
        // The SDKs read one line an event. In JSON a raw line break is never more than white space.
        out.extend(data.bytes().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }));
        self.page.close(out);
    }

    fn heartbeat(&mut self, _: &mut Vec<u8>) {}
}

/// Where the responses of a stream are written.
struct Page {
    form: Form,
    /// What every response ends with: made once a model, not once a token.
    tail: Vec<u8>,
    begun: bool,
}

impl Page {
    fn open(&mut self, out: &mut Vec<u8>) {
        let begun = std::mem::replace(&mut self.begun, true);
        out.extend_from_slice(match (self.form, begun) {
            (Form::Events, _) => b"data: ",
            (Form::Array, false) => b"[",
            (Form::Array, true) => b",\r\n",
        });
    }

    fn close(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.form == Form::Events { b"\r\n\r\n" } else { b"\n" });
    }

    /// A response with one part. Warnings ride on it: a response without a part would make the SDKs' chats
    /// forget the turn.
    fn piece(&mut self, piece: &Piece<'_>, warnings: &mut Vec<String>, out: &mut Vec<u8>) {
        self.open(out);
        out.extend_from_slice(b"{\"candidates\":[{\"content\":{\"parts\":[");
        match piece {
            Piece::Text { text, thought } => {
                out.extend_from_slice(b"{\"text\":");
                write_json_str(out, text);
                out.extend_from_slice(if *thought { b",\"thought\":true}" } else { b"}" });
            }
            Piece::Part(part) => write_json_value(out, part),
        }
        out.extend_from_slice(b"],\"role\":\"model\"},\"index\":0}]");
        if !warnings.is_empty() {
            out.extend_from_slice(b",\"warnings\":");
            write_json_value(out, &std::mem::take(warnings));
        }
        out.extend_from_slice(&self.tail);
        self.close(out);
    }
}

/// The answer as one response, written when it is complete.
pub struct Whole {
    state: State,
    parts: Vec<Value>,
    native: bool,
}

impl Whole {
    pub fn new(reply: ReplyOptions, thoughts: bool) -> Self {
        Whole { state: State::new(reply, thoughts), parts: Vec::new(), native: false }
    }
}

impl Encode for Whole {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        let Whole { state, parts, .. } = self;
        match event {
            Event::Finish { .. } if self.native => {}
            Event::Finish { reason, raw } => {
                let said = state.end(reason, raw, &mut |piece| append(parts, piece));
                if parts.is_empty() {
                    parts.push(json!({"text": ""}));
                }
                state.write_last(std::mem::take(parts), said, out);
            }
            // It cannot fail here: the relay bounds what is held for a whole answer.
            event => drop(state.take(&event, &mut |piece| append(parts, piece))),
        }
    }

    fn native(&mut self, frame: Frame<'_>, out: &mut Vec<u8>) {
        self.native = true;
        out.extend_from_slice(frame.data.as_bytes());
    }

    fn heartbeat(&mut self, _: &mut Vec<u8>) {}
}

/// Text goes on with the text before it.
fn append(parts: &mut Vec<Value>, piece: Piece<'_>) {
    let (text, thought) = match piece {
        Piece::Text { text, thought } => (text, thought),
        Piece::Part(part) => return parts.push(part),
    };
    let plain = |part: &&mut Value| part.get(SIGNATURE).is_none() && part.get("thought").is_some() == thought;
    match parts.last_mut().filter(plain).and_then(|part| part.get_mut("text")) {
        Some(Value::String(known)) => known.push_str(text),
        _ if thought => parts.push(json!({"text": text, "thought": true})),
        _ => parts.push(json!({"text": text})),
    }
}

fn tail(reply: &ReplyOptions) -> Vec<u8> {
    let mut tail = Vec::new();
    for (name, value) in [("modelVersion", &reply.model), ("responseId", &reply.run_id), ("provider", &reply.provider)]
    {
        tail.push(b',');
        write_json_str(&mut tail, name);
        tail.push(b':');
        write_json_str(&mut tail, value);
    }
    tail.push(b'}');
    tail
}
