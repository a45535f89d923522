//! Reads and checks a request. What providers of other languages cannot be told of is noted, not refused:
//! a provider of this language gets it all.

use serde_json::{Value, json};

use super::input;
use crate::dialects::fields::{self, Fields};
use crate::dialects::openai_fields::{self, MOST_TOOLS};
use crate::dialects::openai_responses::{DIALECT, own};
use crate::models::{Beyond, ChatError, ChatRequest, Native, Parent, ResponseFormat, SessionTurn, Tool, ToolChoice};

/// What is understood at the top of a request.
const KNOWN: [&str; 18] = [
    "input",
    "instructions",
    "model",
    "provider",
    "stream",
    "stream_options",
    "temperature",
    "top_p",
    "max_output_tokens",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning",
    "text",
    "include",
    "metadata",
    "background",
    "store",
];

/// What the vendor has stored: without it an answer would be another one.
const STORED: [&str; 3] = ["previous_response_id", "conversation", "prompt"];

/// What is always included.
const SEALED_REASONING: &str = "reasoning.encrypted_content";

pub fn request(body: &[u8]) -> Result<ChatRequest, ChatError> {
    let body = fields::read_body(body)?;
    let fields = Fields::root(&body);
    let session = followed(&fields)?;
    let mut beyond = Vec::new();
    let mut chat = ChatRequest {
        provider: fields.str("provider")?.map(str::to_owned),
        model: fields.str("model")?.map(str::to_owned),
        messages: input::read(&fields, &mut beyond)?,
        temperature: fields.number("temperature", 0.0, 2.0)?,
        top_p: fields.number("top_p", 0.0, 1.0)?,
        max_tokens: fields.count("max_output_tokens", 1)?,
        parallel_tool_calls: fields.bool("parallel_tool_calls")?,
        metadata: fields.object("metadata")?.map(|fields| fields.map().clone()).unwrap_or_default(),
        stream: fields.bool("stream")?.unwrap_or(false),
        tools: read_tools(&fields, &mut beyond)?,
        tool_choice: read_tool_choice(&fields, &mut beyond)?,
        passing: fields.str("instructions")?.filter(|text| !text.is_empty()).map_or(0, |_| 1),
        keep: fields.bool("store")?.unwrap_or(true),
        session,
        ..ChatRequest::default()
    };
    if chat.messages.is_empty() && STORED.iter().all(|name| fields.get(name).is_none()) {
        return fields.wrong("input", "is required, and must not be empty");
    }
    if let Some(reasoning) = fields.object("reasoning")? {
        chat.thinking = openai_fields::read_effort(&reasoning, "effort")?;
        note(&reasoning, &["effort", "summary", "generate_summary"], &mut beyond);
    }
    if let Some(text) = fields.object("text")? {
        chat.response_format = read_format(&text)?;
        note(&text, &["format"], &mut beyond);
    }
    let included = fields.array("include")?.iter().enumerate().filter(|(_, name)| *name != SEALED_REASONING);
    beyond.extend(included.map(|(at, _)| Beyond { path: format!("include[{at}]"), essential: false }));
    fields.object("stream_options")?;
    note(&fields, &KNOWN, &mut beyond);
    if chat.session.is_some() {
        // It is ours, and understood.
        beyond.retain(|beyond| beyond.path != "previous_response_id");
    }
    chat.native = Some(Native { dialect: DIALECT, body, beyond, headers: Vec::new() });
    Ok(chat)
}

/// The session in which a response of ours is followed.
fn followed(fields: &Fields<'_>) -> Result<Option<SessionTurn>, ChatError> {
    if fields.bool("background")? == Some(true) {
        return fields.wrong("background", "must be false: an answer of this gateway begins with its request");
    }
    let Some(id) = fields.str("previous_response_id")? else { return Ok(None) };
    if fields.bool("store")? == Some(false) && own::is_own(id) {
        return fields
            .wrong("store", "must be true with previous_response_id: what follows a stored response is stored");
    }
    match own::kept(id) {
        Some((session, run)) => Ok(Some(SessionTurn { id: session, parent: Parent::Run(run), queue: true })),
        None if own::is_own(id) => {
            let words = "was not stored: ask with store true, or send the whole conversation as input";
            fields.wrong("previous_response_id", words)
        }
        // A vendor's: whether it can be followed depends on who is asked.
        None => Ok(None),
    }
}

/// Notes the fields of an object that are not among the known ones.
fn note(fields: &Fields<'_>, known: &[&str], beyond: &mut Vec<Beyond>) {
    for name in fields.unknown(known) {
        if fields.get(&name).is_some_and(|value| !says_nothing(&name, value)) {
            beyond.push(Beyond { path: fields.path(&name), essential: STORED.contains(&name.as_str()) });
        }
    }
}

/// Fields at the value that they have when they are left out.
fn says_nothing(name: &str, value: &Value) -> bool {
    match name {
        "top_logprobs" => value == &json!(0),
        "truncation" => value == "disabled",
        "service_tier" => value == "auto" || value == "default",
        "verbosity" => value == "medium",
        "strict" | "defer_loading" | "async" => value == &json!(false),
        "detail" => value == "auto",
        _ => false,
    }
}

/// Function tools. Tools of other kinds run at the vendor, or take free text: no other provider has them.
fn read_tools(fields: &Fields<'_>, beyond: &mut Vec<Beyond>) -> Result<Vec<Tool>, ChatError> {
    let items = fields.array("tools")?;
    if items.len() > MOST_TOOLS {
        return fields.wrong("tools", format!("must have at most {MOST_TOOLS} tools"));
    }
    let mut tools = Vec::with_capacity(items.len());
    for (at, item) in items.iter().enumerate() {
        let tool = Fields::at(item, format!("tools[{at}]"))?;
        if tool.need_str("type")? != "function" {
            beyond.push(Beyond { path: format!("tools[{at}]"), essential: true });
            continue;
        }
        tools.push(Tool {
            name: tool.need_str("name")?.to_owned(),
            description: tool.str("description")?.map(str::to_owned),
            parameters: tool.object("parameters")?.map(|schema| Value::Object(schema.map().clone())),
            strict: tool.bool("strict")?,
        });
        note(&tool, &["type", "name", "description", "parameters", "strict"], beyond);
    }
    Ok(tools)
}

fn read_tool_choice(fields: &Fields<'_>, beyond: &mut Vec<Beyond>) -> Result<Option<ToolChoice>, ChatError> {
    match fields.get("tool_choice") {
        None => Ok(None),
        Some(Value::String(word)) => match word.as_str() {
            "auto" => Ok(Some(ToolChoice::Auto)),
            "none" => Ok(Some(ToolChoice::None)),
            "required" => Ok(Some(ToolChoice::Required)),
            _ => fields.wrong("tool_choice", "must be auto, none, required or an object"),
        },
        Some(_) => {
            let choice = fields.need_object("tool_choice")?;
            if choice.need_str("type")? == "function" {
                return Ok(Some(ToolChoice::Tool(choice.need_str("name")?.to_owned())));
            }
            beyond.push(Beyond { path: "tool_choice".to_owned(), essential: true });
            Ok(None)
        }
    }
}

fn read_format(text: &Fields<'_>) -> Result<Option<ResponseFormat>, ChatError> {
    let Some(format) = text.object("format")? else { return Ok(None) };
    match format.need_str("type")? {
        "text" => Ok(Some(ResponseFormat::Text)),
        "json_object" => Ok(Some(ResponseFormat::JsonObject)),
        "json_schema" => Ok(Some(ResponseFormat::JsonSchema {
            name: format.need_str("name")?.to_owned(),
            schema: Value::Object(format.need_object("schema")?.map().clone()),
            description: format.str("description")?.map(str::to_owned),
            strict: format.bool("strict")?,
        })),
        _ => format.wrong("type", "must be text, json_object or json_schema"),
    }
}
