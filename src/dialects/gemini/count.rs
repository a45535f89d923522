//! How many tokens a prompt has.

use serde_json::{Map, Value, json};

use super::{address, request};
use crate::dialects::Outgoing;
use crate::dialects::outgoing::post;
use crate::models::{Auth, ChatError, ChatRequest, ErrorKind, Target};

/// The request for an answer, inside of one that asks for its tokens: so system text and tools count too.
pub fn write(chat: &ChatRequest, target: &Target) -> Result<Outgoing, ChatError> {
    let written = request::write(chat, target)?;
    let mut inner: Map<String, Value> = serde_json::from_slice(written.request.body())
        .map_err(|error| ChatError::new(ErrorKind::Internal, error.to_string()))?;
    inner.insert("model".to_owned(), json!(format!("models/{}", address::model(target))));
    let body = json!({ "generateContentRequest": inner });
    post(target, Auth::XGoogApiKey, &address::path(target, "countTokens")?, &body, Vec::new())
}

/// The answer to that.
pub fn read(body: &[u8]) -> Option<u64> {
    serde_json::from_slice::<Value>(body).ok()?.get("totalTokens")?.as_u64()
}
