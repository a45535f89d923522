//! Tributary: a streaming chat gateway at the edge.
//!
//! The map, from the inside out. Rooms above the line are pure: bytes and the time come in as
//! arguments, bytes and decisions go out; they compile on any target without a feature.
//!
//! * [`models`]: the unified request, events, usage, finish and error types
//! * [`framing`]: bytes to frames and back, bounded (server-sent events, NDJSON, one whole body)
//! * [`dialects`]: the wire languages of chat, one file or folder each
//! * [`providers`]: the catalogue (a provider is a dialect plus data), retry policy, the demo's script
//! * [`relay`]: framer, decoder and sinks in a row; exactly one terminal event, always last
//! * [`session`]: a session as state: who runs, what is kept and when, what a listener was given
//! * [`assistants`]: graphs of actions that produce an answer, and the tools that the gateway runs itself
//! * [`retrieval`]: finding passages in documents: division, comparison, ranking, vector stores' wire languages
//! * [`callers`]: who calls: the gateway's keys, and whose a session is
//! * [`guard`]: what prompts and answers must not have, however it is cut into pieces
//! * [`costs`]: what answers cost, and what the holder of a key may spend
//! * `openapi`: what the API looks like to machines, made from types; natively only, nothing of it ships
//!
//! Below the line is the shell, behind the feature `worker`:
//!
//! * `service`: use cases: open an upstream, stream or fold an answer; a session and its listeners
//! * `data`: what Durable Objects keep, in SQLite
//! * `objects`: the Durable Objects, as the runtime calls them
//! * `web`: routes, access, CORS; the only place that maps errors to HTTP towards clients
//! * `platform`: fetch with abort, the stream pump, an object's home, clock, randomness, variables, logging

pub mod assistants;
pub mod callers;
pub mod costs;
pub mod dialects;
pub mod framing;
pub mod guard;
pub mod models;
#[cfg(not(target_arch = "wasm32"))]
pub mod openapi;
pub mod providers;
pub mod relay;
pub mod retrieval;
pub mod session;

#[cfg(feature = "worker")]
mod data;
#[cfg(feature = "worker")]
mod objects;
#[cfg(feature = "worker")]
mod platform;
#[cfg(feature = "worker")]
mod service;
#[cfg(feature = "worker")]
mod web;
