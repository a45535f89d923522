//! What the vendors' SDKs send and get, as far as it matters here: the rest is the vendors' own, and goes on.

use schemars::JsonSchema;
use serde_json::{Map, Value};

use super::request::CacheSettings;

/// A request in the language of Chat Completions.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct CompletionRequest {
    /// `provider/model`, an alias, or a name that the catalogue knows.
    pub model: String,
    /// The conversation.
    #[schemars(length(min = 1))]
    pub messages: Vec<Map<String, Value>>,
    /// Whether the answer is a stream of `chat.completion.chunk`, ended by `[DONE]`.
    pub stream: Option<bool>,
    /// Functions that the model may call.
    pub tools: Option<Vec<Map<String, Value>>>,
    /// The gateway's own: how the answer is kept for the caller, and given again.
    pub cache: Option<CacheSettings>,
}

/// An answer in the language of Chat Completions.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct Completion {
    /// Its id.
    pub id: String,
    /// Always `chat.completion`.
    pub object: String,
    /// Seconds since 1970.
    pub created: u64,
    /// The model that answered.
    pub model: String,
    /// One answer.
    pub choices: Vec<Map<String, Value>>,
    /// What it cost.
    pub usage: Option<Map<String, Value>>,
}

/// A request in the language of Responses.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct ResponseRequest {
    /// `provider/model`, an alias, or a name that the catalogue knows.
    pub model: String,
    /// A text, or items.
    pub input: Option<Value>,
    /// The response that this one follows.
    pub previous_response_id: Option<String>,
    /// Whether it is kept; true where it is left out.
    pub store: Option<bool>,
    /// Whether the answer is a stream of its events.
    pub stream: Option<bool>,
    /// The gateway's own: how the answer is kept for the caller, and given again.
    pub cache: Option<CacheSettings>,
}

/// An answer in the language of Responses.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct Response {
    /// Its id.
    pub id: String,
    /// Always `response`.
    pub object: String,
    /// How it stands.
    pub status: String,
    /// The model that answered.
    pub model: String,
    /// What it says.
    pub output: Vec<Map<String, Value>>,
}

/// Which form of a stored response.
#[derive(JsonSchema)]
pub struct ResponseQuery {
    /// Whether its events are told once more.
    pub stream: Option<bool>,
    /// The sequence number behind which they begin.
    pub starting_after: Option<u64>,
}

/// A response that is gone.
#[derive(JsonSchema)]
pub struct DeletedResponse {
    /// Its id.
    pub id: String,
    /// Always `response`.
    pub object: String,
    /// Always true.
    pub deleted: bool,
}

/// A request for embeddings.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct EmbeddingRequest {
    /// `provider/model`, or a name that the catalogue knows.
    pub model: String,
    /// A text, or several.
    pub input: Value,
    /// How long the vectors are to be.
    pub dimensions: Option<u64>,
    /// The gateway's own: how the answer is kept for the caller, and given again.
    pub cache: Option<CacheSettings>,
}

/// Embeddings.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct EmbeddingList {
    /// Always `list`.
    pub object: String,
    /// One for each text.
    pub data: Vec<Map<String, Value>>,
    /// The model that made them.
    pub model: String,
}

/// The models, in the form of whoever asks: OpenAI's; Anthropic's with the header `anthropic-version`; Gemini's with
/// `x-goog-api-key`.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct ModelList {
    /// The models, in OpenAI's and Anthropic's form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Vec<Map<String, Value>>>,
    /// The models, in Gemini's form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<Map<String, Value>>>,
}

/// A model.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct Model {
    /// Its name, in OpenAI's and Anthropic's form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its name, in Gemini's form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// An error in OpenAI's form.
#[derive(JsonSchema)]
pub struct OpenAiError {
    /// `message`, `type`, `param`, `code`, and what else is known.
    pub error: Map<String, Value>,
}

/// A request in the language of Messages.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct MessagesRequest {
    /// `provider/model`, an alias, or a name that the catalogue knows.
    pub model: String,
    /// The most tokens to generate.
    #[schemars(range(min = 1))]
    pub max_tokens: u64,
    /// The conversation.
    #[schemars(length(min = 1))]
    pub messages: Vec<Map<String, Value>>,
    /// Whether the answer is a stream of its events.
    pub stream: Option<bool>,
    /// The gateway's own: how the answer is kept for the caller, and given again.
    pub cache: Option<CacheSettings>,
}

/// An answer in the language of Messages.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct AnthropicMessage {
    /// Its id.
    pub id: String,
    /// Always `message`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Always `assistant`.
    pub role: String,
    /// The model that answered.
    pub model: String,
    /// What it says.
    pub content: Vec<Map<String, Value>>,
    /// Why it ended.
    pub stop_reason: Option<String>,
    /// What it cost.
    pub usage: Map<String, Value>,
}

/// A request whose tokens are to be counted.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct TokenCountRequest {
    /// `provider/model`, an alias, or a name that the catalogue knows.
    pub model: String,
    /// The conversation.
    #[schemars(length(min = 1))]
    pub messages: Vec<Map<String, Value>>,
}

/// How many tokens a prompt has.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct TokenCount {
    /// So many.
    pub input_tokens: u64,
}

/// An error in Anthropic's form.
#[derive(JsonSchema)]
pub struct AnthropicError {
    /// Always `error`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `type`, `message`, and what else is known.
    pub error: Map<String, Value>,
    /// The request's id.
    pub request_id: String,
}

/// A request in Gemini's language.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = true))]
pub struct GeminiRequest {
    /// The conversation.
    #[schemars(length(min = 1))]
    pub contents: Vec<Map<String, Value>>,
    /// What the model is told before all else.
    pub system_instruction: Option<Map<String, Value>>,
    /// Temperature, thinking and the like.
    pub generation_config: Option<Map<String, Value>>,
    /// The gateway's own: how the answer is kept for the caller, and given again.
    pub cache: Option<CacheSettings>,
}

/// An answer, or a piece of one, in Gemini's language.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = true))]
pub struct GeminiAnswer {
    /// What it says.
    pub candidates: Vec<Map<String, Value>>,
    /// What it cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_metadata: Option<Map<String, Value>>,
    /// The model that answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_version: Option<String>,
}

/// The form of a stream.
#[derive(JsonSchema)]
pub struct GeminiStreamQuery {
    /// `sse`, as the SDKs send it. Without it the stream is one JSON array.
    pub alt: Option<String>,
}

/// How many tokens a prompt has, in Gemini's form.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("additionalProperties" = true))]
pub struct GeminiTokenCount {
    /// So many.
    pub total_tokens: u64,
}

/// A request in Gemini's form whose fields are the vendor's own.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct GeminiAnything {}

/// Gemini's list of models.
#[derive(JsonSchema)]
pub struct GeminiModelList {
    /// The models.
    pub models: Vec<Map<String, Value>>,
}

/// An error in Gemini's form.
#[derive(JsonSchema)]
pub struct GeminiError {
    /// `code`, `message`, `status` and `details`.
    pub error: Map<String, Value>,
}

/// An error in Gemini's form; in a stream without `alt=sse` it is the only item of the array.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum GeminiStreamError {
    /// By itself.
    One(GeminiError),
    /// In the array.
    Item(Vec<GeminiError>),
}
