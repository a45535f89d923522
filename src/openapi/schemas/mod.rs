//! Wire types: what stands in bodies, queries and events. They are never read or written; their names, fields and
//! comments are the document. Where the core has a type of the same form, that one is used.

pub mod answer;
pub mod assistants;
pub mod collections;
pub mod earlier;
pub mod error;
pub mod gateway;
pub mod message;
pub mod ollama;
pub mod operator;
pub mod request;
pub mod sessions;
pub mod vendors;
