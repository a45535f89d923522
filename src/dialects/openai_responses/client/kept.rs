//! A response that a session keeps, whenever it is asked for.

use serde_json::{Map, Value};

use super::encode::Encoder;
use super::response::Stage;
use crate::dialects::openai_responses::DIALECT;
use crate::dialects::{DecodeOptions, Encode, ReplyOptions, kept};
use crate::framing::{Frame, write_json_value};
use crate::models::{ChatRequest, ErrorKind, Event, Finish, Native};

/// The response; `answer` is what the session keeps of it, `asked` what it repeats of its request.
pub fn response(answer: &Value, reply: ReplyOptions, asked: Map<String, Value>) -> Vec<u8> {
    let mut encoder = Encoder::new(ReplyOptions { stream: false, ..reply }, &repeating(asked));
    let mut decoder = kept::READER.decoder(DecodeOptions::default());
    let mut finish = None;
    let data = answer.to_string();
    decoder.frame(Frame { event: None, data: &data, cut: false }, &mut |event: Event<'_>| match event {
        Event::Finish { reason, .. } => finish = Some(reason),
        Event::Error(_) => {}
        event => encoder.event(event, &mut Vec::new()),
    });
    let error = answer.get("error").map(kept::read_error);
    let stage = match (&error, finish) {
        (Some(error), _) if error.kind == ErrorKind::ContentFilter => Stage::of(Finish::ContentFilter),
        (Some(error), _) => Stage::Failed(error),
        (None, Some(reason)) => Stage::of(reason),
        (None, None) => Stage::Begun,
    };
    let mut body = Vec::new();
    write_json_value(&mut body, &encoder.now(&stage));
    body
}

/// A request of which nothing matters but what a response repeats of it.
pub fn repeating(asked: Map<String, Value>) -> ChatRequest {
    let native = Native { dialect: DIALECT, headers: Vec::new(), body: asked, beyond: Vec::new() };
    ChatRequest { native: Some(native), ..ChatRequest::default() }
}
