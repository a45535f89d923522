use serde_json::{Map, Value};

/// A request in its client's own words, for a provider that speaks the same language: nothing of it
/// need be lost on the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Native {
    /// The language.
    pub dialect: &'static str,
    /// What it says in headers beside the body.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Map<String, Value>,
    /// What of it the unified request has no room for.
    pub beyond: Vec<Beyond>,
}

/// A field that providers of other languages cannot be told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beyond {
    /// Where it stands: `messages[0].content[1]`.
    pub path: String,
    /// Whether the request would mean something else without it.
    pub essential: bool,
}
