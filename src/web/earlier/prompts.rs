//! One prompt, one answer.

use serde_json::{Map, Value, json};
use worker::Context;

use super::{Call, Earlier, LanarkyEvents, Reply, chat, header, run, told};
use crate::assistants::context as found;
use crate::dialects::{OllamaGenerate, ToClient};
use crate::models::{ChatError, ChatRequest, Retrieval};
use crate::platform::query;
use crate::service::{Ask, House, look_up, start};
use crate::web::body;

/// The provider that the local routes are for.
const LOCAL: &str = "ollama";

/// `POST /chat`: one object, or a stream for whoever accepts or asks for that.
pub async fn chat(call: Call, house: &House, context: &Context) -> Result<Reply, ChatError> {
    let mut chat = LanarkyEvents.read_request(&body::read_json(&call).await?)?;
    let accepts = header(&call.request, "accept").unwrap_or_default();
    chat.stream |= accepts.split(',').any(|kind| kind.trim().starts_with("text/event-stream"));
    Ok(run(chat, &LanarkyEvents, call, house, context).await)
}

/// `POST /stream`.
pub async fn stream(call: Call, house: &House, context: &Context) -> Result<Reply, ChatError> {
    let chat = Earlier::Contents.read_request(&body::read_json(&call).await?)?;
    contents(chat, call, house, context).await
}

/// Frames of content; a provider's failure is the last of them, whenever it comes.
async fn contents(chat: ChatRequest, call: Call, house: &House, context: &Context) -> Result<Reply, ChatError> {
    let ask = chat::ask(&call, &Earlier::Contents, true);
    let started = start(chat, ask, house, context).await;
    let reply = started.map(|started| Reply::stream(started.body, Earlier::Contents.stream_type(), &started.run_id));
    told(reply, Earlier::Contents, b"")
}

/// `POST /rag?query=`: the messages with what was found, or the answer.
pub async fn rag(call: Call, house: &House, context: &Context) -> Result<Reply, ChatError> {
    let asked = needed(&call, "query")?;
    let body = if header(&call.request, "content-type").is_some() { body::read_json(&call).await? } else { Vec::new() };
    let fields: Map<String, Value> = match body.is_empty() {
        true => Map::new(),
        false => serde_json::from_slice(&body)
            .map_err(|_| ChatError::new(crate::models::ErrorKind::InvalidRequest, "the body must be a JSON object"))?,
    };
    let answer = match fields.get("answer") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(answer)) => *answer,
        Some(_) => return Err(ChatError::invalid("answer", "answer must be true or false")),
    };
    let retrieval = Retrieval {
        collection: query(&call.uri, "collection").unwrap_or_else(|| "default".to_owned()),
        top_k: top_k(&call)?,
    };
    // The question comes last, behind what was said before it.
    let mut before = match fields.get("messages") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(messages)) => messages.clone(),
        Some(_) => return Err(ChatError::invalid("messages", "messages must be an array")),
    };
    before.push(json!({"role": "user", "content": asked}));
    let mut words = fields;
    words.shift_remove("answer");
    words.insert("messages".to_owned(), json!(before));
    let chat = LanarkyEvents.read_request(Value::Object(words).to_string().as_bytes())?;
    if answer {
        let assistant = Some("rag".to_owned());
        let chat = ChatRequest { assistant, retrieval: Some(retrieval), stream: true, ..chat };
        return contents(chat, call, house, context).await;
    }
    let ask = chat::ask(&call, &Earlier::Contents, false);
    let passages = look_up(&retrieval, &asked, &ask, house).await?;
    before.insert(0, json!({"role": "system", "content": found(&passages)}));
    Ok(Reply::json(200, &json!({"messages": before})))
}

fn top_k(call: &Call) -> Result<u64, ChatError> {
    let wrong = || {
        let words = format!("top_k must be a whole number from 1 to {}", Retrieval::MOST);
        ChatError::invalid("top_k", words)
    };
    match query(&call.uri, "top_k") {
        None => Ok(Retrieval::USUAL),
        Some(text) => text.parse().ok().filter(|count| (1..=Retrieval::MOST).contains(count)).ok_or_else(wrong),
    }
}

/// `POST /local-chat?model=&prompt=` and `POST /local-stream?model=&prompt=`: the local model, whole or in lines.
pub async fn local(call: Call, stream: bool, house: &House, context: &Context) -> Result<Reply, ChatError> {
    let prompt = needed(&call, "prompt")?;
    let body = json!({"prompt": prompt, "model": query(&call.uri, "model")});
    let read = Earlier::Response.read_request(body.to_string().as_bytes())?;
    let chat = ChatRequest { provider: Some(LOCAL.to_owned()), stream, ..read };
    let language: &'static dyn ToClient = if stream { &OllamaGenerate } else { &Earlier::Response };
    Ok(run(chat, language, call, house, context).await)
}

/// `POST /safe?prompt=`: as often as it takes, or a clear no.
pub async fn safe(call: Call, house: &House, context: &Context) -> Result<Reply, ChatError> {
    let body = json!({"prompt": needed(&call, "prompt")?});
    let chat = Earlier::Response.read_request(body.to_string().as_bytes())?;
    let ask = Ask { stream: false, ..chat::ask(&call, &Earlier::Response, false) };
    Ok(chat::answer(chat, ask, call, house, context).await)
}

fn needed(call: &Call, name: &str) -> Result<String, ChatError> {
    let value = query(&call.uri, name).filter(|value| !value.trim().is_empty());
    value.ok_or_else(|| ChatError::invalid(name, format!("{name} is required: it belongs into the address")))
}
