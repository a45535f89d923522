//! Events to chunks, or to one completion.

use memchr::memmem;
use serde_json::{Map, Value, json};

use crate::dialects::openai_fields::{HEARTBEAT, REFUSED};
use crate::dialects::{Encode, ReplyOptions, opaque, openai_error};
use crate::framing::{Frame, write_json_str, write_json_value, write_sse_event};
use crate::models::{
    Answer, ChatError, Citation, Event, Finish, Opaque, OpaqueDelta, Place, Placed, Sink, ToolCall, ToolDelta,
    ToolKind, Usage,
};

/// The answer as chunks.
pub struct Stream {
    reply: ReplyOptions,
    wants_usage: bool,
    /// What every chunk begins with: made once a model, not once a token.
    head: Vec<u8>,
    begun: bool,
    refused: bool,
    /// Chunks are the provider's own; its sentinel came.
    native: bool,
    done: bool,
    /// How much text came, and of what kinds the calls are that came.
    text: usize,
    kinds: Vec<ToolKind>,
    /// Given whole in the last chunk: of lists the SDKs' accumulators keep what came last, or fail.
    opaque: Vec<Value>,
    sources: Vec<Value>,
    /// At the top of the next chunk, all of them: there the accumulators keep them for the completion.
    warnings: Vec<String>,
    warned: usize,
    usage: Usage,
}

impl Stream {
    pub fn new(reply: ReplyOptions, wants_usage: bool) -> Self {
        let mut stream = Stream {
            wants_usage,
            head: Vec::new(),
            begun: false,
            refused: false,
            native: false,
            done: false,
            text: 0,
            kinds: Vec::new(),
            opaque: Vec::new(),
            sources: Vec::new(),
            warnings: Vec::new(),
            warned: 0,
            usage: Usage::default(),
            reply,
        };
        stream.name_model(&stream.reply.model.clone());
        stream
    }

    fn name_model(&mut self, model: &str) {
        self.head.clear();
        self.head.extend_from_slice(b"data: ");
        write_json_value(&mut self.head, &envelope_fields(&self.reply, "chat.completion.chunk", model));
        // Open again, for what follows.
        self.head.pop();
    }

    /// A chunk with one delta. The first one has the role before it, in a chunk of its own.
    fn delta(&mut self, write: impl FnOnce(&mut Vec<u8>), out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.begun, true) {
            self.chunk(
                |out| out.extend_from_slice(b"{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}"),
                None,
                out,
            );
        }
        self.chunk(write, None, out);
    }

    fn chunk(&mut self, write: impl FnOnce(&mut Vec<u8>), finish: Option<(Finish, Option<&str>)>, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(b",\"choices\":[{\"index\":0,\"delta\":");
        write(out);
        out.extend_from_slice(b",\"logprobs\":null,\"finish_reason\":");
        match finish {
            None => out.extend_from_slice(b"null"),
            Some((reason, raw)) => {
                write_json_str(out, finish_word(reason));
                if let Some(raw) = raw {
                    out.extend_from_slice(b",\"native_finish_reason\":");
                    write_json_str(out, raw);
                }
            }
        }
        out.extend_from_slice(b"}]");
        if self.wants_usage {
            out.extend_from_slice(b",\"usage\":null");
        }
        if std::mem::replace(&mut self.warned, self.warnings.len()) < self.warnings.len() {
            out.extend_from_slice(b",\"warnings\":");
            write_json_value(out, &self.warnings);
        }
        out.extend_from_slice(b"}\n\n");
    }

    fn text_field(&mut self, name: &str, text: &str, out: &mut Vec<u8>) {
        let write = |out: &mut Vec<u8>| {
            out.extend_from_slice(b"{\"");
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"\":");
            write_json_str(out, text);
            out.push(b'}');
        };
        self.delta(write, out);
    }

    fn value(&mut self, delta: &Value, out: &mut Vec<u8>) {
        self.delta(|out| write_json_value(out, delta), out);
    }

    fn tool(&mut self, delta: &ToolDelta<'_>, out: &mut Vec<u8>) {
        let (kind, arguments) = words(delta.kind);
        let mut inner = Map::new();
        let mut call = Map::new();
        call.insert("index".to_owned(), json!(delta.index));
        let index = usize::try_from(delta.index).unwrap_or(usize::MAX);
        if index >= self.kinds.len() {
            self.kinds.push(delta.kind);
            call.insert("id".to_owned(), json!(delta.id));
            call.insert("type".to_owned(), json!(kind));
        }
        if let Some(name) = delta.name {
            inner.insert("name".to_owned(), json!(name));
        }
        inner.insert(arguments.to_owned(), json!(delta.arguments));
        call.insert(kind.to_owned(), Value::Object(inner));
        self.value(&json!({"tool_calls": [call]}), out);
    }

    fn opaque(&mut self, delta: &OpaqueDelta<'_>, out: &mut Vec<u8>) {
        let state = Opaque { dialect: delta.dialect.to_owned(), data: delta.data.clone() };
        match delta.call {
            Some(call) => {
                // A delta without a function fails in some SDKs, even if it has nothing to add to it.
                let (kind, arguments) = words(self.kinds.get(call.index as usize).copied().unwrap_or_default());
                let call = json!({"index": call.index, kind: {arguments: ""}, "opaque": opaque::write(&state)});
                self.value(&json!({"tool_calls": [call]}), out);
            }
            None => {
                let placed =
                    Placed { opaque: state, after: Place { text: self.text, calls: self.kinds.len(), results: 0 } };
                self.opaque.push(opaque::placed(&placed));
            }
        }
    }

    fn finish(&mut self, reason: Finish, raw: Option<&str>, out: &mut Vec<u8>) {
        if reason == Finish::Refusal && !self.refused {
            self.text_field("refusal", REFUSED, out);
        }
        if !std::mem::replace(&mut self.begun, true) {
            self.chunk(|out| out.extend_from_slice(b"{\"role\":\"assistant\",\"content\":\"\"}"), None, out);
        }
        let lists = [("annotations", &mut self.sources), ("opaque", &mut self.opaque)];
        let lists = lists.map(|(name, list)| (name.to_owned(), Value::Array(std::mem::take(list))));
        let filled = lists.into_iter().filter(|(_, list)| list.as_array().is_some_and(|list| !list.is_empty()));
        let delta: Map<String, Value> = filled.collect();
        self.chunk(|out| write_json_value(out, &delta), Some((reason, raw)), out);
        if self.wants_usage {
            out.extend_from_slice(&self.head);
            out.extend_from_slice(b",\"choices\":[],\"usage\":");
            write_json_value(out, &usage_fields(&self.usage));
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    /// No `[DONE]` behind it: the vendor's SDKs raise what stands here.
    fn error(&mut self, error: &ChatError, out: &mut Vec<u8>) {
        out.extend_from_slice(b"data: ");
        write_json_value(out, &json!({ "error": openai_error::fields(error) }));
        out.extend_from_slice(b"\n\n");
    }
}

impl Encode for Stream {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start { model } => self.name_model(model),
            Event::Text(text) => {
                self.text = self.text.saturating_add(text.len());
                self.text_field("content", text, out);
            }
            Event::Reasoning(text) => self.text_field("reasoning_content", text, out),
            Event::Refusal(text) => {
                self.refused = true;
                self.text_field("refusal", text, out);
            }
            Event::Tool(delta) => self.tool(&delta, out),
            Event::Opaque(delta) => self.opaque(&delta, out),
            // Assistants are not asked for in this language.
            Event::ToolResult(_) | Event::State(_) | Event::Step(_) => {}
            Event::Citation(citation) => self.sources.push(annotation(citation)),
            Event::Warning(text) => self.warnings.push(text.to_owned()),
            Event::Usage(usage) => self.usage = usage,
            Event::Finish { .. } if self.done => {}
            // The provider's own chunks have gone out; all that may lack is the sentinel.
            Event::Finish { .. } if self.native => out.extend_from_slice(b"data: [DONE]\n\n"),
            Event::Finish { reason, raw } => self.finish(reason, raw, out),
            Event::Error(error) => self.error(error, out),
        }
    }

    fn native(&mut self, frame: Frame<'_>, out: &mut Vec<u8>) {
        self.native = true;
        self.done |= frame.data.starts_with("[DONE]");
        if self.wants_usage || !is_usage_only(frame.data) {
            write_sse_event(out, None, frame.event, frame.data);
        }
    }

    fn heartbeat(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(HEARTBEAT);
    }
}

/// The answer as one completion, written when it is complete.
pub struct Whole {
    reply: ReplyOptions,
    answer: Answer,
    native: bool,
}

impl Whole {
    pub fn new(reply: ReplyOptions) -> Self {
        Whole { reply, answer: Answer::default(), native: false }
    }

    fn write(&self, reason: Finish, raw: Option<&str>, out: &mut Vec<u8>) {
        let answer = &self.answer;
        let refusal = match (answer.refusal.as_str(), reason) {
            ("", Finish::Refusal) => Some(REFUSED),
            ("", _) => None,
            (words, _) => Some(words),
        };
        let bare = answer.content.is_empty() && (!answer.tool_calls.is_empty() || refusal.is_some());
        let mut message = Map::new();
        let mut set = |name: &str, value: Value| {
            message.insert(name.to_owned(), value);
        };
        set("role", json!("assistant"));
        set("content", if bare { Value::Null } else { json!(answer.content) });
        set("refusal", json!(refusal));
        if !answer.reasoning.is_empty() {
            set("reasoning_content", json!(answer.reasoning));
        }
        if !answer.tool_calls.is_empty() {
            set("tool_calls", answer.tool_calls.iter().map(whole_call).collect());
        }
        if !answer.opaque.is_empty() {
            set("opaque", answer.opaque.iter().map(opaque::placed).collect());
        }
        set("annotations", answer.citations.iter().map(annotation).collect());
        let mut choice =
            json!({"index": 0, "message": message, "logprobs": null, "finish_reason": finish_word(reason)});
        if let (Some(raw), Some(map)) = (raw, choice.as_object_mut()) {
            map.insert("native_finish_reason".to_owned(), json!(raw));
        }
        let model = answer.model.as_ref().unwrap_or(&self.reply.model);
        let mut body = envelope_fields(&self.reply, "chat.completion", model);
        body.insert("choices".to_owned(), json!([choice]));
        body.insert("usage".to_owned(), usage_fields(&answer.usage.unwrap_or_default()));
        if !answer.warnings.is_empty() {
            body.insert("warnings".to_owned(), json!(answer.warnings));
        }
        write_json_value(out, &body);
    }
}

impl Encode for Whole {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Finish { .. } if self.native => {}
            Event::Finish { reason, raw } => self.write(reason, raw, out),
            event => self.answer.event(event),
        }
    }

    fn native(&mut self, frame: Frame<'_>, out: &mut Vec<u8>) {
        self.native = true;
        out.extend_from_slice(frame.data.as_bytes());
    }

    fn heartbeat(&mut self, _: &mut Vec<u8>) {}
}

fn envelope_fields(reply: &ReplyOptions, object: &str, model: &str) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("id".to_owned(), json!(format!("chatcmpl-{}", reply.run_id)));
    fields.insert("object".to_owned(), json!(object));
    fields.insert("created".to_owned(), json!(reply.created));
    fields.insert("model".to_owned(), json!(model));
    fields.insert("provider".to_owned(), json!(reply.provider));
    fields
}

/// The vendor has fewer words. What is not complete is `length` there: a program that reads no further
/// must not take it for the whole.
fn finish_word(reason: Finish) -> &'static str {
    match reason {
        Finish::Stop | Finish::Refusal => "stop",
        Finish::ToolCalls => "tool_calls",
        Finish::ContentFilter => "content_filter",
        Finish::Length | Finish::Pause | Finish::Cancelled => "length",
    }
}

fn usage_fields(usage: &Usage) -> Value {
    let mut fields = json!({
        "prompt_tokens": usage.input_tokens, "completion_tokens": usage.output_tokens, "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens.unwrap_or(0)},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens.unwrap_or(0)},
    });
    if let Some(map) = fields.as_object_mut().filter(|_| usage.estimated) {
        map.insert("estimated".to_owned(), json!(true));
    }
    fields
}

fn annotation(citation: &Citation) -> Value {
    let inner = json!({
        "url": citation.url, "title": citation.title.as_deref().unwrap_or_default(),
        "start_index": citation.start_index.unwrap_or(0), "end_index": citation.end_index.unwrap_or(0),
    });
    json!({"type": "url_citation", "url_citation": inner})
}

fn whole_call(call: &ToolCall) -> Value {
    let (kind, arguments) = words(call.kind);
    let inner = json!({"name": call.name, arguments: call.arguments});
    let mut whole = json!({"id": call.id, "type": kind, kind: inner});
    if let (Some(state), Some(map)) = (&call.opaque, whole.as_object_mut()) {
        map.insert("opaque".to_owned(), opaque::write(state));
    }
    whole
}

fn words(kind: ToolKind) -> (&'static str, &'static str) {
    match kind {
        ToolKind::Function => ("function", "arguments"),
        ToolKind::Custom => ("custom", "input"),
    }
}

/// A chunk that says nothing but what was used: the gateway asked for it, perhaps the client did not.
fn is_usage_only(data: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Bare {
        choices: Vec<serde::de::IgnoredAny>,
        usage: Option<serde::de::IgnoredAny>,
    }
    // Inside a text these quotes would have escapes; so few chunks are parsed for this.
    let empty = ["\"choices\":[]", "\"choices\": []"]
        .iter()
        .any(|list| memmem::find(data.as_bytes(), list.as_bytes()).is_some());
    empty && serde_json::from_str::<Bare>(data).is_ok_and(|bare| bare.choices.is_empty() && bare.usage.is_some())
}
