//! The unified dialect: the gateway's own request and event stream, for clients.

mod encode;
mod read;

use serde_json::{Map, Value, json};

use super::{Encode, ErrorReply, ReplyOptions, ToClient};
use crate::framing::write_json_value;
use crate::models::{ChatError, ChatRequest};

/// The dialect's side towards clients; providers do not speak it.
pub struct Unified;

impl ToClient for Unified {
    fn read_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError> {
        read::request(body)
    }

    fn encoder(&self, reply: ReplyOptions, _: &ChatRequest) -> Box<dyn Encode> {
        if reply.stream { Box::new(encode::Stream::new(reply)) } else { Box::new(encode::Whole::new(reply)) }
    }

    fn filtered_is_error(&self) -> bool {
        true
    }

    fn write_error(&self, error: &ChatError, request_id: &str) -> ErrorReply {
        let mut fields = error_fields(error);
        fields.insert("request_id".to_owned(), json!(request_id));
        let mut body = Vec::new();
        write_json_value(&mut body, &json!({ "error": fields }));
        ErrorReply { status: error.kind.status(), body, headers: Vec::new() }
    }
}

/// `type`, `message`, `provider`, `retryable`, and what there is of `param`, `code`, `provider_request_id`, `raw`.
fn error_fields(error: &ChatError) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("type".to_owned(), json!(error.kind.as_str()));
    fields.insert("message".to_owned(), json!(error.message));
    fields.insert("provider".to_owned(), json!(error.provider));
    fields.insert("retryable".to_owned(), json!(error.retryable));
    let optional =
        [("param", &error.param), ("code", &error.code), ("provider_request_id", &error.provider_request_id)];
    for (name, value) in optional {
        if let Some(value) = value {
            fields.insert(name.to_owned(), json!(value));
        }
    }
    if let Some(raw) = &error.raw {
        // As the provider's own object where it is one.
        let raw = serde_json::from_str(raw).unwrap_or_else(|_| Value::String(raw.clone()));
        fields.insert("raw".to_owned(), raw);
    }
    fields
}
