//! Arguments that come in pieces, each with a path (RFC 9535, of which the vendor uses names and
//! indices): `{"jsonPath": "$.steps[0].text", "stringValue": "Pre"}`.

use serde_json::{Map, Value};

use super::chunk::{PartialArg, is_true};

/// Deeper arguments are a trick: no parser behind us would read them.
const MOST_DEPTH: usize = 64;

/// Puts a piece in its place; nothing where the path leads nowhere.
pub fn place(arguments: &mut Value, piece: &PartialArg<'_>) -> Option<()> {
    let slot = find(arguments, piece.json_path.filled()?)?;
    let given = [piece.string_value, piece.number_value, piece.bool_value].into_iter().flatten().next();
    match (slot, given) {
        (slot, Some(raw)) => match (slot, serde_json::from_str(raw.get()).ok()?) {
            // Strings grow; whatever else there is comes whole.
            (Value::String(known), Value::String(more)) => known.push_str(&more),
            (slot, value) => *slot = value,
        },
        // The start of a string that has no letters yet. Without one it would have been a null,
        // which is what stands in a new place.
        (slot @ Value::Null, None) if is_true(piece.will_continue) => *slot = Value::String(String::new()),
        _ => {}
    }
    Some(())
}

/// The place that a path names, made where it is not there yet.
fn find<'v>(root: &'v mut Value, path: &str) -> Option<&'v mut Value> {
    let mut rest = path.strip_prefix('$').filter(|rest| !rest.is_empty())?;
    let mut at = root;
    for _ in 0..MOST_DEPTH {
        let (step, behind) = next_step(rest)?;
        at = enter(at, step)?;
        if behind.is_empty() {
            return Some(at);
        }
        rest = behind;
    }
    None
}

enum Step {
    Name(String),
    Index(usize),
}

fn next_step(path: &str) -> Option<(Step, &str)> {
    if let Some(rest) = path.strip_prefix('.') {
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let (name, behind) = rest.split_at_checked(end).filter(|(name, _)| !name.is_empty())?;
        return Some((Step::Name(name.to_owned()), behind));
    }
    let rest = path.strip_prefix('[')?;
    if let Some(quote) = rest.chars().next().filter(|char| matches!(char, '\'' | '"')) {
        let (name, behind) = quoted(rest.strip_prefix(quote)?, quote)?;
        return Some((Step::Name(name), behind.strip_prefix(']')?));
    }
    let (index, behind) = rest.split_once(']')?;
    Some((Step::Index(index.parse().ok()?), behind))
}

/// A quoted name, its quote already read.
fn quoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '\\' => name.push(chars.next().filter(|char| matches!(char, '\'' | '"' | '\\' | '/'))?),
            char if char == quote => return Some((name, chars.as_str())),
            char => name.push(char),
        }
    }
}

fn enter(at: &mut Value, step: Step) -> Option<&mut Value> {
    match step {
        Step::Name(name) => {
            if at.is_null() {
                *at = Value::Object(Map::new());
            }
            Some(at.as_object_mut()?.entry(name).or_insert(Value::Null))
        }
        Step::Index(index) => {
            if at.is_null() {
                *at = Value::Array(Vec::new());
            }
            let items = at.as_array_mut()?;
            // In order only: an index of a billion must not make a billion places.
            if index == items.len() {
                items.push(Value::Null);
            }
            items.get_mut(index)
        }
    }
}
