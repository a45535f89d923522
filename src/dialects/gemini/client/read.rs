//! Reads and checks a request. What providers of other languages cannot be told of is noted, not refused:
//! a provider of this language gets it all.

use serde_json::Value;

use super::{camel, contents, schema};
use crate::dialects::fields::{self, Fields};
use crate::dialects::gemini::DIALECT;
use crate::models::{Beyond, ChatError, ChatRequest, Effort, Native, ResponseFormat, Thinking, Tool, ToolChoice};

/// What is understood at the top of a request. `model` stands in the address, and is obeyed there.
const KNOWN: [&str; 6] = ["contents", "systemInstruction", "generationConfig", "tools", "toolConfig", "model"];

/// What is understood of `generationConfig`.
const KNOWN_CONFIG: [&str; 11] = [
    "temperature",
    "topP",
    "maxOutputTokens",
    "stopSequences",
    "seed",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "thinkingConfig",
    "candidateCount",
    "responseModalities",
];

/// What an answer would be another one without: what the conversation goes on from.
const ESSENTIAL: [&str; 2] = ["cachedContent", "continuationToken"];

pub fn request(body: &[u8]) -> Result<ChatRequest, ChatError> {
    let body = camel::names(fields::read_body(body)?)?;
    let fields = Fields::root(&body);
    let mut beyond = Vec::new();
    let mut chat = ChatRequest { messages: contents::read(&fields, &mut beyond)?, ..ChatRequest::default() };
    if let Some(config) = fields.object("generationConfig")? {
        read_config(&config, &mut chat, &mut beyond)?;
    }
    read_tools(&fields, &mut chat, &mut beyond)?;
    note_others(&fields, &KNOWN, &mut beyond);
    for other in beyond.iter_mut().filter(|other| ESSENTIAL.contains(&other.path.as_str())) {
        other.essential = true;
    }
    chat.native = Some(Native { dialect: DIALECT, body, beyond, headers: Vec::new() });
    Ok(chat)
}

/// Whether the client wants to see what the model thinks.
pub fn wants_thoughts(chat: &ChatRequest) -> bool {
    let config = chat.native.as_ref().and_then(|native| native.body.get("generationConfig"));
    let thinking = config.and_then(|config| config.get("thinkingConfig"));
    thinking.and_then(|thinking| thinking.get("includeThoughts")).and_then(Value::as_bool).unwrap_or(false)
}

/// Notes what is not among the known names, unless it says what the vendor takes for granted.
pub fn note_others(fields: &Fields<'_>, known: &[&str], beyond: &mut Vec<Beyond>) {
    let others = fields.unknown(known).into_iter();
    let others = others.filter(|name| fields.get(name).is_some_and(|value| !says_nothing(value)));
    beyond.extend(others.map(|name| Beyond { path: fields.path(&name), essential: false }));
}

/// The vendor's format has no difference between a field that is absent and one that is empty.
fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty() || text.ends_with("_UNSPECIFIED"),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

fn read_config(config: &Fields<'_>, chat: &mut ChatRequest, beyond: &mut Vec<Beyond>) -> Result<(), ChatError> {
    chat.temperature = config.number("temperature", 0.0, 2.0)?;
    chat.top_p = config.number("topP", 0.0, 1.0)?;
    chat.max_tokens = config.count("maxOutputTokens", 1)?;
    chat.stop = strings(config, "stopSequences")?;
    chat.seed = config.integer("seed")?;
    chat.thinking = read_thinking(config, beyond)?;
    chat.response_format = read_format(config, beyond)?;
    if config.count("candidateCount", 0)?.is_some_and(|count| count > 1) {
        beyond.push(Beyond { path: config.path("candidateCount"), essential: true });
    }
    if strings(config, "responseModalities")?.iter().any(|word| !word.eq_ignore_ascii_case("text")) {
        beyond.push(Beyond { path: config.path("responseModalities"), essential: true });
    }
    note_others(config, &KNOWN_CONFIG, beyond);
    Ok(())
}

/// A budget of 0 is off, one of -1 is as the model likes; levels are what newer models take instead.
fn read_thinking(config: &Fields<'_>, beyond: &mut Vec<Beyond>) -> Result<Option<Thinking>, ChatError> {
    let Some(fields) = config.object("thinkingConfig")? else { return Ok(None) };
    note_others(&fields, &["includeThoughts", "thinkingBudget", "thinkingLevel"], beyond);
    let budget = fields.integer("thinkingBudget")?;
    if budget.is_some_and(|budget| budget < -1) {
        return fields
            .wrong("thinkingBudget", "must be a number of tokens, 0 for none, or -1 to leave it to the model");
    }
    let effort = match fields.str("thinkingLevel")?.map(str::to_ascii_uppercase).as_deref() {
        None | Some("THINKING_LEVEL_UNSPECIFIED") => None,
        Some("MINIMAL") => Some(Effort::Minimal),
        Some("LOW") => Some(Effort::Low),
        Some("MEDIUM") => Some(Effort::Medium),
        Some("HIGH") => Some(Effort::High),
        Some(_) => return fields.wrong("thinkingLevel", "must be one of MINIMAL, LOW, MEDIUM, HIGH"),
    };
    let shown = fields.bool("includeThoughts")?.unwrap_or(false);
    if budget.is_none() && effort.is_none() && !shown {
        return Ok(None);
    }
    let budget_tokens = budget.and_then(|budget| u64::try_from(budget).ok()).filter(|budget| *budget > 0);
    Ok(Some(Thinking { enabled: budget != Some(0), budget_tokens, effort }))
}

fn read_format(config: &Fields<'_>, beyond: &mut Vec<Beyond>) -> Result<Option<ResponseFormat>, ChatError> {
    let schema = match config.object("responseJsonSchema")? {
        Some(fields) => Some(Value::Object(fields.map().clone())),
        None => config.object("responseSchema")?.and(config.get("responseSchema")).map(schema::to_json),
    };
    match (config.str("responseMimeType")?, schema) {
        (None | Some("" | "application/json"), Some(schema)) => {
            Ok(Some(ResponseFormat::JsonSchema { name: "answer".to_owned(), schema, description: None, strict: None }))
        }
        (Some("application/json"), None) => Ok(Some(ResponseFormat::JsonObject)),
        (None | Some("" | "text/plain"), None) => Ok(None),
        // One word of an enum, or a format that no other provider has.
        _ => {
            beyond.push(Beyond { path: config.path("responseMimeType"), essential: true });
            Ok(None)
        }
    }
}

/// Functions; tools of other kinds run at the vendor.
fn read_tools(fields: &Fields<'_>, chat: &mut ChatRequest, beyond: &mut Vec<Beyond>) -> Result<(), ChatError> {
    for (at, item) in fields.array("tools")?.iter().enumerate() {
        let tool = Fields::at(item, format!("tools[{at}]"))?;
        // `{"googleSearch": {}}` is all that it takes to ask for one.
        let others = tool.unknown(&["functionDeclarations"]).into_iter().filter(|name| tool.get(name).is_some());
        beyond.extend(others.map(|name| Beyond { path: tool.path(&name), essential: true }));
        let path = tool.path("functionDeclarations");
        for (at, item) in tool.array("functionDeclarations")?.iter().enumerate() {
            chat.tools.push(read_function(&Fields::at(item, format!("{path}[{at}]"))?, beyond)?);
        }
    }
    let Some(config) = fields.object("toolConfig")? else { return Ok(()) };
    note_others(&config, &["functionCallingConfig"], beyond);
    match config.object("functionCallingConfig")? {
        Some(calling) => read_choice(&calling, chat, beyond),
        None => Ok(()),
    }
}

fn read_function(function: &Fields<'_>, beyond: &mut Vec<Beyond>) -> Result<Tool, ChatError> {
    note_others(function, &["name", "description", "parameters", "parametersJsonSchema"], beyond);
    let parameters = match function.object("parametersJsonSchema")? {
        Some(fields) => Some(Value::Object(fields.map().clone())),
        None => function.object("parameters")?.and(function.get("parameters")).map(schema::to_json),
    };
    Ok(Tool {
        name: function.need_str("name")?.to_owned(),
        description: function.str("description")?.map(str::to_owned),
        parameters,
        strict: None,
    })
}

fn read_choice(calling: &Fields<'_>, chat: &mut ChatRequest, beyond: &mut Vec<Beyond>) -> Result<(), ChatError> {
    note_others(calling, &["mode", "allowedFunctionNames"], beyond);
    let allowed = strings(calling, "allowedFunctionNames")?;
    let mode = calling.str("mode")?.map(str::to_ascii_uppercase);
    chat.tool_choice = match mode.as_deref() {
        None | Some("MODE_UNSPECIFIED") => None,
        Some("AUTO") => Some(ToolChoice::Auto),
        Some("NONE") => Some(ToolChoice::None),
        Some("ANY") => match allowed.as_slice() {
            [name] => Some(ToolChoice::Tool(name.clone())),
            _ => Some(ToolChoice::Required),
        },
        // As the model likes; that the calls are held to their schemas is what others do, or do not.
        Some("VALIDATED") => {
            beyond.push(Beyond { path: calling.path("mode"), essential: false });
            Some(ToolChoice::Auto)
        }
        Some(_) => return calling.wrong("mode", "must be one of AUTO, ANY, NONE, VALIDATED"),
    };
    // A tool that may not be called need not be offered.
    if allowed.len() > 1 || (!allowed.is_empty() && mode.as_deref() == Some("VALIDATED")) {
        chat.tools.retain(|tool| allowed.contains(&tool.name));
    }
    Ok(())
}

fn strings(fields: &Fields<'_>, name: &str) -> Result<Vec<String>, ChatError> {
    let words = fields.array(name)?.iter().map(|word| word.as_str().map(str::to_owned)).collect::<Option<_>>();
    match words {
        Some(words) => Ok(words),
        None => fields.wrong(name, "must be an array of strings"),
    }
}
