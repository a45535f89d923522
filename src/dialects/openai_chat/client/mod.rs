//! The dialect's side towards clients: `POST /v1/chat/completions` as the vendor's own SDKs speak it.

mod encode;
mod read;

use super::OpenAiChat;
use crate::dialects::{Encode, ErrorReply, ReplyOptions, ToClient, openai_error};
use crate::models::{ChatError, ChatRequest};

impl ToClient for OpenAiChat {
    fn read_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError> {
        read::request(body)
    }

    fn encoder(&self, reply: ReplyOptions, chat: &ChatRequest) -> Box<dyn Encode> {
        if reply.stream {
            Box::new(encode::Stream::new(reply, read::wants_usage(chat)))
        } else {
            Box::new(encode::Whole::new(reply))
        }
    }

    fn filtered_is_error(&self) -> bool {
        false
    }

    fn write_error(&self, error: &ChatError, request_id: &str) -> ErrorReply {
        openai_error::reply(error, request_id)
    }
}
