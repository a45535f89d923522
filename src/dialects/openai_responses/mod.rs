//! OpenAI Responses, as the vendor and the servers that copy it speak it: semantic events, each about
//! one item of the answer.
//!
//! Facts: the vendor's API reference, and streams recorded from the vendor, Azure, xAI, DeepSeek,
//! OpenRouter, LM Studio, and two of the vendor's own proxies.
//!
//! Nothing is stored at the vendor (`store: false`). What it must get back in the next turn (encrypted
//! reasoning, a message's phase) travels as opaque state in two forms:
//!
//! * `{"type":"reasoning","id","summary","encrypted_content"}` at the place of the reasoning item;
//! * `{"type":"message","phase"}` behind the text of the message that it belongs to.

mod calls;
mod client;
mod decoder;
mod event;
mod given;
mod input;
mod item;
mod items;
mod native;
mod own;
mod request;

pub use client::write_kept_response;
pub use own::kept as kept_response;

use http::{HeaderMap, StatusCode};

use super::{Decode, DecodeOptions, Outgoing, ToProvider, embeddings, provider_error};
use crate::framing::Framing;
use crate::models::{ChatError, ChatRequest, EmbedRequest, Embeddings, Native, Target};

/// Its name in the catalogue, and on the state that it carries.
const DIALECT: &str = "openai-responses";

/// The dialect's side towards providers.
pub struct OpenAiResponses;

impl ToProvider for OpenAiResponses {
    fn name(&self) -> &'static str {
        DIALECT
    }

    fn write_request(&self, chat: &ChatRequest, target: &Target) -> Result<Outgoing, ChatError> {
        request::write(chat, target)
    }

    fn write_native(&self, native: &Native, _: &ChatRequest, target: &Target) -> Option<Result<Outgoing, ChatError>> {
        Some(native::write(native, target))
    }

    fn write_embed(&self, request: &EmbedRequest, target: &Target) -> Result<Outgoing, ChatError> {
        embeddings::write_openai(request, target)
    }

    fn read_embeddings(&self, body: &[u8]) -> Result<Embeddings, ChatError> {
        embeddings::read_openai(body)
    }

    fn framing(&self) -> Framing {
        Framing::Sse
    }

    fn decoder(&self, options: DecodeOptions) -> Box<dyn Decode> {
        Box::new(decoder::Decoder::new(options))
    }

    fn read_error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ChatError {
        provider_error::read_http(status, headers, body)
    }

    fn amend(&self, chat: &mut ChatRequest, error: &ChatError) -> bool {
        request::amend(chat, error)
    }
}
