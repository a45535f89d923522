//! A unified request to a model's inputs. Over REST they are the body, through the binding an object.
//!
//! There are two kinds of models. Those that have a rule take the inputs of Chat Completions (the types
//! in the runtime list them); the others take the vendor's older and shorter list, and are checked
//! against it.

use serde_json::{Map, Value, json};

use crate::dialects::Outgoing;
use crate::dialects::openai_chat::{write_format, write_message, write_tool_choice};
use crate::dialects::outgoing::{function_tool, model_path, post};
use crate::models::{
    Auth, ChatError, ChatRequest, Effort, Image, Message, ModelRule, Part, ResponseFormat, Target, Thinking,
    ThinkingForm, ToolChoice,
};

/// The parameter that asks for a stream.
pub const STREAM: &str = "stream";

/// The output limit of a request that names none. The vendor's is 256 tokens where its older schemas
/// name one, and streams of that age do not say that a limit cut them.
const USUAL_OUTPUT: u64 = 2048;

/// Writes the request for a streamed answer.
pub fn write(chat: &ChatRequest, target: &Target) -> Result<Outgoing, ChatError> {
    let path = format!("/{}", model_path(&target.model)?);
    let mut warnings = chat.warnings.clone();
    let inputs = inputs(chat, target, &mut warnings)?;
    post(target, Auth::Bearer, &path, &inputs, warnings)
}

fn inputs(chat: &ChatRequest, target: &Target, warnings: &mut Vec<String>) -> Result<Value, ChatError> {
    let rule = target.quirks.rule(&target.model);
    let mut inputs = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            inputs.insert(name.to_owned(), value);
        }
    };
    set("messages", Some(write_messages(chat, target, rule.is_some())?));
    if chat.rejects(STREAM) {
        warnings.push("the answer was asked for whole: the model does not stream it".to_owned());
    } else {
        set(STREAM, Some(json!(true)));
    }
    let usual = rule.is_none().then_some(USUAL_OUTPUT);
    set("max_tokens", chat.max_tokens.or(usual).map(|value| json!(value)));
    set("temperature", chat.temperature.map(|value| json!(value)));
    set("top_p", chat.top_p.map(|value| json!(value)));
    set("seed", chat.seed.map(|value| json!(value)));
    if !chat.stop.is_empty() {
        if rule.is_some() {
            set("stop", Some(json!(chat.stop)));
        } else {
            warnings.push("stop was left out: the model has no such parameter".to_owned());
        }
    }
    if let Some((name, value)) = chat.thinking.and_then(|thinking| write_thinking(&thinking, rule, warnings)) {
        set(name, Some(value));
    }
    if chat.tools.is_empty() {
        if chat.tool_choice.is_some() || chat.parallel_tool_calls.is_some() {
            warnings.push("tool_choice and parallel_tool_calls were left out: there are no tools".to_owned());
        }
    } else {
        set("tools", Some(chat.tools.iter().map(function_tool).collect()));
        set("tool_choice", chat.tool_choice.as_ref().map(|choice| choose(choice, chat, warnings)));
        if rule.is_some() {
            set("parallel_tool_calls", chat.parallel_tool_calls.map(|parallel| json!(parallel)));
        } else if chat.parallel_tool_calls == Some(false) {
            warnings.push("parallel_tool_calls was left out: the model has no such parameter".to_owned());
        }
    }
    set("response_format", chat.response_format.as_ref().and_then(|format| respond_as(format, rule.is_some())));
    Ok(Value::Object(inputs))
}

fn write_messages(chat: &ChatRequest, target: &Target, takes_addresses: bool) -> Result<Value, ChatError> {
    let write = |(at, message): (usize, &Message)| {
        let by_address = |part: &Part| matches!(part, Part::Image(Image::Url(url)) if !url.starts_with("data:"));
        if !takes_addresses && message.parts.iter().any(by_address) {
            let path = format!("messages[{at}].content");
            let words = format!("{path} has an image by address: the model takes base64 only");
            return Err(ChatError::invalid(path, words));
        }
        let mut written = write_message(message, &target.quirks);
        // Null fails the vendor's check.
        if let Some(content) = written.get_mut("content").filter(|content| content.is_null()) {
            *content = json!("");
        }
        Ok(written)
    };
    chat.messages.iter().enumerate().map(write).collect()
}

/// Only a tool that is named is enforced; to require one is advice to the model (cloudflare/ai#560,
/// #561). Of a single tool both mean the same.
fn choose(choice: &ToolChoice, chat: &ChatRequest, warnings: &mut Vec<String>) -> Value {
    match (choice, chat.tools.as_slice()) {
        (ToolChoice::Required, [only]) => write_tool_choice(&ToolChoice::Tool(only.name.clone())),
        (ToolChoice::Required, _) => {
            warnings.push("tool_choice required is advice to this provider: it may answer without a call".to_owned());
            write_tool_choice(choice)
        }
        _ => write_tool_choice(choice),
    }
}

fn respond_as(format: &ResponseFormat, wrapped: bool) -> Option<Value> {
    match format {
        ResponseFormat::Text if !wrapped => None,
        ResponseFormat::JsonSchema { schema, .. } if !wrapped => {
            Some(json!({"type": "json_schema", "json_schema": schema}))
        }
        _ => Some(write_format(format)),
    }
}

/// By a word where the model has words for it, else by its template's switch, where it has one.
fn write_thinking(
    thinking: &Thinking,
    rule: Option<&ModelRule>,
    warnings: &mut Vec<String>,
) -> Option<(&'static str, Value)> {
    let Some(rule) = rule.filter(|rule| rule.thinking != ThinkingForm::None) else {
        if thinking.enabled != rule.is_some_and(|rule| rule.thinks) {
            warnings.push("thinking was left out: the model has no such parameter".to_owned());
        }
        return None;
    };
    if thinking.enabled && thinking.budget_tokens.is_some() {
        warnings.push("thinking.budget_tokens was left out: the provider takes no budget".to_owned());
    }
    match (thinking.enabled, rule.efforts) {
        (enabled, []) => {
            if let Some(effort) = thinking.effort.filter(|_| enabled) {
                let word = effort.as_str();
                warnings.push(format!("thinking.effort {word} was left out: the model only switches it on and off"));
            }
            Some(("chat_template_kwargs", json!({"enable_thinking": enabled})))
        }
        // It does so without being asked.
        (true, _) if thinking.effort.is_none() && rule.thinks => None,
        (true, efforts) => {
            let asked = thinking.effort.unwrap_or(Effort::Medium);
            // Of two that are as near the higher one: whoever asks wants it to think.
            let nearest = *efforts.iter().rev().min_by_key(|effort| (**effort as u8).abs_diff(asked as u8))?;
            if nearest != asked {
                let (asked, given) = (asked.as_str(), nearest.as_str());
                warnings.push(format!("thinking.effort {asked} is sent as {given}, the nearest that the model takes"));
            }
            Some(("reasoning_effort", json!(nearest.as_str())))
        }
        (false, _) => {
            if rule.off.is_none() {
                warnings.push("thinking cannot be switched off with this model".to_owned());
            }
            Some(("reasoning_effort", json!(rule.off?)))
        }
    }
}
