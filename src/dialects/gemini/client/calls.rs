//! Calls on their way to a language that has them whole only.

use serde_json::{Value, json};

use super::answer::signature;
use crate::dialects::gemini::SIGNATURE;
use crate::dialects::provider_error::cut;
use crate::models::{CallRef, ChatError, ErrorKind, Opaque, ToolDelta, ToolKind};

/// The most bytes of arguments that are held: what a whole answer may have.
const MOST_HELD: usize = 8 << 20;

/// The calls that have begun and were not given yet.
#[derive(Default)]
pub struct Calls {
    held: Vec<Held>,
    bytes: usize,
}

struct Held {
    index: u32,
    id: String,
    name: String,
    arguments: String,
    kind: ToolKind,
    state: Option<Opaque>,
}

impl Calls {
    /// Takes a piece of a call.
    pub fn push(&mut self, delta: &ToolDelta<'_>) -> Result<(), ChatError> {
        self.bytes = self.bytes.saturating_add(delta.arguments.len());
        if self.bytes > MOST_HELD {
            let words = format!("the arguments of the answer's tool calls are larger than {MOST_HELD} bytes");
            return Err(ChatError::lasting(ErrorKind::Provider, words));
        }
        if !self.held.iter().any(|call| call.index == delta.index) {
            self.held.push(Held {
                index: delta.index,
                id: delta.id.to_owned(),
                name: String::new(),
                arguments: String::new(),
                kind: delta.kind,
                state: None,
            });
        }
        if let Some(call) = self.held.iter_mut().find(|call| call.index == delta.index) {
            if let Some(name) = delta.name {
                name.clone_into(&mut call.name);
            }
            call.arguments.push_str(delta.arguments);
        }
        Ok(())
    }

    /// Takes a call's state; gives it back where the call is out already.
    pub fn sign(&mut self, call: CallRef<'_>, state: Opaque) -> Option<Opaque> {
        match self.held.iter_mut().find(|held| held.index == call.index) {
            Some(held) => {
                held.state = Some(state);
                None
            }
            None => Some(state),
        }
    }

    /// The calls that are whole, for something else comes behind them. Pieces may follow to one that is
    /// not, and it keeps its place before those behind it.
    pub fn whole(&mut self) -> Vec<Value> {
        let whole = self.held.iter().map_while(|call| {
            // Free text has no end that could be seen.
            let closed = call.kind == ToolKind::Function && call.arguments.trim_end().ends_with('}');
            closed.then(|| call.arguments().map(|arguments| call.part(&arguments))).flatten()
        });
        let parts: Vec<Value> = whole.collect();
        self.held.drain(..parts.len()).for_each(drop);
        if self.held.is_empty() {
            self.bytes = 0;
        }
        parts
    }

    /// All that are held, at the end: those that can be told, and the words for the first that cannot.
    pub fn rest(&mut self) -> (Vec<Value>, Option<String>) {
        let mut odd = None;
        let mut parts = Vec::new();
        for call in self.held.drain(..) {
            match call.arguments() {
                Some(arguments) => parts.push(call.part(&arguments)),
                None => {
                    let words = || format!("{}({})", cut(&call.name, 64), cut(&call.arguments, 400));
                    odd.get_or_insert_with(words);
                }
            }
        }
        (parts, odd)
    }
}

impl Held {
    /// An object; nothing where the text is none.
    fn arguments(&self) -> Option<Value> {
        if self.kind == ToolKind::Custom {
            return Some(json!({"input": self.arguments}));
        }
        if self.arguments.trim().is_empty() {
            return Some(json!({}));
        }
        serde_json::from_str(&self.arguments).ok().filter(Value::is_object)
    }

    fn part(&self, arguments: &Value) -> Value {
        let mut part = json!({"functionCall": {"id": self.id, "name": self.name, "args": arguments}});
        if let (Some(state), Some(part)) = (&self.state, part.as_object_mut()) {
            part.insert(SIGNATURE.to_owned(), json!(signature(state, None)));
        }
        part
    }
}
