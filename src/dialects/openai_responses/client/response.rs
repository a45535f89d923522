//! The response object, which stands at both ends of a stream.

use serde_json::{Map, Value, json};

use crate::dialects::ReplyOptions;
use crate::dialects::openai_error;
use crate::dialects::openai_responses::own;
use crate::models::{ChatError, ChatRequest, Finish, Usage};

/// What the vendor repeats of the request, and what stands there where the request says nothing. Null
/// where only the provider knows.
const ECHOED: [(&str, &str); 20] = [
    ("background", "false"),
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("max_tool_calls", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("previous_response_id", "null"),
    ("prompt", "null"),
    ("prompt_cache_key", "null"),
    ("reasoning", r#"{"effort":null,"summary":null}"#),
    ("safety_identifier", "null"),
    ("service_tier", "null"),
    ("temperature", "null"),
    ("text", r#"{"format":{"type":"text"}}"#),
    ("tool_choice", r#""auto""#),
    ("tools", "[]"),
    ("top_logprobs", "0"),
    ("top_p", "null"),
    ("truncation", r#""disabled""#),
    ("user", "null"),
];

/// How far an answer is.
pub enum Stage<'a> {
    Begun,
    Completed,
    Incomplete(&'static str),
    Failed(&'a ChatError),
}

impl Stage<'static> {
    /// How far an answer is that finished so.
    pub fn of(reason: Finish) -> Self {
        match reason {
            Finish::Stop | Finish::ToolCalls | Finish::Refusal => Stage::Completed,
            Finish::Length => Stage::Incomplete("max_output_tokens"),
            Finish::ContentFilter => Stage::Incomplete("content_filter"),
            Finish::Pause => Stage::Incomplete("steered"),
            Finish::Cancelled => Stage::Incomplete("cancelled"),
        }
    }
}

impl Stage<'_> {
    fn status(&self) -> &'static str {
        match self {
            Stage::Begun => "in_progress",
            Stage::Completed => "completed",
            Stage::Incomplete(_) => "incomplete",
            Stage::Failed(_) => "failed",
        }
    }

    /// The event that ends a stream so.
    pub fn event(&self) -> String {
        format!("response.{}", self.status())
    }

    /// What a response says of it.
    fn fields(&self) -> [(&'static str, Value); 3] {
        let (error, details) = match self {
            Stage::Begun | Stage::Completed => (Value::Null, Value::Null),
            Stage::Incomplete(reason) => (Value::Null, json!({"reason": reason})),
            Stage::Failed(error) => (failure(error), Value::Null),
        };
        [("status", json!(self.status())), ("error", error), ("incomplete_details", details)]
    }

    /// A response of somebody else's, ended so.
    pub fn end(&self, response: &mut Map<String, Value>) {
        response.extend(self.fields().map(|(name, value)| (name.to_owned(), value)));
    }
}

/// What is known of a response from its start.
pub struct Response {
    id: String,
    kept: bool,
    created: u64,
    provider: String,
    pub model: String,
    pub warnings: Vec<String>,
    pub usage: Option<Usage>,
    echoed: Map<String, Value>,
}

impl Response {
    pub fn new(reply: &ReplyOptions, chat: &ChatRequest) -> Self {
        let body = chat.native.as_ref().map(|native| &native.body);
        let echo = |(name, usual): &(&str, &str)| {
            let given = body.and_then(|body| body.get(*name)).filter(|value| !value.is_null()).cloned();
            let usual = || serde_json::from_str(usual).unwrap_or_default();
            ((*name).to_owned(), given.unwrap_or_else(usual))
        };
        let mut echoed: Map<String, Value> = ECHOED.iter().map(echo).collect();
        // The format is always named.
        if let Some(text) = echoed.get_mut("text").and_then(Value::as_object_mut) {
            text.entry("format").or_insert_with(|| json!({"type": "text"}));
        }
        Response {
            id: own::response_id(&reply.run_id, reply.session.as_deref()),
            kept: reply.session.is_some(),
            created: reply.created,
            provider: reply.provider.clone(),
            model: reply.model.clone(),
            warnings: Vec::new(),
            usage: None,
            echoed,
        }
    }

    /// The whole object.
    pub fn at(&self, stage: &Stage<'_>, output: Vec<Value>) -> Value {
        let mut fields = Map::new();
        let mut set = |name: &str, value: Value| {
            fields.insert(name.to_owned(), value);
        };
        set("id", json!(self.id));
        set("object", json!("response"));
        set("created_at", json!(self.created));
        stage.fields().into_iter().for_each(|(name, value)| set(name, value));
        set("model", json!(self.model));
        set("provider", json!(self.provider));
        set("output", Value::Array(output));
        self.echoed.iter().for_each(|(name, value)| set(name, value.clone()));
        set("store", json!(self.kept));
        set("usage", self.usage.as_ref().map_or(Value::Null, write_usage));
        if !self.warnings.is_empty() {
            set("warnings", json!(self.warnings));
        }
        Value::Object(fields)
    }
}

fn write_usage(usage: &Usage) -> Value {
    let mut fields = json!({
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cache_write_tokens": 0, "cached_tokens": usage.cached_tokens.unwrap_or(0)},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens.unwrap_or(0)},
        "total_tokens": usage.total_tokens,
    });
    if let Some(map) = fields.as_object_mut().filter(|_| usage.estimated) {
        map.insert("estimated".to_owned(), json!(true));
    }
    fields
}

/// The error of a response: it always has a code.
fn failure(error: &ChatError) -> Value {
    let mut fields = openai_error::fields(error);
    let code = fields.remove("code").filter(|code| !code.is_null()).unwrap_or_else(|| json!("server_error"));
    json!({"code": code, "message": error.message})
}
