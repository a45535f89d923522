//! The dialect's side towards clients: `POST /v1/responses` as the vendor's own SDKs speak it.
//!
//! What is stored is kept by a session, whose id is a part of the response's. Another provider's state travels as `encrypted_content` of reasoning items,
//! which the SDKs return with the next turn's `input`: at its place among the items, or, where it
//! belongs to a call, behind that call and with its id.

mod calls;
mod encode;
mod frames;
mod input;
mod kept;
mod message;
mod output;
mod read;
mod response;

use http::StatusCode;

pub use kept::{repeating, response as write_kept_response};

use super::OpenAiResponses;
use crate::dialects::{Encode, ErrorReply, ReplyOptions, ToClient, openai_error};
use crate::models::{ChatError, ChatRequest, ErrorKind};

/// What a session says of itself, as clients know it who have never heard of one.
fn in_our_words(error: &ChatError) -> Option<ChatError> {
    let missing = error.kind == ErrorKind::NotFound || error.param.as_deref() == Some("parent");
    matches!(error.param.as_deref(), Some("parent" | "session_id")).then(|| ChatError {
        param: Some("previous_response_id".to_owned()),
        code: if missing { Some("previous_response_not_found".to_owned()) } else { error.code.clone() },
        message: match missing {
            true => {
                "there is no such previous response: it was not stored here, was deleted, or is not yours".to_owned()
            }
            false => error.message.clone(),
        },
        kind: if missing { ErrorKind::InvalidRequest } else { error.kind },
        ..error.clone()
    })
}

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

    fn repeats(&self, asked: serde_json::Map<String, serde_json::Value>) -> ChatRequest {
        repeating(asked)
    }

    fn write_error(&self, error: &ChatError, request_id: &str) -> ErrorReply {
        let renamed = in_our_words(error);
        let error = renamed.as_ref().unwrap_or(error);
        let mut reply = openai_error::reply(error, request_id);
        if matches!(error.kind, ErrorKind::ModelNotSupported | ErrorKind::UnknownProvider) {
            // Not 404 as in the vendor's other API.
            reply.status = StatusCode::BAD_REQUEST;
        }
        reply
    }
}
