//! One run: attempts up to the commit point, then one stream to its ending.
//!
//! **Invariant:** the client hears of a run exactly once: either as an HTTP error before its first
//! byte, or as a stream with a typed ending. The commit point between the two is passed with the
//! first bytes for the client, and no attempt at that answer is made behind it.

mod bill;
mod cached;
mod door;
mod legs;
mod watch;

use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;

use super::plan::Plan;
use super::{Ask, House};
use crate::costs::Charge;
use crate::dialects::ReplyOptions;
use crate::guard::Output;
use crate::models::{ChatError, ChatRequest, ErrorKind, Event, Finish, Usage};
use crate::platform::{Abort, Flow, Outlet, Settings};
use crate::relay::{End, Folded, Joint, Relay};

pub use cached::Cached;
pub use watch::STALLED_CLIENT_MS;

/// The state of a run, shared by its driver, its watch, its pump and the listener for a lost client.
pub struct Run {
    id: String,
    ask: Ask,
    chat: RefCell<ChatRequest>,
    /// The request as it came, once it was mended for one provider.
    unmended: RefCell<Option<ChatRequest>>,
    settings: Settings,
    output: Option<Rc<Output>>,
    /// What the cache had to say.
    cache: Cell<Option<Cached>>,
    targets: Cell<usize>,
    outlet: Rc<dyn Outlet>,
    relay: RefCell<Option<Relay>>,
    /// What several answers are told as, where an assistant produces the run.
    joint: Option<Rc<RefCell<Joint>>>,
    leg: legs::Legs,
    upstream: RefCell<Option<Abort>>,
    tell: RefCell<Option<Tell>>,
    in_flight: Cell<bool>,
    committed: Cell<bool>,
    lost: Cell<bool>,
    door: door::Door,
    /// The first token came.
    spoke: Cell<bool>,
    thinks_first: Cell<bool>,
    /// The provider was asked in the client's own words.
    native: Cell<bool>,
    /// Provider and model that were asked last, and the provider's id for that.
    asked: RefCell<(String, String, Option<String>)>,
    frames: Cell<u64>,
    /// The provider declined the attempt under way: it answered with an error, or could not be reached.
    declined: Cell<bool>,
    /// What the attempt under way used is still to be noted.
    is_open: Cell<bool>,
    /// What each attempt used.
    charges: RefCell<Vec<Charge>>,
    at: Moments,
}

/// Hears whether the client is to be answered with a stream or with an error.
pub type Tell = Box<dyn FnOnce(Result<(), ChatError>)>;

/// Milliseconds on the run's clock.
#[derive(Default)]
struct Moments {
    /// The provider was asked.
    asked: Cell<u64>,
    /// The provider sent a frame.
    frame: Cell<u64>,
    /// The provider sent anything, be it a comment.
    bytes: Cell<u64>,
    /// The client was sent something.
    output: Cell<u64>,
    /// The client had room for more.
    room: Cell<u64>,
    /// The answer was complete.
    finished: Cell<Option<u64>>,
}

impl Run {
    /// A run that is still to be driven.
    pub fn new(
        id: String,
        chat: ChatRequest,
        ask: Ask,
        house: &House,
        targets: usize,
        (outlet, tell): (Rc<dyn Outlet>, Tell),
    ) -> Self {
        Run {
            id,
            chat: RefCell::new(chat),
            unmended: RefCell::new(None),
            // The session's object has tried what there was to try.
            settings: match ask.session {
                Some(_) => house.settings.without_retries(),
                None => house.settings.clone(),
            },
            output: house.guard.output.clone(),
            cache: Cell::new(None),
            ask,
            targets: Cell::new(targets),
            outlet,
            relay: RefCell::new(None),
            joint: None,
            leg: legs::Legs::default(),
            upstream: RefCell::new(None),
            tell: RefCell::new(Some(tell)),
            in_flight: Cell::new(false),
            committed: Cell::new(false),
            lost: Cell::new(false),
            door: door::Door::default(),
            spoke: Cell::new(false),
            thinks_first: Cell::new(false),
            native: Cell::new(false),
            asked: RefCell::default(),
            frames: Cell::new(0),
            declined: Cell::new(false),
            is_open: Cell::new(false),
            charges: RefCell::default(),
            at: Moments::default(),
        }
    }

    /// The run's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where it came from.
    pub fn ask(&self) -> &Ask {
        &self.ask
    }

    /// The request, with what was mended in it.
    pub fn chat(&self) -> Ref<'_, ChatRequest> {
        self.chat.borrow()
    }

    /// Where its frames go.
    pub fn outlet(&self) -> &Rc<dyn Outlet> {
        &self.outlet
    }

    /// Whether a provider is being asked just now, and not waited for between two attempts.
    pub fn is_in_flight(&self) -> bool {
        self.in_flight.get()
    }

    /// The provider and model that were asked last.
    pub fn asked(&self) -> (String, String) {
        let (provider, model, _) = &*self.asked.borrow();
        (provider.clone(), model.clone())
    }

    /// The operator's settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Milliseconds since the request's arrival.
    pub fn elapsed_ms(&self) -> u64 {
        self.ask.clock.elapsed_ms()
    }

    /// Milliseconds since it was first asked for this answer, of which there may be several.
    pub fn asking_ms(&self) -> u64 {
        self.elapsed_ms().saturating_sub(self.leg.began_at.get())
    }

    /// Whether it is too late to ask anybody else.
    pub fn is_past_deadline(&self) -> bool {
        self.asking_ms() >= self.settings.retry.deadline_ms
    }

    /// What answers must not have.
    pub fn output(&self) -> Option<Rc<Output>> {
        self.output.clone()
    }

    /// Something that is no answer is waited for, or is not any more.
    pub fn waits(&self, waits: bool) {
        self.in_flight.set(waits);
    }

    /// Nobody takes its frames any more.
    pub fn lose(&self) {
        self.lost.set(true);
    }

    /// Whether that is so.
    pub fn is_lost(&self) -> bool {
        self.lost.get()
    }

    /// Whether there was more than one target to choose from.
    pub fn has_choice(&self) -> bool {
        self.targets.get() > 1
    }

    /// Mends the request for a provider that rejects something of it; but not the client's own words.
    pub fn amend(&self, plan: &Plan, error: &ChatError) -> bool {
        if self.native.get() {
            return false;
        }
        let mut chat = self.chat.borrow_mut();
        let before = self.has_choice().then(|| chat.clone());
        let mended = plan.dialect.amend(&mut chat, error);
        if mended {
            self.unmended.replace(before);
        }
        mended
    }

    /// The request as it came, for another provider.
    pub fn restore(&self) {
        if let Some(chat) = self.unmended.take() {
            self.chat.replace(chat);
        }
    }

    /// The failure that this attempt's answer ended with, in the client's stream.
    pub fn failure(&self) -> Option<ChatError> {
        match self.with(|relay| relay.end().cloned()).flatten() {
            Some(End::Failed(error)) => Some(error),
            _ => None,
        }
    }

    /// An attempt is over: for the trail.
    pub fn note(&self, plan: &Plan, outcome: &Result<(), ChatError>, started: u64) {
        self.in_flight.set(false);
        if let Err(error) = outcome {
            self.ask.trail.borrow_mut().failed(&plan.name, error, self.elapsed_ms().saturating_sub(started));
        }
    }

    /// The provider answered; what its answer is worth remains to be seen.
    pub fn answered(&self, provider_request_id: Option<String>) {
        self.ask.trail.borrow_mut().headers(self.elapsed_ms().saturating_sub(self.at.asked.get()));
        self.with(|relay| relay.identify(provider_request_id.clone()));
        self.asked.borrow_mut().2 = provider_request_id;
    }

    /// An attempt begins.
    pub fn begin(&self, plan: &Plan, relay: Relay, upstream: Abort, native: bool) {
        let thinking = self.chat.borrow().thinking.map(|thinking| thinking.enabled);
        self.native.set(native);
        // A whole answer comes behind a silence as long as the answer takes.
        let whole = native && !self.ask.stream;
        self.thinks_first.set(whole || plan.target.quirks.thinks(&plan.target.model, thinking));
        self.asked.replace((plan.target.provider.clone(), plan.target.model.clone(), None));
        self.relay.replace(Some(relay));
        self.upstream.replace(Some(upstream));
        self.frames.set(0);
        self.declined.set(false);
        self.is_open.set(true);
        let now = self.elapsed_ms();
        self.ask.trail.borrow_mut().asks(now);
        self.at.asked.set(now);
        self.at.frame.set(now);
        self.at.bytes.set(now);
        self.at.finished.set(None);
        self.in_flight.set(true);
    }

    /// Whether the client has been answered.
    pub fn is_committed(&self) -> bool {
        self.committed.get()
    }

    /// How this attempt's body is divided.
    pub fn frame_as(&self, framing: crate::framing::Framing) {
        self.with(|relay| relay.frame_as(framing));
    }

    /// Takes one network chunk; what the client gets is in `out` afterwards.
    pub fn take(&self, bytes: &[u8], out: &mut Vec<u8>) -> Flow {
        let mut guard = self.relay.borrow_mut();
        let Some(relay) = guard.as_mut() else { return Flow::Stop };
        if relay.end().is_some() {
            // The provider says more than it has to; nobody listens.
            return Flow::Go;
        }
        relay.push(bytes, out);
        let now = self.elapsed_ms();
        self.at.bytes.set(now);
        if self.frames.replace(relay.frames()) != relay.frames() {
            self.at.frame.set(now);
        }
        if !out.is_empty() {
            self.at.output.set(now);
        }
        if relay.began() && !self.spoke.replace(true) {
            self.ask.trail.borrow_mut().first_token(now);
        }
        match relay.end() {
            None if out.is_empty() => Flow::Go,
            None => {
                self.commit();
                Flow::Go
            }
            Some(End::Finished(_)) => {
                self.at.finished.set(Some(now));
                if relay.is_withheld() {
                    self.commit();
                    return Flow::Stop;
                }
                match self.is_joint() {
                    // Others may follow; and one that nobody sees is no answer to the client.
                    true if out.is_empty() => Flow::Go,
                    true => {
                        self.commit();
                        Flow::Go
                    }
                    false => {
                        self.commit();
                        Flow::Close
                    }
                }
            }
            Some(End::Failed(_)) => {
                if self.is_hidden(relay) {
                    out.clear();
                } else if !out.is_empty() || !self.is_joint() {
                    self.commit();
                }
                Flow::Stop
            }
        }
    }

    /// The attempt is over. Gives the error that the client is still to hear of, or none where the
    /// stream has its ending.
    pub fn conclude(&self, error: Option<ChatError>) -> Result<(), ChatError> {
        let mut out = Vec::new();
        let end = self.with(|relay| {
            match error {
                _ if relay.end().is_some() => {}
                Some(error) => relay.fail(error, &mut out),
                None => relay.finish(&mut out),
            }
            (relay.end().cloned(), self.is_hidden(relay))
        });
        match end {
            Some((Some(End::Failed(error)), true)) => Err(error),
            // Whether others follow, and how a failure is told, is not for this one to say.
            _ if self.is_joint() => {
                if !out.is_empty() {
                    self.commit();
                    self.outlet.write(&out);
                }
                Ok(())
            }
            _ => {
                self.commit();
                self.outlet.write(&out);
                self.outlet.close();
                Ok(())
            }
        }
    }

    /// Whether a failure now is one that the client hears of by a status. What came before a failure
    /// is not lost with it: where there is text, that is sent, and the failure behind it.
    fn is_hidden(&self, relay: &Relay) -> bool {
        match &self.joint {
            Some(joint) => !joint.borrow().spoke(),
            None => !(self.committed.get() || (relay.said() && self.ask.stream)),
        }
    }

    /// Whether the provider has begun to answer.
    pub fn began(&self) -> bool {
        self.with(|relay| relay.began()).unwrap_or(false)
    }

    /// Passes the commit point.
    pub fn commit(&self) {
        if self.committed.replace(true) {
            return;
        }
        if !self.ask.preface.is_empty() {
            self.outlet.write(&self.ask.preface);
        }
        let ms = self.elapsed_ms().saturating_sub(self.at.asked.get());
        let (provider, model, _) = &*self.asked.borrow();
        if provider.is_empty() {
            return self.tell(Ok(()));
        }
        let is_named = model.strip_prefix(provider.as_str()).is_some_and(|rest| rest.starts_with('/'));
        let name = if is_named { model.clone() } else { format!("{provider}/{model}") };
        self.ask.trail.borrow_mut().answers(&name, ms);
        self.tell(Ok(()));
    }

    /// Gives the client's handler its verdict, once.
    pub fn tell(&self, verdict: Result<(), ChatError>) {
        if let Some(tell) = self.tell.borrow_mut().take() {
            tell(verdict);
        }
    }

    /// All that was told, where that is kept beside it; once.
    pub fn take_folded(&self) -> Option<Folded> {
        match &self.joint {
            Some(joint) => joint.borrow_mut().take_folded(),
            None => self.with(Relay::take_folded).flatten(),
        }
    }

    /// A sign of life, in a long silence.
    pub fn heartbeat(&self) {
        let mut out = Vec::new();
        match &self.joint {
            Some(joint) => joint.borrow_mut().heartbeat(&mut out),
            None => drop(self.with(|relay| relay.heartbeat(&mut out))),
        }
        self.at.output.set(self.elapsed_ms());
        self.outlet.beat(&out);
    }

    /// The client left: the upstream is aborted at once.
    pub fn leave(&self) {
        self.abort_upstream();
        self.outlet.abort();
        self.tell(Err(gone()));
    }

    /// The caller stops the run: what came stays, the finish is `cancelled`, and usage is settled. Whoever drives
    /// the run has to let go of it then.
    pub fn stop(&self) {
        self.abort_upstream();
        let mut out = Vec::new();
        let was_open = self.with(|relay| relay.end().is_none().then(|| relay.cancel(&mut out))).flatten().is_some();
        if let Some(joint) = &self.joint {
            let mut joint = joint.borrow_mut();
            joint.take_leg();
            joint.finish(Finish::Cancelled, None, &mut out);
        } else if !was_open {
            // Between two attempts, or before the first: nothing was given yet.
            self.end_unbegun(&mut out);
        }
        self.commit();
        self.outlet.write(&out);
        self.outlet.close();
    }

    fn end_unbegun(&self, out: &mut Vec<u8>) {
        // What an attempt that failed had to say was for nobody.
        self.relay.replace(None);
        let (provider, model) = self.asked();
        let reply = ReplyOptions { run_id: self.id.clone(), provider, model, stream: true, ..ReplyOptions::default() };
        let chat = self.chat();
        let mut encoder = self.ask.dialect.encoder(reply, &chat);
        encoder.event(Event::Usage(Usage::estimate(chat.text_bytes(), 0)), out);
        encoder.event(Event::Finish { reason: Finish::Cancelled, raw: None }, out);
    }

    fn abort_upstream(&self) {
        if let Some(upstream) = self.upstream.borrow().as_ref() {
            upstream.abort();
        }
    }

    fn with<R>(&self, work: impl FnOnce(&mut Relay) -> R) -> Option<R> {
        self.relay.borrow_mut().as_mut().map(work)
    }
}

/// A client that did not wait.
pub fn gone() -> ChatError {
    ChatError::new(ErrorKind::Cancelled, "the client left")
}
