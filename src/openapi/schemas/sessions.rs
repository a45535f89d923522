//! Sessions: conversations that the gateway keeps.

use schemars::JsonSchema;
use serde_json::{Map, Value};

use super::answer::{AnswerRole, ChatAnswer};
use super::assistants::AssistantName;
use super::error::ErrorDetail;
use super::message::{Message, Tool};
use super::request::{ResponseFormat, Stop, Thinking, ToolChoice};
use crate::models::{Finish, Usage};
use crate::session::Status;

/// A session to be made. All of it may be left out.
#[derive(JsonSchema)]
pub struct NewSession {
    /// What produces its answers.
    pub assistant: Option<AssistantName>,
    /// What the model is told before all else.
    pub system: Option<String>,
    /// What it is called; its first question where it is left out.
    pub title: Option<String>,
    /// What its requests have where they say nothing else.
    pub defaults: Option<SessionDefaults>,
}

/// What all requests of a session have, unless they say otherwise: fields of a chat request.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionDefaults {
    /// A provider's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// A model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// How freely to choose words.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2))]
    pub temperature: Option<f64>,
    /// The share of likely words to choose from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1))]
    pub top_p: Option<f64>,
    /// The most tokens to generate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub max_tokens: Option<u64>,
    /// Where generation stops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop: Option<Stop>,
    /// For repeatable answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Whether and how hard to think.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking: Option<Thinking>,
    /// Functions that the model may call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<Tool>>,
    /// Whether and which tool must be called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ToolChoice>,
    /// Whether several calls may come in one answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel_tool_calls: Option<bool>,
    /// The form of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_format: Option<ResponseFormat>,
}

/// A session.
#[derive(JsonSchema)]
pub struct Session {
    /// Its id, which cannot be guessed.
    pub id: String,
    /// What it is called.
    pub title: Option<String>,
    /// What produces its answers.
    pub assistant: AssistantName,
    /// What the model is told before all else.
    pub system: Option<String>,
    /// What its requests have where they say nothing else.
    pub defaults: SessionDefaults,
    /// Milliseconds since 1970.
    pub created_at: u64,
    /// The last time that a run began or ended, in milliseconds since 1970.
    pub updated_at: u64,
    /// The latest run.
    pub head: Option<String>,
    /// The run that is being answered.
    pub live: Option<String>,
}

/// A new title.
#[derive(JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionTitle {
    /// The title.
    #[schemars(length(min = 1, max = 200))]
    pub title: String,
}

/// The caller's sessions, newest first.
#[derive(JsonSchema)]
pub struct SessionList {
    /// So many of them.
    pub sessions: Vec<SessionEntry>,
    /// Where the next page begins: send it as `before`. Null where there are no more.
    pub next: Option<String>,
}

/// A session in a list.
#[derive(JsonSchema)]
pub struct SessionEntry {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub title: Option<String>,
    /// Milliseconds since 1970.
    pub created_at: u64,
    /// The last time that it was used, in milliseconds since 1970.
    pub updated_at: u64,
}

/// Which part of the list.
#[derive(JsonSchema)]
pub struct SessionPage {
    /// How many, at most; 100 where it is left out.
    #[schemars(range(min = 1, max = 100))]
    pub limit: Option<u64>,
    /// The `next` of the page before.
    pub before: Option<String>,
}

/// A conversation, as far as it leads to the latest run.
#[derive(JsonSchema)]
pub struct Conversation {
    /// Messages as they were sent, and answers. A live run's answer so far is among them.
    pub messages: Vec<KeptMessage>,
    /// The runs that they belong to.
    pub runs: Vec<KeptRun>,
}

/// A message that is kept.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum KeptMessage {
    /// An answer.
    Answer(KeptAnswer),
    /// A message as it was sent.
    Message(SentMessage),
}

/// An answer that is kept.
#[derive(JsonSchema)]
pub struct KeptAnswer {
    /// Always `assistant`.
    pub role: AnswerRole,
    /// The answer.
    #[serde(flatten)]
    pub answer: ChatAnswer,
    /// Why it failed, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorDetail>,
    /// Its run.
    pub run_id: String,
    /// How that stands.
    pub status: Status,
}

/// A message as it was sent.
#[derive(JsonSchema)]
pub struct SentMessage {
    /// The message.
    #[serde(flatten)]
    pub message: Message,
    /// The run that it began.
    pub run_id: String,
}

/// A run that is kept.
#[derive(JsonSchema)]
pub struct KeptRun {
    /// Its id.
    pub id: String,
    /// The run that it follows.
    pub parent: Option<String>,
    /// How it stands.
    pub status: Status,
    /// Milliseconds since 1970.
    pub started_at: u64,
    /// The same, once it is over.
    pub ended_at: Option<u64>,
}

/// What the assistant's tools have made.
#[derive(JsonSchema)]
pub struct SessionState {
    /// The travel assistant keeps its `map` there.
    pub state: Map<String, Value>,
}

/// Which session, and from where on.
#[derive(JsonSchema)]
pub struct AttachQuery {
    /// The session.
    pub session_id: String,
    /// The last event that was seen; the header `Last-Event-ID` says the same.
    pub last_event_id: Option<String>,
}

/// Which session.
#[derive(JsonSchema)]
pub struct SessionQuery {
    /// The session.
    pub session_id: String,
}

/// How the latest run stands, for who has stopped it or wanted to.
#[derive(JsonSchema)]
pub struct Stopped {
    /// Whether a run was under way.
    pub stopped: bool,
    /// The run.
    pub run_id: Option<String>,
    /// How it stands.
    pub status: Option<Status>,
    /// Why it ended.
    pub finish_reason: Option<Finish>,
    /// What it cost.
    pub usage: Option<Usage>,
}
