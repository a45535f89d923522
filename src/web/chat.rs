//! The unified surface.

use worker::Context;

use super::reply::Reply;
use super::{Call, body, header};
use crate::dialects::{ToClient, Unified};
use crate::models::{ChatError, ChatRequest};
use crate::service::{Ask, House, start};

/// `POST /api/v1/chat/stream`.
pub async fn stream(call: Call, house: &House, context: &Context) -> Result<Reply, ChatError> {
    let (chat, ask) = read(call, true).await?;
    let started = start(chat, ask, house, context).await?;
    Ok(Reply::stream(started.body, "text/event-stream; charset=utf-8", &started.run_id))
}

/// `POST /api/v1/chat`.
pub async fn whole(call: Call, house: &House, context: &Context) -> Result<Reply, ChatError> {
    let (chat, ask) = read(call, false).await?;
    let started = start(chat, ask, house, context).await?;
    Ok(Reply::stream(started.body, "application/json", &started.run_id))
}

async fn read(call: Call, stream: bool) -> Result<(ChatRequest, Ask), ChatError> {
    let chat = Unified.read_request(&body::read_json(&call).await?)?;
    let ask = Ask {
        dialect: &Unified,
        stream,
        caller_key: header(&call.request, "x-provider-key"),
        left: call.request.signal(),
        trace: call.trace,
    };
    Ok((chat, ask))
}
