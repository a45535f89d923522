//! Items of input to messages: what the model said, thought and called between two others' turns is one
//! message of its own, in order.

use serde_json::{Value, json};

use crate::dialects::fields::Fields;
use crate::dialects::images;
use crate::dialects::openai_responses::DIALECT;
use crate::dialects::openai_responses::own::State;
use crate::models::{Beyond, ChatError, Message, Opaque, Part, Role, ToolCall, ToolKind};

/// More items than any conversation has: a call and its result are two, beside the reasoning for it.
const MOST_ITEMS: usize = 16_384;

/// The conversation. It may be empty: the vendor may have stored one.
pub fn read(fields: &Fields<'_>, beyond: &mut Vec<Beyond>) -> Result<Vec<Message>, ChatError> {
    let mut reader = Reader { messages: Vec::new(), answer: None, waiting: Vec::new(), last_text: 0, beyond };
    if let Some(text) = fields.str("instructions")?.filter(|text| !text.is_empty()) {
        reader.others(Role::System, vec![Part::Text(text.to_owned())], None);
    }
    let items = match fields.get("input") {
        None => return Ok(Vec::new()),
        Some(Value::String(text)) if text.is_empty() => return Ok(Vec::new()),
        Some(Value::String(text)) => {
            reader.others(Role::User, vec![Part::Text(text.clone())], None);
            return Ok(reader.messages);
        }
        Some(Value::Array(items)) if items.is_empty() => return Ok(Vec::new()),
        Some(Value::Array(items)) => items,
        Some(_) => return fields.wrong("input", "must be a string or an array of items"),
    };
    if items.len() > MOST_ITEMS {
        return fields.wrong("input", format!("must have at most {MOST_ITEMS} items"));
    }
    for (at, item) in items.iter().enumerate() {
        let path = format!("input[{at}]");
        reader.item(&Fields::at(item, path.clone())?, path)?;
    }
    reader.messages.extend(reader.answer);
    Ok(reader.messages)
}

struct Reader<'a> {
    messages: Vec<Message>,
    /// The answer that is being read, until somebody else speaks.
    answer: Option<Message>,
    /// State of calls that have not come yet.
    waiting: Vec<(String, Opaque)>,
    /// Where in it its last message item begins.
    last_text: usize,
    beyond: &'a mut Vec<Beyond>,
}

impl Reader<'_> {
    fn item(&mut self, item: &Fields<'_>, path: String) -> Result<(), ChatError> {
        let kind = match item.str("type")? {
            None if item.get("role").is_some() => "message",
            None => "item_reference",
            Some(kind) => kind,
        };
        match kind {
            "message" => self.message(item),
            "function_call" => self.call(item, ToolKind::Function, "arguments"),
            "custom_tool_call" => self.call(item, ToolKind::Custom, "input"),
            "function_call_output" | "custom_tool_call_output" => {
                let parts = self.content(item, "output")?;
                self.others(Role::Tool, parts, Some(item.need_str("call_id")?.to_owned()));
                Ok(())
            }
            "reasoning" => self.reasoning(item),
            _ => {
                self.essential(path);
                Ok(())
            }
        }
    }

    fn message(&mut self, item: &Fields<'_>) -> Result<(), ChatError> {
        let role = match item.need_str("role")? {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" | "developer" => Role::System,
            _ => return item.wrong("role", "must be one of user, assistant, system, developer"),
        };
        let parts = self.content(item, "content")?;
        if role != Role::Assistant {
            self.others(role, parts, None);
            return Ok(());
        }
        let answer = self.answer();
        let begin = answer.len();
        answer.extend(parts);
        if let Some(phase) = item.str("phase")?.filter(|phase| !phase.is_empty()) {
            let data = json!({"type": "message", "phase": phase});
            answer.push(Part::Opaque(Opaque { dialect: DIALECT.to_owned(), data }));
        }
        self.last_text = begin;
        Ok(())
    }

    fn call(&mut self, item: &Fields<'_>, kind: ToolKind, arguments: &str) -> Result<(), ChatError> {
        if item.get("namespace").is_some() {
            self.essential(item.path("namespace"));
        }
        let id = item.need_str("call_id")?.to_owned();
        let opaque = self.waiting.iter().position(|(call, _)| *call == id).map(|at| self.waiting.swap_remove(at).1);
        let name = item.need_str("name")?.to_owned();
        let arguments = item.str(arguments)?.unwrap_or_default().to_owned();
        self.answer().push(Part::ToolCall(ToolCall { id, name, arguments, kind, opaque }));
        Ok(())
    }

    fn reasoning(&mut self, item: &Fields<'_>) -> Result<(), ChatError> {
        // What was thought, in full where it is shown, else in summary.
        let thought = match read_thoughts(item, "content")? {
            text if text.is_empty() => read_thoughts(item, "summary")?,
            text => text,
        };
        if !thought.is_empty() {
            self.answer().push(Part::Reasoning(thought));
        }
        let Some(content) = item.str("encrypted_content")?.filter(|content| !content.is_empty()) else { return Ok(()) };
        match State::open(content) {
            Some(State { opaque, call: Some(call), .. }) => self.bind(call, opaque),
            Some(State { opaque, place: Some(place), .. }) => self.put_within(place, opaque),
            Some(State { opaque, .. }) => self.answer().push(Part::Opaque(opaque)),
            None => {
                let names = ["type", "id", "summary", "encrypted_content"];
                let data =
                    names.iter().filter_map(|name| Some(((*name).to_owned(), item.get(name)?.clone()))).collect();
                let opaque = Opaque { dialect: DIALECT.to_owned(), data: Value::Object(data) };
                self.answer().push(Part::Opaque(opaque));
            }
        }
        Ok(())
    }

    /// State that belongs to a call, which stands before it or behind it.
    fn bind(&mut self, id: String, opaque: Opaque) {
        let messages = self.answer.iter_mut().chain(self.messages.iter_mut().rev());
        let parts = messages.flat_map(|message| message.parts.iter_mut().rev());
        let mut calls = parts.filter_map(|part| if let Part::ToolCall(call) = part { Some(call) } else { None });
        match calls.find(|call| call.id == id) {
            Some(call) => call.opaque = Some(opaque),
            None => self.waiting.push((id, opaque)),
        }
    }

    /// State that came in the middle of the message right before it.
    fn put_within(&mut self, place: usize, opaque: Opaque) {
        let begin = self.last_text;
        let parts = self.answer();
        let mut rest = place;
        let mut at = begin.min(parts.len());
        while let Some(part) = parts.get_mut(at) {
            match part {
                Part::Text(text) if rest > 0 && rest < text.len() => {
                    let tail = text.split_off(text.floor_char_boundary(rest));
                    let at = at.saturating_add(1);
                    parts.splice(at..at, [Part::Opaque(opaque), Part::Text(tail)]);
                    return;
                }
                Part::Text(_) if rest == 0 => break,
                Part::Text(text) => rest = rest.saturating_sub(text.len()),
                // What came before it at the same place.
                _ => {}
            }
            at = at.saturating_add(1);
        }
        parts.insert(at.min(parts.len()), Part::Opaque(opaque));
    }

    fn answer(&mut self) -> &mut Vec<Part> {
        let begin = || Message { role: Role::Assistant, parts: Vec::new(), tool_call_id: None };
        &mut self.answer.get_or_insert_with(begin).parts
    }

    fn others(&mut self, role: Role, parts: Vec<Part>, tool_call_id: Option<String>) {
        self.messages.extend(self.answer.take());
        self.last_text = 0;
        self.messages.push(Message { role, parts, tool_call_id });
    }

    fn essential(&mut self, path: String) {
        self.beyond.push(Beyond { path, essential: true });
    }

    fn content(&mut self, item: &Fields<'_>, name: &str) -> Result<Vec<Part>, ChatError> {
        let items = match item.get(name) {
            None => return item.wrong(name, "is required"),
            Some(Value::String(text)) => return Ok(vec![Part::Text(text.clone())]),
            Some(Value::Array(items)) => items,
            Some(_) => return item.wrong(name, "must be a string or an array of parts"),
        };
        let path = item.path(name);
        let mut parts = Vec::with_capacity(items.len());
        for (at, part) in items.iter().enumerate() {
            let part = Fields::at(part, format!("{path}[{at}]"))?;
            match part.need_str("type")? {
                "input_text" | "output_text" | "text" => {
                    parts.push(Part::Text(part.str("text")?.unwrap_or_default().to_owned()));
                }
                "refusal" => parts.push(Part::Text(part.str("refusal")?.unwrap_or_default().to_owned())),
                "input_image" if part.get("image_url").is_some() => {
                    parts.push(Part::Image(images::from_url(part.need_str("image_url")?, &part, "image_url")?));
                    if part.str("detail")?.is_some_and(|detail| detail != "auto") {
                        self.beyond.push(Beyond { path: part.path("detail"), essential: false });
                    }
                }
                // Files of the vendor's, and what only it can read.
                _ => self.essential(format!("{path}[{at}]")),
            }
        }
        Ok(parts)
    }
}

/// The texts of a reasoning item, as paragraphs.
fn read_thoughts(item: &Fields<'_>, name: &str) -> Result<String, ChatError> {
    let texts = item.array(name)?.iter().filter_map(|part| part.get("text").and_then(Value::as_str));
    Ok(texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n"))
}
