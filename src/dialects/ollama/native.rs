//! A request in its client's own words, for a server of the same language: the model is set, what is ours
//! is taken out, all else stays as it is.

use serde_json::{Value, json};

use crate::dialects::Outgoing;
use crate::dialects::outgoing::post;
use crate::models::{Auth, ChatError, Native, Target};

pub fn write(native: &Native, target: &Target) -> Result<Outgoing, ChatError> {
    let mut body = native.body.clone();
    body.insert("model".to_owned(), json!(target.model));
    body.shift_remove("provider");
    for message in body.get_mut("messages").and_then(Value::as_array_mut).into_iter().flatten() {
        take_out_ours(message);
    }
    // The reader of a chat sees to it that there is such a field, and that of a prompt that there is none.
    let path = if body.contains_key("messages") { "/api/chat" } else { "/api/generate" };
    post(target, Auth::Bearer, path, &Value::Object(body), Vec::new())
}

/// The state of other providers, which a client was given to keep.
fn take_out_ours(message: &mut Value) {
    let Some(fields) = message.as_object_mut() else { return };
    fields.shift_remove("opaque");
    for call in fields.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(call) = call.as_object_mut() {
            call.shift_remove("opaque");
            call.shift_remove("opaque_before");
        }
    }
}
