//! Chat in the unified language.

use serde_json::json;

use crate::openapi::errors::{READ, RUN};
use crate::openapi::operation::{Operation, delete, get, post};
use crate::openapi::schemas::answer::{ChatAnswer, Done, SocketEvent, StepEvent, StreamChunk};
use crate::openapi::schemas::error::ErrorEvent;
use crate::openapi::schemas::request::{ChatRequest, SocketMessage};
use crate::openapi::schemas::sessions::{AttachQuery, SessionQuery, Stopped};

const STREAM: &str = "\
The answer, as server-sent events. Each has an `id`, by which a session's stream is resumed, an `event` and `data`. \
In a long silence a comment, `: hb`, shows that the run is alive. The stream ends in exactly one `done` or `error`.";

const SAMPLE: &str = "\
id: r_381e62cdb0d4d7ed968f:1
event: chunk
data: {\"content\":\"Hello! \",\"finish_reason\":null,\"model\":\"demo\",\"provider\":\"demo\",\"usage\":null,\"role\":\"assistant\"}

id: r_381e62cdb0d4d7ed968f:2
event: chunk
data: {\"content\":\"\",\"finish_reason\":\"stop\",\"model\":\"demo\",\"provider\":\"demo\",\
\"usage\":{\"input_tokens\":2,\"output_tokens\":1,\"total_tokens\":3},\"raw_finish_reason\":\"stop\"}

id: r_381e62cdb0d4d7ed968f:3
event: done
data: [DONE]

";

const IDEMPOTENCY: &str = "In a session: a request that is sent twice under one key makes one run.";

const PROVIDER_KEY: &str = "A key of your own for the provider. It goes to that provider only.";

const LAST_EVENT: &str = "The last event that was seen, as `EventSource` sends it.";

/// The operations.
pub fn operations() -> Vec<Operation> {
    vec![stream(), whole(), attach(), stop(), socket()]
}

fn stream() -> Operation {
    let operation = post("/api/v1/chat/stream", "streamChat", "Chat, answered as a stream")
        .about(
            "Every provider's answer comes in the same events. With a `session_id` the session's history is added, \
             and the run is kept.",
        )
        .run()
        .header("Idempotency-Key", IDEMPOTENCY)
        .header("Last-Event-ID", "In a session, of a request that is sent again: the last event that was seen.")
        .header("x-provider-key", PROVIDER_KEY)
        .cached()
        .body::<ChatRequest>();
    examples(operation)
        .stream(STREAM)
        .event::<StreamChunk>("chunk")
        .event::<StepEvent>("step")
        .event::<Done>("done")
        .event::<ErrorEvent>("error")
        .sample(SAMPLE)
        .errors(RUN)
}

fn whole() -> Operation {
    let operation = post("/api/v1/chat", "chat", "Chat, answered as one JSON object")
        .about("The same request; the answer is what all the stream's chunks add up to.")
        .run()
        .header("Idempotency-Key", IDEMPOTENCY)
        .header("x-provider-key", PROVIDER_KEY)
        .cached()
        .body::<ChatRequest>();
    examples(operation).answer::<ChatAnswer>("200", "The whole answer.").errors(RUN)
}

/// All of them work without any key.
fn examples(operation: Operation) -> Operation {
    operation
        .example("A question", json!({"messages": [{"role": "user", "content": "Hello!"}]}))
        .example(
            "Thinking",
            json!({
                "model": "demo/demo",
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": "How does thinking look?"},
                ],
                "thinking": true,
            }),
        )
        .example(
            "A tool",
            json!({
                "messages": [{"role": "user", "content": "/tool Is it raining in Oslo?"}],
                "tools": [{
                    "type": "function",
                    "function": {
                        "name": "get_weather",
                        "description": "The weather in a city, now.",
                        "parameters": {
                            "type": "object",
                            "properties": {"city": {"type": "string"}},
                            "required": ["city"],
                        },
                    },
                }],
            }),
        )
        .example(
            "The second turn of a tool",
            json!({
                "messages": [
                    {"role": "user", "content": "/tool Is it raining in Oslo?"},
                    {
                        "role": "assistant",
                        "content": "",
                        "tool_calls": [{
                            "id": "call_1",
                            "type": "function",
                            "function": {"name": "get_weather", "arguments": "{\"city\":\"Oslo\"}"},
                        }],
                    },
                    {"role": "tool", "tool_call_id": "call_1", "content": "Rain."},
                ],
            }),
        )
        .example(
            "A picture",
            json!({
                "messages": [{
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "What is this? /fast"},
                        {
                            "type": "image",
                            "media_type": "image/gif",
                            "data": "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7",
                        },
                    ],
                }],
            }),
        )
        .example(
            "The steps of an assistant",
            json!({
                "assistant": "router",
                "steps": true,
                "messages": [{"role": "user", "content": "Write a poem about rivers."}],
            }),
        )
}

fn attach() -> Operation {
    get("/api/v1/chat/stream", "attachToRun", "Attach to a run, or resume it")
        .about(
            "Gives the session's live or latest run from its start, or exactly what follows `last_event_id`, and goes \
             on live. Any number of listeners may attach. 204 where nothing follows, at which an `EventSource` stops.",
        )
        .run()
        .query::<AttachQuery>()
        .header("Last-Event-ID", LAST_EVENT)
        .stream(STREAM)
        .event::<StreamChunk>("chunk")
        .event::<StepEvent>("step")
        .event::<Done>("done")
        .event::<ErrorEvent>("error")
        .sample(SAMPLE)
        .nothing("204", "Nothing follows.")
        .errors(READ)
}

fn stop() -> Operation {
    delete("/api/v1/chat/stream", "stopRun", "Stop the run of a session")
        .about("What came is kept, the finish is `cancelled`, and usage is settled. Leaving is not stopping.")
        .query::<SessionQuery>()
        .answer::<Stopped>("200", "How the latest run stands.")
        .errors(READ)
}

fn socket() -> Operation {
    get("/api/v1/chat/ws", "sessionSocket", "A session over a WebSocket")
        .about(
            "The same events, with the same ids, as over server-sent events. A client that takes more than 4 MB \
             without a word of its own is let go, and may resume: send a `ping` now and then. This page cannot open \
             sockets.",
        )
        .query::<SessionQuery>()
        .socket::<SocketMessage, SocketEvent>("The connection becomes a WebSocket.")
        .errors(READ)
}
