//! The unified surface.

use worker::Context;

use super::reply::Reply;
use super::{Call, body, header};
use crate::dialects::{ToClient, Unified};
use crate::models::ChatError;
use crate::service::{Ask, House, start};

/// `POST /api/v1/chat/stream`.
pub async fn stream(call: Call, house: &House, context: &Context) -> Result<Reply, ChatError> {
    let started = start(ask(call, true).await?, house, context).await?;
    Ok(Reply::stream(started.body, "text/event-stream; charset=utf-8", &started.run_id))
}

/// `POST /api/v1/chat`.
pub async fn whole(call: Call, house: &House, context: &Context) -> Result<Reply, ChatError> {
    let started = start(ask(call, false).await?, house, context).await?;
    Ok(Reply::stream(started.body, "application/json", &started.run_id))
}

async fn ask(call: Call, stream: bool) -> Result<Ask, ChatError> {
    let bytes = body::read_json(&call).await?;
    Ok(Ask {
        chat: Unified.read_request(&bytes)?,
        dialect: &Unified,
        stream,
        caller_key: header(&call.request, "x-provider-key"),
        left: call.request.signal(),
        trace: call.trace,
    })
}
