//! What an Ollama server says beside its chat: which version it is, and that a model is loaded.

use serde_json::json;

use super::reply::Reply;
use super::{Call, header};
use crate::dialects::{ReplyOptions, ToClient};
use crate::models::{ChatError, ChatRequest, Event, Finish};
use crate::platform::now_ms;
use crate::providers::Provider;
use crate::service::House;

/// `GET /api/version`.
pub fn version() -> Reply {
    Reply::json(200, &json!({"version": env!("CARGO_PKG_VERSION")}))
}

/// The answer to a request without anything to say, which loads a model. A server that speaks the client's
/// language has to do so itself: then there is none. Others have their models ready, where they are such
/// that can be asked at all.
pub fn loaded(
    chat: &ChatRequest,
    dialect: &dyn ToClient,
    call: &Call,
    house: &House,
) -> Result<Option<Reply>, ChatError> {
    let candidates = house.catalogue.candidates(chat.provider.as_deref(), chat.model.as_deref())?;
    let language = chat.native.as_ref().map(|native| native.dialect);
    if candidates.iter().any(|(provider, _)| Some(provider.dialect.as_str()) == language) {
        return Ok(None);
    }
    let key = header(&call.request, "x-provider-key");
    let ready = |(provider, model): (&Provider, String)| {
        provider.target(model, key.clone(), &call.trace, &|name| house.env.var(name))
    };
    let target = candidates.into_iter().map(ready).reduce(Result::or).transpose()?;
    let (provider, model) = target.map(|target| (target.provider, target.model)).unwrap_or_default();
    let reply = ReplyOptions { provider, model, created: now_ms() / 1000, ..ReplyOptions::default() };
    let mut body = Vec::new();
    dialect.encoder(reply, chat).event(Event::Finish { reason: Finish::Stop, raw: None }, &mut body);
    Ok(Some(Reply::bytes(200, body)))
}
