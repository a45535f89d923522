use serde_json::{Map, Value};

use super::{ChatError, Citation, Finish, Step, ToolResult, Usage};

/// One unified step of a run, borrowed from the provider's frame where it can be.
///
/// A decoder may give `Usage` at any time and more than once; behind the relay exactly one comes,
/// settled, right before the terminal event (`Finish` or `Error`).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The provider began to answer, and says which model does.
    Start {
        /// The model's name in the provider's words.
        model: &'a str,
    },
    /// Visible text.
    Text(&'a str),
    /// The model's thinking, as far as the provider shows it.
    Reasoning(&'a str),
    /// The model's words of refusal.
    Refusal(&'a str),
    /// A piece of a tool call.
    Tool(ToolDelta<'a>),
    /// What came of a call that the gateway ran itself.
    ToolResult(&'a ToolResult),
    /// What changed in the state of the assistant that answers.
    State(&'a Map<String, Value>),
    /// An assistant's action began or is done.
    Step(&'a Step),
    /// A source that the answer rests on.
    Citation(&'a Citation),
    /// The provider's own state.
    Opaque(OpaqueDelta<'a>),
    /// Something that the caller should know and that does not end the run.
    Warning(&'a str),
    /// Token totals.
    Usage(Usage),
    /// The answer is complete. Terminal.
    Finish {
        /// Why, in unified words.
        reason: Finish,
        /// Why, in the provider's own word.
        raw: Option<&'a str>,
    },
    /// The answer failed. Terminal.
    Error(&'a ChatError),
}

impl Event<'_> {
    /// Whether nothing may follow.
    pub fn is_terminal(&self) -> bool {
        matches!(self, Event::Finish { .. } | Event::Error(_))
    }
}

/// A piece of a tool call. Indices rise from 0 without gaps; the id is in every piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolDelta<'a> {
    /// Which call of this answer.
    pub index: u32,
    /// The call's id: the provider's, or one of ours where it gave none.
    pub id: &'a str,
    /// The tool's name, in the first piece of a call only.
    pub name: Option<&'a str>,
    /// The next piece of the arguments.
    pub arguments: &'a str,
    /// Whether the arguments are JSON or free text.
    pub kind: ToolKind,
}

/// State that a provider wants back unchanged with the next turn: a signature, encrypted reasoning.
/// Its place among the other events is the place that it goes back to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OpaqueDelta<'a> {
    /// The dialect that alone can read it.
    pub dialect: &'static str,
    /// The tool call that it belongs to, where it belongs to one.
    pub call: Option<CallRef<'a>>,
    /// The state, in the dialect's own form.
    pub data: &'a Value,
}

/// Which tool call of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallRef<'a> {
    /// Its index.
    pub index: u32,
    /// Its id.
    pub id: &'a str,
}

/// What a tool takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ToolKind {
    /// A JSON object.
    #[default]
    Function,
    /// Free text.
    Custom,
}

/// Takes events, in order. Encoders, the meter and collectors are sinks.
pub trait Sink {
    /// Takes the next event.
    fn event(&mut self, event: Event<'_>);
}

impl<F: FnMut(Event<'_>)> Sink for F {
    fn event(&mut self, event: Event<'_>) {
        self(event);
    }
}
