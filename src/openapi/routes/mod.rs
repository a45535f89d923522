//! All operations, area by area, in the order in which the document has them.

pub mod anthropic;
pub mod assistants;
pub mod chat;
pub mod earlier;
pub mod gateway;
pub mod gemini;
pub mod ollama;
pub mod openai;
pub mod operator;
pub mod sessions;

use super::operation::Operation;

/// The headings, and what stands under them.
pub const TAGS: &[(&str, &str)] = &[
    ("Chat", "One answer, as a stream or whole, from any provider."),
    ("Sessions", "Conversations that the gateway keeps. A run in one goes on when its reader leaves."),
    ("Assistants", "Graphs of actions that produce answers."),
    ("Collections", "Documents that answers rest on. Made by the first one, and its caller's alone."),
    ("Gateway", "What is configured, and whether it is alive."),
    ("Operator", "For whoever runs the gateway: keys, what was used, metrics. A key is shown its own usage."),
    ("OpenAI", "For OpenAI's SDKs: set the base URL to this gateway's `/v1`."),
    ("Anthropic", "For Anthropic's SDKs: set the base URL to this gateway."),
    ("Gemini", "For Gemini's SDKs: set the base URL to this gateway. The same is at `/v1alpha`."),
    ("Ollama", "For Ollama's clients: set the host to this gateway. Answers stream unless `stream` is false."),
    ("Earlier routes", "What the clients of earlier services expect, with the same gateway underneath."),
];

/// All of them.
pub fn all() -> Vec<Operation> {
    let areas = [
        ("Chat", chat::operations()),
        ("Sessions", sessions::operations()),
        ("Assistants", assistants::operations()),
        ("Collections", assistants::collections()),
        ("Gateway", gateway::operations()),
        ("Operator", operator::operations()),
        ("OpenAI", openai::operations()),
        ("Anthropic", anthropic::operations()),
        ("Gemini", gemini::operations()),
        ("Ollama", ollama::operations()),
        ("Earlier routes", earlier::operations()),
    ];
    areas.into_iter().flat_map(|(tag, area)| area.into_iter().map(move |operation| operation.tag(tag))).collect()
}
