//! OpenAI Chat Completions, as the vendor and the many servers that copy it speak it.
//!
//! Facts: the vendor's API reference, and streams recorded from the vendor, Together, Groq,
//! DeepSeek, OpenRouter, Mistral, xAI, Perplexity, Azure, vLLM, llama.cpp and others.

mod choice;
pub(super) mod chunk;
mod client;
mod decoder;
mod details;
mod moderation;
mod native;
mod request;
mod template;
mod think;
mod tools;

use http::{HeaderMap, StatusCode};

use super::{Decode, DecodeOptions, Outgoing, ToProvider, embeddings, parameters, provider_error};
use crate::framing::Framing;
use crate::models::{ChatError, ChatRequest, EmbedRequest, Embeddings, Native, Target};

// For a dialect whose frames and messages are in part this one's.
pub(super) use decoder::Decoder as ChunkDecoder;
pub(super) use request::{write_format, write_message, write_tool_choice};

/// Its name in the catalogue, and on the state that it carries.
const DIALECT: &str = "openai-chat";

/// The dialect's side towards providers.
pub struct OpenAiChat;

impl ToProvider for OpenAiChat {
    fn name(&self) -> &'static str {
        DIALECT
    }

    fn write_request(&self, chat: &ChatRequest, target: &Target) -> Result<Outgoing, ChatError> {
        request::write(chat, target)
    }

    fn write_native(
        &self,
        native: &Native,
        chat: &ChatRequest,
        target: &Target,
    ) -> Option<Result<Outgoing, ChatError>> {
        Some(native::write(native, chat, target))
    }

    fn write_embed(&self, request: &EmbedRequest, target: &Target) -> Result<Outgoing, ChatError> {
        embeddings::write_openai(request, target)
    }

    fn read_embeddings(&self, body: &[u8]) -> Result<Embeddings, ChatError> {
        embeddings::read_openai(body)
    }

    fn write_moderation(&self, text: &str, target: &Target) -> Option<Result<Outgoing, ChatError>> {
        moderation::write(text, target)
    }

    fn read_moderation(&self, body: &[u8]) -> Option<bool> {
        moderation::read(body)
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
        parameters::take_out(chat, error)
    }
}
