//! A unified request to a body of `streamGenerateContent`.

use serde_json::{Map, Value, json};

use super::contents::Conversation;
use super::{SIGNATURE, address, contents, thinking};
use crate::dialects::Outgoing;
use crate::dialects::outgoing::post;
use crate::models::{Auth, ChatError, ChatRequest, ErrorKind, ModelRule, ResponseFormat, Target, Tool, ToolChoice};

/// Writes the request for a streamed answer.
pub fn write(chat: &ChatRequest, target: &Target) -> Result<Outgoing, ChatError> {
    let mut warnings = chat.warnings.clone();
    let rule = target.quirks.rule(address::model(target));
    let Conversation { system, contents } = contents::write(chat, rule, &mut warnings)?;
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| {
        body.insert(name.to_owned(), value);
    };
    if !system.is_empty() {
        set("systemInstruction", json!({"parts": system}));
    }
    set("contents", Value::Array(contents));
    for (name, value) in write_tools(chat, &mut warnings) {
        set(name, value);
    }
    let config = write_config(chat, rule, &mut warnings);
    if !config.is_empty() {
        set("generationConfig", Value::Object(config));
    }
    post(target, Auth::XGoogApiKey, &address::path(target, address::STREAMED)?, &Value::Object(body), warnings)
}

/// Signatures that the model cannot read (another model's, or changed on their way) and calls without
/// one: the next attempt does without the client's, once.
pub fn amend(chat: &mut ChatRequest, error: &ChatError) -> bool {
    let words = error.message.to_ascii_lowercase().replace('_', " ");
    let about = matches!(error.kind, ErrorKind::InvalidRequest | ErrorKind::Provider);
    let amended = about && words.contains("thought signature") && !chat.rejects(SIGNATURE);
    if amended {
        chat.rejected.push(SIGNATURE.to_owned());
    }
    amended
}

fn write_tools(chat: &ChatRequest, warnings: &mut Vec<String>) -> Vec<(&'static str, Value)> {
    if chat.tools.is_empty() {
        if chat.tool_choice.is_some() || chat.parallel_tool_calls.is_some() {
            warnings.push("tool_choice and parallel_tool_calls were left out: there are no tools".to_owned());
        }
        return Vec::new();
    }
    if chat.parallel_tool_calls == Some(false) {
        warnings.push("parallel_tool_calls was left out: the provider has no such parameter".to_owned());
    }
    if chat.tools.iter().any(|tool| tool.strict == Some(true)) {
        warnings.push("strict was left out of the tools: the provider has no such parameter".to_owned());
    }
    let declarations: Vec<Value> = chat.tools.iter().map(write_tool).collect();
    let mut fields = vec![("tools", json!([{"functionDeclarations": declarations}]))];
    if let Some(choice) = &chat.tool_choice {
        let mode = match choice {
            ToolChoice::Auto => json!({"mode": "AUTO"}),
            ToolChoice::None => json!({"mode": "NONE"}),
            ToolChoice::Required => json!({"mode": "ANY"}),
            ToolChoice::Tool(name) => json!({"mode": "ANY", "allowedFunctionNames": [name]}),
        };
        fields.push(("toolConfig", json!({"functionCallingConfig": mode})));
    }
    fields
}

fn write_tool(tool: &Tool) -> Value {
    let mut fields = Map::new();
    fields.insert("name".to_owned(), json!(tool.name));
    if let Some(description) = &tool.description {
        fields.insert("description".to_owned(), json!(description));
    }
    if let Some(parameters) = &tool.parameters {
        fields.insert("parametersJsonSchema".to_owned(), parameters.clone());
    }
    Value::Object(fields)
}

fn write_config(chat: &ChatRequest, rule: Option<&ModelRule>, warnings: &mut Vec<String>) -> Map<String, Value> {
    let (media_type, schema) = match &chat.response_format {
        None | Some(ResponseFormat::Text) => (None, None),
        Some(ResponseFormat::JsonObject) => (Some(json!("application/json")), None),
        Some(ResponseFormat::JsonSchema { schema, description, .. }) => {
            if description.is_some() {
                warnings.push("the description of response_format was left out: the provider takes none".to_owned());
            }
            (Some(json!("application/json")), Some(schema.clone()))
        }
    };
    // It is a number of 32 bits there.
    let seed = chat.seed.filter(|seed| i32::try_from(*seed).is_ok());
    if seed != chat.seed {
        warnings.push("seed was left out: the provider takes numbers of 32 bits only".to_owned());
    }
    let all = [
        ("temperature", chat.temperature.map(|value| json!(value))),
        ("topP", chat.top_p.map(|value| json!(value))),
        ("maxOutputTokens", chat.max_tokens.map(|value| json!(value))),
        ("stopSequences", (!chat.stop.is_empty()).then(|| json!(chat.stop))),
        ("seed", seed.map(|value| json!(value))),
        ("responseMimeType", media_type),
        ("responseJsonSchema", schema),
        ("thinkingConfig", chat.thinking.as_ref().and_then(|asked| thinking::write(asked, rule, warnings))),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
