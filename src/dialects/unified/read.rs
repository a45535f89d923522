//! Reads and checks a unified request. After this nothing is checked again.

use serde_json::{Map, Value};

use super::opaque;
use crate::dialects::fields::Fields;
use crate::models::{
    ChatError, ChatRequest, Effort, ErrorKind, Image, Message, OnDisconnect, Part, ResponseFormat, Role, Thinking,
    Tool, ToolCall, ToolChoice, ToolKind,
};

/// A conversation of this many messages fills the context of any model; more is a mistake or a trick.
const MOST_MESSAGES: usize = 4096;
/// More tools than any provider takes in one request.
const MOST_TOOLS: usize = 512;

const KNOWN: [&str; 20] = [
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
    "assistant",
    "retrieval",
    "metadata",
    "on_disconnect",
    "stream",
    "steps",
];

pub fn request(body: &[u8]) -> Result<ChatRequest, ChatError> {
    let map: Map<String, Value> = serde_json::from_slice(body).map_err(|error| {
        // The place, not the words around it: they may be anybody's secret.
        let place = format!("line {} column {}", error.line(), error.column());
        let what = if error.is_data() { "must be a JSON object" } else { "is not valid JSON" };
        ChatError::new(ErrorKind::InvalidRequest, format!("the body {what} ({place})"))
    })?;
    let fields = Fields::root(&map);
    not_yet(&fields)?;
    let warnings =
        fields.unknown(&KNOWN).iter().map(|name| format!("the field {name} is not known and was left out")).collect();
    Ok(ChatRequest {
        provider: fields.str("provider")?.map(str::to_owned),
        model: fields.str("model")?.map(str::to_owned),
        messages: read_messages(&fields)?,
        temperature: fields.number("temperature", 0.0, 2.0)?,
        top_p: fields.number("top_p", 0.0, 1.0)?,
        max_tokens: fields.count("max_tokens", 1)?,
        stop: read_stop(&fields)?,
        seed: fields.integer("seed")?,
        thinking: read_thinking(&fields)?,
        tools: read_tools(&fields)?,
        tool_choice: read_tool_choice(&fields)?,
        parallel_tool_calls: fields.bool("parallel_tool_calls")?,
        response_format: read_format(&fields)?,
        metadata: fields.object("metadata")?.map(|fields| fields.map().clone()).unwrap_or_default(),
        on_disconnect: read_on_disconnect(&fields)?,
        stream: false,
        native: None,
        warnings,
        rejected: Vec::new(),
    })
}

/// Fields of the contract whose rooms are not built yet: refused, because to leave them out would
/// change what the request means.
fn not_yet(fields: &Fields<'_>) -> Result<(), ChatError> {
    for name in ["session_id", "retrieval"] {
        if fields.get(name).is_some() {
            return fields.wrong(name, "is not supported by this version");
        }
    }
    match fields.str("assistant")? {
        None | Some("plain") => Ok(()),
        Some(_) => fields.wrong("assistant", "must be plain: this version has no other"),
    }
}

fn read_messages(fields: &Fields<'_>) -> Result<Vec<Message>, ChatError> {
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
    items.iter().enumerate().map(|(at, item)| read_message(&Fields::at(item, format!("messages[{at}]"))?)).collect()
}

fn read_message(fields: &Fields<'_>) -> Result<Message, ChatError> {
    let role = match fields.need_str("role")? {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" => Role::Tool,
        _ => return fields.wrong("role", "must be one of system, developer, user, assistant, tool"),
    };
    let tool_calls = read_calls(fields)?;
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
        if let Some(name) = ["reasoning", "opaque"].into_iter().find(|name| fields.get(name).is_some()) {
            return fields.wrong(name, "belongs to an assistant message only");
        }
        return Ok(Message { role, parts, tool_call_id });
    }
    let reasoning = fields.str("reasoning")?.filter(|text| !text.is_empty());
    let mut all: Vec<Part> = reasoning.map(|text| Part::Reasoning(text.to_owned())).into_iter().collect();
    all.extend(opaque::in_order(parts, tool_calls, opaque::read_placed(fields)?));
    Ok(Message { role, parts: all, tool_call_id })
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
            image_from_url(url, fields, "image_url").map(Part::Image)
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
        return image_from_url(url, fields, "url");
    }
    if fields.get("data").is_none() {
        return fields.wrong("url", "or data is required");
    }
    image_from_data(fields.need_str("media_type")?, fields.need_str("data")?, fields, "data")
}

fn image_from_url(url: &str, fields: &Fields<'_>, name: &str) -> Result<Image, ChatError> {
    if url.starts_with("https://") || url.starts_with("http://") {
        return Ok(Image::Url(url.to_owned()));
    }
    let parts = url.strip_prefix("data:").and_then(|rest| rest.split_once(";base64,"));
    match parts {
        Some((media_type, data)) => image_from_data(media_type, data, fields, name),
        None => fields.wrong(name, "must be an http, https or base64 data address"),
    }
}

fn image_from_data(media_type: &str, data: &str, fields: &Fields<'_>, name: &str) -> Result<Image, ChatError> {
    if !media_type.starts_with("image/") {
        return fields.wrong(name, "must be an image: image/png, image/jpeg, image/webp or image/gif");
    }
    let base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_');
    if data.is_empty() || !data.bytes().all(base64) {
        return fields.wrong(name, "must be base64");
    }
    Ok(Image::Base64 { media_type: media_type.to_owned(), data: data.to_owned() })
}

fn read_calls(fields: &Fields<'_>) -> Result<Vec<ToolCall>, ChatError> {
    let path = fields.path("tool_calls");
    let read = |(at, item): (usize, &Value)| {
        let call = Fields::at(item, format!("{path}[{at}]"))?;
        let (kind, inner, arguments) = match call.str("type")? {
            Some("custom") => (ToolKind::Custom, call.need_object("custom")?, "input"),
            None | Some("function") => (ToolKind::Function, call.need_object("function")?, "arguments"),
            Some(_) => return call.wrong("type", "must be function or custom"),
        };
        Ok(ToolCall {
            id: call.need_str("id")?.to_owned(),
            name: inner.need_str("name")?.to_owned(),
            arguments: inner.str(arguments)?.unwrap_or_default().to_owned(),
            kind,
            opaque: opaque::read(&call)?,
        })
    };
    fields.array("tool_calls")?.iter().enumerate().map(read).collect()
}

fn read_stop(fields: &Fields<'_>) -> Result<Vec<String>, ChatError> {
    match fields.get("stop") {
        None => Ok(Vec::new()),
        Some(Value::String(word)) => Ok(vec![word.clone()]),
        Some(Value::Array(words)) => match words.iter().map(|word| word.as_str().map(str::to_owned)).collect() {
            Some(words) => Ok(words),
            None => fields.wrong("stop", "must be a string or an array of strings"),
        },
        Some(_) => fields.wrong("stop", "must be a string or an array of strings"),
    }
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

fn read_tools(fields: &Fields<'_>) -> Result<Vec<Tool>, ChatError> {
    let items = fields.array("tools")?;
    if items.len() > MOST_TOOLS {
        return fields.wrong("tools", format!("must have at most {MOST_TOOLS} tools"));
    }
    let read = |(at, item): (usize, &Value)| {
        let tool = Fields::at(item, format!("tools[{at}]"))?;
        if tool.str("type")?.is_some_and(|kind| kind != "function") {
            return tool.wrong("type", "must be function");
        }
        let function = tool.need_object("function")?;
        Ok(Tool {
            name: function.need_str("name")?.to_owned(),
            description: function.str("description")?.map(str::to_owned),
            parameters: function.object("parameters")?.map(|schema| Value::Object(schema.map().clone())),
            strict: function.bool("strict")?,
        })
    };
    items.iter().enumerate().map(read).collect()
}

fn read_tool_choice(fields: &Fields<'_>) -> Result<Option<ToolChoice>, ChatError> {
    match fields.get("tool_choice") {
        None => Ok(None),
        Some(Value::String(word)) => match word.as_str() {
            "auto" => Ok(Some(ToolChoice::Auto)),
            "none" => Ok(Some(ToolChoice::None)),
            "required" => Ok(Some(ToolChoice::Required)),
            _ => fields.wrong("tool_choice", "must be auto, none, required or a function"),
        },
        Some(_) => {
            let name = fields.need_object("tool_choice")?.need_object("function")?.need_str("name")?;
            Ok(Some(ToolChoice::Tool(name.to_owned())))
        }
    }
}

fn read_format(fields: &Fields<'_>) -> Result<Option<ResponseFormat>, ChatError> {
    let Some(format) = fields.object("response_format")? else { return Ok(None) };
    match format.need_str("type")? {
        "text" => Ok(Some(ResponseFormat::Text)),
        "json_object" => Ok(Some(ResponseFormat::JsonObject)),
        "json_schema" => {
            let inner = format.need_object("json_schema")?;
            let schema = inner.need_object("schema")?.map().clone();
            Ok(Some(ResponseFormat::JsonSchema {
                name: inner.str("name")?.unwrap_or("answer").to_owned(),
                schema: Value::Object(schema),
                description: inner.str("description")?.map(str::to_owned),
                strict: inner.bool("strict")?,
            }))
        }
        _ => format.wrong("type", "must be text, json_object or json_schema"),
    }
}

fn read_on_disconnect(fields: &Fields<'_>) -> Result<Option<OnDisconnect>, ChatError> {
    match fields.str("on_disconnect")? {
        None => Ok(None),
        Some("cancel") => Ok(Some(OnDisconnect::Cancel)),
        // A run without a session has nowhere to go on.
        Some("detach") => fields.wrong("on_disconnect", "may be detach only with a session"),
        Some(_) => fields.wrong("on_disconnect", "must be cancel or detach"),
    }
}
