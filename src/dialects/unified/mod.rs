//! The unified dialect: the gateway's own request and event stream. Clients speak it, and sessions keep it:
//! what a client reads is what a log holds, so a log can be read like a provider's answer.

mod decoder;
mod encode;
pub mod kept;
mod legs;
mod read;
mod write;

use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::{
    Decode, DecodeOptions, Encode, ErrorReply, Outgoing, ReplyOptions, ToClient, ToProvider, outgoing, provider_error,
};
use crate::framing::{Framing, write_json_value};
use crate::models::{Auth, ChatError, ChatRequest, ErrorKind, Target};

pub use read::read_messages as read_conversation;

/// The dialect's side towards clients, and towards whoever else speaks it.
pub struct Unified;

impl ToProvider for Unified {
    fn name(&self) -> &'static str {
        "unified"
    }

    fn write_request(&self, chat: &ChatRequest, target: &Target) -> Result<Outgoing, ChatError> {
        let body = write::request(chat, &target.model);
        outgoing::post(target, Auth::Bearer, "/chat/stream", &body, chat.warnings.clone())
    }

    fn framing(&self) -> Framing {
        Framing::Sse
    }

    fn decoder(&self, options: DecodeOptions) -> Box<dyn Decode> {
        Box::new(decoder::Decoder::new(options))
    }

    fn read_error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ChatError {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        let kind = value.pointer("/error/type").and_then(Value::as_str).and_then(ErrorKind::read);
        let usual = provider_error::read_http(status, headers, body);
        match (kind, value.get("error")) {
            (Some(_), Some(error)) => ChatError { retry_after_ms: usual.retry_after_ms, ..read_error(error) },
            _ => usual,
        }
    }

    fn amend(&self, _: &mut ChatRequest, _: &ChatError) -> bool {
        false
    }
}

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

/// An error by its fields.
fn read_error(fields: &Value) -> ChatError {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let kind = text("type").and_then(|word| ErrorKind::read(&word)).unwrap_or(ErrorKind::Provider);
    let usual = ChatError::new(kind, text("message").unwrap_or_else(|| "the answer failed".to_owned()));
    ChatError {
        provider: text("provider"),
        param: text("param"),
        code: text("code").or_else(|| text("run_id")),
        retryable: fields.get("retryable").and_then(Value::as_bool).unwrap_or(usual.retryable),
        provider_request_id: text("provider_request_id"),
        raw: fields.get("raw").map(|raw| raw.as_str().map_or_else(|| raw.to_string(), str::to_owned)),
        ..usual
    }
}

/// `type`, `message`, `provider`, `retryable`, and what there is of `param`, `code`, `provider_request_id`, `raw`.
fn error_fields(error: &ChatError) -> Map<String, Value> {
    let mut fields = Map::new();
    fields.insert("type".to_owned(), json!(error.kind.as_str()));
    fields.insert("message".to_owned(), json!(error.message));
    fields.insert("provider".to_owned(), json!(error.provider));
    fields.insert("retryable".to_owned(), json!(error.retryable));
    // What is under way is a run, and is called so.
    let code = if error.kind == ErrorKind::Conflict { "run_id" } else { "code" };
    let optional = [("param", &error.param), (code, &error.code), ("provider_request_id", &error.provider_request_id)];
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
