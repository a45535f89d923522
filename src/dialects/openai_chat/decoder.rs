//! One streamed answer to events.

use serde_json::value::RawValue;

use super::DIALECT;
use super::choice::{PrimaryChoice, Verdict};
use super::chunk::{Choice, Chunk, Delta, ReasoningDetail};
use super::details::Details;
use super::template::{Slot, Template};
use super::think::{Piece, Think};
use super::tools::Tools;
use crate::dialects::lenient::{Content, Maybe, tidied};
use crate::dialects::provider_error::{Fault, cut};
use crate::dialects::unreadable::Unreadable;
use crate::dialects::{Decode, DecodeOptions};
use crate::framing::Frame;
use crate::models::{ChatError, Citation, ErrorKind, Event, Finish, OpaqueDelta, Sink, Usage};

pub struct Decoder {
    template: Template,
    tools: Tools,
    think: Think,
    details: Details,
    choice: PrimaryChoice,
    model_seen: bool,
    refused: bool,
    /// The last finish reason. It is held to the end: some servers send one in every chunk, and
    /// the usage comes behind it.
    finish: Option<String>,
    usage: Usage,
    citations: usize,
    unreadable: Unreadable,
    done_suffices: bool,
    ended: bool,
}

impl Decoder {
    pub fn new(options: DecodeOptions) -> Self {
        Decoder {
            template: Template::default(),
            tools: Tools::new(options.run_id),
            think: if options.think_tags { Think::Start(String::new()) } else { Think::Text },
            details: Details::default(),
            choice: PrimaryChoice::default(),
            model_seen: false,
            refused: false,
            finish: None,
            usage: Usage::default(),
            citations: 0,
            unreadable: Unreadable::default(),
            done_suffices: false,
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
        if frame.event.is_none()
            && let Some((slot, text)) = self.template.read(data)
        {
            return self.only_string(slot, &text, out);
        }
        // The whole payload, never a text that holds these letters. Some servers add to it.
        if data.starts_with("[DONE]") {
            return self.end(true, out);
        }
        if frame.event == Some("error") {
            return self.fail(data, out);
        }
        if data.starts_with('[') {
            return self.array(data, frame.cut, out);
        }
        if let Ok(chunk) = serde_json::from_str::<Chunk<'_>>(data) {
            self.chunk(&chunk, data, out);
            return self.template.learn(&chunk, data);
        }
        match tidied(data).as_deref().map(serde_json::from_str::<Chunk<'_>>) {
            Some(Ok(chunk)) => self.chunk(&chunk, data, out),
            _ if frame.cut => {}
            _ => self.unreadable(data, out),
        }
    }

    fn finish(&mut self, out: &mut dyn Sink) {
        self.end(false, out);
    }
}

impl Decoder {
    /// An array is no chunk, though serde would read one as a chunk's fields in order. But one vendor
    /// wraps its errors in an array.
    fn array(&mut self, data: &str, cut: bool, out: &mut dyn Sink) {
        match serde_json::from_str::<Vec<Maybe<Chunk<'_>>>>(data) {
            Ok(items) if items.iter().filter_map(|item| item.0.as_ref()).any(Chunk::is_error) => self.fail(data, out),
            Err(_) if cut => {}
            _ => self.unreadable(data, out),
        }
    }

    /// From now on `[DONE]` ends an answer though no reason was given: the format has none.
    pub fn let_done_suffice(&mut self) {
        self.done_suffices = true;
    }

    /// Whether the terminal event was given.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Ends the answer with a failure.
    pub fn fail_with(&mut self, error: &ChatError, out: &mut dyn Sink) {
        self.close(true, out);
        out.event(Event::Error(error));
    }

    /// Takes a chunk that is read already; `data` is what an error in it is quoted from.
    pub fn chunk(&mut self, chunk: &Chunk<'_>, data: &str, out: &mut dyn Sink) {
        if let Some(model) = chunk.model.filled().filter(|_| !self.model_seen) {
            self.model_seen = true;
            out.event(Event::Start { model });
        }
        self.warn(chunk, out);
        self.cite(chunk, out);
        for (at, choice) in chunk.choices.0.iter().filter_map(|choice| choice.0.as_ref()).enumerate() {
            self.one_choice(choice, at == 0, out);
        }
        let from_extra = chunk.x_groq.0.as_ref().and_then(|extra| extra.usage.0.as_ref());
        for usage in [from_extra, chunk.usage.0.as_ref()].into_iter().flatten() {
            if usage.merge_into(&mut self.usage) {
                out.event(Event::Usage(self.usage));
            }
        }
        // Last, so that what stands beside the error is not lost.
        if chunk.is_error() {
            self.fail(data, out);
        }
    }

    /// A frame that was read without the parser.
    fn only_string(&mut self, slot: Slot, text: &str, out: &mut dyn Sink) {
        match slot {
            Slot::Text(index) if self.is_ours(index, true, true, out) => self.text(text, out),
            Slot::Reasoning(index) if self.is_ours(index, true, true, out) => out.event(Event::Reasoning(text)),
            _ => {}
        }
    }

    fn one_choice(&mut self, choice: &Choice<'_>, leads: bool, out: &mut dyn Sink) {
        let finish = choice.finish_reason.filled().filter(|reason| *reason != "null");
        let delta = choice.delta.0.as_ref().or(choice.message.0.as_ref());
        let text = choice.text.filled().filter(|_| delta.is_none());
        let says_something = finish.is_some() || text.is_some() || delta.is_some_and(says_something);
        if !self.is_ours(choice.index.0.unwrap_or(0), leads, says_something, out) {
            return;
        }
        if let Some(delta) = delta {
            self.delta(delta, out);
        }
        self.text(text.unwrap_or_default(), out);
        if let Some(reason) = finish {
            self.finish = Some(reason.to_owned());
        }
    }

    fn is_ours(&mut self, index: u64, leads: bool, says_something: bool, out: &mut dyn Sink) -> bool {
        match self.choice.take(index, leads, says_something) {
            Verdict::Ours => true,
            Verdict::Other => false,
            Verdict::FirstOther => {
                out.event(Event::Warning("the provider sent more than one answer; only the first is given"));
                false
            }
        }
    }

    fn delta(&mut self, delta: &Delta<'_>, out: &mut dyn Sink) {
        let given = give_reasoning(delta, out);
        for detail in &delta.reasoning_details.0 {
            self.details.push(detail);
            if !given {
                give_detail(detail, out);
            }
        }
        match &delta.content {
            Content::Text(text) => self.text(text, out),
            Content::Parts(parts) => {
                for part in parts.iter().filter_map(|part| part.0.as_ref()) {
                    give_thinking(&part.thinking, out);
                    self.text(part.text.filled().unwrap_or_default(), out);
                    self.refusal(part.refusal.filled(), out);
                }
            }
            Content::Absent => {}
        }
        self.refusal(delta.refusal.filled(), out);
        for call in delta.tool_calls.0.iter().filter_map(|call| call.0.as_ref()) {
            self.tools.push(call, out);
        }
        if let Some(function) = &delta.function_call.0 {
            self.tools.push_legacy(function, out);
        }
        for source in delta.annotations.0.iter().filter_map(|note| note.0.as_ref()?.url_citation.0.as_ref()) {
            let Some(url) = source.url.filled() else { continue };
            let citation = Citation {
                url: url.to_owned(),
                title: source.title.filled().map(str::to_owned),
                start_index: source.start_index.0,
                end_index: source.end_index.0,
                ..Citation::default()
            };
            out.event(Event::Citation(&citation));
        }
    }

    fn text(&mut self, text: &str, out: &mut dyn Sink) {
        if !text.is_empty() {
            self.think.push(text, |piece| give_piece(piece, out));
        }
    }

    fn refusal(&mut self, text: Option<&str>, out: &mut dyn Sink) {
        if let Some(text) = text {
            self.refused = true;
            out.event(Event::Refusal(text));
        }
    }

    fn warn(&self, chunk: &Chunk<'_>, out: &mut dyn Sink) {
        for notice in chunk.warnings.0.iter().filter_map(|notice| notice.0.as_ref()?.message.filled()) {
            out.event(Event::Warning(notice));
        }
    }

    /// Lists of sources stand in every chunk and grow: each source is given once.
    fn cite(&mut self, chunk: &Chunk<'_>, out: &mut dyn Sink) {
        let known = self.citations;
        let plain = &chunk.citations.0;
        let rich = |at: usize| chunk.search_results.0.get(at).and_then(|source| source.0.as_ref());
        let count = plain.len().max(chunk.search_results.0.len());
        for at in known..count {
            let url = plain.get(at).and_then(|url| url.filled()).or_else(|| rich(at)?.url.filled());
            let title = rich(at).filter(|source| source.url.filled() == url).and_then(|source| source.title.filled());
            if let Some(url) = url {
                let citation = Citation { url: url.to_owned(), title: title.map(str::to_owned), ..Citation::default() };
                out.event(Event::Citation(&citation));
            }
        }
        self.citations = known.max(count);
    }

    fn unreadable(&mut self, data: &str, out: &mut dyn Sink) {
        if let Some(error) = self.unreadable.take(data, out) {
            self.close(true, out);
            out.event(Event::Error(&error));
        }
    }

    fn fail(&mut self, data: &str, out: &mut dyn Sink) {
        self.fail_with(&Fault::read(data).into_error(None, data), out);
    }

    /// The body is over, with or without its `[DONE]`.
    fn end(&mut self, done: bool, out: &mut dyn Sink) {
        if self.ended {
            return;
        }
        let raw = self.finish.take();
        let complete = done && !self.tools.is_empty() && self.tools.all_complete();
        let cut_off = raw.as_deref().map_or(!complete, |raw| matches!(unified(raw), Ok(Finish::Length)));
        self.close(cut_off, out);
        match raw.as_deref() {
            Some(raw) => self.end_with(raw, out),
            // Calls that are whole, and the provider's own end: nothing is missing but the word.
            None if complete => out.event(Event::Finish { reason: Finish::ToolCalls, raw: None }),
            None if done && self.done_suffices && self.tools.is_empty() => {
                out.event(Event::Finish { reason: Finish::Stop, raw: None });
            }
            // Never a `stop` that nobody said.
            None => {
                let words =
                    if done { "the provider ended without a finish reason" } else { "the provider's answer broke off" };
                out.event(Event::Error(&ChatError::new(ErrorKind::Truncated, words)));
            }
        }
    }

    fn end_with(&self, raw: &str, out: &mut dyn Sink) {
        let reason = match unified(raw) {
            Ok(Finish::Stop) if !self.tools.is_empty() => Finish::ToolCalls,
            Ok(Finish::Stop) if self.refused => Finish::Refusal,
            Ok(reason) => reason,
            Err(Unknown::Failure(kind)) => {
                let error = ChatError::new(kind, format!("the provider ended the answer with \"{}\"", cut(raw, 80)));
                return out.event(Event::Error(&error));
            }
            Err(Unknown::Word) => {
                out.event(Event::Warning(&format!(
                    "the provider ended with a reason that is not known: {}",
                    cut(raw, 80)
                )));
                if self.tools.is_empty() { Finish::Stop } else { Finish::ToolCalls }
            }
        };
        out.event(Event::Finish { reason, raw: Some(raw) });
    }

    /// Gives what is held back; nothing comes after this but the terminal event.
    fn close(&mut self, cut_off: bool, out: &mut dyn Sink) {
        self.ended = true;
        self.think.flush(|piece| give_piece(piece, out));
        if let Some(data) = self.details.take() {
            out.event(Event::Opaque(OpaqueDelta { dialect: DIALECT, call: None, data: &data }));
        }
        self.tools.finish(cut_off, out);
    }
}

enum Unknown {
    Failure(ErrorKind),
    Word,
}

fn unified(raw: &str) -> Result<Finish, Unknown> {
    match raw {
        "stop" | "eos" | "eos_token" | "stop_sequence" | "end_turn" => Ok(Finish::Stop),
        "length" | "model_length" | "max_tokens" => Ok(Finish::Length),
        "tool_calls" | "function_call" | "tool_use" => Ok(Finish::ToolCalls),
        "content_filter" => Ok(Finish::ContentFilter),
        "refusal" => Ok(Finish::Refusal),
        "error" => Err(Unknown::Failure(ErrorKind::Provider)),
        "insufficient_system_resource" => Err(Unknown::Failure(ErrorKind::Overloaded)),
        _ => Err(Unknown::Word),
    }
}

fn says_something(delta: &Delta<'_>) -> bool {
    let content = match &delta.content {
        Content::Text(text) => !text.is_empty(),
        Content::Parts(parts) => !parts.is_empty(),
        Content::Absent => false,
    };
    let strings = [&delta.reasoning, &delta.reasoning_content, &delta.refusal];
    content || !delta.tool_calls.0.is_empty() || strings.iter().any(|text| text.filled().is_some())
}

/// Both spellings; a server that sends both sends the same twice.
fn give_reasoning(delta: &Delta<'_>, out: &mut dyn Sink) -> bool {
    let text = delta.reasoning.filled().or(delta.reasoning_content.filled());
    if let Some(text) = text {
        out.event(Event::Reasoning(text));
    }
    text.is_some()
}

fn give_detail(detail: &RawValue, out: &mut dyn Sink) {
    let detail = serde_json::from_str::<Maybe<ReasoningDetail<'_>>>(detail.get()).unwrap_or_default();
    let text = detail.0.as_ref().and_then(|detail| detail.text.filled().or(detail.summary.filled()));
    if let Some(text) = text {
        out.event(Event::Reasoning(text));
    }
}

fn give_thinking(thinking: &Content<'_, super::chunk::ThinkingPart<'_>>, out: &mut dyn Sink) {
    match thinking {
        Content::Text(text) if !text.is_empty() => out.event(Event::Reasoning(text)),
        Content::Parts(parts) => {
            for text in parts.iter().filter_map(|part| part.0.as_ref()?.text.filled()) {
                out.event(Event::Reasoning(text));
            }
        }
        _ => {}
    }
}

fn give_piece(piece: Piece<'_>, out: &mut dyn Sink) {
    match piece {
        Piece::Reasoning("") | Piece::Text("") => {}
        Piece::Reasoning(text) => out.event(Event::Reasoning(text)),
        Piece::Text(text) => out.event(Event::Text(text)),
    }
}
