//! One streamed or whole answer to events.
//!
//! Of the two shapes one is Chat Completions: its frames go to that dialect's decoder as they are. The
//! vendor's older one is translated into the same chunks, so that there is one state machine for both.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::{EMPTY, errors};
use crate::dialects::lenient::{Content, Count, List, Maybe, Str, tidied};
use crate::dialects::openai_chat::ChunkDecoder;
use crate::dialects::openai_chat::chunk::{Choice, Chunk, Delta, WireCall, WireFunction, WireUsage};
use crate::dialects::{Decode, DecodeOptions};
use crate::framing::Frame;
use crate::models::{ChatError, ErrorKind, Sink};

/// A frame of the older shape, an error, or the envelope of a whole answer.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Native<'a> {
    /// With choices it is the other shape.
    choices: List<IgnoredAny>,
    /// Text; a number where the text is one, an object where JSON was asked for.
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_calls: Option<List<Maybe<NativeCall<'a>>>>,
    #[serde(borrow)]
    finish_reason: Str<'a>,
    usage: Maybe<WireUsage>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    success: Option<&'a RawValue>,
    errors: List<IgnoredAny>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(rename = "internalCode")]
    internal_code: Count,
}

/// A call, flat and whole or in the form of Chat Completions.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NativeCall<'a> {
    index: Count,
    #[serde(borrow)]
    id: Str<'a>,
    #[serde(borrow)]
    function: Maybe<WireFunction<'a>>,
    #[serde(borrow)]
    name: Str<'a>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

impl Native<'_> {
    fn is_error(&self) -> bool {
        let says_so = |raw: &RawValue| !matches!(raw.get(), "false" | "\"\"" | "0" | "{}");
        self.success.is_some_and(|success| success.get() == "false")
            || !self.errors.0.is_empty()
            || self.internal_code.0.is_some()
            || self.error.is_some_and(says_so)
    }

    /// Whether it says anything in the older shape, if only that there is nothing to say.
    fn speaks(&self) -> bool {
        self.response.is_some() || self.tool_calls.is_some() || self.finish_reason.filled().is_some()
    }

    fn is_empty(&self) -> bool {
        self.choices.0.is_empty()
            && self.response.is_none()
            && self.tool_calls.as_ref().is_none_or(|calls| calls.0.is_empty())
    }
}

pub struct Decoder {
    chunks: ChunkDecoder,
}

impl Decoder {
    pub fn new(options: DecodeOptions) -> Self {
        Decoder { chunks: ChunkDecoder::new(options) }
    }
}

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, out: &mut dyn Sink) {
        if self.chunks.has_ended() {
            return;
        }
        // An object, or nothing that is of this shape: serde would read an array as the fields in order.
        let data = frame.data.trim();
        let mended;
        let native = match serde_json::from_str::<Native<'_>>(data) {
            _ if !data.starts_with('{') => Native::default(),
            Ok(native) => native,
            Err(_) => {
                mended = tidied(data).unwrap_or_default();
                serde_json::from_str(&mended).unwrap_or_default()
            }
        };
        if !native.choices.0.is_empty() {
            self.chunks.frame(frame, out);
        } else if frame.event == Some("error") || native.is_error() {
            self.translate(native, out);
            self.chunks.fail_with(&errors::read(data), out);
        } else if native.success.is_some() {
            self.whole(native.result, frame, out);
        } else if native.speaks() {
            self.translate(native, out);
        } else {
            self.chunks.frame(frame, out);
        }
    }

    fn finish(&mut self, out: &mut dyn Sink) {
        self.chunks.finish(out);
    }
}

impl Decoder {
    /// A complete answer, in the envelope that says so: its end is its own.
    fn whole(&mut self, result: Option<&RawValue>, frame: Frame<'_>, out: &mut dyn Sink) {
        let data = result.map_or("{}", RawValue::get);
        let inner = serde_json::from_str::<Native<'_>>(data).unwrap_or_default();
        if inner.is_empty() {
            let mut error = ChatError::new(ErrorKind::Provider, "the provider's answer is empty");
            error.code = Some(EMPTY.to_owned());
            return self.chunks.fail_with(&error, out);
        }
        self.frame(Frame { data, ..frame }, out);
        self.chunks.frame(Frame { event: None, data: "[DONE]", cut: false }, out);
    }

    /// A frame of the older shape as the chunk that says the same.
    fn translate(&mut self, native: Native<'_>, out: &mut dyn Sink) {
        self.chunks.let_done_suffice();
        let calls = native.tool_calls.unwrap_or_default().0;
        let delta = Delta {
            content: native.response.map_or(Content::Absent, |response| Content::Text(text(response))),
            tool_calls: List(calls.into_iter().map(|call| Maybe(call.0.map(translate_call))).collect()),
            ..Delta::default()
        };
        let choice = Choice { delta: Maybe(Some(delta)), finish_reason: native.finish_reason, ..Choice::default() };
        let chunk = Chunk { choices: List(vec![Maybe(Some(choice))]), usage: native.usage, ..Chunk::default() };
        self.chunks.chunk(&chunk, "", out);
    }
}

fn translate_call(call: NativeCall<'_>) -> WireCall<'_> {
    let NativeCall { index, id, function, name, arguments } = call;
    // A flat call is whole: without arguments it takes none.
    let flat = || {
        let arguments = arguments.or_else(|| serde_json::from_str("{}").ok());
        name.filled().is_some().then_some(WireFunction { name, arguments })
    };
    let function = Maybe(function.0.or_else(flat));
    WireCall { index, id, function, ..WireCall::default() }
}

/// What is no string is given as it stands.
fn text(raw: &RawValue) -> Cow<'_, str> {
    let raw = raw.get();
    if !raw.starts_with('"') {
        return Cow::Borrowed(raw);
    }
    match serde_json::from_str::<Str<'_>>(raw) {
        Ok(text) => text.0.unwrap_or_default(),
        Err(_) => Cow::Owned(tidied(raw).and_then(|raw| serde_json::from_str(&raw).ok()).unwrap_or_default()),
    }
}
