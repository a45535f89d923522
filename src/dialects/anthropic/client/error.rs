//! Errors in the vendor's words.

use http::StatusCode;
use serde_json::{Value, json};

use crate::dialects::ErrorReply;
use crate::framing::write_json_value;
use crate::models::{ChatError, ErrorKind};

/// An error that comes instead of an answer.
pub fn reply(error: &ChatError, request_id: &str) -> ErrorReply {
    let mut body = Vec::new();
    write_json_value(&mut body, &fields(error, request_id));
    // The vendor's SDKs ask again by status alone, unless they are told that it is of no use.
    let headers = if error.retryable { Vec::new() } else { vec![("x-should-retry", "false".to_owned())] };
    ErrorReply { status: status(error.kind), body, headers }
}

/// An error as it stands in a body and in a stream; `id` finds it in the log.
pub fn fields(error: &ChatError, id: &str) -> Value {
    let mut inner = json!({"details": details(error), "type": word(error.kind), "message": error.message});
    let known =
        [("param", &error.param), ("provider", &error.provider), ("provider_request_id", &error.provider_request_id)];
    for (name, value) in known {
        if let (Some(value), Some(map)) = (value, inner.as_object_mut()) {
            map.insert(name.to_owned(), json!(value));
        }
    }
    json!({"type": "error", "error": inner, "request_id": id})
}

/// A conversation that the vendor would keep: at this code its SDKs' tool runners go on without, and send
/// all of it themselves.
const NO_THREADS: &str = "thread_unsupported_request";

fn details(error: &ChatError) -> Option<Value> {
    if error.kind == ErrorKind::InvalidRequest && error.param.as_deref() == Some("thread") {
        return Some(json!({"error_code": NO_THREADS, "unsupported": ["model"]}));
    }
    let code = error.code.as_deref().filter(|_| error.kind != ErrorKind::MethodNotAllowed);
    code.map(|code| json!({"error_code": code}))
}

fn word(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::InvalidRequest
        | ErrorKind::UnsupportedMediaType
        | ErrorKind::MethodNotAllowed
        | ErrorKind::ContentFilter => "invalid_request_error",
        ErrorKind::TooLarge => "request_too_large",
        ErrorKind::ProviderAuth | ErrorKind::Unauthenticated => "authentication_error",
        ErrorKind::Conflict => "conflict_error",
        ErrorKind::PermissionDenied => "permission_error",
        ErrorKind::ModelNotSupported | ErrorKind::UnknownProvider | ErrorKind::NotFound => "not_found_error",
        ErrorKind::RateLimited => "rate_limit_error",
        ErrorKind::BudgetExceeded => "billing_error",
        ErrorKind::Overloaded => "overloaded_error",
        ErrorKind::Timeout => "timeout_error",
        ErrorKind::Provider
        | ErrorKind::Truncated
        | ErrorKind::Interrupted
        | ErrorKind::Cancelled
        | ErrorKind::Internal => "api_error",
    }
}

fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::InvalidRequest => StatusCode::BAD_REQUEST,
        ErrorKind::ModelNotSupported | ErrorKind::UnknownProvider => StatusCode::NOT_FOUND,
        ErrorKind::Overloaded => StatusCode::from_u16(529).unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
        ErrorKind::Provider | ErrorKind::Truncated => StatusCode::INTERNAL_SERVER_ERROR,
        kind => kind.status(),
    }
}
