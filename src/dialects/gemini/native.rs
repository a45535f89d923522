//! A request in its client's own words, for a server of the same language: what this gateway gave the
//! client to keep for providers of other languages is taken out, all else stays as it is.

use serde_json::{Value, json};

use super::contents::{NO_SIGNATURE, wants_signatures};
use super::{SIGNATURE, address};
use crate::dialects::outgoing::post;
use crate::dialects::{Outgoing, sealed};
use crate::models::{Auth, ChatError, ChatRequest, Native, Target};

pub fn write(native: &Native, chat: &ChatRequest, target: &Target) -> Result<Outgoing, ChatError> {
    let mut body = native.body.clone();
    // The address says it.
    body.shift_remove("model");
    let strict = target.quirks.rule(address::model(target)).is_some_and(wants_signatures);
    if let Some(contents) = body.get_mut("contents").and_then(Value::as_array_mut) {
        contents.retain_mut(|content| !unseal(content));
        if strict {
            contents.chunk_by_mut(|one, next| is_model(one) && is_model(next)).for_each(excuse);
        }
    }
    let method = if chat.stream { address::STREAMED } else { address::WHOLE };
    post(target, Auth::XGoogApiKey, &address::path(target, method)?, &Value::Object(body), Vec::new())
}

fn is_model(content: &Value) -> bool {
    content.get("role").is_some_and(|role| role == "model")
}

/// Takes out what is sealed; whether nothing is left of the content then.
fn unseal(content: &mut Value) -> bool {
    let Some(parts) = content.get_mut("parts").and_then(Value::as_array_mut) else { return false };
    let before = parts.len();
    parts.retain_mut(|part| {
        let sealed = part.get(SIGNATURE).and_then(Value::as_str).is_some_and(|token| sealed::open(token).is_some());
        let Some(fields) = part.as_object_mut().filter(|_| sealed) else { return true };
        fields.shift_remove(SIGNATURE);
        // The part was made to carry it.
        !(fields.len() == 1 && fields.get("text").is_some_and(|text| text == ""))
    });
    parts.is_empty() && before > 0
}

/// The calls of a turn that another provider made have no signature; newer models ask for one.
fn excuse(turn: &mut [Value]) {
    let parts = || turn.iter().filter_map(|content| content.get("parts")?.as_array()).flatten();
    if parts().any(|part| part.get(SIGNATURE).is_some()) {
        return;
    }
    let mut parts = turn.iter_mut().filter_map(|content| content.get_mut("parts")?.as_array_mut()).flatten();
    let call = parts.find(|part| part.get("functionCall").is_some()).and_then(Value::as_object_mut);
    if let Some(call) = call {
        call.insert(SIGNATURE.to_owned(), json!(NO_SIGNATURE));
    }
}
