//! One streamed answer to events.

use std::collections::HashSet;
use std::mem;

use serde_json::value::RawValue;

use super::calls::{Calls, give_signature};
use super::chunk::{Candidate, Chunk, Counts, Part, PromptFeedback, is_true};
use crate::dialects::lenient::tidied;
use crate::dialects::provider_error::{Fault, cut};
use crate::dialects::unreadable::Unreadable;
use crate::dialects::{Decode, DecodeOptions};
use crate::framing::Frame;
use crate::models::{ChatError, Citation, ErrorKind, Event, Finish, Sink};

/// What is longer is no id.
const LONGEST_ID: usize = 128;

pub struct Decoder {
    calls: Calls,
    model_seen: bool,
    response_id: Option<String>,
    /// The last reason: with code execution one comes in mid-stream, and the answer goes on.
    finish: Option<String>,
    finish_message: Option<String>,
    /// Why the prompt was blocked.
    block: Option<String>,
    block_message: Option<String>,
    counts: Counts,
    /// The sources that were given: lists of them are repeated from frame to frame.
    cited: HashSet<(String, Option<u64>, Option<u64>)>,
    second_answer_seen: bool,
    file_seen: bool,
    unreadable: Unreadable,
    ended: bool,
}

impl Decoder {
    pub fn new(options: DecodeOptions) -> Self {
        Decoder {
            calls: Calls::new(options.run_id),
            model_seen: false,
            response_id: None,
            finish: None,
            finish_message: None,
            block: None,
            block_message: None,
            counts: Counts::default(),
            cited: HashSet::new(),
            second_answer_seen: false,
            file_seen: false,
            unreadable: Unreadable::default(),
            ended: false,
        }
    }
}

impl Decode for Decoder {
    fn frame(&mut self, frame: Frame<'_>, out: &mut dyn Sink) {
        let data = frame.data.trim();
        if self.ended || data.is_empty() {
            return;
        }
        // The vendor sends none, servers that copy it may.
        if data.starts_with("[DONE]") {
            return self.end(out);
        }
        if frame.event == Some("error") {
            return self.fail(data, out);
        }
        match data.strip_prefix('[') {
            Some(items) => self.array(items, frame.cut, out),
            None => self.object(data, frame.cut, out),
        }
    }

    fn finish(&mut self, out: &mut dyn Sink) {
        self.end(out);
    }
}

impl Decoder {
    /// Without `alt=sse` the body is one array, and an error stands in one. What is whole of an
    /// array that broke off is read.
    fn array(&mut self, items: &str, cut: bool, out: &mut dyn Sink) {
        let mut rest = items;
        loop {
            rest = rest.trim_start_matches([',', ' ', '\n', '\r', '\t']);
            if self.ended || rest.is_empty() || rest.starts_with(']') {
                return;
            }
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
            match values.next() {
                Some(Ok(item)) => {
                    self.object(item.get(), cut, out);
                    rest = rest.get(values.byte_offset()..).unwrap_or_default();
                }
                _ if cut => return,
                _ => return self.unreadable(rest, out),
            }
        }
    }

    fn object(&mut self, data: &str, cut: bool, out: &mut dyn Sink) {
        // An array is no response, though serde would read one as its fields in order.
        if data.starts_with('{') {
            if let Ok(chunk) = serde_json::from_str::<Chunk<'_>>(data) {
                return self.chunk(&chunk, data, out);
            }
            if let Some(Ok(chunk)) = tidied(data).as_deref().map(serde_json::from_str::<Chunk<'_>>) {
                return self.chunk(&chunk, data, out);
            }
        }
        if !cut {
            self.unreadable(data, out);
        }
    }

    fn chunk(&mut self, chunk: &Chunk<'_>, data: &str, out: &mut dyn Sink) {
        if let Some(id) = chunk.response_id.filled().filter(|id| self.response_id.is_none() && id.len() <= LONGEST_ID) {
            self.response_id = Some(id.to_owned());
        }
        if let Some(model) = chunk.model_version.filled().filter(|_| !self.model_seen) {
            self.model_seen = true;
            out.event(Event::Start { model });
        }
        for candidate in chunk.candidates.0.iter().filter_map(|candidate| candidate.0.as_ref()) {
            if let Err(error) = self.candidate(candidate, out) {
                return self.close_with(error, out);
            }
        }
        if let Some(feedback) = &chunk.prompt_feedback.0 {
            self.feedback(feedback);
        }
        if let Some(counts) = &chunk.usage_metadata.0 {
            let before = self.counts.usage();
            self.counts.merge(counts);
            if self.counts.usage() != before {
                out.event(Event::Usage(self.counts.usage()));
            }
        }
        // Last, so that what stands beside the error is not lost.
        if chunk.error.is_some() {
            self.fail(data, out);
        }
    }

    fn candidate(&mut self, candidate: &Candidate<'_>, out: &mut dyn Sink) -> Result<(), ChatError> {
        if candidate.index.0.is_some_and(|index| index > 0) {
            if !mem::replace(&mut self.second_answer_seen, true) {
                out.event(Event::Warning("the provider sent more than one answer; only the first is given"));
            }
            return Ok(());
        }
        let parts = candidate.content.0.iter().flat_map(|content| &content.parts.0);
        for part in parts.filter_map(|part| part.0.as_ref()) {
            self.part(part, out)?;
        }
        for source in candidate.sources() {
            let Some(url) = source.uri.filled() else { continue };
            let (start_index, end_index) = (source.start_index.0, source.end_index.0);
            if self.cited.insert((url.to_owned(), start_index, end_index)) {
                let title = source.title.filled().map(str::to_owned);
                out.event(Event::Citation(&Citation {
                    url: url.to_owned(),
                    title,
                    start_index,
                    end_index,
                    ..Citation::default()
                }));
            }
        }
        let unset = |word: &&str| !matches!(*word, "null" | "FINISH_REASON_UNSPECIFIED");
        if let Some(reason) = candidate.finish_reason.filled().filter(unset) {
            self.finish = Some(reason.to_owned());
            self.finish_message = candidate.finish_message.filled().map(str::to_owned);
        }
        Ok(())
    }

    /// Code that the provider ran itself, and what came of it, is passed over: the answer tells of it.
    fn part(&mut self, part: &Part<'_>, out: &mut dyn Sink) -> Result<(), ChatError> {
        let thought = is_true(part.thought);
        if let Some(text) = part.text.filled() {
            out.event(if thought { Event::Reasoning(text) } else { Event::Text(text) });
        }
        if part.inline_data.is_some() && !thought && !mem::replace(&mut self.file_seen, true) {
            out.event(Event::Warning("an image in the answer was left out"));
        }
        let signature = part.thought_signature.filled();
        match (&part.function_call.0, signature) {
            (Some(call), _) => self.calls.push(call, signature, out)?,
            (None, Some(signature)) => give_signature(signature, None, out),
            (None, None) => {}
        }
        Ok(())
    }

    fn feedback(&mut self, feedback: &PromptFeedback<'_>) {
        if let Some(reason) = feedback.block_reason.filled() {
            self.block = Some(reason.to_owned());
            self.block_message = feedback.block_reason_message.filled().map(str::to_owned);
        }
    }

    fn unreadable(&mut self, data: &str, out: &mut dyn Sink) {
        if let Some(error) = self.unreadable.take(data, out) {
            self.close_with(error, out);
        }
    }

    fn fail(&mut self, data: &str, out: &mut dyn Sink) {
        self.close_with(Fault::read(data).into_error(None, data), out);
    }

    fn close_with(&mut self, mut error: ChatError, out: &mut dyn Sink) {
        self.ended = true;
        // The vendor has no header for it.
        error.provider_request_id = error.provider_request_id.or(self.response_id.take());
        out.event(Event::Error(&error));
    }

    /// The body is over: only now is it certain that the last reason was the last.
    fn end(&mut self, out: &mut dyn Sink) {
        if mem::replace(&mut self.ended, true) {
            return;
        }
        match (self.finish.take(), self.block.take()) {
            (Some(raw), _) => self.end_with(&raw, out),
            (None, Some(reason)) => {
                if let Some(message) = &self.block_message {
                    out.event(Event::Warning(&format!("the provider blocked the prompt: {}", cut(message, 400))));
                }
                out.event(Event::Finish { reason: Finish::ContentFilter, raw: Some(&reason) });
            }
            (None, None) => {
                self.close_with(ChatError::new(ErrorKind::Truncated, "the provider's answer broke off"), out);
            }
        }
    }

    fn end_with(&mut self, raw: &str, out: &mut dyn Sink) {
        let reason = match unified(raw) {
            Meaning::Failed => return self.close_with(self.failure(raw), out),
            Meaning::Ended(Finish::Stop) => self.stop(out),
            Meaning::Ended(reason) => {
                if self.calls.drop_open() {
                    out.event(Event::Warning("a tool call was cut off and is left out"));
                }
                reason
            }
            Meaning::Unknown => {
                let words = "the provider ended with a reason that is not known";
                out.event(Event::Warning(&format!("{words}: {}", cut(raw, 80))));
                self.stop(out)
            }
        };
        out.event(Event::Finish { reason, raw: Some(raw) });
    }

    /// The provider never says that it calls tools.
    fn stop(&mut self, out: &mut dyn Sink) -> Finish {
        self.calls.finish(out);
        if self.calls.is_empty() { Finish::Stop } else { Finish::ToolCalls }
    }

    fn failure(&self, raw: &str) -> ChatError {
        let message = self.finish_message.as_deref().map(|words| format!(": {}", cut(words, 400)));
        let words = format!("the provider ended the answer with {}{}", cut(raw, 80), message.unwrap_or_default());
        ChatError { code: Some(raw.to_owned()), ..ChatError::new(ErrorKind::Provider, words) }
    }
}

enum Meaning {
    Ended(Finish),
    Failed,
    Unknown,
}

/// The first five are also sent as numbers, to callers who ask for them so; behind these the vendor's
/// two services count differently.
fn unified(raw: &str) -> Meaning {
    match raw {
        "STOP" | "1" => Meaning::Ended(Finish::Stop),
        "MAX_TOKENS" | "2" => Meaning::Ended(Finish::Length),
        "SAFETY"
        | "3"
        | "RECITATION"
        | "4"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "MODEL_ARMOR"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Meaning::Ended(Finish::ContentFilter),
        "CONTINUATION" => Meaning::Ended(Finish::Pause),
        "MALFORMED_FUNCTION_CALL"
        | "UNEXPECTED_TOOL_CALL"
        | "TOO_MANY_TOOL_CALLS"
        | "MALFORMED_RESPONSE"
        | "MISSING_THOUGHT_SIGNATURE"
        | "NO_IMAGE"
        | "IMAGE_OTHER"
        | "OTHER"
        | "5" => Meaning::Failed,
        _ => Meaning::Unknown,
    }
}
