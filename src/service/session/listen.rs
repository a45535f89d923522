//! Whoever listens to a run: from any frame on, from the log and then live, at its own pace.

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::rc::Rc;

use futures_channel::oneshot;
use futures_util::future::{Either, select};
use js_sys::Promise;

use super::{Going, Hall};
use crate::models::{ChatError, ErrorKind, OnDisconnect};
use crate::platform::{OnAbort, Outlet, Pipe, Taken, settled, sleep};
use crate::service::run::STALLED_CLIENT_MS;
use crate::session::{Cursor, Ear, Row, RunRecord, SessionRecord, Status};

/// What is read from the log at once, for one that catches up: as much as may wait for a client.
const CATCH_UP: usize = 64 * 1024;

/// One who listens to one run.
pub struct Listener {
    run: String,
    outlet: Rc<dyn Outlet>,
    ear: Cell<Ear>,
    /// It has all that is kept, and takes rows as they come.
    in_step: Cell<bool>,
    /// It is to hear no more: because it listens to something else, or because it left.
    ended: Cell<Option<Heard>>,
    wake: RefCell<Option<oneshot::Sender<Call>>>,
}

/// Why one who is in step has to look up.
enum Call {
    /// It has to read what it was given, and to catch up then.
    Behind(Promise),
    /// The run is over.
    Over,
    /// It left.
    Gone,
    /// It listens to something else from now on.
    Dismissed,
}

/// How listening ended.
#[derive(Clone, Copy, PartialEq)]
enum Heard {
    All,
    Left,
    Dismissed,
}

/// What a caller can listen to.
#[derive(Debug, PartialEq)]
pub struct Listening {
    /// The run.
    pub run: String,
    /// The last frame that it has.
    pub frame: u64,
}

impl Hall {
    /// What follows a cursor, or the latest run where there is none. Nothing if nothing follows.
    pub fn what_follows(&self, record: &SessionRecord, cursor: Option<Cursor>) -> Result<Option<Listening>, ChatError> {
        let newest = || self.live().map(|going| going.id.clone()).or_else(|| record.head.clone());
        let Some(Cursor { run, frame }) = cursor else {
            let Some(run) = newest() else { return Ok(None) };
            return self.whole_log(&run).map(|()| Some(Listening { run, frame: 0 }));
        };
        if let Some(going) = self.going(&run) {
            // What is beyond the end was never given to anybody.
            let frame = frame.min(going.log.borrow().last());
            return Ok(Some(Listening { run, frame }));
        }
        let Some(known) = self.store.run(&run)? else {
            return Err(ChatError::invalid(
                "last_event_id",
                "last_event_id names a run that this session does not have",
            ));
        };
        if frame < known.last {
            return self.kept(&known).map(|()| Some(Listening { run, frame }));
        }
        if known.status == Status::Interrupted && frame > known.last {
            // Said once more: what it stands behind is not what this caller had.
            return self.kept(&known).map(|()| Some(Listening { run, frame: known.last.saturating_sub(1) }));
        }
        let next = self.run_behind(record, &run)?.or_else(|| self.live().map(|going| going.id.clone()));
        match next {
            Some(next) => self.whole_log(&next).map(|()| Some(Listening { run: next, frame: 0 })),
            None => Ok(None),
        }
    }

    /// The run that follows another one in the conversation as it is now.
    fn run_behind(&self, record: &SessionRecord, run: &str) -> Result<Option<String>, ChatError> {
        let chain = crate::session::chain(record.head.as_deref(), &self.store.parents()?);
        let at = chain.iter().position(|id| id == run);
        // A run that was left aside is followed by what was asked instead.
        Ok(match at {
            Some(at) => chain.get(at.saturating_add(1)).cloned(),
            None => chain.last().cloned(),
        })
    }

    /// Whether all frames of a run can be given.
    pub(super) fn whole_log(&self, run: &str) -> Result<(), ChatError> {
        if self.going(run).is_some() {
            return Ok(());
        }
        match self.store.run(run)? {
            Some(known) => self.kept(&known),
            None => Ok(()),
        }
    }

    fn kept(&self, run: &RunRecord) -> Result<(), ChatError> {
        if !run.reaped {
            return Ok(());
        }
        let words = "the events of this run are not kept any more: its messages are";
        Err(ChatError { param: Some("last_event_id".to_owned()), ..ChatError::new(ErrorKind::NotFound, words) })
    }

    /// A stream for one client, from a frame of a run on.
    pub fn stream(
        self: &Rc<Self>,
        from: &Listening,
        left: web_sys::AbortSignal,
    ) -> Result<web_sys::ReadableStream, ChatError> {
        let pipe = Rc::new(Pipe::new()?);
        let body = pipe.readable();
        let listener = self.admit(from, pipe.clone());
        let leaver = Rc::downgrade(&listener);
        let on_leave = OnAbort::new(left, move || {
            if let Some(listener) = leaver.upgrade() {
                listener.call(Call::Gone);
            }
        });
        let hall = self.clone();
        self.home.wait_until(async move {
            hall.serve(&listener).await;
            select(pin!(pipe.flushed()), pin!(sleep(STALLED_CLIENT_MS))).await;
            drop(on_leave);
        });
        Ok(body)
    }

    /// The frames of a run to an outlet of any kind, until the run is over.
    pub(super) fn send_to(self: &Rc<Self>, from: &Listening, outlet: Rc<dyn Outlet>) {
        let listener = self.admit(from, outlet);
        let hall = self.clone();
        self.home.wait_until(async move { hall.serve(&listener).await });
    }

    fn admit(&self, from: &Listening, outlet: Rc<dyn Outlet>) -> Rc<Listener> {
        let listener = Rc::new(Listener {
            run: from.run.clone(),
            outlet,
            ear: Cell::new(Ear { frame: from.frame }),
            in_step: Cell::new(false),
            ended: Cell::new(None),
            wake: RefCell::new(None),
        });
        self.listeners.borrow_mut().push(listener.clone());
        listener
    }

    async fn serve(self: &Rc<Self>, listener: &Rc<Listener>) {
        let outcome = self.tell_all(listener).await;
        self.listeners.borrow_mut().retain(|other| !Rc::ptr_eq(other, listener));
        match outcome {
            Ok(Heard::All) => listener.outlet.close(),
            Ok(Heard::Dismissed) => {}
            Ok(Heard::Left) => {
                listener.outlet.abort();
                self.left(&listener.run);
            }
            // The log cannot be read: an end that is none is better than a wrong one.
            Err(_) => listener.outlet.abort(),
        }
    }

    /// Gives one all that there is, and will be, of its run.
    async fn tell_all(&self, listener: &Rc<Listener>) -> Result<Heard, ChatError> {
        loop {
            let caught_up = self.catch_up(listener).await?;
            if caught_up != Heard::All {
                return Ok(caught_up);
            }
            // Nothing is awaited from here on until it is in step: what is kept meanwhile would be missed.
            if self.going(&listener.run).is_none_or(|going| going.over.rung().is_some()) {
                return Ok(Heard::All);
            }
            let (wake, woken) = oneshot::channel();
            listener.wake.replace(Some(wake));
            listener.in_step.set(true);
            let call = woken.await;
            listener.in_step.set(false);
            match call {
                Ok(Call::Behind(promise)) => {
                    if !is_read(promise).await {
                        return Ok(Heard::Left);
                    }
                }
                Ok(Call::Over) => {}
                Ok(Call::Dismissed) => return Ok(Heard::Dismissed),
                Ok(Call::Gone) | Err(_) => return Ok(Heard::Left),
            }
        }
    }

    /// Gives what is kept behind its place.
    async fn catch_up(&self, listener: &Listener) -> Result<Heard, ChatError> {
        loop {
            if let Some(heard) = listener.ended.get() {
                return Ok(heard);
            }
            let rows = self.store.rows(&listener.run, listener.ear.get().frame, CATCH_UP)?;
            if rows.is_empty() {
                return Ok(Heard::All);
            }
            let mut ear = listener.ear.get();
            let bytes: Vec<u8> = rows.iter().filter_map(|row| ear.take(row)).flatten().copied().collect();
            listener.ear.set(ear);
            match listener.outlet.write(&bytes) {
                Taken::Room => {}
                Taken::Full(promise) => {
                    if !is_read(promise).await {
                        return Ok(Heard::Left);
                    }
                }
                Taken::Gone => return Ok(Heard::Left),
            }
        }
    }

    /// Gives a row to those who are in step.
    pub(super) fn hand_out(&self, run: &str, row: &Row) {
        let listeners = self.listeners.borrow();
        for listener in listeners.iter().filter(|listener| listener.in_step.get() && listener.run == run) {
            let mut ear = listener.ear.get();
            let taken = match ear.take(row) {
                Some(bytes) => {
                    listener.ear.set(ear);
                    listener.outlet.write(bytes)
                }
                // A row before it is missing: the log has it.
                None => Taken::Full(Promise::resolve(&wasm_bindgen::JsValue::UNDEFINED)),
            };
            match taken {
                Taken::Room => {}
                Taken::Full(promise) => listener.call(Call::Behind(promise)),
                Taken::Gone => listener.call(Call::Gone),
            }
        }
    }

    /// A sign of life to those who are in step with a run.
    pub(super) fn beat(&self, run: &str, bytes: &[u8]) {
        let listeners = self.listeners.borrow();
        for listener in listeners.iter().filter(|listener| listener.in_step.get() && listener.run == run) {
            if listener.outlet.has_room() {
                listener.outlet.beat(bytes);
            }
        }
    }

    /// A run is over: those who are in step take what is left, and go.
    pub(super) fn release(&self, run: &str) {
        for listener in self.listeners.borrow().iter().filter(|listener| listener.run == run) {
            listener.call(Call::Over);
        }
    }

    /// A run came to nothing: those who listen to it are told why, in frames that are not kept.
    pub(super) fn disappoint(&self, run: &str, frames: &[u8]) {
        for listener in self.listeners.borrow().iter().filter(|listener| listener.run == run) {
            listener.outlet.write(frames);
            listener.call(Call::Over);
        }
    }

    /// Lets go of all who listen through an outlet.
    pub(super) fn dismiss(&self, outlet: &Rc<dyn Outlet>) {
        for listener in self.listeners.borrow().iter() {
            if is_same(&listener.outlet, outlet) {
                listener.call(Call::Dismissed);
            }
        }
    }

    /// Whether somebody listens to a run through an outlet.
    pub(super) fn hears(&self, run: &str, outlet: &Rc<dyn Outlet>) -> bool {
        let listeners = self.listeners.borrow();
        listeners.iter().any(|listener| listener.run == run && is_same(&listener.outlet, outlet))
    }

    /// Somebody left a run. One that was asked for only as long as somebody listens ends with the last.
    pub(super) fn left(self: &Rc<Self>, run: &str) {
        let Some(going) = self.going(run).filter(|going| going.on_disconnect == OnDisconnect::Cancel) else { return };
        let hears = |listener: &Rc<Listener>| listener.run == run && listener.ended.get().is_none();
        if !self.listeners.borrow().iter().any(hears) {
            self.stop(&going);
        }
    }

    /// Stops a run, or takes it from those who wait.
    pub(super) fn stop(self: &Rc<Self>, going: &Rc<Going>) {
        let run = going.run.borrow().as_ref().map(|(run, drive)| (run.clone(), drive.clone()));
        match run {
            Some((run, drive)) => {
                run.stop();
                drive.abort();
            }
            None => self.give_up(&going.id),
        }
    }
}

impl Listener {
    fn call(&self, call: Call) {
        match call {
            Call::Gone => self.ended.set(Some(Heard::Left)),
            Call::Dismissed => self.ended.set(Some(Heard::Dismissed)),
            Call::Behind(_) | Call::Over => {}
        }
        if let Some(wake) = self.wake.take() {
            self.in_step.set(false);
            // Who has gone meanwhile is not called any more.
            let _ = wake.send(call);
        }
        // One that is catching up looks before each of its steps.
    }
}

fn is_same(one: &Rc<dyn Outlet>, other: &Rc<dyn Outlet>) -> bool {
    std::ptr::addr_eq(Rc::as_ptr(one), Rc::as_ptr(other))
}

/// Waits until a client has read what it was given; but not for ever.
async fn is_read(promise: Promise) -> bool {
    match select(pin!(settled(promise)), pin!(sleep(STALLED_CLIENT_MS))).await {
        Either::Left((read, _)) => read,
        Either::Right(_) => false,
    }
}
