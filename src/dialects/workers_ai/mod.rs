//! Cloudflare Workers AI, as its REST route and its binding speak it: the model in the path, and
//! answers in one of two shapes, of which the model decides.
//!
//! Facts: the vendor's error reference, model schemas and JSON mode page, the types and the binding's
//! code in the runtime (workerd 1.20261117), and the test vectors of the vendor's own client.

mod decoder;
mod errors;
mod request;

use http::{HeaderMap, StatusCode};

use super::{Decode, DecodeOptions, Outgoing, ToProvider, embeddings};
use crate::framing::Framing;
use crate::models::{ChatError, ChatRequest, EmbedRequest, Embeddings, Target};

/// The code of an answer that is complete and holds nothing.
const EMPTY: &str = "empty_answer";

/// The dialect's side towards providers.
pub struct WorkersAi;

impl ToProvider for WorkersAi {
    fn name(&self) -> &'static str {
        "workers-ai"
    }

    fn write_request(&self, chat: &ChatRequest, target: &Target) -> Result<Outgoing, ChatError> {
        request::write(chat, target)
    }

    fn write_embed(&self, request: &EmbedRequest, target: &Target) -> Result<Outgoing, ChatError> {
        embeddings::write_workers_ai(request, target)
    }

    fn read_embeddings(&self, body: &[u8]) -> Result<Embeddings, ChatError> {
        embeddings::read_workers_ai(body)
    }

    fn framing(&self) -> Framing {
        Framing::Sse
    }

    fn decoder(&self, options: DecodeOptions) -> Box<dyn Decode> {
        Box::new(decoder::Decoder::new(options))
    }

    fn read_error(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> ChatError {
        errors::read_http(status, headers, body)
    }

    /// Some models answer a request for a stream with a complete answer that is empty. Asked for a
    /// whole answer they give one; the vendor's own client does the same.
    fn amend(&self, chat: &mut ChatRequest, error: &ChatError) -> bool {
        let streamed = error.code.as_deref() == Some(EMPTY) && !chat.rejects(request::STREAM);
        if streamed {
            chat.rejected.push(request::STREAM.to_owned());
        }
        streamed
    }
}
