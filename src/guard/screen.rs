//! An answer's texts, each by itself: what is said, thought, refused, and what tools are called with.

use std::rc::Rc;

use serde_json::Value;

use super::scan::{Form, Scan};
use super::{OnHit, Output};
use crate::models::{ChatError, ErrorKind, Event, ToolDelta, ToolKind};

/// The code of what a guardrail withheld.
pub const CODE: &str = "guardrail";

/// The screen of one answer.
#[derive(Debug)]
pub struct Screen {
    output: Rc<Output>,
    texts: Vec<Text>,
    /// Who spoke last: what waits of it leaves before another one speaks.
    last: Option<Kind>,
    /// What may leave of a piece.
    out: String,
}

#[derive(Debug)]
struct Text {
    kind: Kind,
    scan: Scan,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Reasoning,
    Refusal,
    Tool { index: u32, id: String, kind: ToolKind },
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screened {
    /// It was told, or waits.
    Told,
    /// It had what is banned: the answer ends.
    Ended,
}

impl Screen {
    /// A screen for an answer that is still to come.
    pub fn new(output: Rc<Output>) -> Self {
        Screen { output, texts: Vec::new(), last: None, out: String::new() }
    }

    /// Takes an event that does not end the answer, and tells what may be told.
    pub fn event(&mut self, event: Event<'_>, tell: &mut dyn FnMut(Event<'_>)) -> Screened {
        match &event {
            Event::Text(text) => self.say(Kind::Text, text, None, tell),
            Event::Reasoning(text) => self.say(Kind::Reasoning, text, None, tell),
            Event::Refusal(text) => self.say(Kind::Refusal, text, None, tell),
            Event::Tool(delta) => {
                let kind = Kind::Tool { index: delta.index, id: delta.id.to_owned(), kind: delta.kind };
                self.say(kind, delta.arguments, delta.name, tell)
            }
            Event::Citation(source) => {
                let texts = [Some(source.url.as_str()), source.title.as_deref()];
                let hits = texts.into_iter().flatten().any(|text| self.output.rules.hits(text));
                self.whole(hits, event, tell)
            }
            // Some vendors' state has the thoughts in it that it signs.
            Event::Opaque(state) => self.whole(readable(state.data, &|text| self.output.rules.hits(text)), event, tell),
            _ => {
                tell(event);
                Screened::Told
            }
        }
    }

    /// What comes whole cannot be masked, only left out.
    fn whole(&self, hits: bool, event: Event<'_>, tell: &mut dyn FnMut(Event<'_>)) -> Screened {
        match hits {
            true if self.output.on_hit == OnHit::End => return Screened::Ended,
            true => {}
            false => tell(event),
        }
        Screened::Told
    }

    fn say(&mut self, kind: Kind, piece: &str, name: Option<&str>, tell: &mut dyn FnMut(Event<'_>)) -> Screened {
        if self.last.as_ref() != Some(&kind) {
            self.pause(tell);
            self.last = Some(kind.clone());
        }
        let at = self.texts.iter().position(|text| text.kind == kind).unwrap_or_else(|| {
            let form = match kind {
                Kind::Tool { kind: ToolKind::Function, .. } => Form::Json,
                _ => Form::Plain,
            };
            self.texts.push(Text { kind: kind.clone(), scan: Scan::new(form) });
            self.texts.len().saturating_sub(1)
        });
        let ends = self.output.on_hit == OnHit::End;
        let Some(text) = self.texts.get_mut(at) else { return Screened::Told };
        self.out.clear();
        let hit = text.scan.push(&self.output.rules, piece, ends, &mut self.out);
        if !self.out.is_empty() || name.is_some() || piece.is_empty() {
            text.kind.tell(&self.out, name, tell);
        }
        if hit { Screened::Ended } else { Screened::Told }
    }

    /// What waits leaves, for what follows is not its continuation.
    fn pause(&mut self, tell: &mut dyn FnMut(Event<'_>)) {
        let Some(text) = self.last.take().and_then(|last| self.texts.iter_mut().find(|text| text.kind == last)) else {
            return;
        };
        let mut out = String::new();
        text.scan.pause(&mut out);
        if !out.is_empty() {
            text.kind.tell(&out, None, tell);
        }
    }

    /// Before the answer's end: tells what still waits.
    pub fn finish(&mut self, tell: &mut dyn FnMut(Event<'_>)) -> Screened {
        let ends = self.output.on_hit == OnHit::End;
        for text in &mut self.texts {
            let mut out = String::new();
            let hit = text.scan.finish(&self.output.rules, ends, &mut out);
            if !out.is_empty() {
                text.kind.tell(&out, None, tell);
            }
            if hit {
                return Screened::Ended;
            }
        }
        Screened::Told
    }
}

/// Whether a text in a value is hit, of those that somebody could read: in what is sealed any term comes up by chance.
fn readable(value: &Value, hits: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => {
            let is_code = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=');
            let is_sealed = text.len() >= 32 && text.bytes().all(is_code);
            !is_sealed && hits(text)
        }
        Value::Array(items) => items.iter().any(|item| readable(item, hits)),
        Value::Object(map) => map.values().any(|item| readable(item, hits)),
        _ => false,
    }
}

impl Kind {
    fn tell(&self, text: &str, name: Option<&str>, tell: &mut dyn FnMut(Event<'_>)) {
        match self {
            Kind::Text => tell(Event::Text(text)),
            Kind::Reasoning => tell(Event::Reasoning(text)),
            Kind::Refusal => tell(Event::Refusal(text)),
            Kind::Tool { index, id, kind } => {
                tell(Event::Tool(ToolDelta { index: *index, id, name, arguments: text, kind: *kind }));
            }
        }
    }
}

/// What an answer that ends here is told as, where that is a failure.
pub fn withheld() -> ChatError {
    let words = "a guardrail of this gateway withheld the rest of the answer";
    ChatError { code: Some(CODE.to_owned()), ..ChatError::lasting(ErrorKind::ContentFilter, words) }
}
