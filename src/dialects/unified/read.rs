//! Reads and checks a unified request. After this nothing is checked again.

use serde_json::Value;

use super::legs;
use crate::dialects::fields::{self, Fields, MOST_MESSAGES};
use crate::dialects::{images, opaque, openai_fields};
use crate::models::{
    ChatError, ChatRequest, Effort, Image, Message, OnDisconnect, Parent, Part, Place, PlacedResult, Retrieval, Role,
    SessionTurn, Thinking, ToolResult,
};

const KNOWN: [&str; 24] = [
    "messages",
    "provider",
    "model",
    "temperature",
    "top_p",
    "max_tokens",
    "stop",
    "seed",
    "thinking",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "session_id",
    "parent",
    "on_busy",
    "instructions",
    "asked",
    "assistant",
    "retrieval",
    "metadata",
    "on_disconnect",
    "stream",
    "steps",
];

pub fn request(body: &[u8]) -> Result<ChatRequest, ChatError> {
    let map = fields::read_body(body)?;
    let fields = Fields::root(&map);
    let (mut messages, passing) = (read_messages(&fields)?, fields.str("instructions")?);
    fields.object("asked")?;
    if let Some(text) = passing {
        messages
            .insert(0, Message { role: Role::System, parts: vec![Part::Text(text.to_owned())], tool_call_id: None });
    }
    let warnings =
        fields.unknown(&KNOWN).iter().map(|name| format!("the field {name} is not known and was left out")).collect();
    Ok(ChatRequest {
        provider: fields.str("provider")?.map(str::to_owned),
        model: fields.str("model")?.map(str::to_owned),
        messages,
        passing: usize::from(passing.is_some()),
        keep: false,
        temperature: fields.number("temperature", 0.0, 2.0)?,
        top_p: fields.number("top_p", 0.0, 1.0)?,
        max_tokens: fields.count("max_tokens", 1)?,
        stop: openai_fields::read_stop(&fields)?,
        seed: fields.integer("seed")?,
        thinking: read_thinking(&fields)?,
        tools: openai_fields::read_tools(&fields)?,
        tool_choice: openai_fields::read_tool_choice(&fields)?,
        parallel_tool_calls: fields.bool("parallel_tool_calls")?,
        response_format: openai_fields::read_format(&fields)?,
        metadata: fields.object("metadata")?.map(|fields| fields.map().clone()).unwrap_or_default(),
        assistant: fields.str("assistant")?.map(str::to_owned),
        retrieval: read_retrieval(&fields)?,
        steps: fields.bool("steps")?.unwrap_or(false),
        operators_model: false,
        known: 0,
        on_disconnect: read_on_disconnect(&fields)?,
        session: read_session(&fields)?,
        stream: false,
        native: None,
        warnings,
        rejected: Vec::new(),
    })
}

/// What is to be looked up. A collection's name is checked where collections are.
fn read_retrieval(fields: &Fields<'_>) -> Result<Option<Retrieval>, ChatError> {
    let Some(inner) = fields.object("retrieval")? else { return Ok(None) };
    if let Some(unknown) = inner.unknown(&["collection", "top_k"]).first() {
        return inner.wrong(unknown, "is not a field of retrieval");
    }
    let top_k = match inner.count("top_k", 1)? {
        None => Retrieval::USUAL,
        Some(count) if count <= Retrieval::MOST => count,
        Some(_) => return inner.wrong("top_k", format!("must be a whole number from 1 to {}", Retrieval::MOST)),
    };
    Ok(Some(Retrieval { collection: inner.need_str("collection")?.to_owned(), top_k }))
}

pub fn read_messages(fields: &Fields<'_>) -> Result<Vec<Message>, ChatError> {
    if fields.get("messages").is_none() {
        return fields.wrong("messages", "is required");
    }
    let items = fields.array("messages")?;
    if items.is_empty() {
        return fields.wrong("messages", "must have at least one message");
    }
    if items.len() > MOST_MESSAGES {
        return fields.wrong("messages", format!("must have at most {MOST_MESSAGES} messages"));
    }
    let read = |(at, item): (usize, &Value)| read_message(&Fields::at(item, format!("messages[{at}]"))?);
    let messages: Vec<Vec<Message>> = items.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    Ok(messages.into_iter().flatten().collect())
}

/// The session, and the request's place in it.
fn read_session(fields: &Fields<'_>) -> Result<Option<SessionTurn>, ChatError> {
    let queue = match fields.str("on_busy")? {
        None | Some("refuse") => false,
        Some("queue") => true,
        Some(_) => return fields.wrong("on_busy", "must be refuse or queue"),
    };
    let parent = match fields.map().get("parent") {
        None => Parent::Latest,
        Some(Value::Null) => Parent::Start,
        Some(_) => Parent::Run(fields.need_str("parent")?.to_owned()),
    };
    let Some(id) = fields.str("session_id")? else {
        let lost = [("on_busy", queue), ("parent", parent != Parent::Latest)].into_iter().find(|(_, said)| *said);
        return match lost {
            Some((name, _)) => fields.wrong(name, "means something only with a session_id"),
            None => Ok(None),
        };
    };
    Ok(Some(SessionTurn { id: id.to_owned(), parent, queue }))
}

/// A message; an answer whose calls the gateway ran itself is several.
pub fn read_message(fields: &Fields<'_>) -> Result<Vec<Message>, ChatError> {
    let role = match fields.need_str("role")? {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        _ => return fields.wrong("role", "must be one of system, developer, user, assistant, tool"),
    };
    let tool_calls = openai_fields::read_calls(fields)?;
    if !tool_calls.is_empty() && role != Role::Assistant {
        return fields.wrong("tool_calls", "belongs to an assistant message only");
    }
    let tool_call_id = match role {
        Role::Tool => Some(fields.need_str("tool_call_id")?.to_owned()),
        _ => None,
    };
    let parts = read_content(fields)?;
    if parts.is_none() && tool_calls.is_empty() {
        return fields.wrong("content", "is required");
    }
    let parts = parts.unwrap_or_default();
    if role != Role::Assistant {
        if let Some(name) = ["reasoning", "opaque", "tool_results"].into_iter().find(|name| fields.get(name).is_some())
        {
            return fields.wrong(name, "belongs to an assistant message only");
        }
        return Ok(vec![Message { role, parts, tool_call_id }]);
    }
    let mut legs = legs::legs(parts, tool_calls, opaque::read_placed(fields)?, read_results(fields)?);
    let reasoning = fields.str("reasoning")?.filter(|text| !text.is_empty());
    if let Some((text, first)) = reasoning.zip(legs.first_mut()) {
        first.parts.insert(0, Part::Reasoning(text.to_owned()));
    }
    Ok(legs::messages(legs))
}

/// The results of an answer's calls that the gateway ran itself.
pub fn read_results(fields: &Fields<'_>) -> Result<Vec<PlacedResult>, ChatError> {
    let path = fields.path("tool_results");
    let calls = fields.array("tool_calls")?.len();
    let read = |(at, item): (usize, &Value)| {
        let result = read_result(&Fields::at(item, format!("{path}[{at}]"))?)?;
        // Who does not say where it stood means that the text came behind it.
        let after = if item.get("after").is_some_and(|after| !after.is_null()) {
            result.after
        } else {
            Place { calls, ..Place::default() }
        };
        Ok(PlacedResult { after, ..result })
    };
    fields.array("tool_results")?.iter().enumerate().map(read).collect()
}

/// One of them.
pub fn read_result(fields: &Fields<'_>) -> Result<PlacedResult, ChatError> {
    let result = ToolResult {
        call_id: fields.need_str("tool_call_id")?.to_owned(),
        name: fields.str("name")?.unwrap_or_default().to_owned(),
        content: fields.str("content")?.unwrap_or_default().to_owned(),
        is_error: fields.bool("is_error")?.unwrap_or(false),
    };
    Ok(PlacedResult { result, after: opaque::read_place(fields)?.unwrap_or_default() })
}

fn read_content(fields: &Fields<'_>) -> Result<Option<Vec<Part>>, ChatError> {
    match fields.get("content") {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(vec![Part::Text(text.clone())])),
        Some(Value::Array(items)) => {
            let path = fields.path("content");
            let parts =
                items.iter().enumerate().map(|(at, item)| read_part(&Fields::at(item, format!("{path}[{at}]"))?));
            parts.collect::<Result<_, _>>().map(Some)
        }
        Some(_) => fields.wrong("content", "must be a string or an array of parts"),
    }
}

fn read_part(fields: &Fields<'_>) -> Result<Part, ChatError> {
    match fields.need_str("type")? {
        "text" => match fields.str("text")? {
            Some(text) => Ok(Part::Text(text.to_owned())),
            None => fields.wrong("text", "is required"),
        },
        "image" => read_image(fields).map(Part::Image),
        // The form that most people know from elsewhere.
        "image_url" => {
            let url = match fields.get("image_url") {
                Some(Value::String(url)) => url,
                _ => fields.need_object("image_url")?.need_str("url")?,
            };
            images::from_url(url, fields, "image_url").map(Part::Image)
        }
        _ => fields.wrong("type", "must be text or image"),
    }
}

/// `{url}`, `{data, media_type}`, or either of them inside `source`.
fn read_image(fields: &Fields<'_>) -> Result<Image, ChatError> {
    if let Some(source) = fields.object("source")? {
        return read_image(&source);
    }
    if let Some(url) = fields.str("url")? {
        return images::from_url(url, fields, "url");
    }
    if fields.get("data").is_none() {
        return fields.wrong("url", "or data is required");
    }
    images::from_data(fields.need_str("media_type")?, fields.need_str("data")?, fields, "data")
}

fn read_thinking(fields: &Fields<'_>) -> Result<Option<Thinking>, ChatError> {
    match fields.get("thinking") {
        None => return Ok(None),
        Some(Value::Bool(enabled)) => {
            return Ok(Some(Thinking { enabled: *enabled, budget_tokens: None, effort: None }));
        }
        Some(Value::Object(_)) => {}
        Some(_) => return fields.wrong("thinking", "must be true, false or an object"),
    }
    let inner = fields.need_object("thinking")?;
    let effort = match inner.get("effort") {
        None => None,
        Some(value) => match serde_json::from_value::<Effort>(value.clone()) {
            Ok(effort) => Some(effort),
            Err(_) => return inner.wrong("effort", "must be one of minimal, low, medium, high, xhigh, max"),
        },
    };
    let enabled = inner.bool("enabled")?.unwrap_or(true);
    Ok(Some(Thinking { enabled, budget_tokens: inner.count("budget_tokens", 0)?, effort }))
}

fn read_on_disconnect(fields: &Fields<'_>) -> Result<Option<OnDisconnect>, ChatError> {
    match fields.str("on_disconnect")? {
        None => Ok(None),
        Some("cancel") => Ok(Some(OnDisconnect::Cancel)),
        Some("detach") if fields.get("session_id").is_some() => Ok(Some(OnDisconnect::Detach)),
        // A run without a session has nowhere to go on.
        Some("detach") => fields.wrong("on_disconnect", "may be detach only with a session"),
        Some(_) => fields.wrong("on_disconnect", "must be cancel or detach"),
    }
}
