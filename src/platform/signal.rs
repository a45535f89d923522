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

    /// What a fetch takes.
    pub fn signal(&self) -> AbortSignal {
        self.0.signal()
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
