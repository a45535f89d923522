//! A word from one request of an isolate to another.
//!
//! A channel does not do: what it wakes would be polled in the request that spoke, and may not use its own sockets and
//! timers there. A promise does: the runtime goes on with it in the request that it was made in.

use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;

use super::js;
use crate::models::{ChatError, ErrorKind};

/// Who is to give the word.
pub struct Pledge(js::Resolvers);

impl Pledge {
    /// A pledge, and what waits for it. Whoever waits needs a timer besides: the request of the one who is to speak may
    /// end, and the runtime breaks off a request that waits for nothing of its own.
    pub fn new() -> Result<(Self, impl Future<Output = Option<u32>>), ChatError> {
        let none = |_: JsValue| ChatError::new(ErrorKind::Internal, "the runtime gives no promise");
        let pledge = js::with_resolvers().map_err(none)?;
        let word = JsFuture::from(pledge.promise());
        Ok((Pledge(pledge), async { word.await.ok()?.as_f64().map(|number| number as u32) }))
    }

    /// Gives it. Only the first time counts.
    pub fn keep(&self, word: u32) {
        self.0.resolve(&JsValue::from(word));
    }
}
