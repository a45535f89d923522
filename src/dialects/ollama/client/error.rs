//! Errors in the vendor's form: a text, and nothing beside it.

use http::StatusCode;
use serde_json::json;

use crate::dialects::ErrorReply;
use crate::framing::write_json_value;
use crate::models::{ChatError, ErrorKind};

/// An error that comes instead of an answer.
pub fn reply(error: &ChatError) -> ErrorReply {
    let mut body = Vec::new();
    write(error, &mut body);
    ErrorReply { status: status(error.kind), body, headers: Vec::new() }
}

/// The same object is an error in the middle of a stream.
pub fn write(error: &ChatError, out: &mut Vec<u8>) {
    write_json_value(out, &json!({"error": error.message}));
}

fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::InvalidRequest => StatusCode::BAD_REQUEST,
        // A model that is not there is what is not found, most of all.
        ErrorKind::ModelNotSupported | ErrorKind::UnknownProvider => StatusCode::NOT_FOUND,
        ErrorKind::BudgetExceeded => StatusCode::TOO_MANY_REQUESTS,
        kind => kind.status(),
    }
}
