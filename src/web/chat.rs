//! The unified surface.

use std::rc::Rc;

use worker::Context;

use super::reply::{self, Reply};
use super::{Call, body, header};
use crate::dialects::{ToClient, Unified};
use crate::models::{ChatError, ChatRequest};
use crate::service::{Ask, House, start};

/// `POST /api/v1/chat/stream`.
pub async fn stream(call: Call, house: &House, context: &Context) -> Result<Reply, ChatError> {
    let (chat, ask) = read(call, true).await?;
    Ok(run(chat, ask, "text/event-stream; charset=utf-8", house, context).await)
}

/// `POST /api/v1/chat`.
pub async fn whole(call: Call, house: &House, context: &Context) -> Result<Reply, ChatError> {
    let (chat, ask) = read(call, false).await?;
    Ok(run(chat, ask, "application/json", house, context).await)
}

/// The run's answer, or its error; either says what was tried.
async fn run(chat: ChatRequest, ask: Ask, content_type: &str, house: &House, context: &Context) -> Reply {
    let (trail, request_id) = (ask.trail.clone(), ask.trace.request_id.clone());
    let reply = match start(chat, ask, house, context).await {
        Ok(started) => Reply::stream(started.body, content_type, &started.run_id),
        Err(error) => reply::error(&error, &request_id),
    };
    let timing = trail.borrow().server_timing();
    reply.with_timing(timing)
}

async fn read(call: Call, stream: bool) -> Result<(ChatRequest, Ask), ChatError> {
    let chat = Unified.read_request(&body::read_json(&call).await?)?;
    let ask = Ask {
        dialect: &Unified,
        stream,
        caller_key: header(&call.request, "x-provider-key"),
        left: call.request.signal(),
        trace: call.trace,
        clock: call.clock,
        trail: Rc::default(),
    };
    Ok((chat, ask))
}
