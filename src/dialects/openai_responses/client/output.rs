//! The items of one answer, in the order in which they began.
//!
//! **Invariant:** of messages and reasoning at most one item is open; every item that began is done
//! when the answer is.

use serde_json::{Map, Value, json};

use super::calls::Call;
use super::frames::Wire;
use super::message::{Message, Reasoning, Voice};
use crate::dialects::openai_responses::DIALECT;
use crate::dialects::openai_responses::own::{self, State};
use crate::models::{Citation, Opaque, OpaqueDelta, ToolDelta};

/// An item's id, and its place in the answer.
pub struct Head {
    pub id: String,
    pub index: usize,
}

impl Head {
    /// What an event about the whole item has.
    pub fn about(&self, item: &Value) -> Value {
        json!({"output_index": self.index, "item": item})
    }

    /// What an event about a part of the item has.
    pub fn place(&self, more: &[(&str, usize)]) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("item_id".to_owned(), json!(self.id));
        fields.insert("output_index".to_owned(), json!(self.index));
        fields.extend(more.iter().map(|(name, index)| ((*name).to_owned(), json!(index))));
        fields
    }
}

/// All items. What is done is kept: the vendor's last event has it all once more. How much that can be
/// is bounded by the relay, which ends answers of languages that hold them.
pub struct Output {
    run_id: String,
    /// Null as long as the item is open.
    done: Vec<Value>,
    message: Option<Message>,
    reasoning: Option<Reasoning>,
    calls: Vec<Call>,
    /// State that came within the message, for behind it.
    states: Vec<State>,
    /// Sources that came while no text was open.
    sources: Vec<Value>,
    pub refused: bool,
}

impl Output {
    pub fn new(run_id: String) -> Self {
        Output {
            run_id,
            done: Vec::new(),
            message: None,
            reasoning: None,
            calls: Vec::new(),
            states: Vec::new(),
            sources: Vec::new(),
            refused: false,
        }
    }

    pub fn say(&mut self, voice: Voice, text: &str, to: &mut Wire<'_>) {
        self.refused |= voice == Voice::Refusal;
        if text.is_empty() {
            return;
        }
        let sources = if voice == Voice::Text { std::mem::take(&mut self.sources) } else { Vec::new() };
        let message = self.message(to);
        message.say(voice, text, to);
        sources.into_iter().for_each(|source| message.cite(source, to));
    }

    pub fn think(&mut self, text: &str, to: &mut Wire<'_>) {
        if text.is_empty() {
            return;
        }
        if self.reasoning.is_none() {
            self.settle(false, to);
        }
        let reasoning = match self.reasoning.take() {
            Some(open) => open,
            None => Reasoning::begin(self.head("rs"), to),
        };
        self.reasoning.insert(reasoning).think(text, to);
    }

    pub fn cite(&mut self, citation: &Citation, to: &mut Wire<'_>) {
        let source = json!({
            "type": "url_citation", "url": citation.url, "title": citation.title.as_deref().unwrap_or_default(),
            "start_index": citation.start_index.unwrap_or(0), "end_index": citation.end_index.unwrap_or(0),
        });
        match self.message.as_mut().filter(|message| message.has_open_text()) {
            Some(message) => message.cite(source, to),
            None => self.sources.push(source),
        }
    }

    pub fn call(&mut self, delta: &ToolDelta<'_>, to: &mut Wire<'_>) {
        let index = usize::try_from(delta.index).unwrap_or(usize::MAX);
        if index >= self.calls.len() {
            self.settle(false, to);
            let head = self.head(Call::prefix(delta.kind));
            self.calls.push(Call::begin(head, delta, to));
        }
        if let Some(call) = self.calls.get_mut(index) {
            call.push(delta, to);
        }
    }

    /// A provider's own state. Reasoning takes up what comes behind it; a message is not torn apart, for
    /// its text may be one piece of JSON: what comes in its middle follows it and says where it belongs.
    pub fn keep(&mut self, delta: &OpaqueDelta<'_>, to: &mut Wire<'_>) {
        if let (None, Some(phase), Some(message)) = (delta.call, phase(delta), &mut self.message) {
            message.phase = Some(phase.to_owned());
            return self.settle(false, to);
        }
        let opaque = Opaque { dialect: delta.dialect.to_owned(), data: delta.data.clone() };
        let mut state = State { opaque, call: delta.call.map(|call| call.id.to_owned()), place: None };
        if let Some(message) = &self.message {
            state.place = state.call.is_none().then_some(message.said);
            return self.states.push(state);
        }
        match self.reasoning.take() {
            Some(reasoning) if state.call.is_none() => {
                let (index, item) = reasoning.end(Some(state.seal()), false, to);
                self.file(index, item);
            }
            open => {
                self.reasoning = open;
                self.settle(false, to);
                self.seal(state, to);
            }
        }
    }

    /// The answer is over: everything that is still open is done, complete or not.
    pub fn end(&mut self, cut_off: bool, to: &mut Wire<'_>) {
        for source in std::mem::take(&mut self.sources) {
            self.message(to).cite(source, to);
        }
        self.settle(cut_off, to);
        for at in 0..self.calls.len() {
            self.end_call(at, cut_off, to);
        }
    }

    /// The items that are done.
    pub fn items(&self) -> Vec<Value> {
        self.done.iter().filter(|item| !item.is_null()).cloned().collect()
    }

    fn head(&mut self, prefix: &str) -> Head {
        let index = self.done.len();
        self.done.push(Value::Null);
        Head { id: own::id(prefix, &self.run_id, index), index }
    }

    fn file(&mut self, index: usize, item: Value) {
        if let Some(place) = self.done.get_mut(index) {
            *place = item;
        }
    }

    /// The open message, or a new one.
    fn message(&mut self, to: &mut Wire<'_>) -> &mut Message {
        if self.message.is_none() {
            self.settle(false, to);
        }
        let message = match self.message.take() {
            Some(open) => open,
            None => Message::begin(self.head("msg"), to),
        };
        self.message.insert(message)
    }

    /// Another item begins, or none: what is complete is done.
    fn settle(&mut self, cut_off: bool, to: &mut Wire<'_>) {
        if let Some(reasoning) = self.reasoning.take() {
            let (index, item) = reasoning.end(None, cut_off, to);
            self.file(index, item);
        }
        if let Some(mut message) = self.message.take() {
            let item = message.end(if cut_off { "incomplete" } else { "completed" }, to);
            self.file(message.head.index, item);
            for mut state in std::mem::take(&mut self.states) {
                // Right behind the text is where it stands anyway.
                state.place = state.place.filter(|place| *place < message.said);
                self.seal(state, to);
            }
        }
        for at in 0..self.calls.len() {
            if self.calls.get(at).is_some_and(|call| !call.done && call.is_complete()) {
                self.end_call(at, false, to);
            }
        }
    }

    fn end_call(&mut self, at: usize, cut_off: bool, to: &mut Wire<'_>) {
        let Some(call) = self.calls.get_mut(at).filter(|call| !call.done) else { return };
        let status = if cut_off && !call.is_complete() { "incomplete" } else { "completed" };
        let (index, item) = (call.head.index, call.end(status, to));
        self.file(index, item);
    }

    /// State in an item of its own.
    fn seal(&mut self, state: State, to: &mut Wire<'_>) {
        let reasoning = Reasoning::begin(self.head("rs"), to);
        let (index, item) = reasoning.end(Some(state.seal()), false, to);
        self.file(index, item);
    }
}

/// The phase of the message before it, which this language has a field for.
fn phase<'a>(delta: &OpaqueDelta<'a>) -> Option<&'a str> {
    let data = (delta.dialect == DIALECT).then_some(delta.data)?;
    let is_message = data.get("type").is_some_and(|kind| kind == "message");
    data.get("phase").and_then(Value::as_str).filter(|_| is_message)
}
