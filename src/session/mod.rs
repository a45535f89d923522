//! The session as pure state: who runs and who waits, what is kept and when, who has been given what, and
//! how much of a long conversation goes to a provider. In: commands and the time. Out: effects, which the
//! shell around it carries out.
//!
//! **Invariant:** what anybody was given is kept. Frames go into the store before they go to a listener, and
//! a listener is given each frame once, in order, whatever joins, leaves, lags or comes back.

mod cursor;
mod desk;
mod ear;
mod history;
mod log;
mod message;
mod record;

pub use cursor::Cursor;
pub use desk::{Desk, Keyed, Verdict};
pub use ear::Ear;
pub use history::{chain, fit, settle};
pub use log::{Log, Row};
pub use message::{messages, notice};
pub use record::{RunRecord, SessionRecord, Status};
