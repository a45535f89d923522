//! Gemini's `streamGenerateContent`: server-sent events, each a whole response; the end of the body
//! is the only end there is.
//!
//! Facts: the vendor's API reference and SDKs, its guide to thought signatures, and streams recorded
//! from the Gemini API and from Vertex AI.

mod address;
mod calls;
mod chunk;
mod client;
mod contents;
mod count;
mod decoder;
mod native;
mod partial;
mod request;
mod thinking;

use http::{HeaderMap, StatusCode};

use super::{Decode, DecodeOptions, Outgoing, ToProvider, embeddings, provider_error};
use crate::framing::Framing;
use crate::models::{ChatError, ChatRequest, EmbedRequest, Embeddings, Native, Target};

pub use client::GeminiArray;

/// Its name in the catalogue, and on the state that it carries.
const DIALECT: &str = "gemini";

/// The state that it carries: the model's thinking, sealed. Also its name in `ChatRequest::rejected`.
const SIGNATURE: &str = "thoughtSignature";

/// The dialect's side towards providers.
pub struct Gemini;

impl ToProvider for Gemini {
    fn name(&self) -> &'static str {
        DIALECT
    }

    fn write_request(&self, chat: &ChatRequest, target: &Target) -> Result<Outgoing, ChatError> {
        request::write(chat, target)
    }

    fn write_embed(&self, request: &EmbedRequest, target: &Target) -> Result<Outgoing, ChatError> {
        embeddings::write_gemini(request, target, address::model(target), &address::path(target, "batchEmbedContents")?)
    }

    fn read_embeddings(&self, body: &[u8]) -> Result<Embeddings, ChatError> {
        embeddings::read_gemini(body)
    }

    fn write_native(
        &self,
        native: &Native,
        chat: &ChatRequest,
        target: &Target,
    ) -> Option<Result<Outgoing, ChatError>> {
        Some(native::write(native, chat, target))
    }

    fn write_count(&self, chat: &ChatRequest, target: &Target) -> Option<Result<Outgoing, ChatError>> {
        Some(count::write(chat, target))
    }

    fn read_count(&self, body: &[u8]) -> Option<u64> {
        count::read(body)
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
