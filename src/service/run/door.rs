//! Whether the caller was let in, which a run that asks its provider meanwhile does not know yet.

use std::cell::Cell;
use std::future::poll_fn;
use std::task::{Poll, Waker};

use super::Run;

/// Open, unless the run is still to be let in.
#[derive(Default)]
pub struct Door {
    is_closed: Cell<bool>,
    waiting: Cell<Option<Waker>>,
}

impl Run {
    /// Nothing of an answer is read until the run is let in.
    pub fn hold(&self) {
        self.door.is_closed.set(true);
    }

    /// The caller's limits allow the run.
    pub fn let_in(&self) {
        self.door.is_closed.set(false);
        if let Some(waker) = self.door.waiting.take() {
            waker.wake();
        }
    }

    /// Waits until the run is let in. One that is not is broken off.
    pub async fn is_let_in(&self) {
        poll_fn(|context| {
            if !self.door.is_closed.get() {
                return Poll::Ready(());
            }
            self.door.waiting.set(Some(context.waker().clone()));
            Poll::Pending
        })
        .await;
    }
}
