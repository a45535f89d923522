//! The Durable Objects, as the runtime calls them: requests of the worker's to the use cases, and back. In:
//! paths, headers, statuses between the worker and its objects. Out: what a session does (see `service`).
//!
//! Nobody but the worker reaches an object, and it has found out who calls.

mod account;
mod cache;
mod collection;
mod keyring;
mod ledger;
mod list;
mod plain;
mod reply;
mod session;
