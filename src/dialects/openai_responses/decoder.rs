//! One streamed answer to events.

use super::event::{Incoming, Response};
use super::item::{Channel, Kind};
use super::items::{Items, Place};
use crate::dialects::lenient::tidied;
use crate::dialects::provider_error::{Fault, cut};
use crate::dialects::unreadable::Unreadable;
use crate::dialects::{Decode, DecodeOptions};
use crate::framing::Frame;
use crate::models::{ChatError, ErrorKind, Event, Finish, Sink};

pub struct Decoder {
    items: Items,
    model_seen: bool,
    unreadable: Unreadable,
    ended: bool,
}

impl Decoder {
    pub fn new(options: DecodeOptions) -> Self {
        Decoder {
            items: Items::new(options.run_id),
            model_seen: false,
            unreadable: Unreadable::default(),
            ended: false,
        }
    }
}

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, out: &mut dyn Sink) {
        let data = frame.data.trim();
        // Some servers close with `[DONE]`. It says nothing of how the answer ended.
        if self.ended || data.is_empty() || data.starts_with("[DONE]") {
            return;
        }
        if self.read(frame.event, data, out) {
            return;
        }
        match tidied(data) {
            Some(tidy) if self.read(frame.event, &tidy, out) => {}
            _ if frame.cut => {}
            _ => self.unreadable(data, out),
        }
    }

    fn finish(&mut self, out: &mut dyn Sink) {
        if !self.ended {
            self.fail(&ChatError::new(ErrorKind::Truncated, "the provider's answer broke off"), out);
        }
    }
}

impl Decoder {
    /// False where the frame is no event.
    fn read(&mut self, name: Option<&str>, data: &str, out: &mut dyn Sink) -> bool {
        // An array is none, though serde would read one as an event's fields in order.
        let event = data.starts_with('{').then(|| serde_json::from_str::<Incoming<'_>>(data));
        let Some(Ok(event)) = event else { return false };
        match event.kind.filled() {
            Some(kind) => self.event(kind, &event, data, out),
            None if event.object.filled() == Some("response") => match serde_json::from_str::<Response<'_>>(data) {
                Ok(response) => self.respond(response.status.filled(), &response, out),
                Err(_) => return false,
            },
            None if event.error.is_some() || name == Some("error") => self.fail_with(data, out),
            None => {}
        }
        true
    }

    fn event(&mut self, kind: &str, event: &Incoming<'_>, data: &str, out: &mut dyn Sink) {
        let items = &mut self.items;
        let place = Place { index: event.output_index.0, id: event.item_id.filled().unwrap_or_default() };
        let (content, summary) = (event.content_index.0, event.summary_index.0);
        let delta = event.delta.filled().unwrap_or_default();
        let text = event.text.filled().unwrap_or_default();
        match kind {
            "response.output_text.delta" => items.piece(place, Channel::Text, content, delta, out),
            "response.output_text.done" => items.whole(place, Channel::Text, content, text, out),
            "response.reasoning_summary_text.delta" => items.piece(place, Channel::Summary, summary, delta, out),
            "response.reasoning_summary_text.done" => items.whole(place, Channel::Summary, summary, text, out),
            "response.reasoning_text.delta" => items.piece(place, Channel::Thought, content, delta, out),
            "response.reasoning_text.done" => items.whole(place, Channel::Thought, content, text, out),
            "response.refusal.delta" => items.piece(place, Channel::Refusal, content, delta, out),
            "response.refusal.done" => {
                items.whole(place, Channel::Refusal, content, event.refusal.filled().unwrap_or_default(), out);
            }
            "response.function_call_arguments.delta" => items.arguments(place, Kind::Function, delta, out),
            "response.function_call_arguments.done" => {
                items.whole_arguments(place, Kind::Function, event.arguments.filled().unwrap_or_default(), out);
            }
            "response.custom_tool_call_input.delta" => items.arguments(place, Kind::Custom, delta, out),
            "response.custom_tool_call_input.done" => {
                items.whole_arguments(place, Kind::Custom, event.input.filled().unwrap_or_default(), out);
            }
            "response.output_item.added" => {
                if let Some(item) = &event.item.0 {
                    items.begin(place, item, out);
                }
            }
            "response.output_item.done" => {
                if let Some(item) = &event.item.0 {
                    items.end(place, item, out);
                }
            }
            "response.output_text.annotation.added" => {
                if let Some(source) = &event.annotation.0 {
                    items.cite(source, out);
                }
            }
            "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" => {
                let response = event.response.0.as_ref();
                let said = kind.strip_prefix("response.");
                // Some servers have one terminal event for all endings, and tell them apart inside it.
                let status = response.and_then(|response| response.status.filled()).filter(|status| is_over(status));
                let status = if said == Some("completed") { status.or(said) } else { said };
                self.respond(status, response.unwrap_or(&Response::default()), out);
            }
            "error" => self.fail_with(data, out),
            _ => {
                if let Some(response) = &event.response.0 {
                    self.start(response, out);
                }
            }
        }
    }

    fn start(&mut self, response: &Response<'_>, out: &mut dyn Sink) {
        if let Some(model) = response.model.filled().filter(|_| !self.model_seen) {
            self.model_seen = true;
            out.event(Event::Start { model });
        }
    }

    /// The whole response. It ends the answer, unless its status says that it is still at work.
    fn respond(&mut self, status: Option<&str>, response: &Response<'_>, out: &mut dyn Sink) {
        self.start(response, out);
        self.items.reconcile(&response.output.0, out);
        let Some(status) = status.filter(|status| is_over(status)) else { return };
        self.close(status != "completed", out);
        if let Some(usage) = response.usage.0.as_ref().and_then(|usage| usage.read()) {
            out.event(Event::Usage(usage));
        }
        match status {
            "completed" => out.event(Event::Finish { reason: self.finish_of_a_complete_answer(), raw: Some(status) }),
            "incomplete" => incomplete(response, out),
            "failed" => out.event(Event::Error(&failure(response))),
            _ => out.event(Event::Error(&ChatError::new(ErrorKind::Provider, "the provider cancelled the answer"))),
        }
    }

    fn finish_of_a_complete_answer(&self) -> Finish {
        if self.items.have_calls() {
            Finish::ToolCalls
        } else if self.items.only_refuse() {
            Finish::Refusal
        } else {
            Finish::Stop
        }
    }

    fn unreadable(&mut self, data: &str, out: &mut dyn Sink) {
        if let Some(error) = self.unreadable.take(data, out) {
            self.fail(&error, out);
        }
    }

    fn fail_with(&mut self, data: &str, out: &mut dyn Sink) {
        self.fail(&Fault::read(data).into_error(None, data), out);
    }

    fn fail(&mut self, error: &ChatError, out: &mut dyn Sink) {
        self.close(true, out);
        out.event(Event::Error(error));
    }

    /// Gives what is owed; nothing comes after this but usage and the terminal event.
    fn close(&mut self, cut_off: bool, out: &mut dyn Sink) {
        self.ended = true;
        self.items.close(cut_off, out);
    }
}

fn is_over(status: &str) -> bool {
    matches!(status, "completed" | "incomplete" | "failed" | "cancelled")
}

fn incomplete(response: &Response<'_>, out: &mut dyn Sink) {
    let raw = response.incomplete_details.0.as_ref().and_then(|details| details.reason.filled());
    let raw = raw.unwrap_or("incomplete");
    let reason = match raw {
        "max_output_tokens" | "max_messages" => Finish::Length,
        "content_filter" => Finish::ContentFilter,
        "steered" => Finish::Pause,
        _ => {
            let warning = format!("the provider ended with a reason that is not known: {}", cut(raw, 80));
            out.event(Event::Warning(&warning));
            // What is known is that something is missing.
            Finish::Length
        }
    };
    out.event(Event::Finish { reason, raw: Some(raw) });
}

fn failure(response: &Response<'_>) -> ChatError {
    let raw = if response.error.is_null() { String::new() } else { response.error.to_string() };
    Fault::read(&raw).into_error(None, &raw)
}
