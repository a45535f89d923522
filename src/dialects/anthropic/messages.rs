//! The conversation: system text apart, and turns of content blocks that alternate.

use serde_json::{Map, Value, json};

use super::DIALECT;
use crate::dialects::ids::Ids;
use crate::models::{ChatError, ChatRequest, Image, Message, Opaque, Part, Role, ToolCall, ToolKind};

/// The conversation as the vendor wants it.
pub struct Conversation {
    /// What the application says.
    pub system: Vec<String>,
    turns: Vec<Turn>,
}

struct Turn {
    role: &'static str,
    blocks: Vec<Value>,
}

/// The most characters of a call's id.
const MOST_ID: usize = 64;

/// Writes the messages of a request.
pub fn write(chat: &ChatRequest, warnings: &mut Vec<String>) -> Result<Conversation, ChatError> {
    let mut conversation = Conversation { system: Vec::new(), turns: Vec::new() };
    let mut ids = Ids::new(MOST_ID);
    let mut notes = Notes { keep_state: !chat.rejects("thinking"), ..Notes::default() };
    let mut begun = false;
    for (at, message) in chat.messages.iter().enumerate() {
        begun |= message.role != Role::System;
        match message.role {
            Role::System => {
                refuse_images(at, message)?;
                for part in &message.parts {
                    let Part::Text(text) = part else { continue };
                    let Some(text) = filled(text) else { continue };
                    notes.moved |= begun;
                    conversation.system.push(text.to_owned());
                }
            }
            Role::User => conversation.add("user", message.parts.iter().filter_map(write_part).collect(), &mut notes),
            Role::Assistant => {
                refuse_images(at, message)?;
                ids.enter(message);
                let blocks = message.parts.iter().filter_map(|part| write_own(part, &ids, &mut notes)).collect();
                conversation.add("assistant", blocks, &mut notes);
            }
            Role::Tool => conversation.add_result(write_result(message, &ids), &mut notes),
        }
    }
    conversation.settle(&mut notes);
    if conversation.turns.is_empty() {
        return Err(ChatError::invalid("messages", "messages must have a user or assistant message that is not empty"));
    }
    notes.tell(warnings);
    Ok(conversation)
}

impl Conversation {
    /// The turns as JSON.
    pub fn turns(&self) -> Value {
        self.turns.iter().map(|turn| json!({"role": turn.role, "content": turn.blocks})).collect()
    }

    /// Whether the answer goes on with a turn that began without thinking.
    pub fn goes_on_without_thinking(&self) -> bool {
        goes_on_without_thinking(self.turns.iter().map(|turn| (turn.role, turn.blocks.as_slice())))
    }

    /// Adds blocks to the turn of their role; a new turn where the role changes.
    fn add(&mut self, role: &'static str, blocks: Vec<Value>, notes: &mut Notes) {
        if blocks.is_empty() {
            return;
        }
        if self.turns.last().is_some_and(|turn| turn.role != role) {
            self.settle(notes);
        }
        match self.turns.last_mut().filter(|turn| turn.role == role) {
            Some(turn) => turn.blocks.extend(blocks),
            None => self.turns.push(Turn { role, blocks }),
        }
    }

    /// Results stand before everything else in their turn.
    fn add_result(&mut self, result: Value, notes: &mut Notes) {
        self.add("user", vec![result], notes);
        if let Some(turn) = self.turns.last_mut() {
            let first = turn.blocks.iter().take_while(|block| is(block, "tool_result")).count();
            if let Some(behind) = turn.blocks.get_mut(first..) {
                behind.rotate_right(usize::from(!behind.is_empty()));
            }
        }
    }

    /// The last turn is complete: an answer must not end in thinking, which leads to nothing there.
    fn settle(&mut self, notes: &mut Notes) {
        let Some(turn) = self.turns.last_mut().filter(|turn| turn.role == "assistant") else { return };
        while turn.blocks.last().is_some_and(is_thinking) {
            turn.blocks.pop();
            notes.dangling = true;
        }
        if turn.blocks.is_empty() {
            self.turns.pop();
        }
    }
}

/// Whether results wait for an answer that began without thinking: with a budget, the vendor refuses to
/// think in the middle of such a turn. The turn begins behind what the person said last, however many
/// calls were made since: later ones need no thinking before them.
pub fn goes_on_without_thinking<'a>(turns: impl DoubleEndedIterator<Item = (&'a str, &'a [Value])>) -> bool {
    let mut begins = None;
    let mut waits = false;
    for (role, blocks) in turns.rev() {
        match role {
            "assistant" if waits => begins = Some(blocks.first()),
            "user" if blocks.iter().any(|block| is(block, "tool_result")) => waits = true,
            "system" => {}
            _ => break,
        }
    }
    begins.is_some_and(|first| !first.is_some_and(is_thinking))
}

/// What there is to say of the whole conversation, once.
#[derive(Default)]
struct Notes {
    keep_state: bool,
    moved: bool,
    left_out: bool,
    malformed: bool,
    dangling: bool,
    raw_arguments: bool,
}

impl Notes {
    fn tell(&self, warnings: &mut Vec<String>) {
        let notes = [
            (self.moved, "system messages that came later in the conversation were put at its start"),
            (self.left_out, "the model's earlier thinking was left out: the provider does not take it back"),
            (self.malformed, "state of the provider (opaque) was left out: it is not as the provider gave it"),
            (self.dangling, "thinking that led to no answer was left out"),
            (self.raw_arguments, "arguments of a tool call that are no JSON object were sent as raw_arguments"),
        ];
        warnings.extend(notes.iter().filter(|(said, _)| *said).map(|(_, words)| (*words).to_owned()));
    }
}

/// Only people and tools can show pictures.
fn refuse_images(at: usize, message: &Message) -> Result<(), ChatError> {
    if !message.parts.iter().any(|part| matches!(part, Part::Image(_))) {
        return Ok(());
    }
    let path = format!("messages[{at}].content");
    let words = format!("{path} has an image: the provider takes images in user and tool messages only");
    Err(ChatError::invalid(path, words))
}

/// The vendor refuses text of nothing but white space.
fn filled(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.trim().is_empty())
}

fn write_part(part: &Part) -> Option<Value> {
    match part {
        Part::Text(text) => filled(text).map(|text| json!({"type": "text", "text": text})),
        Part::Image(Image::Url(url)) => Some(json!({"type": "image", "source": {"type": "url", "url": url}})),
        Part::Image(Image::Base64 { media_type, data }) => {
            Some(json!({"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}))
        }
        Part::Reasoning(_) | Part::ToolCall(_) | Part::Opaque(_) => None,
    }
}

/// A part of the model's own answer. Its thinking goes back with its signature (`Opaque`) or not at all.
fn write_own(part: &Part, ids: &Ids, notes: &mut Notes) -> Option<Value> {
    match part {
        Part::ToolCall(call) => Some(write_call(call, ids, notes)),
        Part::Opaque(opaque) => write_state(opaque, notes),
        part => write_part(part),
    }
}

fn write_call(call: &ToolCall, ids: &Ids, notes: &mut Notes) -> Value {
    let input = match (call.kind, call.arguments.trim()) {
        (ToolKind::Custom, _) => json!({"input": call.arguments}),
        (ToolKind::Function, "") => json!({}),
        (ToolKind::Function, text) => match serde_json::from_str::<Map<String, Value>>(text) {
            Ok(input) => Value::Object(input),
            // A model's slip, or a call that was cut off: it goes back as the model said it.
            Err(_) => {
                notes.raw_arguments = true;
                json!({"raw_arguments": call.arguments})
            }
        },
    };
    json!({"type": "tool_use", "id": ids.of(&call.id), "name": call.name, "input": input})
}

/// State as the vendor gave it, and nothing else that a client may have put there.
fn write_state(opaque: &Opaque, notes: &mut Notes) -> Option<Value> {
    let data = opaque.of(DIALECT)?;
    if !notes.keep_state {
        notes.left_out = true;
        return None;
    }
    let text = |name: &str| data.get(name).and_then(Value::as_str);
    let block = match text("type") {
        Some("thinking") => text("thinking")
            .zip(text("signature").filter(|signature| !signature.is_empty()))
            .map(|(thinking, signature)| json!({"type": "thinking", "thinking": thinking, "signature": signature})),
        Some("redacted_thinking") => text("data").map(|data| json!({"type": "redacted_thinking", "data": data})),
        _ => None,
    };
    notes.malformed |= block.is_none();
    block
}

fn write_result(message: &Message, ids: &Ids) -> Value {
    let mut result = Map::new();
    result.insert("type".to_owned(), json!("tool_result"));
    result.insert("tool_use_id".to_owned(), json!(ids.of(message.tool_call_id.as_deref().unwrap_or_default())));
    match message.parts.as_slice() {
        [Part::Text(text)] if !text.is_empty() => {
            result.insert("content".to_owned(), json!(text));
        }
        parts => {
            let blocks: Vec<Value> = parts.iter().filter_map(write_part).collect();
            if !blocks.is_empty() {
                result.insert("content".to_owned(), Value::Array(blocks));
            }
        }
    }
    Value::Object(result)
}

fn is(block: &Value, kind: &str) -> bool {
    block.get("type").and_then(Value::as_str) == Some(kind)
}

fn is_thinking(block: &Value) -> bool {
    is(block, "thinking") || is(block, "redacted_thinking")
}
