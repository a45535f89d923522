//! The catalogue: a provider is a dialect plus data. In: addresses, keys' names, models, quirks,
//! aliases, retry policy, which targets keep failing, the embedded demo's script. Out: connections, wire formats.

mod anthropic;
mod catalogue;
pub mod demo;
mod demo_acts;
mod gemini;
pub mod health;
mod ollama;
mod openai;
mod openai_responses;
pub mod prices;
pub mod retry;
mod routes;
mod together;
pub mod trail;
mod workers_ai;

pub use catalogue::{Catalogue, Models, Provider, Trace};

/// Reads one of the operator's variables.
pub type Vars<'a> = &'a dyn Fn(&str) -> Option<String>;
