//! Events to the unified stream, or to one object.

use serde_json::{Map, Value, json};

use super::{error_fields, kept};
use crate::dialects::{Encode, ReplyOptions, opaque};
use crate::framing::{write_json_str, write_json_value};
use crate::models::{
    Answer, ChatError, Event, Finish, Opaque, OpaqueDelta, Place, Placed, PlacedResult, Sink, Step, ToolDelta,
    ToolKind, ToolResult, Usage,
};

/// The answer as server-sent events.
pub struct Stream {
    reply: ReplyOptions,
    sequence: u64,
    /// What every delta's frame ends with: made once a model, not once a token.
    tail: Vec<u8>,
    begun: bool,
    /// The place of what comes next.
    place: Place,
    usage: Option<Usage>,
}

impl Stream {
    pub fn new(reply: ReplyOptions) -> Self {
        let tail = tail(&reply.model, &reply.provider);
        Stream { sequence: reply.given, reply, tail, begun: false, place: Place::default(), usage: None }
    }

    /// A chunk with one delta: `content`, then one optional field.
    fn delta(&mut self, content: &str, field: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
        self.open("chunk", out);
        out.extend_from_slice(b"{\"content\":");
        write_json_str(out, content);
        out.extend_from_slice(b",\"finish_reason\":null");
        out.extend_from_slice(&self.tail);
        out.extend_from_slice(b",\"usage\":null");
        if !std::mem::replace(&mut self.begun, true) {
            out.extend_from_slice(b",\"role\":\"assistant\"");
        }
        field(out);
        out.extend_from_slice(b"}\n\n");
    }

    /// The lines before a frame's payload.
    fn open(&mut self, event: &str, out: &mut Vec<u8>) {
        self.sequence = self.sequence.saturating_add(1);
        out.extend_from_slice(b"id: ");
        out.extend_from_slice(self.reply.run_id.as_bytes());
        out.push(b':');
        out.extend_from_slice(itoa::Buffer::new().format(self.sequence).as_bytes());
        out.extend_from_slice(b"\nevent: ");
        out.extend_from_slice(event.as_bytes());
        out.extend_from_slice(b"\ndata: ");
    }

    /// A provider's state, on its own or at the call that it belongs to.
    fn opaque(&mut self, delta: &OpaqueDelta<'_>, out: &mut Vec<u8>) {
        let opaque = Opaque { dialect: delta.dialect.to_owned(), data: delta.data.clone() };
        let Some(call) = delta.call else {
            let placed = Placed { opaque, after: self.place };
            return self.delta("", |out| list_field(out, "opaque", &opaque::placed(&placed)), out);
        };
        let call = json!({"index": call.index, "id": call.id, "opaque": opaque::write(&opaque)});
        self.delta("", |out| list_field(out, "tool_calls", &call), out);
    }

    fn result(&mut self, result: &ToolResult, out: &mut Vec<u8>) {
        let after = Place { results: 0, ..self.place };
        self.place.results = self.place.results.saturating_add(1);
        let placed = PlacedResult { result: result.clone(), after };
        self.delta("", |out| list_field(out, "tool_results", &kept::result(&placed)), out);
    }

    /// A step is no part of the answer: it has a frame of its own.
    fn step(&mut self, step: &Step, out: &mut Vec<u8>) {
        self.open("step", out);
        write_json_value(out, step);
        out.extend_from_slice(b"\n\n");
    }

    fn finish(&mut self, reason: Finish, raw: Option<&str>, out: &mut Vec<u8>) {
        self.open("chunk", out);
        out.extend_from_slice(b"{\"content\":\"\",\"finish_reason\":");
        write_json_str(out, reason.as_str());
        out.extend_from_slice(&self.tail);
        out.extend_from_slice(b",\"usage\":");
        write_json_value(out, &self.usage);
        if !std::mem::replace(&mut self.begun, true) {
            out.extend_from_slice(b",\"role\":\"assistant\"");
        }
        if let Some(raw) = raw {
            out.extend_from_slice(b",\"raw_finish_reason\":");
            write_json_str(out, raw);
        }
        out.extend_from_slice(b"}\n\n");
        self.open("done", out);
        out.extend_from_slice(b"[DONE]\n\n");
    }

    fn error(&mut self, error: &ChatError, out: &mut Vec<u8>) {
        let mut fields = Map::new();
        fields.insert("error".to_owned(), Value::Object(error_fields(error)));
        if let Some(usage) = self.usage {
            fields.insert("usage".to_owned(), json!(usage));
        }
        self.open("error", out);
        write_json_value(out, &fields);
        out.extend_from_slice(b"\n\n");
    }
}

impl Encode for Stream {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start { model } => self.tail = tail(model, &self.reply.provider),
            Event::Text(text) => {
                self.place.text = self.place.text.saturating_add(text.len());
                self.delta(text, |_| (), out);
            }
            Event::Reasoning(text) => self.delta("", |out| text_field(out, "reasoning", text), out),
            Event::Refusal(text) => self.delta("", |out| text_field(out, "refusal", text), out),
            Event::Tool(call) => {
                self.place.calls = self.place.calls.max((call.index as usize).saturating_add(1));
                self.delta("", |out| tool_field(out, &call), out);
            }
            Event::ToolResult(result) => self.result(result, out),
            Event::State(changed) => self.delta("", |out| value_field(out, "state", changed), out),
            Event::Step(step) => self.step(step, out),
            Event::Opaque(delta) => self.opaque(&delta, out),
            Event::Citation(citation) => self.delta("", |out| list_field(out, "citations", citation), out),
            Event::Warning(text) => self.delta("", |out| list_field(out, "warnings", &text), out),
            Event::Usage(usage) => self.usage = Some(usage),
            Event::Finish { reason, raw } => self.finish(reason, raw, out),
            Event::Error(error) => self.error(error, out),
        }
    }

    fn heartbeat(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b": hb\n\n");
    }

    fn answerer(&mut self, provider: &str, model: &str) {
        self.tail = tail(model, provider);
        provider.clone_into(&mut self.reply.provider);
    }
}

/// The answer as one object, written when it is complete. A failure writes nothing: it has a
/// status of its own.
pub struct Whole {
    reply: ReplyOptions,
    answer: Answer,
}

impl Whole {
    pub fn new(reply: ReplyOptions) -> Self {
        Whole { reply, answer: Answer::default() }
    }

    fn write(&self, reason: Finish, raw: Option<&str>, out: &mut Vec<u8>) {
        let ReplyOptions { run_id, provider, model, .. } = &self.reply;
        write_json_value(out, &kept::answer(run_id, provider, model, &self.answer, Some((reason, raw))));
    }
}

impl Encode for Whole {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        if let Event::Finish { reason, raw } = event {
            self.write(reason, raw, out);
        } else {
            self.answer.event(event);
        }
    }

    fn heartbeat(&mut self, _: &mut Vec<u8>) {}

    fn answerer(&mut self, provider: &str, model: &str) {
        provider.clone_into(&mut self.reply.provider);
        model.clone_into(&mut self.reply.model);
        self.answer.model = None;
    }
}

fn tail(model: &str, provider: &str) -> Vec<u8> {
    let mut tail = Vec::new();
    tail.extend_from_slice(b",\"model\":");
    write_json_str(&mut tail, model);
    tail.extend_from_slice(b",\"provider\":");
    write_json_str(&mut tail, provider);
    tail
}

fn text_field(out: &mut Vec<u8>, name: &str, text: &str) {
    field_name(out, name);
    write_json_str(out, text);
}

fn value_field(out: &mut Vec<u8>, name: &str, value: &impl serde::Serialize) {
    field_name(out, name);
    write_json_value(out, value);
}

fn list_field(out: &mut Vec<u8>, name: &str, item: &impl serde::Serialize) {
    field_name(out, name);
    out.push(b'[');
    write_json_value(out, item);
    out.push(b']');
}

fn field_name(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn tool_field(out: &mut Vec<u8>, call: &ToolDelta<'_>) {
    let (kind, arguments) = words(call.kind);
    out.extend_from_slice(b",\"tool_calls\":[{\"index\":");
    out.extend_from_slice(itoa::Buffer::new().format(call.index).as_bytes());
    out.extend_from_slice(b",\"id\":");
    write_json_str(out, call.id);
    out.extend_from_slice(b",\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\":{");
    if let Some(name) = call.name {
        out.extend_from_slice(b"\"name\":");
        write_json_str(out, name);
        out.push(b',');
    }
    out.push(b'"');
    out.extend_from_slice(arguments.as_bytes());
    out.extend_from_slice(b"\":");
    write_json_str(out, call.arguments);
    out.extend_from_slice(b"}}]");
}

pub fn words(kind: ToolKind) -> (&'static str, &'static str) {
    match kind {
        ToolKind::Function => ("function", "arguments"),
        ToolKind::Custom => ("custom", "input"),
    }
}
