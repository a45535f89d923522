//! A unified request to a body of Messages.

use http::HeaderValue;
use serde_json::{Map, Value, json};

use super::{DIALECT, messages, thinking};
use crate::dialects::Outgoing;
use crate::dialects::outgoing::post;
use crate::models::{
    Auth, ChatError, ChatRequest, ErrorKind, ModelRule, Part, ResponseFormat, Sampling, Target, Tool, ToolChoice,
};

/// The header that names the API's version.
pub const VERSION_HEADER: &str = "anthropic-version";

/// The header that names what is to be tried before it is part of a version.
pub const BETA_HEADER: &str = "anthropic-beta";

/// The version of a provider that names none.
const DEFAULT_VERSION: &str = "2023-06-01";

/// From this version on, `temperature` and `top_p` are refused for every model. Versions are dates, so
/// that they compare as text.
const WITHOUT_SAMPLING: &str = "2026-10-21";

/// The path of a request for an answer, and that of one for the number of its tokens.
pub const MESSAGES: &str = "/messages";
pub const COUNT: &str = "/messages/count_tokens";

/// What of a request its tokens depend on; the vendor takes nothing else where they are counted.
const COUNTED: [&str; 7] = ["model", "system", "messages", "thinking", "output_config", "tools", "tool_choice"];

/// Writes the request for a streamed answer.
pub fn write(chat: &ChatRequest, target: &Target) -> Result<Outgoing, ChatError> {
    let mut warnings = chat.warnings.clone();
    let body = body(chat, target, version(target), &mut warnings)?;
    send(target, MESSAGES, &[], &Value::Object(body), warnings)
}

/// Writes the request to count the tokens of the same.
pub fn count(chat: &ChatRequest, target: &Target) -> Result<Outgoing, ChatError> {
    let mut body = body(chat, target, version(target), &mut Vec::new())?;
    body.retain(|name, _| COUNTED.contains(&name.as_str()));
    send(target, COUNT, &[], &Value::Object(body), Vec::new())
}

/// A request to a path of the API. What the client said in headers stands behind what the operator says:
/// what is to be tried adds up, the version is the operator's.
pub fn send(
    target: &Target,
    path: &str,
    said: &[(&'static str, String)],
    body: &Value,
    warnings: Vec<String>,
) -> Result<Outgoing, ChatError> {
    let root = target.base_url.split('?').next().unwrap_or_default().trim_end_matches('/');
    let path = if root.ends_with("/v1") { path.to_owned() } else { format!("/v1{path}") };
    let mut outgoing = post(target, Auth::XApiKey, &path, body, warnings)?;
    let headers = outgoing.request.headers_mut();
    for (name, said) in said {
        let value = match headers.get(*name).and_then(|own| own.to_str().ok()) {
            Some(own) if *name == BETA_HEADER => format!("{own},{said}"),
            Some(own) => own.to_owned(),
            None => said.clone(),
        };
        let value = HeaderValue::from_str(&value)
            .map_err(|_| ChatError::invalid(*name, format!("{name} cannot be sent as a header")))?;
        headers.insert(*name, value);
    }
    let value = HeaderValue::from_str(version(target))
        .map_err(|_| ChatError::new(ErrorKind::Internal, "the provider's version cannot be sent as a header"))?;
    headers.entry(VERSION_HEADER).or_insert(value);
    Ok(outgoing)
}

/// The operator's own header, else the quirk.
fn version(target: &Target) -> &str {
    let header = target.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(VERSION_HEADER));
    let named = header.map(|(_, value)| value.as_str()).or(target.quirks.api_version.as_deref());
    named.map(str::trim).filter(|version| !version.is_empty()).unwrap_or(DEFAULT_VERSION)
}

/// Takes out what the model turned out to refuse, once.
pub fn amend(chat: &mut ChatRequest, error: &ChatError) -> bool {
    if error.kind != ErrorKind::InvalidRequest {
        return false;
    }
    let message = error.message.to_ascii_lowercase();
    let mut dropped = Vec::new();
    if message.contains("temperature") && chat.temperature.take().is_some() {
        dropped.push("temperature");
    }
    if message.contains("top_p") && chat.top_p.take().is_some() {
        dropped.push("top_p");
    }
    if dropped.is_empty() && message.contains("thinking") {
        // Blocks that are signed by another account, for another model or another conversation, or
        // that were changed on their way.
        let about_blocks = ["signature", "block"].iter().any(|word| message.contains(word));
        if about_blocks && !message.contains("must start with") && !chat.rejects("thinking") && carries_state(chat) {
            chat.rejected.push("thinking".to_owned());
            return true;
        }
        dropped.extend(chat.thinking.take().map(|_| "thinking"));
    }
    chat.warnings.extend(dropped.iter().map(|name| format!("{name} was left out: the model does not take it")));
    !dropped.is_empty()
}

fn carries_state(chat: &ChatRequest) -> bool {
    let parts = chat.messages.iter().flat_map(|message| &message.parts);
    parts.into_iter().any(|part| matches!(part, Part::Opaque(opaque) if opaque.of(DIALECT).is_some()))
}

fn body(
    chat: &ChatRequest,
    target: &Target,
    version: &str,
    warnings: &mut Vec<String>,
) -> Result<Map<String, Value>, ChatError> {
    let rule = target.quirks.rule(&target.model);
    let choice = tool_choice(chat, rule, warnings)?;
    let forced = matches!(chat.tool_choice, Some(ToolChoice::Required | ToolChoice::Tool(_))) && choice.is_some();
    let mut conversation = messages::write(chat, warnings)?;
    let plan = thinking::plan(chat, rule, &conversation, forced, warnings);
    let format = write_format(chat, &mut conversation.system, warnings);
    let mut body = Map::new();
    let mut set = |name: &str, value: Value| {
        body.insert(name.to_owned(), value);
    };
    set("model", json!(target.model));
    set("max_tokens", json!(plan.max_tokens));
    if let Some(system) = write_system(&conversation.system) {
        set("system", system);
    }
    set("messages", conversation.turns());
    set("stream", json!(true));
    if let Some(field) = plan.field {
        set("thinking", field);
    }
    let config = [("effort", plan.effort.map(|word| json!(word))), ("format", format)];
    let config: Map<String, Value> =
        config.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
    if !config.is_empty() {
        set("output_config", Value::Object(config));
    }
    if let Some((name, value)) = sampling(chat, rule, version, plan.on, warnings) {
        set(name, json!(value));
    }
    if let Some(stop) = write_stop(chat, warnings) {
        set("stop_sequences", stop);
    }
    if chat.seed.is_some() {
        warnings.push("seed was left out: the provider has no such parameter".to_owned());
    }
    if !chat.tools.is_empty() {
        set("tools", chat.tools.iter().map(write_tool).collect());
    }
    if let Some(choice) = choice {
        set("tool_choice", choice);
    }
    if let Some(user) = chat.metadata.get("user_id").filter(|user| user.is_string()) {
        set("metadata", json!({"user_id": user}));
    }
    Ok(body)
}

/// One of the two at most: newer models refuse both together, whatever they say.
fn sampling(
    chat: &ChatRequest,
    rule: Option<&ModelRule>,
    version: &str,
    thinks: bool,
    warnings: &mut Vec<String>,
) -> Option<(&'static str, f64)> {
    let untaken = match rule.map_or(Sampling::Free, |rule| rule.sampling) {
        Sampling::Never => Some("the model does not take it"),
        _ if version >= WITHOUT_SAMPLING => Some("this version of the provider's API does not take it"),
        _ if thinks => Some("the provider does not take it together with thinking"),
        Sampling::OnlyWithoutThinking if chat.thinking.is_none_or(|thinking| thinking.enabled) => {
            Some("the model does not take it")
        }
        _ => None,
    };
    let mut leave_out = |name: &str, why: &str| warnings.push(format!("{name} was left out: {why}"));
    if let Some(why) = untaken {
        let asked = [("temperature", chat.temperature), ("top_p", chat.top_p)];
        asked.iter().filter(|(_, value)| value.is_some()).for_each(|(name, _)| leave_out(name, why));
        return None;
    }
    match (chat.temperature, chat.top_p) {
        (Some(temperature), top_p) => {
            if top_p.is_some() {
                leave_out("top_p", "the provider does not take it together with temperature");
            }
            if temperature > 1.0 {
                warnings.push("temperature is sent as 1: the provider takes no more".to_owned());
            }
            Some(("temperature", temperature.min(1.0)))
        }
        (None, top_p) => top_p.map(|value| ("top_p", value)),
    }
}

/// The vendor refuses stop sequences of nothing but white space.
fn write_stop(chat: &ChatRequest, warnings: &mut Vec<String>) -> Option<Value> {
    let taken: Vec<&String> = chat.stop.iter().filter(|word| !word.trim().is_empty()).collect();
    if taken.len() < chat.stop.len() {
        warnings.push("stop was left out where it is only white space: the provider does not take it".to_owned());
    }
    (!taken.is_empty()).then(|| json!(taken))
}

/// One text is a string; several are blocks.
fn write_system(texts: &[String]) -> Option<Value> {
    match texts {
        [] => None,
        [text] => Some(json!(text)),
        texts => Some(texts.iter().map(|text| json!({"type": "text", "text": text})).collect()),
    }
}

fn write_format(chat: &ChatRequest, system: &mut Vec<String>, warnings: &mut Vec<String>) -> Option<Value> {
    match chat.response_format.as_ref()? {
        ResponseFormat::Text => None,
        ResponseFormat::JsonObject => {
            system.push("Answer with one JSON object and nothing else.".to_owned());
            let words = "response_format json_object is asked for in words only: the provider has no such form";
            warnings.push(words.to_owned());
            None
        }
        ResponseFormat::JsonSchema { schema, description, .. } => {
            let mut schema = schema.clone();
            if let (Some(map), Some(description)) = (schema.as_object_mut(), description) {
                map.entry("description").or_insert_with(|| json!(description));
            }
            Some(json!({"type": "json_schema", "schema": schema}))
        }
    }
}

/// A schema is required, and its type.
fn write_tool(tool: &Tool) -> Value {
    let mut written = Map::new();
    written.insert("name".to_owned(), json!(tool.name));
    if let Some(description) = &tool.description {
        written.insert("description".to_owned(), json!(description));
    }
    let mut schema = tool.parameters.clone().unwrap_or_else(|| json!({"type": "object", "properties": {}}));
    if let Some(map) = schema.as_object_mut() {
        map.entry("type").or_insert_with(|| json!("object"));
    }
    written.insert("input_schema".to_owned(), schema);
    if let Some(strict) = tool.strict {
        written.insert("strict".to_owned(), json!(strict));
    }
    Value::Object(written)
}

fn tool_choice(
    chat: &ChatRequest,
    rule: Option<&ModelRule>,
    warnings: &mut Vec<String>,
) -> Result<Option<Value>, ChatError> {
    let single = chat.parallel_tool_calls == Some(false);
    if chat.tools.is_empty() {
        if chat.tool_choice.is_some() || chat.parallel_tool_calls.is_some() {
            warnings.push("tool_choice and parallel_tool_calls were left out: there are no tools".to_owned());
        }
        return Ok(None);
    }
    let mut choice = match &chat.tool_choice {
        None if !single => return Ok(None),
        None | Some(ToolChoice::Auto) => json!({"type": "auto"}),
        Some(ToolChoice::None) => return Ok(Some(json!({"type": "none"}))),
        Some(ToolChoice::Required | ToolChoice::Tool(_)) if rule.is_some_and(|rule| !rule.forced_tools) => {
            let words = "tool_choice must be auto or none: this model cannot be forced to call a tool";
            return Err(ChatError::invalid("tool_choice", words));
        }
        Some(ToolChoice::Required) => json!({"type": "any"}),
        Some(ToolChoice::Tool(name)) => json!({"type": "tool", "name": name}),
    };
    if let Some(map) = choice.as_object_mut().filter(|_| single) {
        map.insert("disable_parallel_tool_use".to_owned(), json!(true));
    }
    Ok(Some(choice))
}
