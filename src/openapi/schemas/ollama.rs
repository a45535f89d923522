//! What Ollama's clients send and get, as far as it matters here.

use schemars::JsonSchema;
use serde_json::{Map, Value};

use super::request::CacheSettings;

/// A chat in Ollama's language.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct OllamaChatRequest {
    /// `provider/model`, an alias, or a name that the catalogue knows.
    pub model: String,
    /// The conversation.
    pub messages: Option<Vec<Map<String, Value>>>,
    /// Whether the answer streams; true where it is left out.
    pub stream: Option<bool>,
    /// The gateway's own: how the answer is kept for the caller, and given again.
    pub cache: Option<CacheSettings>,
}

/// A prompt in Ollama's language.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct OllamaGenerateRequest {
    /// `provider/model`, an alias, or a name that the catalogue knows.
    pub model: String,
    /// What is asked.
    pub prompt: Option<String>,
    /// Whether the answer streams; true where it is left out.
    pub stream: Option<bool>,
    /// The gateway's own: how the answer is kept for the caller, and given again.
    pub cache: Option<CacheSettings>,
}

/// An answer in Ollama's language, or a piece of one.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct OllamaAnswer {
    /// The model that answers.
    pub model: String,
    /// When, as a date.
    pub created_at: String,
    /// The message, or its next piece: of a chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<Map<String, Value>>,
    /// The text, or its next piece: of a prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    /// Whether nothing follows.
    pub done: bool,
}

/// A request for embeddings, in Ollama's language.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct OllamaEmbedRequest {
    /// `provider/model`, or a name that the catalogue knows.
    pub model: String,
    /// A text, or several.
    pub input: Value,
    /// The gateway's own: how the answer is kept for the caller, and given again.
    pub cache: Option<CacheSettings>,
}

/// The same, as earlier clients send it: one text.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct OllamaEmbeddingsRequest {
    /// `provider/model`, or a name that the catalogue knows.
    pub model: String,
    /// The text.
    pub prompt: String,
    /// The gateway's own: how the answer is kept for the caller, and given again.
    pub cache: Option<CacheSettings>,
}

/// Embeddings, in Ollama's language.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct OllamaEmbeddings {
    /// One for each text.
    pub embeddings: Vec<Vec<f64>>,
}

/// The embedding of one text, as earlier clients get it.
#[derive(JsonSchema)]
pub struct OllamaEmbedding {
    /// The vector.
    pub embedding: Vec<f64>,
}

/// Ollama's list of models.
#[derive(JsonSchema)]
pub struct OllamaModelList {
    /// The models.
    pub models: Vec<Map<String, Value>>,
}

/// The version of the server.
#[derive(JsonSchema)]
pub struct OllamaVersion {
    /// The gateway's version.
    pub version: String,
}

/// An error in Ollama's form.
#[derive(JsonSchema)]
pub struct OllamaError {
    /// What went wrong.
    pub error: String,
}
