//! The items of one answer: texts, reasoning and calls, as they come in pieces and whole.
//!
//! **Invariant:** what came in pieces is not given again when the whole of it comes, and what came only
//! as a whole is given then.

use serde_json::{Value, json};

use super::DIALECT;
use super::calls::Ids;
use super::event::{self, Annotation};
use super::given::Given;
use super::item::{Channel, Item, Kind, sealed};
use crate::dialects::lenient::{Content, Maybe};
use crate::models::{Citation, Event, OpaqueDelta, Sink};

/// All items of an answer.
pub struct Items {
    items: Vec<Item>,
    ids: Ids,
    citations: Vec<Citation>,
    /// Whether text, refusal and reasoning were given.
    said: bool,
    refused: bool,
    thought: bool,
}

/// Where in an answer an event belongs.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The item's index; some servers leave it out.
    pub index: Option<u64>,
    /// The item's id; some proxies make up a new one in every event.
    pub id: &'a str,
}

impl Items {
    pub fn new(run_id: String) -> Self {
        Items {
            items: Vec::new(),
            ids: Ids::new(run_id),
            citations: Vec::new(),
            said: false,
            refused: false,
            thought: false,
        }
    }

    pub fn have_calls(&self) -> bool {
        !self.ids.is_empty()
    }

    /// Whether words of refusal were all that was said.
    pub fn only_refuse(&self) -> bool {
        self.refused && !self.said
    }

    /// An item begins. A server that numbers badly may use an index again.
    pub fn begin(&mut self, place: Place<'_>, item: &event::Item<'_>, out: &mut dyn Sink) {
        let place = named(place, item);
        let kind = Kind::of(item);
        if kind == Kind::Other {
            return;
        }
        let known = self.find(place, kind).filter(|at| self.items.get(*at).is_some_and(|known| known.may_be(item)));
        let at = known.unwrap_or_else(|| self.add(place, kind));
        if let Some(call) = self.items.get_mut(at).and_then(|item| item.call.as_mut()) {
            call.begin(item, &mut self.ids, out);
        }
    }

    /// The next piece of a text.
    pub fn piece(&mut self, place: Place<'_>, channel: Channel, number: Option<u64>, text: &str, out: &mut dyn Sink) {
        let at = self.at(place, channel.kind());
        self.give(at, channel, number.unwrap_or(0), |_| text, out);
    }

    /// All of a text, of which the pieces may lack some.
    pub fn whole(&mut self, place: Place<'_>, channel: Channel, number: Option<u64>, text: &str, out: &mut dyn Sink) {
        let at = self.at(place, channel.kind());
        self.give(at, channel, number.unwrap_or(0), |given| given.rest(text), out);
    }

    /// The next piece of a call's arguments.
    pub fn arguments(&mut self, place: Place<'_>, kind: Kind, piece: &str, out: &mut dyn Sink) {
        let at = self.at(place, kind);
        if let Some(call) = self.items.get_mut(at).and_then(|item| item.call.as_mut()) {
            call.push(piece, &mut self.ids, out);
        }
    }

    /// All of a call's arguments.
    pub fn whole_arguments(&mut self, place: Place<'_>, kind: Kind, arguments: &str, out: &mut dyn Sink) {
        let at = self.at(place, kind);
        if let Some(call) = self.items.get_mut(at).and_then(|item| item.call.as_mut()) {
            call.whole(arguments, &mut self.ids, out);
        }
    }

    /// An item is done, and comes whole.
    pub fn end(&mut self, place: Place<'_>, item: &event::Item<'_>, out: &mut dyn Sink) {
        let place = named(place, item);
        let kind = Kind::of(item);
        if kind == Kind::Other {
            return;
        }
        let known = self.items.iter().rposition(|known| known.is_call(item)).or_else(|| self.find(place, kind));
        match known.and_then(|at| self.items.get(at)).filter(|known| known.done) {
            Some(known) if known.id == place.id => {}
            Some(_) => {
                let at = self.add(place, kind);
                self.complete(at, item, out);
            }
            None => {
                let at = known.unwrap_or_else(|| self.add(place, kind));
                self.complete(at, item, out);
            }
        }
    }

    /// The whole output: gives what no event had. Items are told apart by their order among those of
    /// their kind, because ids change and the list may lack some.
    pub fn reconcile(&mut self, output: &[Maybe<event::Item<'_>>], out: &mut dyn Sink) {
        let items: Vec<_> = output.iter().filter_map(|item| item.0.as_ref()).collect();
        for (position, item) in items.iter().enumerate() {
            let kind = Kind::of(item);
            let nth = items.iter().take(position).filter(|other| Kind::of(other) == kind).count();
            let known = self.items.iter().enumerate().filter(|(_, item)| item.kind == kind).nth(nth);
            match known.map(|(at, known)| (at, known.done)) {
                _ if kind == Kind::Other => {}
                Some((_, true)) => {}
                Some((at, false)) => self.complete(at, item, out),
                None => {
                    let at = self.add(named(Place { index: None, id: "" }, item), kind);
                    self.complete(at, item, out);
                }
            }
        }
    }

    /// The answer is over: gives what calls still owe.
    pub fn close(&mut self, cut_off: bool, out: &mut dyn Sink) {
        for item in self.items.iter_mut().filter(|item| !item.done) {
            item.done = true;
            if let Some(call) = &mut item.call {
                call.settle(cut_off, &mut self.ids, out);
            }
        }
    }

    /// A source, unless it was given before.
    pub fn cite(&mut self, source: &Annotation<'_>, out: &mut dyn Sink) {
        let Some(url) = source.url.filled() else { return };
        if source.kind.filled().is_some_and(|kind| kind != "url_citation") {
            return;
        }
        let citation = Citation {
            url: url.to_owned(),
            title: source.title.filled().map(str::to_owned),
            start_index: source.start_index.0,
            end_index: source.end_index.0,
            ..Citation::default()
        };
        if !self.citations.contains(&citation) {
            out.event(Event::Citation(&citation));
            self.citations.push(citation);
        }
    }

    fn at(&mut self, place: Place<'_>, kind: Kind) -> usize {
        self.find(place, kind).unwrap_or_else(|| self.add(place, kind))
    }

    /// The item that a place means, the latest first.
    fn find(&self, place: Place<'_>, kind: Kind) -> Option<usize> {
        let by_id = |item: &Item| !place.id.is_empty() && item.id == place.id;
        let at = match place.index {
            Some(_) => self
                .items
                .iter()
                .rposition(|item| item.index == place.index)
                .or_else(|| self.items.iter().rposition(|item| item.index.is_none() && by_id(item))),
            None if !place.id.is_empty() => self.items.iter().rposition(by_id),
            None => self.items.len().checked_sub(1),
        };
        at.filter(|at| self.items.get(*at).is_some_and(|item| item.kind == kind))
    }

    fn add(&mut self, place: Place<'_>, kind: Kind) -> usize {
        self.items.push(Item::new(place.index, place.id, kind));
        self.items.len().saturating_sub(1)
    }

    fn give<'t>(
        &mut self,
        at: usize,
        channel: Channel,
        number: u64,
        choose: impl FnOnce(Given) -> &'t str,
        out: &mut dyn Sink,
    ) {
        let Some(item) = self.items.get_mut(at) else { return };
        if !item.takes(channel) {
            return;
        }
        let Some(part) = item.part(channel, number) else { return };
        let text = choose(part.given);
        if text.is_empty() {
            return;
        }
        let first = part.given.is_empty();
        part.given.push(text);
        match channel {
            Channel::Text => {
                self.said = true;
                out.event(Event::Text(text));
            }
            Channel::Refusal => {
                self.refused = true;
                out.event(Event::Refusal(text));
            }
            // Parts of reasoning are paragraphs.
            Channel::Thought | Channel::Summary if std::mem::replace(&mut self.thought, true) && first => {
                out.event(Event::Reasoning(&format!("\n\n{text}")));
            }
            Channel::Thought | Channel::Summary => out.event(Event::Reasoning(text)),
        }
    }

    fn complete(&mut self, at: usize, item: &event::Item<'_>, out: &mut dyn Sink) {
        match self.items.get(at).map(|known| known.kind) {
            Some(Kind::Message) => self.complete_message(at, item, out),
            Some(Kind::Reasoning) => self.complete_reasoning(at, item, out),
            _ => {
                if let Some(call) = self.items.get_mut(at).and_then(|item| item.call.as_mut()) {
                    call.end(item, &mut self.ids, out);
                }
            }
        }
        if let Some(known) = self.items.get_mut(at) {
            known.done = true;
        }
    }

    fn complete_message(&mut self, at: usize, item: &event::Item<'_>, out: &mut dyn Sink) {
        match &item.content {
            Content::Text(text) => self.give(at, Channel::Text, 0, |given| given.rest(text), out),
            Content::Parts(parts) => {
                for (number, part) in (0u64..).zip(parts) {
                    let Some(part) = &part.0 else { continue };
                    for (channel, text) in [(Channel::Text, &part.text), (Channel::Refusal, &part.refusal)] {
                        self.give(at, channel, number, |given| given.rest(text.filled().unwrap_or_default()), out);
                    }
                    for source in part.annotations.0.iter().filter_map(|source| source.0.as_ref()) {
                        self.cite(source, out);
                    }
                }
            }
            Content::Absent => {}
        }
        let says = self.items.get(at).is_some_and(|item| item.has(Channel::Text));
        if let Some(phase) = item.phase.filled().filter(|_| says) {
            let data = json!({"type": "message", "phase": phase});
            out.event(Event::Opaque(OpaqueDelta { dialect: DIALECT, call: None, data: &data }));
        }
    }

    fn complete_reasoning(&mut self, at: usize, item: &event::Item<'_>, out: &mut dyn Sink) {
        match &item.content {
            Content::Text(text) => self.give(at, Channel::Thought, 0, |given| given.rest(text), out),
            Content::Parts(parts) => {
                for (number, part) in (0u64..).zip(parts) {
                    let text = part.0.as_ref().and_then(|part| part.text.filled()).unwrap_or_default();
                    self.give(at, Channel::Thought, number, |given| given.rest(text), out);
                }
            }
            Content::Absent => {}
        }
        for (number, part) in (0u64..).zip(item.summary.as_array().into_iter().flatten()) {
            let text = part.get("text").and_then(Value::as_str).unwrap_or_default();
            self.give(at, Channel::Summary, number, |given| given.rest(text), out);
        }
        // Without its content it could not be given back: nothing is stored at the provider.
        if let Some(encrypted) = item.encrypted_content.filled() {
            let data = sealed(item, encrypted);
            out.event(Event::Opaque(OpaqueDelta { dialect: DIALECT, call: None, data: &data }));
        }
    }
}

/// The place of an event about an item, with the id that stands in the item.
fn named<'a>(place: Place<'a>, item: &'a event::Item<'_>) -> Place<'a> {
    Place { id: item.id.filled().unwrap_or(place.id), ..place }
}
