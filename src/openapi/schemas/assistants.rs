//! Assistants: the graphs of actions that produce answers.

use schemars::JsonSchema;
use serde_json::{Map, Value};

/// What produces an answer.
#[derive(JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AssistantName {
    /// The model, with the session's history and the caller's tools.
    Plain,
    /// A travel assistant that moves a map as it talks.
    Travel,
    /// A check of the prompt first, then a model for code, questions or poems.
    Router,
    /// Retrieval first, then an answer with numbered citations. It needs `retrieval`.
    Rag,
}

/// All assistants.
#[derive(JsonSchema)]
pub struct AssistantList {
    /// Each with its graph.
    pub assistants: Vec<Assistant>,
}

/// An assistant.
#[derive(JsonSchema)]
pub struct Assistant {
    /// Its name, as a request gives it.
    pub name: AssistantName,
    /// What it does.
    pub description: String,
    /// How it comes to an answer.
    pub graph: Graph,
    /// The tools that it has; the gateway runs them itself.
    pub tools: Vec<AssistantTool>,
}

/// An assistant, and a picture of its graph.
#[derive(JsonSchema)]
pub struct AssistantInFull {
    /// The assistant.
    #[serde(flatten)]
    pub assistant: Assistant,
    /// The graph as a Mermaid flowchart.
    pub mermaid: String,
}

/// How an assistant comes to an answer.
#[derive(JsonSchema)]
pub struct Graph {
    /// The action that begins.
    pub entry: String,
    /// The action before which `retrieve` searches a collection, where a request asks for one.
    pub retrieves_before: String,
    /// All actions.
    pub actions: Vec<Action>,
}

/// An action: reads and writes the state, and names what follows.
#[derive(JsonSchema)]
pub struct Action {
    /// Its name.
    pub name: String,
    /// What it does.
    pub about: String,
    /// What of the state it reads.
    pub reads: Vec<String>,
    /// What of the state it writes.
    pub writes: Vec<String>,
    /// What may follow, in the order in which that is looked at.
    pub next: Vec<Edge>,
}

/// A way on.
#[derive(JsonSchema)]
pub struct Edge {
    /// The action that follows.
    pub to: String,
    /// When it does: `safe = false`. Null where it always does.
    pub when: Option<String>,
}

/// A tool of an assistant.
#[derive(JsonSchema)]
pub struct AssistantTool {
    /// Its name.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// The JSON schema of its arguments.
    pub parameters: Map<String, Value>,
}
