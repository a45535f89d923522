//! One run: attempts up to the commit point, then one stream to its ending.
//!
//! **Invariant:** the client hears of a run exactly once: either as an HTTP error before its first
//! byte, or as a stream with a typed ending. The commit point between the two is passed with the
//! first bytes for the client, and no attempt is made behind it.

use std::cell::{Cell, Ref, RefCell};
use std::pin::pin;
use std::rc::Rc;

use futures_channel::oneshot;
use futures_util::future::{AbortHandle, Abortable, Either, select};
use serde_json::json;

use super::attempt::{Plan, attempt, dialect};
use super::{Ask, House};
use crate::models::{ChatError, ChatRequest, ErrorKind};
use crate::platform::{Abort, Flow, OnAbort, Pipe, Settings, Stopwatch, log, random, random_hex, sleep};
use crate::providers::retry::{IDLE_TIMEOUT, spent};
use crate::relay::{End, Pace, Relay};

/// A client that takes nothing for so long is gone, or as good as gone.
const STALLED_CLIENT_MS: u64 = 300_000;

/// After its last frame a provider gets this long to end its body properly, which keeps the
/// connection for the next request. The client does not wait for it.
const GRACE_MS: u64 = 1_000;

/// The watch looks at least this often, so that it sees a run that has just finished.
const WATCH_MS: u64 = 1_000;

/// A run whose client can be answered.
pub struct Started {
    /// The run's id.
    pub run_id: String,
    /// What the client reads.
    pub body: web_sys::ReadableStream,
}

/// Starts a run, and waits until the client can be answered. The run itself goes on under the
/// context's `wait_until` while the client reads.
pub async fn start(
    chat: ChatRequest,
    ask: Ask,
    house: &House,
    context: &worker::Context,
) -> Result<Started, ChatError> {
    let plan = plan(&chat, &ask, house)?;
    let (tell, mut told) = oneshot::channel();
    let left = ask.left.clone();
    let run = Rc::new(Run::new(chat, ask, house.settings.clone(), &plan, tell)?);
    let (stop, stopped) = AbortHandle::new_pair();
    let leaver = Rc::downgrade(&run);
    let listener = OnAbort::new(left, move || {
        if let Some(run) = leaver.upgrade() {
            run.leave();
        }
        stop.abort();
    });
    let driven = run.clone();
    context.wait_until(async move {
        let attempts = Cell::new(0);
        let outcome = Abortable::new(drive(&driven, &plan, &attempts), stopped).await;
        driven.report(&plan, outcome.unwrap_or_else(|_| Err(gone())), attempts.get());
        // What was written last may still be on its way through a slow client.
        select(pin!(driven.pipe.flushed()), pin!(sleep(STALLED_CLIENT_MS))).await;
        drop(listener);
    });
    loop {
        // Silence is for clients of streams only: one object has no room for a sign of life.
        let patience = if run.ask.stream { run.settings.heartbeat_ms } else { u64::from(u32::MAX >> 1) };
        match select(&mut told, pin!(sleep(patience))).await {
            Either::Left((verdict, _)) => {
                verdict.unwrap_or_else(|_| Err(gone()))?;
                break;
            }
            Either::Right(_) if run.in_flight.get() => {
                run.commit();
                run.heartbeat();
                break;
            }
            // Between two attempts: the next one may still fail with a status.
            Either::Right(_) => {}
        }
    }
    Ok(Started { run_id: run.id.clone(), body: run.pipe.readable() })
}

fn gone() -> ChatError {
    ChatError::new(ErrorKind::Cancelled, "the client left")
}

fn plan(chat: &ChatRequest, ask: &Ask, house: &House) -> Result<Plan, ChatError> {
    let (provider, model) = house.catalogue.resolve(chat.provider.as_deref(), chat.model.as_deref())?;
    let target = provider.target(model, ask.caller_key.clone(), &ask.trace, &|name| house.env.var(name))?;
    Ok(Plan {
        target,
        dialect: dialect(&provider.dialect)?,
        embedded: provider.embedded,
        binding: provider.binding.as_deref().and_then(|name| house.env.binding(name)),
        refused_key: provider.refused_key(ask.caller_key.is_some()),
    })
}

/// Attempts, until one concludes the run or none is left.
async fn drive(run: &Rc<Run>, plan: &Plan, made: &Cell<u32>) -> Result<(), ChatError> {
    let mut amended = false;
    loop {
        made.set(made.get().saturating_add(1));
        let Err(error) = attempt(run, plan).await else { return Ok(()) };
        run.in_flight.set(false);
        if !amended && plan.dialect.amend(&mut run.chat.borrow_mut(), &error) {
            amended = true;
            continue;
        }
        let delay = run.settings.retry.delay(made.get(), &error, random(), run.clock.elapsed_ms());
        let error = match delay {
            // An answer that had begun is not asked for, and paid for, a second time.
            _ if run.began() => error,
            Some(delay) => {
                sleep(delay).await;
                continue;
            }
            None => spent(error),
        };
        run.tell(Err(error.clone()));
        return Err(error);
    }
}

/// The state of a run, shared by its driver, its watch, its pump and the listener for a lost client.
pub struct Run {
    id: String,
    ask: Ask,
    chat: RefCell<ChatRequest>,
    settings: Settings,
    clock: Stopwatch,
    pipe: Rc<Pipe>,
    relay: RefCell<Option<Relay>>,
    upstream: RefCell<Option<Abort>>,
    tell: RefCell<Option<oneshot::Sender<Result<(), ChatError>>>>,
    in_flight: Cell<bool>,
    committed: Cell<bool>,
    thinks_first: bool,
    frames: Cell<u64>,
    at: Moments,
}

/// Milliseconds on the run's clock.
#[derive(Default)]
struct Moments {
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
    fn new(
        chat: ChatRequest,
        ask: Ask,
        settings: Settings,
        plan: &Plan,
        tell: oneshot::Sender<Result<(), ChatError>>,
    ) -> Result<Self, ChatError> {
        let asked = chat.thinking.map(|thinking| thinking.enabled);
        Ok(Run {
            // 80 random bits: ids do not collide, however many streams start in one millisecond.
            id: format!("r_{}", random_hex(20)),
            thinks_first: plan.target.quirks.thinks(&plan.target.model, asked),
            chat: RefCell::new(chat),
            ask,
            settings,
            clock: Stopwatch::start(),
            pipe: Rc::new(Pipe::new()?),
            relay: RefCell::new(None),
            upstream: RefCell::new(None),
            tell: RefCell::new(Some(tell)),
            in_flight: Cell::new(false),
            committed: Cell::new(false),
            frames: Cell::new(0),
            at: Moments::default(),
        })
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

    /// The way to the client.
    pub fn pipe(&self) -> &Rc<Pipe> {
        &self.pipe
    }

    /// An attempt begins.
    pub fn begin(&self, relay: Relay, upstream: Abort) {
        self.relay.replace(Some(relay));
        self.upstream.replace(Some(upstream));
        self.frames.set(0);
        let now = self.clock.elapsed_ms();
        self.at.frame.set(now);
        self.at.bytes.set(now);
        self.in_flight.set(true);
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
        let now = self.clock.elapsed_ms();
        self.at.bytes.set(now);
        if self.frames.replace(relay.frames()) != relay.frames() {
            self.at.frame.set(now);
        }
        if !out.is_empty() {
            self.at.output.set(now);
        }
        match relay.end() {
            None if out.is_empty() => Flow::Go,
            None => {
                self.commit();
                Flow::Go
            }
            Some(End::Finished(_)) => {
                self.at.finished.set(Some(now));
                self.commit();
                Flow::Close
            }
            Some(End::Failed(_)) => {
                if self.is_hidden(relay) {
                    out.clear();
                } else {
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
            _ => {
                self.commit();
                self.pipe.write(&out);
                self.pipe.close();
                Ok(())
            }
        }
    }

    /// Whether a failure now is one that the client hears of by a status. What came before a failure
    /// is not lost with it: where there is text, that is sent, and the failure behind it.
    fn is_hidden(&self, relay: &Relay) -> bool {
        !(self.committed.get() || (relay.began() && self.ask.stream))
    }

    /// Watches the clock: heartbeats while all is well. Ends with an error when the provider was
    /// silent for too long, and with nothing when a finished provider does not end its body.
    pub async fn watch(&self) -> Option<ChatError> {
        loop {
            let now = self.clock.elapsed_ms();
            if self.at.finished.get().is_some_and(|at| now >= at.saturating_add(GRACE_MS)) {
                return None;
            }
            if self.pipe.has_room() {
                self.at.room.set(now);
            } else {
                // It is the client who holds things up; the provider is not to blame.
                self.at.frame.set(now);
                self.at.bytes.set(now);
                if now >= self.at.room.get().saturating_add(STALLED_CLIENT_MS) {
                    return Some(gone());
                }
            }
            let silent_until = self.at.frame.get().saturating_add(self.patience(now));
            if now >= silent_until {
                return Some(too_silent());
            }
            let mut next = silent_until.saturating_sub(now).min(WATCH_MS).min(self.settings.heartbeat_ms);
            if self.committed.get() && self.pipe.has_room() {
                let beat = self.at.output.get().saturating_add(self.settings.heartbeat_ms);
                if now >= beat {
                    self.heartbeat();
                    continue;
                }
                next = next.min(beat.saturating_sub(now));
            }
            sleep(next.max(1)).await;
        }
    }

    /// How long the provider may send no frame: longer while it thinks, and while it says by
    /// comments that it is still there.
    fn patience(&self, now: u64) -> u64 {
        let Settings { idle_ms, thinking_ms, .. } = self.settings;
        let pace = self.with(|relay| relay.pace()).unwrap_or(Pace::Answering);
        let thinks = pace == Pace::Thinking || (self.thinks_first && !self.began());
        let hums = self.at.bytes.get() > self.at.frame.get() && now < self.at.bytes.get().saturating_add(idle_ms);
        if thinks || hums { thinking_ms.max(idle_ms) } else { idle_ms }
    }

    fn began(&self) -> bool {
        self.with(|relay| relay.began()).unwrap_or(false)
    }

    /// Passes the commit point.
    fn commit(&self) {
        if !self.committed.replace(true) {
            self.tell(Ok(()));
        }
    }

    fn tell(&self, verdict: Result<(), ChatError>) {
        if let Some(tell) = self.tell.borrow_mut().take() {
            // Nobody hears it only when the client is gone.
            let _ = tell.send(verdict);
        }
    }

    fn heartbeat(&self) {
        let mut out = Vec::new();
        self.with(|relay| relay.heartbeat(&mut out));
        self.at.output.set(self.clock.elapsed_ms());
        self.pipe.write(&out);
    }

    /// The client left: the upstream is aborted at once.
    fn leave(&self) {
        if let Some(upstream) = self.upstream.borrow().as_ref() {
            upstream.abort();
        }
        self.pipe.abort();
        self.tell(Err(gone()));
    }

    fn with<R>(&self, work: impl FnOnce(&mut Relay) -> R) -> Option<R> {
        self.relay.borrow_mut().as_mut().map(work)
    }

    fn report(&self, plan: &Plan, outcome: Result<(), ChatError>, attempts: u32) {
        let end = self.with(|relay| relay.end().cloned()).flatten();
        let end = match (&outcome, &end) {
            (Err(error), _) | (_, Some(End::Failed(error))) => error.kind.as_str().to_owned(),
            (_, Some(End::Finished(finish))) => finish.as_str().to_owned(),
            (_, None) => "none".to_owned(),
        };
        log(&json!({
            "event": "run", "run_id": self.id, "request_id": self.ask.trace.request_id, "provider": plan.target.provider,
            "model": plan.target.model, "end": end, "attempts": attempts, "ms": self.clock.elapsed_ms(),
        }));
        // An abandoned run leaves neither an upstream request nor an open stream.
        if outcome.is_err() {
            self.leave();
        }
    }
}

fn too_silent() -> ChatError {
    let mut error = ChatError::new(ErrorKind::Timeout, "the provider was silent for too long");
    error.code = Some(IDLE_TIMEOUT.to_owned());
    error
}
