//! The parts of a message as JSON, streamed or whole.

use serde_json::{Map, Value, json};

use super::blocks::Block;
use crate::dialects::ReplyOptions;
use crate::models::{Citation, Finish, Usage};

/// A block as it begins: what comes in pieces is empty.
pub fn begun(block: &Block<'_>) -> Value {
    match block {
        Block::Text => json!({"type": "text", "text": ""}),
        Block::Thinking => json!({"type": "thinking", "thinking": "", "signature": ""}),
        Block::Redacted(data) => json!({"type": "redacted_thinking", "data": data}),
        Block::Call { id, name } => {
            json!({"type": "tool_use", "id": id, "name": name, "input": {}, "caller": {"type": "direct"}})
        }
    }
}

/// A message of which nothing has come yet.
pub fn message_fields(reply: &ReplyOptions, model: &str) -> Map<String, Value> {
    let fields = [
        ("id", json!(format!("msg_{}", reply.run_id))),
        ("type", json!("message")),
        ("role", json!("assistant")),
        ("model", json!(model)),
        ("provider", json!(reply.provider)),
        ("content", json!([])),
        ("stop_reason", Value::Null),
        ("stop_sequence", Value::Null),
        ("stop_details", Value::Null),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Why a message ended. What is not complete is never `end_turn`; a filter's work is a refusal, for which
/// alone the vendor has a word.
pub fn stop_fields(reason: Finish, refusal: &str) -> Map<String, Value> {
    let word = match reason {
        Finish::Stop => "end_turn",
        Finish::ToolCalls => "tool_use",
        Finish::Length | Finish::Cancelled => "max_tokens",
        Finish::Refusal | Finish::ContentFilter => "refusal",
        Finish::Pause => "pause_turn",
    };
    let explanation = match reason {
        Finish::ContentFilter => Some("The provider's content filter withheld the answer."),
        _ => Some(refusal).filter(|words| !words.is_empty()),
    };
    let details = json!({"type": "refusal", "category": null, "explanation": explanation});
    let fields = [
        ("stop_reason", json!(word)),
        ("stop_sequence", Value::Null),
        ("stop_details", if word == "refusal" { details } else { Value::Null }),
    ];
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The vendor counts the cached part of the prompt apart from the rest of it.
pub fn usage_fields(usage: &Usage) -> Value {
    let cached = usage.cached_tokens.unwrap_or(0);
    let mut fields = json!({
        "input_tokens": usage.input_tokens.saturating_sub(cached),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": usage.output_tokens,
    });
    if let Some(map) = fields.as_object_mut() {
        if let Some(thinking) = usage.reasoning_tokens {
            map.insert("output_tokens_details".to_owned(), json!({"thinking_tokens": thinking}));
        }
        if usage.estimated {
            map.insert("estimated".to_owned(), json!(true));
        }
    }
    fields
}

/// The only one of the vendor's kinds that has an address. The empty index marks it as none of the
/// vendor's own.
pub fn citation_fields(citation: &Citation) -> Value {
    json!({
        "type": "web_search_result_location", "cited_text": "", "encrypted_index": "",
        "title": citation.title, "url": citation.url,
    })
}

/// A source behind the text that it belongs to.
pub fn unplaced(citation: &Citation) -> String {
    format!("a source of the answer: {}", citation.url)
}

/// What the caller should know, in a field that the SDKs pass over.
pub fn add_warnings(fields: &mut Map<String, Value>, warnings: &mut Vec<String>) {
    if !warnings.is_empty() {
        fields.insert("warnings".to_owned(), json!(std::mem::take(warnings)));
    }
}
