//! Messages to items of input.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::DIALECT;
use crate::dialects::ids::Ids;
use crate::models::{ChatError, ChatRequest, Message, Part, Role, ToolCall, ToolKind};

/// The longest id of a call that the vendor takes.
const MOST_CALL_ID: usize = 64;

/// The instructions, which are the system messages at the start, and everything behind them.
pub fn write(chat: &ChatRequest, warnings: &mut Vec<String>) -> Result<(Option<String>, Vec<Value>), ChatError> {
    let leads = |message: &&Message| {
        message.role == Role::System && message.parts.iter().all(|part| matches!(part, Part::Text(_)))
    };
    let leading = chat.messages.iter().take_while(leads).count();
    // There must be at least one item.
    let leading = if leading == chat.messages.len() { 0 } else { leading };
    let system = chat.messages.iter().take(leading).map(Message::text).filter(|text| !text.is_empty());
    let instructions = system.reduce(|all, text| all + "\n\n" + &text);
    let mut writer = Writer {
        ids: Ids::new(MOST_CALL_ID),
        custom: HashSet::new(),
        items: Vec::new(),
        warnings,
        replays: !chat.rejects("reasoning"),
        withheld: false,
    };
    for (at, message) in chat.messages.iter().enumerate().skip(leading) {
        writer.message(at, message)?;
    }
    let Writer { items, withheld, .. } = writer;
    if withheld {
        warnings.push("the reasoning of earlier answers was left out: the provider could not use it".to_owned());
    }
    Ok((instructions, items))
}

struct Writer<'a> {
    ids: Ids,
    /// The calls of custom tools, by the caller's ids.
    custom: HashSet<String>,
    items: Vec<Value>,
    warnings: &'a mut Vec<String>,
    /// Whether earlier reasoning goes back, and whether any was held back.
    replays: bool,
    withheld: bool,
}

impl Writer<'_> {
    fn message(&mut self, at: usize, message: &Message) -> Result<(), ChatError> {
        match message.role {
            Role::System => self.items.push(json!({"role": "developer", "content": input_parts(&message.parts)})),
            Role::User => self.items.push(json!({"role": "user", "content": input_parts(&message.parts)})),
            Role::Tool => self.result(message),
            Role::Assistant => return self.answer(at, message),
        }
        Ok(())
    }

    fn result(&mut self, message: &Message) {
        let id = message.tool_call_id.as_deref().unwrap_or_default();
        let kind = if self.custom.contains(id) { "custom_tool_call_output" } else { "function_call_output" };
        let plain = !message.parts.iter().any(|part| matches!(part, Part::Image(_)));
        let output = if plain { json!(message.text()) } else { input_parts(&message.parts) };
        self.items.push(json!({"type": kind, "call_id": self.ids.of(id), "output": output}));
    }

    fn answer(&mut self, at: usize, message: &Message) -> Result<(), ChatError> {
        self.ids.enter(message);
        let first = self.items.len();
        let mut texts: Vec<&str> = Vec::new();
        for part in &message.parts {
            match part {
                Part::Text(text) if text.is_empty() => {}
                Part::Text(text) => texts.push(text),
                // Shown reasoning is a summary of what goes back sealed, or another vendor's.
                Part::Reasoning(_) => {}
                Part::Image(_) => {
                    let path = format!("messages[{at}].content");
                    let words = format!("{path} has an image in an assistant message: the provider takes none there");
                    return Err(ChatError::invalid(path, words));
                }
                Part::ToolCall(call) => {
                    self.said(&mut texts, None);
                    self.call(call);
                }
                Part::Opaque(opaque) => match opaque.of(DIALECT).map(State::read) {
                    None => {}
                    Some(Some(State::Reasoning(item))) => {
                        self.said(&mut texts, None);
                        if self.replays {
                            self.items.push(item);
                        }
                        self.withheld |= !self.replays;
                    }
                    Some(Some(State::Phase(phase))) => {
                        let spoken = self.said(&mut texts, Some(phase));
                        if !spoken {
                            self.warnings.push(format!("a phase in messages[{at}] was left out: no text is before it"));
                        }
                    }
                    Some(None) => {
                        self.warnings.push(format!("state in messages[{at}].opaque was left out: it is malformed"));
                    }
                },
            }
        }
        self.said(&mut texts, None);
        self.drop_what_leads_nowhere(at, first);
        Ok(())
    }

    /// The texts so far, as one item. False where there are none.
    fn said(&mut self, texts: &mut Vec<&str>, phase: Option<&str>) -> bool {
        let texts = std::mem::take(texts);
        if texts.is_empty() {
            return false;
        }
        let content: Vec<Value> = texts.into_iter().map(|text| json!({"type": "output_text", "text": text})).collect();
        let mut item = Map::new();
        item.insert("type".to_owned(), json!("message"));
        item.insert("role".to_owned(), json!("assistant"));
        item.insert("content".to_owned(), Value::Array(content));
        if let Some(phase) = phase {
            item.insert("phase".to_owned(), json!(phase));
        }
        self.items.push(Value::Object(item));
        true
    }

    fn call(&mut self, call: &ToolCall) {
        let (name, id) = (&call.name, self.ids.of(&call.id));
        match call.kind {
            ToolKind::Function => {
                self.custom.remove(&call.id);
                // An empty string is no JSON.
                let arguments = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
                self.items.push(json!({"type": "function_call", "call_id": id, "name": name, "arguments": arguments}));
            }
            ToolKind::Custom => {
                self.custom.insert(call.id.clone());
                self.items
                    .push(json!({"type": "custom_tool_call", "call_id": id, "name": name, "input": call.arguments}));
            }
        }
    }

    /// The vendor refuses reasoning without the item that it led to, as an answer has it that was cut off.
    fn drop_what_leads_nowhere(&mut self, at: usize, first: usize) {
        let mut dropped = false;
        while self.items.len() > first && self.items.last().is_some_and(is_reasoning) {
            self.items.pop();
            dropped = true;
        }
        if dropped {
            self.warnings.push(format!("reasoning in messages[{at}].opaque was left out: nothing follows it"));
        }
    }
}

/// The provider's own state, as a client gave it back.
enum State<'a> {
    Reasoning(Value),
    Phase(&'a str),
}

impl State<'_> {
    fn read(data: &Value) -> Option<State<'_>> {
        let text = |name: &str| data.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        match text("type")? {
            "reasoning" => {
                let summary = data.get("summary")?.as_array()?;
                let texts = summary.iter().all(|part| part.get("text").is_some_and(Value::is_string));
                let id = data.get("id");
                let sound = texts && id.is_none_or(Value::is_string) && text("encrypted_content").is_some();
                let names = ["type", "id", "summary", "encrypted_content"];
                let fields = names.into_iter().filter_map(|name| Some((name.to_owned(), data.get(name)?.clone())));
                sound.then(|| State::Reasoning(Value::Object(fields.collect())))
            }
            "message" => text("phase").map(State::Phase),
            _ => None,
        }
    }
}

fn is_reasoning(item: &Value) -> bool {
    item.get("type").is_some_and(|kind| kind == "reasoning")
}

/// What a person or a tool says.
fn input_parts(parts: &[Part]) -> Value {
    let write = |part: &Part| match part {
        Part::Text(text) => Some(json!({"type": "input_text", "text": text})),
        Part::Image(image) => Some(json!({"type": "input_image", "image_url": image.as_url()})),
        Part::Reasoning(_) | Part::ToolCall(_) | Part::Opaque(_) => None,
    };
    parts.iter().filter_map(write).collect()
}
