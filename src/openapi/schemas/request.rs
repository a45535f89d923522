//! What a client asks for, in the unified language.

use schemars::JsonSchema;
use serde_json::{Map, Value};

use super::assistants::AssistantName;
use super::message::{Message, OnlyFunction, Tool};
use crate::models::{Effort, OnDisconnect};

/// A chat request. A field that is not known is left out, and a warning in the answer says so.
#[derive(JsonSchema)]
pub struct ChatRequest {
    /// The conversation. With a `session_id` only what is new in it.
    #[schemars(length(min = 1, max = 4096))]
    pub messages: Vec<Message>,
    /// A provider's name. May be left out where `model` is `provider/model`, or an alias.
    pub provider: Option<String>,
    /// A model, `provider/model`, or an alias. The provider's default where it is left out.
    pub model: Option<String>,
    /// How freely to choose words. Left out for models that reject it, and a warning says so.
    #[schemars(range(min = 0, max = 2))]
    pub temperature: Option<f64>,
    /// The share of likely words to choose from.
    #[schemars(range(min = 0, max = 1))]
    pub top_p: Option<f64>,
    /// The most tokens to generate.
    #[schemars(range(min = 1))]
    pub max_tokens: Option<u64>,
    /// Where generation stops.
    pub stop: Option<Stop>,
    /// For repeatable answers, where a provider has that.
    pub seed: Option<i64>,
    /// Whether and how hard to think. Left to the model where it is left out.
    pub thinking: Option<Thinking>,
    /// Functions that the model may call. They stand beside those of the assistant.
    #[schemars(length(max = 512))]
    pub tools: Option<Vec<Tool>>,
    /// Whether and which tool must be called.
    pub tool_choice: Option<ToolChoice>,
    /// Whether several calls may come in one answer.
    pub parallel_tool_calls: Option<bool>,
    /// The form of the answer.
    pub response_format: Option<ResponseFormat>,
    /// The session that this belongs to. Its history is added.
    pub session_id: Option<String>,
    /// The run that this one follows, null for none; the latest where it is left out. To edit or try again, name the
    /// parent of the run that is to be replaced.
    pub parent: Option<String>,
    /// What to do where another run of the session is under way.
    pub on_busy: Option<OnBusy>,
    /// What becomes of the run when its client leaves: `cancel` without a session, `detach` in one.
    pub on_disconnect: Option<OnDisconnect>,
    /// What produces the answer; the session's own, or `plain`, where it is left out.
    pub assistant: Option<AssistantName>,
    /// What is to be looked up first. `rag` needs it, any other assistant may have it.
    pub retrieval: Option<Retrieval>,
    /// Whether the assistant's steps are told, as `event: step`.
    pub steps: Option<bool>,
    /// Keeps the answer for the caller, and gives it again to the same request. Where it is left out, as the caller's
    /// key has it: usually not at all. The header `x-cache` of the answer says `hit` or `miss`.
    pub cache: Option<CacheSettings>,
    /// Labels of your own.
    pub metadata: Option<Map<String, Value>>,
}

/// How an answer is kept for the caller.
#[derive(JsonSchema)]
pub struct CacheSettings {
    /// How long it may be given again, in seconds.
    #[schemars(range(min = 1, max = 2_678_400))]
    pub ttl: u64,
}

/// One word or several.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum Stop {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

/// Whether and how hard to think.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum Thinking {
    /// Whether at all.
    Switch(bool),
    /// More exactly.
    Settings(ThinkingSettings),
}

/// How hard to think.
#[derive(JsonSchema)]
pub struct ThinkingSettings {
    /// Whether at all; true where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// The most tokens to think for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_tokens: Option<u64>,
    /// How hard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effort: Option<Effort>,
}

/// Whether and which tool must be called.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum ToolChoice {
    /// In a word.
    Word(ToolChoiceWord),
    /// This one.
    Named(NamedTool),
}

/// Whether a tool must be called.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoiceWord {
    /// As the model likes.
    Auto,
    /// None.
    None,
    /// At least one.
    Required,
}

/// A tool by its name.
#[derive(JsonSchema)]
pub struct NamedTool {
    /// Always `function`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<OnlyFunction>,
    /// The function.
    pub function: FunctionName,
}

/// A function by its name.
#[derive(JsonSchema)]
pub struct FunctionName {
    /// Its name.
    pub name: String,
}

/// The form of the answer.
#[derive(JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ResponseFormat {
    /// Plain text.
    Text,
    /// Some JSON object.
    JsonObject,
    /// JSON by a schema.
    JsonSchema {
        /// The schema and its name.
        json_schema: AnswerSchema,
    },
}

/// A schema that the answer is to keep to.
#[derive(JsonSchema)]
pub struct AnswerSchema {
    /// Its name; `answer` where it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The JSON schema.
    pub schema: Map<String, Value>,
    /// What it describes, for the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether the provider must hold the model to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

/// What to do where another run of the session is under way.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnBusy {
    /// 409, with the run's id. The default.
    Refuse,
    /// Wait for one's turn.
    Queue,
}

/// What is to be looked up before the answer.
#[derive(JsonSchema)]
pub struct Retrieval {
    /// The collection's name.
    #[schemars(regex(pattern = "^[A-Za-z0-9_-]{1,64}$"))]
    pub collection: String,
    /// How many passages, at most; 5 where it is left out.
    #[schemars(range(min = 1, max = 50))]
    pub top_k: Option<u64>,
}

/// What a client may send over the WebSocket of a session.
#[derive(JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SocketMessage {
    /// A chat request, without its `session_id`.
    Chat {
        /// The request.
        #[serde(flatten)]
        request: ChatRequest,
        /// As the header `Idempotency-Key`.
        idempotency_key: Option<String>,
        /// As the header `x-provider-key`.
        provider_key: Option<String>,
    },
    /// Attach to the live or latest run, or to what follows an event.
    Resume {
        /// The last id that was seen.
        last_event_id: Option<String>,
        /// Whether every later run of the session is to be heard, whoever starts it.
        follow: Option<bool>,
    },
    /// Stop the run that is under way; what came is kept.
    Stop,
    /// Answered by `pong`.
    Ping,
}
