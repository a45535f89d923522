//! A unified request to a body of `/api/chat`.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::dialects::Outgoing;
use crate::dialects::outgoing::{function_tool, post};
use crate::models::{
    Auth, ChatError, ChatRequest, Effort, Image, Message, Part, ResponseFormat, Role, Target, Thinking, ToolCall,
    ToolChoice,
};

/// Writes the request for a streamed answer.
pub fn write(chat: &ChatRequest, target: &Target) -> Result<Outgoing, ChatError> {
    let mut warnings = chat.warnings.clone();
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| {
        body.insert(name.to_owned(), value);
    };
    set("model", json!(target.model));
    set("messages", write_messages(&chat.messages)?);
    set("stream", json!(true));
    if let Some(thinking) = &chat.thinking {
        set("think", write_thinking(thinking, &mut warnings));
    }
    if let Some(tools) = write_tools(chat, &mut warnings)? {
        set("tools", tools);
    }
    match &chat.response_format {
        None | Some(ResponseFormat::Text) => {}
        Some(ResponseFormat::JsonObject) => set("format", json!("json")),
        Some(ResponseFormat::JsonSchema { schema, .. }) => set("format", schema.clone()),
    }
    let options = write_options(chat);
    if !options.is_empty() {
        set("options", Value::Object(options));
    }
    post(target, Auth::Bearer, "/api/chat", &Value::Object(body), warnings)
}

fn write_options(chat: &ChatRequest) -> Map<String, Value> {
    let stop = (!chat.stop.is_empty()).then(|| json!(chat.stop));
    let all = [
        ("temperature", chat.temperature.map(|value| json!(value))),
        ("top_p", chat.top_p.map(|value| json!(value))),
        ("num_predict", chat.max_tokens.map(|value| json!(value))),
        ("seed", chat.seed.map(|value| json!(value))),
        ("stop", stop),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// True or false; models of the newest kind take an effort of three words.
fn write_thinking(thinking: &Thinking, warnings: &mut Vec<String>) -> Value {
    if thinking.enabled && thinking.budget_tokens.is_some() {
        warnings.push("thinking.budget_tokens was left out: the provider takes no budget".to_owned());
    }
    match thinking.effort.filter(|_| thinking.enabled) {
        None => json!(thinking.enabled),
        Some(Effort::Minimal | Effort::Low) => json!("low"),
        Some(Effort::Medium) => json!("medium"),
        Some(Effort::High) => json!("high"),
        Some(Effort::XHigh | Effort::Max) => json!("max"),
    }
}

/// The server knows no `tool_choice`: what it means must come out the same, or be refused.
fn write_tools(chat: &ChatRequest, warnings: &mut Vec<String>) -> Result<Option<Value>, ChatError> {
    if chat.parallel_tool_calls == Some(false) {
        warnings.push("parallel_tool_calls was left out: the provider has no such parameter".to_owned());
    }
    match &chat.tool_choice {
        _ if chat.tools.is_empty() => Ok(None),
        Some(ToolChoice::None) => Ok(None),
        None | Some(ToolChoice::Auto) => Ok(Some(chat.tools.iter().map(function_tool).collect())),
        Some(ToolChoice::Required | ToolChoice::Tool(_)) => {
            Err(ChatError::invalid("tool_choice", "tool_choice must be auto or none: the provider cannot force a call"))
        }
    }
}

fn write_messages(messages: &[Message]) -> Result<Value, ChatError> {
    // Results are told apart by the tool's name there, and by the call's id here.
    let mut names = HashMap::new();
    let mut written = Vec::with_capacity(messages.len());
    for (at, message) in messages.iter().enumerate() {
        names.extend(message.tool_calls().map(|call| (call.id.as_str(), call.name.as_str())));
        written.push(write_message(at, message, &names)?);
    }
    Ok(Value::Array(written))
}

fn write_message(at: usize, message: &Message, names: &HashMap<&str, &str>) -> Result<Value, ChatError> {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let mut fields = Map::new();
    fields.insert("role".to_owned(), json!(role));
    fields.insert("content".to_owned(), json!(message.text()));
    let images = message.parts.iter().filter_map(|part| if let Part::Image(image) = part { Some(image) } else { None });
    let images: Vec<Value> = images.map(|image| write_image(at, image)).collect::<Result<_, _>>()?;
    if !images.is_empty() {
        fields.insert("images".to_owned(), Value::Array(images));
    }
    let thinking = message.reasoning();
    if !thinking.is_empty() {
        fields.insert("thinking".to_owned(), json!(thinking));
    }
    let calls: Vec<Value> = message.tool_calls().map(write_call).collect();
    if !calls.is_empty() {
        fields.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    if let Some(id) = &message.tool_call_id {
        fields.insert("tool_call_id".to_owned(), json!(id));
        if let Some(name) = names.get(id.as_str()) {
            fields.insert("tool_name".to_owned(), json!(name));
        }
    }
    Ok(Value::Object(fields))
}

fn write_image(at: usize, image: &Image) -> Result<Value, ChatError> {
    match image {
        Image::Base64 { data, .. } => Ok(json!(data)),
        Image::Url(_) => {
            let path = format!("messages[{at}].content");
            Err(ChatError::invalid(
                path.clone(),
                format!("{path} has an image by address: the provider takes base64 only"),
            ))
        }
    }
}

/// Arguments are an object there. What is none (a model's slip, sent back to it) goes as a string.
fn write_call(call: &ToolCall) -> Value {
    let arguments = match call.arguments.trim() {
        "" => json!({}),
        text => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
    };
    json!({"id": call.id, "function": {"name": call.name, "arguments": arguments}})
}
