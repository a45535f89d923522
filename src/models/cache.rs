use serde_json::{Map, Value};

use super::ChatError;

/// A month: what is older is hardly the same answer.
pub const MOST_TTL: u64 = 31 * 86_400;

/// Takes `cache: {ttl}` out of a request: for how many seconds its answer may be kept and given again. What is
/// something else under that name stays.
pub fn take_cache(body: &mut Map<String, Value>) -> Result<Option<u64>, ChatError> {
    let Some(Value::Object(cache)) = body.get("cache") else { return Ok(None) };
    if let Some(unknown) = cache.keys().find(|name| *name != "ttl") {
        return Err(ChatError::invalid(format!("cache.{unknown}"), format!("cache.{unknown} is not a field of cache")));
    }
    let ttl = cache.get("ttl").and_then(Value::as_u64).filter(|ttl| (1..=MOST_TTL).contains(ttl));
    let wrong = || ChatError::invalid("cache.ttl", format!("cache.ttl must be a whole number from 1 to {MOST_TTL}"));
    let ttl = ttl.ok_or_else(wrong)?;
    body.shift_remove("cache");
    Ok(Some(ttl))
}
