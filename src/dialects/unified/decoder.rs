//! The unified stream back to events: from another gateway of this kind, and from a session's log.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::encode::words;
use super::legs::legs;
use super::{read, read_error};
use crate::dialects::fields::Fields;
use crate::dialects::lenient::Str;
use crate::dialects::{Decode, DecodeOptions, opaque, openai_fields, to_provider};
use crate::framing::Frame;
use crate::models::{
    CallRef, ChatError, Citation, ErrorKind, Event, Finish, OpaqueDelta, Part, Sink, Step, ToolDelta, ToolKind, Usage,
};

#[derive(Default)]
pub struct Decoder {
    model: String,
    /// The finish came; what is owed is the end of the stream.
    finish: Option<(Finish, Option<String>)>,
    ended: bool,
    unreadable: bool,
    filtered_is_finish: bool,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Chunk<'a> {
    #[serde(borrow)]
    id: Str<'a>,
    #[serde(borrow)]
    content: Str<'a>,
    #[serde(borrow)]
    finish_reason: Str<'a>,
    #[serde(borrow)]
    raw_finish_reason: Str<'a>,
    #[serde(borrow)]
    model: Str<'a>,
    #[serde(borrow)]
    reasoning: Str<'a>,
    #[serde(borrow)]
    refusal: Str<'a>,
    usage: Option<Usage>,
    tool_calls: Option<Vec<Value>>,
    tool_results: Option<Vec<Value>>,
    state: Option<Map<String, Value>>,
    steps: Option<Vec<Step>>,
    opaque: Option<Vec<Value>>,
    citations: Option<Vec<Citation>>,
    warnings: Option<Vec<String>>,
    error: Option<Value>,
}

impl Decoder {
    pub fn new(options: DecodeOptions) -> Self {
        Decoder { filtered_is_finish: options.filtered_is_finish, ..Decoder::default() }
    }

    fn chunk(&mut self, chunk: &Chunk<'_>, out: &mut dyn Sink) {
        self.begin(chunk, out);
        if let Some(text) = chunk.content.filled() {
            out.event(Event::Text(text));
        }
        if let Some(text) = chunk.reasoning.filled() {
            out.event(Event::Reasoning(text));
        }
        if let Some(text) = chunk.refusal.filled() {
            out.event(Event::Refusal(text));
        }
        chunk.tool_calls.iter().flatten().for_each(|call| tool(call, out));
        for placed in chunk.opaque.iter().flatten() {
            state(placed, None, out);
        }
        for value in chunk.tool_results.iter().flatten() {
            result(value, out);
        }
        self.rest(chunk, out);
    }

    /// A whole answer: its parts go back to their places.
    fn whole(&mut self, chunk: &Chunk<'_>, map: &Value, out: &mut dyn Sink) {
        self.begin(chunk, out);
        if let Some(text) = chunk.reasoning.filled() {
            out.event(Event::Reasoning(text));
        }
        let Ok(fields) = Fields::at(map, String::new()) else { return };
        let text = chunk.content.filled().map(|text| Part::Text(text.to_owned()));
        let calls = openai_fields::read_calls(&fields).unwrap_or_default();
        let state = opaque::read_placed(&fields).unwrap_or_default();
        let results = read::read_results(&fields).unwrap_or_default();
        let mut index = 0u32;
        for leg in legs(text.into_iter().collect(), calls, state, results) {
            Self::leg(&leg.parts, &mut index, out);
            leg.results.iter().for_each(|placed| out.event(Event::ToolResult(&placed.result)));
        }
        if let Some(text) = chunk.refusal.filled() {
            out.event(Event::Refusal(text));
        }
        self.rest(chunk, out);
        match &chunk.error {
            Some(error) => self.fail(error, None, out),
            None => self.done(out),
        }
    }

    fn leg(parts: &[Part], index: &mut u32, out: &mut dyn Sink) {
        for part in parts {
            match part {
                Part::Text(text) => out.event(Event::Text(text)),
                Part::ToolCall(call) => {
                    let (id, name) = (call.id.as_str(), Some(call.name.as_str()));
                    out.event(Event::Tool(ToolDelta {
                        index: *index,
                        id,
                        name,
                        arguments: &call.arguments,
                        kind: call.kind,
                    }));
                    if let Some((opaque, dialect)) = call.opaque.as_ref().zip(known(call.opaque.as_ref())) {
                        let call = Some(CallRef { index: *index, id });
                        out.event(Event::Opaque(OpaqueDelta { dialect, call, data: &opaque.data }));
                    }
                    *index = index.saturating_add(1);
                }
                Part::Opaque(opaque) => {
                    if let Some(dialect) = known(Some(opaque)) {
                        out.event(Event::Opaque(OpaqueDelta { dialect, call: None, data: &opaque.data }));
                    }
                }
                _ => {}
            }
        }
    }

    fn begin(&mut self, chunk: &Chunk<'_>, out: &mut dyn Sink) {
        if let Some(model) = chunk.model.filled().filter(|model| *model != self.model) {
            model.clone_into(&mut self.model);
            out.event(Event::Start { model });
        }
    }

    fn rest(&mut self, chunk: &Chunk<'_>, out: &mut dyn Sink) {
        chunk.steps.iter().flatten().for_each(|step| out.event(Event::Step(step)));
        if let Some(changed) = chunk.state.as_ref().filter(|changed| !changed.is_empty()) {
            out.event(Event::State(changed));
        }
        chunk.citations.iter().flatten().for_each(|citation| out.event(Event::Citation(citation)));
        chunk.warnings.iter().flatten().for_each(|warning| out.event(Event::Warning(warning)));
        if let Some(usage) = chunk.usage {
            out.event(Event::Usage(usage));
        }
        if let Some(reason) = chunk.finish_reason.filled() {
            // A reason of a later version is an end all the same; its own word says the rest.
            let raw = chunk.raw_finish_reason.filled().map(str::to_owned);
            let known = Finish::read(reason);
            let raw = if known.is_none() { raw.or_else(|| Some(reason.to_owned())) } else { raw };
            self.finish = Some((known.unwrap_or(Finish::Stop), raw));
        }
    }

    fn done(&mut self, out: &mut dyn Sink) {
        let Some((reason, raw)) = self.finish.take() else { return };
        self.ended = true;
        out.event(Event::Finish { reason, raw: raw.as_deref() });
    }

    fn fail(&mut self, error: &Value, usage: Option<Usage>, out: &mut dyn Sink) {
        if let Some(usage) = usage {
            out.event(Event::Usage(usage));
        }
        self.ended = true;
        match read_error(error) {
            error if self.filtered_is_finish && error.kind == ErrorKind::ContentFilter => {
                out.event(Event::Finish { reason: Finish::ContentFilter, raw: error.code.as_deref() });
            }
            error => out.event(Event::Error(&error)),
        }
    }
}

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, out: &mut dyn Sink) {
        if self.ended {
            return;
        }
        if frame.data == "[DONE]" {
            return self.done(out);
        }
        if frame.event == Some("step") {
            if let Ok(step) = serde_json::from_str(frame.data) {
                out.event(Event::Step(&step));
            }
            return;
        }
        match serde_json::from_str::<Chunk<'_>>(frame.data) {
            Ok(chunk) if chunk.id.filled().is_some() => {
                let map = serde_json::from_str(frame.data).unwrap_or_default();
                self.whole(&chunk, &map, out);
            }
            Ok(Chunk { error: Some(error), usage, .. }) => self.fail(&error, usage, out),
            Ok(chunk) => self.chunk(&chunk, out),
            Err(_) if frame.cut || std::mem::replace(&mut self.unreadable, true) => {}
            Err(_) => out.event(Event::Warning("a frame of the answer could not be read and was left out")),
        }
    }

    /// Without `[DONE]` a finish is none: something may be missing behind it.
    fn finish(&mut self, out: &mut dyn Sink) {
        if !std::mem::replace(&mut self.ended, true) {
            let error = ChatError::new(ErrorKind::Truncated, "the answer ended without its last frame");
            out.event(Event::Error(&error));
        }
    }
}

fn result(value: &Value, out: &mut dyn Sink) {
    if let Ok(placed) = Fields::at(value, String::new()).and_then(|fields| read::read_result(&fields)) {
        out.event(Event::ToolResult(&placed.result));
    }
}

/// A piece of a call, or the state that belongs to one.
fn tool(value: &Value, out: &mut dyn Sink) {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let index = value.get("index").and_then(Value::as_u64).and_then(|index| u32::try_from(index).ok());
    let (Some(index), Some(id)) = (index, value.get("id").and_then(text)) else { return };
    if let Some(opaque) = value.get("opaque") {
        return state(opaque, Some(CallRef { index, id: &id }), out);
    }
    for kind in [ToolKind::Function, ToolKind::Custom] {
        let (word, arguments) = words(kind);
        if let Some(inner) = value.get(word) {
            let name = inner.get("name").and_then(Value::as_str);
            let arguments = inner.get(arguments).and_then(Value::as_str).unwrap_or_default();
            out.event(Event::Tool(ToolDelta { index, id: &id, name, arguments, kind }));
        }
    }
}

fn state(value: &Value, call: Option<CallRef<'_>>, out: &mut dyn Sink) {
    let dialect = value.get("dialect").and_then(Value::as_str).and_then(to_provider);
    if let (Some(dialect), Some(data)) = (dialect, value.get("data")) {
        out.event(Event::Opaque(OpaqueDelta { dialect: dialect.name(), call, data }));
    }
}

/// State of a dialect that this version does not speak could go back nowhere.
fn known(opaque: Option<&crate::models::Opaque>) -> Option<&'static str> {
    opaque.and_then(|opaque| to_provider(&opaque.dialect)).map(|dialect| dialect.name())
}
