use serde_json::{Map, Value};

use super::{Settings, Tool};
use crate::models::{ChatRequest, Finish};

/// A named way of producing an answer: a graph of actions.
pub struct Assistant {
    /// Its name on the wire.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// The first action.
    pub entry: &'static str,
    /// The action before which a collection is searched, where a request asks for that.
    pub looks_up_before: &'static str,
    /// Whether it cannot do without one.
    pub needs_collection: bool,
    /// What it says where it declines a prompt; none where it judges none.
    pub refusal: Option<&'static str>,
    /// The actions.
    pub actions: &'static [Action],
    /// What of its state outlives the run, in a session.
    pub keeps: &'static [&'static str],
}

/// One action: from the state to deltas and, last, the new state.
pub struct Action {
    /// Its name in the graph.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// What of the state it looks at.
    pub reads: &'static [&'static str],
    /// What of the state it writes.
    pub writes: &'static [&'static str],
    /// The tools that a model may call in it, run by the gateway.
    pub tools: &'static [&'static Tool],
    /// What it asks for.
    pub act: fn(&Scene<'_>) -> Effect,
    /// What follows: the first whose condition holds. Nothing, and the answer is complete.
    pub next: &'static [Edge],
}

/// What follows an action, and when.
pub struct Edge {
    /// The action.
    pub to: &'static str,
    /// The condition.
    pub when: When,
}

/// A condition on the state.
pub enum When {
    /// It holds.
    Always,
    /// A switch stands so.
    Is(&'static str, bool),
    /// A word is this one.
    Reads(&'static str, &'static str),
}

impl When {
    /// Whether it holds.
    pub fn holds(&self, state: &Map<String, Value>) -> bool {
        match self {
            When::Always => true,
            When::Is(key, wanted) => state.get(*key).and_then(Value::as_bool) == Some(*wanted),
            When::Reads(key, wanted) => state.get(*key).and_then(Value::as_str) == Some(*wanted),
        }
    }

    /// What of the state it looks at.
    pub fn key(&self) -> Option<&'static str> {
        match self {
            When::Always => None,
            When::Is(key, _) | When::Reads(key, _) => Some(key),
        }
    }

    /// The condition in words.
    pub fn words(&self) -> Option<String> {
        match self {
            When::Always => None,
            When::Is(key, wanted) => Some(format!("{key} = {wanted}")),
            When::Reads(key, wanted) => Some(format!("{key} = {wanted}")),
        }
    }
}

/// What an action sees.
pub struct Scene<'a> {
    /// The request, with all that was said before.
    pub chat: &'a ChatRequest,
    /// The state.
    pub state: &'a Map<String, Value>,
    /// The operator's settings.
    pub settings: &'a Settings,
}

/// What an action asks for.
pub enum Effect {
    /// Nothing: it knows already what to write.
    Write(Map<String, Value>),
    /// To be told as it is; the answer ends so if nothing follows.
    Say(String, Finish),
    /// A model's answer, told while it comes.
    Answer(Prompt),
    /// A model's answer for the action itself: what it means for the state.
    Decide(Prompt, fn(&str) -> Map<String, Value>),
    /// What this moderation model makes of a text: what it means for the state whether that is harmful.
    Moderate(String, String, fn(bool) -> Map<String, Value>),
}

/// How a model is asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompt {
    /// Who it is to be, and how to answer.
    pub system: Option<String>,
    /// How freely, unless the caller says.
    pub temperature: Option<f64>,
}
