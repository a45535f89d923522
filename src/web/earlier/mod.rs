//! Routes that earlier services' clients expect: a route, its shape, and the same services underneath.

mod chatbot;
mod prompts;
mod travel;

pub use travel::TravelRoute;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use worker::Context;

use super::chat::{self, run};
use super::reply::Reply;
use super::{Call, access, header, sessions};
use crate::callers::Caller;
use crate::dialects::{Earlier, LanarkyEvents, ToClient, kept};
use crate::models::{ChatError, ChatRequest, ErrorKind};
use crate::platform::{decoded, random_hex};
use crate::service::{House, SessionCall, ask_session, create_session};

/// What an earlier service had.
#[derive(Clone)]
pub enum EarlierRoute {
    /// `POST /chat`.
    Chat,
    /// `POST /stream`.
    Stream,
    /// `POST /rag`.
    Rag,
    /// `POST /local-chat`, and `POST /local-stream`.
    Local { stream: bool },
    /// `POST /safe`.
    Safe,
    /// Below `/openai-streaming`.
    Travel(TravelRoute),
    /// A project's app, and what is asked of it.
    Chatbot { what: &'static str, project: String, app: String },
}

/// Where the streaming chatbot's clients also look for their routes.
const STREAMING_CHATBOT: &str = "/api/v0/streaming_chatbot";

/// What is asked of an app, and how.
const CHATBOT: [(&str, &str); 3] = [("response", "POST"), ("history", "GET"), ("create", "POST")];

/// The route of an app; nothing if the address is another's.
pub fn find(method: &str, path: &str) -> Option<Result<EarlierRoute, &'static str>> {
    let rest = path.strip_prefix(STREAMING_CHATBOT).unwrap_or(path);
    let mut pieces = rest.strip_prefix('/')?.split('/');
    let (what, project, app) = (pieces.next()?, pieces.next()?, pieces.next()?);
    let (what, allowed) = CHATBOT.into_iter().find(|(name, _)| *name == what)?;
    if pieces.next().is_some() || project.is_empty() || app.is_empty() {
        return None;
    }
    let route = EarlierRoute::Chatbot { what, project: decoded(project), app: decoded(app) };
    Some(if method == allowed { Ok(route) } else { Err(allowed) })
}

/// Whether an address is that of an app.
pub fn is_ours(path: &str) -> bool {
    find("", path).is_some()
}

/// The language in which each complains.
pub fn language(route: &EarlierRoute) -> &'static dyn ToClient {
    match route {
        EarlierRoute::Chat => &LanarkyEvents,
        EarlierRoute::Stream => &Earlier::Contents,
        EarlierRoute::Local { .. } | EarlierRoute::Safe => &Earlier::Response,
        EarlierRoute::Rag => &Earlier::Contents,
        EarlierRoute::Travel(_) => &Earlier::Text,
        EarlierRoute::Chatbot { .. } => &Earlier::Deltas,
    }
}

/// Serves one of them.
pub async fn serve(
    call: Call,
    route: EarlierRoute,
    house: &House,
    context: &Context,
    is_allowed: bool,
) -> Result<Reply, ChatError> {
    // Some are asked by GET, or without a body: a page from anywhere could make a browser ask them.
    let site = header(&call.request, "sec-fetch-site");
    if !is_allowed && !matches!(site.as_deref(), None | Some("same-origin" | "none")) {
        let words = "the page that sends this is from another origin, which ALLOWED_ORIGINS does not name";
        return Err(ChatError {
            param: Some("origin".to_owned()),
            ..ChatError::new(ErrorKind::PermissionDenied, words)
        });
    }
    match route {
        EarlierRoute::Chat => prompts::chat(call, house, context).await,
        EarlierRoute::Stream => prompts::stream(call, house, context).await,
        EarlierRoute::Rag => prompts::rag(call, house, context).await,
        EarlierRoute::Local { stream } => prompts::local(call, stream, house, context).await,
        EarlierRoute::Safe => prompts::safe(call, house, context).await,
        EarlierRoute::Travel(route) => travel::serve(call, route, house, context).await,
        EarlierRoute::Chatbot { what, project, app } => {
            chatbot::serve(call, what, (&project, &app), house, context).await
        }
    }
}

/// A caller who cannot be told from others gets a cookie, and is one from then on.
fn known(mut call: Call) -> (Call, Option<String>) {
    if call.caller == Caller::Anybody {
        let cookie = random_hex(30);
        call.caller = Caller::browser(&cookie);
        call.new_cookie = Some(cookie);
    }
    let cookie = call.new_cookie.as_ref().map(|cookie| access::set_cookie(&call, cookie));
    (call, cookie)
}

/// What a provider's failure is told as by a stream that knows no statuses.
fn told(reply: Result<Reply, ChatError>, language: Earlier, preface: &[u8]) -> Result<Reply, ChatError> {
    let error = match reply {
        Ok(reply) => return Ok(reply),
        Err(error) if is_callers(&error) => return Err(error),
        Err(error) => error,
    };
    let mut body = preface.to_vec();
    let mut encoder = language.encoder(Default::default(), &ChatRequest::default());
    encoder.event(crate::models::Event::Error(&error), &mut body);
    Ok(Reply::text(200, language.stream_type(), body))
}

/// Whether the request itself is wrong: that is told by a status.
fn is_callers(error: &ChatError) -> bool {
    error.kind.status().is_client_error()
        && !matches!(error.kind, ErrorKind::RateLimited | ErrorKind::ProviderAuth | ErrorKind::ContentFilter)
}

/// Asks a session something, and reads the answer.
async fn asked(to: &SessionCall, method: Method, path: &str, call: &Call) -> Result<Option<Value>, ChatError> {
    let answer = ask_session(to, method, path, Vec::new(), call.request.signal()).await?;
    let (status, headers) = (answer.status, answer.headers.clone());
    let body = answer.whole_body(MOST_CONVERSATION).await?;
    match status {
        StatusCode::NOT_FOUND => Ok(None),
        _ if status.is_success() => Ok(Some(serde_json::from_slice(&body).unwrap_or_default())),
        _ => Err(kept::READER.read_error(status, &headers, &body)),
    }
}

/// A conversation of four million tokens; one that is longer is not told.
const MOST_CONVERSATION: usize = 16 << 20;

/// Makes a session, unless it is there already.
async fn ensure(to: &SessionCall, assistant: &str, call: &Call) -> Result<(), ChatError> {
    if asked(to, Method::GET, "/", call).await?.is_some() {
        return Ok(());
    }
    let made = create_session(to, json!({"assistant": assistant}), false).await?;
    // Somebody may have made it meanwhile.
    if made.status == StatusCode::CREATED || asked(to, Method::GET, "/", call).await?.is_some() {
        return Ok(());
    }
    Err(ChatError::new(ErrorKind::Internal, "the session could not be made"))
}

/// The messages of a conversation.
fn messages(answer: Option<Value>) -> Vec<Value> {
    let mut answer = answer.unwrap_or_default();
    answer.get_mut("messages").and_then(Value::as_array_mut).map(std::mem::take).unwrap_or_default()
}
