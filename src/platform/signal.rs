use wasm_bindgen::prelude::*;
use web_sys::{AbortController, AbortSignal};

use crate::models::{ChatError, ErrorKind};

/// Aborts one upstream request, from wherever the decision comes.
#[derive(Clone)]
pub struct Abort(AbortController);

impl Abort {
    /// A handle for one request.
    pub fn new() -> Result<Self, ChatError> {
        let controller = AbortController::new();
        controller.map(Abort).map_err(|_| ChatError::new(ErrorKind::Internal, "the runtime gives no abort controller"))
    }

    /// Aborts; a second time does nothing.
    pub fn abort(&self) {
        self.0.abort();
    }

    /// Aborts when it is dropped, unless it was disarmed: whatever becomes of the wait for an answer.
    pub fn guard(&self) -> Guard {
        Guard(Some(self.clone()))
    }

    /// What a fetch takes.
    pub fn signal(&self) -> AbortSignal {
        self.0.signal()
    }
}

/// Aborts when it is dropped.
pub struct Guard(Option<Abort>);

impl Guard {
    /// The answer came: what is left of it may be read on.
    pub fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(abort) = &self.0 {
            abort.abort();
        }
    }
}

/// Does something once when a signal fires, for as long as this lives.
pub struct OnAbort {
    signal: AbortSignal,
    listener: Closure<dyn FnMut()>,
}

impl OnAbort {
    /// Listens. A signal that has fired already calls at once.
    pub fn new(signal: AbortSignal, mut then: impl FnMut() + 'static) -> Self {
        if signal.aborted() {
            then();
        }
        let listener = Closure::new(then);
        // Only a listener that is no function could fail here.
        let _ = signal.add_event_listener_with_callback("abort", listener.as_ref().unchecked_ref());
        OnAbort { signal, listener }
    }
}

impl Drop for OnAbort {
    fn drop(&mut self) {
        let _ = self.signal.remove_event_listener_with_callback("abort", self.listener.as_ref().unchecked_ref());
    }
}
