//! Errors as they come instead of an answer: one response a status, named by the operations that may give it.

use serde_json::{Map, Value, json};

use super::registry::{Registry, of};
use super::schemas::error::ErrorBody;

/// Of whatever asks a model.
pub const RUN: &[u16] = &[400, 401, 402, 403, 404, 409, 413, 415, 422, 429, 500, 502, 503, 504];

/// Of what is read.
pub const READ: &[u16] = &[401, 403, 404, 422, 500, 503];

/// Of a list that is always there.
pub const LIST: &[u16] = &[401, 403, 422, 500, 503];

/// Of what is changed.
pub const WRITE: &[u16] = &[400, 401, 402, 403, 404, 413, 415, 422, 429, 500, 502, 503, 504];

/// Of what the operator changes.
pub const KEYS: &[u16] = &[401, 403, 404, 413, 415, 422, 500, 503];

/// Each status: one of the types that come with it, a message, and what it means.
const STATUSES: &[(u16, &str, &str, &str)] = &[
    (
        400,
        "model_not_supported",
        "demo does not have the model x",
        "`model_not_supported`, `unknown_provider`, or `content_filter`: the provider withheld the answer.",
    ),
    (
        401,
        "provider_auth_error",
        "the key of openai is missing: set OPENAI_API_KEY",
        "`authentication_error`: the gateway asks for a key. `provider_auth_error`: so does the provider.",
    ),
    (402, "budget_exceeded", "the money for this is spent", "`budget_exceeded`: the money for this is spent."),
    (
        403,
        "permission_denied",
        "this gateway is closed",
        "`permission_denied`: the gateway is closed, the caller may not do this, or the page that asks is from another \
         origin.",
    ),
    (404, "not_found", "there is no such session", "`not_found`: there is no such thing, or it is somebody else's."),
    (
        409,
        "conflict",
        "another run of this session is under way",
        "`conflict`: another run of the session is under way; `run_id` and the header `x-run-id` name it.",
    ),
    (413, "invalid_request", "the body is larger than 4194304 bytes", "`invalid_request`: the body is too large."),
    (
        415,
        "invalid_request",
        "the content-type must be application/json",
        "`invalid_request`: the body is not `application/json`.",
    ),
    (422, "invalid_request", "messages is required", "`invalid_request`: `param` names the field at fault."),
    (429, "rate_limited", "too many requests for now", "`rate_limited`: too many requests for now."),
    (500, "internal", "a fault of the gateway's own", "`internal`: a fault of the gateway's own."),
    (
        502,
        "provider_error",
        "the provider failed",
        "`provider_error`, or `truncated`: the provider's answer broke off.",
    ),
    (
        503,
        "overloaded",
        "AI service unavailable",
        "`overloaded`: the provider cannot serve just now, and retries are spent; or the gateway cannot read its keys.",
    ),
    (504, "timeout", "the provider was silent for too long", "`timeout`: the provider was silent for too long."),
];

/// The name of a status among the document's responses.
pub fn name(status: u16) -> String {
    format!("Error{status}")
}

/// All of them.
pub fn responses(registry: &mut Registry) -> Map<String, Value> {
    let schema = of::<ErrorBody>(&mut registry.outputs);
    let one = |(status, kind, message, about): &(u16, &str, &str, &str)| {
        let example = json!({"error": {
            "type": kind, "message": message, "provider": null, "retryable": *status == 429 || *status >= 502,
            "request_id": "req_0f1e2d3c4b5a69788796",
        }});
        let content = json!({"application/json": {"schema": schema, "example": example}});
        let mut response = json!({"description": about, "content": content});
        let header = match status {
            409 => Some("x-run-id"),
            402 | 429 | 503 => Some("retry-after"),
            _ => None,
        };
        if let (Some(header), Some(response)) = (header, response.as_object_mut()) {
            let reference = json!({"$ref": format!("#/components/headers/{header}")});
            response.insert("headers".to_owned(), json!({ header: reference }));
        }
        (name(*status), response)
    };
    STATUSES.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::ErrorKind;

    #[test]
    fn every_status_of_an_operation_is_described() {
        for status in [RUN, READ, LIST, WRITE, KEYS].concat() {
            assert!(STATUSES.iter().any(|(known, ..)| *known == status), "{status}");
        }
    }

    #[test]
    fn the_types_that_are_documented_are_those_that_there_are() {
        let mut registry = Registry::default();
        responses(&mut registry);
        let schemas = registry.into_schemas();
        let types = schemas["ErrorType"]["oneOf"].as_array().unwrap();
        let words: Vec<&str> = types.iter().map(|one| one["const"].as_str().unwrap()).collect();
        assert!(words.len() > 10, "{words:?}");
        for word in words {
            assert_eq!(ErrorKind::read(word).map(ErrorKind::as_str), Some(word));
        }
        // What is described by its status and what by its type is one thing.
        for (status, kind, _, about) in STATUSES {
            assert!(about.contains(kind), "{status} has an example of something else");
            for word in about.split('`').filter_map(ErrorKind::read) {
                let same = word.status().as_u16() == *status || *status == 413 || *status == 415;
                assert!(same, "{word:?} is not {status}");
            }
        }
    }
}
