//! The dialect's side towards clients: `generateContent` and `streamGenerateContent` as the vendor's own
//! SDKs speak them. Model and method stand in the address: the route sets `model` and `stream`.

mod answer;
mod calls;
mod camel;
mod contents;
mod encode;
mod error;
mod read;
mod schema;

use serde_json::{Value, json};

use super::Gemini;
use crate::dialects::fields::read_body;
use crate::dialects::{Encode, ErrorReply, ReplyOptions, ToClient};
use crate::models::{ChatError, ChatRequest};
use encode::{Form, Stream, Whole};

impl ToClient for Gemini {
    fn read_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError> {
        read::request(body)
    }

    /// The contents alone, or a whole request in a field of its own.
    fn read_count_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError> {
        match read_body(body)?.remove("generateContentRequest") {
            Some(whole) => read::request(whole.to_string().as_bytes()),
            None => read::request(body),
        }
    }

    fn write_counted(&self, tokens: u64, estimated: bool) -> Value {
        let mut fields = json!({"totalTokens": tokens});
        if let Some(map) = fields.as_object_mut().filter(|_| estimated) {
            map.insert("estimated".to_owned(), json!(true));
        }
        fields
    }

    fn encoder(&self, reply: ReplyOptions, chat: &ChatRequest) -> Box<dyn Encode> {
        encoder(reply, chat, Form::Events)
    }

    fn filtered_is_error(&self) -> bool {
        false
    }

    fn write_error(&self, error: &ChatError, request_id: &str) -> ErrorReply {
        error::reply(error, request_id)
    }
}

/// The same language as it streams without `alt=sse`: one JSON array, written as it comes.
pub struct GeminiArray;

impl ToClient for GeminiArray {
    fn read_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError> {
        read::request(body)
    }

    fn encoder(&self, reply: ReplyOptions, chat: &ChatRequest) -> Box<dyn Encode> {
        encoder(reply, chat, Form::Array)
    }

    fn stream_type(&self) -> &'static str {
        "application/json; charset=utf-8"
    }

    fn filtered_is_error(&self) -> bool {
        false
    }

    fn write_error(&self, error: &ChatError, request_id: &str) -> ErrorReply {
        let mut reply = error::reply(error, request_id);
        reply.body.insert(0, b'[');
        reply.body.push(b']');
        reply
    }
}

fn encoder(reply: ReplyOptions, chat: &ChatRequest, form: Form) -> Box<dyn Encode> {
    let thoughts = read::wants_thoughts(chat);
    if reply.stream { Box::new(Stream::new(reply, thoughts, form)) } else { Box::new(Whole::new(reply, thoughts)) }
}
