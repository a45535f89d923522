//! A request in its client's own words, for a server of the same language: the model is set, what this
//! gateway gave the client to keep for providers of other languages is taken out, all else stays as it is.

use serde_json::{Map, Value, json};

use super::messages::goes_on_without_thinking;
use super::request::{COUNT, MESSAGES, send};
use crate::dialects::{Outgoing, sealed};
use crate::models::{ChatError, Native, Target};

pub fn write(native: &Native, target: &Target) -> Option<Result<Outgoing, ChatError>> {
    let body = body(native, target)?;
    Some(send(target, MESSAGES, &native.headers, &Value::Object(body), Vec::new()))
}

pub fn count(native: &Native, target: &Target) -> Option<Result<Outgoing, ChatError>> {
    let body = body(native, target)?;
    Some(send(target, COUNT, &native.headers, &Value::Object(body), Vec::new()))
}

/// None for a turn with a budget for thinking that another provider began: the vendor would refuse it, so
/// it has to be translated, and the client is told what that costs.
fn body(native: &Native, target: &Target) -> Option<Map<String, Value>> {
    let mut body = native.body.clone();
    body.insert("model".to_owned(), json!(target.model));
    let messages = body.get_mut("messages").and_then(Value::as_array_mut)?;
    let mut taken_out = false;
    for message in messages.iter_mut().filter(|message| is(message, "role", "assistant")) {
        let Some(blocks) = message.get_mut("content").and_then(Value::as_array_mut) else { continue };
        let before = blocks.len();
        blocks.retain(|block| !is_ours(block));
        taken_out |= blocks.len() < before;
        blocks.iter_mut().for_each(take_out_citations);
    }
    // What is left of an answer that was nothing but state.
    messages.retain(|message| !message.get("content").and_then(Value::as_array).is_some_and(Vec::is_empty));
    let turns = messages.iter().map(|message| {
        let blocks = message.get("content").and_then(Value::as_array).map(Vec::as_slice);
        (message.get("role").and_then(Value::as_str).unwrap_or_default(), blocks.unwrap_or_default())
    });
    let begun_elsewhere = taken_out && goes_on_without_thinking(turns);
    let by_budget = body.get("thinking").is_some_and(|thinking| is(thinking, "type", "enabled"));
    (!(begun_elsewhere && by_budget)).then_some(body)
}

/// State of providers of other languages, and thinking of those who sign none.
fn is_ours(block: &Value) -> bool {
    let text = |name: &str| block.get(name).and_then(Value::as_str).unwrap_or_default();
    match text("type") {
        "thinking" => text("signature").is_empty() || sealed::open(text("signature")).is_some(),
        "redacted_thinking" => sealed::open(text("data")).is_some(),
        _ => false,
    }
}

/// Sources that other providers gave: the vendor cannot find them.
fn take_out_citations(block: &mut Value) {
    let Some(fields) = block.as_object_mut() else { return };
    let Some(citations) = fields.get_mut("citations").and_then(Value::as_array_mut) else { return };
    let before = citations.len();
    citations.retain(|citation| !is(citation, "encrypted_index", ""));
    if citations.is_empty() && before > 0 {
        fields.shift_remove("citations");
    }
}

fn is(value: &Value, name: &str, word: &str) -> bool {
    value.get(name).and_then(Value::as_str) == Some(word)
}
