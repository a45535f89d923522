//! Requests in the unified language: to another gateway of this kind, and to a session's own object.

use serde_json::{Map, Value, json};

use super::kept;
use crate::dialects::{opaque, outgoing};
use crate::models::{
    ChatRequest, Image, Message, OnDisconnect, Opaque, Parent, Part, Place, Placed, ResponseFormat, Role, SessionTurn,
    Thinking, ToolChoice,
};

/// A request for this model; none is the default of whoever is asked.
pub fn request(chat: &ChatRequest, model: &str) -> Value {
    let mut body = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    set("model", (!model.is_empty()).then(|| json!(model)));
    let passing = if chat.session.is_some() { chat.passing } else { 0 };
    set("messages", Some(chat.messages.iter().skip(passing).map(message).collect()));
    let words: Vec<String> = chat.messages.iter().take(passing).map(Message::text).collect();
    set("instructions", (passing > 0).then(|| json!(words.join("\n\n"))));
    set("temperature", chat.temperature.map(|value| json!(value)));
    set("top_p", chat.top_p.map(|value| json!(value)));
    set("max_tokens", chat.max_tokens.map(|value| json!(value)));
    set("stop", (!chat.stop.is_empty()).then(|| json!(chat.stop)));
    set("seed", chat.seed.map(|value| json!(value)));
    set("thinking", chat.thinking.map(thinking));
    set("tools", (!chat.tools.is_empty()).then(|| chat.tools.iter().map(outgoing::function_tool).collect()));
    set("tool_choice", chat.tool_choice.as_ref().map(tool_choice));
    set("parallel_tool_calls", chat.parallel_tool_calls.map(|value| json!(value)));
    set("response_format", chat.response_format.as_ref().map(response_format));
    set("assistant", chat.assistant.as_ref().map(|name| json!(name)));
    let retrieval = chat.retrieval.as_ref();
    set("retrieval", retrieval.map(|asked| json!({"collection": asked.collection, "top_k": asked.top_k})));
    set("steps", chat.steps.then(|| json!(true)));
    set("metadata", (!chat.metadata.is_empty()).then(|| json!(chat.metadata)));
    if let Some(SessionTurn { id, parent, queue }) = &chat.session {
        set("session_id", Some(json!(id)));
        set("on_busy", queue.then(|| json!("queue")));
        set("asked", chat.native.as_ref().map(|native| asked(&native.body)));
        set("on_disconnect", chat.on_disconnect.map(|choice| json!(on_disconnect(choice))));
        match parent {
            Parent::Latest => {}
            Parent::Start => set("parent", Some(Value::Null)),
            Parent::Run(run) => set("parent", Some(json!(run))),
        }
    }
    Value::Object(body)
}

/// What an answer in the client's language repeats of its request: all but the conversation.
fn asked(body: &Map<String, Value>) -> Value {
    let rest = body.iter().filter(|(name, _)| !matches!(name.as_str(), "input" | "messages" | "stream"));
    Value::Object(rest.map(|(name, value)| (name.clone(), value.clone())).collect())
}

/// A message. Where thinking and state stand among the rest is told beside them.
pub fn message(message: &Message) -> Value {
    let mut fields = Map::new();
    fields.insert("role".to_owned(), json!(role(message.role)));
    if let Some(id) = &message.tool_call_id {
        fields.insert("tool_call_id".to_owned(), json!(id));
    }
    let calls: Vec<Value> = message.tool_calls().map(kept::call).collect();
    let content = content(&message.parts);
    if calls.is_empty() || content != json!("") {
        fields.insert("content".to_owned(), content);
    }
    let reasoning = message.reasoning();
    if !reasoning.is_empty() {
        fields.insert("reasoning".to_owned(), json!(reasoning));
    }
    if !calls.is_empty() {
        fields.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    let state = placed(&message.parts);
    if !state.is_empty() {
        fields.insert("opaque".to_owned(), state.iter().map(opaque::placed).collect());
    }
    Value::Object(fields)
}

/// A text, or the parts of it and of pictures.
fn content(parts: &[Part]) -> Value {
    let mut texts = parts.iter().filter(|part| matches!(part, Part::Text(_) | Part::Image(_)));
    match (texts.next(), texts.next()) {
        (None, _) => json!(""),
        (Some(Part::Text(text)), None) => json!(text),
        _ => parts.iter().filter_map(part).collect(),
    }
}

fn part(part: &Part) -> Option<Value> {
    match part {
        Part::Text(text) => Some(json!({"type": "text", "text": text})),
        Part::Image(Image::Url(url)) => Some(json!({"type": "image", "url": url})),
        Part::Image(Image::Base64 { media_type, data }) => {
            Some(json!({"type": "image", "media_type": media_type, "data": data}))
        }
        _ => None,
    }
}

fn placed(parts: &[Part]) -> Vec<Placed> {
    let mut after = Place::default();
    let mut all = Vec::new();
    for part in parts {
        match part {
            Part::Text(text) => after.text = after.text.saturating_add(text.len()),
            Part::ToolCall(_) => after.calls = after.calls.saturating_add(1),
            Part::Opaque(Opaque { dialect, data }) => {
                let opaque = Opaque { dialect: dialect.clone(), data: data.clone() };
                all.push(Placed { opaque, after });
            }
            _ => {}
        }
    }
    all
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    }
}

fn thinking(thinking: Thinking) -> Value {
    let mut fields = json!({"enabled": thinking.enabled});
    let known = [
        ("budget_tokens", thinking.budget_tokens.map(|tokens| json!(tokens))),
        ("effort", thinking.effort.map(|effort| json!(effort.as_str()))),
    ];
    for (name, value) in known {
        if let (Some(value), Some(map)) = (value, fields.as_object_mut()) {
            map.insert(name.to_owned(), value);
        }
    }
    fields
}

fn tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Tool(name) => json!({"type": "function", "function": {"name": name}}),
    }
}

fn response_format(format: &ResponseFormat) -> Value {
    match format {
        ResponseFormat::Text => json!({"type": "text"}),
        ResponseFormat::JsonObject => json!({"type": "json_object"}),
        ResponseFormat::JsonSchema { name, schema, description, strict } => {
            json!({"type": "json_schema", "json_schema": {
                "name": name, "schema": schema, "description": description, "strict": strict,
            }})
        }
    }
}

fn on_disconnect(choice: OnDisconnect) -> &'static str {
    match choice {
        OnDisconnect::Cancel => "cancel",
        OnDisconnect::Detach => "detach",
    }
}
