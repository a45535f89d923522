//! Errors in the vendor's words: google.rpc's names, and its details.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::dialects::ErrorReply;
use crate::framing::write_json_value;
use crate::models::{ChatError, ErrorKind};

/// An error that comes instead of an answer.
pub fn reply(error: &ChatError, request_id: &str) -> ErrorReply {
    let mut value = value(error);
    let details = value.pointer_mut("/error/details").and_then(Value::as_array_mut);
    details.into_iter().for_each(|details| details.push(detail("RequestInfo", json!({"requestId": request_id}))));
    let mut body = Vec::new();
    write_json_value(&mut body, &value);
    ErrorReply { status: words(error.kind).0, body, headers: Vec::new() }
}

/// `{"error": {...}}`. The SDKs raise it by its `code`, wherever it stands.
pub fn value(error: &ChatError) -> Value {
    let (code, status) = words(error.kind);
    let mut known = Map::new();
    let facts =
        [("provider", &error.provider), ("code", &error.code), ("providerRequestId", &error.provider_request_id)];
    for (name, fact) in facts {
        known.extend(fact.as_ref().map(|fact| (name.to_owned(), json!(fact))));
    }
    let reason = error.kind.as_str().to_ascii_uppercase();
    let mut details = vec![detail("ErrorInfo", json!({"reason": reason, "domain": "tributary", "metadata": known}))];
    if let Some(field) = &error.param {
        let violation = json!({"field": field, "description": error.message});
        details.push(detail("BadRequest", json!({"fieldViolations": [violation]})));
    }
    if let Some(ms) = error.retry_after_ms {
        details.push(detail("RetryInfo", json!({"retryDelay": format!("{}s", ms.div_ceil(1000))})));
    }
    json!({"error": {"code": code.as_u16(), "message": error.message, "status": status, "details": details}})
}

fn detail(name: &str, mut fields: Value) -> Value {
    if let Some(map) = fields.as_object_mut() {
        map.shift_insert(0, "@type".to_owned(), json!(format!("type.googleapis.com/google.rpc.{name}")));
    }
    fields
}

/// The vendor has a status for each of google.rpc's names, and no other ones.
fn words(kind: ErrorKind) -> (StatusCode, &'static str) {
    match kind {
        ErrorKind::InvalidRequest
        | ErrorKind::TooLarge
        | ErrorKind::UnsupportedMediaType
        | ErrorKind::ContentFilter => (StatusCode::BAD_REQUEST, "INVALID_ARGUMENT"),
        ErrorKind::ProviderAuth | ErrorKind::Unauthenticated => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
        ErrorKind::Conflict => (StatusCode::CONFLICT, "ABORTED"),
        ErrorKind::PermissionDenied => (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
        ErrorKind::ModelNotSupported | ErrorKind::UnknownProvider | ErrorKind::NotFound => {
            (StatusCode::NOT_FOUND, "NOT_FOUND")
        }
        // HTTP's own, which says what would have been right.
        ErrorKind::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "UNIMPLEMENTED"),
        ErrorKind::RateLimited | ErrorKind::BudgetExceeded => (StatusCode::TOO_MANY_REQUESTS, "RESOURCE_EXHAUSTED"),
        ErrorKind::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
        ErrorKind::Timeout => (StatusCode::GATEWAY_TIMEOUT, "DEADLINE_EXCEEDED"),
        ErrorKind::Cancelled => (kind.status(), "CANCELLED"),
        ErrorKind::Provider | ErrorKind::Truncated | ErrorKind::Interrupted | ErrorKind::Internal => {
            (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL")
        }
    }
}
