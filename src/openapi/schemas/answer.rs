//! What a client gets, in the unified language: whole, or piece by piece.

use schemars::JsonSchema;
use serde_json::{Map, Value};

use super::message::{Opaque, ToolCall, ToolKind, ToolResult};
use crate::models::{Citation, Finish, Usage};

/// A whole answer. It is an assistant message, too: send it back as it is.
#[derive(JsonSchema)]
pub struct ChatAnswer {
    /// The run's id.
    pub id: String,
    /// The visible text.
    pub content: String,
    /// Why it ended.
    pub finish_reason: Option<Finish>,
    /// The model that answered.
    pub model: String,
    /// The provider that answered; `tributary` where the words are the gateway's own.
    pub provider: String,
    /// What it cost.
    pub usage: Option<Usage>,
    /// The thinking that the provider shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// The words of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// The calls that the model made. One without a result here is yours to answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<Vec<ToolCall>>,
    /// What came of the calls that the gateway ran itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_results: Option<Vec<ToolResult>>,
    /// What changed in the assistant's state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Map<String, Value>>,
    /// The assistant's steps, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<StepEvent>>,
    /// The provider's own state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opaque: Option<Vec<Opaque>>,
    /// The sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub citations: Option<Vec<Citation>>,
    /// What you should know: a field that was left out, a history that was cut.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<String>>,
    /// Why it ended, in the provider's own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_finish_reason: Option<String>,
}

/// A piece of an answer, as `event: chunk`. The pieces of a field add up.
#[derive(JsonSchema)]
pub struct StreamChunk {
    /// The next piece of the visible text; often empty.
    pub content: String,
    /// Why the answer ended; in the last chunk only.
    pub finish_reason: Option<Finish>,
    /// The model that answers.
    pub model: String,
    /// The provider that answers; `tributary` where the words are the gateway's own.
    pub provider: String,
    /// What it cost; in the last chunk only.
    pub usage: Option<Usage>,
    /// In the first chunk only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<AnswerRole>,
    /// The next piece of the thinking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// The next piece of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// The next piece of tool calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<Vec<ToolCallDelta>>,
    /// What came of calls that the gateway ran itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_results: Option<Vec<ToolResult>>,
    /// What changed in the assistant's state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<Map<String, Value>>,
    /// The provider's own state, at its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opaque: Option<Vec<Opaque>>,
    /// Sources of what was said right before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub citations: Option<Vec<Citation>>,
    /// What you should know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<String>>,
    /// Why the answer ended, in the provider's own word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_finish_reason: Option<String>,
}

/// Who answers.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum AnswerRole {
    Assistant,
}

/// A piece of a tool call.
#[derive(JsonSchema)]
pub struct ToolCallDelta {
    /// Which call of this answer, from 0 on and without gaps.
    pub index: u32,
    /// The call's id, the same in each piece.
    pub id: String,
    /// What the tool takes.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<ToolKind>,
    /// A piece of the call of a function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<FunctionDelta>,
    /// A piece of the call of a tool that takes free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<CustomDelta>,
    /// What the provider wants back with this call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opaque: Option<Opaque>,
}

/// A piece of the call of a function.
#[derive(JsonSchema)]
pub struct FunctionDelta {
    /// Its name; in the first piece only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The next piece of its arguments, which are JSON text.
    pub arguments: String,
}

/// A piece of the call of a tool that takes free text.
#[derive(JsonSchema)]
pub struct CustomDelta {
    /// Its name; in the first piece only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The next piece of the text.
    pub input: String,
}

/// A step of an assistant on its way to an answer, as `event: step`.
#[derive(JsonSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum StepEvent {
    /// An action began.
    Started {
        /// Which step of the run, from 1 on.
        index: u32,
        /// The action's name in the assistant's graph.
        action: String,
    },
    /// An action has done its part.
    Done {
        /// Which step of the run, from 1 on.
        index: u32,
        /// The action's name in the assistant's graph.
        action: String,
        /// What it wrote into the state.
        wrote: Map<String, Value>,
        /// The action that follows; null at the end.
        next: Option<String>,
    },
}

/// The end of a stream that came to a finish, as `event: done`. No JSON: exactly these six characters.
#[derive(JsonSchema)]
#[allow(missing_docs)]
pub enum Done {
    #[serde(rename = "[DONE]")]
    Done,
}

/// What a client gets over the WebSocket of a session.
#[derive(JsonSchema)]
pub struct SocketEvent {
    /// The event's id, the same as over server-sent events; null in what belongs to no run.
    pub id: Option<String>,
    /// What it is.
    pub event: SocketEventName,
    /// A `StreamChunk`, a `StepEvent`, an `ErrorEvent`, the text `[DONE]`, a `Stopped`, or null.
    pub data: Value,
}

/// What comes over the WebSocket of a session.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SocketEventName {
    /// A piece of an answer.
    Chunk,
    /// A step of an assistant.
    Step,
    /// The answer is complete.
    Done,
    /// The answer failed, or the message began none.
    Error,
    /// The answer to `ping`.
    Pong,
    /// The answer to `stop`.
    Stopped,
    /// There is nothing to resume.
    Idle,
}
