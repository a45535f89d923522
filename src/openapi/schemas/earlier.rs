//! What the clients of earlier services send and get.

use schemars::JsonSchema;
use serde_json::Value;

use super::message::Message;

/// A conversation, and little else.
#[derive(JsonSchema)]
pub struct PlainChat {
    /// The conversation.
    #[schemars(length(min = 1))]
    pub messages: Vec<Message>,
    /// A model, or `provider/model`.
    pub model: Option<String>,
    /// 0.7 where it is left out.
    #[schemars(range(min = 0, max = 2))]
    pub temperature: Option<f64>,
    /// A provider's name.
    pub provider: Option<String>,
    /// What the model is told before all else.
    pub system: Option<String>,
    /// Whether the answer streams; the header `accept: text/event-stream` says the same.
    pub stream: Option<bool>,
}

/// A whole answer.
#[derive(JsonSchema)]
pub struct PlainAnswer {
    /// The text.
    pub text: String,
    /// The model that answered.
    pub model: String,
}

/// A delta, as plain text and no JSON. Line breaks are several `data:` lines.
#[derive(JsonSchema)]
pub struct Delta(pub String);

/// Empty.
#[derive(JsonSchema)]
#[allow(missing_docs)]
pub enum Nothing {
    #[serde(rename = "")]
    Nothing,
}

/// An error in the form of an earlier service.
#[derive(JsonSchema)]
pub struct PlainError {
    /// The HTTP status that it has, or would have.
    pub status_code: u16,
    /// What went wrong.
    pub detail: String,
}

/// An error in the form of another one.
#[derive(JsonSchema)]
pub struct Detail {
    /// What went wrong.
    pub detail: String,
}

/// A conversation over a WebSocket.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlainSocketChat {
    /// The conversation.
    #[schemars(length(min = 1))]
    pub messages: Vec<Message>,
    /// A model, or `provider/model`.
    pub model: Option<String>,
    /// A provider's name.
    pub provider: Option<String>,
    /// 0.7 where it is left out.
    #[schemars(range(min = 0, max = 2))]
    pub temperature: Option<f64>,
    /// What the model is told before all else.
    pub system: Option<String>,
}

/// What comes over that WebSocket.
#[derive(JsonSchema)]
pub struct PlainSocketEvent {
    /// The next piece of the text; empty at the end; an error's fields.
    pub data: Value,
    /// What it is.
    pub event: PlainSocketEventName,
}

/// What comes over that WebSocket.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum PlainSocketEventName {
    Completion,
    End,
    Error,
}

/// One question.
#[derive(JsonSchema)]
pub struct PromptRequest {
    /// What is asked.
    #[schemars(length(min = 1))]
    pub prompt: String,
    /// A model, or `provider/model`.
    pub model: Option<String>,
}

/// A piece of an answer.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum PromptEvent {
    /// The next piece of the text.
    Content {
        /// The piece.
        content: String,
    },
    /// The end.
    Done {
        /// Always true.
        done: bool,
    },
    /// The answer failed.
    Error {
        /// Always `stream_error`.
        error: String,
    },
}

/// The prompt of an answer that comes whole.
#[derive(JsonSchema)]
pub struct PromptQuery {
    /// What is asked.
    pub prompt: String,
}

/// The prompt, and a model of Ollama's.
#[derive(JsonSchema)]
pub struct LocalQuery {
    /// What is asked.
    pub prompt: String,
    /// The model.
    pub model: Option<String>,
}

/// A whole answer.
#[derive(JsonSchema)]
pub struct ResponseText {
    /// The text.
    pub response: String,
}

/// What is to be looked up.
#[derive(JsonSchema)]
pub struct RagQuery {
    /// The question.
    pub query: String,
    /// The collection; `default` where it is left out.
    pub collection: Option<String>,
    /// How many passages, at most; 5 where it is left out.
    #[schemars(range(min = 1, max = 50))]
    pub top_k: Option<u64>,
}

/// What is wanted of what was found.
#[derive(JsonSchema)]
pub struct RagRequest {
    /// Whether the question is to be answered, too: as a stream.
    pub answer: Option<bool>,
    /// What was said before the question.
    pub messages: Option<Vec<RoleAndContent>>,
    /// The model that answers.
    pub model: Option<String>,
    /// The provider that answers.
    pub provider: Option<String>,
    /// How freely: 0 to 2, 0.7 where it is left out.
    pub temperature: Option<f64>,
    /// What the model is told before all else.
    pub system: Option<String>,
}

/// The question, with what was found before it.
#[derive(JsonSchema)]
pub struct RagMessages {
    /// A system message with the passages, what was said before, and the question.
    pub messages: Vec<RoleAndContent>,
}

/// A message.
#[derive(JsonSchema)]
pub struct RoleAndContent {
    /// Who speaks.
    pub role: String,
    /// What is said.
    pub content: String,
}

/// What is asked of the travel assistant.
#[derive(JsonSchema)]
pub struct TravelQuery {
    /// What is asked.
    pub query: String,
}

/// The map of the travel assistant.
#[derive(JsonSchema)]
pub struct MapAndMarkers {
    /// What is to be seen.
    pub map_state: MapState,
    /// What is marked on it.
    pub markers_state: MarkersState,
}

/// The part of the world that is to be seen.
#[derive(JsonSchema)]
pub struct MapState {
    /// Its middle, in degrees north.
    pub latitude: f64,
    /// Its middle, in degrees east.
    pub longitude: f64,
    /// How near.
    pub zoom: f64,
}

/// Places on the map: three lists of one length.
#[derive(JsonSchema)]
pub struct MarkersState {
    /// Degrees north.
    pub latitudes: Vec<f64>,
    /// Degrees east.
    pub longitudes: Vec<f64>,
    /// What they are called.
    pub labels: Vec<String>,
}

/// A message of the travel assistant's conversation.
#[derive(JsonSchema)]
#[schemars(extend("additionalProperties" = true))]
pub struct TravelMessage {
    /// Who speaks.
    pub role: String,
    /// What is said.
    pub content: Value,
}

/// That it was done, in words.
#[derive(JsonSchema)]
pub struct Confirmation(pub String);

/// What is asked of an app.
#[derive(JsonSchema)]
pub struct AppPrompt {
    /// What is asked.
    #[schemars(length(min = 1))]
    pub prompt: String,
}

/// An event of an app's answer.
#[derive(JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AppEvent {
    /// The conversation before this prompt; always first.
    ChatHistory {
        /// The messages.
        value: Vec<AppMessage>,
    },
    /// The next piece of the answer.
    Delta {
        /// The piece.
        value: String,
    },
    /// The answer failed.
    Error {
        /// What went wrong.
        value: String,
    },
}

/// A message of an app's conversation.
#[derive(JsonSchema)]
pub struct AppMessage {
    /// What is said.
    pub content: String,
    /// What kind of content that is.
    #[serde(rename = "type")]
    pub kind: AppMessageKind,
    /// Who speaks.
    pub role: AppRole,
}

/// What kind of content a message has.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum AppMessageKind {
    Text,
    Code,
    Error,
}

/// Who speaks.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum AppRole {
    User,
    Assistant,
}

/// An app's id.
#[derive(JsonSchema)]
pub struct AppId(pub String);
