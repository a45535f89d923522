//! Tool calls from deltas, with every irregularity that servers show.
//!
//! **Invariant:** behind this, indices rise from 0 without gaps, every piece has its call's id, the
//! name comes once, and the pieces of a complete call join to JSON (never to an empty string).

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::chunk::{WireCall, WireFunction};
use crate::dialects::lenient::unquoted;
use crate::dialects::shape::Shape;
use crate::models::{Event, Sink, ToolDelta, ToolKind};

/// The calls of one answer.
#[derive(Debug)]
pub struct Tools {
    run_id: String,
    calls: Vec<Call>,
}

#[derive(Debug)]
struct Call {
    /// The index on the wire, where there was one.
    wire_index: Option<u64>,
    /// The id on the wire; empty where there was none.
    wire_id: String,
    id: String,
    /// The name was given; some servers send it only with a later piece.
    named: bool,
    /// Its first piece was given. A call waits for its name with that, but not behind the next call.
    opened: bool,
    kind: ToolKind,
    /// What came before the first piece was given.
    early: String,
    shape: Shape,
    /// `{}` came first and nothing since: a placeholder perhaps, so it waits here.
    held: bool,
}

/// Arguments that wait for their call's name: longer than any that came before a name, and little to
/// keep.
const MOST_EARLY: usize = 64 * 1024;

/// The argument object that means "none", and that some servers send before the real one.
const EMPTY: &str = "{}";

impl Tools {
    pub fn new(run_id: String) -> Self {
        Tools { run_id, calls: Vec::new() }
    }

    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Takes one delta of `tool_calls`.
    pub fn push(&mut self, wire: &WireCall<'_>, out: &mut dyn Sink) {
        let id = wire.id.filled().unwrap_or_default();
        if let Some(custom) = &wire.custom.0 {
            let name = custom.name.filled().unwrap_or_default();
            let at = self.place(wire.index.0, id, name, ToolKind::Custom, out);
            self.extend(at, custom.input.0.as_deref().unwrap_or_default(), out);
        } else {
            // Servers end a list of calls with an object of nulls; it is no call.
            let Some(function) = &wire.function.0 else { return };
            let name = function.name.filled().unwrap_or_default();
            let arguments = arguments(function.arguments);
            if name.is_empty() && id.is_empty() && arguments.is_empty() {
                return;
            }
            let at = self.place(wire.index.0, id, name, ToolKind::Function, out);
            self.extend(at, &arguments, out);
        }
    }

    /// Takes the form before `tool_calls`.
    pub fn push_legacy(&mut self, function: &WireFunction<'_>, out: &mut dyn Sink) {
        let at = self.place(Some(0), "", function.name.filled().unwrap_or_default(), ToolKind::Function, out);
        self.extend(at, &arguments(function.arguments), out);
    }

    /// The answer is over: gives what was held. A call that took no arguments and was not cut off
    /// gets the empty object, without which the next turn fails. Not sooner, because servers may
    /// open several calls before the arguments of any.
    pub fn finish(&mut self, cut_off: bool, out: &mut dyn Sink) {
        for (at, call) in self.calls.iter_mut().enumerate() {
            open(at, call, None, out);
            let bare = call.kind == ToolKind::Function && !call.shape.has_begun() && !cut_off;
            if std::mem::take(&mut call.held) || bare {
                call.shape.push(EMPTY);
                give(at, call, None, EMPTY, out);
            }
        }
    }

    /// Whether the arguments of every call are complete.
    pub fn all_complete(&self) -> bool {
        self.calls.iter().all(|call| call.held || call.kind == ToolKind::Custom || call.shape.is_complete())
    }

    /// The call that a delta belongs to; a new one where it belongs to none.
    fn place(&mut self, wire_index: Option<u64>, id: &str, name: &str, kind: ToolKind, out: &mut dyn Sink) -> usize {
        if let Some(at) = self.find(wire_index, id, name) {
            if let Some(call) = self.calls.get_mut(at).filter(|call| !call.named && !name.is_empty()) {
                call.named = true;
                if call.opened {
                    give(at, call, Some(name), "", out);
                } else {
                    open(at, call, Some(name), out);
                }
            }
            return at;
        }
        for (at, call) in self.calls.iter_mut().enumerate() {
            open(at, call, None, out);
        }
        let at = self.calls.len();
        let own = if id.is_empty() || self.calls.iter().any(|call| call.id == id) {
            format!("call_{}_{at}", self.run_id)
        } else {
            id.to_owned()
        };
        let mut call = Call {
            wire_index,
            wire_id: id.to_owned(),
            id: own,
            named: !name.is_empty(),
            opened: false,
            kind,
            early: String::new(),
            shape: Shape::default(),
            held: false,
        };
        if call.named {
            open(at, &mut call, Some(name), out);
        }
        self.calls.push(call);
        at
    }

    fn find(&self, wire_index: Option<u64>, id: &str, name: &str) -> Option<usize> {
        match wire_index {
            Some(_) => {
                let at = self.calls.iter().rposition(|call| call.wire_index == wire_index)?;
                let call = self.calls.get(at)?;
                // Servers that give every call the index 0 tell them apart by id, or only by name.
                let other_id = !id.is_empty() && !call.wire_id.is_empty() && call.wire_id != id;
                let named_again = id.is_empty() && !name.is_empty() && (call.held || call.shape.is_complete());
                (!other_id && !named_again).then_some(at)
            }
            None if !id.is_empty() => self.calls.iter().rposition(|call| call.wire_id == id),
            None if name.is_empty() => self.calls.len().checked_sub(1),
            None => None,
        }
    }

    fn extend(&mut self, at: usize, arguments: &str, out: &mut dyn Sink) {
        let Some(call) = self.calls.get_mut(at) else { return };
        if arguments.is_empty() {
            return;
        }
        let untouched = !call.shape.has_begun() && !call.held;
        if call.kind == ToolKind::Function && untouched && arguments.trim() == EMPTY {
            call.held = true;
            return;
        }
        if call.held && arguments.trim() == EMPTY {
            return;
        }
        // What was held was a placeholder: the real object comes now.
        call.held = false;
        call.shape.push(arguments);
        if call.opened {
            return give(at, call, None, arguments, out);
        }
        call.early.push_str(arguments);
        if call.early.len() > MOST_EARLY {
            open(at, call, None, out);
        }
    }
}

/// Gives the first piece of a call, and what came before it could be given.
fn open(at: usize, call: &mut Call, name: Option<&str>, out: &mut dyn Sink) {
    if !std::mem::replace(&mut call.opened, true) {
        give(at, call, name, "", out);
        let early = std::mem::take(&mut call.early);
        if !early.is_empty() {
            give(at, call, None, &early, out);
        }
    }
}

fn give(at: usize, call: &Call, name: Option<&str>, arguments: &str, out: &mut dyn Sink) {
    let index = u32::try_from(at).unwrap_or(u32::MAX);
    out.event(Event::Tool(ToolDelta { index, id: &call.id, name, arguments, kind: call.kind }));
}

/// Arguments as text, whether they came as a string or as the object itself.
fn arguments(raw: Option<&RawValue>) -> Cow<'_, str> {
    let Some(raw) = raw.map(RawValue::get) else { return Cow::Borrowed("") };
    if raw.starts_with('"') {
        return unquoted(raw).map_or(Cow::Borrowed(""), Cow::Owned);
    }
    if raw == "null" { Cow::Borrowed("") } else { Cow::Borrowed(raw) }
}
