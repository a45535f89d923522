//! Reads the conversation: turns of content blocks to messages of parts.

use serde_json::{Value, json};

use super::read::Notes;
use crate::dialects::anthropic::DIALECT;
use crate::dialects::fields::{Fields, MOST_MESSAGES};
use crate::dialects::{images, sealed};
use crate::models::{ChatError, Image, Message, Opaque, Part, Role, ToolCall, ToolKind};

/// Stands before the result of a tool that failed: no other language has a flag for it, and a model must
/// not take an error for a result.
const FAILED: &str = "The tool failed:";

/// The application's own words, which stand beside the conversation.
pub fn read_system(fields: &Fields<'_>, notes: &mut Notes) -> Result<Option<Message>, ChatError> {
    match fields.get("system") {
        None => Ok(None),
        Some(_) => Ok(Some(spoken(Role::System, read_texts(fields, "system", notes)?))),
    }
}

/// The conversation.
pub fn read_messages(fields: &Fields<'_>, notes: &mut Notes) -> Result<Vec<Message>, ChatError> {
    if fields.get("messages").is_none() {
        return fields.wrong("messages", "is required");
    }
    let items = fields.array("messages")?;
    // Of a conversation that the vendor keeps, there may be nothing new to say.
    let least = usize::from(fields.get("thread").is_none());
    if items.len() < least || items.len() > MOST_MESSAGES {
        return fields.wrong("messages", format!("must have at least one message, and at most {MOST_MESSAGES}"));
    }
    let mut messages = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let fields = Fields::at(item, format!("messages[{at}]"))?;
        match fields.need_str("role")? {
            "user" => read_user(&fields, notes, &mut messages)?,
            "assistant" => messages.push(spoken(Role::Assistant, read_assistant(&fields, notes)?)),
            // Some models take instructions in mid-conversation.
            "system" => messages.push(spoken(Role::System, read_texts(&fields, "content", notes)?)),
            _ => return fields.wrong("role", "must be one of user, assistant, system"),
        }
    }
    Ok(messages)
}

fn spoken(role: Role, parts: Vec<Part>) -> Message {
    Message { role, parts, tool_call_id: None }
}

/// What stands in a field of content: one text, or blocks.
enum Content<'a> {
    Text(&'a str),
    Blocks(Vec<Fields<'a>>),
}

fn content<'a>(fields: &Fields<'a>, name: &str) -> Result<Content<'a>, ChatError> {
    match fields.get(name) {
        None => fields.wrong(name, "is required"),
        Some(Value::String(text)) => Ok(Content::Text(text)),
        Some(Value::Array(items)) => {
            let path = fields.path(name);
            let blocks = items.iter().enumerate().map(|(at, item)| Fields::at(item, format!("{path}[{at}]")));
            blocks.collect::<Result<_, _>>().map(Content::Blocks)
        }
        Some(_) => fields.wrong(name, "must be a string or an array of content blocks"),
    }
}

fn read_texts(fields: &Fields<'_>, name: &str, notes: &mut Notes) -> Result<Vec<Part>, ChatError> {
    let blocks = match content(fields, name)? {
        Content::Text(text) => return Ok(vec![Part::Text(text.to_owned())]),
        Content::Blocks(blocks) => blocks,
    };
    let mut parts = Vec::with_capacity(blocks.len());
    for block in &blocks {
        match block.need_str("type")? {
            "text" => parts.push(read_text(block, notes)?),
            _ => notes.essential(block.own_path().to_owned()),
        }
    }
    Ok(parts)
}

/// A user's turn: the results of tools are messages of their own, in their place among what else is said.
fn read_user(fields: &Fields<'_>, notes: &mut Notes, messages: &mut Vec<Message>) -> Result<(), ChatError> {
    let blocks = match content(fields, "content")? {
        Content::Text(text) => {
            messages.push(spoken(Role::User, vec![Part::Text(text.to_owned())]));
            return Ok(());
        }
        Content::Blocks(blocks) => blocks,
    };
    if blocks.is_empty() {
        return fields.wrong("content", "must not be empty");
    }
    let before = messages.len();
    let mut said = Vec::new();
    for block in &blocks {
        if block.need_str("type")? != "tool_result" {
            said.extend(read_part(block, notes)?);
            continue;
        }
        if !said.is_empty() {
            messages.push(spoken(Role::User, std::mem::take(&mut said)));
        }
        messages.push(read_result(block, notes)?);
    }
    // One of which other providers can be told nothing is still a turn.
    if !said.is_empty() || messages.len() == before {
        messages.push(spoken(Role::User, said));
    }
    Ok(())
}

fn read_result(block: &Fields<'_>, notes: &mut Notes) -> Result<Message, ChatError> {
    let id = block.need_str("tool_use_id")?.to_owned();
    let mut parts = Vec::new();
    if block.get("content").is_some() {
        match content(block, "content")? {
            Content::Text(text) => parts.push(Part::Text(text.to_owned())),
            Content::Blocks(blocks) => {
                for block in &blocks {
                    parts.extend(read_part(block, notes)?);
                }
            }
        }
    }
    if block.bool("is_error")? == Some(true) {
        match parts.first_mut() {
            Some(Part::Text(text)) => *text = format!("{FAILED}\n{text}"),
            _ => parts.insert(0, Part::Text(FAILED.to_owned())),
        }
    }
    notes.rest(block, &["type", "tool_use_id", "content", "is_error"]);
    Ok(Message { role: Role::Tool, parts, tool_call_id: Some(id) })
}

/// What a person or a tool shows. Files that the vendor keeps, documents, and whatever its own tools do
/// are not for others.
fn read_part(block: &Fields<'_>, notes: &mut Notes) -> Result<Option<Part>, ChatError> {
    match block.need_str("type")? {
        "text" => return read_text(block, notes).map(Some),
        "image" => {
            notes.rest(block, &["type", "source"]);
            if let Some(image) = read_image(block)? {
                return Ok(Some(Part::Image(image)));
            }
        }
        "search_result" => return read_search_result(block, notes).map(Some),
        _ => {}
    }
    notes.essential(block.own_path().to_owned());
    Ok(None)
}

fn read_text(block: &Fields<'_>, notes: &mut Notes) -> Result<Part, ChatError> {
    notes.rest(block, &["type", "text", "citations"]);
    match block.str("text")? {
        Some(text) => Ok(Part::Text(text.to_owned())),
        None => block.wrong("text", "is required"),
    }
}

fn read_image(block: &Fields<'_>) -> Result<Option<Image>, ChatError> {
    let source = block.need_object("source")?;
    match source.need_str("type")? {
        "base64" => {
            images::from_data(source.need_str("media_type")?, source.need_str("data")?, &source, "data").map(Some)
        }
        "url" => images::from_url(source.need_str("url")?, &source, "url").map(Some),
        _ => Ok(None),
    }
}

/// Told in words: all that is lost is that the model may cite it by its number.
fn read_search_result(block: &Fields<'_>, notes: &mut Notes) -> Result<Part, ChatError> {
    let texts = read_texts(block, "content", notes)?;
    notes.rest(block, &["type", "source", "title", "content"]);
    let texts = spoken(Role::User, texts).text();
    Ok(Part::Text(format!("{}\n{}\n\n{texts}", block.need_str("title")?, block.need_str("source")?)))
}

/// An answer that came before, with the state that it carries: the vendor's own, or another provider's
/// that was sealed into its place.
fn read_assistant(fields: &Fields<'_>, notes: &mut Notes) -> Result<Vec<Part>, ChatError> {
    let blocks = match content(fields, "content")? {
        Content::Text(text) => return Ok(vec![Part::Text(text.to_owned())]),
        Content::Blocks(blocks) => blocks,
    };
    let mut parts = Vec::with_capacity(blocks.len());
    let mut of_calls = Vec::new();
    for block in &blocks {
        let (token, own) = match block.need_str("type")? {
            "text" => {
                parts.push(read_text(block, notes)?);
                continue;
            }
            "tool_use" => {
                parts.push(Part::ToolCall(read_call(block, notes)?));
                continue;
            }
            "thinking" => {
                let thinking = block.str("thinking")?.unwrap_or_default();
                let signature = block.str("signature")?.unwrap_or_default();
                if !thinking.is_empty() {
                    parts.push(Part::Reasoning(thinking.to_owned()));
                }
                (signature, json!({"type": "thinking", "thinking": thinking, "signature": signature}))
            }
            "redacted_thinking" => {
                let data = block.need_str("data")?;
                (data, json!({"type": "redacted_thinking", "data": data}))
            }
            // Says which model went on, and nothing to it.
            "fallback" => continue,
            _ => {
                notes.essential(block.own_path().to_owned());
                continue;
            }
        };
        match sealed::open(token) {
            Some((opaque, Some(call))) => of_calls.push((call, opaque)),
            Some((opaque, None)) => parts.push(Part::Opaque(opaque)),
            None if token.is_empty() => {}
            None => parts.push(Part::Opaque(Opaque { dialect: DIALECT.to_owned(), data: own })),
        }
    }
    for (id, opaque) in of_calls {
        let call = parts.iter_mut().find_map(|part| match part {
            Part::ToolCall(call) if call.id == id => Some(call),
            _ => None,
        });
        match call {
            Some(call) => call.opaque = Some(opaque),
            // The client changed the call's id, or left the call out.
            None => parts.push(Part::Opaque(opaque)),
        }
    }
    Ok(parts)
}

fn read_call(block: &Fields<'_>, notes: &mut Notes) -> Result<ToolCall, ChatError> {
    notes.rest(block, &["type", "id", "name", "input", "caller"]);
    Ok(ToolCall {
        id: block.need_str("id")?.to_owned(),
        name: block.need_str("name")?.to_owned(),
        arguments: block.get("input").map_or_else(|| "{}".to_owned(), Value::to_string),
        kind: ToolKind::Function,
        opaque: None,
    })
}
