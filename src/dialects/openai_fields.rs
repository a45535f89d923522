//! What several of OpenAI's languages, and the unified one, write alike.

use serde_json::Value;

use super::fields::Fields;
use super::opaque;
use crate::models::{ChatError, Effort, ResponseFormat, Thinking, Tool, ToolCall, ToolChoice, ToolKind};

/// More tools than any provider takes in one request.
pub const MOST_TOOLS: usize = 512;

/// A refusal of which the provider gives no words: an empty answer would look like a success.
pub const REFUSED: &str = "The model declined to answer.";

/// The comment of a silent stream. One line end, not two: an empty line behind a comment is an empty
/// event to some SDKs, which they fail to read.
pub const HEARTBEAT: &[u8] = b": hb\n";

/// The calls of an assistant message.
pub fn read_calls(fields: &Fields<'_>) -> Result<Vec<ToolCall>, ChatError> {
    let path = fields.path("tool_calls");
    let read = |(at, item): (usize, &Value)| {
        let call = Fields::at(item, format!("{path}[{at}]"))?;
        let (kind, inner, arguments) = match call.str("type")? {
            Some("custom") => (ToolKind::Custom, call.need_object("custom")?, "input"),
            None | Some("function") => (ToolKind::Function, call.need_object("function")?, "arguments"),
            Some(_) => return call.wrong("type", "must be function or custom"),
        };
        Ok(ToolCall {
            id: call.need_str("id")?.to_owned(),
            name: inner.need_str("name")?.to_owned(),
            arguments: inner.str(arguments)?.unwrap_or_default().to_owned(),
            kind,
            opaque: opaque::read(&call)?,
        })
    };
    fields.array("tool_calls")?.iter().enumerate().map(read).collect()
}

/// Where generation stops: one word or several.
pub fn read_stop(fields: &Fields<'_>) -> Result<Vec<String>, ChatError> {
    match fields.get("stop") {
        None => Ok(Vec::new()),
        Some(Value::String(word)) => Ok(vec![word.clone()]),
        Some(Value::Array(words)) => match words.iter().map(|word| word.as_str().map(str::to_owned)).collect() {
            Some(words) => Ok(words),
            None => fields.wrong("stop", "must be a string or an array of strings"),
        },
        Some(_) => fields.wrong("stop", "must be a string or an array of strings"),
    }
}

/// Function tools.
pub fn read_tools(fields: &Fields<'_>) -> Result<Vec<Tool>, ChatError> {
    let items = fields.array("tools")?;
    if items.len() > MOST_TOOLS {
        return fields.wrong("tools", format!("must have at most {MOST_TOOLS} tools"));
    }
    let read = |(at, item): (usize, &Value)| {
        let tool = Fields::at(item, format!("tools[{at}]"))?;
        if tool.str("type")?.is_some_and(|kind| kind != "function") {
            return tool.wrong("type", "must be function");
        }
        let function = tool.need_object("function")?;
        Ok(Tool {
            name: function.need_str("name")?.to_owned(),
            description: function.str("description")?.map(str::to_owned),
            parameters: function.object("parameters")?.map(|schema| Value::Object(schema.map().clone())),
            strict: function.bool("strict")?,
        })
    };
    items.iter().enumerate().map(read).collect()
}

/// How hard to think, in a word.
pub fn read_effort(fields: &Fields<'_>, name: &str) -> Result<Option<Thinking>, ChatError> {
    let Some(word) = fields.str(name)? else { return Ok(None) };
    if word == "none" {
        return Ok(Some(Thinking { enabled: false, budget_tokens: None, effort: None }));
    }
    match serde_json::from_value::<Effort>(Value::from(word)) {
        Ok(effort) => Ok(Some(Thinking { enabled: true, budget_tokens: None, effort: Some(effort) })),
        Err(_) => fields.wrong(name, "must be one of none, minimal, low, medium, high, xhigh, max"),
    }
}

/// Whether and which tool must be called.
pub fn read_tool_choice(fields: &Fields<'_>) -> Result<Option<ToolChoice>, ChatError> {
    match fields.get("tool_choice") {
        None => Ok(None),
        Some(Value::String(word)) => match word.as_str() {
            "auto" => Ok(Some(ToolChoice::Auto)),
            "none" => Ok(Some(ToolChoice::None)),
            "required" => Ok(Some(ToolChoice::Required)),
            _ => fields.wrong("tool_choice", "must be auto, none, required or a function"),
        },
        Some(_) => {
            let name = fields.need_object("tool_choice")?.need_object("function")?.need_str("name")?;
            Ok(Some(ToolChoice::Tool(name.to_owned())))
        }
    }
}

/// The form of the answer.
pub fn read_format(fields: &Fields<'_>) -> Result<Option<ResponseFormat>, ChatError> {
    let Some(format) = fields.object("response_format")? else { return Ok(None) };
    match format.need_str("type")? {
        "text" => Ok(Some(ResponseFormat::Text)),
        "json_object" => Ok(Some(ResponseFormat::JsonObject)),
        "json_schema" => {
            let inner = format.need_object("json_schema")?;
            let schema = inner.need_object("schema")?.map().clone();
            Ok(Some(ResponseFormat::JsonSchema {
                name: inner.str("name")?.unwrap_or("answer").to_owned(),
                schema: Value::Object(schema),
                description: inner.str("description")?.map(str::to_owned),
                strict: inner.bool("strict")?,
            }))
        }
        _ => format.wrong("type", "must be text, json_object or json_schema"),
    }
}
