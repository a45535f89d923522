//! Errors in the words of OpenAI's APIs.

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::ErrorReply;
use crate::framing::write_json_value;
use crate::models::{ChatError, ErrorKind};

/// An error that comes instead of an answer.
pub fn reply(error: &ChatError, request_id: &str) -> ErrorReply {
    let mut fields = fields(error);
    fields.insert("request_id".to_owned(), json!(request_id));
    let mut body = Vec::new();
    write_json_value(&mut body, &json!({ "error": fields }));
    // The vendor's SDKs ask again by status alone, unless they are told that it is of no use.
    let headers = if error.retryable { Vec::new() } else { vec![("x-should-retry", "false".to_owned())] };
    ErrorReply { status: status(error.kind), body, headers }
}

/// `message`, `type`, `param`, `code`: always there, as the vendor has it; and what else is known.
pub fn fields(error: &ChatError) -> Map<String, Value> {
    let (kind, usual_code) = words(error.kind);
    // A type alone stands in for a code elsewhere; here it is no news.
    let said = error.code.as_deref().filter(|code| error.kind != ErrorKind::MethodNotAllowed && *code != kind);
    let code = said.or(usual_code);
    let mut fields = Map::new();
    let mut set = |name: &str, value: Value| {
        fields.insert(name.to_owned(), value);
    };
    set("message", json!(error.message));
    set("type", json!(kind));
    set("param", json!(error.param));
    set("code", json!(code));
    for (name, value) in [("provider", &error.provider), ("provider_request_id", &error.provider_request_id)] {
        if let Some(value) = value {
            set(name, json!(value));
        }
    }
    fields
}

fn words(kind: ErrorKind) -> (&'static str, Option<&'static str>) {
    match kind {
        ErrorKind::InvalidRequest
        | ErrorKind::TooLarge
        | ErrorKind::UnsupportedMediaType
        | ErrorKind::MethodNotAllowed => ("invalid_request_error", None),
        ErrorKind::ModelNotSupported | ErrorKind::UnknownProvider => ("invalid_request_error", Some("model_not_found")),
        ErrorKind::NotFound => ("invalid_request_error", Some("not_found")),
        ErrorKind::ContentFilter => ("invalid_request_error", Some("content_filter")),
        ErrorKind::ProviderAuth | ErrorKind::Unauthenticated => ("authentication_error", Some("invalid_api_key")),
        ErrorKind::Conflict => ("invalid_request_error", Some("conflict")),
        ErrorKind::PermissionDenied => ("permission_error", None),
        ErrorKind::RateLimited => ("rate_limit_error", Some("rate_limit_exceeded")),
        ErrorKind::BudgetExceeded => ("insufficient_quota", Some("insufficient_quota")),
        ErrorKind::Timeout => ("server_error", Some("timeout")),
        ErrorKind::Truncated => ("server_error", Some("truncated")),
        ErrorKind::Interrupted => ("server_error", Some("interrupted")),
        ErrorKind::Cancelled => ("server_error", Some("cancelled")),
        ErrorKind::Overloaded => ("server_error", Some("overloaded")),
        ErrorKind::Provider | ErrorKind::Internal => ("server_error", None),
    }
}

fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::InvalidRequest => StatusCode::BAD_REQUEST,
        ErrorKind::ModelNotSupported | ErrorKind::UnknownProvider => StatusCode::NOT_FOUND,
        ErrorKind::BudgetExceeded => StatusCode::TOO_MANY_REQUESTS,
        kind => kind.status(),
    }
}
