//! Ollama's routes.

use serde_json::json;

use crate::openapi::operation::{Operation, get, post};
use crate::openapi::schemas::ollama::{
    OllamaAnswer, OllamaChatRequest, OllamaEmbedRequest, OllamaEmbedding, OllamaEmbeddings, OllamaEmbeddingsRequest,
    OllamaError, OllamaGenerateRequest, OllamaModelList, OllamaVersion,
};

const ANSWER: &str = "The answer: a line for each piece, or with `stream: false` one object.";

/// The operations.
pub fn operations() -> Vec<Operation> {
    let see = "https://docs.ollama.com/api";
    vec![
        post("/api/chat", "ollamaChat", "Chat")
            .see(see)
            .run()
            .cached()
            .body::<OllamaChatRequest>()
            .example("A stream", json!({"model": "demo/demo", "messages": [{"role": "user", "content": "Hello! /fast"}]}))
            .example(
                "One answer",
                json!({"model": "demo/demo", "stream": false, "messages": [{"role": "user", "content": "Hello! /fast"}]}),
            )
            .answer::<OllamaAnswer>("200", ANSWER)
            .lines::<OllamaAnswer>("")
            .errors_in::<OllamaError>(),
        post("/api/generate", "ollamaGenerate", "Generate")
            .see(see)
            .run()
            .cached()
            .body::<OllamaGenerateRequest>()
            .example("A stream", json!({"model": "demo/demo", "prompt": "Hello! /fast"}))
            .example("One answer", json!({"model": "demo/demo", "stream": false, "prompt": "Hello! /fast"}))
            .answer::<OllamaAnswer>("200", ANSWER)
            .lines::<OllamaAnswer>("")
            .errors_in::<OllamaError>(),
        post("/api/embed", "ollamaEmbed", "Embed texts")
            .see(see)
            .needs("a provider that has embeddings")
            .cached()
            .body::<OllamaEmbedRequest>()
            .example("A text", json!({"model": "openai/text-embedding-3-small", "input": "The Rhine"}))
            .answer::<OllamaEmbeddings>("200", "One for each text.")
            .errors_in::<OllamaError>(),
        post("/api/embeddings", "ollamaEmbeddings", "Embed one text, as earlier clients do")
            .see(see)
            .needs("a provider that has embeddings")
            .cached()
            .body::<OllamaEmbeddingsRequest>()
            .example("A text", json!({"model": "openai/text-embedding-3-small", "prompt": "The Rhine"}))
            .answer::<OllamaEmbedding>("200", "Its embedding.")
            .errors_in::<OllamaError>(),
        get("/api/tags", "ollamaTags", "List the models")
            .see(see)
            .answer::<OllamaModelList>("200", "The models.")
            .errors_in::<OllamaError>(),
        get("/api/version", "ollamaVersion", "Which version it is")
            .see(see)
            .answer::<OllamaVersion>("200", "The gateway's version.")
            .errors_in::<OllamaError>(),
    ]
}
