//! A request in its client's own words, for a server of the same language: what the gateway decides is
//! set, what the server calls by another name is renamed, all else stays as it is.

use serde_json::{Map, Value, json};

use crate::dialects::Outgoing;
use crate::dialects::outgoing::post;
use crate::models::{Auth, ChatError, ChatRequest, MaxTokensField, Native, Quirks, Replay, Target};

pub fn write(native: &Native, chat: &ChatRequest, target: &Target) -> Result<Outgoing, ChatError> {
    let mut body = native.body.clone();
    body.insert("model".to_owned(), json!(target.model));
    // Ours: which provider is meant.
    body.remove("provider");
    if chat.stream && target.quirks.stream_usage {
        let mut options = body.get("stream_options").and_then(Value::as_object).cloned().unwrap_or_default();
        options.insert("include_usage".to_owned(), json!(true));
        body.insert("stream_options".to_owned(), Value::Object(options));
    }
    rename_limit(&mut body, target.quirks.max_tokens);
    for message in body.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        adapt_message(message, &target.quirks);
    }
    post(target, Auth::Bearer, "/chat/completions", &Value::Object(body), Vec::new())
}

/// Each server takes one of the two names, some reject the other.
fn rename_limit(body: &mut Map<String, Value>, field: MaxTokensField) {
    let (theirs, other) = match field {
        MaxTokensField::MaxTokens => ("max_tokens", "max_completion_tokens"),
        MaxTokensField::MaxCompletionTokens => ("max_completion_tokens", "max_tokens"),
    };
    if let Some(limit) = body.get(other).filter(|_| !body.contains_key(theirs)).cloned() {
        body.shift_remove(other);
        body.insert(theirs.to_owned(), limit);
    }
}

fn adapt_message(message: &mut Value, quirks: &Quirks) {
    let Some(fields) = message.as_object_mut() else { return };
    // The vendor takes both; its copies take the older role only.
    if fields.get("role").is_some_and(|role| role == "developer") && quirks.system_role == "system" {
        fields.insert("role".to_owned(), json!("system"));
    }
    // What this gateway gave the client to keep, for providers of other languages.
    let own = fields.shift_remove("opaque");
    if quirks.replay == Replay::ReasoningDetails {
        let states = own.iter().filter_map(Value::as_array).flatten();
        let details = states.filter_map(|state| state.pointer("/data/reasoning_details")?.as_array()).flatten();
        let details: Vec<Value> = details.cloned().collect();
        if !details.is_empty() && !fields.contains_key("reasoning_details") {
            fields.insert("reasoning_details".to_owned(), Value::Array(details));
        }
    }
    if quirks.replay != Replay::ReasoningContent {
        fields.shift_remove("reasoning_content");
    }
    for call in fields.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(call) = call.as_object_mut() {
            call.shift_remove("opaque");
        }
    }
}
