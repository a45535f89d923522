//! Reads and checks a request. What providers of other languages cannot be told of is noted, not refused:
//! a server of this language gets it all.

use serde_json::{Map, Value, json};

use super::messages;
use crate::dialects::fields::{self, Fields};
use crate::dialects::ollama::DIALECT;
use crate::dialects::openai_fields;
use crate::models::{Beyond, ChatError, ChatRequest, Effort, Message, Native, Part, ResponseFormat, Role, Thinking};

/// What is understood at the top of either request.
const COMMON: [&str; 6] = ["model", "provider", "stream", "think", "format", "options"];

/// What is understood beside that in a chat. A choice among tools is not the vendor's: its servers pass
/// over it, but other providers know it.
const CHAT: [&str; 3] = ["messages", "tools", "tool_choice"];

/// What is understood beside that in a prompt.
const PROMPT: [&str; 3] = ["prompt", "system", "images"];

/// Without what an answer would be another one.
const ESSENTIAL_TO_CHAT: [&str; 1] = ["_debug_render_only"];
const ESSENTIAL_TO_PROMPT: [&str; 8] =
    ["suffix", "raw", "template", "context", "width", "height", "steps", "_debug_render_only"];

/// What is understood of the options.
const OPTIONS: [&str; 5] = ["temperature", "top_p", "num_predict", "seed", "stop"];

/// A body of `/api/chat`.
pub fn chat(body: &[u8]) -> Result<ChatRequest, ChatError> {
    let mut body = fields::read_body(body)?;
    // By this field a chat is told from a prompt, where the body is sent on as it is.
    if body.get("messages").is_none_or(Value::is_null) {
        body.insert("messages".to_owned(), json!([]));
    }
    let fields = Fields::root(&body);
    let mut beyond = Vec::new();
    let mut chat = read_common(&fields, &mut beyond)?;
    chat.messages = messages::read(&fields, &mut beyond)?;
    chat.tools = openai_fields::read_tools(&fields)?;
    chat.tool_choice = openai_fields::read_tool_choice(&fields)?;
    note_emptiness(&chat, "messages", &mut beyond);
    note_unknown(&fields, &CHAT, &ESSENTIAL_TO_CHAT, &mut beyond);
    Ok(with_native(chat, body, beyond))
}

/// A body of `/api/generate`.
pub fn generate(body: &[u8]) -> Result<ChatRequest, ChatError> {
    let mut body = fields::read_body(body)?;
    body.shift_remove("messages");
    let fields = Fields::root(&body);
    let mut beyond = Vec::new();
    let mut chat = read_common(&fields, &mut beyond)?;
    let message = |role, parts| Message { role, parts, tool_call_id: None };
    let text = |name| Ok(fields.str(name)?.filter(|text| !text.is_empty()).map(|text| Part::Text(text.to_owned())));
    let (system, images) = (text("system")?, messages::read_images(&fields, &mut beyond)?);
    if let Some(prompt) = text("prompt")? {
        chat.messages.extend(system.map(|system| message(Role::System, vec![system])));
        chat.messages.push(message(Role::User, [vec![prompt], images].concat()));
    }
    note_emptiness(&chat, "prompt", &mut beyond);
    note_unknown(&fields, &PROMPT, &ESSENTIAL_TO_PROMPT, &mut beyond);
    Ok(with_native(chat, body, beyond))
}

fn read_common(fields: &Fields<'_>, beyond: &mut Vec<Beyond>) -> Result<ChatRequest, ChatError> {
    let mut chat = ChatRequest {
        provider: fields.str("provider")?.map(str::to_owned),
        model: fields.str("model")?.map(str::to_owned),
        thinking: read_think(fields)?,
        response_format: read_format(fields)?,
        stream: fields.bool("stream")?.unwrap_or(true),
        ..ChatRequest::default()
    };
    let Some(options) = fields.object("options")? else { return Ok(chat) };
    chat.temperature = read_number(&options, "temperature", 2.0, beyond)?;
    chat.top_p = read_number(&options, "top_p", 1.0, beyond)?;
    // Nothing and less than nothing mean that there is no limit, and a seed below zero a new one each time.
    chat.max_tokens =
        read_whole(&options, "num_predict")?.and_then(|most| u64::try_from(most).ok()).filter(|&most| most > 0);
    chat.seed = read_whole(&options, "seed")?.filter(|&seed| seed >= 0);
    chat.stop = openai_fields::read_stop(&options)?;
    let others = options.unknown(&OPTIONS).into_iter().filter(|name| options.get(name).is_some());
    beyond.extend(others.map(|name| Beyond { path: options.path(&name), essential: false }));
    Ok(chat)
}

/// The vendor has no bounds; what lies outside of the usual ones only its servers can make something of.
fn read_number(
    options: &Fields<'_>,
    name: &str,
    most: f64,
    beyond: &mut Vec<Beyond>,
) -> Result<Option<f64>, ChatError> {
    match options.get(name).map(Value::as_f64) {
        None => Ok(None),
        Some(Some(number)) if (0.0..=most).contains(&number) => Ok(Some(number)),
        Some(Some(_)) => {
            beyond.push(Beyond { path: options.path(name), essential: true });
            Ok(None)
        }
        Some(None) => options.wrong(name, "must be a number"),
    }
}

/// As the vendor has it, what stands behind the point is left out.
fn read_whole(options: &Fields<'_>, name: &str) -> Result<Option<i64>, ChatError> {
    let whole = |value: &Value| value.as_i64().or(value.as_f64().map(|number| number as i64));
    match options.get(name).map(whole) {
        None => Ok(None),
        Some(Some(number)) => Ok(Some(number)),
        Some(None) => options.wrong(name, "must be a whole number"),
    }
}

fn read_think(fields: &Fields<'_>) -> Result<Option<Thinking>, ChatError> {
    let (enabled, effort) = match fields.get("think") {
        None => return Ok(None),
        Some(Value::Bool(enabled)) => (*enabled, None),
        Some(Value::String(word)) => match word.as_str() {
            "low" => (true, Some(Effort::Low)),
            "medium" => (true, Some(Effort::Medium)),
            "high" => (true, Some(Effort::High)),
            "max" => (true, Some(Effort::Max)),
            _ => return fields.wrong("think", "must be true, false, low, medium, high or max"),
        },
        Some(_) => return fields.wrong("think", "must be true, false, low, medium, high or max"),
    };
    Ok(Some(Thinking { enabled, budget_tokens: None, effort }))
}

fn read_format(fields: &Fields<'_>) -> Result<Option<ResponseFormat>, ChatError> {
    match fields.get("format") {
        None => Ok(None),
        Some(Value::String(word)) if word.is_empty() => Ok(None),
        Some(Value::String(word)) if word == "json" => Ok(Some(ResponseFormat::JsonObject)),
        Some(Value::Object(schema)) => Ok(Some(ResponseFormat::JsonSchema {
            name: "answer".to_owned(),
            schema: Value::Object(schema.clone()),
            description: None,
            // Not every schema can be held to by every provider, and this one does not say.
            strict: None,
        })),
        Some(_) => fields.wrong("format", "must be json or a JSON schema"),
    }
}

/// A request without anything to say loads the model, where there is something to load.
fn note_emptiness(chat: &ChatRequest, name: &str, beyond: &mut Vec<Beyond>) {
    if chat.messages.is_empty() {
        beyond.push(Beyond { path: name.to_owned(), essential: true });
    }
}

fn note_unknown(fields: &Fields<'_>, known: &[&str], essential: &[&str], beyond: &mut Vec<Beyond>) {
    let says_something = |name: &String| match fields.get(name) {
        // What packages write for fields that nobody has set.
        None | Some(Value::Bool(false)) => false,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(_) => true,
    };
    let unknown = fields.unknown(&[&COMMON, known].concat()).into_iter().filter(says_something);
    beyond.extend(unknown.map(|path| Beyond { essential: essential.contains(&path.as_str()), path }));
}

fn with_native(chat: ChatRequest, body: Map<String, Value>, beyond: Vec<Beyond>) -> ChatRequest {
    ChatRequest { native: Some(Native { dialect: DIALECT, body, beyond, headers: Vec::new() }), ..chat }
}
