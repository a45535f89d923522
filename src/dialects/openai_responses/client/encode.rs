//! Events to the vendor's events, or to one response.

use serde_json::{Map, Value, json};

use super::frames::{Frames, Wire};
use super::message::Voice;
use super::output::Output;
use super::response::{Response, Stage};
use crate::dialects::openai_fields::{HEARTBEAT, REFUSED};
use crate::dialects::{Encode, ReplyOptions, openai_error};
use crate::framing::{Frame, write_json_value, write_sse_event};
use crate::models::{ChatError, ChatRequest, Event, Finish};

/// One answer, streamed or whole.
pub struct Encoder {
    streams: bool,
    response: Response,
    output: Output,
    frames: Frames,
    begun: bool,
    native: Option<Native>,
}

/// The provider's own events, which are given on.
struct Native {
    /// The first one has the response, the last one has the number.
    first: String,
    last: String,
}

impl Encoder {
    pub fn new(reply: ReplyOptions, chat: &ChatRequest) -> Self {
        Encoder {
            streams: reply.stream,
            response: Response::new(&reply, chat),
            frames: Frames::new(reply.stream).behind(reply.given),
            output: Output::new(reply.run_id),
            begun: false,
            native: None,
        }
    }

    /// Not before there is something to tell: until then another provider may be asked.
    fn begin(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.begun, true) {
            let begun = json!({"response": self.response.at(&Stage::Begun, Vec::new())});
            let mut to = self.frames.to(out);
            to.event("response.created", &begun);
            to.event("response.in_progress", &begun);
        }
    }

    /// The response as it is kept, at any stage.
    pub fn now(&mut self, stage: &Stage<'_>) -> Value {
        let begun = matches!(stage, Stage::Begun);
        self.output.end(!matches!(stage, Stage::Completed) || begun, &mut Frames::new(false).to(&mut Vec::new()));
        self.response.at(stage, self.output.items())
    }

    fn finish(&mut self, reason: Finish, out: &mut Vec<u8>) {
        self.begin(out);
        let stage = Stage::of(reason);
        let to = &mut self.frames.to(out);
        if reason == Finish::Refusal && !self.output.refused {
            self.output.say(Voice::Refusal, REFUSED, to);
        }
        self.output.end(matches!(stage, Stage::Incomplete(_)), to);
        let response = self.response.at(&stage, self.output.items());
        if self.streams {
            to.event(&stage.event(), &json!({ "response": response }));
        } else {
            write_json_value(out, &response);
        }
    }

    /// As the vendor does: what went wrong, which its SDKs raise, and then the response that failed by it.
    fn fail(&mut self, error: &ChatError, out: &mut Vec<u8>) {
        if !self.streams {
            return;
        }
        let stage = Stage::Failed(error);
        let response = match self.native.take() {
            Some(native) => self.go_on_behind(&native.first, &native.last, &stage),
            None => {
                self.begin(out);
                // What was open stays so: nothing more is told of it but in the response.
                self.output.end(true, &mut Frames::new(false).to(&mut Vec::new()));
                self.response.at(&stage, self.output.items())
            }
        };
        let mut to = self.frames.to(out);
        to.event("error", &json!({ "error": openai_error::fields(error) }));
        to.event(&stage.event(), &json!({ "response": response }));
    }

    /// The provider's own response, ended in another way than by the provider.
    fn go_on_behind(&mut self, first: &str, last: &str, stage: &Stage<'_>) -> Value {
        let number = |event: &Value| event.get("sequence_number").and_then(Value::as_u64);
        let last: Value = serde_json::from_str(last).unwrap_or_default();
        self.frames.go_on_from(number(&last).map_or(0, |number| number.saturating_add(1)));
        let mut first: Map<String, Value> = serde_json::from_str(first).unwrap_or_default();
        match first.remove("response") {
            Some(Value::Object(mut response)) => {
                stage.end(&mut response);
                Value::Object(response)
            }
            _ => self.response.at(stage, Vec::new()),
        }
    }
}

/// An event that is a part of some item.
fn add(event: &Event<'_>, output: &mut Output, to: &mut Wire<'_>) {
    match event {
        Event::Text(text) => output.say(Voice::Text, text, to),
        Event::Refusal(text) => output.say(Voice::Refusal, text, to),
        Event::Reasoning(text) => output.think(text, to),
        Event::Tool(delta) => output.call(delta, to),
        Event::Citation(citation) => output.cite(citation, to),
        Event::Opaque(delta) => output.keep(delta, to),
        _ => {}
    }
}

impl Encode for Encoder {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        match event {
            Event::Start { model } => model.clone_into(&mut self.response.model),
            Event::Warning(text) => self.response.warnings.push(text.to_owned()),
            Event::Usage(usage) => self.response.usage = Some(usage),
            // The provider's own terminal event has gone out.
            Event::Finish { .. } if self.native.is_some() => {}
            Event::Finish { reason, .. } => self.finish(reason, out),
            Event::Error(error) => self.fail(error, out),
            event => {
                self.begin(out);
                add(&event, &mut self.output, &mut self.frames.to(out));
            }
        }
    }

    fn native(&mut self, frame: Frame<'_>, out: &mut Vec<u8>) {
        let begin = || Native { first: frame.data.to_owned(), last: String::new() };
        let Native { last, .. } = self.native.get_or_insert_with(begin);
        if !self.streams {
            out.extend_from_slice(frame.data.as_bytes());
            return;
        }
        last.clear();
        last.push_str(frame.data);
        write_sse_event(out, None, frame.event, frame.data);
    }

    fn heartbeat(&mut self, out: &mut Vec<u8>) {
        if self.streams {
            out.extend_from_slice(HEARTBEAT);
        }
    }
}
