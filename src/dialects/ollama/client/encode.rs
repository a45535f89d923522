//! Events to lines, or to one object.

use serde_json::{Map, Value, json};

use super::calls::Calls;
use super::{date, error};
use crate::dialects::{Encode, ReplyOptions};
use crate::framing::{Frame, write_json_str, write_json_value};
use crate::models::{ChatRequest, Citation, Event, Finish, Opaque, OpaqueDelta, Usage};

/// A refusal of which the provider gives no words: an empty answer would look like a success.
const REFUSED: &str = "The model declined to answer.";

/// How an answer is laid out.
#[derive(Clone, Copy, PartialEq)]
pub enum Form {
    /// A message.
    Chat,
    /// A response, without a message around it.
    Generate,
}

/// What stands in one line, or in the one object.
#[derive(Default)]
struct Piece<'a> {
    content: &'a str,
    thinking: &'a str,
    /// JSON, with commas between them.
    calls: &'a [u8],
    opaque: &'a [Value],
}

pub struct Encoder {
    form: Form,
    reply: ReplyOptions,
    /// What the last line says of a request that asked for nothing.
    idle: Option<&'static str>,
    /// What every line begins with: made once a model, not once a token.
    head: Vec<u8>,
    /// What one object is made of in the end.
    content: String,
    thinking: String,
    whole_calls: Vec<u8>,
    /// How much text came.
    text: usize,
    calls: Calls,
    /// The lines are the provider's own.
    native: bool,
    usage: Option<Usage>,
    citations: Vec<Citation>,
    warnings: Vec<String>,
}

impl Encoder {
    pub fn new(form: Form, mut reply: ReplyOptions, chat: &ChatRequest) -> Self {
        // The name that was asked for comes back: programs compare the two.
        if let Some(model) = chat.model.as_ref().filter(|model| !model.is_empty()) {
            reply.model.clone_from(model);
        }
        let mut encoder = Encoder {
            form,
            idle: chat.messages.is_empty().then(|| if unloads(chat) { "unload" } else { "load" }),
            head: Vec::new(),
            content: String::new(),
            thinking: String::new(),
            whole_calls: Vec::new(),
            text: 0,
            calls: Calls::default(),
            native: false,
            usage: None,
            citations: Vec::new(),
            warnings: Vec::new(),
            reply,
        };
        encoder.write_head(None);
        encoder
    }

    fn write_head(&mut self, answering: Option<&str>) {
        let mut head = Map::new();
        head.insert("model".to_owned(), json!(self.reply.model));
        if let Some(model) = answering.filter(|model| *model != self.reply.model) {
            head.insert("remote_model".to_owned(), json!(model));
        }
        head.insert("provider".to_owned(), json!(self.reply.provider));
        head.insert("created_at".to_owned(), json!(date::rfc3339(self.reply.created)));
        self.head.clear();
        write_json_value(&mut self.head, &head);
        // Open again, for what follows.
        self.head.pop();
    }

    fn say(&mut self, text: &str, out: &mut Vec<u8>) {
        self.text = self.text.saturating_add(text.len());
        if self.reply.stream {
            self.line(&Piece { content: text, ..Piece::default() }, out);
        } else {
            self.content.push_str(text);
        }
    }

    fn think(&mut self, text: &str, out: &mut Vec<u8>) {
        if self.reply.stream {
            self.line(&Piece { thinking: text, ..Piece::default() }, out);
        } else {
            self.thinking.push_str(text);
        }
    }

    fn call(&mut self, call: &[u8], out: &mut Vec<u8>) {
        if self.reply.stream {
            self.line(&Piece { calls: call, ..Piece::default() }, out);
        } else {
            self.whole_calls.extend_from_slice(if self.whole_calls.is_empty() { b"" } else { b"," });
            self.whole_calls.extend_from_slice(call);
        }
    }

    fn keep(&mut self, delta: &OpaqueDelta<'_>) {
        // Nothing of a response comes back.
        if self.form == Form::Chat {
            let opaque = Opaque { dialect: delta.dialect.to_owned(), data: delta.data.clone() };
            self.calls.keep(opaque, delta.call.map(|call| call.index), self.text);
        }
    }

    fn line(&self, piece: &Piece<'_>, out: &mut Vec<u8>) {
        self.open(piece, out);
        out.extend_from_slice(b",\"done\":false}\n");
    }

    /// All of a line before its `done`.
    fn open(&self, piece: &Piece<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(match self.form {
            Form::Chat => b",\"message\":{\"role\":\"assistant\",\"content\":",
            Form::Generate => b",\"response\":",
        });
        write_json_str(out, piece.content);
        if !piece.thinking.is_empty() {
            out.extend_from_slice(b",\"thinking\":");
            write_json_str(out, piece.thinking);
        }
        if !piece.calls.is_empty() {
            out.extend_from_slice(b",\"tool_calls\":[");
            out.extend_from_slice(piece.calls);
            out.push(b']');
        }
        if !piece.opaque.is_empty() {
            out.extend_from_slice(b",\"opaque\":");
            write_json_value(out, &piece.opaque);
        }
        if self.form == Form::Chat {
            out.push(b'}');
        }
    }

    fn finish(&mut self, reason: Finish, raw: Option<&str>, out: &mut Vec<u8>) {
        if reason == Finish::Refusal && self.text == 0 {
            self.say(REFUSED, out);
        }
        let cut = !matches!(reason, Finish::Stop | Finish::ToolCalls | Finish::Refusal);
        let mut warnings = std::mem::take(&mut self.warnings);
        while let Some(call) = self.calls.next_left(cut, &mut warnings) {
            self.call(&call, out);
        }
        self.warnings = warnings;
        let (opaque, calls) = (self.calls.states_left(), std::mem::take(&mut self.whole_calls));
        let piece = Piece { content: &self.content, thinking: &self.thinking, calls: &calls, opaque: &opaque };
        self.open(&piece, out);
        let mut rest = Vec::new();
        write_json_value(&mut rest, &self.end(reason, raw));
        // The object goes on where the piece was left open.
        out.push(b',');
        out.extend(rest.into_iter().skip(1));
        if self.reply.stream {
            out.push(b'\n');
        }
    }

    /// What the last line has beside its message.
    fn end(&self, reason: Finish, raw: Option<&str>) -> Map<String, Value> {
        let word = self.idle.filter(|_| reason == Finish::Stop).unwrap_or(done_reason(reason));
        let mut end = Map::new();
        let mut set = |name: &str, value: Value| {
            end.insert(name.to_owned(), value);
        };
        set("done", json!(true));
        set("done_reason", json!(word));
        if let Some(raw) = raw.filter(|raw| *raw != word) {
            set("native_done_reason", json!(raw));
        }
        if let Some(usage) = &self.usage {
            set("prompt_eval_count", json!(usage.input_tokens));
            set("eval_count", json!(usage.output_tokens));
            if usage.estimated {
                set("estimated", json!(true));
            }
        }
        if !self.citations.is_empty() {
            set("citations", json!(self.citations));
        }
        if !self.warnings.is_empty() {
            set("warnings", json!(self.warnings));
        }
        end
    }
}

impl Encode for Encoder {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start { model } => self.write_head(Some(model)),
            Event::Text(text) | Event::Refusal(text) => self.say(text, out),
            Event::Reasoning(text) => self.think(text, out),
            Event::Tool(delta) => {
                if usize::try_from(delta.index).is_ok_and(|index| index >= self.calls.len()) {
                    while let Some(call) = self.calls.next_whole() {
                        self.call(&call, out);
                    }
                }
                self.calls.take(&delta);
            }
            Event::Opaque(delta) => self.keep(&delta),
            // Assistants are not asked for in this language.
            Event::ToolResult(_) | Event::State(_) | Event::Step(_) => {}
            Event::Citation(citation) => self.citations.push(citation.clone()),
            Event::Warning(text) => self.warnings.push(text.to_owned()),
            Event::Usage(usage) => self.usage = Some(usage),
            // The provider's own last line has gone out.
            Event::Finish { .. } if self.native => {}
            Event::Finish { reason, raw } => self.finish(reason, raw, out),
            // A failure while the client waits for the whole is told by a status.
            Event::Error(_) if !self.reply.stream => {}
            Event::Error(error) => {
                error::write(error, out);
                out.push(b'\n');
            }
        }
    }

    fn native(&mut self, frame: Frame<'_>, out: &mut Vec<u8>) {
        self.native = true;
        out.extend_from_slice(frame.data.as_bytes());
        if self.reply.stream {
            out.push(b'\n');
        }
    }

    /// A line without text: the vendor sends such ones, too.
    fn heartbeat(&mut self, out: &mut Vec<u8>) {
        if self.reply.stream {
            self.line(&Piece::default(), out);
        }
    }
}

/// The vendor has fewer words. What is not complete is `length` there; what was withheld or declined has a
/// word of its own, for the packages pass on any.
fn done_reason(reason: Finish) -> &'static str {
    match reason {
        Finish::Stop | Finish::ToolCalls => "stop",
        Finish::Length | Finish::Pause | Finish::Cancelled => "length",
        Finish::ContentFilter | Finish::Refusal => reason.as_str(),
    }
}

/// Whether a model is to be kept for no time at all: a number of seconds, or a text with a unit.
fn unloads(chat: &ChatRequest) -> bool {
    match chat.native.as_ref().and_then(|native| native.body.get("keep_alive")) {
        Some(Value::Number(seconds)) => seconds.as_f64() == Some(0.0),
        Some(Value::String(time)) => time.trim_end_matches(char::is_alphabetic).parse() == Ok(0.0),
        _ => false,
    }
}
