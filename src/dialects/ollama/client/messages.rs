//! The conversation: whose call a result answers, and what is in a picture.

use std::collections::HashSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::dialects::fields::{Fields, MOST_MESSAGES};
use crate::dialects::{images, opaque};
use crate::models::{Beyond, ChatError, Message, Part, Placed, Role, ToolCall, ToolKind};

pub fn read(fields: &Fields<'_>, beyond: &mut Vec<Beyond>) -> Result<Vec<Message>, ChatError> {
    let items = fields.array("messages")?;
    if items.len() > MOST_MESSAGES {
        return fields.wrong("messages", format!("must have at most {MOST_MESSAGES} messages"));
    }
    let mut waiting = Waiting::new(items);
    let mut messages = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let fields = Fields::at(item, format!("messages[{at}]"))?;
        messages.push(read_message(at, &fields, &mut waiting, beyond)?);
    }
    Ok(messages)
}

fn read_message(
    at: usize,
    fields: &Fields<'_>,
    waiting: &mut Waiting,
    beyond: &mut Vec<Beyond>,
) -> Result<Message, ChatError> {
    let role = match fields.need_str("role")?.to_ascii_lowercase().as_str() {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        _ => return fields.wrong("role", "must be one of system, user, assistant, tool"),
    };
    let text = fields.str("content")?.unwrap_or_default();
    let images = read_images(fields, beyond)?;
    let mut tool_call_id = None;
    let mut parts: Vec<Part> = Vec::new();
    match role {
        Role::Assistant => {
            let thinking = fields.str("thinking")?.filter(|text| !text.is_empty());
            parts.extend(thinking.map(|text| Part::Reasoning(text.to_owned())));
            let (calls, mut states) = read_calls(at, fields, waiting)?;
            states.extend(opaque::read_placed(fields)?);
            let text = (!text.is_empty()).then(|| Part::Text(text.to_owned()));
            parts.extend(opaque::in_order(text.into_iter().chain(images).collect(), calls, states));
        }
        _ => {
            parts.extend((!text.is_empty() || images.is_empty()).then(|| Part::Text(text.to_owned())));
            parts.extend(images);
        }
    }
    if role == Role::User {
        waiting.calls.clear();
    }
    if role == Role::Tool {
        let name = fields.str("tool_name")?.or(fields.str("name")?);
        tool_call_id = waiting.answer(filled(fields.str("tool_call_id")?), filled(name));
        if tool_call_id.is_none() {
            // The vendor's models read the result for what it is; others want to know of which call.
            beyond.push(Beyond { path: format!("messages[{at}]"), essential: true });
        }
    }
    Ok(Message { role, parts, tool_call_id })
}

/// The calls of an assistant message, and the state that stood before them.
fn read_calls(
    message: usize,
    fields: &Fields<'_>,
    waiting: &mut Waiting,
) -> Result<(Vec<ToolCall>, Vec<Placed>), ChatError> {
    let path = fields.path("tool_calls");
    let (mut calls, mut states) = (Vec::new(), Vec::new());
    for (at, item) in fields.array("tool_calls")?.iter().enumerate() {
        let call = Fields::at(item, format!("{path}[{at}]"))?;
        let function = call.need_object("function")?;
        let name = function.need_str("name")?;
        let arguments = function.object("arguments")?;
        states.extend(opaque::read_list(&call, "opaque_before")?);
        calls.push(ToolCall {
            id: waiting.enter(filled(call.str("id")?), name, &format!("call_{message}_{at}")),
            name: name.to_owned(),
            arguments: arguments.map_or("{}".to_owned(), |fields| Value::Object(fields.map().clone()).to_string()),
            kind: ToolKind::Function,
            opaque: opaque::read(&call)?,
        });
    }
    Ok((calls, states))
}

/// Pictures are nothing but their bytes; what kind they are of, these say.
pub fn read_images(fields: &Fields<'_>, beyond: &mut Vec<Beyond>) -> Result<Vec<Part>, ChatError> {
    let mut parts = Vec::new();
    for (at, item) in fields.array("images")?.iter().enumerate() {
        let name = format!("images[{at}]");
        let Some(data) = item.as_str() else { return fields.wrong(&name, "must be base64") };
        let known = media_type(data);
        let image = images::from_data(known.unwrap_or("image/unknown"), data, fields, &name)?;
        match known {
            Some(_) => parts.push(Part::Image(image)),
            None => beyond.push(Beyond { path: fields.path(&name), essential: true }),
        }
    }
    Ok(parts)
}

fn media_type(base64: &str) -> Option<&'static str> {
    let first = STANDARD.decode(base64.get(..16)?).ok()?;
    match first.as_slice() {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P'] => Some("image/webp"),
        _ => None,
    }
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}

/// The calls that wait for their results.
///
/// Calls need no ids there, and the vendor's Python package keeps none; results are told apart by the
/// tool's name, or come in the order of the calls.
struct Waiting {
    /// Every id in the conversation.
    taken: HashSet<String>,
    /// Ids and names.
    calls: Vec<(String, String)>,
}

impl Waiting {
    fn new(messages: &[Value]) -> Self {
        let calls = messages.iter().filter_map(|message| message.get("tool_calls")?.as_array()).flatten();
        let of_calls = calls.filter_map(|call| call.get("id"));
        let of_results = messages.iter().filter_map(|message| message.get("tool_call_id"));
        let taken = of_calls.chain(of_results).filter_map(Value::as_str).map(str::to_owned).collect();
        Waiting { taken, calls: Vec::new() }
    }

    /// A call, under its own id or under one that is the same in every turn, for it is made of its place.
    fn enter(&mut self, id: Option<&str>, name: &str, place: &str) -> String {
        let id = id.map_or_else(|| self.free(place), str::to_owned);
        self.calls.push((id.clone(), name.to_owned()));
        id
    }

    fn free(&mut self, place: &str) -> String {
        let mut id = place.to_owned();
        while !self.taken.insert(id.clone()) {
            id.push('_');
        }
        id
    }

    /// The id of the call that a result means.
    fn answer(&mut self, id: Option<&str>, name: Option<&str>) -> Option<String> {
        let at = match (id, name) {
            (Some(id), _) => self.calls.iter().position(|(known, _)| known == id),
            (None, Some(name)) => self.calls.iter().position(|(_, known)| known == name),
            (None, None) => (!self.calls.is_empty()).then_some(0),
        };
        let found = at.map(|at| self.calls.remove(at).0);
        id.map(str::to_owned).or(found)
    }
}
