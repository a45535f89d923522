//! OpenAI's routes.

use serde_json::json;

use crate::openapi::operation::{Operation, delete, get, post};
use crate::openapi::schemas::vendors::{
    Completion, CompletionRequest, DeletedResponse, EmbeddingList, EmbeddingRequest, Model, ModelList, OpenAiError,
    Response, ResponseQuery, ResponseRequest,
};

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![
        post("/v1/chat/completions", "createCompletion", "Chat Completions")
            .see("https://platform.openai.com/docs/api-reference/chat")
            .run()
            .cached()
            .body::<CompletionRequest>()
            .example(
                "A stream",
                json!({"model": "demo/demo", "stream": true, "messages": [{"role": "user", "content": "Hello! /fast"}]}),
            )
            .example(
                "One answer",
                json!({"model": "demo/demo", "messages": [{"role": "user", "content": "Hello! /fast"}]}),
            )
            .answer::<Completion>("200", "The answer: one object, or with `stream: true` its chunks and `[DONE]`.")
            .stream("")
            .errors_in::<OpenAiError>(),
        post("/v1/responses", "createResponse", "Responses")
            .about("Kept unless `store` is false: asked for, heard again and followed, whoever answers the next turn.")
            .see("https://platform.openai.com/docs/api-reference/responses")
            .run()
            .cached()
            .body::<ResponseRequest>()
            .example("A stream", json!({"model": "demo/demo", "stream": true, "input": "Hello! /fast"}))
            .example("One answer", json!({"model": "demo/demo", "input": "Hello! /fast"}))
            .answer::<Response>("200", "The answer: one object, or with `stream: true` its events.")
            .stream("")
            .errors_in::<OpenAiError>(),
        get("/v1/responses/{id}", "readResponse", "Read a response that was kept, or hear it again")
            .see("https://platform.openai.com/docs/api-reference/responses/get")
            .path("id", "The response's id.")
            .query::<ResponseQuery>()
            .answer::<Response>("200", "The response: one object, or with `stream=true` its events.")
            .stream("")
            .errors_in::<OpenAiError>(),
        delete("/v1/responses/{id}", "deleteResponse", "Forget a response")
            .see("https://platform.openai.com/docs/api-reference/responses/delete")
            .path("id", "The response's id.")
            .answer::<DeletedResponse>("200", "It is forgotten.")
            .errors_in::<OpenAiError>(),
        post("/v1/embeddings", "createEmbeddings", "Embeddings")
            .see("https://platform.openai.com/docs/api-reference/embeddings")
            .needs("a provider that has embeddings")
            .cached()
            .body::<EmbeddingRequest>()
            .example("A text", json!({"model": "openai/text-embedding-3-small", "input": "The Rhine"}))
            .answer::<EmbeddingList>("200", "One for each text.")
            .errors_in::<OpenAiError>(),
        get("/v1/models", "listModels", "List the models")
            .about("As `provider/model`, and the aliases.")
            .see("https://platform.openai.com/docs/api-reference/models/list")
            .answer::<ModelList>("200", "The models, in the form of whoever asks.")
            .errors_in::<OpenAiError>(),
        get("/v1/models/{model}", "readModel", "Read a model")
            .see("https://platform.openai.com/docs/api-reference/models/retrieve")
            .path("model", "A name of the list; its slashes may be escaped.")
            .answer::<Model>("200", "The model, in the form of whoever asks.")
            .errors_in::<OpenAiError>(),
    ]
}
