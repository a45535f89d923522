//! What Durable Objects keep, in SQLite: sessions with their runs, messages and frames, and a caller's list of
//! sessions. In: tables and statements. Out: when something is kept, and what it means (see `session`).

mod account;
mod cache;
mod collection;
mod index;
mod ledger;
mod messages;
mod ring;
mod runs;

pub use account::AccountStore;
pub use cache::CacheStore;
pub use collection::{CollectionRecord, CollectionStore, DocumentRow, Piece};
pub use index::{Entry, IndexStore};
pub use ledger::LedgerStore;
pub use ring::RingStore;
pub use runs::SessionStore;

use serde_json::Value;

use crate::models::{ChatError, ErrorKind};
use crate::platform::SqlValue;

/// A statement's text column.
fn text(value: Option<&SqlValue>) -> String {
    maybe_text(value).unwrap_or_default()
}

fn maybe_text(value: Option<&SqlValue>) -> Option<String> {
    match value {
        Some(SqlValue::String(text)) => Some(text.clone()),
        _ => None,
    }
}

/// A count or a time; what is none counts as 0.
fn number(value: Option<&SqlValue>) -> u64 {
    maybe_number(value).unwrap_or(0)
}

fn maybe_number(value: Option<&SqlValue>) -> Option<u64> {
    match value {
        Some(SqlValue::Integer(number)) => u64::try_from(*number).ok(),
        // What JavaScript counts comes as what it counts with.
        Some(SqlValue::Float(number)) if *number >= 0.0 => Some(*number as u64),
        _ => None,
    }
}

fn int(number: u64) -> SqlValue {
    SqlValue::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn json(text: &str) -> Result<Value, ChatError> {
    let unreadable = |_| ChatError::new(ErrorKind::Internal, "what is kept cannot be read");
    serde_json::from_str(text).map_err(unreadable)
}
