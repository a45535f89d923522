//! What the worker asks of Durable Objects: of a session's, and of the list of a caller's sessions.

use std::pin::pin;

use futures_util::future::{Either, select};
use http::{Method, Request};
use serde_json::{Value, json};

use super::House;
use crate::models::{ChatError, ErrorKind};
use crate::platform::{Abort, Answer, Env, OnAbort, random_hex, sleep};
use crate::providers::Trace;

/// The bindings of wrangler.toml.
const SESSIONS: &str = "SESSIONS";
const CALLERS: &str = "CALLERS";

/// An object answers a question at once; one that does not has been lost.
pub(super) const PATIENCE_MS: u64 = 30_000;

/// A run's headers may take as long as the retries before it; a whole answer as long as the answer.
const RUN_PATIENCE_MS: u64 = 900_000;

/// A new run's id: 80 random bits, so that ids do not collide, however many runs begin in one millisecond.
pub fn new_run_id() -> String {
    format!("r_{}", random_hex(20))
}

/// A new session's id: 120 random bits, because it may be the only secret of a session.
pub fn new_session_id() -> String {
    format!("s_{}", random_hex(30))
}

/// Whether a session could have this id.
fn is_session_id(id: &str) -> bool {
    id.strip_prefix("s_").is_some_and(|hex| hex.len() == 30 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Somebody's call to a session.
#[derive(Clone)]
pub struct SessionCall {
    /// The session's id, as the caller says it.
    pub session_id: String,
    /// Who calls, as sessions know their owners.
    pub owner: String,
    /// The id of the run that this call may begin.
    pub run_id: String,
    /// Whether the answer is to be a stream.
    pub stream: bool,
    /// The caller's name for the request, under which it is made once only.
    pub idempotency_key: Option<String>,
    /// The last frame that the caller saw.
    pub last_event_id: Option<String>,
    /// The caller's own key for the provider.
    pub provider_key: Option<String>,
    /// For how many seconds the answer may be kept and given again.
    pub cache_ttl: Option<u64>,
    /// The run that is to be heard once more, instead of a new one.
    pub replay: Option<String>,
    /// Ids for logs.
    pub trace: Trace,
    /// Variables and bindings.
    pub env: Env,
}

impl SessionCall {
    /// Asks for a run; the body is a request in the language of sessions.
    pub async fn post(&self, body: Vec<u8>, abort: &Abort) -> Answer {
        let request = match &self.replay {
            Some(run) => self.request(Method::GET, &format!("/stream?last_event_id={run}:0"), Vec::new())?,
            None => self.request(Method::POST, "/runs", body)?,
        };
        within(RUN_PATIENCE_MS, self.env.object(SESSIONS, self.known_id()?)?.send(request, abort)).await
    }

    fn request(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Request<Vec<u8>>, ChatError> {
        // What could be no id is none, before anything is made of it.
        let session_id = self.known_id()?;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://session{path}"))
            .header("content-type", "application/json")
            .header("x-session", session_id)
            .header("x-owner", &self.owner)
            .header("x-run-id", &self.run_id)
            .header("x-stream", if self.stream { "true" } else { "false" })
            .header("x-request-id", &self.trace.request_id);
        let optional = [
            ("idempotency-key", &self.idempotency_key),
            ("last-event-id", &self.last_event_id),
            ("x-provider-key", &self.provider_key),
            ("traceparent", &self.trace.traceparent),
        ];
        if let Some(ttl) = self.cache_ttl {
            request = request.header("x-cache-ttl", ttl);
        }
        for (name, value) in optional {
            if let Some(value) = value {
                request = request.header(name, value);
            }
        }
        let unsayable = |_| ChatError::new(ErrorKind::InvalidRequest, "a header of the request cannot be sent on");
        request.body(body).map_err(unsayable)
    }

    /// The id, if there could be such a session at all.
    fn known_id(&self) -> Result<&str, ChatError> {
        if is_session_id(&self.session_id) { Ok(&self.session_id) } else { Err(no_session()) }
    }
}

/// Asks a session something; its answer is one for the caller, too.
pub async fn ask_session(
    call: &SessionCall,
    method: Method,
    path: &str,
    body: Vec<u8>,
    left: web_sys::AbortSignal,
) -> Answer {
    let abort = Abort::new()?;
    let stop = abort.clone();
    // A stream that is read has its own way to tell that its reader left.
    let _listener = OnAbort::new(left, move || stop.abort());
    let request = call.request(method, path, body)?;
    let patience = if path == "/runs" { RUN_PATIENCE_MS } else { PATIENCE_MS };
    within(patience, call.env.object(SESSIONS, call.known_id()?)?.send(request, &abort)).await
}

/// A socket to a session.
pub async fn connect_session(call: &SessionCall) -> Result<web_sys::Response, ChatError> {
    let mut request = call.request(Method::GET, "/socket", Vec::new())?;
    request.headers_mut().insert("upgrade", http::HeaderValue::from_static("websocket"));
    let object = call.env.object(SESSIONS, call.known_id()?)?;
    within(PATIENCE_MS, object.connect(request)).await
}

/// Makes a session, and notes it in its owner's list.
pub async fn create_session(call: &SessionCall, mut fields: Value, has_list: bool) -> Answer {
    if let Some(map) = fields.as_object_mut() {
        map.insert("owner".to_owned(), json!(call.owner));
        map.insert("listed".to_owned(), json!(has_list));
    }
    let request = call.request(Method::POST, "/", fields.to_string().into_bytes())?;
    within(PATIENCE_MS, call.env.object(SESSIONS, call.known_id()?)?.send(request, &Abort::new()?)).await
}

/// A page of the caller's list.
pub async fn list_sessions(owner: &str, query: &str, request_id: &str, house: &House) -> Answer {
    let path = format!("/?{query}");
    ask_list(&house.env, owner, (Method::GET, &path), Vec::new(), request_id).await
}

/// Takes a session out of the caller's list.
pub async fn forget_session(owner: &str, id: &str, env: &Env) -> Answer {
    ask_list(env, owner, (Method::DELETE, &format!("/?id={id}")), Vec::new(), "").await
}

/// Notes a session in its owner's list, or what became of it.
pub async fn note_session(env: &Env, owner: &str, entry: Value) -> Answer {
    ask_list(env, owner, (Method::POST, "/"), entry.to_string().into_bytes(), "").await
}

/// A page of the caller's collections.
pub async fn list_collections(owner: &str, query: &str, request_id: &str, house: &House) -> Answer {
    let path = format!("/collections?{query}");
    ask_list(&house.env, owner, (Method::GET, &path), Vec::new(), request_id).await
}

/// Notes that a collection was used.
pub async fn note_collection(env: &Env, owner: &str, entry: Value) -> Answer {
    ask_list(env, owner, (Method::POST, "/collections"), entry.to_string().into_bytes(), "").await
}

/// Takes a collection out of the caller's list.
pub async fn forget_collection(env: &Env, owner: &str, name: &str) -> Answer {
    ask_list(env, owner, (Method::DELETE, &format!("/collections?id={name}")), Vec::new(), "").await
}

async fn ask_list(env: &Env, owner: &str, (method, path): (Method, &str), body: Vec<u8>, request_id: &str) -> Answer {
    let request = Request::builder().method(method).uri(format!("https://list{path}"));
    let unsayable = |_| ChatError::invalid("limit", "the query cannot be read");
    let request = request.header("content-type", "application/json").header("x-request-id", request_id);
    let request = request.body(body).map_err(unsayable)?;
    within(PATIENCE_MS, env.object(CALLERS, owner)?.send(request, &Abort::new()?)).await
}

/// A panic in an object would leave its callers waiting for ever.
pub(super) async fn within<T>(ms: u64, work: impl Future<Output = Result<T, ChatError>>) -> Result<T, ChatError> {
    match select(pin!(work), pin!(sleep(ms))).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(ChatError::new(ErrorKind::Interrupted, "the object did not answer in time")),
    }
}

/// What is not the caller's does not exist, whatever it is.
pub fn no_session() -> ChatError {
    ChatError {
        param: Some("session_id".to_owned()),
        ..ChatError::new(ErrorKind::NotFound, "there is no such session")
    }
}
