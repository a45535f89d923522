//! Chat, in any client's language.

use std::cell::OnceCell;
use std::rc::Rc;

use worker::Context;

use super::reply::{self, Reply};
use super::{Call, access, body, header, ollama, responses, sessions};
use crate::callers::Caller;
use crate::dialects::{ToClient, Unified};
use crate::models::{ChatError, ChatRequest};
use crate::platform::now_ms;
use crate::service::{Ask, House, SessionCall, start};

/// `POST /api/v1/chat/stream` and `POST /api/v1/chat`: here the route says whether the answer streams.
pub async fn unified(call: Call, stream: bool, house: &House, context: &Context) -> Result<Reply, ChatError> {
    let request = body::read_json(&call).await?;
    let read = Unified.read_request(&request);
    if let Ok(ChatRequest { session: Some(turn), .. }) = read {
        return sessions::run(&call, turn.id, request, stream, house).await;
    }
    if call.caller == Caller::Nobody {
        return Err(access::no_key());
    }
    let chat = read?;
    Ok(run(ChatRequest { stream, ..chat }, &Unified, call, house, context).await)
}

/// A request in a vendor's language: its body says whether the answer streams.
pub async fn surface(
    call: Call,
    dialect: &'static dyn ToClient,
    house: &House,
    context: &Context,
) -> Result<Reply, ChatError> {
    let mut chat = dialect.read_request(&body::read_json(&call).await?)?;
    if chat.messages.is_empty()
        && let Some(reply) = ollama::loaded(&chat, dialect, &call, house)?
    {
        return Ok(reply);
    }
    take_headers(&mut chat, dialect, &call);
    let session = responses::keeper(&mut chat, &call, house).await?;
    Ok(run_in(session, chat, dialect, call, house, context).await)
}

/// What a client says in headers belongs to its own words.
pub fn take_headers(chat: &mut ChatRequest, dialect: &dyn ToClient, call: &Call) {
    if let Some(native) = &mut chat.native {
        let said = dialect.headers().iter().filter_map(|name| Some((*name, header(&call.request, name)?)));
        native.headers.extend(said);
    }
}

/// What a run needs to know of its call.
pub fn ask(call: &Call, dialect: &'static dyn ToClient, stream: bool) -> Ask {
    Ask {
        dialect,
        stream,
        caller_key: header(&call.request, "x-provider-key"),
        key_is_for: OnceCell::new(),
        left: call.request.signal(),
        owner: call.caller.owner(),
        route: call.route,
        cache_ttl: call.cache_ttl.get(),
        is_logged: call.is_logged.clone(),
        trace: call.trace.clone(),
        clock: call.clock,
        arrived_ms: now_ms(),
        trail: Rc::default(),
        preface: Vec::new(),
        kept: false,
        given: 0,
        session: None,
    }
}

/// The run's answer, or its error; either says what was tried.
pub async fn run(
    chat: ChatRequest,
    dialect: &'static dyn ToClient,
    call: Call,
    house: &House,
    context: &Context,
) -> Reply {
    run_in(None, chat, dialect, call, house, context).await
}

/// The same, in a session that keeps it.
pub async fn run_in(
    session: Option<SessionCall>,
    chat: ChatRequest,
    dialect: &'static dyn ToClient,
    call: Call,
    house: &House,
    context: &Context,
) -> Reply {
    let stream = chat.stream;
    let ask = Ask { session, ..ask(&call, dialect, stream) };
    answer(chat, ask, call, house, context).await
}

/// What a request is told.
pub async fn answer(chat: ChatRequest, ask: Ask, call: Call, house: &House, context: &Context) -> Reply {
    let (stream, dialect) = (ask.stream, ask.dialect);
    let (trail, request_id) = (ask.trail.clone(), call.trace.request_id);
    let reply = match start(chat, ask, house, context).await {
        Ok(started) => {
            let content_type = if stream { dialect.stream_type() } else { "application/json" };
            Reply::stream(started.body, content_type, &started.run_id).with_cache(started.cache)
        }
        Err(error) => reply::error(&error, &request_id, dialect),
    };
    let timing = trail.borrow().server_timing();
    reply.with_timing(timing)
}
