//! What a session keeps, and in which form: messages and answers as a client sends and gets them, frames
//! as a client reads them. One form for the wire and the store, so that nothing is lost between the two.

use serde_json::{Map, Value, json};

use super::{Unified, encode, error_fields, read, write};
use crate::dialects::fields::Fields;
use crate::dialects::{ToClient, ToProvider, opaque};
use crate::models::{Answer, ChatError, Finish, Message, Part, ToolCall};

/// Writes the frames that are kept.
pub const LANGUAGE: &dyn ToClient = &Unified;

/// Reads them again.
pub const READER: &dyn ToProvider = &Unified;

/// A message, as it came.
pub fn message(message: &Message) -> Value {
    write::message(message)
}

/// A kept message.
pub fn read_message(value: &Value) -> Result<Message, ChatError> {
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
    let mut message = read::read_message(&Fields::at(&value, "message".to_owned())?)?;
    // A refusal without other words is what was said.
    if let Some(refusal) = value.get("refusal").and_then(Value::as_str).filter(|_| message.text().is_empty()) {
        message.parts.push(Part::Text(refusal.to_owned()));
    }
    Ok(message)
}

/// An error by its fields.
pub fn read_error(fields: &Value) -> ChatError {
    super::read_error(fields)
}

/// An error's fields, as they stand in a body and in a stream.
pub fn error(error: &ChatError) -> Value {
    Value::Object(error_fields(error))
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
