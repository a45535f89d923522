//! Events to one message.

use serde_json::{Map, Value, json};

use super::blocks::{Blocks, Step, take};
use super::message::{add_warnings, begun, citation_fields, message_fields, stop_fields, unplaced, usage_fields};
use crate::dialects::{Encode, ReplyOptions};
use crate::framing::{Frame, write_json_value};
use crate::models::{Event, Finish, Usage};

/// The answer as one message, written when it is complete.
pub struct Whole {
    reply: ReplyOptions,
    blocks: Blocks,
    content: Vec<Written>,
    refusal: String,
    warnings: Vec<String>,
    usage: Usage,
    native: bool,
}

/// A block as far as it has come.
struct Written {
    block: Value,
    text: String,
    signature: String,
    citations: Vec<Value>,
}

impl Whole {
    pub fn new(reply: ReplyOptions) -> Self {
        Whole {
            reply,
            blocks: Blocks::default(),
            content: Vec::new(),
            refusal: String::new(),
            warnings: Vec::new(),
            usage: Usage::default(),
            native: false,
        }
    }

    fn take(&mut self, event: &Event<'_>) {
        let Whole { blocks, content, .. } = self;
        let placed = take(blocks, event, &mut |step| write(step, content));
        if let (Event::Citation(citation), false) = (event, placed) {
            self.warnings.push(unplaced(citation));
        }
    }

    fn finish(&mut self, reason: Finish, out: &mut Vec<u8>) {
        let Whole { blocks, content, .. } = self;
        blocks.settle(&mut |step| write(step, content));
        let content: Vec<Value> =
            std::mem::take(content).into_iter().map(|written| written.done(&mut self.warnings)).collect();
        let mut message = message_fields(&self.reply, &self.reply.model);
        message.insert("content".to_owned(), Value::Array(content));
        message.extend(stop_fields(reason, &self.refusal));
        message.insert("usage".to_owned(), usage_fields(&self.usage));
        add_warnings(&mut message, &mut self.warnings);
        write_json_value(out, &message);
    }
}

impl Encode for Whole {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start { model } => model.clone_into(&mut self.reply.model),
            Event::Warning(text) => self.warnings.push(text.to_owned()),
            Event::Usage(usage) => self.usage = usage,
            Event::Finish { .. } if self.native => {}
            Event::Finish { reason, .. } => self.finish(reason, out),
            // Told by a status.
            Event::Error(_) => {}
            event => {
                if let Event::Refusal(words) = event {
                    self.refusal.push_str(words);
                }
                self.take(&event);
            }
        }
    }

    fn native(&mut self, frame: Frame<'_>, out: &mut Vec<u8>) {
        self.native = true;
        out.extend_from_slice(frame.data.as_bytes());
    }

    fn heartbeat(&mut self, _: &mut Vec<u8>) {}
}

fn write(step: Step<'_>, content: &mut Vec<Written>) {
    if let Step::Open(block) = &step {
        let block = begun(block);
        content.push(Written { block, text: String::new(), signature: String::new(), citations: Vec::new() });
    }
    if let Step::Late(call, piece) = step {
        let calls = content.iter_mut().filter(|written| written.block.get("id").is_some());
        calls.skip(call).take(1).for_each(|written| written.text.push_str(piece));
        return;
    }
    let Some(last) = content.last_mut() else { return };
    match step {
        Step::Open(_) | Step::Close | Step::Late(..) => {}
        Step::Text(text) | Step::Thinking(text) | Step::Input(text) => last.text.push_str(text),
        Step::Signature(token) => token.clone_into(&mut last.signature),
        Step::Citation(citation) => last.citations.push(citation_fields(citation)),
    }
}

impl Written {
    fn done(self, warnings: &mut Vec<String>) -> Value {
        let Written { mut block, text, signature, citations } = self;
        let Some(fields) = block.as_object_mut() else { return block };
        match fields.get("type").and_then(Value::as_str) {
            Some("text") => {
                fields.insert("text".to_owned(), json!(text));
                if !citations.is_empty() {
                    fields.insert("citations".to_owned(), Value::Array(citations));
                }
            }
            Some("thinking") => {
                fields.insert("thinking".to_owned(), json!(text));
                fields.insert("signature".to_owned(), json!(signature));
            }
            Some("tool_use") => {
                fields.insert("input".to_owned(), input(&text, warnings));
            }
            _ => {}
        }
        block
    }
}

/// Arguments are an object there. What is none (a model's slip, a call that was cut off) goes inside of
/// one, by which it is told on the way back.
fn input(text: &str, warnings: &mut Vec<String>) -> Value {
    if text.is_empty() {
        return json!({});
    }
    match serde_json::from_str::<Map<String, Value>>(text) {
        Ok(input) => Value::Object(input),
        Err(_) => {
            let words = "the arguments of a tool call are no JSON object; they are given as raw_arguments";
            warnings.push(words.to_owned());
            json!({"raw_arguments": text})
        }
    }
}
