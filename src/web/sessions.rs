//! Sessions over HTTP: thin, because a session's own object knows the answers.

use http::Method;
use serde_json::{Map, Value, json};

use super::reply::Reply;
use super::routes::Route;
use super::{Call, access, body, header};
use crate::assistants;
use crate::callers::Caller;
use crate::models::{ChatError, ErrorKind};
use crate::platform::{Fetched, escaped, query};
use crate::service::{
    House, SessionCall, ask_session, connect_session, create_session, list_sessions, new_run_id, new_session_id,
};

/// What is asked of one session, or of all.
#[derive(Clone)]
pub enum SessionRoute {
    /// `POST /api/v1/sessions`.
    Create,
    /// `GET /api/v1/sessions`.
    List,
    /// `/api/v1/sessions/{id}` and what is below it.
    One { id: String, method: &'static str, path: &'static str },
    /// `GET /api/v1/chat/stream`.
    Attach,
    /// `DELETE /api/v1/chat/stream`.
    Stop,
    /// `GET /api/v1/chat/ws`.
    Socket,
}

const SESSIONS: &str = "/api/v1/sessions/";

/// What is at a path below the list of sessions; nothing if it is elsewhere.
pub fn find(method: &str, path: &str) -> Option<Result<SessionRoute, &'static str>> {
    let rest = path.strip_prefix(SESSIONS).filter(|rest| !rest.is_empty())?;
    let (id, tail) = rest.split_once('/').unwrap_or((rest, ""));
    let (path, methods): (_, &[&'static str]) = match tail {
        "" => ("/", &["GET", "PATCH", "DELETE"]),
        "messages" => ("/messages", &["GET"]),
        "state" => ("/state", &["GET"]),
        _ => return None,
    };
    let allowed = if methods.len() > 1 { "GET, PATCH, DELETE" } else { "GET" };
    let method = methods.iter().find(|known| **known == method).ok_or(allowed);
    Some(method.map(|method| SessionRoute::One { id: id.to_owned(), method, path }))
}

/// A call to a session, as its object hears it.
pub fn call_to(call: &Call, session_id: String, stream: bool, house: &House) -> SessionCall {
    SessionCall {
        session_id,
        owner: call.caller.owner(),
        run_id: new_run_id(),
        stream,
        idempotency_key: header(&call.request, "idempotency-key"),
        last_event_id: header(&call.request, "last-event-id"),
        provider_key: header(&call.request, "x-provider-key"),
        cache_ttl: call.cache_ttl.get(),
        replay: None,
        trace: call.trace.clone(),
        env: house.env.clone(),
    }
}

/// Serves what is asked of sessions.
pub async fn serve(call: Call, route: SessionRoute, house: &House) -> Result<Reply, ChatError> {
    match route {
        SessionRoute::Create => create(&call, house).await,
        SessionRoute::List => list(&call, house).await,
        SessionRoute::One { id, method, path } => {
            let body = if method == "PATCH" { body::read_json(&call).await? } else { Vec::new() };
            let method = Method::from_bytes(method.as_bytes()).unwrap_or_default();
            pass_on(&call, id, method, path, body, house).await
        }
        SessionRoute::Attach => {
            let last = query(&call.uri, "last_event_id").map(|id| format!("/stream?last_event_id={}", escaped(&id)));
            let path = last.as_deref().unwrap_or("/stream");
            pass_on(&call, named(&call)?, Method::GET, path, Vec::new(), house).await
        }
        SessionRoute::Stop => pass_on(&call, named(&call)?, Method::DELETE, "/stream", Vec::new(), house).await,
        SessionRoute::Socket => {
            if !header(&call.request, "upgrade").is_some_and(|kind| kind.eq_ignore_ascii_case("websocket")) {
                let words = "this address is for WebSockets: connect with the header upgrade: websocket";
                return Err(ChatError::invalid("upgrade", words));
            }
            let response = connect_session(&call_to(&call, named(&call)?, true, house)).await?;
            // Anything but a socket is an error that was told in full.
            match response.status() {
                101 => Ok(Reply::socket(response)),
                _ => Ok(Reply::passed(Fetched::from(&response))),
            }
        }
    }
}

/// A chat request that belongs to a session: its answer is the session's own.
pub async fn run(call: &Call, id: String, request: Vec<u8>, stream: bool, house: &House) -> Result<Reply, ChatError> {
    let to = call_to(call, id, stream, house);
    Ok(Reply::passed(ask_session(&to, Method::POST, "/runs", request, call.request.signal()).await?))
}

async fn pass_on(
    call: &Call,
    id: String,
    method: Method,
    path: &str,
    body: Vec<u8>,
    house: &House,
) -> Result<Reply, ChatError> {
    let to = call_to(call, id, true, house);
    Ok(Reply::passed(ask_session(&to, method, path, body, call.request.signal()).await?))
}

fn named(call: &Call) -> Result<String, ChatError> {
    query(&call.uri, "session_id").ok_or_else(|| ChatError::invalid("session_id", "session_id is required"))
}

async fn create(call: &Call, house: &House) -> Result<Reply, ChatError> {
    // A session needs no words: a body may be missing altogether.
    let has_body = header(&call.request, "content-type").is_some();
    let bytes = if has_body { body::read_json(call).await? } else { Vec::new() };
    let fields: Map<String, Value> = if bytes.is_empty() { Map::new() } else { read(&bytes)? };
    let to = call_to(call, new_session_id(), true, house);
    let made = create_session(&to, json!(checked(fields, house)?), call.caller.has_list()).await?;
    let reply = Reply::passed(made);
    Ok(match &call.new_cookie {
        Some(cookie) => reply.with_cookie(access::set_cookie(call, cookie)),
        None => reply,
    })
}

fn read(bytes: &[u8]) -> Result<Map<String, Value>, ChatError> {
    let unreadable = |_| ChatError::new(ErrorKind::InvalidRequest, "the body must be a JSON object");
    serde_json::from_slice(bytes).map_err(unreadable)
}

/// What a session may have for all its requests.
const DEFAULTS: [&str; 13] = [
    "provider",
    "model",
    "temperature",
    "top_p",
    "max_tokens",
    "stop",
    "seed",
    "thinking",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "retrieval",
];

/// The fields of a new session. Its defaults are checked as the request is that they will be part of.
fn checked(fields: Map<String, Value>, house: &House) -> Result<Map<String, Value>, ChatError> {
    let known = ["assistant", "system", "title", "defaults"];
    if let Some(unknown) = fields.keys().find(|name| !known.contains(&name.as_str())) {
        return Err(ChatError::invalid(unknown.as_str(), format!("{unknown} is not a field of a session")));
    }
    for name in ["assistant", "system", "title"] {
        if fields.get(name).is_some_and(|value| !value.is_string() && !value.is_null()) {
            return Err(ChatError::invalid(name, format!("{name} must be a string")));
        }
    }
    let assistant = assistants::find(fields.get("assistant").and_then(Value::as_str).unwrap_or(assistants::USUAL))?;
    let defaults = match fields.get("defaults") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(defaults)) => defaults.clone(),
        Some(_) => return Err(ChatError::invalid("defaults", "defaults must be an object")),
    };
    if let Some(unknown) = defaults.keys().find(|name| !DEFAULTS.contains(&name.as_str())) {
        let path = format!("defaults.{unknown}");
        return Err(ChatError::invalid(path.clone(), format!("{path} cannot be a default")));
    }
    let mut whole = defaults.clone();
    whole.insert("messages".to_owned(), json!([{"role": "user", "content": "?"}]));
    let inside = |error: ChatError| {
        let param = error.param.map(|path| format!("defaults.{path}"));
        ChatError { param, message: format!("defaults.{}", error.message), ..error }
    };
    let chat = crate::dialects::kept::LANGUAGE.read_request(json!(whole).to_string().as_bytes()).map_err(inside)?;
    house.catalogue.candidates(chat.provider.as_deref(), chat.model.as_deref())?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty());
    let title: Option<String> = text("title").map(|title| title.chars().take(200).collect());
    let mut checked = Map::new();
    checked.insert("assistant".to_owned(), json!(assistant.name));
    checked.insert("system".to_owned(), json!(text("system")));
    checked.insert("title".to_owned(), json!(title));
    checked.insert("defaults".to_owned(), json!(defaults));
    Ok(checked)
}

async fn list(call: &Call, house: &House) -> Result<Reply, ChatError> {
    if !call.caller.has_list() || call.new_cookie.is_some() {
        return Ok(Reply::json(200, &json!({"sessions": [], "next": null})));
    }
    let fields = ["limit", "before"].into_iter().filter_map(|name| Some((name, query(&call.uri, name)?)));
    let fields: Vec<String> = fields.map(|(name, value)| format!("{name}={}", escaped(&value))).collect();
    Ok(Reply::passed(list_sessions(&call.caller.owner(), &fields.join("&"), &call.trace.request_id, house).await?))
}

/// Whoever has no key hears of a session what a stranger hears; of all else, that a key is asked for.
pub fn admit(call: &Call, route: Option<&Route>) -> Result<(), ChatError> {
    let names_session = match route {
        Some(Route::Session(SessionRoute::One { .. })) => true,
        Some(Route::Session(SessionRoute::Create | SessionRoute::List)) => false,
        Some(Route::Session(_)) => named(call).is_ok(),
        // Its body says whether it does: see `chat::unified`.
        Some(Route::Chat { .. }) => body::is_short(call),
        _ => false,
    };
    let is_operators = matches!(route, Some(Route::Keys(_) | Route::Usage | Route::Metrics));
    match call.caller {
        // They say themselves whom they are for.
        Caller::Nobody if matches!(route, Some(Route::Keys(_) | Route::Metrics)) => Ok(()),
        Caller::Operator if route.is_some() && !is_operators => Err(access::not_for_operator()),
        Caller::Nobody if !names_session => Err(access::no_key()),
        _ => Ok(()),
    }
}
