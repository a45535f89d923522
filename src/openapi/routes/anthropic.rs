//! Anthropic's routes.

use serde_json::json;

use crate::openapi::operation::{Operation, post};
use crate::openapi::schemas::vendors::{
    AnthropicError, AnthropicMessage, MessagesRequest, TokenCount, TokenCountRequest,
};

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        post("/v1/messages", "createMessage", "Messages")
            .see("https://docs.claude.com/en/api/messages")
            .run()
            .cached()
            .body::<MessagesRequest>()
            .example(
                "A stream",
                json!({
                    "model": "demo/demo", "max_tokens": 1000, "stream": true,
                    "messages": [{"role": "user", "content": "Hello! /fast"}],
                }),
            )
            .example(
                "One answer",
                json!({
                    "model": "demo/demo", "max_tokens": 1000,
                    "messages": [{"role": "user", "content": "Hello! /fast"}],
                }),
            )
            .answer::<AnthropicMessage>("200", "The answer: one object, or with `stream: true` its events.")
            .stream("")
            .errors_in::<AnthropicError>(),
        post("/v1/messages/count_tokens", "countTokens", "Count a prompt's tokens")
            .about("By the provider where it counts, else by length.")
            .see("https://docs.claude.com/en/api/messages-count-tokens")
            .body::<TokenCountRequest>()
            .example("A question", json!({"model": "demo/demo", "messages": [{"role": "user", "content": "Hello!"}]}))
            .answer::<TokenCount>("200", "How many there are.")
            .errors_in::<AnthropicError>(),
    ]
}
