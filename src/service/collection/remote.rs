//! What is asked of a collection's object, by the worker and by sessions.

use std::pin::pin;

use futures_util::future::{Either, select};
use http::{Method, Request};
use serde_json::{Value, json};

use crate::callers::{Caller, digest_hex};
use crate::dialects::kept;
use crate::models::{ChatError, ErrorKind, Passage, Retrieval};
use crate::platform::{Abort, Answer, Env, OnAbort, log, now_ms, sleep};
use crate::providers::Trace;
use crate::retrieval::check_name;
use crate::service::remote::{forget_collection, note_collection};
use crate::service::{Ask, House};

/// The binding of wrangler.toml.
const COLLECTIONS: &str = "COLLECTIONS";

/// A megabyte of text is embedded in a dozen requests, each of which may be tried three times.
const PATIENCE_MS: u64 = 600_000;

/// Fifty passages with all that belongs to them.
const MOST_BODY: usize = 4 << 20;

/// Somebody's call to a collection.
pub struct CollectionCall {
    /// Whose it is.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// Ids for logs.
    pub trace: Trace,
    /// Variables and bindings.
    pub env: Env,
}

/// Asks a collection something; its answer is one for the caller, too.
pub async fn ask_collection(
    call: &CollectionCall,
    method: Method,
    path: &str,
    body: Vec<u8>,
    left: web_sys::AbortSignal,
) -> Answer {
    if call.owner == Caller::Anybody.owner() {
        // A name is no secret: whoever guesses it would read what another one wrote.
        let words = "collections belong to their caller, and this one cannot be told from others: send a key";
        return Err(ChatError::new(ErrorKind::PermissionDenied, words));
    }
    let abort = Abort::new()?;
    let stop = abort.clone();
    let _listener = OnAbort::new(left, move || stop.abort());
    let guard = abort.guard();
    let unsayable = |_| ChatError::new(ErrorKind::InvalidRequest, "the address cannot be sent on");
    let request = Request::builder()
        .method(method.clone())
        .uri(format!("https://collection{path}"))
        .header("content-type", "application/json")
        .header("x-collection", &call.name)
        .header("x-owner", &call.owner)
        .header("x-digest", digest_hex(format!("{}\n{}", call.owner, call.name).as_bytes()))
        .header("x-request-id", &call.trace.request_id)
        .body(body)
        .map_err(unsayable)?;
    let object = call.env.object(COLLECTIONS, &format!("{}\n{}", call.owner, call.name))?;
    let answer = match select(pin!(object.send(request, &abort)), pin!(sleep(PATIENCE_MS))).await {
        Either::Left((answer, _)) => answer?,
        Either::Right(_) => {
            return Err(ChatError::new(ErrorKind::Interrupted, "the collection's object did not answer in time"));
        }
    };
    guard.disarm();
    if answer.status.is_success()
        && let Err(error) = note(call, &method, path).await
    {
        // The list is late by one change; the next document mends it.
        log(&json!({"event": "list", "error": error.kind.as_str()}));
    }
    Ok(answer)
}

/// Keeps the caller's list of collections.
async fn note(call: &CollectionCall, method: &Method, path: &str) -> Result<(), ChatError> {
    let now = now_ms();
    match (method, path) {
        (&Method::POST, "/documents") => {
            let entry = json!({"id": call.name, "created_at": now, "updated_at": now});
            note_collection(&call.env, &call.owner, entry).await.map(|_| ())
        }
        (&Method::DELETE, "/" | "/documents") => {
            forget_collection(&call.env, &call.owner, &call.name).await.map(|_| ())
        }
        _ => Ok(()),
    }
}

/// What a collection has on a question.
pub async fn look_up(retrieval: &Retrieval, query: &str, ask: &Ask, house: &House) -> Result<Vec<Passage>, ChatError> {
    check_name(&retrieval.collection, "retrieval.collection")?;
    if query.trim().is_empty() {
        return Ok(Vec::new());
    }
    let call = CollectionCall {
        owner: ask.owner.clone(),
        name: retrieval.collection.clone(),
        trace: ask.trace.clone(),
        env: house.env.clone(),
    };
    // A question as long as a document is found by its beginning.
    let query: String = query.chars().take(8_000).collect();
    let body = json!({"query": query, "top_k": retrieval.top_k}).to_string().into_bytes();
    let answer = ask_collection(&call, Method::POST, "/search", body, ask.left.clone()).await?;
    let (status, headers) = (answer.status, answer.headers.clone());
    let body = answer.whole_body(MOST_BODY).await?;
    if !status.is_success() {
        let error = kept::READER.read_error(status, &headers, &body);
        let param = (error.kind == ErrorKind::NotFound).then(|| "retrieval.collection".to_owned());
        return Err(ChatError { param: param.or(error.param), ..error });
    }
    let unreadable = |_| ChatError::new(ErrorKind::Internal, "the collection's answer cannot be read");
    let mut value: Value = serde_json::from_slice(&body).map_err(unreadable)?;
    let results = value.get_mut("results").map(Value::take).unwrap_or_default();
    serde_json::from_value(results).map_err(unreadable)
}
