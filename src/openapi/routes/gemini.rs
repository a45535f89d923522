//! Gemini's routes. Model and method stand in the address.

use serde_json::json;

use crate::openapi::operation::{Operation, get, post};
use crate::openapi::schemas::vendors::{
    GeminiAnswer, GeminiAnything, GeminiError, GeminiModelList, GeminiRequest, GeminiStreamError, GeminiStreamQuery,
    GeminiTokenCount, Model,
};

const MODEL: &str = "`provider/model`, an alias, or a name that the catalogue knows; slashes may be escaped.";

/// The operations.
pub fn operations() -> Vec<Operation> {
    let question = || json!({"contents": [{"role": "user", "parts": [{"text": "Hello! /fast"}]}]});
    let see = "https://ai.google.dev/api/generate-content";
    let see_embeddings = "https://ai.google.dev/api/embeddings";
    vec![
        post("/v1beta/models/{model}:generateContent", "generateContent", "Generate, answered whole")
            .see(see)
            .run()
            .path("model", MODEL)
            .cached()
            .body::<GeminiRequest>()
            .example("A question", question())
            .answer::<GeminiAnswer>("200", "The answer.")
            .errors_in::<GeminiError>(),
        post("/v1beta/models/{model}:streamGenerateContent", "streamGenerateContent", "Generate, answered as a stream")
            .see(see)
            .run()
            .path("model", MODEL)
            .cached()
            .query::<GeminiStreamQuery>()
            .body::<GeminiRequest>()
            .example("A question", question())
            .answer::<Vec<GeminiAnswer>>("200", "With `alt=sse` server-sent events, without it one JSON array.")
            .stream("")
            .event::<GeminiAnswer>("message")
            .errors_in::<GeminiStreamError>(),
        post("/v1beta/models/{model}:countTokens", "countGeminiTokens", "Count a prompt's tokens")
            .see("https://ai.google.dev/api/tokens")
            .path("model", MODEL)
            .body::<GeminiAnything>()
            .example("A question", question())
            .answer::<GeminiTokenCount>("200", "How many there are.")
            .errors_in::<GeminiError>(),
        post("/v1beta/models/{model}:embedContent", "embedContent", "Embed a text")
            .see(see_embeddings)
            .needs("a provider that has embeddings")
            .path("model", MODEL)
            .cached()
            .body::<GeminiAnything>()
            .example("A text", json!({"content": {"parts": [{"text": "The Rhine"}]}}))
            .answer::<GeminiAnything>("200", "The embedding.")
            .errors_in::<GeminiError>(),
        post("/v1beta/models/{model}:batchEmbedContents", "batchEmbedContents", "Embed several texts")
            .see(see_embeddings)
            .needs("a provider that has embeddings")
            .path("model", MODEL)
            .cached()
            .body::<GeminiAnything>()
            .example("A text", json!({"requests": [{"content": {"parts": [{"text": "The Rhine"}]}}]}))
            .answer::<GeminiAnything>("200", "The embeddings.")
            .errors_in::<GeminiError>(),
        get("/v1beta/models", "listGeminiModels", "List the models")
            .see("https://ai.google.dev/api/models")
            .answer::<GeminiModelList>("200", "The models.")
            .errors_in::<GeminiError>(),
        get("/v1beta/models/{model}", "readGeminiModel", "Read a model")
            .see("https://ai.google.dev/api/models")
            .path("model", MODEL)
            .answer::<Model>("200", "The model.")
            .errors_in::<GeminiError>(),
    ]
}
