//! Events to the vendor's stream.

use serde_json::{Map, Value, json};

use super::blocks::{Blocks, Step, take};
use super::error;
use super::message::{add_warnings, begun, citation_fields, message_fields, stop_fields, unplaced, usage_fields};
use crate::dialects::{Encode, ReplyOptions};
use crate::framing::{Frame, write_json_str, write_json_value, write_sse_event};
use crate::models::{ChatError, ErrorKind, Event, Finish, Usage};

/// The answer as named events.
pub struct Stream {
    reply: ReplyOptions,
    blocks: Blocks,
    frames: Frames,
    begun: bool,
    /// The words of refusal.
    refusal: String,
    warnings: Vec<String>,
    usage: Usage,
    /// Events are the provider's own; its last one came.
    native: bool,
    done: bool,
}

/// Frames about blocks, and which block they are about.
#[derive(Default)]
struct Frames {
    index: u64,
    /// Something came for a block that is closed.
    broken: bool,
}

const PING: &[u8] = b"event: ping\ndata: {\"type\":\"ping\"}\n\n";
const STOP: &[u8] = b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

impl Stream {
    pub fn new(reply: ReplyOptions) -> Self {
        Stream {
            reply,
            blocks: Blocks::default(),
            frames: Frames::default(),
            begun: false,
            refusal: String::new(),
            warnings: Vec::new(),
            usage: Usage::default(),
            native: false,
            done: false,
        }
    }

    /// What stands before the first block. The provider's figures come at the end: until then the prompt's
    /// is a guess.
    fn begin(&mut self, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let guess = Usage { input_tokens: self.reply.input_tokens, ..Usage::default() };
        let mut message = message_fields(&self.reply, &self.reply.model);
        message.insert("usage".to_owned(), usage_fields(&guess));
        add_warnings(&mut message, &mut self.warnings);
        event(out, "message_start", |out| {
            out.extend_from_slice(b",\"message\":");
            write_json_value(out, &message);
        });
        out.extend_from_slice(PING);
    }

    fn take(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        self.begin(out);
        let Stream { blocks, frames, .. } = self;
        let placed = take(blocks, event, &mut |step| frames.write(step, out));
        if let (Event::Citation(citation), false) = (event, placed) {
            self.warnings.push(unplaced(citation));
        }
        if self.frames.broken {
            let words = "the provider mixed the arguments of two tool calls in a way that cannot be told here";
            self.fail(&ChatError::new(ErrorKind::Provider, words), out);
        }
    }

    fn finish(&mut self, reason: Finish, out: &mut Vec<u8>) {
        self.begin(out);
        let Stream { blocks, frames, .. } = self;
        blocks.settle(&mut |step| frames.write(step, out));
        let mut fields = Map::new();
        fields.insert("delta".to_owned(), Value::Object(stop_fields(reason, &self.refusal)));
        fields.insert("usage".to_owned(), usage_fields(&self.usage));
        add_warnings(&mut fields, &mut self.warnings);
        event(out, "message_delta", |out| {
            for (name, value) in &fields {
                out.push(b',');
                write_json_str(out, name);
                out.push(b':');
                write_json_value(out, value);
            }
        });
        out.extend_from_slice(STOP);
        self.done = true;
    }

    /// No `message_stop` behind it: the vendor's SDKs raise what stands here.
    fn fail(&mut self, failure: &ChatError, out: &mut Vec<u8>) {
        out.extend_from_slice(b"event: error\ndata: ");
        write_json_value(out, &error::fields(failure, &self.reply.run_id));
        out.extend_from_slice(b"\n\n");
        self.done = true;
    }
}

impl Encode for Stream {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        if self.done {
            return;
        }
        match event {
            Event::Start { model } => model.clone_into(&mut self.reply.model),
            Event::Warning(text) => self.warnings.push(text.to_owned()),
            Event::Usage(usage) => self.usage = usage,
            // The provider's own events have gone out; all that may lack is the last one.
            Event::Finish { .. } if self.native => out.extend_from_slice(STOP),
            Event::Finish { reason, .. } => self.finish(reason, out),
            Event::Error(failure) => self.fail(failure, out),
            event => {
                if let Event::Refusal(words) = event {
                    self.refusal.push_str(words);
                }
                self.take(&event, out);
            }
        }
    }

    /// The SDKs pass over events without a name, which some servers of the language leave out, and trip
    /// over another vendor's sentinel, which some send.
    fn native(&mut self, frame: Frame<'_>, out: &mut Vec<u8>) {
        if self.done || frame.data.starts_with("[DONE]") {
            return;
        }
        self.native = true;
        let named = frame.event.map_or_else(|| kind(frame.data), |name| Some(name.to_owned()));
        self.done = named.as_deref() == Some("message_stop");
        write_sse_event(out, None, named.as_deref(), frame.data);
    }

    fn heartbeat(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(PING);
    }
}

impl Frames {
    fn write(&mut self, step: Step<'_>, out: &mut Vec<u8>) {
        match step {
            Step::Open(block) => self.event(out, "content_block_start", |out| {
                out.extend_from_slice(b",\"content_block\":");
                write_json_value(out, &begun(&block));
            }),
            Step::Text(text) => self.delta(out, "text_delta", "text", text),
            Step::Thinking(text) => self.delta(out, "thinking_delta", "thinking", text),
            Step::Signature(token) => self.delta(out, "signature_delta", "signature", token),
            Step::Input(piece) => self.delta(out, "input_json_delta", "partial_json", piece),
            // Without any piece the arguments are the empty object.
            Step::Late(_, piece) => self.broken |= piece.trim() != "{}",
            Step::Citation(citation) => self.event(out, "content_block_delta", |out| {
                out.extend_from_slice(b",\"delta\":");
                write_json_value(out, &json!({"type": "citations_delta", "citation": citation_fields(citation)}));
            }),
            Step::Close => {
                self.event(out, "content_block_stop", |_| {});
                self.index = self.index.saturating_add(1);
            }
        }
    }

    fn delta(&self, out: &mut Vec<u8>, kind: &str, field: &str, text: &str) {
        self.event(out, "content_block_delta", |out| {
            out.extend_from_slice(b",\"delta\":{\"type\":\"");
            out.extend_from_slice(kind.as_bytes());
            out.extend_from_slice(b"\",\"");
            out.extend_from_slice(field.as_bytes());
            out.extend_from_slice(b"\":");
            write_json_str(out, text);
            out.push(b'}');
        });
    }

    fn event(&self, out: &mut Vec<u8>, name: &str, rest: impl FnOnce(&mut Vec<u8>)) {
        event(out, name, |out| {
            out.extend_from_slice(b",\"index\":");
            out.extend_from_slice(itoa::Buffer::new().format(self.index).as_bytes());
            rest(out);
        });
    }
}

/// One event: its name is also the type in its data.
fn event(out: &mut Vec<u8>, name: &str, rest: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(b"event: ");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\ndata: {\"type\":\"");
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
    rest(out);
    out.extend_from_slice(b"}\n\n");
}

fn kind(data: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Typed {
        r#type: String,
    }
    serde_json::from_str(data).ok().map(|Typed { r#type }| r#type)
}
