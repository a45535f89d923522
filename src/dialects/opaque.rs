//! A provider's own state on its way through a client whose messages are a text and a list of calls:
//! what it looks like there, and how it finds back to its place, which is told beside it.

use serde_json::{Map, Value, json};

use crate::dialects::fields::Fields;
use crate::models::{ChatError, Opaque, Part, Place, Placed, ToolCall};

/// State that belongs to a call.
pub fn write(opaque: &Opaque) -> Value {
    json!({"dialect": opaque.dialect, "data": opaque.data})
}

/// State with its place.
pub fn placed(placed: &Placed) -> Value {
    let mut value = write(&placed.opaque);
    place(placed.after, &mut value);
    value
}

/// The place of something, beside it.
pub fn place(after: Place, value: &mut Value) {
    let counts = [("text", after.text), ("tool_calls", after.calls), ("tool_results", after.results)];
    let place: Map<String, Value> = counts
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| (name.to_owned(), json!(count)))
        .collect();
    if let Some(map) = value.as_object_mut().filter(|_| !place.is_empty()) {
        map.insert("after".to_owned(), Value::Object(place));
    }
}

/// State that belongs to a call, where there is any.
pub fn read(fields: &Fields<'_>) -> Result<Option<Opaque>, ChatError> {
    fields.object("opaque")?.map(|fields| read_one(&fields)).transpose()
}

/// The list of an assistant message.
pub fn read_placed(fields: &Fields<'_>) -> Result<Vec<Placed>, ChatError> {
    read_list(fields, "opaque")
}

/// A list under any name.
pub fn read_list(fields: &Fields<'_>, name: &str) -> Result<Vec<Placed>, ChatError> {
    let path = fields.path(name);
    let read = |(at, item): (usize, &Value)| {
        let fields = Fields::at(item, format!("{path}[{at}]"))?;
        Ok(Placed { opaque: read_one(&fields)?, after: read_place(&fields)?.unwrap_or_default() })
    };
    fields.array(name)?.iter().enumerate().map(read).collect()
}

/// The place that stands beside something, if one does.
pub fn read_place(fields: &Fields<'_>) -> Result<Option<Place>, ChatError> {
    let Some(after) = fields.object("after")? else { return Ok(None) };
    let count =
        |name: &str| Ok(after.count(name, 0)?.and_then(|count| usize::try_from(count).ok()).unwrap_or_default());
    Ok(Some(Place { text: count("text")?, calls: count("tool_calls")?, results: count("tool_results")? }))
}

fn read_one(fields: &Fields<'_>) -> Result<Opaque, ChatError> {
    let dialect = fields.need_str("dialect")?.to_owned();
    match fields.get("data") {
        Some(data) => Ok(Opaque { dialect, data: data.clone() }),
        None => fields.wrong("data", "is required"),
    }
}

/// The parts of an assistant message in the order in which they once came.
pub fn in_order(content: Vec<Part>, calls: Vec<ToolCall>, opaque: Vec<Placed>) -> Vec<Part> {
    let (mut before, behind): (Vec<_>, Vec<_>) = opaque.into_iter().partition(|placed| placed.after.calls == 0);
    before.sort_by_key(|placed| placed.after.text);
    let mut before = before.into_iter().peekable();
    let mut parts = Vec::new();
    let mut seen = 0usize;
    for part in content {
        let Part::Text(text) = part else {
            parts.push(part);
            continue;
        };
        let mut rest = text.as_str();
        while let Some(placed) = before.next_if(|placed| placed.after.text < seen.saturating_add(rest.len())) {
            let at = rest.floor_char_boundary(placed.after.text.saturating_sub(seen));
            let (head, tail) = rest.split_at_checked(at).unwrap_or(("", rest));
            seen = seen.saturating_add(head.len());
            parts.extend((!head.is_empty()).then(|| Part::Text(head.to_owned())));
            parts.push(Part::Opaque(placed.opaque));
            rest = tail;
        }
        seen = seen.saturating_add(rest.len());
        parts.push(Part::Text(rest.to_owned()));
    }
    parts.extend(before.map(|placed| Part::Opaque(placed.opaque)));
    let last = calls.len();
    let mut behind: Vec<_> = behind.into_iter().map(|placed| (placed.after.calls.min(last), placed.opaque)).collect();
    behind.sort_by_key(|(after, _)| *after);
    let mut behind = behind.into_iter().peekable();
    for (at, call) in calls.into_iter().enumerate() {
        parts.push(Part::ToolCall(call));
        while let Some((_, opaque)) = behind.next_if(|(after, _)| *after == at.saturating_add(1)) {
            parts.push(Part::Opaque(opaque));
        }
    }
    parts.extend(behind.map(|(_, opaque)| Part::Opaque(opaque)));
    parts
}
