//! A run of several answers, as an assistant produces it: its legs, and what is told between them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use serde_json::{Map, Value};

use super::Run;
use crate::assistants::OURSELVES;
use crate::dialects::{Encode, ReplyOptions};
use crate::models::{ChatError, ChatRequest, Citation, Event, Finish, Step};
use crate::relay::{Folded, Joint, Leg};

/// Where a run of several answers stands.
#[derive(Default)]
pub struct Legs {
    /// How many were begun.
    pub begun: Cell<u32>,
    /// The client is not to see this one.
    pub silent: Cell<bool>,
    /// When this one did, on the run's clock.
    pub began_at: Cell<u64>,
    /// Bytes of those that are over.
    pub bytes: Cell<u64>,
}

impl Run {
    /// A run that an assistant produces, out of several answers: until a model answers, the assistant itself does.
    pub fn joined(self, assistant: &str) -> Self {
        let reply = ReplyOptions {
            run_id: self.id.clone(),
            provider: OURSELVES.to_owned(),
            model: assistant.to_owned(),
            stream: self.ask.stream,
            created: self.ask.arrived_ms / 1000,
            given: self.ask.given,
            ..ReplyOptions::default()
        };
        let encoder = self.ask.dialect.encoder(reply, &self.chat());
        let joint = Joint::new(encoder, self.ask.kept);
        Run { joint: Some(Rc::new(RefCell::new(joint))), ..self }
    }

    /// The next of several answers begins.
    pub fn begin_leg(&self, chat: ChatRequest, targets: usize, silent: bool) {
        self.chat.replace(chat);
        self.unmended.replace(None);
        self.relay.replace(None);
        self.targets.set(targets);
        self.leg.silent.set(silent);
        self.leg.began_at.set(self.elapsed_ms());
        self.leg.begun.set(self.leg.begun.get().saturating_add(1));
    }

    /// What the answer that is over said, where it is one of several.
    pub fn take_leg(&self) -> Folded {
        let leg = self.joint.as_ref().map(|joint| joint.borrow_mut().take_leg()).unwrap_or_default();
        self.leg.bytes.set(self.leg.bytes.get().saturating_add(leg.answer.size() as u64));
        leg
    }

    /// What was said before by other answers of the same run.
    pub fn said_bytes(&self) -> u64 {
        self.leg.bytes.get()
    }

    /// A name for the answer under way: calls without an id are told apart by it.
    pub fn leg_id(&self) -> String {
        match self.leg.begun.get() {
            0 | 1 => self.id.clone(),
            number => format!("{}_{number}", self.id),
        }
    }

    /// What writes an attempt's answer for the client.
    pub fn encoder(&self, reply: ReplyOptions) -> Box<dyn Encode> {
        match &self.joint {
            Some(joint) => Box::new(Leg::new(joint.clone(), (reply.provider, reply.model), self.leg.silent.get())),
            None => self.ask.dialect.encoder(reply, &self.chat()),
        }
    }

    /// Whether it is one of several answers.
    pub fn is_joint(&self) -> bool {
        self.joint.is_some()
    }

    /// Tells something that no model says.
    pub fn say(&self, event: Event<'_>) {
        self.tell_joint(|joint, out| joint.tell(event, out));
    }

    /// Tells a step, with what is told next if nothing was told before.
    pub fn step(&self, step: Step) {
        self.tell_joint(|joint, out| joint.step(step, out));
    }

    /// Tells what changed in the state, with what is told next.
    pub fn note_state(&self, changed: Map<String, Value>) {
        self.tell_joint(|joint, _| joint.note(changed));
    }

    /// Who said what was told last, where that is not who was asked.
    pub fn last_answerer(&self) -> Option<(String, String)> {
        let answerer = self.joint.as_ref().map(|joint| joint.borrow().answerer().clone());
        answerer.filter(|(provider, _)| !provider.is_empty())
    }

    /// Who says what follows.
    pub fn answerer(&self, provider: &str, model: &str) {
        self.tell_joint(|joint, _| joint.answers(provider, model));
    }

    /// What the answers to come may cite by number.
    pub fn cite(&self, sources: Vec<Citation>) {
        self.tell_joint(|joint, _| joint.cite(sources));
    }

    /// The last of several answers is over, and with it the run.
    pub fn end(&self, end: Result<(Finish, Option<String>), &ChatError>) {
        self.tell_joint(|joint, out| match end {
            Ok((reason, raw)) => joint.finish(reason, raw.as_deref(), out),
            Err(error) => joint.fail(error, out),
        });
        self.commit();
        self.outlet.close();
    }

    fn tell_joint(&self, tell: impl FnOnce(&mut Joint, &mut Vec<u8>)) {
        let Some(joint) = &self.joint else { return };
        let mut out = Vec::new();
        tell(&mut joint.borrow_mut(), &mut out);
        if !out.is_empty() {
            self.commit();
            self.at.output.set(self.elapsed_ms());
            self.outlet.write(&out);
        }
    }
}
