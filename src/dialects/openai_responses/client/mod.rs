//! The dialect's side towards clients: `POST /v1/responses` as the vendor's own SDKs speak it.
//!
//! Nothing is stored here. Another provider's state travels as `encrypted_content` of reasoning items,
//! which the SDKs return with the next turn's `input`: at its place among the items, or, where it
//! belongs to a call, behind that call and with its id.

mod calls;
mod encode;
mod frames;
mod input;
mod message;
mod output;
mod read;
mod response;

use http::StatusCode;

use super::OpenAiResponses;
use crate::dialects::{Encode, ErrorReply, ReplyOptions, ToClient, openai_error};
use crate::models::{ChatError, ChatRequest, ErrorKind};

impl ToClient for OpenAiResponses {
    fn read_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError> {
        read::request(body)
    }

    fn encoder(&self, reply: ReplyOptions, chat: &ChatRequest) -> Box<dyn Encode> {
        Box::new(encode::Encoder::new(reply, chat))
    }

    fn filtered_is_error(&self) -> bool {
        false
    }

    fn streams_end_whole(&self) -> bool {
        true
    }

    fn write_error(&self, error: &ChatError, request_id: &str) -> ErrorReply {
        let mut reply = openai_error::reply(error, request_id);
        if matches!(error.kind, ErrorKind::ModelNotSupported | ErrorKind::UnknownProvider) {
            // Not 404 as in the vendor's other API.
            reply.status = StatusCode::BAD_REQUEST;
        }
        reply
    }
}
