//! One streamed answer to events.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::dialects::lenient::{Count, List, Maybe, Str, unquoted};
use crate::dialects::provider_error::{Fault, cut};
use crate::dialects::{Decode, DecodeOptions};
use crate::framing::Frame;
use crate::models::{ChatError, ErrorKind, Event, Finish, Sink, ToolDelta, ToolKind, Usage};

/// One line: a piece of the answer, the last one with the figures, or a failure.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Line<'a> {
    #[serde(borrow)]
    model: Str<'a>,
    #[serde(borrow)]
    message: Maybe<Piece<'a>>,
    /// The text in streams of `/api/generate`.
    #[serde(borrow)]
    response: Str<'a>,
    /// The thinking there.
    #[serde(borrow)]
    thinking: Str<'a>,
    done: bool,
    #[serde(borrow)]
    done_reason: Str<'a>,
    prompt_eval_count: Count,
    eval_count: Count,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Piece<'a> {
    #[serde(borrow)]
    content: Str<'a>,
    #[serde(borrow)]
    thinking: Str<'a>,
    #[serde(borrow)]
    tool_calls: List<Maybe<Call<'a>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Call<'a> {
    #[serde(borrow)]
    id: Str<'a>,
    #[serde(borrow)]
    function: Maybe<Function<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Function<'a> {
    #[serde(borrow)]
    name: Str<'a>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

pub struct Decoder {
    run_id: String,
    model_seen: bool,
    /// The ids of the calls so far.
    calls: Vec<String>,
    ended: bool,
}

impl Decoder {
    pub fn new(options: DecodeOptions) -> Self {
        Decoder { run_id: options.run_id, model_seen: false, calls: Vec::new(), ended: false }
    }
}

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, out: &mut dyn Sink) {
        if self.ended {
            return;
        }
        match serde_json::from_str::<Line<'_>>(frame.data) {
            Ok(line) => self.line(&line, frame.data, out),
            Err(_) if frame.cut => {}
            Err(_) => {
                let words = "a line of the provider's stream could not be read and is left out";
                out.event(Event::Warning(&format!("{words}: {}", cut(frame.data, 80))));
            }
        }
    }

    fn finish(&mut self, out: &mut dyn Sink) {
        if !std::mem::replace(&mut self.ended, true) {
            // Only `done` ends an answer; a connection that closes before has broken off.
            out.event(Event::Error(&ChatError::new(ErrorKind::Truncated, "the provider's answer broke off")));
        }
    }
}

impl Decoder {
    fn line(&mut self, line: &Line<'_>, data: &str, out: &mut dyn Sink) {
        if line.error.is_some() {
            self.ended = true;
            return out.event(Event::Error(&Fault::read(data).into_error(None, data)));
        }
        if let Some(model) = line.model.filled().filter(|_| !self.model_seen) {
            self.model_seen = true;
            out.event(Event::Start { model });
        }
        let piece = line.message.0.as_ref();
        for text in [piece.and_then(|piece| piece.thinking.filled()), line.thinking.filled()].into_iter().flatten() {
            out.event(Event::Reasoning(text));
        }
        for text in [piece.and_then(|piece| piece.content.filled()), line.response.filled()].into_iter().flatten() {
            out.event(Event::Text(text));
        }
        for call in piece.iter().flat_map(|piece| &piece.tool_calls.0).filter_map(|call| call.0.as_ref()) {
            self.call(call, out);
        }
        if line.done {
            self.done(line, out);
        }
    }

    /// Calls come whole, each in a piece of its own.
    fn call(&mut self, call: &Call<'_>, out: &mut dyn Sink) {
        let Some(function) = &call.function.0 else { return };
        let at = self.calls.len();
        let id = match call.id.filled() {
            Some(id) if !self.calls.iter().any(|known| known == id) => id.to_owned(),
            _ => format!("call_{}_{at}", self.run_id),
        };
        let arguments =
            function.arguments.map(RawValue::get).filter(|raw| !matches!(*raw, "null" | "\"\"")).unwrap_or("{}");
        // Some templates give the object as a string of JSON.
        let unquoted = arguments.starts_with('"').then(|| unquoted(arguments)).flatten();
        out.event(Event::Tool(ToolDelta {
            index: u32::try_from(at).unwrap_or(u32::MAX),
            id: &id,
            name: function.name.filled(),
            arguments: unquoted.as_deref().unwrap_or(arguments),
            kind: ToolKind::Function,
        }));
        self.calls.push(id);
    }

    fn done(&mut self, line: &Line<'_>, out: &mut dyn Sink) {
        self.ended = true;
        if let Some(output_tokens) = line.eval_count.0 {
            // The prompt's count is left out where the prompt was cached whole.
            let input_tokens = line.prompt_eval_count.0.unwrap_or(0);
            let total_tokens = input_tokens.saturating_add(output_tokens);
            out.event(Event::Usage(Usage { input_tokens, output_tokens, total_tokens, ..Usage::default() }));
        }
        let raw = line.done_reason.filled();
        let reason = match raw {
            Some("length") => Finish::Length,
            // Two words of ours: a gateway may stand behind a gateway.
            Some("content_filter") => Finish::ContentFilter,
            Some("refusal") => Finish::Refusal,
            // The server never says that it calls tools.
            _ if !self.calls.is_empty() => Finish::ToolCalls,
            _ => Finish::Stop,
        };
        out.event(Event::Finish { reason, raw });
    }
}
