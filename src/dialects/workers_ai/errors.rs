//! Errors by their codes, which say more than the HTTP status and come without one through the
//! binding and in mid-stream.

use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use crate::dialects::lenient::{Count, Str};
use crate::dialects::provider_error::{self, Fault};
use crate::models::{ChatError, ErrorKind};

/// An error as the binding gets it; over REST it is a list of `{code, message}`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Internal<'a> {
    internal_code: Count,
    #[serde(borrow)]
    description: Str<'a>,
}

/// Reads an answer that is an error.
pub fn read_http(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ChatError {
    by_code(provider_error::read_http(status, headers, body), &String::from_utf8_lossy(body))
}

/// Reads an error in an answer that began well.
pub fn read(data: &str) -> ChatError {
    by_code(Fault::read(data).into_error(None, data), data)
}

fn by_code(mut error: ChatError, body: &str) -> ChatError {
    let Some(code) = find_code(&mut error, body) else { return error };
    if let Some((kind, retryable)) = meaning(code) {
        error.kind = kind;
        error.retryable = retryable;
    }
    error.code = Some(code.to_string());
    error
}

/// The code, from its own field, or from the start of the message, which is shorter by it then: an
/// error that the binding throws has nothing but a message, `3040: Capacity temporarily exceeded`.
fn find_code(error: &mut ChatError, body: &str) -> Option<u64> {
    let internal = serde_json::from_str::<Internal<'_>>(body).unwrap_or_default();
    if let Some(code) = internal.internal_code.0 {
        if let Some(words) = internal.description.filled() {
            words.clone_into(&mut error.message);
        }
        return Some(code);
    }
    if let Some(code) = error.code.as_deref().and_then(|code| code.parse().ok()) {
        return Some(code);
    }
    // A name may stand before it: `InferenceUpstreamError: 3040: ...`.
    let named = error.message.split_once(": ").filter(|(name, _)| name.ends_with("Error")).map(|(_, rest)| rest);
    let (code, words) = named.unwrap_or(&error.message).split_once(": ")?;
    let code = code.parse().ok()?;
    error.message = words.to_owned();
    Some(code)
}

/// What a code means, and whether the same request may succeed soon.
///
/// Source: <https://developers.cloudflare.com/workers-ai/platform/errors/> of 2026-07; 4006 is what
/// others were told when the day's free allocation was used up, 10000 is the whole API's word for a
/// token that it does not take.
fn meaning(code: u64) -> Option<(ErrorKind, bool)> {
    Some(match code {
        5007 | 3042 => (ErrorKind::ModelNotSupported, false),
        3003 | 3039 | 5004 | 5005 | 5019 => (ErrorKind::InvalidRequest, false),
        3006 => (ErrorKind::TooLarge, false),
        3007 | 3008 => (ErrorKind::Timeout, true),
        3023 | 3041 | 5016 | 5018 => (ErrorKind::PermissionDenied, false),
        // The day's allocation: it comes back tomorrow.
        3036 | 4006 => (ErrorKind::RateLimited, false),
        // The provider has no room just now; the caller asked for nothing too much.
        3040 => (ErrorKind::Overloaded, true),
        10000 => (ErrorKind::ProviderAuth, false),
        _ => return None,
    })
}
