//! The clock of a run: signs of life, and the end of a silence.

use super::{Run, gone};
use crate::models::{ChatError, ErrorKind};
use crate::platform::{Settings, sleep};
use crate::providers::retry::IDLE_TIMEOUT;
use crate::relay::Pace;

/// A client that takes nothing for so long is gone, or as good as gone.
pub const STALLED_CLIENT_MS: u64 = 300_000;

/// After its last frame a provider gets this long to end its body properly, which keeps the
/// connection for the next request. The client does not wait for it.
const GRACE_MS: u64 = 1_000;

/// The same where the client may be waiting for what follows.
const JOINT_GRACE_MS: u64 = 200;

/// The watch looks at least this often, so that it sees a run that has just finished.
const WATCH_MS: u64 = 1_000;

impl Run {
    /// Watches the clock: heartbeats while all is well. Ends with an error when the provider was
    /// silent for too long, and with nothing when a finished provider does not end its body.
    pub async fn watch(&self) -> Option<ChatError> {
        loop {
            let now = self.elapsed_ms();
            let grace = if self.is_joint() { JOINT_GRACE_MS } else { GRACE_MS };
            if self.at.finished.get().is_some_and(|at| now >= at.saturating_add(grace)) {
                return None;
            }
            if self.outlet.has_room() {
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
            let mut next = silent_until.saturating_sub(now).min(self.looks_every_ms()).min(self.settings.heartbeat_ms);
            if self.committed.get() && self.outlet.has_room() {
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

    fn looks_every_ms(&self) -> u64 {
        if self.is_joint() { JOINT_GRACE_MS } else { WATCH_MS }
    }

    /// How long the provider may send no frame: longer while it thinks, and while it says by
    /// comments that it is still there.
    fn patience(&self, now: u64) -> u64 {
        let Settings { idle_ms, thinking_ms, .. } = self.settings;
        let pace = self.with(|relay| relay.pace()).unwrap_or(Pace::Answering);
        let thinks = pace == Pace::Thinking || (self.thinks_first.get() && !self.began());
        let hums = self.at.bytes.get() > self.at.frame.get() && now < self.at.bytes.get().saturating_add(idle_ms);
        if thinks || hums { thinking_ms.max(idle_ms) } else { idle_ms }
    }
}

fn too_silent() -> ChatError {
    let mut error = ChatError::new(ErrorKind::Timeout, "the provider was silent for too long");
    error.code = Some(IDLE_TIMEOUT.to_owned());
    error
}
