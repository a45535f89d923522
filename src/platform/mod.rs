//! The worker's surroundings, thin: fetch with abort, a binding that answers like a fetch, the stream pump, clock, randomness,
//! variables, logging. In: JavaScript. Out: every decision.

mod binding;
mod clock;
mod fetch;
mod home;
mod js;
mod log;
mod object;
mod outlet;
mod pipe;
mod play;
mod pledge;
mod query;
mod signal;
mod vars;

pub use binding::{Binding, frames_of};
pub use clock::{Stopwatch, now_ms, sleep};
pub use fetch::{Answer, Fetched, send};
pub use home::{Home, Rows, Sql, SqlValue};
pub use js::{random, random_hex};
pub use log::log;
pub use object::Object;
pub use outlet::{Bell, Outlet, Socket, Taken, settled};
pub use pipe::{Ended, Flow, Pipe, pump};
pub use play::play;
pub use pledge::Pledge;
pub use query::{decoded, escaped, query};
pub use signal::{Abort, OnAbort};
pub use vars::{Env, Settings};
