//! Messages, and what they hold. Requests have them, and sessions give them back.

use schemars::JsonSchema;
use serde_json::{Map, Value};

/// A message of the conversation.
#[derive(JsonSchema)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said. An assistant message that has `tool_calls` may go without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content: Option<MessageContent>,
    /// What the model thought; in an assistant message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
    /// The calls that the model made; in an assistant message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<Vec<ToolCall>>,
    /// What came of the calls that the gateway ran itself; in an assistant message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_results: Option<Vec<ToolResult>>,
    /// The provider's own state, as it came; in an assistant message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opaque: Option<Vec<Opaque>>,
    /// The call that is answered; in a tool message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
}

/// Who speaks.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The application.
    System,
    /// Read as `system`.
    Developer,
    /// The person.
    User,
    /// The model.
    Assistant,
    /// The result of a call.
    Tool,
}

/// A text, or several parts.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum MessageContent {
    /// A text.
    Text(String),
    /// Parts, in order.
    Parts(Vec<ContentPart>),
}

/// A part of a message.
#[derive(JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ContentPart {
    /// Text.
    Text {
        /// The text.
        text: String,
    },
    /// A picture: by its address, or by its bytes.
    Image {
        /// Its http, https or data address.
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<String>,
        /// `image/png` and the like, beside `data`.
        #[serde(skip_serializing_if = "Option::is_none")]
        media_type: Option<String>,
        /// Its bytes in base64.
        #[serde(skip_serializing_if = "Option::is_none")]
        data: Option<String>,
    },
    /// A picture, in OpenAI's form.
    ImageUrl {
        /// Where it is.
        image_url: ImageAddress,
    },
}

/// An address, or an object that has one.
#[derive(JsonSchema)]
#[serde(untagged)]
pub enum ImageAddress {
    /// The address.
    Plain(String),
    /// An object.
    Object {
        /// The address.
        url: String,
    },
}

/// A whole tool call.
#[derive(JsonSchema)]
pub struct ToolCall {
    /// The call's id, unique in its conversation.
    pub id: String,
    /// What the tool takes; `function` where it is left out.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<ToolKind>,
    /// A call of a function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<FunctionCall>,
    /// A call of a tool that takes free text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<CustomCall>,
    /// What the provider wants back with this call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opaque: Option<Opaque>,
}

/// What a tool takes.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolKind {
    /// A JSON object.
    Function,
    /// Free text.
    Custom,
}

/// A call of a function.
#[derive(JsonSchema)]
pub struct FunctionCall {
    /// Its name.
    pub name: String,
    /// Its arguments, as JSON text.
    pub arguments: String,
}

/// A call of a tool that takes free text.
#[derive(JsonSchema)]
pub struct CustomCall {
    /// Its name.
    pub name: String,
    /// The text.
    pub input: String,
}

/// What came of a call that the gateway ran itself.
#[derive(JsonSchema)]
pub struct ToolResult {
    /// The call's id.
    pub tool_call_id: String,
    /// The tool's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the model is told.
    pub content: String,
    /// True where that is a complaint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_error: Option<bool>,
    /// What came before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<PlaceInAnswer>,
}

/// State that a provider wants back unchanged with the next turn: a signature, encrypted reasoning.
#[derive(JsonSchema)]
pub struct Opaque {
    /// The dialect that alone can read it.
    pub dialect: String,
    /// The state, in that dialect's own form.
    pub data: Value,
    /// What came before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<PlaceInAnswer>,
}

/// A place in an answer, by what came before it. What is nothing is left out.
#[derive(JsonSchema)]
pub struct PlaceInAnswer {
    /// Bytes of visible text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<u64>,
    /// Tool calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_calls: Option<u64>,
    /// Results of calls that the gateway ran itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_results: Option<u64>,
}

/// A function that the caller offers.
#[derive(JsonSchema)]
pub struct Tool {
    /// Always `function`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<OnlyFunction>,
    /// The function.
    pub function: Function,
}

/// The one kind of tool that a request may offer.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs)]
pub enum OnlyFunction {
    Function,
}

/// A function.
#[derive(JsonSchema)]
pub struct Function {
    /// Its name.
    #[schemars(length(min = 1))]
    pub name: String,
    /// What it does, for the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The JSON schema of its arguments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Map<String, Value>>,
    /// Whether the provider must hold the model to the schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}
