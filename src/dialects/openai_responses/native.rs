//! A request in its client's own words, for a server of the same language: the target's model is set,
//! what is this gateway's own is taken out, all else stays as it is.

use serde_json::{Value, json};

use super::DIALECT;
use super::own::{State, is_own};
use crate::dialects::Outgoing;
use crate::dialects::outgoing::post;
use crate::models::{Auth, ChatError, Native, Target};

pub fn write(native: &Native, target: &Target) -> Result<Outgoing, ChatError> {
    let mut body = native.body.clone();
    body.insert("model".to_owned(), json!(target.model));
    // Ours: which provider is meant.
    body.shift_remove("provider");
    if let Some(items) = body.get_mut("input").and_then(Value::as_array_mut) {
        items.retain_mut(adapt);
    }
    post(target, Auth::Bearer, "/responses", &Value::Object(body), Vec::new())
}

/// An item as the vendor may see it; false where it may not.
fn adapt(item: &mut Value) -> bool {
    let text = |name: &str| item.get(name).and_then(Value::as_str);
    let own = text("id").is_some_and(is_own);
    if text("type") == Some("reasoning") {
        return match text("encrypted_content").and_then(State::open) {
            // The vendor's own item, which went through a translation.
            Some(State { opaque, .. }) if opaque.of(DIALECT).is_some_and(|data| data.get("summary").is_some()) => {
                *item = opaque.data;
                true
            }
            // Another vendor's state, or its reasoning.
            opened => opened.is_none() && !own,
        };
    }
    if let Some(fields) = item.as_object_mut().filter(|_| own) {
        // The vendor would look for what it has never stored.
        fields.shift_remove("id");
    }
    true
}
