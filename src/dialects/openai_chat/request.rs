//! A unified request to a body of Chat Completions.

use serde_json::{Map, Value, json};

use super::DIALECT;
use crate::dialects::Outgoing;
use crate::dialects::outgoing::{function_tool, post};
use crate::dialects::parameters::{effort, effort_off, sampling, warn_of_budget};
use crate::models::{
    Auth, ChatError, ChatRequest, EffortField, MaxTokensField, Message, ModelRule, Part, Quirks, Replay,
    ResponseFormat, Role, Target, Thinking, ToolCall, ToolChoice, ToolKind,
};

/// Writes the request for a streamed answer.
pub fn write(chat: &ChatRequest, target: &Target) -> Result<Outgoing, ChatError> {
    let mut warnings = chat.warnings.clone();
    let body = body(chat, target, &mut warnings);
    post(target, Auth::Bearer, "/chat/completions", &body, warnings)
}

fn body(chat: &ChatRequest, target: &Target, warnings: &mut Vec<String>) -> Value {
    let quirks = &target.quirks;
    let rule = quirks.rule(&target.model);
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| {
        body.insert(name.to_owned(), value);
    };
    set("model", json!(target.model));
    set("messages", chat.messages.iter().map(|message| write_message(message, quirks)).collect());
    set("stream", json!(true));
    if quirks.stream_usage {
        set("stream_options", json!({"include_usage": true}));
    }
    for (name, value) in sampling(chat, rule, warnings) {
        set(name, value);
    }
    if let Some(max) = chat.max_tokens {
        let name = match quirks.max_tokens {
            MaxTokensField::MaxTokens => "max_tokens",
            MaxTokensField::MaxCompletionTokens => "max_completion_tokens",
        };
        set(name, json!(max));
    }
    if !chat.stop.is_empty() {
        if rule.is_none_or(|rule| rule.stop) {
            set("stop", json!(chat.stop));
        } else {
            warnings.push("stop was left out: the model does not take it".to_owned());
        }
    }
    if let Some(seed) = chat.seed {
        set("seed", json!(seed));
    }
    if let Some(thinking) = &chat.thinking {
        for (name, value) in write_thinking(thinking, quirks.effort, rule, warnings) {
            set(name, value);
        }
    }
    if !chat.tools.is_empty() {
        set("tools", chat.tools.iter().map(function_tool).collect());
        if let Some(choice) = &chat.tool_choice {
            set("tool_choice", write_tool_choice(choice));
        }
        if let Some(parallel) = chat.parallel_tool_calls {
            set("parallel_tool_calls", json!(parallel));
        }
    }
    if chat.tools.is_empty() && (chat.tool_choice.is_some() || chat.parallel_tool_calls.is_some()) {
        warnings.push("tool_choice and parallel_tool_calls were left out: there are no tools".to_owned());
    }
    if let Some(format) = &chat.response_format {
        set("response_format", write_format(format));
    }
    Value::Object(body)
}

fn write_thinking(
    thinking: &Thinking,
    field: EffortField,
    rule: Option<&ModelRule>,
    warnings: &mut Vec<String>,
) -> Vec<(&'static str, Value)> {
    if thinking.enabled && field != EffortField::None {
        warn_of_budget(thinking, warnings);
    }
    match (field, thinking.enabled) {
        (EffortField::ReasoningEffort, true) => vec![("reasoning_effort", json!(effort(thinking).as_str()))],
        (EffortField::ReasoningEffort, false) => {
            effort_off(rule, warnings).map(|off| ("reasoning_effort", json!(off))).into_iter().collect()
        }
        (EffortField::ReasoningEnabled, enabled) => {
            let mut fields = vec![("reasoning", json!({"enabled": enabled}))];
            if let Some(effort) = thinking.effort.filter(|_| enabled) {
                fields.push(("reasoning_effort", json!(effort.as_str())));
            }
            fields
        }
        (EffortField::ThinkingType, enabled) => {
            vec![("thinking", json!({"type": if enabled { "enabled" } else { "disabled" }}))]
        }
        (EffortField::None, enabled) => {
            if enabled {
                warnings.push("thinking was left out: the provider has no such parameter".to_owned());
            }
            Vec::new()
        }
    }
}

pub fn write_message(message: &Message, quirks: &Quirks) -> Value {
    let role = match message.role {
        Role::System => &quirks.system_role,
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let mut fields = Map::new();
    fields.insert("role".to_owned(), json!(role));
    let content = write_content(&message.parts);
    let calls: Vec<Value> = message.tool_calls().map(write_call).collect();
    fields.insert("content".to_owned(), content.unwrap_or(if calls.is_empty() { json!("") } else { Value::Null }));
    if let Some((name, value)) = replay(message, quirks.replay, !calls.is_empty()) {
        fields.insert(name.to_owned(), value);
    }
    if !calls.is_empty() {
        fields.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    if let Some(id) = &message.tool_call_id {
        fields.insert("tool_call_id".to_owned(), json!(id));
    }
    Value::Object(fields)
}

/// What of an earlier answer's reasoning goes back.
fn replay(message: &Message, replay: Replay, calls: bool) -> Option<(&'static str, Value)> {
    match replay {
        Replay::None => None,
        Replay::ReasoningContent => {
            let text = message.reasoning();
            (calls && !text.is_empty()).then(|| ("reasoning_content", json!(text)))
        }
        Replay::ReasoningDetails => {
            let own = message.parts.iter().filter_map(|part| match part {
                Part::Opaque(opaque) => opaque.of(DIALECT)?.get("reasoning_details")?.as_array(),
                _ => None,
            });
            let details: Vec<Value> = own.flatten().cloned().collect();
            (!details.is_empty()).then_some(("reasoning_details", Value::Array(details)))
        }
    }
}

/// Text alone goes as a string: every server takes that, not every one takes parts.
fn write_content(parts: &[Part]) -> Option<Value> {
    if !parts.iter().any(|part| matches!(part, Part::Image(_))) {
        let texts =
            parts.iter().filter_map(|part| if let Part::Text(text) = part { Some(text.as_str()) } else { None });
        return texts.fold(None, |all: Option<String>, text| Some(all.unwrap_or_default() + text)).map(Value::String);
    }
    let write = |part: &Part| match part {
        Part::Text(text) => Some(json!({"type": "text", "text": text})),
        Part::Image(image) => Some(json!({"type": "image_url", "image_url": {"url": image.as_url()}})),
        Part::Reasoning(_) | Part::ToolCall(_) | Part::Opaque(_) => None,
    };
    Some(parts.iter().filter_map(write).collect())
}

fn write_call(call: &ToolCall) -> Value {
    match call.kind {
        ToolKind::Function => {
            // An empty string is no JSON, and fails the turn at most servers.
            let arguments = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
            json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}})
        }
        ToolKind::Custom => {
            json!({"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments}})
        }
    }
}

pub fn write_tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Tool(name) => json!({"type": "function", "function": {"name": name}}),
    }
}

pub fn write_format(format: &ResponseFormat) -> Value {
    match format {
        ResponseFormat::Text => json!({"type": "text"}),
        ResponseFormat::JsonObject => json!({"type": "json_object"}),
        ResponseFormat::JsonSchema { name, schema, description, strict } => {
            let mut inner = Map::new();
            inner.insert("name".to_owned(), json!(name));
            inner.insert("schema".to_owned(), schema.clone());
            if let Some(description) = description {
                inner.insert("description".to_owned(), json!(description));
            }
            if let Some(strict) = strict {
                inner.insert("strict".to_owned(), json!(strict));
            }
            json!({"type": "json_schema", "json_schema": inner})
        }
    }
}
