//! Ollama's own chat: NDJSON, one object a line, ended by `"done": true`.
//!
//! Facts: the vendor's API document and server source of 2026-08, and recorded streams. Streams of
//! `/api/generate` are read as well: they differ in the names of two fields.

mod client;
mod decoder;
mod native;
mod request;

use http::{HeaderMap, StatusCode};

use super::{Decode, DecodeOptions, Outgoing, ToProvider, embeddings, provider_error};
use crate::framing::Framing;
use crate::models::{ChatError, ChatRequest, EmbedRequest, Embeddings, Native, Target};

/// Its name in the catalogue.
const DIALECT: &str = "ollama";

/// The dialect's side towards providers, and that of `/api/chat` towards clients.
pub struct Ollama;

/// The side of `/api/generate` towards clients: one prompt, and no conversation.
pub struct OllamaGenerate;

impl ToProvider for Ollama {
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
        embeddings::write_ollama(request, target)
    }

    fn read_embeddings(&self, body: &[u8]) -> Result<Embeddings, ChatError> {
        embeddings::read_ollama(body)
    }

    fn framing(&self) -> Framing {
        Framing::NdJson
    }

    fn decoder(&self, options: DecodeOptions) -> Box<dyn Decode> {
        Box::new(decoder::Decoder::new(options))
    }

    fn read_error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ChatError {
        provider_error::read_http(status, headers, body)
    }

    /// Parameters that a model does not know are passed over by the server itself.
    fn amend(&self, _: &mut ChatRequest, _: &ChatError) -> bool {
        false
    }
}
