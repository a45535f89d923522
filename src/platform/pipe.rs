//! The way from a provider's body to where its frames go: a reader that fills one buffer of ours, and for a
//! client the platform's own transform stream.
//!
//! One crossing in and at most one write out per network chunk. The loop is made of three closures
//! that live as long as the stream; a future per chunk would cost two promises and a task more.
//! Measured against the alternatives in `bench`; ARCHITECTURE.md has the table.
//!
//! Nothing is held back: a chunk's output is written before the next read begins. Back-pressure is
//! the transform stream's own: once [`ROOM`] bytes wait for the client, the next read waits for
//! the write.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use js_sys::{ArrayBuffer, Object, Promise, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{ReadableStream, ReadableStreamGetReaderOptions, ReadableStreamReaderMode};

use super::js::{ByobReader, IGNORE, IdentityTransformStream, ReadResult, Then, Writer};
use super::outlet::{Outlet, Taken};
use crate::models::{ChatError, ErrorKind};

/// What may wait for a client before its upstream is held back: 64 KB a stream are 64 MB for a
/// thousand streams that nobody reads, half of what an isolate has.
const ROOM: u32 = 64 * 1024;

/// The largest read. A read's cost is mostly per read, so large ones are cheap.
const BUFFER: u32 = 64 * 1024;

/// What to do once a chunk's output is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Read on.
    Go,
    /// Close the client's stream, and read on: the body may end in peace.
    Close,
    /// Read no more.
    Stop,
}

/// How a pump ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The body ended.
    Whole,
    /// The taker said so.
    Stopped,
    /// The body broke off.
    Broken,
    /// The client is gone.
    Gone,
}

/// A client's end of a stream.
pub struct Pipe {
    readable: ReadableStream,
    writer: Writer,
    /// The stream was closed or broken off; the promise of its last byte.
    closed: RefCell<Option<Promise>>,
}

impl Pipe {
    /// A stream for one client.
    pub fn new() -> Result<Self, ChatError> {
        let failed = |_: JsValue| ChatError::new(ErrorKind::Internal, "the runtime gives no transform stream");
        let strategy = Object::new();
        Reflect::set(&strategy, &"highWaterMark".into(), &ROOM.into()).map_err(failed)?;
        let stream = IdentityTransformStream::with_strategy(&strategy);
        let writer = stream.writable().get_writer().map_err(failed)?;
        let writer = JsValue::from(writer).unchecked_into();
        Ok(Pipe { readable: stream.readable(), writer, closed: RefCell::new(None) })
    }

    /// What the client reads.
    pub fn readable(&self) -> ReadableStream {
        self.readable.clone()
    }

    /// Waits until a closed stream has been read to its end, or its client has gone.
    pub async fn flushed(&self) {
        let closed = self.closed.borrow().clone();
        if let Some(promise) = closed {
            // A client that went is as good as one that has read.
            let _ = JsFuture::from(promise).await;
        }
    }

    fn is_closed(&self) -> bool {
        self.closed.borrow().is_some()
    }
}

impl Outlet for Pipe {
    fn write(&self, bytes: &[u8]) -> Taken {
        if bytes.is_empty() || self.is_closed() {
            return Taken::Room;
        }
        let Some(promise) = forget(self.writer.write(&Uint8Array::from(bytes))) else { return Taken::Gone };
        match self.writer.desired_size() {
            None => Taken::Gone,
            Some(room) if room <= 0.0 => Taken::Full(promise),
            Some(_) => Taken::Room,
        }
    }

    /// A client that left holds nothing up either.
    fn has_room(&self) -> bool {
        self.is_closed() || self.writer.desired_size().is_none_or(|size| size > 0.0)
    }

    fn close(&self) {
        if !self.is_closed() {
            self.closed.replace(forget(self.writer.close()));
        }
    }

    fn abort(&self) {
        self.closed.replace(forget(self.writer.abort(&JsValue::UNDEFINED)));
    }
}

/// Reads a body to its end; `take` gets each network chunk, and what it leaves in its second
/// argument goes to the outlet.
pub async fn pump(
    body: &ReadableStream,
    outlet: Rc<dyn Outlet>,
    take: impl FnMut(&[u8], &mut Vec<u8>) -> Flow + 'static,
) -> Ended {
    let options = ReadableStreamGetReaderOptions::new();
    options.set_mode(ReadableStreamReaderMode::Byob);
    let reader: ByobReader = JsValue::from(body.get_reader_with_options(&options)).unchecked_into();
    Pump::start(outlet, reader, Box::new(take)).await
}

/// Marks a promise as handled: how a write ended shows in the writer's state.
fn forget(promise: Result<Then, JsValue>) -> Option<Promise> {
    let promise = promise.ok()?;
    IGNORE.with(|ignore| promise.then(ignore, ignore));
    Some(JsValue::from(promise).unchecked_into())
}

type Take = Box<dyn FnMut(&[u8], &mut Vec<u8>) -> Flow>;

/// A running pump, to be awaited. Dropped, it stops, and lets go of everything at once.
struct Pump {
    state: Rc<State>,
    callbacks: Option<Callbacks>,
}

struct State {
    outlet: Rc<dyn Outlet>,
    reader: ByobReader,
    work: RefCell<Work>,
    functions: Functions,
    /// A read, or a write that the next read waits for, is under way: never both.
    waiting: Cell<bool>,
    ended: Cell<Option<Ended>>,
    waker: RefCell<Option<Waker>>,
}

/// What a chunk is worked on with.
struct Work {
    take: Take,
    /// The one buffer, while it is not out for a read.
    buffer: Option<ArrayBuffer>,
    input: Vec<u8>,
    output: Vec<u8>,
}

/// They know the state only weakly: what JavaScript may hold for long holds nothing of ours.
struct Callbacks(Vec<Closure<dyn FnMut(JsValue)>>);

/// The callbacks as JavaScript sees them.
struct Functions {
    on_read: JsValue,
    on_broken: JsValue,
    on_written: JsValue,
    on_gone: JsValue,
}

impl Pump {
    fn start(outlet: Rc<dyn Outlet>, reader: ByobReader, take: Take) -> Self {
        let buffer = Some(ArrayBuffer::new(BUFFER));
        let work = Work { take, buffer, input: Vec::new(), output: Vec::new() };
        let mut callbacks = Vec::new();
        let state = Rc::new_cyclic(|state| {
            let mut function = |work: fn(&State, JsValue)| {
                let callback = callback(state.clone(), work);
                let function = callback.as_ref().clone();
                callbacks.push(callback);
                function
            };
            let functions = Functions {
                on_read: function(|state, result| state.chunk(&result.unchecked_into())),
                on_broken: function(|state, _| state.end(Ended::Broken)),
                on_written: function(|state, _| state.read()),
                on_gone: function(|state, _| state.end(Ended::Gone)),
            };
            State {
                outlet,
                reader,
                work: RefCell::new(work),
                functions,
                waiting: Cell::new(false),
                ended: Cell::new(None),
                waker: RefCell::new(None),
            }
        });
        state.read();
        Pump { state, callbacks: Some(Callbacks(callbacks)) }
    }
}

fn callback(state: Weak<State>, work: fn(&State, JsValue)) -> Closure<dyn FnMut(JsValue)> {
    Closure::new(move |value| {
        if let Some(state) = state.upgrade() {
            state.waiting.set(false);
            work(&state, value);
        }
    })
}

impl State {
    /// Asks for the next chunk.
    fn read(&self) {
        let Some(buffer) = self.work.borrow_mut().buffer.take() else { return };
        match self.reader.read(&Uint8Array::new(&buffer)) {
            Ok(promise) => self.wait(&promise, &self.functions.on_read, &self.functions.on_broken),
            Err(_) => self.end(Ended::Broken),
        }
    }

    fn wait(&self, promise: &Then, fulfilled: &JsValue, rejected: &JsValue) {
        self.waiting.set(true);
        promise.then(fulfilled, rejected);
    }

    /// Takes a chunk and writes what becomes of it.
    fn chunk(&self, result: &ReadResult) {
        let Some(chunk) = result.value().filter(|_| !result.done()) else { return self.end(Ended::Whole) };
        let mut work = self.work.borrow_mut();
        let Work { take, buffer, input, output } = &mut *work;
        input.resize(chunk.length() as usize, 0);
        chunk.copy_to(input);
        *buffer = Some(chunk.buffer());
        output.clear();
        let flow = take(input, output);
        let taken = self.outlet.write(output);
        drop(work);
        self.go_on(flow, taken);
    }

    fn go_on(&self, flow: Flow, taken: Taken) {
        match (flow, taken) {
            (_, Taken::Gone) => self.end(Ended::Gone),
            // The client is slow: the next read waits until it has taken this write.
            (Flow::Go, Taken::Full(promise)) => {
                self.wait(&promise.unchecked_into(), &self.functions.on_written, &self.functions.on_gone);
            }
            (Flow::Go, Taken::Room) => self.read(),
            (Flow::Close, _) => {
                self.outlet.close();
                self.read();
            }
            (Flow::Stop, _) => self.end(Ended::Stopped),
        }
    }

    fn end(&self, how: Ended) {
        if self.ended.get().is_none() {
            self.ended.set(Some(how));
            if let Some(waker) = self.waker.take() {
                waker.wake();
            }
        }
    }
}

impl Drop for Pump {
    fn drop(&mut self) {
        if self.state.ended.get() != Some(Ended::Whole) {
            // Whoever writes the body is to know that nobody reads it, whether it hears of an abort or not.
            IGNORE.with(|ignore| self.state.reader.cancel().then(ignore, ignore));
        }
        self.state.end(Ended::Stopped);
        if let Some(callbacks) = self.callbacks.take().filter(|_| self.state.waiting.get()) {
            // One of them may still be called, or never be: the garbage collector will know.
            callbacks.0.into_iter().for_each(|callback| drop(callback.into_js_value()));
        }
    }
}

impl Future for Pump {
    type Output = Ended;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Ended> {
        match self.state.ended.get() {
            Some(ended) => Poll::Ready(ended),
            None => {
                self.state.waker.replace(Some(context.waker().clone()));
                Poll::Pending
            }
        }
    }
}
