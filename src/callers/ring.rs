//! The keys that are given out and taken back while the gateway runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::entry::{Terms, is_name};
use super::{digest, hex, unhex};
use crate::models::{ChatError, ErrorKind};

/// All of them are compared with every key that comes, and read by every isolate: five thousand are a megabyte.
pub const MOST_KEYS: usize = 5_000;

/// While a key is changed in all places where it is used, the one before may be used, too: at most a month.
const MOST_OVERLAP: u64 = 31 * 86_400;

/// The key ring.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ring {
    /// Rises with every change.
    #[serde(default)]
    pub version: u64,
    /// The keys, by their names.
    #[serde(default)]
    pub keys: BTreeMap<String, RingKey>,
    /// Keys of `GATEWAY_KEYS` that were taken back, by their digests, with their names.
    #[serde(default)]
    pub revoked: BTreeMap<String, String>,
}

/// One key of the ring. Of the key itself only its digest is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RingKey {
    /// Its digest, in hexadecimal digits.
    pub digest: String,
    /// The key before, and until when it may be used, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<(String, u64)>,
    /// Milliseconds since 1970.
    pub created_at: u64,
    /// What its holder may do, as it was said.
    #[serde(default)]
    pub terms: Map<String, Value>,
}

impl RingKey {
    /// A new key.
    ///
    /// The key is `tk_` and as many random digits as a session's id has: nobody guesses it, so a plain digest of it is
    /// as good as a slow one.
    pub fn new(key: &str, terms: Map<String, Value>, now_ms: u64) -> Self {
        RingKey { digest: hex(&digest(key)), previous: None, created_at: now_ms, terms }
    }

    /// The same holder, with another key.
    pub fn rotated(&self, key: &str, overlap_seconds: u64, now_ms: u64) -> Self {
        let until = now_ms.saturating_add(overlap_seconds.saturating_mul(1000));
        let previous = (overlap_seconds > 0).then(|| (self.digest.clone(), until));
        RingKey { digest: hex(&digest(key)), previous, ..self.clone() }
    }

    /// The digests that are good at a moment.
    pub fn digests(&self, now_ms: u64) -> impl Iterator<Item = super::Digest> {
        let previous = self.previous.as_ref().filter(|(_, until)| *until > now_ms).map(|(digest, _)| digest);
        [Some(&self.digest), previous].into_iter().flatten().filter_map(|digest| unhex(digest))
    }

    /// As the operator is shown it: nothing of it opens anything.
    pub fn view(&self, name: &str) -> Value {
        let mut view = self.terms.clone();
        view.shift_insert(0, "name".to_owned(), json!(name));
        view.shift_insert(1, "source".to_owned(), json!("admin"));
        view.shift_insert(2, "created_at".to_owned(), json!(self.created_at));
        if let Some((_, until)) = &self.previous {
            view.insert("previous_key_until".to_owned(), json!(until));
        }
        Value::Object(view)
    }
}

/// A new key's name, and what its holder may do; checked.
pub fn read_new(mut fields: Map<String, Value>) -> Result<(String, Map<String, Value>), ChatError> {
    let name = match fields.shift_remove("name") {
        Some(Value::String(name)) if is_name(&name) => name,
        _ => {
            let words = "name must be 1 to 64 letters, digits and signs, without spaces";
            return Err(ChatError::invalid("name", words));
        }
    };
    if name.contains(['/', '?', '#', '%']) || matches!(name.as_str(), "." | "..") {
        // It stands in an address.
        return Err(ChatError::invalid("name", "name must not be . or .., nor have any of / ? # %"));
    }
    Ok((name, read_terms(fields)?))
}

/// What a key's holder may do; checked. What is null is not said.
pub fn read_terms(fields: Map<String, Value>) -> Result<Map<String, Value>, ChatError> {
    let fields: Map<String, Value> = fields.into_iter().filter(|(_, value)| !value.is_null()).collect();
    let known = fields.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    match Terms::read(known) {
        Ok(_) => Ok(fields),
        Err(words) => {
            let param = words.split([' ', ',']).next().unwrap_or_default().to_owned();
            Err(ChatError {
                param: Some(param),
                ..ChatError::new(ErrorKind::InvalidRequest, format!("the key has {words}"))
            })
        }
    }
}

/// How long the key before may be used, in seconds.
pub fn read_overlap(fields: &Map<String, Value>) -> Result<u64, ChatError> {
    if let Some(unknown) = fields.keys().find(|name| *name != "overlap_seconds") {
        return Err(ChatError::invalid(unknown.as_str(), format!("{unknown} is not known")));
    }
    let wrong = || {
        let words = format!("overlap_seconds must be a whole number from 0 to {MOST_OVERLAP}");
        ChatError::invalid("overlap_seconds", words)
    };
    match fields.get("overlap_seconds").filter(|value| !value.is_null()) {
        None => Ok(0),
        Some(value) => value.as_u64().filter(|seconds| *seconds <= MOST_OVERLAP).ok_or_else(wrong),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_checked_field_by_field() {
        let read = |value: Value| read_new(value.as_object().cloned().unwrap());
        let (name, terms) = read(json!({"name": "carol", "models": ["a/*"], "requests_per_minute": null})).unwrap();
        assert_eq!((name.as_str(), Value::Object(terms)), ("carol", json!({"models": ["a/*"]})));
        for (value, param) in [
            (json!({}), "name"),
            (json!({"name": "a b"}), "name"),
            (json!({"name": "a/b"}), "name"),
            (json!({"name": 1}), "name"),
            (json!({"name": "a", "models": "x"}), "models"),
            (json!({"name": "a", "requests_per_minute": 0}), "requests_per_minute"),
            (json!({"name": "a", "concurrent_runs": 1001}), "concurrent_runs"),
            (json!({"name": "a", "monthly_budget_usd": -1}), "monthly_budget_usd"),
            (json!({"name": "a", "budget": 1}), "budget"),
            (json!({"name": "a", "cache_ttl_seconds": 1.5}), "cache_ttl_seconds"),
        ] {
            assert_eq!(read(value.clone()).unwrap_err().param.as_deref(), Some(param), "{value}");
        }
    }

    #[test]
    fn the_key_before_is_good_for_a_while() {
        let old = RingKey::new("old", Map::new(), 5);
        let new = old.rotated("new", 60, 1_000);
        assert_eq!((new.digests(60_999).count(), new.digests(61_000).count(), new.created_at), (2, 1, 5));
        assert_eq!(old.rotated("new", 0, 1_000).digests(1_000).count(), 1);
        let view = new.view("carol").to_string();
        assert!(!view.contains(&old.digest) && !view.contains(&new.digest), "{view}");
    }

    #[test]
    fn what_is_kept_is_pinned() {
        let key = RingKey {
            digest: "00".to_owned(),
            previous: Some(("11".to_owned(), 7)),
            created_at: 5,
            terms: Map::from_iter([("models".to_owned(), json!(["a/*"]))]),
        };
        let text = r#"{"digest":"00","previous":["11",7],"created_at":5,"terms":{"models":["a/*"]}}"#;
        assert_eq!(serde_json::to_string(&key).unwrap(), text);
        assert_eq!(serde_json::from_str::<RingKey>(text).unwrap(), key);
    }
}
