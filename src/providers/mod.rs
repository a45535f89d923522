//! The catalogue: a provider is a dialect plus data. In: addresses, keys' names, models, quirks,
//! retry policy, the embedded demo's script. Out: connections, wire formats.

mod catalogue;
pub mod demo;
mod ollama;
mod openai;
mod openai_responses;
pub mod retry;
mod together;

pub use catalogue::{Catalogue, Models, Provider, Trace};

/// Reads one of the operator's variables.
pub type Vars<'a> = &'a dyn Fn(&str) -> Option<String>;
