//! One item of an answer.

use serde_json::{Map, Value, json};

use super::calls::Call;
use super::event;
use super::given::Given;
use crate::models::ToolKind;

/// What an item is. Everything else, such as a tool that the provider itself runs, has nothing to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Message,
    Reasoning,
    Function,
    Custom,
    Other,
}

impl Kind {
    pub fn of(item: &event::Item<'_>) -> Kind {
        match item.kind.filled().unwrap_or_default() {
            "message" => Kind::Message,
            "reasoning" => Kind::Reasoning,
            "function_call" => Kind::Function,
            "custom_tool_call" => Kind::Custom,
            _ => Kind::Other,
        }
    }
}

/// What a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    Text,
    Refusal,
    /// Reasoning in the model's own words, and a summary of it.
    Thought,
    Summary,
}

#[derive(Debug)]
pub struct Item {
    pub index: Option<u64>,
    pub id: String,
    pub kind: Kind,
    pub parts: Vec<Part>,
    pub call: Option<Call>,
    pub done: bool,
}

/// A text, and which one of its item it is.
#[derive(Debug)]
pub struct Part {
    channel: Channel,
    number: u64,
    pub given: Given,
}

impl Channel {
    pub fn kind(self) -> Kind {
        match self {
            Channel::Text | Channel::Refusal => Kind::Message,
            Channel::Thought | Channel::Summary => Kind::Reasoning,
        }
    }
}

impl Item {
    /// An item of which nothing came yet.
    pub fn new(index: Option<u64>, id: &str, kind: Kind) -> Self {
        let call = match kind {
            Kind::Function => Some(Call::new(ToolKind::Function)),
            Kind::Custom => Some(Call::new(ToolKind::Custom)),
            Kind::Message | Kind::Reasoning | Kind::Other => None,
        };
        Item { index, id: id.to_owned(), kind, parts: Vec::new(), call, done: false }
    }

    /// Reasoning and its summary tell the same thoughts: an item gives the one that comes first, since
    /// what was given cannot be taken back. Of those that come whole, the reasoning itself is first.
    pub fn takes(&self, channel: Channel) -> bool {
        match channel {
            Channel::Thought => !self.has(Channel::Summary),
            Channel::Summary => !self.has(Channel::Thought),
            Channel::Text | Channel::Refusal => true,
        }
    }

    pub fn has(&self, channel: Channel) -> bool {
        self.parts.iter().any(|part| part.channel == channel && !part.given.is_empty())
    }

    pub fn part(&mut self, channel: Channel, number: u64) -> Option<&mut Part> {
        let is = |part: &Part| part.channel == channel && part.number == number;
        if !self.parts.iter().any(is) {
            self.parts.push(Part { channel, number, given: Given::default() });
        }
        self.parts.iter_mut().rfind(|part| is(part))
    }

    /// Whether it is still open for this to be its beginning, told once more.
    pub fn may_be(&self, item: &event::Item<'_>) -> bool {
        let other = self.call.as_ref().and_then(Call::wire_id).is_some_and(|id| item.call_id.filled() != Some(id));
        !self.done && !other
    }

    /// Whether it is open, and the call that an item names.
    pub fn is_call(&self, item: &event::Item<'_>) -> bool {
        let id = self.call.as_ref().and_then(Call::wire_id);
        !self.done && id.is_some() && id == item.call_id.filled()
    }
}

/// A reasoning item as it must go back: these fields, and no others.
pub fn sealed(item: &event::Item<'_>, encrypted: &str) -> Value {
    let mut data = Map::new();
    data.insert("type".to_owned(), json!("reasoning"));
    if let Some(id) = item.id.filled() {
        data.insert("id".to_owned(), json!(id));
    }
    data.insert("summary".to_owned(), if item.summary.is_array() { item.summary.clone() } else { json!([]) });
    data.insert("encrypted_content".to_owned(), json!(encrypted));
    Value::Object(data)
}
