//! OpenAI Chat Completions, as the vendor and the many servers that copy it speak it.
//!
//! Facts: the vendor's API reference, and streams recorded from the vendor, Together, Groq,
//! DeepSeek, OpenRouter, Mistral, xAI, Perplexity, Azure, vLLM, llama.cpp and others.

mod choice;
mod chunk;
mod decoder;
mod details;
mod request;
mod template;
mod think;
mod tools;

use http::{HeaderMap, StatusCode};

use super::{Decode, DecodeOptions, Outgoing, ToProvider, parameters, provider_error};
use crate::framing::Framing;
use crate::models::{ChatError, ChatRequest, Target};

/// Its name in the catalogue, and on the state that it carries.
const DIALECT: &str = "openai-chat";

/// The dialect's side towards providers.
pub struct OpenAiChat;

impl ToProvider for OpenAiChat {
    fn write_request(&self, chat: &ChatRequest, target: &Target) -> Result<Outgoing, ChatError> {
        request::write(chat, target)
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
