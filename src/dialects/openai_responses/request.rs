//! A unified request to a body of Responses.

use serde_json::{Map, Value, json};

use super::{DIALECT, input};
use crate::dialects::Outgoing;
use crate::dialects::outgoing::post;
use crate::dialects::parameters::{effort, effort_off, sampling, take_out, warn_of_budget};
use crate::models::{Auth, ChatError, ChatRequest, ModelRule, Part, ResponseFormat, Target, Tool, ToolChoice};

/// The least `max_output_tokens` that the vendor takes.
const LEAST_OUTPUT: u64 = 16;

/// Writes the request for a streamed answer.
pub fn write(chat: &ChatRequest, target: &Target) -> Result<Outgoing, ChatError> {
    let mut warnings = chat.warnings.clone();
    let body = body(chat, target, &mut warnings)?;
    post(target, Auth::Bearer, "/responses", &body, warnings)
}

/// Takes out what the model, the server or the account turned out not to take, once.
pub fn amend(chat: &mut ChatRequest, error: &ChatError) -> bool {
    let words = error.message.to_ascii_lowercase();
    let sealed = words.contains("encrypted content") && words.contains("could not be");
    let torn = words.contains("without its required following item");
    if sealed || torn || error.code.as_deref() == Some("invalid_encrypted_content") {
        return has_state(chat) && reject(chat, "reasoning");
    }
    match error.param.as_deref().unwrap_or_default() {
        "reasoning.summary" if asks_for_summary(chat) => reject(chat, "reasoning.summary"),
        param if param.starts_with("include") => reject(chat, "include"),
        "max_output_tokens" if chat.max_tokens.is_some_and(|most| most < LEAST_OUTPUT) => {
            chat.max_tokens = Some(LEAST_OUTPUT);
            chat.warnings.push(format!("max_tokens is sent as {LEAST_OUTPUT}: the provider takes no less"));
            true
        }
        _ => take_out(chat, error),
    }
}

/// False where it was known before: then something else is wrong.
fn reject(chat: &mut ChatRequest, name: &str) -> bool {
    let news = !chat.rejects(name);
    if news {
        chat.rejected.push(name.to_owned());
    }
    news
}

fn has_state(chat: &ChatRequest) -> bool {
    let own = |part: &Part| matches!(part, Part::Opaque(opaque) if opaque.of(DIALECT).is_some());
    chat.messages.iter().flat_map(|message| &message.parts).any(own)
}

fn asks_for_summary(chat: &ChatRequest) -> bool {
    chat.thinking.is_some_and(|thinking| thinking.enabled)
}

fn body(chat: &ChatRequest, target: &Target, warnings: &mut Vec<String>) -> Result<Value, ChatError> {
    let rule = target.quirks.rule(&target.model);
    let (instructions, items) = input::write(chat, warnings)?;
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| {
        body.insert(name.to_owned(), value);
    };
    set("model", json!(target.model));
    if let Some(instructions) = instructions {
        set("instructions", json!(instructions));
    }
    set("input", Value::Array(items));
    set("stream", json!(true));
    set("store", json!(false));
    if let Some(reasoning) = write_thinking(chat, rule, warnings) {
        set("reasoning", reasoning);
    }
    if let Some(include) = write_include(chat, rule, warnings) {
        set("include", include);
    }
    for (name, value) in sampling(chat, rule, warnings) {
        set(name, value);
    }
    if let Some(max) = chat.max_tokens {
        set("max_output_tokens", json!(max));
    }
    for (name, asked) in [("stop", !chat.stop.is_empty()), ("seed", chat.seed.is_some())] {
        if asked {
            warnings.push(format!("{name} was left out: the provider has no such parameter"));
        }
    }
    if !chat.tools.is_empty() {
        set("tools", chat.tools.iter().map(write_tool).collect());
        if let Some(choice) = &chat.tool_choice {
            set("tool_choice", write_tool_choice(choice));
        }
        if let Some(parallel) = chat.parallel_tool_calls {
            set("parallel_tool_calls", json!(parallel));
        }
    } else if chat.tool_choice.is_some() || chat.parallel_tool_calls.is_some() {
        warnings.push("tool_choice and parallel_tool_calls were left out: there are no tools".to_owned());
    }
    if let Some(format) = &chat.response_format {
        set("text", json!({"format": write_format(format)}));
    }
    Ok(Value::Object(body))
}

fn write_thinking(chat: &ChatRequest, rule: Option<&ModelRule>, warnings: &mut Vec<String>) -> Option<Value> {
    let thinking = chat.thinking.as_ref()?;
    if !thinking.enabled {
        return effort_off(rule, warnings).map(|off| json!({"effort": off}));
    }
    warn_of_budget(thinking, warnings);
    let effort = effort(thinking).as_str();
    if chat.rejects("reasoning.summary") {
        warnings.push("reasoning.summary was left out: the provider refused it, so no thinking is shown".to_owned());
        return Some(json!({"effort": effort}));
    }
    Some(json!({"effort": effort, "summary": "auto"}))
}

/// Asks a model that reasons for its reasoning, sealed, for the next turn. One that does not reason
/// refuses to be asked.
fn write_include(chat: &ChatRequest, rule: Option<&ModelRule>, warnings: &mut Vec<String>) -> Option<Value> {
    let reasons = rule.is_some() || chat.thinking.is_some_and(|thinking| thinking.enabled);
    if reasons && chat.rejects("include") {
        warnings.push("reasoning.encrypted_content was left out: the provider refused to include it".to_owned());
        return None;
    }
    reasons.then(|| json!(["reasoning.encrypted_content"]))
}

fn write_tool(tool: &Tool) -> Value {
    let mut fields = Map::new();
    fields.insert("type".to_owned(), json!("function"));
    fields.insert("name".to_owned(), json!(tool.name));
    if let Some(description) = &tool.description {
        fields.insert("description".to_owned(), json!(description));
    }
    let parameters = tool.parameters.clone().unwrap_or_else(|| json!({"type": "object", "properties": {}}));
    fields.insert("parameters".to_owned(), parameters);
    // Left out, it would mean true here, and false where the caller's request comes from.
    fields.insert("strict".to_owned(), json!(tool.strict.unwrap_or(false)));
    Value::Object(fields)
}

fn write_tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => json!("auto"),
        ToolChoice::None => json!("none"),
        ToolChoice::Required => json!("required"),
        ToolChoice::Tool(name) => json!({"type": "function", "name": name}),
    }
}

fn write_format(format: &ResponseFormat) -> Value {
    match format {
        ResponseFormat::Text => json!({"type": "text"}),
        ResponseFormat::JsonObject => json!({"type": "json_object"}),
        ResponseFormat::JsonSchema { name, schema, description, strict } => {
            let mut fields = Map::new();
            fields.insert("type".to_owned(), json!("json_schema"));
            fields.insert("name".to_owned(), json!(name));
            if let Some(description) = description {
                fields.insert("description".to_owned(), json!(description));
            }
            fields.insert("schema".to_owned(), schema.clone());
            if let Some(strict) = strict {
                fields.insert("strict".to_owned(), json!(strict));
            }
            Value::Object(fields)
        }
    }
}
