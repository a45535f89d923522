//! What answers cost, and what the holder of a key may spend: prices, limits, an account as state, receipts and what
//! they add up to. In: tokens and the time. Out: where accounts are kept and who asks for them (see `service`).
//!
//! **Invariant:** what was used once is counted once, however often it is told.

mod account;
mod day;
mod limits;
mod prices;
mod queue;
mod receipt;
pub mod report;

pub use account::{Account, LEASE_MS, TOO_MANY_RUNS};
pub use day::{Days, day_of, month_of};
pub use limits::Limits;
pub use prices::Prices;
pub use queue::{Queue, Waiting};
pub use receipt::{Charge, Ended, Lines, Outcome, Receipt, Used};
