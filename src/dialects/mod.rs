//! The wire languages of chat, one file or folder each, as pure functions over bytes. In: requests,
//! stream decoders and encoders, errors. Out: connections, policy, routes.
//!
//! A dialect has two sides. [`ToProvider`] is spoken to providers, [`ToClient`] to clients; a
//! language that only one side needs (the unified one, a vendor without SDKs) has only that one.
//!
//! **Invariant:** no dialect knows a provider's name; what differs between the servers of one
//! dialect is in [`Quirks`](crate::models::Quirks) or in the decoder's tolerance.

mod fields;
mod ids;
mod lenient;
mod ollama;
mod openai_chat;
mod openai_responses;
mod outgoing;
mod parameters;
pub mod provider_error;
mod unified;
mod unreadable;

use http::{HeaderMap, Request, StatusCode};

use crate::framing::Framing;
use crate::models::{ChatError, ChatRequest, Event, Sink, Target};

pub use ollama::Ollama;
pub use openai_chat::OpenAiChat;
pub use openai_responses::OpenAiResponses;
pub use unified::Unified;

/// The side of a dialect that talks to providers.
pub trait ToProvider: Sync {
    /// Writes the request that asks for a streamed answer.
    fn write_request(&self, chat: &ChatRequest, target: &Target) -> Result<Outgoing, ChatError>;

    /// How a streamed answer is divided.
    fn framing(&self) -> Framing;

    /// Reads one streamed answer.
    fn decoder(&self, options: DecodeOptions) -> Box<dyn Decode>;

    /// Reads an answer that is an error.
    fn read_error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ChatError;

    /// Whether the request can be mended after this error: takes out what the model rejects and
    /// says so in the request's warnings.
    fn amend(&self, chat: &mut ChatRequest, error: &ChatError) -> bool;
}

/// The side of a dialect that talks to clients.
pub trait ToClient: Sync {
    /// Reads and checks a request; an error names the field.
    fn read_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError>;

    /// Writes one answer.
    fn encoder(&self, reply: ReplyOptions) -> Box<dyn Encode>;

    /// Whether an answer that the provider's filter withheld is a failure in this language, and
    /// not one more finish reason.
    fn filtered_is_error(&self) -> bool;

    /// Writes an error that comes instead of an answer.
    fn write_error(&self, error: &ChatError, request_id: &str) -> Vec<u8>;
}

/// The provider side of a dialect, by its name in the catalogue.
pub fn to_provider(name: &str) -> Option<&'static dyn ToProvider> {
    match name {
        "ollama" => Some(&Ollama),
        "openai-chat" => Some(&OpenAiChat),
        "openai-responses" => Some(&OpenAiResponses),
        _ => None,
    }
}

/// A request to a provider, and what its writer has to tell the caller.
pub struct Outgoing {
    /// Method, address, headers and body.
    pub request: Request<Vec<u8>>,
    /// What could not be sent as it was asked.
    pub warnings: Vec<String>,
}

/// What a decoder must know of its run.
#[derive(Clone, Debug, Default)]
pub struct DecodeOptions {
    /// Makes the ids that the gateway gives to nameless tool calls unique.
    pub run_id: String,
    /// Whether a `<think>` at the very start of the text marks reasoning.
    pub think_tags: bool,
}

/// Frames in, events out.
///
/// Failures are events too, so that text decoded before a failure survives it. After a terminal
/// event a decoder gives nothing more.
pub trait Decode {
    /// Takes the next frame.
    fn frame(&mut self, frame: crate::framing::Frame<'_>, out: &mut dyn Sink);

    /// The body ended: gives what is still owed, at the least a terminal event.
    fn finish(&mut self, out: &mut dyn Sink);
}

/// What an encoder must know of its run.
#[derive(Clone, Debug, Default)]
pub struct ReplyOptions {
    /// The run's id.
    pub run_id: String,
    /// The provider's name.
    pub provider: String,
    /// The model that was asked for, until the provider says which one answers.
    pub model: String,
    /// Whether the answer streams, or comes whole at the end.
    pub stream: bool,
}

/// Events in, bytes out.
pub trait Encode {
    /// Takes the next event and appends whole frames only.
    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>);

    /// Appends what tells a silent client that the run is alive, where the dialect has such a thing.
    fn heartbeat(&mut self, out: &mut Vec<u8>);
}
