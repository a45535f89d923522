//! Events to the blocks of a message, one after another.
//!
//! **Invariant:** blocks never overlap, and what was opened is closed before the next one opens. Other
//! languages may go on with a call behind the beginning of the next one; here that one waits until the
//! arguments before it are whole.

use serde_json::{Value, json};

use crate::dialects::anthropic::DIALECT;
use crate::dialects::sealed::seal;
use crate::dialects::shape::Shape;
use crate::models::{CallRef, Citation, Event, Opaque, OpaqueDelta, ToolDelta, ToolKind};

/// What is to be written next.
pub enum Step<'a> {
    Open(Block<'a>),
    Text(&'a str),
    Thinking(&'a str),
    Signature(&'a str),
    Input(&'a str),
    /// A piece of the arguments of a call, by its number, whose block is closed.
    Late(usize, &'a str),
    Citation(&'a Citation),
    Close,
}

/// What begins with a block.
pub enum Block<'a> {
    Text,
    Thinking,
    Redacted(&'a str),
    Call { id: &'a str, name: &'a str },
}

/// The blocks of one answer.
#[derive(Default)]
pub struct Blocks {
    open: Option<Open>,
    calls: Vec<Call>,
    /// Sealed state of calls that goes behind the block that is open.
    states: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Text,
    Thinking,
    Call(usize),
}

struct Call {
    id: String,
    name: Option<String>,
    kind: ToolKind,
    stage: Stage,
    shape: Shape,
    /// What came before its block was opened.
    early: String,
}

#[derive(PartialEq, Eq)]
enum Stage {
    Waiting,
    Open,
    Closed,
}

/// No call's arguments are longer. A call that waits with more does not wait any more.
const MOST_EARLY: usize = 1 << 20;

type Out<'o> = dyn FnMut(Step<'_>) + 'o;

impl Blocks {
    /// Text, words of refusal among it.
    pub fn text(&mut self, text: &str, out: &mut Out<'_>) {
        self.need(Open::Text, out);
        out(Step::Text(text));
    }

    /// Thinking. A provider that does not sign it leaves the signature empty.
    pub fn thinking(&mut self, text: &str, out: &mut Out<'_>) {
        self.need(Open::Thinking, out);
        out(Step::Thinking(text));
    }

    /// A source of the text that is open; false where there is none.
    pub fn cite(&mut self, citation: &Citation, out: &mut Out<'_>) -> bool {
        let text = self.open == Some(Open::Text);
        if text {
            out(Step::Citation(citation));
        }
        text
    }

    /// The next piece of a call.
    pub fn call(&mut self, delta: &ToolDelta<'_>, out: &mut Out<'_>) {
        let at = usize::try_from(delta.index).unwrap_or(usize::MAX);
        if at >= self.calls.len() {
            self.calls.push(Call {
                id: delta.id.to_owned(),
                name: None,
                kind: delta.kind,
                stage: Stage::Waiting,
                shape: Shape::default(),
                early: String::new(),
            });
        }
        let Some(call) = self.calls.get_mut(at) else { return };
        if let Some(name) = delta.name {
            call.name = Some(name.to_owned());
        }
        match call.stage {
            _ if delta.arguments.is_empty() => {}
            Stage::Closed => out(Step::Late(at, delta.arguments)),
            Stage::Open => {
                call.shape.push(delta.arguments);
                out(Step::Input(delta.arguments));
            }
            Stage::Waiting => call.early.push_str(delta.arguments),
        }
        self.advance(out);
    }

    /// A provider's state. The vendor's own is as it was. Another's stands sealed where the vendor's would:
    /// as the signature of the thinking right before it, else in a block that has nothing else.
    pub fn opaque(&mut self, delta: &OpaqueDelta<'_>, out: &mut Out<'_>) {
        if delta.dialect == DIALECT && self.own(delta.data, out) {
            return;
        }
        let opaque = Opaque { dialect: delta.dialect.to_owned(), data: delta.data.clone() };
        let token = seal(&opaque, delta.call.map(|CallRef { id, .. }| id));
        match self.open {
            Some(Open::Thinking) if delta.call.is_none() => self.sign(&token, out),
            // It does not cut a call's arguments in two.
            Some(Open::Call(at)) if !self.is_complete(at) => self.states.push(token),
            _ => {
                self.close(out);
                redacted(&token, out);
            }
        }
    }

    /// Nothing more comes, or something of another kind: everything that waits is written.
    pub fn settle(&mut self, out: &mut Out<'_>) {
        self.close(out);
        for call in self.calls.iter_mut().filter(|call| call.stage == Stage::Waiting) {
            call.stage = Stage::Closed;
            call.open(out);
            out(Step::Close);
        }
        for token in std::mem::take(&mut self.states) {
            redacted(&token, out);
        }
    }

    fn own(&mut self, data: &Value, out: &mut Out<'_>) -> bool {
        let text = |name: &str| data.get(name).and_then(Value::as_str);
        match (text("type"), text("thinking").zip(text("signature")), text("data")) {
            (Some("thinking"), Some((thinking, signature)), _) => {
                if self.open != Some(Open::Thinking) {
                    self.need(Open::Thinking, out);
                    if !thinking.is_empty() {
                        out(Step::Thinking(thinking));
                    }
                }
                self.sign(signature, out);
                true
            }
            (Some("redacted_thinking"), _, Some(data)) => {
                self.settle(out);
                redacted(data, out);
                true
            }
            _ => false,
        }
    }

    fn sign(&mut self, signature: &str, out: &mut Out<'_>) {
        out(Step::Signature(signature));
        self.close(out);
    }

    fn need(&mut self, kind: Open, out: &mut Out<'_>) {
        if self.open == Some(kind) {
            return;
        }
        self.settle(out);
        self.open = Some(kind);
        out(Step::Open(if kind == Open::Text { Block::Text } else { Block::Thinking }));
    }

    /// Opens the calls that need not wait any longer. One without a name waits for it, and one that takes
    /// free text until it is whole: here it is a string in an object.
    fn advance(&mut self, out: &mut Out<'_>) {
        while let Some(at) = self.calls.iter().position(|call| call.stage == Stage::Waiting) {
            let held = matches!(self.open, Some(Open::Call(open)) if !self.is_complete(open));
            let Some(next) = self.calls.get(at) else { return };
            let ready = next.name.is_some() && next.kind == ToolKind::Function && !held;
            if !ready && next.early.len() <= MOST_EARLY {
                return;
            }
            self.close(out);
            if let Some(call) = self.calls.get_mut(at) {
                call.stage = Stage::Open;
                call.open(out);
            }
            self.open = Some(Open::Call(at));
        }
    }

    fn is_complete(&self, at: usize) -> bool {
        self.calls.get(at).is_none_or(|call| call.shape.is_complete())
    }

    fn close(&mut self, out: &mut Out<'_>) {
        let Some(open) = self.open.take() else { return };
        out(Step::Close);
        if let Open::Call(at) = open
            && let Some(call) = self.calls.get_mut(at)
        {
            call.stage = Stage::Closed;
            for token in std::mem::take(&mut self.states) {
                redacted(&token, out);
            }
        }
    }
}

impl Call {
    fn open(&mut self, out: &mut Out<'_>) {
        let early = std::mem::take(&mut self.early);
        let early = match self.kind {
            ToolKind::Function => early,
            ToolKind::Custom => json!({"input": early}).to_string(),
        };
        out(Step::Open(Block::Call { id: &self.id, name: self.name.as_deref().unwrap_or_default() }));
        if !early.is_empty() {
            self.shape.push(&early);
            out(Step::Input(&early));
        }
    }
}

fn redacted(data: &str, out: &mut Out<'_>) {
    out(Step::Open(Block::Redacted(data)));
    out(Step::Close);
}

/// What of an event belongs into blocks; the rest is for the message. False for a source that has no place.
pub fn take(blocks: &mut Blocks, event: &Event<'_>, out: &mut Out<'_>) -> bool {
    match event {
        Event::Text(text) | Event::Refusal(text) => blocks.text(text, out),
        Event::Reasoning(text) => blocks.thinking(text, out),
        Event::Tool(delta) => blocks.call(delta, out),
        Event::Opaque(delta) => blocks.opaque(delta, out),
        Event::Citation(citation) => return blocks.cite(citation, out),
        _ => {}
    }
    true
}
