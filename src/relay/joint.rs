//! Several answers told as one: an assistant asks a model, runs what it calls, asks again, says something itself.
//!
//! **Invariant:** one ending, always last, and right before it the sum of all usage, however many answers there
//! were and however they ended.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::cite::Cite;
use super::{End, Folded};
use crate::dialects::Encode;
use crate::models::{CallRef, ChatError, Citation, Event, Finish, OpaqueDelta, Sink, Step, ToolDelta, Usage};

/// The one answer that a client gets.
pub struct Joint {
    encoder: Box<dyn Encode>,
    /// All that was told, for whoever keeps it.
    all: Option<Folded>,
    /// What the leg under way has said.
    leg: Folded,
    /// Whether it has told the client anything.
    spoke: bool,
    /// Whether the client is not to see it.
    silent: bool,
    /// Whether anything was told at all.
    begun: bool,
    /// The calls of the legs before.
    calls: u32,
    ids: HashSet<String>,
    /// What the caller was warned of: each leg would say it again.
    warned: HashSet<String>,
    /// Steps, and what changed in the state, until there is something to tell them with.
    steps: Vec<Step>,
    changed: Map<String, Value>,
    /// Who says what is told.
    answerer: (String, String),
    usage: Option<Usage>,
    cite: Cite,
    end: Option<End>,
}

impl Joint {
    /// An answer that is still to begin.
    pub fn new(encoder: Box<dyn Encode>, keep: bool) -> Self {
        Joint {
            encoder,
            all: keep.then(Folded::default),
            leg: Folded::default(),
            spoke: false,
            silent: false,
            begun: false,
            calls: 0,
            ids: HashSet::new(),
            warned: HashSet::new(),
            steps: Vec::new(),
            changed: Map::new(),
            answerer: Default::default(),
            usage: None,
            cite: Cite::default(),
            end: None,
        }
    }

    /// The sources that the next legs may cite by number.
    pub fn cite(&mut self, sources: Vec<Citation>) {
        self.cite = Cite::new(sources);
    }

    /// Tells something that no leg says.
    pub fn tell(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        if self.end.is_some() {
            return;
        }
        match event {
            Event::Start { .. } | Event::Usage(_) => {}
            Event::Error(_) => self.tell_steps(out),
            _ => {
                self.tell_steps(out);
                if !self.changed.is_empty() {
                    let changed = std::mem::take(&mut self.changed);
                    self.tell(Event::State(&changed), out);
                }
            }
        }
        self.begun |= !matches!(event, Event::Start { .. } | Event::Usage(_));
        let cited = if let Event::Text(text) = event { self.cite.see(text) } else { Vec::new() };
        if let Some(all) = &mut self.all {
            all.event(event.clone());
            cited.iter().for_each(|citation| all.event(Event::Citation(citation)));
        }
        self.encoder.event(event, out);
        cited.iter().for_each(|citation| self.encoder.event(Event::Citation(citation), out));
    }

    /// Tells a step, once something was told: alone it would pass for the beginning of an answer, and a failure could
    /// not be told by a status any more.
    pub fn step(&mut self, step: Step, out: &mut Vec<u8>) {
        self.steps.push(step);
        if self.begun {
            self.tell_steps(out);
        }
    }

    fn tell_steps(&mut self, out: &mut Vec<u8>) {
        for step in std::mem::take(&mut self.steps) {
            if let Some(all) = &mut self.all {
                all.event(Event::Step(&step));
            }
            self.encoder.event(Event::Step(&step), out);
        }
    }

    /// Tells what changed in the state with whatever is told next, for the same reason.
    pub fn note(&mut self, changed: Map<String, Value>) {
        self.changed.extend(changed);
    }

    /// Who says what follows.
    pub fn answers(&mut self, provider: &str, model: &str) {
        self.encoder.answerer(provider, model);
        self.answerer = (provider.to_owned(), model.to_owned());
    }

    /// Who said what was told last.
    pub fn answerer(&self) -> &(String, String) {
        &self.answerer
    }

    /// An attempt at a leg begins: what one before it said was for nobody.
    pub fn begin(&mut self, silent: bool) {
        self.leg = Folded::default();
        self.spoke = false;
        self.silent = silent;
    }

    /// Whether the leg under way has told the client anything.
    pub fn spoke(&self) -> bool {
        self.spoke
    }

    /// A leg is over. Gives what it said, and counts what it cost.
    pub fn take_leg(&mut self) -> Folded {
        let leg = std::mem::take(&mut self.leg);
        if let Some(usage) = leg.answer.usage {
            self.usage = Some(self.usage.map_or(usage, |sum| sum.and(usage)));
        }
        if self.silent {
            return leg;
        }
        self.calls = self.calls.saturating_add(u32::try_from(leg.answer.tool_calls.len()).unwrap_or(u32::MAX));
        self.ids.extend(leg.answer.tool_calls.iter().map(|call| call.id.clone()));
        leg
    }

    /// The answer is complete.
    pub fn finish(&mut self, reason: Finish, raw: Option<&str>, out: &mut Vec<u8>) {
        if self.end.is_none() {
            self.settle(out);
            self.tell(Event::Finish { reason, raw }, out);
            self.end = Some(End::Finished(reason));
        }
    }

    /// The answer failed.
    pub fn fail(&mut self, error: &ChatError, out: &mut Vec<u8>) {
        if self.end.is_none() {
            self.settle(out);
            self.tell(Event::Error(error), out);
            self.end = Some(End::Failed(error.clone()));
        }
    }

    fn settle(&mut self, out: &mut Vec<u8>) {
        self.tell(Event::Usage(self.usage.unwrap_or_default()), out);
    }

    /// A sign of life.
    pub fn heartbeat(&mut self, out: &mut Vec<u8>) {
        if self.end.is_none() {
            // A client that sees a sign of life may as well see how far it is.
            self.begun = true;
            self.tell_steps(out);
            self.encoder.heartbeat(out);
        }
    }

    /// How it ended, once it has.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// All that was told, where it is kept; once.
    pub fn take_folded(&mut self) -> Option<Folded> {
        self.all.take()
    }

    /// A leg's event, with the call's place among all calls.
    fn hear(&mut self, event: Event<'_>, silent: bool, out: &mut Vec<u8>) {
        let Some(id) = call_of(&event).map(|id| self.unique(id)) else {
            return self.pass(&event, &event, silent, out);
        };
        let shifted = |index: u32| index.saturating_add(self.calls);
        match event {
            Event::Tool(delta) => {
                let own = Event::Tool(ToolDelta { id: &id, ..delta });
                let told = Event::Tool(ToolDelta { id: &id, index: shifted(delta.index), ..delta });
                self.pass(&own, &told, silent, out);
            }
            Event::Opaque(delta) => {
                let call = |index| delta.call.map(|_| CallRef { index, id: &id });
                let index = delta.call.map(|call| call.index).unwrap_or_default();
                let own = Event::Opaque(OpaqueDelta { call: call(index), ..delta });
                let told = Event::Opaque(OpaqueDelta { call: call(shifted(index)), ..delta });
                self.pass(&own, &told, silent, out);
            }
            _ => {}
        }
    }

    fn pass(&mut self, own: &Event<'_>, told: &Event<'_>, silent: bool, out: &mut Vec<u8>) {
        self.leg.event(own.clone());
        let is_last = matches!(told, Event::Usage(_) | Event::Finish { .. } | Event::Error(_));
        if silent || is_last || matches!(told, Event::Warning(text) if !self.warned.insert((*text).to_owned())) {
            return;
        }
        self.spoke |= !matches!(told, Event::Start { .. });
        self.tell(told.clone(), out);
    }

    /// Some models count their calls from the start in every answer.
    fn unique(&self, id: &str) -> String {
        if !self.ids.contains(id) {
            return id.to_owned();
        }
        // As many numbers as ids are taken, and one more: one of them is free.
        let numbered = (2..=self.ids.len().saturating_add(2)).map(|number| format!("{id}_{number}"));
        numbered.into_iter().find(|id| !self.ids.contains(id)).unwrap_or_default()
    }
}

fn call_of<'a>(event: &Event<'a>) -> Option<&'a str> {
    match event {
        Event::Tool(delta) => Some(delta.id),
        Event::Opaque(delta) => delta.call.map(|call| call.id),
        _ => None,
    }
}

/// One of the answers, on its way into the joint one. To its relay it is a client's language.
pub struct Leg {
    joint: Rc<RefCell<Joint>>,
    /// Who says it.
    answerer: Option<(String, String)>,
    /// The client is not to see it.
    silent: bool,
}

impl Leg {
    /// An attempt at a leg.
    pub fn new(joint: Rc<RefCell<Joint>>, (provider, model): (String, String), silent: bool) -> Self {
        joint.borrow_mut().begin(silent);
        Leg { joint, answerer: Some((provider, model)), silent }
    }
}

impl Encode for Leg {
    fn event(&mut self, event: Event<'_>, out: &mut Vec<u8>) {
        let mut joint = self.joint.borrow_mut();
        if let Some((provider, model)) = self.answerer.take().filter(|_| !self.silent) {
            joint.answers(&provider, &model);
        }
        joint.hear(event, self.silent, out);
    }

    fn heartbeat(&mut self, out: &mut Vec<u8>) {
        self.joint.borrow_mut().heartbeat(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialects::{ReplyOptions, kept};
    use crate::models::{ChatRequest, ErrorKind, Stage, ToolKind};
    use crate::relay::fold;

    fn joint() -> Rc<RefCell<Joint>> {
        let reply = ReplyOptions { run_id: "r_1".to_owned(), stream: true, ..ReplyOptions::default() };
        let encoder = kept::LANGUAGE.encoder(reply, &ChatRequest::default());
        Rc::new(RefCell::new(Joint::new(encoder, true)))
    }

    fn says(joint: &Rc<RefCell<Joint>>, provider: &str, silent: bool, events: &[Event<'_>], out: &mut Vec<u8>) {
        let mut leg = Leg::new(joint.clone(), (provider.to_owned(), "m".to_owned()), silent);
        events.iter().for_each(|event| leg.event(event.clone(), out));
    }

    fn usage(tokens: u64) -> Event<'static> {
        let (input_tokens, output_tokens, total_tokens) = (tokens, 1, tokens.saturating_add(1));
        Event::Usage(Usage { input_tokens, output_tokens, total_tokens, ..Usage::default() })
    }

    fn call<'a>(index: u32, id: &'a str) -> Event<'a> {
        Event::Tool(ToolDelta { index, id, name: Some("f"), arguments: "{}", kind: ToolKind::Function })
    }

    #[test]
    fn legs_are_one_answer_with_one_end_and_one_sum() {
        let (joint, mut out) = (joint(), Vec::new());
        let finish = Event::Finish { reason: Finish::Stop, raw: None };
        let long = Event::Warning("it is long");
        says(&joint, "judge", true, &[Event::Text("generate"), usage(1), finish.clone()], &mut out);
        assert_eq!((joint.borrow_mut().take_leg().answer.content.as_str(), out.len()), ("generate", 0));
        says(
            &joint,
            "a",
            false,
            &[long.clone(), Event::Text("one "), call(0, "x"), usage(10), finish.clone()],
            &mut out,
        );
        assert!(joint.borrow().spoke());
        joint.borrow_mut().take_leg();
        says(&joint, "b", false, &[long, call(0, "x"), call(1, "y"), Event::Text("two"), usage(100), finish], &mut out);
        let leg = joint.borrow_mut().take_leg().answer;
        assert_eq!(leg.tool_calls.iter().map(|call| call.id.as_str()).collect::<Vec<_>>(), ["x_2", "y"]);
        joint.borrow_mut().finish(Finish::Stop, None, &mut out);
        joint.borrow_mut().fail(&ChatError::new(ErrorKind::Internal, "late"), &mut out);
        let text = String::from_utf8(out.clone()).unwrap();
        assert_eq!((text.matches("event: done").count(), text.matches("event: error").count()), (1, 0));
        assert!(text.contains(r#""provider":"a""#) && text.contains(r#""provider":"b""#) && !text.contains("judge"));
        let all = fold(kept::READER, [out]);
        assert_eq!((all.answer.content.as_str(), all.answer.warnings.len()), ("one two", 1));
        let calls: Vec<_> = all.answer.tool_calls.iter().map(|call| call.id.as_str()).collect();
        assert_eq!(calls, ["x", "x_2", "y"]);
        assert_eq!(all.answer.usage.map(|usage| (usage.input_tokens, usage.output_tokens)), Some((111, 3)));
        let told = joint.borrow_mut().take_folded().unwrap();
        assert_eq!((told.answer.content, told.answer.usage), (all.answer.content, all.answer.usage));
    }

    #[test]
    fn what_an_attempt_said_that_failed_is_not_counted() {
        let (joint, mut out) = (joint(), Vec::new());
        let down = ChatError::new(ErrorKind::Overloaded, "down");
        says(&joint, "a", false, &[usage(5), Event::Error(&down)], &mut out);
        assert!(!joint.borrow().spoke());
        says(&joint, "a", false, &[Event::Text("a"), usage(7)], &mut out);
        assert_eq!(joint.borrow_mut().take_leg().error, None);
        joint.borrow_mut().fail(&down, &mut out);
        let all = fold(kept::READER, [out]);
        assert_eq!((all.error, all.answer.usage.map(|usage| usage.input_tokens)), (Some(down), Some(7)));
    }

    #[test]
    fn a_change_waits_for_something_to_say() {
        let (joint, mut out) = (joint(), Vec::new());
        joint.borrow_mut().note(Map::from_iter([("mode".to_owned(), "poem".into())]));
        let step = |action: &str| Step { index: 1, action: action.to_owned(), stage: Stage::Started };
        joint.borrow_mut().step(step("a"), &mut out);
        says(&joint, "a", false, &[Event::Start { model: "m" }], &mut out);
        assert!(out.is_empty());
        says(&joint, "a", false, &[Event::Text("Roses")], &mut out);
        let all = fold(kept::READER, [out.clone()]);
        assert_eq!((all.answer.state["mode"].as_str(), all.answer.content.as_str()), (Some("poem"), "Roses"));
        joint.borrow_mut().step(step("b"), &mut out);
        let text = String::from_utf8(out).unwrap();
        let events: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
        assert_eq!(events, ["step", "chunk", "chunk", "step"], "{text}");
        assert_eq!(joint.borrow().answerer(), &("a".to_owned(), "m".to_owned()));
    }

    #[test]
    fn sources_are_told_behind_the_text_that_cites_them() {
        let (joint, mut out) = (joint(), Vec::new());
        joint.borrow_mut().cite(vec![Citation { url: "https://a".to_owned(), ..Citation::default() }]);
        says(&joint, "a", false, &[Event::Text("See ["), Event::Text("1]!"), Event::Text("[1]")], &mut out);
        let all = fold(kept::READER, [out]);
        let [citation] = all.answer.citations.as_slice() else { panic!("{:?}", all.answer.citations) };
        assert_eq!((citation.number, citation.start_index, citation.end_index), (Some(1), Some(4), Some(7)));
    }
}
