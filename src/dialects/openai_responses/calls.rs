//! The calls of one answer.
//!
//! **Invariant:** behind this, indices rise from 0 without gaps, every piece has its call's id, the name
//! is in the first piece or nowhere, and the pieces of a complete call join to its arguments, never to
//! an empty string.

use std::borrow::Cow;

use serde_json::Value;

use super::event::Item;
use super::given::Given;
use crate::models::{Event, Sink, ToolDelta, ToolKind};

/// The ids that the calls of an answer have taken.
#[derive(Debug)]
pub struct Ids {
    run_id: String,
    taken: Vec<String>,
}

impl Ids {
    pub fn new(run_id: String) -> Self {
        Ids { run_id, taken: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }

    /// The next index and its id: the provider's, unless there is none or it was given before.
    fn take(&mut self, wire_id: &str) -> Opened {
        let at = self.taken.len();
        let id = match wire_id {
            "" => format!("call_{}_{at}", self.run_id),
            id if self.taken.iter().any(|taken| taken == id) => format!("call_{}_{at}", self.run_id),
            id => id.to_owned(),
        };
        self.taken.push(id.clone());
        Opened { index: u32::try_from(at).unwrap_or(u32::MAX), id, wire_id: wire_id.to_owned() }
    }
}

/// One call.
#[derive(Debug)]
pub struct Call {
    kind: ToolKind,
    /// None until its first piece was given: that has the name, which comes with the item.
    opened: Option<Opened>,
    /// What came before the first piece was given.
    early: String,
    arguments: Given,
}

#[derive(Debug)]
struct Opened {
    index: u32,
    id: String,
    wire_id: String,
}

/// Arguments that wait for their call's name: longer than any that came before a name, and little to
/// keep.
const MOST_EARLY: usize = 64 * 1024;

impl Call {
    pub fn new(kind: ToolKind) -> Self {
        Call { kind, opened: None, early: String::new(), arguments: Given::default() }
    }

    /// The provider's id for it, where it gave one.
    pub fn wire_id(&self) -> Option<&str> {
        self.opened.as_ref().map(|opened| opened.wire_id.as_str()).filter(|id| !id.is_empty())
    }

    /// The item began: its id and its name are known now.
    pub fn begin(&mut self, item: &Item<'_>, ids: &mut Ids, out: &mut dyn Sink) {
        if let Some(name) = item.name.filled() {
            self.open(Some(name), item.call_id.filled().unwrap_or_default(), ids, out);
        }
    }

    /// The next piece of the arguments.
    pub fn push(&mut self, piece: &str, ids: &mut Ids, out: &mut dyn Sink) {
        if piece.is_empty() {
            return;
        }
        self.arguments.push(piece);
        if self.opened.is_some() {
            return self.give(piece, out);
        }
        self.early.push_str(piece);
        if self.early.len() > MOST_EARLY {
            self.open(None, "", ids, out);
        }
    }

    /// All of the arguments, of which the pieces may lack some.
    pub fn whole(&mut self, arguments: &str, ids: &mut Ids, out: &mut dyn Sink) {
        let rest = self.arguments.rest(arguments);
        self.push(rest, ids, out);
    }

    /// The item is done, with all that belongs to it.
    pub fn end(&mut self, item: &Item<'_>, ids: &mut Ids, out: &mut dyn Sink) {
        self.open(item.name.filled(), item.call_id.filled().unwrap_or_default(), ids, out);
        let arguments = if self.kind == ToolKind::Custom { &item.input } else { &item.arguments };
        self.whole(&text(arguments), ids, out);
        self.settle(item.status.filled() == Some("incomplete"), ids, out);
    }

    /// Nothing more comes. A function that took no arguments and was not cut off gets the empty object,
    /// without which the next turn fails.
    pub fn settle(&mut self, cut_off: bool, ids: &mut Ids, out: &mut dyn Sink) {
        self.open(None, "", ids, out);
        if self.kind == ToolKind::Function && self.arguments.is_empty() && !cut_off {
            self.push("{}", ids, out);
        }
    }

    fn open(&mut self, name: Option<&str>, wire_id: &str, ids: &mut Ids, out: &mut dyn Sink) {
        if self.opened.is_some() {
            return;
        }
        let Opened { index, id, .. } = self.opened.insert(ids.take(wire_id));
        out.event(Event::Tool(ToolDelta { index: *index, id, name, arguments: "", kind: self.kind }));
        let early = std::mem::take(&mut self.early);
        if !early.is_empty() {
            self.give(&early, out);
        }
    }

    fn give(&self, arguments: &str, out: &mut dyn Sink) {
        if let Some(Opened { index, id, .. }) = &self.opened {
            out.event(Event::Tool(ToolDelta { index: *index, id, name: None, arguments, kind: self.kind }));
        }
    }
}

/// Arguments as text, whether they came as a string or as the object itself.
fn text(arguments: &Value) -> Cow<'_, str> {
    match arguments {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        object => Cow::Owned(object.to_string()),
    }
}
