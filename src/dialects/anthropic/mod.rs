//! Anthropic Messages: named events of content blocks, ended by `message_stop`.
//!
//! Facts: the vendor's API reference and SDK types of 2026-11, its migration guides, recorded
//! streams, and error answers that others published.

mod calls;
mod client;
mod decoder;
mod event;
mod messages;
mod native;
mod request;
mod thinking;

use http::{HeaderMap, StatusCode};

use super::{Decode, DecodeOptions, Outgoing, ToProvider, provider_error};
use crate::framing::Framing;
use crate::models::{ChatError, ChatRequest, ErrorKind, Native, Target};

/// Its name in the catalogue, and on the state that it carries.
const DIALECT: &str = "anthropic";

/// The dialect's side towards providers.
pub struct Anthropic;

impl ToProvider for Anthropic {
    fn name(&self) -> &'static str {
        DIALECT
    }

    fn write_request(&self, chat: &ChatRequest, target: &Target) -> Result<Outgoing, ChatError> {
        request::write(chat, target)
    }

    fn write_native(&self, native: &Native, _: &ChatRequest, target: &Target) -> Option<Result<Outgoing, ChatError>> {
        native::write(native, target)
    }

    fn write_count(&self, chat: &ChatRequest, target: &Target) -> Option<Result<Outgoing, ChatError>> {
        let own = chat.native.as_ref().filter(|native| native.dialect == DIALECT);
        Some(own.and_then(|native| native::count(native, target)).unwrap_or_else(|| request::count(chat, target)))
    }

    fn read_count(&self, body: &[u8]) -> Option<u64> {
        #[derive(serde::Deserialize)]
        struct Counted {
            input_tokens: u64,
        }
        serde_json::from_slice(body).ok().map(|Counted { input_tokens }| input_tokens)
    }

    fn framing(&self) -> Framing {
        Framing::Sse
    }

    fn decoder(&self, options: DecodeOptions) -> Box<dyn Decode> {
        Box::new(decoder::Decoder::new(options))
    }

    fn read_error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ChatError {
        let mut error = provider_error::read_http(status, headers, body);
        // A model that is not there is a thing that is not there, by its type; only the words tell.
        if error.kind == ErrorKind::NotFound && error.message.starts_with("model:") {
            error.kind = ErrorKind::ModelNotSupported;
        }
        error
    }

    fn amend(&self, chat: &mut ChatRequest, error: &ChatError) -> bool {
        request::amend(chat, error)
    }
}
