//! The dialect's side towards clients: `POST /api/chat` and `POST /api/generate` as the vendor's own
//! packages speak them.
//!
//! Where the vendor has no word, this is told instead:
//!
//! * Durations are left out: the server leaves out what is zero, so the packages expect that.
//! * `done_reason` is `content_filter` or `refusal` where that is why, and `length` for all else that is
//!   not complete. The words of a refusal are text.
//! * Arguments that are no JSON object, at the end of a finished answer, are the field `raw_arguments` of
//!   one. A call that was cut off is left out. Both are in the last line's `warnings`.
//! * `provider`, `remote_model` (the vendor's own name for the model that answers behind another name),
//!   `citations`, `warnings` and `estimated` are fields that its packages pass over.
//! * State of other providers is `opaque` in a call and in the last message. What came before a call goes
//!   with the call (`opaque_before`), because programs keep calls from a stream, and seldom its last line.

mod calls;
mod date;
mod encode;
mod error;
mod messages;
mod read;

use super::{Ollama, OllamaGenerate};
use crate::dialects::{Encode, ErrorReply, ReplyOptions, ToClient};
use crate::models::{ChatError, ChatRequest};
use encode::{Encoder, Form};

const NDJSON: &str = "application/x-ndjson";

impl ToClient for Ollama {
    fn read_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError> {
        read::chat(body)
    }

    fn encoder(&self, reply: ReplyOptions, chat: &ChatRequest) -> Box<dyn Encode> {
        Box::new(Encoder::new(Form::Chat, reply, chat))
    }

    fn stream_type(&self) -> &'static str {
        NDJSON
    }

    fn filtered_is_error(&self) -> bool {
        false
    }

    fn write_error(&self, error: &ChatError, _: &str) -> ErrorReply {
        error::reply(error)
    }
}

impl ToClient for OllamaGenerate {
    fn read_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError> {
        read::generate(body)
    }

    fn encoder(&self, reply: ReplyOptions, chat: &ChatRequest) -> Box<dyn Encode> {
        Box::new(Encoder::new(Form::Generate, reply, chat))
    }

    fn stream_type(&self) -> &'static str {
        NDJSON
    }

    fn filtered_is_error(&self) -> bool {
        false
    }

    fn write_error(&self, error: &ChatError, _: &str) -> ErrorReply {
        error::reply(error)
    }
}
