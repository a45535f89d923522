//! Where the frames of a run go: a client's stream, a client's socket, a session's log.

use std::cell::{Cell, RefCell};

use futures_channel::oneshot;
use js_sys::Promise;
use wasm_bindgen_futures::JsFuture;

/// Takes whole frames, in order.
pub trait Outlet {
    /// Takes frames, behind all that it took before.
    fn write(&self, bytes: &[u8]) -> Taken;

    /// Takes a sign of life, which is no frame.
    fn beat(&self, bytes: &[u8]) {
        self.write(bytes);
    }

    /// Whether whoever reads keeps up.
    fn has_room(&self) -> bool;

    /// Ends the stream; a second time does nothing.
    fn close(&self);

    /// Breaks the stream off: nobody reads it.
    fn abort(&self);
}

/// What became of a write.
pub enum Taken {
    /// There is room for more.
    Room,
    /// It is the last for now: the promise is kept once it has been read, or broken when its reader is gone.
    Full(Promise),
    /// Nobody reads any more.
    Gone,
}

/// Waits for a promise; false if it was broken.
pub async fn settled(promise: Promise) -> bool {
    JsFuture::from(promise).await.is_ok()
}

/// Something that happens once, and that several may wait for.
pub struct Bell<T> {
    rung: RefCell<Option<T>>,
    waiting: RefCell<Vec<oneshot::Sender<T>>>,
}

impl<T> Default for Bell<T> {
    fn default() -> Self {
        Bell { rung: RefCell::new(None), waiting: RefCell::default() }
    }
}

impl<T: Clone> Bell<T> {
    /// It happens. A second time counts as the first.
    pub fn ring(&self, value: T) {
        if self.rung.borrow().is_some() {
            return;
        }
        self.rung.replace(Some(value.clone()));
        for waiting in self.waiting.take() {
            // Who does not wait any more does not hear it.
            let _ = waiting.send(value.clone());
        }
    }

    /// What happened, once it has.
    pub fn rung(&self) -> Option<T> {
        self.rung.borrow().clone()
    }

    /// Waits until it happens; nothing if it never will.
    pub async fn heard(&self) -> Option<T> {
        if let Some(value) = self.rung() {
            return Some(value);
        }
        let (tell, told) = oneshot::channel();
        self.waiting.borrow_mut().push(tell);
        told.await.ok()
    }
}

/// Frames to messages: gives each of them.
type Write = fn(&[u8], &mut dyn FnMut(&str));

/// When the runtime last answered a socket's client by itself.
type AnsweredAt = Box<dyn Fn(&worker::WebSocket) -> Option<u64>>;

/// A client's WebSocket: every frame is a message.
///
/// The runtime does not tell how much waits in a socket, so one whose client says nothing is given up after
/// [`Socket::MOST_UNHEARD`] bytes: it comes back with the last id that it saw, and has lost nothing.
pub struct Socket {
    socket: worker::WebSocket,
    unheard: Cell<usize>,
    gone: Cell<bool>,
    write: Write,
    answered_at: AnsweredAt,
    heard_at: Cell<Option<u64>>,
}

impl Socket {
    /// 4 MB are the events of some twenty thousand tokens; thirty such sockets are what an object can hold.
    pub const MOST_UNHEARD: usize = 4 << 20;

    /// A socket, and how frames become messages.
    pub fn new(
        socket: worker::WebSocket,
        write: Write,
        answered_at: impl Fn(&worker::WebSocket) -> Option<u64> + 'static,
    ) -> Self {
        let (unheard, gone, heard_at) = (Cell::new(0), Cell::new(false), Cell::new(None));
        Socket { socket, unheard, gone, write, answered_at: Box::new(answered_at), heard_at }
    }

    /// Its client said something, so it is there and reads.
    pub fn heard(&self) {
        self.unheard.set(0);
    }

    /// Sends one message.
    pub fn send(&self, text: &str) {
        self.unheard.set(self.unheard.get().saturating_add(text.len()));
        if self.unheard.get() > Self::MOST_UNHEARD && !self.was_answered() {
            return self.give_up(1013, "nothing was heard from the client for too long: send a ping now and then");
        }
        if !self.gone.get() && self.socket.send_with_str(text).is_err() {
            self.gone.set(true);
        }
    }

    /// Whether the runtime has answered a ping of the client since this was last asked.
    fn was_answered(&self) -> bool {
        let at = (self.answered_at)(&self.socket);
        let news = at.is_some() && self.heard_at.replace(at) != at;
        if news {
            self.unheard.set(0);
        }
        news
    }

    /// Closes it, with a code and the reason.
    pub fn give_up(&self, code: u16, reason: &str) {
        if !self.gone.replace(true) {
            // One that is closed already is closed all the same.
            let _ = self.socket.close(Some(code), Some(reason));
        }
    }
}

impl Outlet for Socket {
    fn write(&self, bytes: &[u8]) -> Taken {
        (self.write)(bytes, &mut |message| self.send(message));
        if self.gone.get() { Taken::Gone } else { Taken::Room }
    }

    /// The protocol of sockets has its own.
    fn beat(&self, _: &[u8]) {}

    fn has_room(&self) -> bool {
        true
    }

    /// A run is over; the socket is there for the next one.
    fn close(&self) {}

    fn abort(&self) {
        self.give_up(1001, "the session was closed");
    }
}
