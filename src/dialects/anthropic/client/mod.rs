//! The dialect's side towards clients: `POST /v1/messages` as the vendor's own SDKs speak it.

mod blocks;
mod content;
mod encode;
mod error;
mod message;
mod read;
mod whole;

use super::Anthropic;
use super::request::{BETA_HEADER, VERSION_HEADER};
use crate::dialects::{Encode, ErrorReply, ReplyOptions, ToClient};
use crate::models::{ChatError, ChatRequest};

impl ToClient for Anthropic {
    fn read_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError> {
        read::request(body)
    }

    /// The version says how the body is meant. Whose workspace and whose profile is not for a client
    /// to say: the key is the gateway's.
    fn headers(&self) -> &'static [&'static str] {
        &[VERSION_HEADER, BETA_HEADER]
    }

    fn read_count_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError> {
        read::count_request(body)
    }

    fn request_id_header(&self) -> Option<&'static str> {
        Some("request-id")
    }

    fn encoder(&self, reply: ReplyOptions, _: &ChatRequest) -> Box<dyn Encode> {
        if reply.stream { Box::new(encode::Stream::new(reply)) } else { Box::new(whole::Whole::new(reply)) }
    }

    fn filtered_is_error(&self) -> bool {
        false
    }

    fn write_error(&self, error: &ChatError, request_id: &str) -> ErrorReply {
        error::reply(error, request_id)
    }
}
