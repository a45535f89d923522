//! `reasoning_details`: reasoning as objects, some of which a server wants back.

use serde_json::{Map, Value, json, value::RawValue};

/// The objects of one answer, its pieces joined.
#[derive(Debug, Default)]
pub struct Details {
    items: Vec<Map<String, Value>>,
    bytes: usize,
}

/// No answer's reasoning is longer; what is, is given as text all the same, but not back.
const MOST_BYTES: usize = 1 << 20;

/// The fields that come in pieces.
const TEXTS: [&str; 3] = ["text", "summary", "data"];

impl Details {
    pub fn push(&mut self, raw: &RawValue) {
        self.bytes = self.bytes.saturating_add(raw.get().len());
        let item = serde_json::from_str::<Map<String, Value>>(raw.get());
        let Some(item) = item.ok().filter(|_| self.bytes <= MOST_BYTES) else { return };
        match self.items.last_mut().filter(|last| goes_on(last, &item)) {
            Some(last) => join(last, item),
            None => self.items.push(item),
        }
    }

    /// What must go back: all of it, in order, where any of it is more than text that was shown.
    pub fn take(&mut self) -> Option<Value> {
        let items = std::mem::take(&mut self.items);
        let sealed = |item: &Map<String, Value>| {
            ["signature", "data"].iter().any(|name| item.get(*name).is_some_and(Value::is_string))
        };
        let needed = self.bytes <= MOST_BYTES && items.iter().any(sealed);
        needed.then(|| json!({ "reasoning_details": items }))
    }
}

fn goes_on(last: &Map<String, Value>, item: &Map<String, Value>) -> bool {
    let same = |name: &str| last.get(name) == item.get(name);
    let other_id = item.get("id").is_some_and(|id| !id.is_null() && Some(id) != last.get("id"));
    same("type") && same("index") && !other_id
}

fn join(last: &mut Map<String, Value>, item: Map<String, Value>) {
    for (name, value) in item {
        match (last.get_mut(&name), value) {
            (_, Value::Null) => {}
            (Some(Value::String(text)), Value::String(more)) if TEXTS.contains(&name.as_str()) => text.push_str(&more),
            (_, value) => {
                last.insert(name, value);
            }
        }
    }
}
