//! Reads and checks a request. What providers of other languages cannot be told of is noted, not refused:
//! a provider of this language gets it all.

use serde_json::{Map, Value};

use crate::dialects::fields::{self, Fields, MOST_MESSAGES};
use crate::dialects::openai_chat::DIALECT;
use crate::dialects::{images, opaque, openai_fields};
use crate::models::{
    Beyond, ChatError, ChatRequest, Image, Message, Native, Part, Role, ToolCall, ToolChoice, ToolKind,
};

/// What is understood at the top of a request.
const KNOWN: [&str; 20] = [
    "messages",
    "model",
    "provider",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "max_tokens",
    "max_completion_tokens",
    "stop",
    "seed",
    "n",
    "tools",
    "tool_choice",
    "functions",
    "function_call",
    "parallel_tool_calls",
    "response_format",
    "reasoning_effort",
    "metadata",
];

/// What an answer would be another one without.
const ESSENTIAL: [&str; 3] = ["audio", "modalities", "web_search_options"];

pub fn request(body: &[u8]) -> Result<ChatRequest, ChatError> {
    let body = fields::read_body(body)?;
    let fields = Fields::root(&body);
    let mut beyond = Vec::new();
    let mut chat = ChatRequest {
        provider: fields.str("provider")?.map(str::to_owned),
        model: fields.str("model")?.map(str::to_owned),
        messages: read_messages(&fields, &mut beyond)?,
        temperature: fields.number("temperature", 0.0, 2.0)?,
        top_p: fields.number("top_p", 0.0, 1.0)?,
        max_tokens: fields.count("max_completion_tokens", 1)?.or(fields.count("max_tokens", 1)?),
        stop: openai_fields::read_stop(&fields)?,
        seed: fields.integer("seed")?,
        thinking: openai_fields::read_effort(&fields, "reasoning_effort")?,
        parallel_tool_calls: fields.bool("parallel_tool_calls")?,
        response_format: openai_fields::read_format(&fields)?,
        metadata: fields.object("metadata")?.map(|fields| fields.map().clone()).unwrap_or_default(),
        stream: fields.bool("stream")?.unwrap_or(false),
        ..ChatRequest::default()
    };
    read_tools(&fields, &mut chat, &mut beyond)?;
    if fields.count("n", 1)?.is_some_and(|count| count > 1) {
        beyond.push(Beyond { path: "n".to_owned(), essential: true });
    }
    fields.object("stream_options")?.map(|options| options.bool("include_usage")).transpose()?;
    let unknown = fields
        .unknown(&KNOWN)
        .into_iter()
        .filter(|name| fields.get(name).is_some_and(|value| !says_nothing(name, value)));
    beyond.extend(unknown.map(|path| Beyond { essential: ESSENTIAL.contains(&path.as_str()), path }));
    chat.native = Some(Native { dialect: DIALECT, headers: Vec::new(), body, beyond });
    Ok(chat)
}

/// Whether a stream is to end with a chunk of usage.
pub fn wants_usage(chat: &ChatRequest) -> bool {
    let options = chat.native.as_ref().and_then(|native| native.body.get("stream_options"));
    options.and_then(|options| options.get("include_usage")).and_then(Value::as_bool).unwrap_or(false)
}

/// Fields at the value that they have when they are left out.
fn says_nothing(name: &str, value: &Value) -> bool {
    match name {
        "frequency_penalty" | "presence_penalty" => value.as_f64() == Some(0.0),
        "logprobs" | "store" => value == &Value::Bool(false),
        "modalities" => value == &serde_json::json!(["text"]),
        "service_tier" => value == "auto" || value == "default",
        _ => false,
    }
}

/// Function tools, in the newer or the older form. Tools of other kinds run at the vendor, or take free
/// text: no other provider has them.
fn read_tools(fields: &Fields<'_>, chat: &mut ChatRequest, beyond: &mut Vec<Beyond>) -> Result<(), ChatError> {
    let is_function = |tool: &Value| tool.get("type").is_none_or(|kind| kind == "function");
    let items = fields.array("tools")?;
    for (at, _) in items.iter().enumerate().filter(|(_, tool)| !is_function(tool)) {
        beyond.push(Beyond { path: format!("tools[{at}]"), essential: true });
    }
    if items.iter().all(is_function) {
        chat.tools = openai_fields::read_tools(fields)?;
    }
    let older = fields.array("functions")?;
    if !older.is_empty() {
        let tools =
            older.iter().map(|function| serde_json::json!({"type": "function", "function": function})).collect();
        let map: Map<String, Value> = [("tools".to_owned(), Value::Array(tools))].into_iter().collect();
        chat.tools.extend(openai_fields::read_tools(&Fields::root(&map))?);
    }
    let kind = fields.get("tool_choice").and_then(|choice| choice.get("type")).and_then(Value::as_str);
    if matches!(kind, Some("allowed_tools" | "custom")) {
        beyond.push(Beyond { path: "tool_choice".to_owned(), essential: true });
    } else {
        chat.tool_choice = openai_fields::read_tool_choice(fields)?;
    }
    match fields.get("function_call") {
        None => {}
        Some(Value::String(word)) if word == "none" => chat.tool_choice = Some(ToolChoice::None),
        Some(Value::String(_)) => chat.tool_choice = Some(ToolChoice::Auto),
        Some(_) => {
            chat.tool_choice =
                Some(ToolChoice::Tool(fields.need_object("function_call")?.need_str("name")?.to_owned()));
        }
    }
    Ok(())
}

fn read_messages(fields: &Fields<'_>, beyond: &mut Vec<Beyond>) -> Result<Vec<Message>, ChatError> {
    if fields.get("messages").is_none() {
        return fields.wrong("messages", "is required");
    }
    let items = fields.array("messages")?;
    if items.is_empty() || items.len() > MOST_MESSAGES {
        return fields.wrong("messages", format!("must have at least one message, and at most {MOST_MESSAGES}"));
    }
    let mut last_legacy = String::new();
    let mut messages = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let fields = Fields::at(item, format!("messages[{at}]"))?;
        messages.push(read_message(at, &fields, &mut last_legacy, beyond)?);
    }
    Ok(messages)
}

fn read_message(
    at: usize,
    fields: &Fields<'_>,
    last_legacy: &mut String,
    beyond: &mut Vec<Beyond>,
) -> Result<Message, ChatError> {
    let role = match fields.need_str("role")? {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        "tool" | "function" => Role::Tool,
        _ => return fields.wrong("role", "must be one of system, developer, user, assistant, tool, function"),
    };
    let mut essential = |name: &str| {
        if fields.get(name).is_some() {
            beyond.push(Beyond { path: fields.path(name), essential: true });
        }
    };
    essential("audio");
    let content = read_content(fields, beyond)?;
    match role {
        Role::Assistant => read_assistant(at, fields, content.unwrap_or_default(), last_legacy),
        Role::Tool => {
            // The form before tools has names in the place of ids.
            let id = match fields.str("tool_call_id")? {
                None if fields.str("role")? == Some("function") => last_legacy.clone(),
                _ => fields.need_str("tool_call_id")?.to_owned(),
            };
            Ok(Message { role, parts: content.unwrap_or_default(), tool_call_id: Some(id) })
        }
        _ => match content {
            Some(parts) => Ok(Message { role, parts, tool_call_id: None }),
            None => fields.wrong("content", "is required"),
        },
    }
}

fn read_assistant(
    at: usize,
    fields: &Fields<'_>,
    mut content: Vec<Part>,
    last_legacy: &mut String,
) -> Result<Message, ChatError> {
    content.extend(fields.str("refusal")?.map(|text| Part::Text(text.to_owned())));
    let mut calls = openai_fields::read_calls(fields)?;
    if let Some(call) = fields.object("function_call")? {
        *last_legacy = format!("call_{at}");
        calls.push(ToolCall {
            id: last_legacy.clone(),
            name: call.need_str("name")?.to_owned(),
            arguments: call.str("arguments")?.unwrap_or_default().to_owned(),
            kind: ToolKind::Function,
            opaque: None,
        });
    }
    let reasoning = fields.str("reasoning_content")?.or(fields.str("reasoning")?).filter(|text| !text.is_empty());
    let mut parts: Vec<Part> = reasoning.map(|text| Part::Reasoning(text.to_owned())).into_iter().collect();
    parts.extend(opaque::in_order(content, calls, opaque::read_placed(fields)?));
    Ok(Message { role: Role::Assistant, parts, tool_call_id: None })
}

fn read_content(fields: &Fields<'_>, beyond: &mut Vec<Beyond>) -> Result<Option<Vec<Part>>, ChatError> {
    let items = match fields.get("content") {
        None => return Ok(None),
        Some(Value::String(text)) => return Ok(Some(vec![Part::Text(text.clone())])),
        Some(Value::Array(items)) => items,
        Some(_) => return fields.wrong("content", "must be a string or an array of parts"),
    };
    let path = fields.path("content");
    let mut parts = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let part = Fields::at(item, format!("{path}[{at}]"))?;
        match part.need_str("type")? {
            "text" => parts.push(Part::Text(part.str("text")?.unwrap_or_default().to_owned())),
            "refusal" => parts.push(Part::Text(part.str("refusal")?.unwrap_or_default().to_owned())),
            "image_url" => parts.push(Part::Image(read_image(&part)?)),
            _ => beyond.push(Beyond { path: format!("{path}[{at}]"), essential: true }),
        }
    }
    Ok(Some(parts))
}

fn read_image(part: &Fields<'_>) -> Result<Image, ChatError> {
    let url = match part.get("image_url") {
        Some(Value::String(url)) => url,
        _ => part.need_object("image_url")?.need_str("url")?,
    };
    images::from_url(url, part, "image_url")
}
