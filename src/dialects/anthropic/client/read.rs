//! Reads and checks a request. What providers of other languages cannot be told of is noted, not refused:
//! a provider of this language gets it all.

use serde_json::{Map, Value};

use super::content;
use crate::dialects::anthropic::DIALECT;
use crate::dialects::fields::{self, Fields};
use crate::models::{Beyond, ChatError, ChatRequest, Effort, Native, ResponseFormat, Thinking, Tool, ToolChoice};

/// What is understood at the top of a request.
const KNOWN: [&str; 14] = [
    "model",
    "messages",
    "max_tokens",
    "system",
    "stream",
    "temperature",
    "top_p",
    "stop_sequences",
    "thinking",
    "output_config",
    "output_format",
    "tools",
    "tool_choice",
    "metadata",
];

/// What an answer would be another one without: what only the vendor has (files and tools that it runs,
/// conversations that it keeps), and where it may be worked on.
const ESSENTIAL: [&str; 5] = ["container", "mcp_servers", "thread", "compaction", "inference_geo"];

/// The vendor takes no smaller budget for thinking.
const LEAST_BUDGET: u64 = 1024;

/// A request for an answer.
pub fn request(body: &[u8]) -> Result<ChatRequest, ChatError> {
    let chat = read(fields::read_body(body)?)?;
    match chat.max_tokens {
        Some(_) => Ok(chat),
        None => Err(ChatError::invalid("max_tokens", "max_tokens is required")),
    }
}

/// A request to count its tokens: the same, but there is no answer to limit.
pub fn count_request(body: &[u8]) -> Result<ChatRequest, ChatError> {
    read(fields::read_body(body)?)
}

/// What of a request providers of other languages cannot be told of.
#[derive(Default)]
pub struct Notes {
    beyond: Vec<Beyond>,
    names: Vec<String>,
}

impl Notes {
    /// Without this the request would mean something else.
    pub fn essential(&mut self, path: String) {
        self.beyond.push(Beyond { path, essential: true });
    }

    /// Fields that may be left out. A name is noted where it first stands: `cache_control` may be on every
    /// block of a long conversation.
    pub fn rest(&mut self, fields: &Fields<'_>, known: &[&str]) {
        for name in fields.unknown(known) {
            let says = fields.get(&name).is_some_and(|value| !says_nothing(&name, value));
            if !says || self.names.contains(&name) {
                continue;
            }
            self.beyond.push(Beyond { path: fields.path(&name), essential: false });
            self.names.push(name);
        }
    }
}

/// Fields at the value that they have when they are left out.
fn says_nothing(name: &str, value: &Value) -> bool {
    match name {
        "service_tier" => value == "auto",
        "speed" => value == "standard",
        "mcp_servers" | "input_examples" => value.as_array().is_some_and(Vec::is_empty),
        "allowed_callers" => value == &serde_json::json!(["direct"]),
        "defer_loading" | "eager_input_streaming" => value == &Value::Bool(false),
        "display" => value == "summarized",
        _ => false,
    }
}

fn read(body: Map<String, Value>) -> Result<ChatRequest, ChatError> {
    let fields = Fields::root(&body);
    let mut notes = Notes::default();
    let mut messages: Vec<_> = content::read_system(&fields, &mut notes)?.into_iter().collect();
    messages.extend(content::read_messages(&fields, &mut notes)?);
    let config = fields.object("output_config")?;
    let (tool_choice, parallel_tool_calls) = read_tool_choice(&fields)?;
    let mut chat = ChatRequest {
        model: fields.str("model")?.map(str::to_owned),
        messages,
        temperature: fields.number("temperature", 0.0, 1.0)?,
        top_p: fields.number("top_p", 0.0, 1.0)?,
        max_tokens: fields.count("max_tokens", 1)?,
        stop: read_stop(&fields)?,
        thinking: read_thinking(&fields, config.as_ref(), &mut notes)?,
        tools: read_tools(&fields, &mut notes)?,
        tool_choice,
        parallel_tool_calls,
        response_format: read_format(&fields, config.as_ref())?,
        metadata: fields.object("metadata")?.map(|fields| fields.map().clone()).unwrap_or_default(),
        stream: fields.bool("stream")?.unwrap_or(false),
        ..ChatRequest::default()
    };
    fields.count("top_k", 0)?;
    if let Some(config) = &config {
        notes.rest(config, &["effort", "format"]);
    }
    for name in ESSENTIAL {
        if fields.get(name).is_some_and(|value| !says_nothing(name, value)) {
            notes.essential(name.to_owned());
        }
    }
    notes.rest(&fields, &[&KNOWN[..], &ESSENTIAL[..]].concat());
    chat.native = Some(Native { dialect: DIALECT, headers: Vec::new(), body, beyond: notes.beyond });
    Ok(chat)
}

fn read_stop(fields: &Fields<'_>) -> Result<Vec<String>, ChatError> {
    let words = fields.array("stop_sequences")?.iter().map(|word| word.as_str().map(str::to_owned));
    match words.collect() {
        Some(words) => Ok(words),
        None => fields.wrong("stop_sequences", "must be an array of strings"),
    }
}

/// An effort alone asks for thinking too: the vendor's models that take one think unless told otherwise.
fn read_thinking(
    fields: &Fields<'_>,
    config: Option<&Fields<'_>>,
    notes: &mut Notes,
) -> Result<Option<Thinking>, ChatError> {
    let effort = config.map(read_effort).transpose()?.flatten();
    let Some(asked) = fields.object("thinking")? else {
        return Ok(effort.map(|effort| Thinking { enabled: true, budget_tokens: None, effort: Some(effort) }));
    };
    let (enabled, budget_tokens) = match asked.need_str("type")? {
        "enabled" => match asked.count("budget_tokens", LEAST_BUDGET)? {
            Some(budget) => (true, Some(budget)),
            None => return asked.wrong("budget_tokens", "is required"),
        },
        "adaptive" => (true, None),
        // The second is what comes nearest to the first with a model that must think somewhere.
        "disabled" | "between_tools" => (false, None),
        _ => return asked.wrong("type", "must be one of enabled, adaptive, disabled, between_tools"),
    };
    notes.rest(&asked, &["type", "budget_tokens"]);
    Ok(Some(Thinking { enabled, budget_tokens, effort }))
}

fn read_effort(config: &Fields<'_>) -> Result<Option<Effort>, ChatError> {
    let Some(word) = config.str("effort")? else { return Ok(None) };
    match serde_json::from_value(Value::from(word)) {
        Ok(effort) => Ok(Some(effort)),
        Err(_) => config.wrong("effort", "must be one of low, medium, high, xhigh, max"),
    }
}

/// `output_format` is the older place.
fn read_format(fields: &Fields<'_>, config: Option<&Fields<'_>>) -> Result<Option<ResponseFormat>, ChatError> {
    let newer = config.map(|config| config.object("format")).transpose()?.flatten();
    let Some(format) = newer.map_or_else(|| fields.object("output_format"), |format| Ok(Some(format)))? else {
        return Ok(None);
    };
    if format.need_str("type")? != "json_schema" {
        return format.wrong("type", "must be json_schema");
    }
    let schema = Value::Object(format.need_object("schema")?.map().clone());
    // The vendor holds its models to it, and has no name for it.
    Ok(Some(ResponseFormat::JsonSchema { name: "answer".to_owned(), schema, description: None, strict: Some(true) }))
}

/// The caller's own tools. Those of other types run at the vendor, or their definition is there: no other
/// provider has them.
fn read_tools(fields: &Fields<'_>, notes: &mut Notes) -> Result<Vec<Tool>, ChatError> {
    let mut tools = Vec::new();
    for (at, item) in fields.array("tools")?.iter().enumerate() {
        let tool = Fields::at(item, format!("tools[{at}]"))?;
        if tool.str("type")?.is_some_and(|kind| kind != "custom") {
            notes.essential(format!("tools[{at}]"));
            continue;
        }
        tools.push(Tool {
            name: tool.need_str("name")?.to_owned(),
            description: tool.str("description")?.map(str::to_owned),
            parameters: Some(Value::Object(tool.need_object("input_schema")?.map().clone())),
            strict: tool.bool("strict")?,
        });
        notes.rest(&tool, &["type", "name", "description", "input_schema", "strict"]);
    }
    Ok(tools)
}

/// Whether and which tool must be called, and whether several may be at once.
fn read_tool_choice(fields: &Fields<'_>) -> Result<(Option<ToolChoice>, Option<bool>), ChatError> {
    let Some(choice) = fields.object("tool_choice")? else { return Ok((None, None)) };
    let which = match choice.need_str("type")? {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Required,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Tool(choice.need_str("name")?.to_owned()),
        _ => return choice.wrong("type", "must be one of auto, any, tool, none"),
    };
    Ok((Some(which), choice.bool("disable_parallel_tool_use")?.map(|disabled| !disabled)))
}
