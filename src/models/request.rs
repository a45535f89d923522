use serde_json::{Map, Value};

use super::{Native, Opaque, ToolCall};

/// A chat request, checked: what a dialect read it from does not matter any more.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest {
    /// The provider's name, where the caller chose one.
    pub provider: Option<String>,
    /// The model, `provider/model`, or nothing for the provider's default.
    pub model: Option<String>,
    /// The conversation; never empty.
    pub messages: Vec<Message>,
    /// 0 to 2.
    pub temperature: Option<f64>,
    /// 0 to 1.
    pub top_p: Option<f64>,
    /// The most tokens to generate; at least 1.
    pub max_tokens: Option<u64>,
    /// Where generation stops.
    pub stop: Vec<String>,
    /// For repeatable sampling.
    pub seed: Option<i64>,
    /// Whether and how hard to think; left to the model when absent.
    pub thinking: Option<Thinking>,
    /// The caller's functions.
    pub tools: Vec<Tool>,
    /// Whether and which tool must be called.
    pub tool_choice: Option<ToolChoice>,
    /// Whether several calls may come in one answer.
    pub parallel_tool_calls: Option<bool>,
    /// The form of the answer.
    pub response_format: Option<ResponseFormat>,
    /// The caller's own labels.
    pub metadata: Map<String, Value>,
    /// The assistant that is to answer, where the caller chose one.
    pub assistant: Option<String>,
    /// What is to be looked up before the answer.
    pub retrieval: Option<Retrieval>,
    /// Whether the steps to the answer are told.
    pub steps: bool,
    /// Whether the model is the operator's choice and not the caller's: then the caller need not be allowed to ask it.
    pub operators_model: bool,
    /// So many messages at the beginning were there before this request: what was to be judged of them was.
    pub known: usize,
    /// What becomes of the run when the caller leaves.
    pub on_disconnect: Option<OnDisconnect>,
    /// The session that it belongs to; then `messages` are only the new ones.
    pub session: Option<SessionTurn>,
    /// So many messages at the beginning are for this answer only: a session does not keep them.
    pub passing: usize,
    /// Whether the answer is to be kept, so that it can be asked for and followed later.
    pub keep: bool,
    /// Whether the answer is to stream, in a language where the request says so.
    pub stream: bool,
    /// The request in its client's own words, where a provider may speak the same language.
    pub native: Option<Native>,
    /// What the reader of the request has to tell the caller.
    pub warnings: Vec<String>,
    /// What this provider turned out to reject, by its own names: left out of the next attempt.
    pub rejected: Vec<String>,
}

impl ChatRequest {
    /// Bytes of text in the conversation, for an estimate of its tokens.
    pub fn text_bytes(&self) -> u64 {
        let parts = self.messages.iter().flat_map(|message| &message.parts);
        let bytes = parts.map(|part| match part {
            Part::Text(text) => text.len(),
            Part::ToolCall(call) => call.arguments.len(),
            _ => 0,
        });
        bytes.fold(0, |sum: u64, bytes| sum.saturating_add(bytes as u64))
    }

    /// Whether this provider turned out to reject a parameter.
    pub fn rejects(&self, parameter: &str) -> bool {
        self.rejected.iter().any(|name| name == parameter)
    }

    /// The text of the last user message.
    pub fn last_user_text(&self) -> String {
        self.messages.iter().rev().find(|message| message.role == Role::User).map(Message::text).unwrap_or_default()
    }
}

/// What is to be looked up before an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retrieval {
    /// The collection's name.
    pub collection: String,
    /// How many passages, at most.
    pub top_k: u64,
}

impl Retrieval {
    /// What is looked up where nobody says how much: more than an answer rests on, less than fills a prompt.
    pub const USUAL: u64 = 5;

    /// Fifty passages are about 12,000 tokens.
    pub const MOST: u64 = 50;
}

/// A request's place in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionTurn {
    /// The session's id, as the caller says it.
    pub id: String,
    /// What it follows.
    pub parent: Parent,
    /// Whether to wait for the run that may be under way, instead of being refused.
    pub queue: bool,
}

/// The run that another one follows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Parent {
    /// The latest one.
    #[default]
    Latest,
    /// None: the conversation begins anew.
    Start,
    /// This one: what came behind it is left aside.
    Run(String),
}

/// One message of the conversation.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said, in order: with most vendors the order has a meaning.
    pub parts: Vec<Part>,
    /// The call that a tool message answers.
    pub tool_call_id: Option<String>,
}

impl Message {
    /// All text parts, joined.
    pub fn text(&self) -> String {
        self.parts
            .iter()
            .filter_map(|part| if let Part::Text(text) = part { Some(text.as_str()) } else { None })
            .collect()
    }

    /// All reasoning parts, joined.
    pub fn reasoning(&self) -> String {
        self.parts
            .iter()
            .filter_map(|part| if let Part::Reasoning(text) = part { Some(text.as_str()) } else { None })
            .collect()
    }

    /// The calls that an assistant message made.
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolCall> {
        self.parts.iter().filter_map(|part| if let Part::ToolCall(call) = part { Some(call) } else { None })
    }
}

/// Who speaks. `developer` is read as system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The application.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// The result of a call.
    Tool,
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text.
    Text(String),
    /// A picture.
    Image(Image),
    /// What the model thought, in an assistant message.
    Reasoning(String),
    /// A call that the model made, in an assistant message.
    ToolCall(ToolCall),
    /// A provider's own state, in an assistant message: goes back where it came from.
    Opaque(Opaque),
}

/// A picture, by address or by value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Image {
    /// An http or https address.
    Url(String),
    /// The bytes.
    Base64 {
        /// `image/png` and the like.
        media_type: String,
        /// The bytes in base64.
        data: String,
    },
}

impl Image {
    /// The picture as an address: its own, or one that holds its bytes.
    pub fn as_url(&self) -> String {
        match self {
            Image::Url(url) => url.clone(),
            Image::Base64 { media_type, data } => format!("data:{media_type};base64,{data}"),
        }
    }
}

/// Whether and how hard to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thinking {
    /// Whether at all.
    pub enabled: bool,
    /// The most tokens to think for.
    pub budget_tokens: Option<u64>,
    /// How hard.
    pub effort: Option<Effort>,
}

/// How hard to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Effort {
    Minimal,
    Low,
    Medium,
    High,
    XHigh,
    Max,
}

impl Effort {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Effort::Minimal => "minimal",
            Effort::Low => "low",
            Effort::Medium => "medium",
            Effort::High => "high",
            Effort::XHigh => "xhigh",
            Effort::Max => "max",
        }
    }
}

/// A function that the caller offers.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does, for the model.
    pub description: Option<String>,
    /// The JSON schema of its arguments.
    pub parameters: Option<Value>,
    /// Whether the provider must hold the model to the schema.
    pub strict: Option<bool>,
}

/// Whether and which tool must be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice {
    /// As the model likes.
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
    /// This one.
    Tool(String),
}

/// The form of the answer.
#[derive(Clone, Debug, PartialEq)]
pub enum ResponseFormat {
    /// Plain text.
    Text,
    /// Some JSON object.
    JsonObject,
    /// JSON by a schema.
    JsonSchema {
        /// The schema's name.
        name: String,
        /// The schema.
        schema: Value,
        /// What it describes, for the model.
        description: Option<String>,
        /// Whether the provider must hold the model to it.
        strict: Option<bool>,
    },
}

/// What becomes of a run when its caller leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum OnDisconnect {
    /// The run is stopped and the upstream request aborted.
    Cancel,
    /// The run goes on, and is kept.
    Detach,
}
