//! `systemInstruction` and `contents` to messages. The SDKs' chats return a streamed answer as it came, one
//! content a chunk: neighbours of the model's are one message.

use serde_json::Value;

use super::read::note_others;
use crate::dialects::fields::{Fields, MOST_MESSAGES};
use crate::dialects::gemini::contents::NO_SIGNATURE;
use crate::dialects::gemini::{DIALECT, SIGNATURE};
use crate::dialects::{images, sealed};
use crate::models::{Beyond, ChatError, Image, Message, Opaque, Part, Role, ToolCall, ToolKind};

/// The kinds of a part that are read, and what stands beside them.
const KNOWN: [&str; 7] = ["text", "thought", SIGNATURE, "functionCall", "functionResponse", "inlineData", "fileData"];

pub fn read(fields: &Fields<'_>, beyond: &mut Vec<Beyond>) -> Result<Vec<Message>, ChatError> {
    let mut reader = Reader { messages: Vec::new(), waiting: Vec::new(), turns: 0, calls: 0, beyond };
    if let Some(system) = fields.object("systemInstruction")? {
        reader.system(&system)?;
    }
    let before = reader.messages.len();
    let Some(contents) = fields.get("contents") else { return fields.wrong("contents", "is required") };
    for (path, item) in items(contents, "contents") {
        reader.content(&Fields::at(item, path)?)?;
    }
    let Reader { messages, .. } = reader;
    if messages.len() == before || messages.len() > MOST_MESSAGES {
        return fields.wrong("contents", format!("must say something, and have at most {MOST_MESSAGES} turns"));
    }
    Ok(messages)
}

/// A list, or what stands alone for one: the vendor takes both.
fn items<'v>(value: &'v Value, path: &str) -> Vec<(String, &'v Value)> {
    match value {
        Value::Array(items) => items.iter().enumerate().map(|(at, item)| (format!("{path}[{at}]"), item)).collect(),
        value => vec![(path.to_owned(), value)],
    }
}

fn parts<'v>(content: &Fields<'v>) -> Result<Vec<Fields<'v>>, ChatError> {
    let Some(parts) = content.get("parts") else { return Ok(Vec::new()) };
    items(parts, &content.path("parts")).into_iter().map(|(path, item)| Fields::at(item, path)).collect()
}

struct Reader<'b> {
    messages: Vec<Message>,
    /// The calls that have no result yet, in order.
    waiting: Vec<Waiting>,
    /// How many turns of the model there were, and how many calls.
    turns: usize,
    calls: usize,
    beyond: &'b mut Vec<Beyond>,
}

/// A call without its result.
struct Waiting {
    turn: usize,
    id: String,
    name: String,
}

impl Reader<'_> {
    fn system(&mut self, content: &Fields<'_>) -> Result<(), ChatError> {
        let mut texts = Vec::new();
        for part in parts(content)? {
            texts.extend(part.str("text")?.map(|text| Part::Text(text.to_owned())));
            for name in part.unknown(&["text", "thought"]).into_iter().filter(|name| part.get(name).is_some()) {
                self.beyond.push(Beyond { path: part.path(&name), essential: true });
            }
        }
        if !texts.is_empty() {
            self.messages.push(Message { role: Role::System, parts: texts, tool_call_id: None });
        }
        Ok(())
    }

    fn content(&mut self, content: &Fields<'_>) -> Result<(), ChatError> {
        match content.str("role")?.map(str::to_ascii_lowercase).as_deref() {
            Some("model") => self.model(content),
            None | Some("" | "user" | "function") => self.user(content),
            Some(_) => content.wrong("role", "must be user or model"),
        }
    }

    fn model(&mut self, content: &Fields<'_>) -> Result<(), ChatError> {
        let last = self.messages.pop_if(|message| message.role == Role::Assistant);
        self.turns = self.turns.saturating_add(usize::from(last.is_none()));
        let mut message = last.unwrap_or(Message { role: Role::Assistant, parts: Vec::new(), tool_call_id: None });
        for part in parts(content)? {
            self.model_part(&part, &mut message.parts)?;
        }
        if !message.parts.is_empty() {
            self.messages.push(message);
        }
        Ok(())
    }

    fn model_part(&mut self, part: &Fields<'_>, said: &mut Vec<Part>) -> Result<(), ChatError> {
        note_others(part, &KNOWN, self.beyond);
        let state = read_state(part)?;
        if let Some(call) = part.object("functionCall")? {
            let opaque = state.map(|(opaque, _)| opaque);
            said.push(Part::ToolCall(ToolCall { opaque, ..self.call(&call)? }));
            return Ok(());
        }
        let thought = part.bool("thought")?.unwrap_or(false);
        match (part.str("text")?.filter(|text| !text.is_empty()), said.last_mut()) {
            (None, _) => said.extend(self.image(part)?.map(Part::Image)),
            (Some(text), Some(Part::Reasoning(known))) if thought => known.push_str(text),
            (Some(text), Some(Part::Text(known))) if !thought => known.push_str(text),
            (Some(text), _) if thought => said.push(Part::Reasoning(text.to_owned())),
            (Some(text), _) => said.push(Part::Text(text.to_owned())),
        }
        let Some((opaque, call)) = state else { return Ok(()) };
        // State that came when its call was already out names it.
        let owner = said.iter_mut().rev().find_map(|part| match part {
            Part::ToolCall(known) if Some(&known.id) == call.as_ref() => Some(known),
            _ => None,
        });
        match owner {
            Some(call) => call.opaque = Some(opaque),
            None => said.push(Part::Opaque(opaque)),
        }
        Ok(())
    }

    fn call(&mut self, call: &Fields<'_>) -> Result<ToolCall, ChatError> {
        let name = call.need_str("name")?.to_owned();
        // Older models' calls have no id: their place in the conversation is one, and stays the same.
        let id = match call.str("id")?.filter(|id| !id.is_empty()) {
            Some(id) => id.to_owned(),
            None => format!("call_{}", self.calls),
        };
        self.calls = self.calls.saturating_add(1);
        self.waiting.push(Waiting { turn: self.turns, id: id.clone(), name: name.clone() });
        let arguments = match call.object("args")? {
            Some(_) => call.get("args").map(Value::to_string).unwrap_or_default(),
            None => "{}".to_owned(),
        };
        Ok(ToolCall { id, name, arguments, kind: ToolKind::Function, opaque: None })
    }

    /// The results stand before whatever else is said: most vendors want them right behind the calls.
    fn user(&mut self, content: &Fields<'_>) -> Result<(), ChatError> {
        let mut said = Vec::new();
        for part in parts(content)? {
            note_others(&part, &KNOWN, self.beyond);
            if let Some(response) = part.object("functionResponse")? {
                let result = self.result(&part, &response)?;
                self.messages.push(result);
                continue;
            }
            said.extend(part.str("text")?.map(|text| Part::Text(text.to_owned())));
            said.extend(self.image(&part)?.map(Part::Image));
        }
        if !said.is_empty() {
            self.messages.push(Message { role: Role::User, parts: said, tool_call_id: None });
        }
        Ok(())
    }

    fn result(&mut self, part: &Fields<'_>, response: &Fields<'_>) -> Result<Message, ChatError> {
        let (id, name) = (response.str("id")?, response.str("name")?);
        let find = |fits: &dyn Fn(&Waiting) -> bool| self.waiting.iter().position(fits);
        let named = |call: &Waiting| Some(call.name.as_str()) == name;
        let at = find(&|call| Some(call.id.as_str()) == id)
            .or_else(|| find(&|call| named(call) && call.turn == self.turns))
            .or_else(|| find(&named));
        let Some(at) = at else { return part.wrong("functionResponse", "answers no functionCall before it") };
        let Waiting { id, .. } = self.waiting.remove(at);
        note_others(response, &["id", "name", "response", "parts"], self.beyond);
        let text = match response.object("response")? {
            Some(fields) => match (fields.get("output"), fields.map().len()) {
                // The vendor's word for a result that is no object.
                (Some(Value::String(text)), 1) => text.clone(),
                _ => response.get("response").map(Value::to_string).unwrap_or_default(),
            },
            None => String::new(),
        };
        let mut parts = vec![Part::Text(text)];
        for part in self::parts(response)? {
            parts.extend(self.image(&part)?.map(Part::Image));
        }
        Ok(Message { role: Role::Tool, parts, tool_call_id: Some(id) })
    }

    /// A picture; what else a file may be no other provider is sure to understand.
    fn image(&mut self, part: &Fields<'_>) -> Result<Option<Image>, ChatError> {
        if let Some(data) = part.object("inlineData")? {
            let kind = data.need_str("mimeType")?;
            if kind.starts_with("image/") {
                return images::from_data(kind, data.need_str("data")?, &data, "data").map(Some);
            }
            self.beyond.push(Beyond { path: part.path("inlineData"), essential: true });
        }
        if let Some(file) = part.object("fileData")? {
            let (kind, uri) = (file.str("mimeType")?.unwrap_or_default(), file.need_str("fileUri")?);
            if kind.starts_with("image/") && is_public(uri) {
                return Ok(Some(Image::Url(uri.to_owned())));
            }
            self.beyond.push(Beyond { path: part.path("fileData"), essential: true });
        }
        Ok(None)
    }
}

/// Whether anybody can fetch it: what was uploaded to the vendor has an address there, too.
fn is_public(uri: &str) -> bool {
    let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"));
    rest.and_then(|rest| rest.split('/').next()).is_some_and(|host| !host.ends_with(".googleapis.com"))
}

/// The state of a part: the vendor's own, or another provider's, sealed in its place; and the call that
/// the latter belongs to.
fn read_state(part: &Fields<'_>) -> Result<Option<(Opaque, Option<String>)>, ChatError> {
    let none = |token: &&str| token.is_empty() || *token == NO_SIGNATURE;
    let Some(token) = part.str(SIGNATURE)?.filter(|token| !none(token)) else { return Ok(None) };
    let own = || (Opaque { dialect: DIALECT.to_owned(), data: serde_json::json!({SIGNATURE: token}) }, None);
    Ok(Some(sealed::open(token).unwrap_or_else(own)))
}
