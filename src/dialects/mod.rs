//! The wire languages of chat, one file or folder each, as pure functions over bytes. In: requests,
//! stream decoders and encoders, errors. Out: connections, policy, routes.
//!
//! A dialect has two sides. [`ToProvider`] is spoken to providers, [`ToClient`] to clients; a
//! language that only one side needs (the unified one, a vendor without SDKs) has only that one.
//!
//! **Invariant:** no dialect knows a provider's name; what differs between the servers of one
//! dialect is in [`Quirks`](crate::models::Quirks) or in the decoder's tolerance.

mod anthropic;
pub mod earlier;
pub mod embeddings;
mod fields;
mod gemini;
mod ids;
mod images;
mod lanarky;
mod lenient;
mod ollama;
mod opaque;
mod openai_chat;
mod openai_error;
mod openai_fields;
mod openai_responses;
mod outgoing;
mod parameters;
pub mod provider_error;
mod sealed;
mod shape;
mod unified;
mod unreadable;
mod workers_ai;

use http::{HeaderMap, Request, StatusCode};
use serde_json::{Value, json};

use crate::framing::{Frame, Framing};
use crate::models::{Beyond, ChatError, ChatRequest, EmbedRequest, Embeddings, ErrorKind, Event, Native, Sink, Target};

pub use anthropic::Anthropic;
pub use earlier::Earlier;
pub use gemini::{Gemini, GeminiArray};
pub use lanarky::{Lanarky, LanarkyEvents};
pub use ollama::{Ollama, OllamaGenerate};
pub use openai_chat::OpenAiChat;
pub use openai_responses::{OpenAiResponses, kept_response, write_kept_response};
pub use unified::{Unified, kept};
pub use workers_ai::WorkersAi;

/// The side of a dialect that talks to providers.
pub trait ToProvider: Sync {
    /// The dialect's name in the catalogue.
    fn name(&self) -> &'static str;

    /// Writes the request that asks for a streamed answer.
    fn write_request(&self, chat: &ChatRequest, target: &Target) -> Result<Outgoing, ChatError>;

    /// Writes the request in its client's own words, where the client speaks this very dialect: all
    /// that changes is what the gateway decides. None where it has to be translated all the same.
    fn write_native(
        &self,
        _native: &Native,
        _chat: &ChatRequest,
        _target: &Target,
    ) -> Option<Result<Outgoing, ChatError>> {
        None
    }

    /// Writes a request for embeddings, where the dialect has them.
    fn write_embed(&self, _request: &EmbedRequest, target: &Target) -> Result<Outgoing, ChatError> {
        let words = format!("{} has no embeddings", target.provider);
        Err(ChatError { kind: ErrorKind::ModelNotSupported, ..ChatError::invalid("model", words) })
    }

    /// Reads the answer to that.
    fn read_embeddings(&self, _body: &[u8]) -> Result<Embeddings, ChatError> {
        Err(ChatError::new(ErrorKind::Internal, "the dialect has no embeddings"))
    }

    /// Writes a request to count a prompt's tokens, where the provider counts.
    fn write_count(&self, _chat: &ChatRequest, _target: &Target) -> Option<Result<Outgoing, ChatError>> {
        None
    }

    /// Reads the answer to that.
    fn read_count(&self, _body: &[u8]) -> Option<u64> {
        None
    }

    /// Writes a request to judge whether a text is harmful, where the model is one for that.
    fn write_moderation(&self, _text: &str, _target: &Target) -> Option<Result<Outgoing, ChatError>> {
        None
    }

    /// Reads the answer to that.
    fn read_moderation(&self, _body: &[u8]) -> Option<bool> {
        None
    }

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

    /// The request headers that belong to a request's words: a provider of the same language gets them.
    fn headers(&self) -> &'static [&'static str] {
        &[]
    }

    /// Reads a request that asks for nothing but the number of the prompt's tokens.
    fn read_count_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError> {
        self.read_request(body)
    }

    /// Writes that number.
    fn write_counted(&self, tokens: u64, estimated: bool) -> Value {
        let mut fields = json!({"input_tokens": tokens});
        if let Some(map) = fields.as_object_mut().filter(|_| estimated) {
            map.insert("estimated".to_owned(), json!(true));
        }
        fields
    }

    /// The answer's header where the vendor's SDKs look for the request's id.
    fn request_id_header(&self) -> Option<&'static str> {
        None
    }

    /// Writes one answer to this request.
    fn encoder(&self, reply: ReplyOptions, chat: &ChatRequest) -> Box<dyn Encode>;

    /// The content type of a streamed answer.
    fn stream_type(&self) -> &'static str {
        "text/event-stream; charset=utf-8"
    }

    /// Whether an answer that the provider's filter withheld is a failure in this language, and
    /// not one more finish reason.
    fn filtered_is_error(&self) -> bool;

    /// Whether a streamed answer ends with all of it once more: then it must be held, and is bounded.
    fn streams_end_whole(&self) -> bool {
        false
    }

    /// A request of which nothing is known but what an answer repeats of it.
    fn repeats(&self, _asked: serde_json::Map<String, Value>) -> ChatRequest {
        ChatRequest::default()
    }

    /// Writes an error that comes instead of an answer.
    fn write_error(&self, error: &ChatError, request_id: &str) -> ErrorReply;
}

/// An error in a client's language.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorReply {
    /// The status.
    pub status: StatusCode,
    /// The JSON body.
    pub body: Vec<u8>,
    /// Headers that the language has for it.
    pub headers: Vec<(&'static str, String)>,
}

/// The provider side of a dialect, by its name in the catalogue.
pub fn to_provider(name: &str) -> Option<&'static dyn ToProvider> {
    match name {
        "anthropic" => Some(&Anthropic),
        "gemini" => Some(&Gemini),
        "ollama" => Some(&Ollama),
        "openai-chat" => Some(&OpenAiChat),
        "openai-responses" => Some(&OpenAiResponses),
        "unified" => Some(&Unified),
        "workers-ai" => Some(&WorkersAi),
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
    /// Whether a filtered answer is a finish to whoever reads on, for a language in which it is an error.
    pub filtered_is_finish: bool,
}

/// Frames in, events out.
///
/// Failures are events too, so that text decoded before a failure survives it. After a terminal
/// event a decoder gives nothing more.
pub trait Decode {
    /// Takes the next frame.
    fn frame(&mut self, frame: Frame<'_>, out: &mut dyn Sink);

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
    /// Seconds since 1970 at the request's arrival, for languages that date their answers.
    pub created: u64,
    /// A guess at the prompt's tokens, for languages that tell before the provider does.
    pub input_tokens: u64,
    /// How many frames of this run were given before, for languages that count theirs.
    pub given: u64,
    /// The session that keeps the answer, where one does.
    pub session: Option<String>,
}

/// Events in, bytes out.
pub trait Encode {
    /// Takes the next event and appends whole frames only.
    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>);

    /// Takes a frame of a provider that speaks this very language, and appends it as it is. Of events
    /// only the last ones come then, behind it: usage and finish, for what the provider may have left
    /// out, or an error.
    fn native(&mut self, _frame: Frame<'_>, _out: &mut Vec<u8>) {}

    /// Appends what tells a silent client that the run is alive, where the dialect has such a thing.
    fn heartbeat(&mut self, out: &mut Vec<u8>);

    /// Says who answers from now on, where several do so one after another.
    fn answerer(&mut self, _provider: &str, _model: &str) {}
}

/// The request for a target, and whether it is in its client's own words: then the answer can be given
/// on as it is. What the target cannot be told of is in the warnings, or an error that names it.
pub fn write_for(dialect: &dyn ToProvider, chat: &ChatRequest, target: &Target) -> Result<(Outgoing, bool), ChatError> {
    let Some(native) = &chat.native else { return Ok((dialect.write_request(chat, target)?, false)) };
    if native.dialect == dialect.name()
        && let Some(written) = dialect.write_native(native, chat, target)
    {
        return Ok((written?, true));
    }
    if let Some(Beyond { path, .. }) = essential(native) {
        let words =
            format!("{path} cannot be said to {}: only a provider of the same API understands it", target.provider);
        return Err(ChatError::invalid(path.as_str(), words));
    }
    let mut outgoing = dialect.write_request(chat, target)?;
    let left_out =
        native.beyond.iter().map(|beyond| format!("{} was left out: the provider has no such field", beyond.path));
    outgoing.warnings.extend(left_out);
    Ok((outgoing, false))
}

/// Whether a provider of this language can be told all that a request is about.
pub fn can_be_told(dialect: &dyn ToProvider, chat: &ChatRequest) -> bool {
    chat.native.as_ref().is_none_or(|native| native.dialect == dialect.name() || essential(native).is_none())
}

fn essential(native: &Native) -> Option<&Beyond> {
    native.beyond.iter().find(|beyond| beyond.essential)
}
