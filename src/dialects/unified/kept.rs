//! What a session keeps, and in which form: messages and answers as a client sends and gets them, frames
//! as a client reads them. One form for the wire and the store, so that nothing is lost between the two.

use serde_json::{Map, Value, json};

use super::{Unified, encode, error_fields, legs, read, write};
use crate::dialects::fields::Fields;
use crate::dialects::{ToClient, ToProvider, opaque};
use crate::models::{Answer, ChatError, Finish, Message, Part, PlacedResult, Role, ToolCall};

/// Writes the frames that are kept.
pub const LANGUAGE: &dyn ToClient = &Unified;

/// Reads them again.
pub const READER: &dyn ToProvider = &Unified;

/// A message, as it came.
pub fn message(message: &Message) -> Value {
    write::message(message)
}

/// A kept message, as those that a provider is told: an answer whose calls the gateway ran itself is several.
pub fn read_messages(value: &Value) -> Result<Vec<Message>, ChatError> {
    let mut value = value.clone();
    if let Some(calls) = value.get_mut("tool_calls").and_then(Value::as_array_mut) {
        // A call that never got its name can be repeated to nobody.
        let named = |call: &Value| {
            ["function", "custom"]
                .iter()
                .any(|kind| call.pointer(&format!("/{kind}/name")).is_some_and(|name| name != ""))
        };
        calls.retain(named);
    }
    let mut messages = read::read_message(&Fields::at(&value, "message".to_owned())?)?;
    // A refusal without other words is what was said.
    let refusal = value.get("refusal").and_then(Value::as_str);
    if let Some((refusal, message)) = refusal.zip(messages.last_mut().filter(|message| message.text().is_empty())) {
        message.parts.push(Part::Text(refusal.to_owned()));
    }
    Ok(messages)
}

/// An error by its fields.
pub fn read_error(fields: &Value) -> ChatError {
    super::read_error(fields)
}

/// An error's fields, as they stand in a body and in a stream.
pub fn error(error: &ChatError) -> Value {
    Value::Object(error_fields(error))
}

/// An answer as the message that its model is reminded of.
pub fn said(answer: &Answer) -> Message {
    let mut calls = answer.tool_calls.clone();
    calls.iter_mut().for_each(legs::repeatable);

    let reasoning = Some(&answer.reasoning).filter(|text| !text.is_empty());
    let text = Some(&answer.content).filter(|text| !text.is_empty());
    let text = text.map(|text| Part::Text(text.clone())).into_iter().collect();
    let mut parts: Vec<Part> = reasoning.map(|text| Part::Reasoning(text.clone())).into_iter().collect();
    parts.extend(opaque::in_order(text, calls, answer.opaque.clone()));
    Message { role: Role::Assistant, parts, tool_call_id: None }
}

/// An answer: the object that a client gets who waits for the whole of it. It is an assistant message, too.
/// One that did not finish has no reason for it.
pub fn answer(
    run_id: &str,
    provider: &str,
    model: &str,
    answer: &Answer,
    finish: Option<(Finish, Option<&str>)>,
) -> Map<String, Value> {
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| {
        body.insert(name.to_owned(), value);
    };
    set("id", json!(run_id));
    set("content", json!(answer.content));
    set("finish_reason", json!(finish.map(|(reason, _)| reason.as_str())));
    set("model", json!(answer.model.as_deref().unwrap_or(model)));
    set("provider", json!(provider));
    set("usage", json!(answer.usage));
    for (name, text) in [("reasoning", &answer.reasoning), ("refusal", &answer.refusal)] {
        if !text.is_empty() {
            set(name, json!(text));
        }
    }
    if !answer.tool_calls.is_empty() {
        set("tool_calls", answer.tool_calls.iter().map(call).collect());
    }
    if !answer.tool_results.is_empty() {
        set("tool_results", answer.tool_results.iter().map(result).collect());
    }
    if !answer.state.is_empty() {
        set("state", json!(answer.state));
    }
    if !answer.steps.is_empty() {
        set("steps", json!(answer.steps));
    }
    if !answer.opaque.is_empty() {
        set("opaque", answer.opaque.iter().map(opaque::placed).collect());
    }
    if !answer.citations.is_empty() {
        set("citations", json!(answer.citations));
    }
    if !answer.warnings.is_empty() {
        set("warnings", json!(answer.warnings));
    }
    if let Some((_, Some(raw))) = finish {
        set("raw_finish_reason", json!(raw));
    }
    body
}

/// The result of a call that the gateway ran itself, with its place.
pub fn result(placed: &PlacedResult) -> Value {
    let result = &placed.result;
    let mut whole = json!({"tool_call_id": result.call_id, "name": result.name, "content": result.content});
    if let Some(map) = whole.as_object_mut().filter(|_| result.is_error) {
        map.insert("is_error".to_owned(), json!(true));
    }
    opaque::place(placed.after, &mut whole);
    whole
}

/// A whole call.
pub fn call(call: &ToolCall) -> Value {
    let (kind, arguments) = encode::words(call.kind);
    let inner = json!({"name": call.name, arguments: call.arguments});
    let mut whole = json!({"id": call.id, "type": kind, kind: inner});
    if let (Some(opaque), Some(map)) = (&call.opaque, whole.as_object_mut()) {
        map.insert("opaque".to_owned(), opaque::write(opaque));
    }
    whole
}
