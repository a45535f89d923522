//! Routes that the clients of earlier services expect.

use serde_json::json;

use crate::openapi::operation::{Operation, delete, get, post};
use crate::openapi::schemas::earlier::{
    AppEvent, AppId, AppMessage, AppPrompt, Confirmation, Delta, Detail, LocalQuery, MapAndMarkers, Nothing,
    PlainAnswer, PlainChat, PlainError, PlainSocketChat, PlainSocketEvent, PromptEvent, PromptQuery, PromptRequest,
    RagMessages, RagQuery, RagRequest, ResponseText, TravelMessage, TravelQuery,
};
use crate::openapi::schemas::ollama::OllamaAnswer;

/// Where the apps' routes are found, too.
const APPS: &str = "/api/v0/streaming_chatbot";

const APP_SAMPLE: &str = "\
data: {\"type\":\"chat_history\",\"value\":[]}

data: {\"type\":\"delta\",\"value\":\"A river \"}

";

const COOKIE: &str = "The conversation is the cookie's, which is set at the first call.";

/// The operations.
pub fn operations() -> Vec<Operation> {
    plain().into_iter().chain(local()).chain(travel()).chain(apps()).collect()
}

fn plain() -> Vec<Operation> {
    vec![
        post("/chat", "plainChat", "Chat, whole or as events")
            .about("With the header `accept: text/event-stream`, or `stream: true`, the answer comes as events.")
            .body::<PlainChat>()
            .example("One answer", json!({"messages": [{"role": "user", "content": "Hello! /fast"}]}))
            .example("Events", json!({"messages": [{"role": "user", "content": "Hello!"}], "stream": true}))
            .answer::<PlainAnswer>("200", "The answer: one object, or its events.")
            .stream("")
            .event::<Delta>("completion")
            .event::<Nothing>("end")
            .event::<PlainError>("error")
            .sample("event: completion\ndata: Hello! \n\nevent: end\ndata: \n\n")
            .errors_in::<PlainError>(),
        get("/ws", "plainSocket", "Chat over a WebSocket")
            .about("Text or binary messages, any number of rounds, one at a time. This page cannot open sockets.")
            .socket::<PlainSocketChat, PlainSocketEvent>("The connection becomes a WebSocket.")
            .errors_in::<PlainSocketEvent>(),
        post("/stream", "plainStream", "One question, answered as a stream")
            .body::<PromptRequest>()
            .example("A question", json!({"prompt": "Hello! /fast"}))
            .stream("Pieces, and then the end or an error.")
            .event::<PromptEvent>("message")
            .sample("data: {\"content\":\"Hello! \"}\n\ndata: {\"done\":true}\n\n")
            .errors_in::<Detail>(),
        post("/rag", "plainRag", "What is known of a question")
            .about("The question with what was found for it, for a model of your own; or, with `answer: true`, the answer.")
            .query::<RagQuery>()
            .body::<RagRequest>()
            .example("What was found", json!({}))
            .example("The answer", json!({"answer": true}))
            .answer::<RagMessages>("200", "The messages, or the answer as `/stream` gives it.")
            .stream("")
            .event::<PromptEvent>("message")
            .errors_in::<Detail>(),
        post("/safe", "plainSafe", "One question, tried again where it fails")
            .about("503 where the provider is down and retries are spent.")
            .query::<PromptQuery>()
            .answer::<ResponseText>("200", "The answer.")
            .errors_in::<Detail>(),
    ]
}

fn local() -> Vec<Operation> {
    vec![
        post("/local-chat", "localChat", "Ollama, answered whole")
            .needs("a server of Ollama (`OLLAMA_BASE_URL`)")
            .query::<LocalQuery>()
            .answer::<ResponseText>("200", "The answer.")
            .errors_in::<Detail>(),
        post("/local-stream", "localStream", "Ollama, answered line by line")
            .needs("a server of Ollama (`OLLAMA_BASE_URL`)")
            .query::<LocalQuery>()
            .lines::<OllamaAnswer>("A line for each piece.")
            .errors_in::<Detail>(),
    ]
}

fn travel() -> Vec<Operation> {
    vec![
        get("/openai-streaming/", "travelStream", "Ask the travel assistant")
            .about(COOKIE)
            .query::<TravelQuery>()
            .text("text/event-stream", "The raw text as it streams: no events, though it says so.")
            .errors_in::<Detail>(),
        get("/openai-streaming/map-coordinates", "travelMap", "The map of the travel assistant")
            .about(COOKIE)
            .answer::<MapAndMarkers>("200", "The map, and what is marked on it.")
            .errors_in::<Detail>(),
        get("/openai-streaming/save-db-chat", "travelSave", "Save the conversation")
            .about(COOKIE)
            .answer::<Confirmation>("200", "It is saved.")
            .errors_in::<Detail>(),
        get("/openai-streaming/get-db-chat", "travelSaved", "The conversation as it was saved")
            .about(COOKIE)
            .answer::<Vec<TravelMessage>>("200", "Its messages.")
            .errors_in::<Detail>(),
        get("/openai-streaming/get-all-messages-before-saved", "travelUnsaved", "The conversation as it is")
            .about(COOKIE)
            .answer::<Vec<TravelMessage>>("200", "Its messages; the first one is the assistant's own instruction.")
            .errors_in::<Detail>(),
        delete("/openai-streaming/delete-db-state-chat", "travelDelete", "Forget the conversation")
            .about(COOKIE)
            .answer::<Confirmation>("200", "It is forgotten.")
            .errors_in::<Detail>(),
    ]
}

fn apps() -> Vec<Operation> {
    let app = |operation: Operation| {
        let project = "Any name: an app belongs to its project.";
        operation.path("project", project).path("app", "The app's name or id.").also_below(APPS)
    };
    vec![
        app(post("/response/{project}/{app}", "appResponse", "Ask an app"))
            .about("The router answers. The first event is the conversation so far.")
            .body::<AppPrompt>()
            .example("A question", json!({"prompt": "Write a poem about rivers."}))
            .stream("Its events.")
            .event::<AppEvent>("message")
            .sample(APP_SAMPLE)
            .errors_in::<Detail>(),
        app(get("/history/{project}/{app}", "appHistory", "The conversation of an app"))
            .answer::<Vec<AppMessage>>("200", "Its messages.")
            .errors_in::<Detail>(),
        app(post("/create/{project}/{app}", "appCreate", "Make an app"))
            .answer::<AppId>("200", "Its id.")
            .errors_in::<Detail>(),
    ]
}
