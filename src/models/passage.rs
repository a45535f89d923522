use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Citation;

/// A piece of a document that was found for a question.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(not(target_arch = "wasm32"), derive(schemars::JsonSchema))]
pub struct Passage {
    /// The document's id.
    pub document: String,
    /// Which piece of it, from 0.
    pub chunk: u64,
    /// The document's title.
    pub title: Option<String>,
    /// The document's address.
    pub url: Option<String>,
    /// The piece itself.
    pub text: String,
    /// What its owner keeps beside the document.
    pub metadata: Map<String, Value>,
    /// How well it fits; only to be compared with others of one search.
    pub score: f64,
    /// Its place among those that have the words, from 1.
    pub keyword_rank: Option<u64>,
    /// Its place among those that mean the like, from 1.
    pub vector_rank: Option<u64>,
}

impl Passage {
    /// It as a source of an answer.
    pub fn citation(&self) -> Citation {
        Citation {
            url: self.url.clone().unwrap_or_default(),
            title: self.title.clone(),
            document: Some(self.document.clone()),
            ..Citation::default()
        }
    }
}
